//! PV-I032.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_rbac::Resource;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::table::{Names, Reach, Row, judge_with_wildcards};
use crate::{Check, Cx, OnObject, Verdict};

/// Roles that may delete events.
///
/// ## Why
/// Events tell what ran, failed and was pulled; whoever breaks in deletes them to hide it. Events
/// end by themselves after an hour, so hardly a program needs the right.
///
/// ## Fix
/// Remove `delete` and `deletecollection` on `events`; to report something, `create` and `patch`
/// suffice. Keep events and the audit log outside of the cluster.
#[check(
    id = "PV-I032",
    severity = Low,
    audience = Strict,
    scope = Related,
    on = [ROLE, CLUSTER_ROLE, CLUSTER_ROLE_BINDING],
    reads = [ROLE_BINDING]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EventDeletionPermission {}

const TABLE: &[Row] = &[Row {
    verbs: &["delete", "deletecollection"],
    on: &[Resource::new("", "events"), Resource::new("events.k8s.io", "events")],
    names: Names::Lower,
    gives: "remove the traces of what was done",
    severity: Severity::Low,
    reach: Reach::Namespace,
}];

impl Check for EventDeletionPermission {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        judge_with_wildcards(object, cx, TABLE)
    }
}
