//! PV-S021.

use pavisade_macros::check;
use pavisade_snapshot::{Image, Notable};
use schemars::JsonSchema;
use serde::Deserialize;

use super::image::{inspected, made_by, verdict};
use crate::{Check, Claim, Cx, OnImageFact, Place, Verdict};

/// Setuid or setgid program in the image
///
/// ## Why
/// A program with the setuid or setgid bit runs with the permissions of its owner or group, whoever
/// starts it. A vulnerability in it can turn the user of the container into root. Few containers
/// need `su`, `mount` or `passwd`.
///
/// ## Fix
/// Remove the bits in the Dockerfile (`RUN chmod ug-s FILE`), remove the package, or use a base
/// image without such programs. `allowPrivilegeEscalation: false` in the pod makes the bits
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
