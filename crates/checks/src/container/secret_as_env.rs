//! PV-C028.

use pavisade_macros::check;
use pavisade_snapshot::Container;
use schemars::JsonSchema;
use serde::Deserialize;

use super::field::list;
use crate::{Check, Claim, Cx, OnContainer, Verdict};

/// Secret is passed as an environment variable
///
/// ## Why
/// Environment variables are inherited by child processes, appear in crash reports and debug pages,
/// and are not updated when the Secret changes.
///
/// ## Fix
/// Mount the Secret as a volume and let the program read the file.
#[check(id = "PV-C028", severity = Low, audience = Strict, scope = Object)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SecretAsEnv {}

impl Check for SecretAsEnv {
    type On = OnContainer;

    fn check<'a>(&self, container: Container<'a>, _: &Cx<'a>) -> Verdict<'a> {
        let value = container.value();
        let (single, whole) = match (list(value, &["env"]), list(value, &["envFrom"])) {
            (Ok(single), Ok(whole)) => (single, whole),
            (Err(wrong), _) | (_, Err(wrong)) => return wrong.into(),
        };
        let single = single.filter_map(|entry| {
            let reference = entry.at(&["valueFrom", "secretKeyRef"]).filter(|v| !v.is_null())?;
            let message = format!(
                "environment variable `{}` of container `{}` comes from Secret `{}`",
                entry.str("name").unwrap_or(""),
                container.name(),
                reference.str("name").unwrap_or("")
            );
            Some(Claim::fails(reference, message))
        });
        let whole = whole.filter_map(|entry| {
            let reference = entry.get("secretRef").filter(|v| !v.is_null())?;
            let message = format!(
                "container `{}` gets all of Secret `{}` as environment variables",
                container.name(),
                reference.str("name").unwrap_or("")
            );
            Some(Claim::fails(reference, message))
        });
        Verdict::from_claims(single.chain(whole))
    }
}
