//! PV-I091.

use pavisade_macros::check;
use pavisade_rbac::Subject;
use pavisade_rbac::grant::{EXPIRES_AT, End, LABEL};
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::public::{Bound, Worth};
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Permanent cluster-admin for people
///
/// ## Why
/// A credential with full control that is valid all the time can be stolen all the time. People need
/// it for minutes, in an emergency.
///
/// ## Fix
/// Delete the binding, and give the access when it is needed: `pavisade grant create NAME
/// cluster-admin --for 30m --reason TEXT` creates a binding that is removed at its end.
#[check(
    id = "PV-I091",
    severity = Medium,
    audience = Strict,
    scope = Related,
    on = [CLUSTER_ROLE_BINDING],
    reads = [CLUSTER_ROLE, ROLE, ROLE_BINDING]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PermanentClusterAdmin {}

impl Check for PermanentClusterAdmin {
    type On = OnObject;

    fn check<'a>(&self, binding: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        let Some(bound) = Bound::read(binding) else { return Verdict::NotApplicable };
        if bound.kind != "ClusterRole" {
            return Verdict::NotApplicable;
        }
        if bound.name != "cluster-admin" {
            let place = binding.at(&["roleRef", "name"]).unwrap_or_else(|| binding.value());
            if let Some(why) = bound.unseen(cx) {
                return Verdict::unknown(place, why);
            }
            let Some(rules) = bound.rules(cx) else { return Verdict::NotApplicable };
            if bound.worth(&rules, cx) < Worth::Everything {
                let unreadable = bound.unreadable(place, &rules);
                let any = unreadable.into_iter().collect::<Vec<_>>();
                return match any.is_empty() {
                    true => Verdict::NotApplicable,
                    false => Verdict::from_claims(any),
                };
            }
        }
        // Only what will be removed ends: PV-I090 reports the rest.
        let expires_at = binding.annotation(EXPIRES_AT);
        if let End::At(_) = End::of(binding.name(), binding.label(LABEL), expires_at) {
            return Verdict::Holds;
        }
        let claims = bound.subjects.iter().filter_map(|(place, subject)| {
            let person = match subject {
                Subject::User(name) => !name.starts_with("system:"),
                Subject::Group(name) => {
                    let kubeadm = name == "kubeadm:cluster-admins";
                    !(name.starts_with("system:") || kubeadm && binding.name() == name)
                }
                // A workload cannot ask for a grant when it needs one.
                Subject::ServiceAccount { .. } => false,
            };
            let message = format!("{subject} is bound to `{}` without an end", bound.name);
            person.then(|| Claim::fails(*place, message).instance(subject.to_string()))
        });
        Verdict::from_claims(claims.chain(bound.refused()))
    }
}
