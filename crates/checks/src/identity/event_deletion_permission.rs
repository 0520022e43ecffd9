//! PV-I032.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_rbac::Resource;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::table::{Names, Reach, Row, judge_with_wildcards};
use crate::{Check, Cx, OnObject, Verdict};

/// Role can delete events
///
/// ## Why
/// Events record what ran, failed and was pulled. An attacker can delete them to hide traces.
/// Events expire after an hour, so programs rarely need to delete them.
///
/// ## Fix
/// Remove `delete` and `deletecollection` on `events`. To report events, `create` and `patch` are
/// enough. Store events and the audit log outside the cluster.
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
    gives: "remove traces of an attack",
    severity: Severity::Low,
    reach: Reach::Namespace,
}];

impl Check for EventDeletionPermission {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        judge_with_wildcards(object, cx, TABLE)
    }
}
