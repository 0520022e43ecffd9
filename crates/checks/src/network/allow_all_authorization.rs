//! PV-N043.

use pavisade_macros::check;
use pavisade_model::{Severity, kinds};
use pavisade_snapshot::Object;
use pavisade_yaml::{Kind, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::{list, text};
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Mesh authorization allows every request
///
/// ## Why
/// `ALLOW` policies are additive: a single rule that matches everything overrides all others for
/// the workloads that it selects, which still appear protected. The same applies to an intention in
/// Consul or a permission in Kuma that allows everyone.
///
/// ## Fix
/// Restrict the clients (`from.source.principals`, in Consul `sources`) and the operations
/// (`to.operation`).
#[check(
    id = "PV-N043",
    severity = Medium,
    scope = Object,
    on = [AUTHORIZATION_POLICY, CONSUL_INTENTIONS, KUMA_TRAFFIC_PERMISSION]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AllowAllAuthorization {}

impl Check for AllowAllAuthorization {
    type On = OnObject;

    fn check<'a>(&self, policy: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        if policy.is(kinds::CONSUL_INTENTIONS) {
            return consul(policy);
        }
        if policy.is(kinds::KUMA_TRAFFIC_PERMISSION) {
            return kuma(policy);
        }
        match text(policy.value(), &["spec", "action"]) {
            Ok(None | Some(("ALLOW", _))) => {}
            Ok(Some(_)) => return Verdict::NotApplicable,
            Err(wrong) => return wrong.into(),
        }
        // Gateways serve everyone, and webhooks the API server, which is not in a mesh.
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
            // Without rules, everything is denied.
            Ok(rules) => {
                Verdict::from_claims(rules.filter(|rule| matches_all(*rule)).map(|rule| {
                    let message = "this rule matches every request from any client";
                    let claim = Claim::fails(rule, message);
                    match labels(policy).next() {
                        // A single workload is open, not a namespace or the mesh.
                        Some(_) => claim.severity(Severity::Low),
                        None => claim,
                    }
                }))
            }
            Err(wrong) => wrong.into(),
        }
    }
}

/// Returns the labels by which it selects workloads.
fn labels(policy: &Object) -> impl Iterator<Item = (&str, Value<'_>)> {
    let labels = policy.at(&["spec", "selector", "matchLabels"]);
    labels.into_iter().flat_map(Value::entries)
}

/// Whether a rule has no conditions: no source, no operation, no condition.
pub(super) fn matches_all(rule: Value<'_>) -> bool {
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

/// Whether a source or operation excludes nothing. A star for a principal or namespace still
/// requires an identity; for a host, path or method it matches anything.
fn is_open(value: Option<Value<'_>>, any: &[&str]) -> bool {
    let Some(value) = value.filter(|v| !v.is_null()) else { return false };
    value.kind() == Kind::Mapping
        && value.entries().next().is_some()
        && value.entries().all(|(key, list)| {
            any.contains(&key)
                && list.items().any(|v| matches!(v.as_str(), Some("*" | "/*" | "0.0.0.0/0")))
        })
}

/// Intentions for a service with that name. A star matches all. Named sources take precedence over
/// a star.
fn consul(intentions: &Object) -> Verdict<'_> {
    let name = match text(intentions.value(), &["spec", "destination", "name"]) {
        Ok(name) => name.map_or("", |(name, _)| name),
        Err(wrong) => return wrong.into(),
    };
    let sources = match list(intentions.value(), &["spec", "sources"]) {
        Ok(sources) => sources,
        Err(wrong) => return wrong.into(),
    };
    let open = sources.filter(|source| {
        // Limited to a peer or partition.
        let limited = ["peer", "samenessGroup", "partition"]
            .iter()
            .any(|field| source.str(field).is_some_and(|value| !value.is_empty()));
        let namespace = source.str("namespace").is_none_or(|n| matches!(n, "" | "*" | "default"));
        source.str("name") == Some("*")
            && source.str("action") == Some("allow")
            && source.list("permissions").next().is_none()
            && !limited
            && namespace
    });
    Verdict::from_claims(open.map(|source| match name {
        "*" => Claim::fails(source, "every service in the mesh can connect to every other"),
        name => {
            let message = format!("every service in the mesh can connect to `{name}`");
            Claim::fails(source, message).severity(Severity::Low)
        }
    }))
}

/// Kuma permissions: `from` a whole mesh.
fn kuma(permission: &Object) -> Verdict<'_> {
    let to = permission.at(&["spec", "targetRef", "kind"]).and_then(Value::as_str);
    let from = match list(permission.value(), &["spec", "from"]) {
        Ok(from) => from,
        Err(wrong) => return wrong.into(),
    };
    let action = |from: Value<'_>| {
        from.at(&["default", "action"]).and_then(Value::as_str).unwrap_or("").to_owned()
    };
    let is_mesh =
        |from: &Value<'_>| from.at(&["targetRef", "kind"]).and_then(Value::as_str) == Some("Mesh");
    let open = from
        .filter(is_mesh)
        .filter(|from| matches!(action(*from).as_str(), "Allow" | "AllowWithShadowDeny"));
    Verdict::from_claims(open.map(|from| {
        match to {
            None | Some("Mesh") => {
                Claim::fails(from, "every proxy in the mesh can connect to every other")
            }
            Some(_) => Claim::fails(from, "every proxy in the mesh can connect to these")
                .severity(Severity::Low),
        }
    }))
}
