//! PV-I080.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_rbac::Resource;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::table::{Names, Reach, Row, WRITE, judge_table};
use crate::{Check, Cx, OnObject, Verdict};

/// Roles that may change ClusterTrustBundles.
///
/// ## Why
/// Pods mount such a bundle to know which servers and clients to believe. Whoever writes one adds an
/// authority of its own, and answers in the name of any server that these pods call.
///
/// ## Fix
/// Leave bundles to the program of their signer, which needs `attest` on that signer besides, and
/// name the bundles in `resourceNames`.
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
    gives: "add an authority that pods believe",
    severity: Severity::Medium,
    reach: Reach::Cluster,
}];

impl Check for TrustBundlePermission {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        judge_table(object, cx, TABLE)
    }
}
