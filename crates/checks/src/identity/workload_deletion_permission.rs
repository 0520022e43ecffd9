//! PV-I079.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::rules::Resource;
use super::table::{Names, Reach, Row, judge_with_wildcards};
use crate::{Check, Cx, OnObject, Verdict};

/// Roles that may delete workloads.
///
/// ## Why
/// Whoever deletes Deployments, StatefulSets or the pods of a namespace stops what runs there;
/// `deletecollection` does so by one request.
///
/// ## Fix
/// Give `delete` on the kinds that the holder itself makes, in a Role of their namespace, and leave
/// `deletecollection` out.
#[check(
    id = "PV-I079",
    severity = Low,
    audience = Strict,
    scope = Related,
    on = [ROLE, CLUSTER_ROLE, CLUSTER_ROLE_BINDING],
    reads = [ROLE_BINDING]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WorkloadDeletionPermission {}

const TABLE: &[Row] = &[Row {
    verbs: &["delete", "deletecollection"],
    on: &[
        Resource::new("apps", "deployments"),
        Resource::new("apps", "statefulsets"),
        Resource::new("apps", "daemonsets"),
        Resource::new("apps", "replicasets"),
        Resource::new("batch", "jobs"),
        Resource::new("batch", "cronjobs"),
        Resource::new("", "replicationcontrollers"),
        Resource::new("", "pods"),
    ],
    names: Names::Lower,
    gives: "stop what runs there",
    severity: Severity::Low,
    reach: Reach::Namespace,
}];

impl Check for WorkloadDeletionPermission {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        judge_with_wildcards(object, cx, TABLE)
    }
}
