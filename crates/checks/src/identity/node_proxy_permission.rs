//! PV-I002.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_rbac::{Resource, Rules};
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::judged::judge;
use super::power::Power;
use crate::{Check, Cx, OnObject, Verdict};

/// Role grants nodes/proxy
///
/// ## Why
/// The single verb `get` on `nodes/proxy` allows running commands in every pod on the node, without
/// admission control and without an audit event for `exec`, because the kubelet authorizes a
/// WebSocket connection to its `exec` endpoint as `get nodes/proxy`.
///
/// ## Fix
/// Grant only the subresources of the kubelet API that are needed, such as `nodes/metrics`,
/// `nodes/stats`, `nodes/log`, and as of Kubernetes 1.33 `nodes/pods`, `nodes/healthz` and
/// `nodes/configz`.
#[check(
    id = "PV-I002",
    severity = Critical,
    scope = Related,
    on = [ROLE, CLUSTER_ROLE, CLUSTER_ROLE_BINDING],
    reads = [ROLE_BINDING]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct NodeProxyPermission {}

const NODE_PROXY: Resource = Resource::new("", "nodes/proxy");

impl Check for NodeProxyPermission {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        judge(object, cx, |rules: &Rules<'a>| {
            // Update and delete reach no endpoint of the kubelet.
            let grant = rules.grant(&["get", "create"], NODE_PROXY);
            let gives = "run commands in every pod on a node through its kubelet";
            let power = grant.map(|g| Power::new(&g, Severity::Critical, gives).cluster_scoped());
            power.into_iter().collect()
        })
    }
}
