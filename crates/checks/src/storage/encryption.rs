//! Entries of an `EncryptionConfiguration`, validated like the API server does (k8s.io/apiserver
//! `pkg/apis/apiserver/validation`).

use pavisade_yaml::Value;

use pavisade_secrets as secrets;

/// The first provider of an entry, which is used for writing.
pub(super) enum Writer<'a> {
    /// Its name and settings.
    Provider(&'static str, Value<'a>),
    /// The API server does not start with such an entry, so nothing can be concluded from it: the
    /// place and the reason.
    Refused(Value<'a>, String),
}

/// The providers, and the valid lengths of their keys in bytes, if they have any.
const PROVIDERS: [(&str, &[usize]); 5] = [
    ("aescbc", &[16, 24, 32]),
    ("aesgcm", &[16, 24, 32]),
    ("identity", &[]),
    ("kms", &[]),
    ("secretbox", &[32]),
];

/// Returns the first provider of an entry, if any.
pub(super) fn writer(entry: Value<'_>) -> Option<Writer<'_>> {
    let first = entry.list("providers").next()?;
    let refused = |why: &str| Some(Writer::Refused(first, why.to_owned()));
    let set = |name: &str| first.get(name).filter(|value| !value.is_null());
    let mut named =
        PROVIDERS.iter().filter_map(|(name, lengths)| Some((*name, lengths, set(name)?)));
    let Some((name, lengths, settings)) = named.next() else {
        return refused("this contains no provider that the API server supports");
    };
    if let Some((other, ..)) = named.next() {
        return refused(&format!(
            "`{name}` and `{other}` are in one element, but each needs its own dash: the API \
             server rejects this"
        ));
    }
    if let Some(why) = wrong_keys(settings, lengths) {
        return Some(Writer::Refused(
            settings,
            format!("`{name}` {why}: the API server rejects it"),
        ));
    }
    Some(Writer::Provider(name, settings))
}

/// Returns the error in a provider's keys. A placeholder is not an error.
fn wrong_keys(settings: Value<'_>, lengths: &[usize]) -> Option<String> {
    if lengths.is_empty() {
        return None;
    }
    let mut keys = settings.list("keys").peekable();
    if keys.peek().is_none() {
        return Some("has no key".to_owned());
    }
    keys.find_map(|key| {
        let text = key.get("secret")?.scalar_text()?;
        let bytes = secrets::is_literal(&text).then(|| secrets::base64::decode(text.trim()))??;
        let wrong = !lengths.contains(&bytes.len());
        let wanted: Vec<_> = lengths.iter().map(usize::to_string).collect();
        wrong.then(|| {
            format!("has a key of {} bytes instead of {}", bytes.len(), wanted.join(" or "))
        })
    })
}
