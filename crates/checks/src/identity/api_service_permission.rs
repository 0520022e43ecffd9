//! PV-I035.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_rbac::Resource;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::table::{Names, Reach, Row, judge_table};
use crate::{Check, Cx, OnObject, Verdict};

/// Roles that may change APIServices.
///
/// ## Why
/// An APIService sends all requests of an API group to a server of its own: whoever writes one
/// answers in place of the metrics server or of a policy engine, and sees what is asked and by
/// whom.
///
/// ## Fix
/// Leave APIServices to the administrators or the GitOps controller. A program that only renews its
/// own certificate needs `update` on its own APIService by `resourceNames`.
#[check(
    id = "PV-I035",
    severity = High,
    scope = Related,
    on = [ROLE, CLUSTER_ROLE, CLUSTER_ROLE_BINDING],
    reads = [ROLE_BINDING]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ApiServicePermission {}

const API_SERVICES: Resource = Resource::new("apiregistration.k8s.io", "apiservices");

const TABLE: &[Row] = &[
    Row {
        verbs: &["update", "patch"],
        on: &[API_SERVICES],
        names: Names::Excuse,
        gives: "answer the requests of API groups by a server of its own",
        severity: Severity::High,
        reach: Reach::Cluster,
    },
    // The server makes those of its own groups itself.
    Row {
        verbs: &["create"],
        on: &[API_SERVICES],
        names: Names::Excuse,
        gives: "answer the requests of API groups that nothing serves yet",
        severity: Severity::Medium,
        reach: Reach::Cluster,
    },
];

impl Check for ApiServicePermission {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        judge_table(object, cx, TABLE)
    }
}
