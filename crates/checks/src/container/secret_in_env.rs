//! PV-C024.

use pavisade_macros::check;
use pavisade_model::Confidence;
use pavisade_snapshot::Container;
use schemars::JsonSchema;
use serde::Deserialize;

use super::field::list;
use pavisade_secrets as secrets;

use crate::{Check, Claim, Cx, OnContainer, Verdict};

/// Containers with a secret written into an environment variable.
///
/// ## Why
/// Whoever may read the workload or its repository reads the secret. A default password (such as
/// `changeme`) counts too: it is what runs, and the first that an attacker tries.
///
/// ## Fix
/// Change the secret, put it into a Secret (better: a secret manager), and refer to it by
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
                "environment variable `{name}` of container `{}` holds {}{named}",
                container.name(),
                found.what()
            );
            Some(if secrets::has_asking_comment(entry) {
                let message = format!("{message}; a comment beside it asks for another");
                Claim::fails(value, message).confidence(Confidence::Low)
            } else {
                Claim::fails(value, message).confidence(found.confidence())
            })
        });
        Verdict::from_claims(claims)
    }
}
