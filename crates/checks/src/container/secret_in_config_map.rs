//! PV-C025.

use pavisade_macros::check;
use pavisade_secrets as secrets;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::field;
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Secret in a ConfigMap
///
/// ## Why
/// ConfigMaps are not encrypted in etcd unless this is configured, and usually many more users can
/// read ConfigMaps than Secrets.
///
/// ## Fix
/// Rotate the secret and move it to a Secret. Let the program read it from there, or insert it into
/// the configuration file when the container starts.
#[check(id = "PV-C025", severity = High, confidence = Medium, scope = Object, on = [CONFIG_MAP], secret = true)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SecretInConfigMap {}

/// Maximum number of findings per entry.
const MAX_HITS: usize = 20;

impl Check for SecretInConfigMap {
    type On = OnObject;

    fn check<'a>(&self, map: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let entries = match field::map(map.value(), &["data"]) {
            Ok(data) => data.into_iter().flat_map(Value::entries),
            Err(wrong) => return wrong.into(),
        };
        let texts = entries.flat_map(|(key, value)| {
            let Some(text) = value.scalar_text() else {
                return field::text(map.value(), &["data", key])
                    .err()
                    .map(Claim::from)
                    .into_iter()
                    .collect();
            };
            // A single line is the value of a setting, several are a file.
            let setting = !text.trim_end().contains('\n');
            match setting.then(|| secrets::in_setting(key, &text)).flatten() {
                Some(found) => {
                    let message = format!("`{key}` contains {}", found.what());
                    vec![Claim::fails(value, message).confidence(found.confidence())]
                }
                None => in_file(key, value, &text),
            }
        });
        let binary = match field::map(map.value(), &["binaryData"]) {
            Ok(data) => data.into_iter().flat_map(Value::entries),
            Err(wrong) => return wrong.into(),
        };
        Verdict::from_claims(texts.chain(binary.filter_map(|(key, value)| in_binary(key, value))))
    }
}

/// In binary data, only the format of a secret is recognized, since there are no names and values.
fn in_binary<'a>(key: &str, value: Value<'a>) -> Option<Claim<'a>> {
    let decoded = secrets::decoded(value.as_str()?)?;
    let found = secrets::in_text_form(&decoded)?;
    let message = format!("`{key}` in `binaryData` contains {}", found.what());
    Some(Claim::fails(value, message).confidence(found.confidence()))
}

fn in_file<'a>(key: &str, value: Value<'a>, text: &str) -> Vec<Claim<'a>> {
    let mut claims: Vec<Claim<'a>> = Vec::new();
    for hit in secrets::find_in_text(text, secrets::Syntax::of(key, text)) {
        let line = text.as_bytes().iter().take(hit.at).filter(|b| **b == b'\n').count() + 1;
        let named = if hit.name.is_empty() { String::new() } else { format!(" (`{}`)", hit.name) };
        let whole = text.trim_end().contains('\n');
        let line = if whole { format!(" on line {line}") } else { String::new() };
        let message = format!("`{key}` contains {}{line}{named}", hit.found.what());
        let instance = if hit.name.is_empty() { hit.found.what() } else { hit.name };
        // Report a setting that occurs several times in a file once.
        if claims.len() < MAX_HITS && !claims.iter().any(|c| c.instance == instance) {
            let claim = Claim::fails(value, message).instance(instance);
            claims.push(claim.confidence(hit.found.confidence()));
        }
    }
    claims
}
