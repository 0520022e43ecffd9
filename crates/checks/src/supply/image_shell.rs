//! PV-S024.

use pavisade_macros::check;
use pavisade_snapshot::{Image, Notable};
use schemars::JsonSchema;
use serde::Deserialize;

use super::image::holds;
use crate::{Check, Cx, OnImageFact, Verdict};

/// Images with a shell.
///
/// ## Why
/// Most attacks end in a shell: what is injected into a command runs only where there is one. A program
/// that starts no commands needs none.
///
/// ## Fix
/// Build in one stage, and copy what runs to a base without a shell (distroless, `scratch`). Debug with
/// `kubectl debug`, which brings its own tools.
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
