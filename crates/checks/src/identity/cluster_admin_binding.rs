//! PV-I001.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_rbac::{Subject, builtin};
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::public::{Bound, Worth};
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Binding to cluster-admin
///
/// ## Why
/// Bound cluster-wide, cluster-admin has full control of every node, Secret and identity. Anyone
/// who takes over the subject, for example a pod with the token of its ServiceAccount, controls the
/// cluster.
///
/// ## Fix
/// Bind a role with only the permissions that are used. For people, bind cluster-admin to a group
/// whose membership is monitored and expires.
#[check(
    id = "PV-I001",
    severity = Critical,
    scope = Related,
    on = [CLUSTER_ROLE_BINDING, ROLE_BINDING],
    reads = [CLUSTER_ROLE, ROLE]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ClusterAdminBinding {}

impl Check for ClusterAdminBinding {
    type On = OnObject;

    fn check<'a>(&self, binding: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        let Some(bound) = Bound::read(binding) else { return Verdict::NotApplicable };
        // The binding of `system:masters` is built-in, but may have been changed.
        let own = builtin::is_default_binding(binding) || binding.name() == "cluster-admin";
        if bound.kind != "ClusterRole" {
            return Verdict::Holds;
        }
        if bound.name != "cluster-admin" {
            let place = binding.at(&["roleRef", "name"]).unwrap_or_else(|| binding.value());
            if let Some(why) = bound.unseen(cx) {
                return Verdict::unknown(place, why);
            }
            // PV-I014 reports a role that does not exist.
            let Some(rules) = bound.rules(cx) else { return Verdict::NotApplicable };
            if bound.worth(&rules, cx) < Worth::Everything {
                return Verdict::from_claims(bound.unreadable(place, &rules));
            }
        }
        let role = match bound.name {
            "cluster-admin" => "`cluster-admin`".to_owned(),
            name => format!("`{name}`, which is equivalent to cluster-admin"),
        };
        let claims = bound.subjects.iter().filter_map(|(place, subject)| {
            if subject.is_masters() {
                let message = format!(
                    "binds {role} to {subject}, whose members already bypass all authorization \
                     and cannot be restricted"
                );
                return (!own).then(|| Claim::fails(*place, message).severity(Severity::Low));
            }
            // Created by kubeadm since 1.29, in place of a certificate for `system:masters`.
            let kubeadm = Subject::Group("kubeadm:cluster-admins".to_owned());
            if *subject == kubeadm && binding.name() == "kubeadm:cluster-admins" {
                return None;
            }
            let (severity, power) = match bound.namespace {
                None => (Severity::Critical, "has full control of the cluster".to_owned()),
                Some("kube-system") => (
                    Severity::Critical,
                    "controls namespace `kube-system`, and through its Secrets and \
                     ServiceAccounts the whole cluster"
                        .to_owned(),
                ),
                Some("") => {
                    (Severity::Medium, "has full control of the binding's namespace".to_owned())
                }
                Some(namespace) => {
                    (Severity::Medium, format!("has full control of namespace `{namespace}`"))
                }
            };
            let message = format!("{subject} is bound to {role}: it {power}");
            Some(Claim::fails(*place, message).severity(severity).instance(subject.to_string()))
        });
        Verdict::from_claims(claims.chain(bound.refused()))
    }
}
