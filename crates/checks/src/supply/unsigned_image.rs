//! PV-S030.

use pavisade_macros::check;
use pavisade_snapshot::{Image, Signature};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Cx, OnImageFact, Place, Verdict};

/// Unsigned image
///
/// ## Why
/// Without a signature, anyone who can push to the registry can replace the image. `signatures` in the
/// configuration specifies which images must be signed, and by whom.
///
/// ## Fix
/// Sign the image in the build (with `pavisade sign`, cosign, or attestations of the build service),
/// and deploy it by its digest.
#[check(id = "PV-S030", severity = High, scope = World, facts = [Images])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnsignedImage {}

impl Check for UnsignedImage {
    type On = OnImageFact;

    fn check<'a>(&self, image: &'a Image, _: &Cx<'a>) -> Verdict<'a> {
        match &image.signature {
            None | Some(Signature::Exempt) => Verdict::NotApplicable,
            Some(Signature::Unsigned) => {
                let message = "the image has no signature, but the policy requires one";
                Verdict::fails(Place::Nowhere, message)
            }
            Some(Signature::Verified(_) | Signature::Refused(_)) => Verdict::Holds,
            Some(Signature::Unknown(why)) => Verdict::unknown(Place::Nowhere, why.as_str()),
        }
    }
}
