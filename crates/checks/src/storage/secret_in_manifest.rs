//! PV-D005.

use std::borrow::Cow;

use pavisade_macros::check;
use pavisade_model::{Confidence, kinds};
use pavisade_secrets as secrets;
use pavisade_snapshot::{Coverage, Object};
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::{self, map};
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Secret value in a manifest
///
/// ## Why
/// Base64 is not encryption: anyone who can read the repository, its history or a copy can read the
/// secret, long after it was removed from the file. This check does not apply to live clusters,
/// where Secrets always contain their values, and RBAC controls who can read them.
///
/// ## Fix
/// Rotate the secret. Store it in a secret manager and use an operator (External Secrets, Secrets
/// Store CSI), or encrypt the file with SOPS or Sealed Secrets.
#[check(
    id = "PV-D005",
    severity = Medium,
    confidence = Medium,
    scope = Object,
    files_only = true,
    on = [SECRET],
    secret = true,
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SecretInManifest {}

impl Check for SecretInManifest {
    type On = OnObject;

    fn check<'a>(&self, secret: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        if cx.coverage(kinds::SECRET) != Coverage::Partial {
            return Verdict::NotApplicable;
        }
        let parts = ["data", "stringData"].into_iter().filter_map(|field| {
            let values = match map(secret.value(), &[field]) {
                Ok(values) => values?,
                Err(wrong) => return Some(wrong.into()),
            };
            Some(match judge_part(secret, field, values) {
                Verdict::Fails(claims) if cx.world_kind().may_be_made_up() => {
                    Verdict::from_claims(claims.into_iter().map(rendered))
                }
                verdict => verdict,
            })
        });
        Verdict::all(parts)
    }
}

