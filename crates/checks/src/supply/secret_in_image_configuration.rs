//! PV-S026.

use pavisade_macros::check;
use pavisade_snapshot::{Image, SecretPlace};
use schemars::JsonSchema;
use serde::Deserialize;

use super::image::{claims, inspection, named};
use crate::{Check, Claim, Cx, OnImageFact, Place, Verdict};

/// Secret in the image configuration
///
/// ## Why
/// The image configuration is plain text: anyone who can pull the image, or view it in a registry,
/// can read it, and so can every process in the container.
///
/// ## Fix
/// Revoke the secret. Remove it from `ENV`, `LABEL`, `ENTRYPOINT` and `CMD`, and pass it to the
/// container as a Secret.
#[check(id = "PV-S026", severity = High, secret = true, scope = World, facts = [Images])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SecretInImageConfiguration {}

impl Check for SecretInImageConfiguration {
    type On = OnImageFact;

    fn check<'a>(&self, image: &'a Image, _: &Cx<'a>) -> Verdict<'a> {
        let found = match inspection(image) {
            Ok(found) => found,
            Err(unknown) => return unknown,
        };
        if found.configuration.is_none() {
            return Verdict::NotApplicable;
        }
        let word = |place: &SecretPlace| match place {
            SecretPlace::Environment => Some("the environment"),
            SecretPlace::Label => Some("a label"),
            SecretPlace::Command => Some("the command"),
            SecretPlace::File { .. } | SecretPlace::History { .. } => None,
        };
        Verdict::from_claims(claims(
            found,
            |place| word(place).is_some(),
            |secret| {
                let place = word(&secret.place).unwrap_or_default();
                Claim::fails(Place::Nowhere, format!("{} in {place} of the image", named(secret)))
            },
        ))
    }
}
