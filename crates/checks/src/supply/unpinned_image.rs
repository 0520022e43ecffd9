//! PV-S002.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use super::untrusted_registry::covers;
use crate::{Check, Cx, NamedImage, OnImage, Verdict};
use pavisade_images::reference::{self as image, Image};

/// Image without a digest
///
/// ## Why
/// A registry can move a tag to another image; only a digest identifies the content.
/// `mutable-image-tag` reports tags that are expected to move, such as `latest`.
///
/// ## Fix
/// Add the digest of the tag (`app:1.4.2@sha256:…`). Update tools keep both current.
#[check(id = "PV-S002", severity = Low, scope = Object)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnpinnedImage {
    /// Registries or repositories with immutable tags, in the format of the parameter `allowed` of
    /// `untrusted-registry`.
    exempt: Vec<String>,
}

impl Check for UnpinnedImage {
    type On = OnImage;

    fn check<'a>(&self, named: NamedImage<'a>, _: &Cx<'a>) -> Verdict<'a> {
        let place = named.place();
        match named.image() {
            Image::Reference(reference) if reference.digest.is_some() => Verdict::Holds,
            Image::Reference(reference) if reference.moves() => Verdict::NotApplicable,
            Image::Reference(reference)
                if self.exempt.iter().any(|entry| covers(entry, reference)) =>
            {
                Verdict::Holds
            }
            Image::Reference(_) => {
                let message = format!("{named} has no digest, so the registry can replace it");
                Verdict::fails(place, message)
            }
            Image::Absent => Verdict::NotApplicable,
            Image::Unclear(why) => match image::broken_digest(named.text()) {
                Some(digest) => Verdict::fails(
                    place,
                    format!(
                        "{named} has no valid digest: `{digest}` is not one, so the kubelet \
                         cannot pull it"
                    ),
                ),
                None => Verdict::unknown(place, why),
            },
        }
    }
}
