//! PV-O006.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Cx, OnEvery, Place, Verdict};

/// Text that a reader of the file sees and the cluster does not.
///
/// ## Why
/// Of equal keys only the last counts, and what stands behind a document's end (`...`) is dropped
/// in silence. A reviewer approves what never reaches the cluster: a security context that is
/// overridden below, a policy that is never applied.
///
/// ## Fix
/// Remove the key that does not count, or begin a new document with `---`.
#[check(id = "PV-O006", severity = Medium, scope = Object, files_only = true)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnseenText {}

impl Check for UnseenText {
    type On = OnEvery;

    fn check<'a>(&self, object: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        Verdict::from_claims(object.unseen().iter().map(|unseen| {
            let place = Place::Bytes(object.value(), unseen.span);
            Claim::fails(place, unseen.message.clone()).instance(unseen.message.clone())
        }))
    }
}
