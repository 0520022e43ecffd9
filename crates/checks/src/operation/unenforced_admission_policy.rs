//! PV-O022.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::{WrongType, list, text, text_element};
use crate::{Check, Claim, Cx, OnEvery, Place, Verdict};

/// Admission policy is not enforced
///
/// ## Why
/// A policy that only warns or audits rejects nothing. This is useful during a rollout, but if it
/// is forgotten, the cluster only appears to be protected.
///
/// ## Fix
/// Once the policy reports no violations, enforce it: `validationActions: [Deny]` in the binding,
/// `failureAction: Enforce` in rules of Kyverno, `enforcementAction: deny` in a Gatekeeper
/// constraint, `mode: protect` for Kubewarden, `mode: enforce` for sigstore policy-controller.
#[check(
    id = "PV-O022",
    severity = Low,
    confidence = Medium,
    scope = Object,
    on = [
        VALIDATING_ADMISSION_POLICY_BINDING,
        KYVERNO_CLUSTER_POLICY,
        KYVERNO_POLICY,
        CLUSTER_IMAGE_POLICY
    ],
    fixable = Riskily
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UnenforcedAdmissionPolicy {}

impl Check for UnenforcedAdmissionPolicy {
    type On = OnEvery;

    fn check<'a>(&self, object: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let judged = match (object.group(), object.kind()) {
            ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding") => binding(object),
            ("kyverno.io", "ClusterPolicy" | "Policy") => return kyverno(object),
            ("constraints.gatekeeper.sh", _) => constraint(object),
            ("policies.kubewarden.io", _) => mode(object, "monitor", "protect"),
            ("policy.sigstore.dev", "ClusterImagePolicy") => mode(object, "warn", "enforce"),
            _ => return Verdict::NotApplicable,
        };
        judged.map_or_else(Verdict::from, Verdict::from_claims)
    }
}

type Judged<'a> = Result<Option<Claim<'a>>, WrongType<'a>>;

fn binding(object: &Object) -> Judged<'_> {
    let path = ["spec", "validationActions"];
    let mut actions = Vec::new();
    for action in list(object.value(), &path)? {
        actions.push(text_element(action)?);
    }
    let place = Place::field(object.value(), &path);
    if actions.is_empty() {
        let why = "`validationActions` is empty, which the API server rejects";
        return Ok(Some(Claim::unknown(place, why)));
    }
    if actions.contains(&"Deny") {
        return Ok(None);
    }
    // Deny and Warn are mutually exclusive.
    let mut denying = vec!["Deny"];
    denying.extend(actions.iter().filter(|action| **action == "Audit"));
    let message = format!(
        "objects that violate policy `{}` are admitted: the actions of the binding are {}",
        object.at(&["spec", "policyName"]).and_then(Value::as_str).unwrap_or(""),
        actions.join(", ")
    );
    Ok(Some(Claim::fails(place, message).set(denying)))
}

/// Both engines enforce by default.
fn mode<'a>(policy: &'a Object, reports: &str, enforces: &str) -> Judged<'a> {
    let mode = text(policy.value(), &["spec", "mode"])?;
    Ok(mode.filter(|(mode, _)| *mode == reports).map(|(mode, place)| {
        let message =
            format!("objects that violate `{}` are admitted: its mode is `{mode}`", policy.name());
        Claim::fails(place, message).set(enforces)
    }))
}

fn constraint(object: &Object) -> Judged<'_> {
    let Some((action, place)) = text(object.value(), &["spec", "enforcementAction"])? else {
        return Ok(None);
    };
    match action {
        "deny" | "" => return Ok(None),
        "scoped" => {
            let scopes = list(object.value(), &["spec", "scopedEnforcementActions"])?;
            let actions: Vec<_> = scopes.filter_map(|scope| scope.str("action")).collect();
            if actions.contains(&"deny") {
                return Ok(None);
            }
            let message = "objects that violate the constraint are admitted: no scope denies them";
            return Ok(Some(Claim::fails(place, message)));
        }
        _ => {}
    }
    let message =
        format!("objects that violate the constraint are admitted: its action is `{action}`");
    Ok(Some(Claim::fails(place, message).set("deny")))
}

