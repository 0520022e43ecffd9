//! PV-S023.

use pavisade_macros::check;
use pavisade_snapshot::{Image, Notable};
use schemars::JsonSchema;
use serde::Deserialize;

use super::image::holds;
use crate::{Check, Cx, OnImageFact, Verdict};

/// Images with a package manager.
///
/// ## Why
/// An attacker who gets into the container installs the tools of an attack with it, and it brings
/// packages of its own that have to be updated.
///
/// ## Fix
/// Build in one stage, and copy what runs to a base without a package manager (distroless, `scratch`).
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
