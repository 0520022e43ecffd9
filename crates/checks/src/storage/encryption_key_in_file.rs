//! PV-D024.

use pavisade_macros::check;
use pavisade_secrets as secrets;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Encryption key in a file
///
/// ## Why
/// The key decrypts every Secret in etcd, its snapshots and its backups. Anyone who can read the
/// repository, the disk of the node or a copy of either can read the key. Once it is in the history
/// of a repository, it stays there.
///
/// ## Fix
/// Use a `kms` provider with `apiVersion: v2`. Until then, keep the file out of repositories,
/// rotate a key that was in one, and rewrite all Secrets.
#[check(
    id = "PV-D024",
    severity = High,
    confidence = Medium,
    scope = Object,
    programs = [ApiServer],
    on = [ENCRYPTION_CONFIGURATION, ENCRYPTION_CONFIG],
    secret = true
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EncryptionKeyInFile {}

impl Check for EncryptionKeyInFile {
    type On = OnObject;

    fn check<'a>(&self, file: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let entries = file.at(&["resources"]).into_iter().flat_map(Value::items);
        let providers = entries.flat_map(|entry| entry.list("providers"));
        let keys = providers.flat_map(|provider| {
            let of = ["aescbc", "aesgcm", "secretbox"].into_iter();
            let of = of.filter_map(move |name| Some((name, provider.get(name)?)));
            of.flat_map(|(name, provider)| provider.list("keys").map(move |key| (name, key)))
        });
        Verdict::from_claims(keys.filter_map(|(provider, key)| {
            let value = key.get("secret")?;
            let text = value.scalar_text()?;
            // Placeholders and values encrypted by SOPS are not keys.
            let bytes =
                secrets::is_literal(&text).then(|| secrets::base64::decode(text.trim()))??;
            if !matches!(bytes.len(), 16 | 24 | 32) {
                return None;
            }
            let known =
                bytes.is_ascii() && bytes.iter().all(|b| b.is_ascii_graphic() || *b == b' ');
            let name = key.str("name").unwrap_or("");
            let what = match known {
                true => "is a human-readable text in this file",
                false => "is in this file",
            };
            Some(Claim::fails(value, format!("key `{name}` of `{provider}` {what}")).instance(name))
        }))
    }
}
