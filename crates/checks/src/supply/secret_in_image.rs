//! PV-S025.

use pavisade_macros::check;
use pavisade_snapshot::{Image, SecretPlace};
use schemars::JsonSchema;
use serde::Deserialize;

use super::image::{claims, inspected, made_by, named, verdict};
use crate::{Check, Claim, Cx, OnImageFact, Place, Verdict};

/// Secret in an image layer
///
/// ## Why
/// Anyone who can pull the image can read the secret. A later layer that deletes or replaces the
/// file does not remove it from the layer below, which is pulled too.
///
/// ## Fix
/// Revoke the secret. Pass it to the build as a secret mount (`RUN --mount=type=secret`), and to
/// the container as a Secret.
#[check(id = "PV-S025", severity = High, secret = true, scope = World, facts = [Images])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SecretInImage {}

impl Check for SecretInImage {
    type On = OnImageFact;

    fn check<'a>(&self, image: &'a Image, _: &Cx<'a>) -> Verdict<'a> {
        inspected(image, |found| {
            let is_file = |place: &SecretPlace| matches!(place, SecretPlace::File { .. });
            let claims = claims(found, is_file, |secret| {
                let SecretPlace::File { path, layer, line, removed } = &secret.place else {
                    return Claim::fails(Place::Nowhere, named(secret));
                };
                let mut message = format!("{} on line {line} of `/{path}`", named(secret));
                if *removed {
                    message.push_str(", which a later layer deletes or replaces");
                }
                let made = made_by(image, *layer);
                match (layer, &*made) {
                    (None, _) => {}
                    (Some(at), "") => message.push_str(&format!(", in layer {at}")),
                    (Some(at), made) => message.push_str(&format!(", in layer {at} from {made}")),
                }
                Claim::fails(Place::Layer(image.location(*layer, path).into()), message)
            });
            verdict(found, claims)
        })
    }
}
