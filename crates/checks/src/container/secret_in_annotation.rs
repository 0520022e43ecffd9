//! PV-C056.

use pavisade_macros::check;
use pavisade_secrets as secrets;
use pavisade_snapshot::{Object, Pod};
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Cx, OnEvery, Verdict};

/// Secret in an annotation or label
///
/// ## Why
/// Everyone who can list the object can read the secret in its annotations and labels. They also
/// appear in logs and metrics, and controllers copy them to pods.
///
/// ## Fix
/// Rotate the secret, store it in a Secret, and refer to that from the program that reads the
/// annotation.
#[check(
    id = "PV-C056",
    severity = High,
    confidence = Medium,
    scope = Object,
    at_rest = true,
    on = [POD, DEPLOYMENT, DAEMON_SET, STATEFUL_SET, REPLICA_SET, REPLICATION_CONTROLLER, JOB, CRON_JOB, SERVICE, INGRESS, NAMESPACE, CONFIG_MAP, SERVICE_ACCOUNT, NODE],
    secret = true
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SecretInAnnotation {}

impl Check for SecretInAnnotation {
    type On = OnEvery;

    fn check<'a>(&self, object: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let own = object.at(&["metadata"]);
        // The metadata of a Pod is that of its object.
        let of_pods = object.pods().filter_map(Pod::metadata);
        let of_pods = of_pods.filter(|m| own.is_none_or(|own| own.id() != m.id()));
        let claims = own.into_iter().chain(of_pods).flat_map(|metadata| {
            ["annotations", "labels"].into_iter().filter_map(move |field| metadata.get(field))
        });
        Verdict::from_claims(
            claims.flat_map(Value::entries).filter_map(|(key, value)| judge(key, value)),
        )
    }
}

fn judge<'a>(key: &str, value: Value<'a>) -> Option<Claim<'a>> {
    let text = value.as_str()?;
    let name = key.rsplit('/').next().unwrap_or(key);
    let found = secrets::in_text_form(text).or_else(|| {
        // A checksum of a Secret (`checksum/secret`) is not a secret.
        let lower = key.to_ascii_lowercase();
        let sum = ["sum", "hash", "sha", "digest", "revision", "version", "uid"];
        let is_sum = sum.iter().any(|word| lower.contains(word));
        (!is_sum && secrets::looks_random(text)).then(|| secrets::by_name(name, text)).flatten()
    })?;
    let message = format!("`{key}` contains {}", found.what());
    Some(Claim::fails(value, message).confidence(found.confidence()))
}
