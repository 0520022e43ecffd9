//! PV-I039.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_rbac::Resource;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::table::{Names, Reach, Row, judge_with_wildcards};
use crate::{Check, Cx, OnObject, Verdict};

/// Role can change ConfigMaps in kube-system
///
/// ## Why
/// They contain the DNS configuration (anyone who can change it can answer for every name in the
/// cluster), on EKS the mapping from cloud identities to groups such as `system:masters`, and the
/// CAs that aggregated API servers trust.
///
/// ## Fix
/// Grant `update` in the namespaces that need it with RoleBindings, or list the ConfigMaps in
/// `resourceNames`. Leader election needs Leases, not ConfigMaps.
#[check(
    id = "PV-I039",
    severity = Medium,
    audience = Strict,
    scope = Related,
    on = [ROLE, CLUSTER_ROLE, CLUSTER_ROLE_BINDING],
    reads = [ROLE_BINDING]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SystemConfigMapPermission {}

const TABLE: &[Row] = &[Row {
    verbs: &["update", "patch"],
    on: &[Resource::new("", "configmaps")],
    names: Names::These(&[
        "aws-auth",
        "coredns",
        "coredns-custom",
        "extension-apiserver-authentication",
        "kube-dns",
        "kube-proxy",
        "kubeadm-config",
        "kubelet-config",
    ]),
    gives: "change the DNS configuration and the mapping from cloud identities to groups",
    severity: Severity::Medium,
    reach: Reach::Within("kube-system"),
}];

impl Check for SystemConfigMapPermission {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        judge_with_wildcards(object, cx, TABLE)
    }
}
