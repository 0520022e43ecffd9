//! PV-S023.

use pavisade_macros::check;
use pavisade_snapshot::{Image, Notable};
use schemars::JsonSchema;
use serde::Deserialize;

use super::image::holds;
use crate::{Check, Cx, OnImageFact, Verdict};

/// Package manager in the image
///
/// ## Why
/// An attacker who gets into the container can install tools with it. It also adds packages that
/// must be updated.
///
/// ## Fix
/// Use a multi-stage build, and copy only what is needed at run time to a base image without a
/// package manager (distroless, `scratch`).
#[check(id = "PV-S023", severity = Low, audience = Strict, scope = World, facts = [Images])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ImagePackageManager {}

impl Check for ImagePackageManager {
    type On = OnImageFact;

    fn check<'a>(&self, image: &'a Image, _: &Cx<'a>) -> Verdict<'a> {
        holds(image, Notable::PackageManager, "a package manager")
    }
}
