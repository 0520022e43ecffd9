//! PV-N002.

use pavisade_macros::check;
use pavisade_snapshot::Pod;
use schemars::JsonSchema;
use serde::Deserialize;

use super::policy::{Direction, unrestricted};
use crate::{Check, Cx, OnPod, Verdict};

/// Pods that no NetworkPolicy restricts for outgoing traffic.
///
/// ## Why
/// Code that runs in such a pod reaches every other pod, the node's metadata service and the
/// internet: it loads tools, asks for credentials and carries data out.
///
/// ## Fix
/// Add a NetworkPolicy with `policyTypes: [Egress]` to the namespace: one that selects all pods
/// and allows only DNS, then one for each connection that is needed.
#[check(
    id = "PV-N002",
    severity = Low,
    confidence = Medium,
    audience = Strict,
    together = Namespace,
    scope = Related,
    reads = [..NETWORK_POLICIES, NAMESPACE]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnrestrictedEgress {}

impl Check for UnrestrictedEgress {
    type On = OnPod;

    fn check<'a>(&self, pod: Pod<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        unrestricted(pod, Direction::Egress, "whoever runs code in them reaches every address", cx)
    }
}
