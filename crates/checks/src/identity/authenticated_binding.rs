//! PV-I008.

use pavisade_macros::check;
use pavisade_model::{Confidence, Severity};
use pavisade_rbac::Subject;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::power::lower;
use super::public::{Bound, Worth};
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Role is bound to all users or ServiceAccounts
///
/// ## Why
/// `system:authenticated` includes everyone with any credential, on some clouds everyone with an
/// account of that cloud. `system:serviceaccounts` includes every pod: an attacker who compromises
/// one container has the role.
///
/// ## Fix
/// Bind the role to the group or the ServiceAccounts that need it.
#[check(
    id = "PV-I008",
    severity = High,
    scope = Related,
    on = [CLUSTER_ROLE_BINDING, ROLE_BINDING],
    reads = [CLUSTER_ROLE, ROLE]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AuthenticatedBinding {}

impl Check for AuthenticatedBinding {
    type On = OnObject;

    fn check<'a>(&self, binding: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        let Some(bound) = Bound::read(binding) else { return Verdict::NotApplicable };
        let subjects: Vec<_> =
            bound.subjects.iter().filter_map(|(p, s)| Some((*p, s, everybody(s)?))).collect();
        if subjects.is_empty() {
            return bound.refused().map_or(Verdict::NotApplicable, Verdict::from);
        }
        let place = subjects.first().map(|subject| subject.0);
        if let (Some(place), Some(why)) = (place, bound.unseen(cx)) {
            return Verdict::unknown(place, why);
        }
        let rules = bound.rules(cx);
        let unreadable = rules.as_ref().zip(place).and_then(|(r, p)| bound.unreadable(p, r));
        let worth = rules.map(|rules| bound.worth(&rules, cx));
        let severity = match worth {
            Some(Worth::Nothing) => return Verdict::from_claims(unreadable),
            Some(Worth::ReadNamed) => Severity::Low,
            Some(Worth::Read | Worth::ChangeCustom) | None => Severity::Medium,
            Some(Worth::Power) => Severity::High,
            Some(Worth::Everything) => Severity::Critical,
        };
        let severity = if bound.namespace.is_some() { lower(severity) } else { severity };
        let confidence = if worth.is_some() { Confidence::High } else { Confidence::Medium };
        let claims = subjects.into_iter().map(|(place, subject, who)| {
            let one_namespace =
                matches!(subject, Subject::Group(name) if name.contains("accounts:"));
            let severity = if one_namespace { lower(severity) } else { severity };
            let message = format!(
                "{} `{}` lets {who} ({subject}) {}{}",
                bound.kind,
                bound.name,
                Worth::words(worth),
                bound.extent(),
            );
            Claim::fails(place, message).severity(severity).confidence(confidence)
        });
        Verdict::from_claims(claims.chain(unreadable).chain(bound.refused()))
    }
}

fn everybody(subject: &Subject) -> Option<String> {
    let Subject::Group(name) = subject else { return None };
    match name.as_str() {
        "system:authenticated" => Some("everyone with any credential".to_owned()),
        "system:serviceaccounts" => Some("every ServiceAccount in the cluster".to_owned()),
        _ => {
            let namespace = name.strip_prefix("system:serviceaccounts:")?;
            Some(format!("every ServiceAccount in namespace `{namespace}`"))
        }
    }
}
