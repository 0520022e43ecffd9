//! PV-N001.

use pavisade_macros::check;
use pavisade_netpol::Direction;
use pavisade_snapshot::Pod;
use schemars::JsonSchema;
use serde::Deserialize;

use super::policy::unrestricted;
use crate::{Check, Cx, OnPod, Verdict};

/// No ingress NetworkPolicy
///
/// ## Why
/// A pod that no policy selects accepts connections from every other pod in the cluster: one
/// compromised container can reach all of them.
///
/// ## Fix
/// Add a NetworkPolicy with `policyTypes: [Ingress]` to the namespace that selects all pods and
/// allows nothing, then add one for each connection that is needed.
#[check(
    id = "PV-N001",
    severity = Medium,
    confidence = Medium,
    together = Namespace,
    scope = Related,
    reads = [..NETWORK_POLICIES, NAMESPACE]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnrestrictedIngress {}

impl Check for UnrestrictedIngress {
    type On = OnPod;

    fn check<'a>(&self, pod: Pod<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        unrestricted(pod, Direction::Ingress, "every pod in the cluster can connect to them", cx)
    }
}
