//! PV-S026.

use pavisade_macros::check;
use pavisade_snapshot::{Image, SecretPlace};
use schemars::JsonSchema;
use serde::Deserialize;

use super::image::{claims, configured, named, odd};
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
        configured(image, |found, configuration| {
            let word = |place: &SecretPlace| match place {
                SecretPlace::Environment => Some("the environment"),
                SecretPlace::Label => Some("a label"),
                SecretPlace::Command => Some("the command"),
                SecretPlace::File { .. } | SecretPlace::History { .. } => None,
            };
            let mut all = claims(
                found,
                |place| word(place).is_some(),
                |secret| {
                    let place = word(&secret.place).unwrap_or_default();
                    Claim::fails(
                        Place::Nowhere,
                        format!("{} in {place} of the image", named(secret)),
                    )
                },
            );
            // Working directory, ports and user contain no secrets.
            let odd_fields = configuration
                .odd
                .iter()
                .filter(|field| matches!(field.as_str(), "Env" | "Labels" | "Entrypoint" | "Cmd"));
            all.extend(
                odd_fields.map(|field| Claim::unknown(Place::Nowhere, odd(field)).instance(field)),
            );
            Verdict::from_claims(all)
        })
    }
}
