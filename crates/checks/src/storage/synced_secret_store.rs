//! PV-D008.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::list;
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Secrets Store CSI driver syncs to Secrets
///
/// ## Why
/// With `secretObjects`, the driver copies values from the vault to a Secret: they are stored in
/// etcd and its backups, and everyone who can read Secrets in the namespace can read them.
///
/// ## Fix
/// Remove `secretObjects` and let the program read the mounted file.
#[check(id = "PV-D008", severity = Low, scope = Object, on = [SECRET_PROVIDER_CLASS])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SyncedSecretStore {}

impl Check for SyncedSecretStore {
    type On = OnObject;

    fn check<'a>(&self, class: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let objects = match list(class.value(), &["spec", "secretObjects"]) {
            Ok(objects) => objects,
            Err(wrong) => return wrong.into(),
        };
        Verdict::from_claims(objects.map(|object| {
            let name = object.get("secretName");
            Claim::fails(
                name.unwrap_or(object),
                format!(
                    "the driver copies values from the vault to Secret `{}`",
                    name.and_then(Value::as_str).unwrap_or("")
                ),
            )
        }))
    }
}
