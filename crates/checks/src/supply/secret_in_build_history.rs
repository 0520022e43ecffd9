//! PV-S027.

use pavisade_macros::check;
use pavisade_snapshot::{Image, SecretPlace};
use schemars::JsonSchema;
use serde::Deserialize;

use super::image::{claims, configured, named};
use crate::{Check, Claim, Cx, OnImageFact, Place, Verdict};

/// Secret in the image build history
///
/// ## Why
/// An image stores the instructions that built it, including build arguments: anyone who can pull
/// the image can read them with `docker history`.
///
/// ## Fix
/// Revoke the secret. Pass it to the build as a secret mount (`RUN --mount=type=secret`) instead of
/// a build argument or a part of a command.
#[check(id = "PV-S027", severity = High, secret = true, scope = World, facts = [Images])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SecretInBuildHistory {}

impl Check for SecretInBuildHistory {
    type On = OnImageFact;

    fn check<'a>(&self, image: &'a Image, _: &Cx<'a>) -> Verdict<'a> {
        configured(image, |found, _| {
            let is_history = |place: &SecretPlace| matches!(place, SecretPlace::History { .. });
            Verdict::from_claims(claims(found, is_history, |secret| {
                let step = match &secret.place {
                    SecretPlace::History { step, .. } => format!("step {step} of the build"),
                    _ => "the build".to_owned(),
                };
                let message = format!("{} in {step}, which is stored in the image", named(secret));
                Claim::fails(Place::Nowhere, message)
            }))
        })
    }
}
