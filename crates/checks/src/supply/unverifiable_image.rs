//! PV-S031.

use pavisade_macros::check;
use pavisade_snapshot::{Image, Signature};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Cx, OnImageFact, Place, Verdict};

/// Image signature is not accepted by the policy
///
/// ## Why
/// A signature from an unknown signer, or one that is broken or proves too little, does not prove where
/// the image comes from. It may also mean that the image was replaced.
///
/// ## Fix
/// Run `pavisade verify IMAGE --explain` to see each step. Sign the image with a key or identity in the
/// policy, or add the signer to `signatures` in the configuration.
#[check(id = "PV-S031", severity = High, scope = World, facts = [Images])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnverifiableImage {}

impl Check for UnverifiableImage {
    type On = OnImageFact;

    fn check<'a>(&self, image: &'a Image, _: &Cx<'a>) -> Verdict<'a> {
        match &image.signature {
            // PV-S030 reports images without signatures.
            None | Some(Signature::Exempt | Signature::Unsigned) => Verdict::NotApplicable,
            Some(Signature::Refused(why)) => {
                let message = format!("no signature of the image is accepted: {why}");
                Verdict::fails(Place::Nowhere, message)
            }
            Some(Signature::Verified(_)) => Verdict::Holds,
            Some(Signature::Unknown(why)) => Verdict::unknown(Place::Nowhere, why.as_str()),
        }
    }
}
