//! PV-N043.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_snapshot::Object;
use pavisade_yaml::{Kind, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::{list, text};
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// AuthorizationPolicies that allow every request.
///
/// ## Why
/// What `ALLOW` policies let in adds up: one rule that matches everything undoes all others for
/// the workloads that it selects, and they still look protected.
///
/// ## Fix
/// Name who may come (`from.source.principals`) and what they may ask (`to.operation`).
#[check(id = "PV-N043", severity = Medium, scope = Object, on = [AUTHORIZATION_POLICY])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AllowAllAuthorization {}

impl Check for AllowAllAuthorization {
    type On = OnObject;

    fn check<'a>(&self, policy: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        match text(policy.value(), &["spec", "action"]) {
            Ok(None | Some(("ALLOW", _))) => {}
            Ok(Some(_)) => return Verdict::NotApplicable,
            Err(wrong) => return wrong.into(),
        }
        // What serves the outside takes requests from everybody, and a webhook from the API server,
        // which is in no mesh.
        let words = ["gateway", "webhook"];
        let told = |text: &str| words.iter().any(|word| text.contains(word));
        if labels(policy).any(|(_, value)| value.as_str().is_some_and(told)) {
            return Verdict::NotApplicable;
        }
        let mut targets = policy
            .at(&["spec", "targetRef"])
            .into_iter()
            .chain(policy.at(&["spec", "targetRefs"]).into_iter().flat_map(Value::items));
        if targets.any(|target| matches!(target.str("kind"), Some("Gateway" | "GatewayClass"))) {
            return Verdict::NotApplicable;
        }
        match list(policy.value(), &["spec", "rules"]) {
            // Without rules, nothing is let in.
            Ok(rules) => {
                Verdict::from_claims(rules.filter(|rule| matches_all(*rule)).map(|rule| {
                    let message = "this rule matches every request, from whoever it comes";
                    let claim = Claim::fails(rule, message);
                    match labels(policy).next() {
                        // One workload is open, not a namespace or the mesh.
                        Some(_) => claim.severity(Severity::Low),
                        None => claim,
                    }
                }))
            }
            Err(wrong) => wrong.into(),
        }
    }
}

/// The labels of the workloads that it selects.
fn labels(policy: &Object) -> impl Iterator<Item = (&str, Value<'_>)> {
    let labels = policy.at(&["spec", "selector", "matchLabels"]);
    labels.into_iter().flat_map(Value::entries)
}

/// Whether a rule asks for nothing: no source, no operation, no condition.
fn matches_all(rule: Value<'_>) -> bool {
    if !matches!(rule.kind(), Kind::Mapping | Kind::Null) {
        return false;
    }
    let empty = |field: &str| rule.list(field).next().is_none();
    let open = |field: &str, what: &str, names: &[&str]| {
        empty(field) || rule.list(field).any(|entry| is_open(entry.get(what), names))
    };
    empty("when")
        && open("from", "source", &["ipBlocks", "remoteIpBlocks"])
        && open("to", "operation", &["hosts", "paths", "ports", "methods"])
}

/// Whether a source or operation excludes nothing. A star for a principal or namespace still asks
/// for an identity; one for a host, path or method is anything.
fn is_open(value: Option<Value<'_>>, any: &[&str]) -> bool {
    let Some(value) = value.filter(|v| !v.is_null()) else { return false };
    value.kind() == Kind::Mapping
        && value.entries().next().is_some()
        && value.entries().all(|(key, list)| {
            any.contains(&key)
                && list.items().any(|v| matches!(v.as_str(), Some("*" | "/*" | "0.0.0.0/0")))
        })
}
