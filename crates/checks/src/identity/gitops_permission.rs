//! PV-I042.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_rbac::Resource;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::table::{Names, Reach, Row, WRITE, judge_table};
use crate::{Check, Cx, OnObject, Verdict};

/// Roles that may tell a GitOps controller what to apply.
///
/// ## Why
/// The controllers of Argo CD, Flux and k3s mostly run as cluster-admin and apply what such an
/// object names: whoever writes one does what the controller may do.
///
/// ## Fix
/// Limit what the controller does for others: Argo CD by AppProjects without `*`, Flux by
/// `serviceAccountName` and `--default-service-account`. Grant these kinds only where their writers
/// may do as much anyway.
#[check(
    id = "PV-I042",
    severity = Medium,
    audience = Strict,
    scope = Related,
    on = [ROLE, CLUSTER_ROLE, CLUSTER_ROLE_BINDING],
    reads = [ROLE_BINDING]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GitopsPermission {}

const TABLE: &[Row] = &[
    Row {
        verbs: WRITE,
        on: &[Resource::new("helm.cattle.io", "helmcharts")],
        names: Names::Lower,
        gives: "install charts with the rights of the controller, which is cluster-admin",
        severity: Severity::High,
        reach: Reach::Namespace,
    },
    Row {
        verbs: WRITE,
        on: &[Resource::new("argoproj.io", "appprojects")],
        names: Names::Lower,
        gives: "widen what Argo CD may apply, and where",
        severity: Severity::Medium,
        reach: Reach::Namespace,
    },
    Row {
        verbs: WRITE,
        on: &[
            Resource::new("argoproj.io", "applications"),
            Resource::new("argoproj.io", "applicationsets"),
        ],
        names: Names::Lower,
        gives: "apply objects with the rights of Argo CD",
        severity: Severity::Medium,
        reach: Reach::Namespace,
    },
    Row {
        verbs: WRITE,
        on: &[
            Resource::new("kustomize.toolkit.fluxcd.io", "kustomizations"),
            Resource::new("helm.toolkit.fluxcd.io", "helmreleases"),
        ],
        names: Names::Lower,
        gives: "apply objects with the rights of Flux",
        severity: Severity::Medium,
        reach: Reach::Namespace,
    },
];

impl Check for GitopsPermission {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        judge_table(object, cx, TABLE)
    }
}
