//! PV-S021.

use pavisade_macros::check;
use pavisade_snapshot::{Image, Notable};
use schemars::JsonSchema;
use serde::Deserialize;

use super::image::{inspected, made_by, verdict};
use crate::{Check, Claim, Cx, OnImageFact, Place, Verdict};

/// Programs in images that run with the rights of their owner or group.
///
/// ## Why
/// A program with the setuid or setgid bit runs with the rights of its owner, no matter who starts it: a
/// mistake in it leads from the user of the container to root. Few containers need `su`, `mount` or `passwd`.
///
/// ## Fix
/// Take the bits away in the Dockerfile (`RUN chmod ug-s FILE`), remove the package, or build the image
/// on a base without such programs. `allowPrivilegeEscalation: false` in the pod makes the bits
/// ineffective.
#[check(id = "PV-S021", severity = Low, audience = Strict, scope = World, facts = [Images])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ImageSetuidProgram {}

impl Check for ImageSetuidProgram {
    type On = OnImageFact;

    fn check<'a>(&self, image: &'a Image, _: &Cx<'a>) -> Verdict<'a> {
        inspected(image, |found| {
            let mut claims = Vec::new();
            for (why, word) in [(Notable::SetUser, "setuid"), (Notable::SetGroup, "setgid")] {
                claims.extend(found.notable(why).map(|file| {
                    let message = match &*made_by(image, file.layer) {
                        "" => format!("`/{}` is {word}", file.path),
                        made => format!("`/{}` is {word}, from {made}", file.path),
                    };
                    let place = Place::Layer(image.location(file.layer, &file.path).into());
                    Claim::fails(place, message).instance(word)
                }));
            }
            verdict(found, claims)
        })
    }
}