/// Charts can generate passwords when rendered.
fn rendered(claim: Claim<'_>) -> Claim<'_> {
    let why = "it is not known whether the value is part of the chart or was generated during \
               rendering";
    Claim::unknown(claim.place, format!("{}; {why}", claim.message))
}

fn judge_part<'a>(secret: &'a Object, part: &str, values: Value<'a>) -> Verdict<'a> {
    // Values encrypted by SOPS are `ENC[…]`, which is not a literal.
    let (mut secrets, mut unclear, mut unreadable) = (Vec::new(), Vec::new(), Vec::new());
    let mut asks = secrets::has_asking_comment(values);
    let mut wrong = None;
    for (key, value) in values.entries() {
        let Some(text) = value.scalar_text() else {
            wrong = wrong.or(field::text(values, &[key]).err());
            continue;
        };
        let text = match part {
            // Placeholders are not valid base64, or not text when decoded.
            "data" => match secrets::decoded(&text) {
                Some(decoded) if !decoded.contains('\u{fffd}') => decoded,
                _ if !secrets::is_literal(&text) => continue,
                Some(decoded) => decoded,
                None => {
                    unreadable.push(key);
                    continue;
                }
            },
            _ => text,
        };
        match judge_entry(secret, key, &text) {
            Entry::Secret(what) => {
                asks |= text.contains('\n') && secrets::asks_for_another(&text);
                secrets.push((key, what));
            }
            // This is more informative than a value of which nothing is known.
            Entry::StandIn(why) => unclear.insert(0, (key, why)),
            Entry::Unclear => unclear.push((key, "can be read from this file")),
            Entry::Public => {}
        }
    }
    if let Some((key, what)) = secrets.first() {
        let others = match secrets.len() - 1 {
            0 => String::new(),
            1 => " and another".into(),
            n => format!(" and {n} others"),
        };
        let message = format!("`{key}`{others} can be read from this file: {what}");
        return if asks {
            let message = format!("{message}; a comment next to it says to replace it");
            Claim::fails(values, message).confidence(Confidence::Low).into()
        } else {
            Claim::fails(values, message).into()
        };
    }
    if let Some(wrong) = wrong {
        return wrong.into();
    }
    if let Some(key) = unreadable.first() {
        return Verdict::unknown(
            values,
            format!("`{key}` is not valid base64, so kubectl rejects it"),
        );
    }
    match unclear.first() {
        Some((key, why)) => Verdict::unknown(
            values,
            format!("`{key}` {why}; it is not known whether it is a secret"),
        ),
        None => Verdict::Holds,
    }
}

enum Entry {
    Secret(Cow<'static, str>),
    /// Apparently an example value.
    StandIn(&'static str),
    Unclear,
    Public,
}

fn judge_entry(secret: &Object, key: &str, text: &str) -> Entry {
    let text = text.trim();
    // The values in a file are checked individually: a template among them says nothing about the
    // others.
    if text.is_empty() || !is_file(text) && !secrets::is_literal(text) {
        return Entry::Public;
    }
    let kind = secret.at(&["type"]).and_then(Value::as_str).unwrap_or("");
    match (kind, key) {
        ("helm.sh/release.v1", "release") => {
            return Entry::Secret("all values of a Helm release".into());
        }
        ("bootstrap.kubernetes.io/token", "token-secret") => {
            return Entry::Secret("a token that joins nodes to the cluster".into());
        }
        ("kubernetes.io/service-account-token", "token") => {
            return Entry::Secret("a ServiceAccount's token".into());
        }
        _ => {}
    }
    if secrets::is_stand_in(key, text) {
        return Entry::StandIn("has a placeholder value");
    }
    if let Some(found) = secrets::in_setting(key, text) {
        return Entry::Secret(found.what().into());
    }
    let in_file = secrets::find_in_text(text, secrets::Syntax::of(key, text));
    if let Some(hit) = in_file.first() {
        return Entry::Secret(hit.found.what().into());
    }
    let key_file = secrets::is_named_private_key(key);
    if secrets::in_secret(key, text) && !key_file {
        return Entry::Secret("a secret".into());
    }
    if ["$apr1$", "$2y$", "$2a$", "$2b$", ":{SHA}"].iter().any(|mark| text.contains(mark)) {
        return Entry::Secret("password hashes, which can be cracked".into());
    }
    if text.contains('\u{fffd}') {
        return Entry::Secret("binary data, such as a key or a keystore".into());
    }
    if secrets::looks_random(text) {
        return Entry::Secret("a random-looking value".into());
    }
    if key_file {
        return Entry::StandIn("contains no valid private key");
    }
    if is_public(key, text) { Entry::Public } else { Entry::Unclear }
}

/// Whether a value is a file: several lines, or JSON. Both JSON and templates end with `}}`.
fn is_file(text: &str) -> bool {
    let json = text.starts_with(['{', '[']) && !text.starts_with("{{") && !text.starts_with("[[");
    json || text.contains('\n')
}

/// Whether an entry accompanies secrets but is public.
fn is_public(key: &str, text: &str) -> bool {
    const NAMES: [&str; 33] = [
        "username",
        "user",
        "host",
        "hostname",
        "port",
        "url",
        "uri",
        "endpoint",
        "server",
        "name",
        "namespace",
        "type",
        "project",
        "region",
        "bucket",
        "database",
        "dbname",
        "db",
        "email",
        "issuer",
        "clientid",
        "id",
        "enabled",
        "insecure",
        "address",
        "domain",
        "tenant",
        "account",
        "provider",
        "version",
        "expiration",
        "description",
        "keyid",
    ];
    // A file without a detected secret.
    let is_text = text.contains('\n') || text.contains('=') || text.starts_with(['{', '[']);
    let lower = key.to_ascii_lowercase();
    let last_word = lower.rsplit(['-', '_', '.']).next().unwrap_or("");
    is_text
        || [".crt", ".pem", ".cert", ".cer", ".pub"].iter().any(|end| lower.ends_with(end))
        || text.starts_with(['/', '~'])
        || text.starts_with("ssh-")
        || NAMES.contains(&last_word)
        || NAMES.iter().any(|n| n.len() > 3 && last_word.ends_with(n))
        || text.len() <= 5
        || text.parse::<f64>().is_ok()
}
