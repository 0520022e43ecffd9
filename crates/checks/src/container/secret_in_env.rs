//! PV-C024.

use pavisade_macros::check;
use pavisade_model::Confidence;
use pavisade_snapshot::Container;
use schemars::JsonSchema;
use serde::Deserialize;

use super::field::list;
use pavisade_secrets as secrets;

use crate::{Check, Claim, Cx, OnContainer, Verdict};

/// Hard-coded secret in an environment variable
///
/// ## Why
/// Everyone who can read the workload or its repository can read the secret. Default passwords such
/// as `changeme` are reported too: they are in use, and attackers try them first.
///
/// ## Fix
/// Rotate the secret, store it in a Secret (or better, in a secret manager), and refer to it with
/// `secretKeyRef` or mount it as a file.
#[check(id = "PV-C024", severity = High, confidence = Medium, scope = Object, at_rest = true, secret = true)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SecretInEnv {}

impl Check for SecretInEnv {
    type On = OnContainer;

    fn check<'a>(&self, container: Container<'a>, _: &Cx<'a>) -> Verdict<'a> {
        let entries = match list(container.value(), &["env"]) {
            Ok(entries) => entries,
            Err(wrong) => return wrong.into(),
        };
        let claims = entries.filter_map(|entry| {
            let name = entry.str("name").unwrap_or("");
            let value = entry.get("value")?;
            let text = value.scalar_text()?;
            let (inner, found) = match secrets::in_setting(name, &text) {
                Some(found) => ("", found),
                // Flags, connection strings, whole files.
                None => {
                    let syntax = secrets::Syntax::of(name, &text);
                    let hit = secrets::find_in_text(&text, syntax).into_iter().next()?;
                    (hit.name, hit.found)
                }
            };
            let named = if inner.is_empty() { String::new() } else { format!(" (`{inner}`)") };
            let message = format!(
                "environment variable `{name}` of container `{}` contains {}{named}",
                container.name(),
                found.what()
            );
            Some(if secrets::has_asking_comment(entry) {
                let message = format!("{message}; a comment next to it says to replace it");
                Claim::fails(value, message).confidence(Confidence::Low)
            } else {
                Claim::fails(value, message).confidence(found.confidence())
            })
        });
        Verdict::from_claims(claims)
    }
}
