//! PV-S023.

use pavisade_macros::check;
use pavisade_snapshot::{Image, Notable};
use schemars::JsonSchema;
use serde::Deserialize;

use super::image::{inspection, verdict};
use crate::{Check, Claim, Cx, OnImageFact, Place, Verdict};

/// Images with a package manager.
///
/// ## Why
/// Whoever gets into the container installs with it what an attack needs, and it brings packages of its
/// own that have to be updated.
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
        let found = match inspection(image) {
            Ok(found) => found,
            Err(unknown) => return unknown,
        };
        let paths: Vec<_> =
            found.notable(Notable::PackageManager).map(|f| format!("`/{}`", f.path)).collect();
        let claim = (!paths.is_empty()).then(|| {
            Claim::fails(
                Place::Nowhere,
                format!("the image holds a package manager: {}", paths.join(", ")),
            )
        });
        verdict(found, claim.into_iter().collect())
    }
}
