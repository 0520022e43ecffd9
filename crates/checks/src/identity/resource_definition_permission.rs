//! PV-I036.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_rbac::Resource;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::table::{Names, Reach, Row, judge_table};
use crate::{Check, Cx, OnObject, Verdict};

/// Role can change CustomResourceDefinitions
///
/// ## Why
/// Deleting a definition deletes all its objects, and what controllers created for them. A
/// conversion webhook in it can read and change every object of that kind.
///
/// ## Fix
/// Install CustomResourceDefinitions with administrator permissions or the GitOps controller, and
/// let operators only read them. If an operator must write its own, list them in `resourceNames`.
#[check(
    id = "PV-I036",
    severity = Medium,
    audience = Strict,
    scope = Related,
    on = [ROLE, CLUSTER_ROLE, CLUSTER_ROLE_BINDING],
    reads = [ROLE_BINDING]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ResourceDefinitionPermission {}

const TABLE: &[Row] = &[Row {
    verbs: &["update", "patch", "delete", "deletecollection"],
    on: &[Resource::new("apiextensions.k8s.io", "customresourcedefinitions")],
    names: Names::Excuse,
    gives: "change or delete all custom resources, and everything that controllers created for \
            them",
    severity: Severity::Medium,
    reach: Reach::Cluster,
}];

impl Check for ResourceDefinitionPermission {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        judge_table(object, cx, TABLE)
    }
}
