//! PV-I033.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_rbac::Resource;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::table::{Names, Reach, Row, judge_table};
use crate::{Check, Cx, OnObject, Verdict};

/// Roles that may change nodes.
///
/// ## Why
/// Labels and taints decide where pods run: whoever holds one node makes Secrets come to it. The
/// addresses in `nodes/status` tell the API server where a kubelet is: it sends `exec`, logs and
/// port-forwards there, to another server too unless it verifies kubelets.
///
/// ## Fix
/// Leave nodes to the kubelets (Node authorizer and the admission plugin NodeRestriction) and the
/// controllers of the control plane. An agent that must mark its node can use a `NodeFeature` or an
/// annotation that a central controller writes.
#[check(
    id = "PV-I033",
    severity = Medium,
    scope = Related,
    on = [ROLE, CLUSTER_ROLE, CLUSTER_ROLE_BINDING],
    reads = [ROLE_BINDING]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct NodeChangePermission {}

const TABLE: &[Row] = &[
    Row {
        verbs: &["update", "patch"],
        on: &[Resource::new("", "nodes/status")],
        names: Names::Lower,
        gives: "send the connections of the API server to kubelets elsewhere, by the addresses of a node",
        severity: Severity::Medium,
        reach: Reach::Cluster,
    },
    Row {
        verbs: &["create", "update", "patch"],
        on: &[Resource::new("", "nodes")],
        names: Names::Lower,
        gives: "steer pods to a node of its choice, by labels and taints",
        severity: Severity::Medium,
        reach: Reach::Cluster,
    },
];

impl Check for NodeChangePermission {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        judge_table(object, cx, TABLE)
    }
}
