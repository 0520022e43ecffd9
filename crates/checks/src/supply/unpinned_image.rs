//! PV-S002.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use super::untrusted_registry::covers;
use crate::{Check, Cx, NamedImage, OnImage, Verdict};
use pavisade_images::reference::{self as image, Image};

/// Images with a version tag and no digest.
///
/// ## Why
/// A tag is a name that its registry can give to another image; only a digest says what runs. A
/// tag that moves by its name (`latest`) is left to `mutable-image-tag`.
///
/// ## Fix
/// Add the digest behind the tag (`app:1.4.2@sha256:…`); update tools keep both current.
#[check(id = "PV-S002", severity = Low, together = Image, audience = Strict, scope = Object)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnpinnedImage {
    /// Registries, or repositories below one, whose tags cannot be moved; written as in the
    /// parameter `allowed` of `untrusted-registry`.
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
                let message = format!("{named} has no digest: its registry can replace it");
                Verdict::fails(place, message)
            }
            Image::Absent => Verdict::NotApplicable,
            Image::Unclear(why) => match image::broken_digest(named.text()) {
                Some(digest) => Verdict::fails(
                    place,
                    format!("{named} has no digest: `{digest}` is none, so no kubelet can pull it"),
                ),
                None => Verdict::unknown(place, why),
            },
        }
    }
}
