//! PV-I033.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_rbac::Resource;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::table::{Names, Reach, Row, judge_table};
use crate::{Check, Cx, OnObject, Verdict};

/// Role can change nodes
///
/// ## Why
/// Labels and taints determine where pods run: with one compromised node, an attacker can attract
/// Secrets to it. Addresses in `nodes/status` tell the API server where a kubelet is: it sends
/// `exec`, logs and port-forwards there, even to another server if it does not verify kubelets.
///
/// ## Fix
/// Only kubelets (through the Node authorizer and the NodeRestriction admission plugin) and control
/// plane controllers should change nodes. An agent that must mark its node can use a `NodeFeature`,
/// or an annotation that a central controller sets.
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
        gives: "redirect connections from the API server to kubelets, through the addresses of a \
                node",
        severity: Severity::Medium,
        reach: Reach::Cluster,
    },
    Row {
        verbs: &["create", "update", "patch"],
        on: &[Resource::new("", "nodes")],
        names: Names::Lower,
        gives: "attract pods to a chosen node, with labels and taints",
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
