//! PV-I080.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_rbac::Resource;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::table::{Names, Reach, Row, WRITE, judge_table};
use crate::{Check, Cx, OnObject, Verdict};

/// Role can change ClusterTrustBundles
///
/// ## Why
/// Pods mount trust bundles to verify servers and clients. Anyone who can change one can add a CA
/// and impersonate any server that these pods connect to.
///
/// ## Fix
/// Grant access only to the program that manages the bundles of its signer, which also needs
/// `attest` on that signer, and list the bundles in `resourceNames`.
#[check(
    id = "PV-I080",
    severity = Medium,
    scope = Related,
    on = [ROLE, CLUSTER_ROLE, CLUSTER_ROLE_BINDING],
    reads = [ROLE_BINDING]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TrustBundlePermission {}

const TABLE: &[Row] = &[Row {
    verbs: WRITE,
    on: &[Resource::new("certificates.k8s.io", "clustertrustbundles")],
    names: Names::Excuse,
    gives: "add a CA that pods trust",
    severity: Severity::Medium,
    reach: Reach::Cluster,
}];

impl Check for TrustBundlePermission {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        judge_table(object, cx, TABLE)
    }
}
