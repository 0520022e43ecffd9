//! Default roles of Kubernetes that somebody changed.

use std::collections::HashSet;

use pavisade_model::{Confidence, State};
use pavisade_snapshot::{Object, WorldKind};

use super::access::Access;
use super::builtin;
use super::power::{Power, claim};
use super::rules::{Rules, is_aggregated};
use crate::{Claim, Cx, Verdict};

/// The verdict on a default role: what Kubernetes itself ships is no finding, and what somebody
/// added to it is, since the API server only puts back what was taken away.
pub(super) fn judge<'a>(
    role: &'a Object,
    cx: &Cx<'a>,
    powers: impl Fn(&Rules<'a>) -> Vec<Power<'a>>,
) -> Verdict<'a> {
    // What stands in an aggregated role is a copy.
    if cx.world_kind() != WorldKind::Cluster || is_aggregated(role) {
        return Verdict::NotApplicable;
    }
    let Some(shipped) = builtin::shipped(role) else { return Verdict::NotApplicable };
    let mut rules = Rules::of(role);
    rules.rules.retain(|rule| !rule.is_within(&shipped));
    let powers = powers(&rules);
    if powers.is_empty() {
        return Verdict::NotApplicable;
    }
    let access = Access::of(cx);
    let holders = access.holders(role);
    let claims = powers.iter().filter_map(|power| claim(role, power, &access, &holders));
    let claims = claims.map(|found| {
        let message = format!(
            "it is a role of Kubernetes itself, and somebody seems to have added to it: {}",
            found.message
        );
        let known = cx.kubernetes() == builtin::SHIPPED;
        let state = if known { found.state } else { State::Unknown };
        let message = match known {
            true => message,
            false => format!(
                "{message}; what Kubernetes {} gives this role is not known here, only what {} does",
                cx.kubernetes(),
                builtin::SHIPPED
            ),
        };
        let confidence = found.confidence.map(|c| c.min(Confidence::Medium));
        Claim { state, message, confidence, ..found }
    });
    let mut known = HashSet::new();
    let claims: Vec<_> = claims.filter(|claim| known.insert(claim.instance.clone())).collect();
    if claims.is_empty() { Verdict::NotApplicable } else { Verdict::from_claims(claims) }
}
