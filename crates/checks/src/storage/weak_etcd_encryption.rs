//! PV-D002.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_snapshot::Object;
use pavisade_yaml::{Kind, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use super::encryption::{Writer, writer};
use crate::{Check, Claim, Cx, OnObject, Place, Verdict};

/// An encryption configuration that writes with a weak provider.
///
/// ## Why
/// `aescbc` is open to padding oracles, `aesgcm` loses its protection unless the key is changed
/// every 200,000 writes, and `kms` v1 (deprecated in 1.28) makes a key per object by an older
/// scheme. With all but `kms` the key stands in a file beside the data.
///
/// ## Fix
/// Put a `kms` provider with `apiVersion: v2` first (or `secretbox`, where there is no key
/// service), keep the old one below it until every object was rewritten, then remove it.
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
    /// Whether every provider but a `kms` counts as weak, `secretbox` too: its key stands beside
    /// the data.
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

/// The first provider writes; those below only read what was written before.
fn entry(entry: Value<'_>, kms_only: bool) -> Verdict<'_> {
    let (name, provider) = match writer(entry) {
        Some(Writer::Provider(name, provider)) => (name, provider),
        Some(Writer::Refused(place, why)) => return Verdict::unknown(place, why),
        None => return Verdict::NotApplicable,
    };
    match name {
        "aescbc" => Verdict::fails(
            provider,
            "`aescbc` writes: it is open to padding oracles, and its key stands beside the data",
        ),
        "aesgcm" => Verdict::fails(
            provider,
            "`aesgcm` writes: its key must be changed every 200,000 writes, and it stands beside \
             the data",
        ),
        "kms" => match provider.get("apiVersion").filter(|v| !v.is_null()).map(Value::as_str) {
            Some(Some("v2")) => Verdict::Holds,
            Some(Some("v1")) | None => Claim::fails(
                Place::field(provider, &["apiVersion"]),
                "`kms` v1 writes, which is deprecated and off by default from 1.29 on",
            )
            .severity(Severity::Low)
            .into(),
            Some(_) => {
                let place = Place::field(provider, &["apiVersion"]);
                Verdict::unknown(place, "this is no version of `kms` that is known")
            }
        },
        "secretbox" if kms_only => Verdict::fails(
            provider,
            "`secretbox` writes: its key stands beside the data, in no key service",
        ),
        "secretbox" => Verdict::Holds,
        // PV-D001 speaks of plain text.
        _ => Verdict::NotApplicable,
    }
}
