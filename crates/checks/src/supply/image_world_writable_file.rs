//! PV-S022.

use pavisade_macros::check;
use pavisade_snapshot::{Image, Notable};
use schemars::JsonSchema;
use serde::Deserialize;

use super::image::{inspected, made_by, verdict};
use crate::{Check, Claim, Cx, OnImageFact, Place, Verdict};

/// Files and folders of images that every user may change.
///
/// ## Why
/// Any user in the container can replace what others run or read there. Folders for
/// temporary files have the sticky bit, and are not meant.
///
/// ## Fix
/// Take the right away in the Dockerfile (`RUN chmod -R o-w PATH`), and give what the program must write
/// to its own user. `readOnlyRootFilesystem: true` in the pod keeps all of them from being changed.
#[check(id = "PV-S022", severity = Low, scope = World, facts = [Images])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ImageWorldWritableFile {}

impl Check for ImageWorldWritableFile {
    type On = OnImageFact;

    fn check<'a>(&self, image: &'a Image, _: &Cx<'a>) -> Verdict<'a> {
        inspected(image, |found| {
            let claims = found.notable(Notable::WorldWritable).map(|file| {
                let mut message = match file.below {
                    0 => format!("every user may change `/{}`", file.path),
                    1 => format!("every user may change `/{}` and a file in it", file.path),
                    below => {
                        format!("every user may change `/{}` and {below} files in it", file.path)
                    }
                };
                let made = made_by(image, file.layer);
                if !made.is_empty() {
                    message.push_str(&format!(", from {made}"));
                }
                Claim::fails(Place::Layer(image.location(file.layer, &file.path).into()), message)
            });
            verdict(found, claims.collect())
        })
    }
}
