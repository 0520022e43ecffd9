//! PV-D016.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Secret stores with credentials that do not expire.
///
/// ## Why
/// The key to the vault lies in a Secret beside the secrets that it guards: whoever reads it once
/// has the whole vault from anywhere, until somebody changes it by hand.
///
/// ## Fix
/// Let the workload prove who it is: `auth.jwt` (IRSA), `auth.workloadIdentity`, `authType:
/// WorkloadIdentity`, `auth.kubernetes`.
#[check(
    id = "PV-D016",
    severity = Low,
    audience = Strict,
    scope = Object,
    on = [SECRET_STORE, CLUSTER_SECRET_STORE],
    secret = true
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct StaticSecretStoreCredential {}

/// Below `spec.provider`: what names a Secret with a credential, and what it is.
const CREDENTIALS: [(&[&str], &str); 10] = [
    (&["aws", "auth", "secretRef"], "an access key of AWS"),
    (&["gcpsm", "auth", "secretRef"], "a key of a Google service account"),
    (&["azurekv", "authSecretRef"], "a client secret of Azure"),
    (&["vault", "auth", "tokenSecretRef"], "a token of Vault"),
    (&["vault", "auth", "userPass"], "a password of Vault"),
    (&["vault", "auth", "appRole", "secretRef"], "a secret id of Vault"),
    (&["vault", "auth", "ldap", "secretRef"], "a password of LDAP"),
    (&["onepassword", "auth", "secretRef"], "a token of 1Password Connect"),
    (&["doppler", "auth", "secretRef"], "a token of Doppler"),
    (&["akeyless", "authSecretRef", "secretRef"], "an access key of Akeyless"),
];

impl Check for StaticSecretStoreCredential {
    type On = OnObject;

    fn check<'a>(&self, store: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let Some(provider) = store.at(&["spec", "provider"]).filter(|p| !p.is_null()) else {
            return Verdict::NotApplicable;
        };
        let fixed = CREDENTIALS.iter().filter_map(|(path, what)| {
            let value = provider.at(path).filter(|v| !v.is_null())?;
            Some(Claim::fails(value, format!("the store uses {what}, which does not expire")))
        });
        // A provider for tests: the values stand in the store itself.
        let fake = provider.at(&["fake", "data"]).into_iter().flat_map(Value::items);
        let fake = fake.filter_map(|entry| entry.get("value")).map(|value| {
            Claim::fails(value, "the value stands in the store itself, for whoever reads stores")
        });
        Verdict::from_claims(fixed.chain(fake))
    }
}
