//! PV-C038.

use pavisade_macros::check;
use pavisade_snapshot::Pod;
use schemars::JsonSchema;
use serde::Deserialize;

use super::field::boolean;
use crate::{Check, Claim, Cx, OnPod, Place, Verdict};

/// Service environment variables are enabled
///
/// ## Why
/// Every container gets the addresses and ports of all Services in its namespace as environment
/// variables. They show an attacker the environment, may clash with settings of the program, and
/// slow down the start of containers in large namespaces. DNS provides the same information.
///
/// ## Fix
/// Set `enableServiceLinks: false`, unless a program reads these variables.
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
            // The API server sets the default in pods, but not in templates.
            Ok(Some((true, _)) | None) => Claim::fails(
                place,
                "the pod gets environment variables for all Services in its namespace: \
                 `enableServiceLinks: false` is not set",
            )
            .set(false)
            .into(),
            Err(wrong) => wrong.into(),
        }
    }
}
