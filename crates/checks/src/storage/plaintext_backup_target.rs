//! PV-D021.

use pavisade_macros::check;
use pavisade_model::kinds;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::loopback::is_loopback_url;
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Backup target without TLS or verification
///
/// ## Why
/// A backup contains everything: Secrets, volumes, whole databases. An attacker in between can read
/// it, or serve a manipulated backup for the restore.
///
/// ## Fix
/// Use an `https` address, and set the CA of the server (`caCert`, `endpointCA`) instead of
/// `insecureSkipTLSVerify`.
#[check(
    id = "PV-D021",
    severity = Medium,
    scope = Object,
    on = [BACKUP_STORAGE_LOCATION, CNPG_CLUSTER],
    fixable = Riskily
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PlaintextBackupTarget {}

impl Check for PlaintextBackupTarget {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        if object.is(kinds::CNPG_CLUSTER) {
            let store = object.at(&["spec", "backup", "barmanObjectStore"]);
            return match store.filter(|store| !store.is_null()) {
                Some(store) => Verdict::from_claims(store.get("endpointURL").and_then(plain)),
                None => Verdict::NotApplicable,
            };
        }
        let Some(config) = object.at(&["spec", "config"]).filter(|c| !c.is_null()) else {
            return Verdict::Holds;
        };
        let skips = config.get("insecureSkipTLSVerify").filter(|value| {
            value.scalar_text().is_some_and(|text| text.eq_ignore_ascii_case("true"))
        });
        let skips = skips.map(|value| {
            Claim::fails(value, "the certificate of the backup store is not verified").set("false")
        });
        let address = ["s3Url", "publicUrl"].iter().find_map(|field| plain(config.get(field)?));
        Verdict::from_claims(skips.into_iter().chain(address))
    }
}

fn plain(place: Value<'_>) -> Option<Claim<'_>> {
    let address = place.as_str()?.trim();
    let local = address.strip_prefix("http://").map(is_loopback_url)?;
    (!local).then(|| Claim::fails(place, format!("backups are sent to `{address}` in plain text")))
}