/// Checks a Kyverno policy. Not applicable if it validates nothing.
pub(super) fn kyverno(policy: &Object) -> Verdict<'_> {
    let rules = policy.at(&["spec", "rules"]).into_iter().flat_map(Value::items);
    let judges: Vec<_> = rules
        .filter(|rule| rule.get("validate").is_some() || rule.get("verifyImages").is_some())
        .collect();
    if judges.is_empty() {
        return Verdict::NotApplicable;
    }
    let general = policy.at(&["spec", "validationFailureAction"]).filter(|a| !a.is_null());
    if enforces_somewhere(policy.at(&["spec", "validationFailureActionOverrides"])) {
        return Verdict::Holds;
    }
    // Since 1.13, each rule may have its own.
    let mut claims = Vec::new();
    let mut open = false;
    for rule in judges.into_iter().filter(|rule| !enforces_in_part(*rule)) {
        match own_action(rule).filter(|action| !action.is_null()) {
            Some(action) => claims.extend(audits(action, rule.str("name").unwrap_or(""))),
            None => open = true,
        }
    }
    if open {
        match general {
            Some(action) => claims.extend(audits(action, policy.name())),
            None => {
                let place = Place::field(policy.value(), &["spec", "validationFailureAction"]);
                let message = format!(
                    "objects that violate `{}` are admitted: its action is not set and defaults \
                     to `Audit`",
                    policy.name()
                );
                claims.push(Claim::fails(place, message).set("Enforce"));
            }
        }
    }
    // If enforced, it would fail open, so both settings need a decision.
    if ignores(policy) {
        claims.iter_mut().for_each(|claim| claim.rare_mut().changes.clear());
    }
    Verdict::from_claims(claims)
}

/// Whether an override for some namespaces blocks there.
fn enforces_somewhere(overrides: Option<Value<'_>>) -> bool {
    let mut actions = overrides.into_iter().flat_map(Value::items).filter_map(|o| o.str("action"));
    actions.any(|action| action.eq_ignore_ascii_case("enforce"))
}

/// Like [`enforces_somewhere`], for one rule, since 1.13.
fn enforces_in_part(rule: Value<'_>) -> bool {
    enforces_somewhere(rule.at(&["validate", "failureActionOverrides"]))
}

fn ignores(policy: &Object) -> bool {
    [&["spec", "failurePolicy"][..], &["spec", "webhookConfiguration", "failurePolicy"]]
        .iter()
        .any(|path| policy.at(path).and_then(Value::as_str) == Some("Ignore"))
}

/// Whether a Kyverno policy only reports: none of its rules blocks or mutates objects.
pub(super) fn only_reports(policy: &Object) -> bool {
    let mut rules = policy.at(&["spec", "rules"]).into_iter().flat_map(Value::items);
    let general = policy.at(&["spec", "validationFailureAction"]).filter(|a| !a.is_null());
    let blocks = |rule: Value<'_>| {
        let action = own_action(rule).filter(|action| !action.is_null()).or(general);
        enforces_in_part(rule) || action.is_some_and(|action| !is_audit(action))
    };
    matches!(kyverno(policy), Verdict::Fails(_))
        && rules.all(|rule| {
            (rule.get("validate").is_some() || rule.get("verifyImages").is_some()) && !blocks(rule)
        })
}

fn is_audit(action: Value<'_>) -> bool {
    action.as_str().is_some_and(|text| text.eq_ignore_ascii_case("audit"))
}

/// Returns the rule's own action, supported since 1.13.
fn own_action(rule: Value<'_>) -> Option<Value<'_>> {
    let validate = rule.get("validate").and_then(|validate| validate.get("failureAction"));
    validate.or_else(|| rule.list("verifyImages").find_map(|v| v.get("failureAction")))
}

fn audits<'a>(action: Value<'a>, name: &str) -> Option<Claim<'a>> {
    match action.as_str() {
        Some(text) if text.eq_ignore_ascii_case("enforce") => None,
        Some(text) if text.eq_ignore_ascii_case("audit") => {
            let message =
                format!("objects that violate `{name}` are admitted: its action is `{text}`");
            Some(Claim::fails(action, message).set("Enforce"))
        }
        _ => Some(Claim::unknown(action, "this is not a valid action of Kyverno")),
    }
}
