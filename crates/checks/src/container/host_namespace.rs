//! PV-C002.

use pavisade_macros::check;
use pavisade_snapshot::Pod;
use schemars::JsonSchema;
use serde::Deserialize;

use super::field::boolean;
use crate::{Check, Claim, Cx, OnPod, Verdict};

/// Pods that share a namespace of their node.
///
/// ## Why
/// In the node's network no NetworkPolicy counts, the node's own services on `127.0.0.1` answer,
/// and traffic of other pods can be seen. Among the node's processes a container finds their
/// environment and their files. With the node's IPC it reads the shared memory of others.
///
/// ## Fix
/// Remove `hostNetwork`, `hostPID` and `hostIPC`. Publish ports with a Service.
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
    ("hostNetwork", "is in the network of its node: NetworkPolicies do not reach it"),
    ("hostPID", "sees the processes of its node, with their environment and files"),
    ("hostIPC", "shares memory and semaphores with the processes of its node"),
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
