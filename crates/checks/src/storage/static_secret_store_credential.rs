//! PV-D016.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Secret store with static credentials
///
/// ## Why
/// The credential for the vault is in a Secret, next to the secrets that it protects: anyone who
/// reads it once has access to the whole vault from anywhere, until it is rotated manually.
///
/// ## Fix
/// Use an identity of the workload: `auth.jwt` (IRSA), `auth.workloadIdentity`, `authType:
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

/// Paths below `spec.provider` to a reference to a Secret with a credential, and its description.
const CREDENTIALS: [(&[&str], &str); 10] = [
    (&["aws", "auth", "secretRef"], "an AWS access key"),
    (&["gcpsm", "auth", "secretRef"], "a key of a Google service account"),
    (&["azurekv", "authSecretRef"], "an Azure client secret"),
    (&["vault", "auth", "tokenSecretRef"], "a Vault token"),
    (&["vault", "auth", "userPass"], "a Vault password"),
    (&["vault", "auth", "appRole", "secretRef"], "a Vault secret ID"),
    (&["vault", "auth", "ldap", "secretRef"], "an LDAP password"),
    (&["onepassword", "auth", "secretRef"], "a 1Password Connect token"),
    (&["doppler", "auth", "secretRef"], "a Doppler token"),
    (&["akeyless", "authSecretRef", "secretRef"], "an Akeyless access key"),
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
        // A provider for tests, with the values in the store itself.
        let fake = provider.at(&["fake", "data"]).into_iter().flat_map(Value::items);
        let fake = fake.filter_map(|entry| entry.get("value")).map(|value| {
            Claim::fails(
                value,
                "the value is in the store itself, readable for anyone who can read stores",
            )
        });
        Verdict::from_claims(fixed.chain(fake))
    }
}
