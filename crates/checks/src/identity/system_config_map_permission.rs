//! PV-I039.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_rbac::Resource;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::table::{Names, Reach, Row, judge_with_wildcards};
use crate::{Check, Cx, OnObject, Verdict};

/// Roles that may change the ConfigMaps of `kube-system`.
///
/// ## Why
/// There is the configuration of DNS (whoever writes it answers for every name in the cluster), on
/// EKS the map from cloud identities to groups such as `system:masters`, and the authorities that
/// aggregated API servers believe.
///
/// ## Fix
/// Grant `update` in the namespaces that are needed by RoleBindings, or name the ConfigMaps in
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
    gives: "change the configuration of DNS and of the mapping from cloud identities to groups",
    severity: Severity::Medium,
    reach: Reach::Within("kube-system"),
}];

impl Check for SystemConfigMapPermission {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        judge_with_wildcards(object, cx, TABLE)
    }
}
