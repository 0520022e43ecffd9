//! PV-I044.

use pavisade_macros::check;
use pavisade_rbac::{Resource, Rules, Subject, builtin};
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::public::{Bound, Worth};
use super::workload_creation_permission::WORKLOADS;
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Binding allows takeover of kube-system
///
/// ## Why
/// The ServiceAccounts in `kube-system` belong to the controllers and drivers of the cluster:
/// anyone who can run a pod there can use the most powerful one. A role that is harmless in another
/// namespace, such as `edit`, gives control of the cluster there.
///
/// ## Fix
/// Bind `view`, or a Role that lists the needed objects in `resourceNames`. Move workloads that are
/// not part of the cluster to another namespace.
#[check(
    id = "PV-I044",
    severity = High,
    scope = Related,
    on = [ROLE_BINDING],
    reads = [CLUSTER_ROLE_BINDING, CLUSTER_ROLE, ROLE]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct KubeSystemBinding {}

const SECRETS: Resource = Resource::new("", "secrets");

impl Check for KubeSystemBinding {
    type On = OnObject;

    fn check<'a>(&self, binding: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        if binding.namespace() != "kube-system" {
            return Verdict::NotApplicable;
        }
        let Some(bound) = Bound::read(binding) else { return Verdict::NotApplicable };
        let foreign = |subject: &Subject| match subject {
            Subject::ServiceAccount { namespace, .. } => {
                !matches!(namespace.as_str(), "" | "kube-system")
            }
            Subject::User(name) => !name.starts_with("system:"),
            Subject::Group(name) => {
                !name.starts_with("system:")
                    || name.starts_with("system:serviceaccounts")
                    || name == "system:authenticated"
            }
        };
        let subjects: Vec<_> = bound.subjects.iter().filter(|(_, s)| foreign(s)).collect();
        let Some((first, _)) = subjects.first() else { return Verdict::NotApplicable };
        if let Some(why) = bound.unseen(cx) {
            return Verdict::unknown(*first, why);
        }
        // PV-I014 reports a role that does not exist.
        let Some(rules) = bound.rules(cx) else { return Verdict::NotApplicable };
        if bound.worth(&rules, cx) == Worth::Everything {
            // Reported by PV-I001.
            return Verdict::NotApplicable;
        }
        // Access to Secrets is a finding of the role itself, unless it is a default role.
        let default = bound.kind == "ClusterRole" && builtin::is_cluster_role(bound.name);
        let Some(does) = takes_over(&rules, default) else {
            return Verdict::from_claims(bound.unreadable(*first, &rules));
        };
        let claims = subjects.into_iter().map(|(place, subject)| {
            let message = format!(
                "{} `{}` lets {subject} {does} in namespace `kube-system`, and so take over the \
                 controllers of the cluster",
                bound.kind, bound.name
            );
            Claim::fails(*place, message).instance(subject.to_string())
        });
        Verdict::from_claims(claims)
    }
}

fn takes_over(rules: &Rules<'_>, default: bool) -> Option<&'static str> {
    let runs = rules.grant_any(&["create", "update", "patch"], WORKLOADS);
    let reads = || rules.grant(&["get", "list", "watch"], SECRETS).filter(|_| default);
    if runs.is_some_and(|grant| !grant.rule.is_named()) {
        Some("run pods")
    } else {
        reads().filter(|grant| !grant.rule.is_named()).map(|_| "read Secrets")
    }
}
