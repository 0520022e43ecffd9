//! Verdicts on roles by the powers they grant.

use std::collections::HashSet;

use pavisade_model::kinds;
use pavisade_rbac::{Access, Rules, Subject, builtin, is_aggregated};
use pavisade_snapshot::Object;
use pavisade_yaml::Value;

use super::changed;
use super::power::{Power, broken, claim, keep_of_default, shorten};
use crate::{Claim, Verdict, View};

/// Returns the verdict on a role, or on a ClusterRoleBinding to a default role of Kubernetes, which
/// is not a finding itself.
///
/// The check must have Roles, ClusterRoles and ClusterRoleBindings in `on`, and RoleBindings in
/// `reads`.
pub(super) fn judge<'a>(
    object: &'a Object,
    cx: &View<'a>,
    powers: impl Fn(&Rules<'a>) -> Vec<Power<'a>>,
) -> Verdict<'a> {
    if object.is(kinds::CLUSTER_ROLE_BINDING) {
        return judge_binding(object, cx, powers);
    }
    if builtin::is_default_role(object, cx) {
        return changed::judge(object, cx, powers);
    }
    let mut rules = Rules::of(object);
    if is_aggregated(object) {
        let access = Access::of(cx);
        if access.has_parts(object.name()) {
            keep_of_default(&mut rules, object, &access, cx);
        }
        if rules.rules.is_empty() {
            return Verdict::NotApplicable;
        }
    }
    let powers = powers(&rules);
    let mut claims = broken(&rules);
    if !powers.is_empty() {
        let access = Access::of(cx);
        let holders = access.holders(object);
        let all = powers.iter().filter_map(|power| claim(object, power, &access, &holders));
        let mut known = HashSet::new();
        claims.extend(all.filter(|claim| known.insert(claim.instance.clone())));
    }
    Verdict::from_claims(claims)
}

fn judge_binding<'a>(
    binding: &'a Object,
    cx: &View<'a>,
    powers: impl Fn(&Rules<'a>) -> Vec<Power<'a>>,
) -> Verdict<'a> {
    let Some(place) = binding.at(&["roleRef", "name"]) else { return Verdict::NotApplicable };
    let name = place.as_str().unwrap_or("");
    // PV-I001 is about cluster-admin.
    let own = builtin::is_cluster_role(name) && name != "cluster-admin";
    if !own {
        return Verdict::NotApplicable;
    }
    // For its own bindings, Kubernetes only restores what was removed.
    let default = builtin::is_default_binding(binding);
    let subjects = binding.at(&["subjects"]).into_iter().flat_map(Value::items);
    let subjects: Vec<_> = subjects
        .filter_map(|subject| Subject::read(subject, ""))
        .filter(|subject| !subject.is_masters())
        .filter(|subject| !default || !builtin::is_shipped_subject(binding.name(), subject))
        .map(|subject| subject.to_string())
        .collect();
    let access = Access::of(cx);
    let seen = access.cluster_role(cx, name).map(Rules::of);
    let rules = seen.or_else(|| builtin::rules(name).map(Rules::read));
    let Some(rules) = rules.filter(|_| !subjects.is_empty()) else {
        return Verdict::NotApplicable;
    };
    let mut known = HashSet::new();
    let powers = powers(&rules).into_iter().filter(|power| known.insert(power.instance));
    let claims = powers.map(|power| {
        let extent = match (power.namespaced, power.within) {
            (false, _) => String::new(),
            (true, None) => " in all namespaces".to_owned(),
            (true, Some(within)) => format!(" in all namespaces, including `{within}`"),
        };
        let message = format!(
            "gives {} ClusterRole `{name}`, which grants {}{extent} and so allows it to {}",
            shorten(&subjects),
            power.grants,
            power.gives
        );
        let claim = Claim::fails(place, message).severity(power.severity);
        claim.confidence(power.confidence).instance(power.instance)
    });
    Verdict::from_claims(claims)
}
