//! PV-D001.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use pavisade_yaml::{Edit, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use super::encryption::{Writer, writer};
use crate::{Check, Claim, Cx, OnObject, Place, Verdict};

/// Encryption configuration leaves Secrets in plain text
///
/// ## Why
/// If `identity` is the first provider, or Secrets are not listed, every Secret is stored in plain
/// text in etcd, its snapshots and its backups. The first provider in the list is used for writing.
///
/// ## Fix
/// Put a `kms` provider with `apiVersion: v2` first for `secrets` and `identity` last, on every
/// control plane node. Then rewrite all Secrets.
#[check(
    id = "PV-D001",
    severity = Critical,
    scope = Object,
    programs = [ApiServer],
    on = [ENCRYPTION_CONFIGURATION, ENCRYPTION_CONFIG],
    fixable = Safely
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PlaintextEtcd {}

impl Check for PlaintextEtcd {
    type On = OnObject;

    fn check<'a>(&self, file: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        // The first entry for a resource applies.
        let entries: Vec<_> = file.at(&["resources"]).into_iter().flat_map(Value::items).collect();
        let covering = entries.iter().find(|entry| {
            entry.list("resources").any(|r| matches!(r.as_str(), Some("secrets" | "*." | "*.*")))
        });
        let Some(entry) = covering else {
            let place = Place::field(file.value(), &["resources"]);
            let all = entries.iter().flat_map(|entry| entry.list("resources"));
            let mut all = all.filter(|resource| resource.as_str() == Some("*"));
            if let Some(star) = all.next() {
                return Verdict::unknown(
                    star,
                    "the API server rejects `*`: use `*.` for the core group, or `*.*` for all",
                );
            }
            return Verdict::fails(
                place,
                "no entry covers `secrets`: they are stored in plain text",
            );
        };
        let first = entry.list("providers").next().unwrap_or(*entry);
        match writer(*entry) {
            Some(Writer::Provider("identity", _)) => {
                let claim = Claim::fails(
                    first,
                    "`identity` is the first provider for `secrets`: they are stored in plain text",
                );
                // As the last provider, it can still read what was written in plain text.
                let last = serde_json::json!({ "identity": {} });
                match entry.list("providers").nth(1).is_some_and(is_strong) {
                    true => claim
                        .remove()
                        .change(Place::field(*entry, &["providers"]), Edit::Append(last))
                        .into(),
                    false => claim.into(),
                }
            }
            Some(Writer::Provider(..)) => Verdict::Holds,
            Some(Writer::Refused(place, why)) => Verdict::unknown(place, why),
            None => {
                Verdict::fails(Place::field(*entry, &["providers"]), "no provider for `secrets`")
            }
        }
    }
}

/// Whether a provider is suitable for writing according to PV-D002.
fn is_strong(provider: Value<'_>) -> bool {
    let keys = provider.get("secretbox").and_then(|p| p.list("keys").next());
    provider.at(&["kms", "apiVersion"]).and_then(Value::as_str) == Some("v2") || keys.is_some()
}
