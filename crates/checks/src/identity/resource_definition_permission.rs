//! PV-I036.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_rbac::Resource;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::table::{Names, Reach, Row, judge_table};
use crate::{Check, Cx, OnObject, Verdict};

/// Roles that may change or delete CustomResourceDefinitions.
///
/// ## Why
/// With a definition all its objects are deleted, and what controllers made from them. A conversion
/// webhook in it sees and changes every object of the kind as it is read and written.
///
/// ## Fix
/// Install definitions with the rights of administrators or the GitOps controller, and let operators
/// read them. Where an operator must write its own, name them in `resourceNames`.
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
    gives: "change or delete every custom resource, with all that controllers made from it",
    severity: Severity::Medium,
    reach: Reach::Cluster,
}];

impl Check for ResourceDefinitionPermission {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        judge_table(object, cx, TABLE)
    }
}
