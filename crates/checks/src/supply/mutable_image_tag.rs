//! PV-S001.

use pavisade_macros::check;
use pavisade_snapshot::Container;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::image::{self, Image};
use crate::{Check, Claim, Cx, OnContainer, Verdict};

/// Containers whose image is named by a tag that moves with every build.
///
/// ## Why
/// `latest`, no tag at all, and tags such as `main` or `stable` mean another image tomorrow: what
/// was tested is not what runs, and whoever can push to the registry decides what the next pod is.
///
/// ## Fix
/// Name the version and the digest: `registry.example.com/app:1.4.2@sha256:…`.
#[check(id = "PV-S001", severity = Medium, scope = Object)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MutableImageTag {}

impl Check for MutableImageTag {
    type On = OnContainer;

    fn check<'a>(&self, container: Container<'a>, _: &Cx<'a>) -> Verdict<'a> {
        let place = container.at(&["image"]).unwrap_or(container.value());
        let reference = match image::of(container) {
            Image::Reference(reference) => reference,
            Image::Absent => return Verdict::NotApplicable,
            Image::Unclear(why) => return Verdict::unknown(place, why),
        };
        if !reference.moves() {
            return Verdict::Holds;
        }
        let (image, name) = (container.image(), container.name());
        match reference.tag {
            Some(tag) => Claim::fails(
                place,
                format!("image `{image}` of container `{name}` has the tag `{tag}`, which moves"),
            ),
            None => Claim::fails(
                place,
                format!("image `{image}` of container `{name}` has no tag, which means `latest`"),
            ),
        }
        .into()
    }
}
