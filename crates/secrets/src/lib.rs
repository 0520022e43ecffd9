//! Finding secrets in values and in texts.
//!
//! Two rules: a form that only a credential has (a token's prefix, a private key, a URL with a
//! password), or a name that says secret beside a value that looks like one. Entropy supports the
//! second, it never decides alone. A default password (`changeme`) under such a name counts: it
//! is what runs, and the first that an attacker tries. A request to fill it in (`<password>`,
//! `REPLACE_ME`) does not.
//!
//! What is shown to people is masked by [`mask`], which hides more than is reported.
//!
//! Not here: how files are read out of images (`oci`).

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

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// A form that only a credential has; with its article.
    Form(&'static str),
    /// A value that its name calls a secret.
    Named,
    /// The same, and everybody knows it.
    Guessable,
}

impl Found {
    /// What to call it: `a GitHub token`, `a secret`.
    pub fn what(self) -> &'static str {
        match self {
            Self::Form(what) => what,
            Self::Named => "a secret",
            Self::Guessable => "a default password that is easy to guess",
        }
    }

    /// How sure it is.
    pub fn confidence(self) -> Confidence {
        match self {
            Self::Form(_) => Confidence::High,
            Self::Named | Self::Guessable => Confidence::Medium,
        }
    }
}

/// Whether the value of a setting is or holds a secret.
pub fn in_setting(name: &str, value: &str) -> Option<Found> {
    in_text_form(value).or_else(|| by_name(name, value))
}

/// Whether a text holds something that has the form of a credential.
pub fn in_text_form(value: &str) -> Option<Found> {
    let mut found = None;
    tokens::find(value, &mut |token| found = found.or(Some(Found::Form(token.what))));
    found
}

/// Whether a setting of that name is worth a look at its value.
fn is_telling(name: &str) -> bool {
    matches!(name, "auth" | "_auth") || names::role(name).is_some()
}

/// Whether the name says secret and the value looks like one.
pub fn by_name(name: &str, value: &str) -> Option<Found> {
    if name == "auth" || name == "_auth" {
        // Docker's and npm's configurations.
        let form = tokens::is_user_and_password(value);
        return form.then_some(Found::Form("a registry user and password"));
    }
    let role = names::role(name)?;
    Some(match values::worth(role, value)? {
        values::Worth::Secret => Found::Named,
        values::Worth::Guessable => Found::Guessable,
    })
}

/// Whether an entry of a Secret is one by its name, whatever it looks like.
pub fn in_secret(name: &str, value: &str) -> bool {
    names::role(name).is_some() && values::is_filled_in(value)
}

/// Whether the name says private key: whatever is no key is none.
pub fn is_named_private_key(name: &str) -> bool {
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    name.to_ascii_lowercase().ends_with("privatekey")
}

/// Whether a value stands there as it is: not empty, no template, nothing to fill in.
pub fn is_literal(value: &str) -> bool {
    values::is_literal(value.trim())
}

/// Whether a value looks made by a generator.
pub fn looks_random(value: &str) -> bool {
    values::looks_random(value.trim())
}

/// A value in a Secret's `data`, decoded.
pub fn decoded(value: &str) -> Option<Cow<'static, str>> {
    base64::decode(value).map(|bytes| String::from_utf8_lossy(&bytes).into_owned().into())
}
