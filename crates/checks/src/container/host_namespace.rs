//! PV-C002.

use pavisade_macros::check;
use pavisade_snapshot::Pod;
use schemars::JsonSchema;
use serde::Deserialize;

use super::field::boolean;
use crate::{Check, Claim, Cx, OnPod, Verdict};

/// Pod shares host namespaces
///
/// ## Why
/// With `hostNetwork`, NetworkPolicies do not apply, services of the node that listen on
/// `127.0.0.1` are reachable, and traffic of other pods can be captured. With `hostPID`, a
/// container can read the environment and files of the node's processes. With `hostIPC`, it can
/// read shared memory of other processes.
///
/// ## Fix
/// Remove `hostNetwork`, `hostPID` and `hostIPC`. Expose ports with a Service.
#[check(
    id = "PV-C002",
    severity = High,
    scope = Object,
    parts = ["hostPID", "hostIPC", "hostNetwork"]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct HostNamespace {}

const NAMESPACES: [(&str, &str); 3] = [
    ("hostNetwork", "uses the network of its node, where NetworkPolicies do not apply"),
    ("hostPID", "sees the processes of its node, including their environment and files"),
    ("hostIPC", "shares memory and semaphores with processes of its node"),
];

impl Check for HostNamespace {
    type On = OnPod;

    fn check<'a>(&self, pod: Pod<'a>, _: &Cx<'a>) -> Verdict<'a> {
        Verdict::from_claims(NAMESPACES.into_iter().filter_map(|(field, effect)| {
            let claim = match boolean(pod.spec(), &[field]) {
                Ok(Some((true, place))) => {
                    Claim::fails(place, format!("`{field}: true`: the pod {effect}"))
                }
                Ok(_) => return None,
                Err(wrong) => wrong.into(),
            };
            Some(claim.part(field))
        }))
    }
}
