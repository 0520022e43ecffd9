//! PV-I040.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_rbac::Resource;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::table::{Names, Reach, Row, judge_table};
use crate::{Check, Cx, OnObject, Verdict};

/// Role can change leases of the control plane
///
/// ## Why
/// Anyone who can take over the leases in `kube-system` can stop the controller manager or the
/// scheduler. A node whose lease in `kube-node-lease` is not renewed is considered dead, and its
/// pods are evicted.
///
/// ## Fix
/// Grant Leases in the namespace of the program that elects a leader, with a Role instead of a
/// ClusterRole.
#[check(
    id = "PV-I040",
    severity = Low,
    audience = Strict,
    scope = Related,
    on = [ROLE, CLUSTER_ROLE, CLUSTER_ROLE_BINDING],
    reads = [ROLE_BINDING]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LeasePermission {}

const TABLE: &[Row] = &[
    Row {
        verbs: &["update", "patch", "delete", "deletecollection"],
        on: &[Resource::new("coordination.k8s.io", "leases")],
        names: Names::These(&["kube-controller-manager", "kube-scheduler"]),
        gives: "stop the controller manager and the scheduler",
        severity: Severity::Low,
        reach: Reach::Within("kube-system"),
    },
    Row {
        verbs: &["update", "patch", "delete", "deletecollection"],
        on: &[Resource::new("coordination.k8s.io", "leases")],
        names: Names::Excuse,
        gives: "make nodes appear dead",
        severity: Severity::Low,
        reach: Reach::Within("kube-node-lease"),
    },
];

impl Check for LeasePermission {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        judge_table(object, cx, TABLE)
    }
}
