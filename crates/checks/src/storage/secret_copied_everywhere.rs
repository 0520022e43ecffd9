//! PV-D017.

use pavisade_macros::check;
use pavisade_model::kinds;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Secret is copied to every namespace
///
/// ## Why
/// Anyone who can read Secrets or create a pod in any namespace, including future ones, can read
/// the value.
///
/// ## Fix
/// List the namespaces that need it (`namespaceSelectors`, `reflection-allowed-namespaces`,
/// `replicate-to` with names).
#[check(
    id = "PV-D017",
    severity = Medium,
    confidence = Medium,
    scope = Object,
    on = [SECRET, SEALED_SECRET, CLUSTER_EXTERNAL_SECRET]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SecretCopiedEverywhere {}

const REFLECTOR: &str = "reflector.v1.k8s.emberstack.com/";
const REPLICATOR: &str = "replicator.v1.mittwald.de/";

impl Check for SecretCopiedEverywhere {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        if object.is(kinds::CLUSTER_EXTERNAL_SECRET) {
            return external(object);
        }
        let path: &[&str] = match object.is(kinds::SEALED_SECRET) {
            // These become annotations of the Secret.
            true => &["spec", "template", "metadata", "annotations"],
            false => &["metadata", "annotations"],
        };
        let Some(annotations) = object.at(path) else { return Verdict::NotApplicable };
        copied(annotations)
    }
}

fn copied(annotations: Value<'_>) -> Verdict<'_> {
    let get = |prefix: &str, name: &str| annotations.get(&format!("{prefix}{name}"));
    let text = |value: Option<Value<'_>>| {
        value.and_then(Value::scalar_text).unwrap_or_default().trim().to_owned()
    };
    let all = |patterns: &str| {
        patterns.split(',').any(|p| matches!(p.trim(), "*" | ".*" | ".+" | "^.*$"))
    };
    let mut claims = Vec::new();
    let watched = [
        get(REFLECTOR, "reflection-allowed"),
        get(REPLICATOR, "replicate-to"),
        get(REPLICATOR, "replication-allowed"),
        annotations.get("kubed.appscode.com/sync"),
    ];
    let hidden = watched.iter().flatten().find(|value| value.as_str() == Some("<redacted>"));
    if let Some(value) = hidden {
        // In a cluster, only the keys of a Secret are kept.
        return Verdict::unknown(*value, "it is not known to which namespaces it is copied");
    }
    if let Some(value) = get(REFLECTOR, "reflection-allowed")
        && text(Some(value)).eq_ignore_ascii_case("true")
    {
        let namespaces = text(get(REFLECTOR, "reflection-allowed-namespaces"));
        if namespaces.is_empty() || all(&namespaces) {
            claims.push(Claim::fails(value, "reflector allows a copy in every namespace"));
        }
    }
    if let Some(value) = get(REPLICATOR, "replicate-to")
        && all(&text(Some(value)))
    {
        claims.push(Claim::fails(value, "replicator copies it to every namespace"));
    }
    if let Some(value) = get(REPLICATOR, "replication-allowed")
        && text(Some(value)).eq_ignore_ascii_case("true")
    {
        let allowed = get(REPLICATOR, "replication-allowed-namespaces");
        if all(&text(allowed)) {
            claims.push(Claim::fails(value, "replicator allows a copy in every namespace"));
        }
    }
    if let Some(value) = annotations.get("kubed.appscode.com/sync")
        && matches!(text(Some(value)).as_str(), "" | "true")
    {
        claims.push(Claim::fails(value, "kubed copies it to every namespace"));
    }
    match watched.iter().any(Option::is_some) {
        true => Verdict::from_claims(claims),
        false => Verdict::NotApplicable,
    }
}

/// Checks the namespace selectors of a ClusterExternalSecret. An empty one selects all.
fn external(secret: &Object) -> Verdict<'_> {
    let one = secret.at(&["spec", "namespaceSelector"]).filter(|s| !s.is_null());
    let more = secret.at(&["spec", "namespaceSelectors"]).into_iter().flat_map(Value::items);
    let empty = one.into_iter().chain(more).filter(|selector| {
        selector.entries().all(|(_, v)| v.entries().next().is_none() && v.items().next().is_none())
    });
    Verdict::from_claims(empty.map(|selector| {
        Claim::fails(selector, "this selects every namespace: each gets a Secret with the value")
    }))
}
