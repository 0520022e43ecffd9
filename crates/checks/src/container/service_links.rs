//! PV-C038.

use pavisade_macros::check;
use pavisade_snapshot::Pod;
use schemars::JsonSchema;
use serde::Deserialize;

use super::field::boolean;
use crate::{Check, Claim, Cx, OnPod, Place, Verdict};

/// Pods that are told of all Services of their namespace.
///
/// ## Why
/// Every container gets the addresses and ports of all Services there as environment variables: a
/// map for whoever breaks in, variables that clash with a program's own settings, and slow starts
/// in large namespaces. DNS tells the same to those who ask.
///
/// ## Fix
/// Set `enableServiceLinks: false`, unless a program reads such variables.
#[check(id = "PV-C038", severity = Low, audience = Strict, scope = Object, fixable = Riskily)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ServiceLinks {}

impl Check for ServiceLinks {
    type On = OnPod;

    fn check<'a>(&self, pod: Pod<'a>, _: &Cx<'a>) -> Verdict<'a> {
        let place = Place::field(pod.spec(), &["enableServiceLinks"]);
        match boolean(pod.spec(), &["enableServiceLinks"]) {
            Ok(Some((false, _))) => Verdict::Holds,
            // The API server writes the default into pods, not into templates.
            Ok(Some((true, _)) | None) => Claim::fails(
                place,
                "the pod gets the addresses of all Services of its namespace: \
                 `enableServiceLinks: false` is not set",
            )
            .set(false)
            .into(),
            Err(wrong) => wrong.into(),
        }
    }
}
