//! PV-O004.

use pavisade_macros::check;
use pavisade_model::{Confidence, Severity};
use pavisade_snapshot::Object;
use pavisade_yaml::{Kind, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Cx, OnObject, Place, Verdict};

/// Admission webhook fails open
///
/// ## Why
/// With `failurePolicy: Ignore`, objects are admitted unchecked if the webhook is down, slow or
/// overloaded. An attacker who can cause this (with load, by evicting its pods, or with a slow
/// request) can bypass the policy.
///
/// ## Fix
/// Set `failurePolicy: Fail`, run several replicas with a PodDisruptionBudget, and use
/// `namespaceSelector` to exempt the namespaces that the webhook needs to start.
#[check(
    id = "PV-O004",
    severity = Medium,
    confidence = Medium,
    scope = Object,
    on = [VALIDATING_WEBHOOK_CONFIGURATION, MUTATING_WEBHOOK_CONFIGURATION],
    fixable = Riskily
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FailOpenWebhook {}

impl Check for FailOpenWebhook {
    type On = OnObject;

    fn check<'a>(&self, configuration: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let Some(webhooks) = configuration.at(&["webhooks"]).filter(|w| !w.is_null()) else {
            return Verdict::NotApplicable;
        };
        if webhooks.kind() != Kind::Sequence {
            return Verdict::unknown(webhooks, "`webhooks` is not a list");
        }
        Verdict::all(webhooks.items().map(|webhook| judge(configuration, webhook)))
    }
}

fn judge<'a>(configuration: &'a Object, webhook: Value<'a>) -> Verdict<'a> {
    if webhook.kind() != Kind::Mapping {
        return Verdict::unknown(webhook, "an element of `webhooks` is not a map");
    }
    let name = webhook.str("name").unwrap_or("");
    let mutates = configuration.kind() == "MutatingWebhookConfiguration";
    let known = enforces(name) || enforces(configuration.name());
    let passes =
        if mutates { "objects are admitted unchanged" } else { "objects are admitted unchecked" };
    let policy = webhook.get("failurePolicy").filter(|p| !p.is_null());
    let message = match policy.map(|p| (p, p.as_str())) {
        Some((_, Some("Fail"))) => return Verdict::Holds,
        Some((_, Some("Ignore"))) => {
            format!("{passes} if webhook `{name}` does not respond")
        }
        Some((value, _)) => {
            return Verdict::unknown(value, "this is not a valid failure policy");
        }
        // The default of v1beta1 (removed in 1.22); that of v1 is Fail.
        None if configuration.version() == "v1beta1" => format!(
            "`failurePolicy` of webhook `{name}` is not set and defaults to `Ignore` in v1beta1: \
             {passes} if it does not respond"
        ),
        None => return Verdict::Holds,
    };
    if mutates && !known && is_opt_in(webhook) {
        return Verdict::NotApplicable;
    }
    let claim = Claim::fails(Place::field(webhook, &["failurePolicy"]), message).set("Fail");
    let minor = mutates || is_low_impact(webhook);
    let claim = match (minor, known) {
        (false, true) => claim.confidence(Confidence::High),
        (false, false) => claim,
        (true, true) => claim.severity(Severity::Low),
        (true, false) => claim.severity(Severity::Low).confidence(Confidence::Low),
    };
    claim.into()
}

/// Whether an object opts in to the webhook by a label, which an attacker would simply omit.
fn is_opt_in(webhook: Value<'_>) -> bool {
    let labels = webhook.at(&["objectSelector", "matchLabels"]);
    labels.is_some_and(|labels| labels.entries().next().is_some())
}

/// Whether the webhook only handles custom resources (usually its own settings) or evictions, so
/// that no workload bypasses it if it fails.
fn is_low_impact(webhook: Value<'_>) -> bool {
    let mut rules = webhook.list("rules").peekable();
    if rules.peek().is_none() {
        return false;
    }
    rules.all(|rule| {
        let mut groups = rule.list("apiGroups").peekable();
        let custom =
            groups.peek().is_some() && groups.all(|group| is_custom(group.as_str().unwrap_or("*")));
        let mut resources = rule.list("resources").peekable();
        let evictions = resources.peek().is_some()
            && resources.all(|resource| resource.as_str() == Some("pods/eviction"));
        custom || evictions
    })
}

/// Whether a group does not belong to Kubernetes. Groups with a dot do if they end in `.k8s.io`
/// (but not `.x-k8s.io`).
fn is_custom(group: &str) -> bool {
    group.contains('.') && (!group.ends_with(".k8s.io") || group.ends_with(".x-k8s.io"))
}

/// Whether a name suggests that it enforces rules, which affects the confidence of the finding.
pub(super) fn enforces(name: &str) -> bool {
    const WORDS: [&str; 17] = [
        "admission-control",
        "connaisseur",
        "cosign",
        "fairwinds",
        "gatekeeper",
        "guard",
        "image-policy",
        "kubewarden",
        "kyverno",
        "neuvector",
        "opa",
        "policy",
        "polaris",
        "portieris",
        "ratify",
        "security",
        "sigstore",
    ];
    let mut parts = name.split(['.', '-', '_']);
    WORDS.iter().any(|word| word.contains('-') && name.contains(word))
        || parts.any(|part| WORDS.contains(&part))
}
