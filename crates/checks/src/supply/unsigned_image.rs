//! PV-S030.

use pavisade_macros::check;
use pavisade_snapshot::{Image, Signature};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Cx, OnImageFact, Place, Verdict};

/// Images that nobody has signed, though the policy asks for it.
///
/// ## Why
/// Without a signature, an image is whatever the last one who could push to the registry put there.
/// `signatures` in the configuration says which images must be signed, and by whom.
///
/// ## Fix
/// Sign the image where it is built (`pavisade sign`, cosign, or the build service's attestations),
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
                let message = "the image has no signature, and the policy asks for one";
                Verdict::fails(Place::Nowhere, message)
            }
            Some(Signature::Verified(_) | Signature::Refused(_)) => Verdict::Holds,
            Some(Signature::Unknown(why)) => Verdict::unknown(Place::Nowhere, why.as_str()),
        }
    }
}
