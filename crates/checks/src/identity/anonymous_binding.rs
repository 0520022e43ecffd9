//! PV-I007.

use pavisade_macros::check;
use pavisade_model::{Confidence, Severity};
use pavisade_rbac::Subject;
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::power::lower;
use super::public::{Bound, Worth};
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Role is bound to anonymous users
///
/// ## Why
/// `system:anonymous` and `system:unauthenticated` include everyone who can reach the API server,
/// which may be the whole internet.
///
/// ## Fix
/// Remove the subject and bind the role to an authenticated identity.
#[check(
    id = "PV-I007",
    severity = Critical,
    scope = Related,
    on = [CLUSTER_ROLE_BINDING, ROLE_BINDING],
    reads = [CLUSTER_ROLE, ROLE],
    fixable = Riskily
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AnonymousBinding {}

impl Check for AnonymousBinding {
    type On = OnObject;

    fn check<'a>(&self, binding: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        let Some(bound) = Bound::read(binding) else { return Verdict::NotApplicable };
        let anybody = |subject: &Subject| match subject {
            Subject::User(name) => name == "system:anonymous",
            Subject::Group(name) => name == "system:unauthenticated",
            Subject::ServiceAccount { .. } => false,
        };
        let subjects: Vec<_> = bound.subjects.iter().filter(|(_, s)| anybody(s)).collect();
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
            Some(Worth::ReadNamed) => Severity::Medium,
            Some(Worth::Read | Worth::ChangeCustom) | None => Severity::High,
            Some(Worth::Power | Worth::Everything) => Severity::Critical,
        };
        let severity = if bound.namespace.is_some() { lower(severity) } else { severity };
        let confidence = if worth.is_some() { Confidence::High } else { Confidence::Medium };
        let claims = subjects.into_iter().map(|(place, subject)| {
            let message = format!(
                "{} `{}` lets unauthenticated users ({subject}) {}{}",
                bound.kind,
                bound.name,
                Worth::words(worth),
                bound.extent(),
            );
            Claim::fails(*place, message).severity(severity).confidence(confidence).remove()
        });
        Verdict::from_claims(claims.chain(unreadable).chain(bound.refused()))
    }
}
