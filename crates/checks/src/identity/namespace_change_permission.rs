//! PV-I038.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_rbac::Resource;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::table::{Names, Reach, Row, judge_table};
use crate::{Check, Cx, OnObject, Verdict};

/// Role can change namespace labels
///
/// ## Why
/// Pod Security, admission policies, NetworkPolicies and service meshes select namespaces by label.
/// Anyone who can change labels can set `pod-security.kubernetes.io/enforce` to `privileged`, or
/// match the selector of another policy.
///
/// ## Fix
/// Only administrators or the GitOps controller should change namespaces. The permission to create
/// namespaces (`create`) is separate, and does not allow changes to existing ones.
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
    gives: "disable Pod Security and other policies that select by label",
    severity: Severity::Medium,
    reach: Reach::Namespace,
}];

impl Check for NamespaceChangePermission {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        judge_table(object, cx, TABLE)
    }
}
