//! PV-S022.

use pavisade_macros::check;
use pavisade_snapshot::{Image, Notable};
use schemars::JsonSchema;
use serde::Deserialize;

use super::image::{inspected, made_by, verdict};
use crate::{Check, Claim, Cx, OnImageFact, Place, Verdict};

/// World-writable file in the image
///
/// ## Why
/// Any user in the container can replace what others run or read. Directories with the sticky bit,
/// such as those for temporary files, are not reported.
///
/// ## Fix
/// Remove the permission in the Dockerfile (`RUN chmod -R o-w PATH`), and make the user of the
/// program the owner of files that it must write. `readOnlyRootFilesystem: true` in the pod
/// prevents all changes.
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
                    0 => format!("`/{}` is writable by every user", file.path),
                    1 => format!("`/{}` and a file in it are writable by every user", file.path),
                    below => {
                        format!(
                            "`/{}` and {below} files in it are writable by every user",
                            file.path
                        )
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
