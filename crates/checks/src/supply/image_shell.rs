//! PV-S024.

use pavisade_macros::check;
use pavisade_snapshot::{Image, Notable};
use schemars::JsonSchema;
use serde::Deserialize;

use super::image::holds;
use crate::{Check, Cx, OnImageFact, Verdict};

/// Shell in the image
///
/// ## Why
/// Many attacks need a shell: command injection works only if there is one. A program that runs no
/// commands does not need it.
///
/// ## Fix
/// Use a multi-stage build, and copy only what is needed at run time to a base image without a
/// shell (distroless, `scratch`). For debugging, use `kubectl debug`, which adds its own tools.
#[check(id = "PV-S024", severity = Low, audience = Strict, scope = World, facts = [Images])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ImageShell {}

impl Check for ImageShell {
    type On = OnImageFact;

    fn check<'a>(&self, image: &'a Image, _: &Cx<'a>) -> Verdict<'a> {
        holds(image, Notable::Shell, "a shell")
    }
}
