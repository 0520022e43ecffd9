//! PV-N002.

use pavisade_macros::check;
use pavisade_netpol::Direction;
use pavisade_snapshot::Pod;
use schemars::JsonSchema;
use serde::Deserialize;

use super::policy::unrestricted;
use crate::{Check, Cx, OnPod, Verdict};

/// No egress NetworkPolicy
///
/// ## Why
/// Code in such a pod can reach every other pod, the metadata service of the node and the internet:
/// an attacker can download tools, obtain credentials and exfiltrate data.
///
/// ## Fix
/// Add a NetworkPolicy with `policyTypes: [Egress]` to the namespace that selects all pods and
/// allows only DNS, then add one for each connection that is needed.
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
        unrestricted(pod, Direction::Egress, "code in them can connect to every address", cx)
    }
}
