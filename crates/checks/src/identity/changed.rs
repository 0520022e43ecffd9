//! Changed default roles of Kubernetes.

use std::collections::HashSet;

use pavisade_model::{Confidence, State};
use pavisade_rbac::{Access, Rules, builtin, is_aggregated};
use pavisade_snapshot::Object;

use super::power::{Power, broken, claim, keep_of_default};
use crate::{Claim, Verdict, View};

/// Returns the verdict on a default role. Its original rules are not findings. Added rules are,
/// because the API server only restores what was removed. If the default role of the version is not
/// known, it is checked like any role.
pub(super) fn judge<'a>(
    role: &'a Object,
    cx: &View<'a>,
    powers: impl Fn(&Rules<'a>) -> Vec<Power<'a>>,
) -> Verdict<'a> {
    if !cx.is_live() {
        return Verdict::NotApplicable;
    }
    let access = Access::of(cx);
    let shipped = builtin::shipped(role);
    let mut rules = Rules::of(role);
    if is_aggregated(role) {
        keep_of_default(&mut rules, role, &access, cx);
    }
    rules.rules.retain(|rule| !shipped.as_ref().is_some_and(|shipped| rule.is_within(shipped)));
    let powers = powers(&rules);
    let mut claims = broken(&rules);
    let known = cx.own_version() == builtin::SHIPPED;
    let what = match shipped {
        Some(_) => {
            "it is a built-in role of Kubernetes that appears to have been extended".to_owned()
        }
        None => format!("Kubernetes {} has no built-in role with that name", builtin::SHIPPED),
    };
    let doubt = match known {
        true => String::new(),
        false => format!(
            "; the built-in rules of this role in Kubernetes {} are not known here, only those of \
             {}",
            cx.own_version(),
            builtin::SHIPPED
        ),
    };
    let holders = access.holders(role);
    let found = powers.iter().filter_map(|power| claim(role, power, &access, &holders));
    claims.extend(found.map(|found| {
        let message = format!("{what}: {}{doubt}", found.message);
        let state = if known { found.state } else { State::Unknown };
        let confidence = match shipped {
            Some(_) => found.confidence.map(|c| c.min(Confidence::Medium)),
            None => found.confidence,
        };
        Claim { state, message, confidence, ..found }
    }));
    let mut seen = HashSet::new();
    claims.retain(|claim| seen.insert(claim.instance.clone()));
    if claims.is_empty() { Verdict::NotApplicable } else { Verdict::from_claims(claims) }
}
