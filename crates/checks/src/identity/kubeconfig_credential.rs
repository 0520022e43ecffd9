//! PV-I026.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use pavisade_yaml::{Kind, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use super::kubeconfig::{entries, is_kubeconfig};
use crate::{Check, Claim, Cx, OnObject, Place, Verdict};

/// Credential in a kubeconfig
///
/// ## Why
/// Anyone who gets the file, from a repository, a backup or a build log, can act as that user. Keys
/// and tokens in a kubeconfig need no second factor, and usually do not expire.
///
/// ## Fix
/// Revoke the credential. Use an `exec` credential plugin that logs in on demand, or for machines a
/// `tokenFile` with a token that is renewed.
#[check(id = "PV-I026", severity = Medium, scope = Object, files_only = true, on = [KUBECONFIG], secret = true)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct KubeconfigCredential {}

/// Fields of a user with a credential, and its description. Certificates without keys are public.
const FIELDS: [(&str, &str); 3] = [
    ("token", "the user's token"),
    ("password", "the user's password"),
    ("client-key-data", "the private key of the user's certificate"),
];

/// Settings of the old `auth-provider` plugins (removed in 1.26) with a credential.
const PROVIDER_FIELDS: [&str; 4] = ["access-token", "client-secret", "id-token", "refresh-token"];

impl Check for KubeconfigCredential {
    type On = OnObject;

    fn check<'a>(&self, file: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        if !is_kubeconfig(file) {
            return Verdict::NotApplicable;
        }
        let users = entries(file, "users", "user");
        Verdict::from_claims(users.flat_map(|(name, user)| credentials(name, user)))
    }
}

/// The place is the enclosing map, so that the finding does not show the value.
fn credentials<'a>(name: &str, user: Value<'a>) -> Vec<Claim<'a>> {
    let mut claims = Vec::new();
    for (field, what) in FIELDS {
        if user.get(field).is_some_and(is_credential) {
            let message = format!("`{field}` of user `{name}` is {what}");
            claims.push(Claim::fails(Place::At(user, field.into()), message));
        }
    }
    if let Some(config) = user.at(&["auth-provider", "config"]) {
        for field in PROVIDER_FIELDS {
            if config.get(field).is_some_and(is_credential) {
                let message = format!("`{field}` of user `{name}` is in the file");
                claims.push(Claim::fails(Place::At(config, field.into()), message));
            }
        }
    }
    if let Some(exec) = user.get("exec") {
        let secret_name = |variable: &str| {
            let upper = variable.to_ascii_uppercase();
            ["SECRET", "PASSWORD", "TOKEN"].iter().any(|word| upper.contains(word))
                && !["FILE", "PATH", "URL", "ENDPOINT"].iter().any(|word| upper.ends_with(word))
        };
        for variable in exec.list("env") {
            let name_of = variable.str("name").unwrap_or("");
            if secret_name(name_of) && variable.get("value").is_some_and(is_credential) {
                let message = format!(
                    "the value of `{name_of}` for the plugin of user `{name}` is in the file"
                );
                let place = Place::field(exec, &["env"]);
                claims.push(Claim::fails(place, message).instance(name_of));
            }
        }
        for argument in exec.list("args").filter_map(Value::as_str) {
            let Some((flag, value)) = argument.split_once('=') else { continue };
            let secret = flag.ends_with("-secret") || flag.ends_with("-password");
            if secret && !is_placeholder(value) {
                let message =
                    format!("the value of `{flag}` for the plugin of user `{name}` is in the file");
                claims.push(Claim::fails(Place::field(exec, &["args"]), message).instance(flag));
            }
        }
    }
    claims
}

fn is_credential(value: Value<'_>) -> bool {
    match value.kind() {
        Kind::Null => false,
        _ => value.scalar_text().is_some_and(|text| !is_placeholder(&text)),
    }
}

/// Whether the value is a placeholder, or was redacted (`kubectl config view` prints `REDACTED` and
/// `DATA+OMITTED`).
fn is_placeholder(text: &str) -> bool {
    let text = text.trim();
    let lower = text.to_ascii_lowercase();
    let blank = text.chars().all(|c| matches!(c, '*' | '.' | '-' | '_' | 'x' | 'X' | '…'));
    let template = ["${", "$(", "{{", "<", "%{", "@@"].iter().any(|mark| text.starts_with(mark))
        || text.starts_with('$') && text.chars().skip(1).all(|c| c.is_alphanumeric() || c == '_')
        || text.starts_with("__") && text.ends_with("__");
    let word = [
        "changeme",
        "data+omitted",
        "dummy",
        "example",
        "placeholder",
        "redacted",
        "replace-me",
        "replace_me",
        "replaceme",
        "todo",
        "token",
        "your-token",
        "your-token-here",
    ];
    blank || template || word.contains(&lower.as_str())
}
