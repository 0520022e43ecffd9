//! PV-I042.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_rbac::Resource;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::table::{Names, Reach, Row, WRITE, judge_table};
use crate::{Check, Cx, OnObject, Verdict};

/// Role can control a GitOps controller
///
/// ## Why
/// The controllers of Argo CD, Flux and k3s usually run as cluster-admin and apply what these
/// objects refer to. Anyone who can create them has the permissions of the controller.
///
/// ## Fix
/// Limit the permissions that the controller uses: in Argo CD with AppProjects without `*`, in Flux
/// with `serviceAccountName` and `--default-service-account`. Grant these kinds only to users who
/// have the same permissions anyway.
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
        gives: "install charts with the permissions of the controller, which is cluster-admin",
        severity: Severity::High,
        reach: Reach::Namespace,
    },
    Row {
        verbs: WRITE,
        on: &[Resource::new("argoproj.io", "appprojects")],
        names: Names::Lower,
        gives: "extend what Argo CD can apply, and where",
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
        gives: "apply objects with the permissions of Argo CD",
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
        gives: "apply objects with the permissions of Flux",
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
