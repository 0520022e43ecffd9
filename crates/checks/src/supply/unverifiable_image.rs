//! PV-S031.

use pavisade_macros::check;
use pavisade_snapshot::{Image, Signature};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Cx, OnImageFact, Place, Verdict};

/// Images whose signatures the policy does not accept.
///
/// ## Why
/// A signature of somebody else, or one that is broken or proves too little, says nothing about where
/// the image comes from. It may also show that somebody has replaced the image.
///
/// ## Fix
/// Look at each step with `pavisade verify IMAGE --explain`. Sign the image with a key or identity that
/// the policy names, or add the signer to `signatures` in the configuration.
#[check(id = "PV-S031", severity = High, scope = World, facts = [Images])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnverifiableImage {}

impl Check for UnverifiableImage {
    type On = OnImageFact;

    fn check<'a>(&self, image: &'a Image, _: &Cx<'a>) -> Verdict<'a> {
        match &image.signature {
            // An image without signatures is the other check's.
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
