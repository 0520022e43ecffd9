//! PV-I038.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_rbac::Resource;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::table::{Names, Reach, Row, judge_table};
use crate::{Check, Cx, OnObject, Verdict};

/// Roles that may change the labels of namespaces.
///
/// ## Why
/// Pod Security, admission policies, NetworkPolicies and service meshes choose namespaces by their
/// labels: whoever may write these sets `pod-security.kubernetes.io/enforce` to `privileged`, or
/// enters by the selector of another policy.
///
/// ## Fix
/// Leave namespaces to the administrators or the GitOps controller. Creating one is another right,
/// `create`, which does not change those that are there.
#[check(
    id = "PV-I038",
    severity = Medium,
    scope = Related,
    on = [ROLE, CLUSTER_ROLE, CLUSTER_ROLE_BINDING],
    reads = [ROLE_BINDING]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct NamespaceChangePermission {}

const TABLE: &[Row] = &[Row {
    verbs: &["update", "patch"],
    on: &[Resource::new("", "namespaces")],
    names: Names::Lower,
    gives: "switch off Pod Security and other policies there, which labels decide",
    severity: Severity::Medium,
    reach: Reach::Namespace,
}];

impl Check for NamespaceChangePermission {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        judge_table(object, cx, TABLE)
    }
}
