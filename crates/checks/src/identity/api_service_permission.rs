//! PV-I035.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_rbac::Resource;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::table::{Names, Reach, Row, judge_table};
use crate::{Check, Cx, OnObject, Verdict};

/// Role can change APIServices
///
/// ## Why
/// Anyone who can create or change an APIService can impersonate, for example, the metrics server
/// or a policy engine, and sees who requests what: it forwards all requests for an API group to
/// another server.
///
/// ## Fix
/// Only administrators or the GitOps controller should change APIServices. A program that renews
/// its own certificate needs `update` only on its own APIService, limited by `resourceNames`.
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
        gives: "answer the requests for API groups with its own server",
        severity: Severity::High,
        reach: Reach::Cluster,
    },
    // The server creates those of its own groups itself.
    Row {
        verbs: &["create"],
        on: &[API_SERVICES],
        names: Names::Excuse,
        gives: "answer the requests for API groups that are not served yet",
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
