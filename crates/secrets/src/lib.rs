//! Detection of secrets in values and texts.
//!
//! There are two rules: a format that only a credential has (the prefix of a token, a private key,
//! a URL with a password), or a name that suggests a secret with a value that looks like one.
//! Entropy supports the second rule but never decides alone. A default password (`changeme`) under
//! such a name counts: it is in use, and the first that an attacker tries. A placeholder
//! (`<password>`, `REPLACE_ME`) does not count.
//!
//! Texts for display are masked by [`mask`], which hides more than is reported.
//!
//! Out of scope: reading files of images (`oci`).

pub mod base64;
pub mod file;
mod forms;
mod mask;
mod names;
mod stand_in;
mod text;
mod tokens;
mod values;
mod weak;

use std::borrow::Cow;

use pavisade_model::Confidence;

pub use mask::{MASK, mask, mask_field, mask_words, places};
pub use stand_in::{asks_for_another, has_asking_comment, is_stand_in};
pub use text::{Syntax, find as find_in_text, find_in_words};

/// The type of a detected secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// By a format that only a credential has. Contains its name with an article.
    Form(&'static str),
    /// By the name of the setting.
    Named,
    /// By the name of the setting, with a well-known value.
    Guessable,
}

impl Found {
    /// Returns the name: `a GitHub token`, `a secret`.
    pub fn what(self) -> &'static str {
        match self {
            Self::Form(what) => what,
            Self::Named => "a secret",
            Self::Guessable => "a default password that is easy to guess",
        }
    }

    /// Returns the confidence.
    pub fn confidence(self) -> Confidence {
        match self {
            Self::Form(_) => Confidence::High,
            Self::Named | Self::Guessable => Confidence::Medium,
        }
    }
}

/// Returns whether the value of a setting is or contains a secret.
pub fn in_setting(name: &str, value: &str) -> Option<Found> {
    in_text_form(value).or_else(|| by_name(name, value))
}

/// Returns whether a text contains something in the format of a credential.
pub fn in_text_form(value: &str) -> Option<Found> {
    let mut found = None;
    tokens::find(value, &mut |token| found = found.or(Some(Found::Form(token.what))));
    found
}

/// Whether the value of a setting with that name must be checked.
fn is_telling(name: &str) -> bool {
    matches!(name, "auth" | "_auth") || names::role(name).is_some()
}

/// Returns whether the name suggests a secret and the value looks like one.
pub fn by_name(name: &str, value: &str) -> Option<Found> {
    if name == "auth" || name == "_auth" {
        // Configurations of Docker and npm.
        let form = tokens::is_user_and_password(value);
        return form.then_some(Found::Form("a registry user and password"));
    }
    let role = names::role(name)?;
    Some(match values::worth(role, value)? {
        values::Worth::Secret => Found::Named,
        values::Worth::Guessable => Found::Guessable,
    })
}

/// Whether an entry of a Kubernetes Secret is a secret by its name, regardless of how the value
/// looks.
pub fn in_secret(name: &str, value: &str) -> bool {
    names::role(name).is_some() && values::is_filled_in(value)
}

/// Whether the name is that of a private key, so that a value which is not a key is not a secret.
pub fn is_named_private_key(name: &str) -> bool {
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    name.to_ascii_lowercase().ends_with("privatekey")
}

/// Whether a value is literal: not empty, not a template, not a placeholder.
pub fn is_literal(value: &str) -> bool {
    values::is_literal(value.trim())
}

/// Whether a value looks randomly generated.
pub fn looks_random(value: &str) -> bool {
    values::looks_random(value.trim())
}

/// Decodes a value in a Secret's `data`.
pub fn decoded(value: &str) -> Option<Cow<'static, str>> {
    base64::decode(value).map(|bytes| String::from_utf8_lossy(&bytes).into_owned().into())
}
