//! PV-D002.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_snapshot::Object;
use pavisade_yaml::{Kind, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use super::encryption::{Writer, writer};
use crate::{Check, Claim, Cx, OnObject, Place, Verdict};

/// Weak encryption provider for etcd
///
/// ## Why
/// `aescbc` is vulnerable to padding oracle attacks, `aesgcm` is not secure unless the key is
/// rotated every 200,000 writes, and `kms` v1 (deprecated in 1.28) uses an older scheme with a key
/// per object. Except with `kms`, the key is in a file next to the data.
///
/// ## Fix
/// Put a `kms` provider with `apiVersion: v2` first (or `secretbox` if there is no key service),
/// keep the old provider below it until every object is rewritten, then remove it.
#[check(
    id = "PV-D002",
    severity = Medium,
    scope = Object,
    programs = [ApiServer],
    on = [ENCRYPTION_CONFIGURATION, ENCRYPTION_CONFIG]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WeakEtcdEncryption {
    /// Treat all providers except `kms` as weak, including `secretbox`, because its key is stored next
    /// to the data.
    kms_only: bool,
}

impl Check for WeakEtcdEncryption {
    type On = OnObject;

    fn check<'a>(&self, file: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let Some(resources) = file.at(&["resources"]).filter(|r| r.kind() == Kind::Sequence) else {
            return Verdict::NotApplicable;
        };
        Verdict::all(resources.items().map(|e| entry(e, self.kms_only)))
    }
}

/// Checks the first provider, which is used for writing; later ones are only for reading.
fn entry(entry: Value<'_>, kms_only: bool) -> Verdict<'_> {
    let (name, provider) = match writer(entry) {
        Some(Writer::Provider(name, provider)) => (name, provider),
        Some(Writer::Refused(place, why)) => return Verdict::unknown(place, why),
        None => return Verdict::NotApplicable,
    };
    match name {
        "aescbc" => Verdict::fails(
            provider,
            "`aescbc` is used for writing: it is vulnerable to padding oracle attacks, and its \
             key is stored next to the data",
        ),
        "aesgcm" => Verdict::fails(
            provider,
            "`aesgcm` is used for writing: its key must be rotated every 200,000 writes, and it \
             is stored next to the data",
        ),
        "kms" => match provider.get("apiVersion").filter(|v| !v.is_null()).map(Value::as_str) {
            Some(Some("v2")) => Verdict::Holds,
            Some(Some("v1")) | None => Claim::fails(
                Place::field(provider, &["apiVersion"]),
                "`kms` v1 is used for writing: it is deprecated, and disabled by default as of \
                 1.29",
            )
            .severity(Severity::Low)
            .into(),
            Some(_) => {
                let place = Place::field(provider, &["apiVersion"]);
                Verdict::unknown(place, "this is not a known version of `kms`")
            }
        },
        "secretbox" if kms_only => Verdict::fails(
            provider,
            "`secretbox` is used for writing: its key is stored next to the data, not in a key \
             service",
        ),
        "secretbox" => Verdict::Holds,
        // PV-D001 reports plain text.
        _ => Verdict::NotApplicable,
    }
}
