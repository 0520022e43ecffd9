//! PV-S020.

use pavisade_macros::check;
use pavisade_snapshot::Image;
use schemars::JsonSchema;
use serde::Deserialize;

use super::image::{configured, odd};
use crate::{Check, Cx, OnImageFact, Place, Verdict};

/// Image runs as root
///
/// ## Why
/// A container runs as the user of its image unless the pod overrides it. As root, it can change
/// every file in the container, and an escape gives root on the node.
///
/// ## Fix
/// Set `USER` in the Dockerfile to a number other than 0 (`USER 10001:10001`), or `runAsUser` and
/// `runAsNonRoot` in the pod.
#[check(id = "PV-S020", severity = Medium, scope = World, facts = [Images])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ImageRunsAsRoot {}

impl Check for ImageRunsAsRoot {
    type On = OnImageFact;

    fn check<'a>(&self, image: &'a Image, _: &Cx<'a>) -> Verdict<'a> {
        configured(image, |_, configuration| {
            let user = &configuration.user;
            match configuration.runs_as_root() {
                Some(true) if user.is_empty() => {
                    Verdict::fails(Place::Nowhere, "the image sets no user, so it runs as root")
                }
                Some(true) => Verdict::fails(Place::Nowhere, format!("the image runs as `{user}`")),
                Some(false) => Verdict::Holds,
                None if configuration.odd.iter().any(|field| field == "User") => {
                    Verdict::unknown(Place::Nowhere, odd("User"))
                }
                None => {
                    let why = format!("the user `{user}` is not in the image's `/etc/passwd`");
                    Verdict::unknown(Place::Nowhere, why)
                }
            }
        })
    }
}
