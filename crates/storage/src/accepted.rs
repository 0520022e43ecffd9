//! Whether the API server starts with an `EncryptionConfiguration`.
//!
//! It decodes strictly, so unknown fields and values of another type are errors, validates like
//! `ValidateEncryptionConfiguration` of `k8s.io/apiserver` 1.37, and accepts no resource after an entry that
//! covers it. Nothing of a key is in an error.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use pavisade_model::duration;
use pavisade_yaml::{Kind, Value};

/// The encoding of keys, as Go reads it: bits behind the last byte may be set.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// The providers with keys, and the lengths of their keys in bytes.
const WITH_KEYS: [(&str, &[usize]); 3] =
    [("aesgcm", &[16, 24, 32]), ("aescbc", &[16, 24, 32]), ("secretbox", &[32])];

/// Resources without an API, so the API server does not encrypt them.
const WITHOUT_API: [&str; 3] =
    ["apiserveripinfo", "serviceipallocations", "servicenodeportallocations"];

type Checked = Result<(), String>;

/// Checks a configuration.
///
/// # Errors
/// What the API server refuses.
pub(crate) fn accepted(root: Value<'_>) -> Checked {
    known(root, "a document", &["kind", "apiVersion", "resources"])?;
    let version = text(root, "apiVersion")?.unwrap_or_default();
    match root.str("kind") {
        Some("EncryptionConfiguration") if version == "apiserver.config.k8s.io/v1" => {}
        Some("EncryptionConfig") if version == "v1" => {}
        _ if version.is_empty() => return Err("a document without `apiVersion`".to_owned()),
        _ => return Err(format!("`apiVersion: {version}` of this kind")),
    }
    let mut plugins = BTreeSet::new();
    let mut earlier = Vec::new();
    for entry in some(root, "resources")? {
        known(entry, "an element of `resources`", &["resources", "providers"])?;
        let names = some(entry, "resources")?;
        let names = names.map(|name| if name.is_null() { Some("") } else { name.as_str() });
        let names = names.collect::<Option<Vec<_>>>();
        let names = names.ok_or("a resource that is not a string")?;
        patterns(&names)?;
        for name in names {
            let one = parsed(name);
            if earlier.contains(&("*", "*")) || earlier.contains(&("*", one.1)) {
                return Err(format!("`{name}` after a pattern that covers it"));
            }
            earlier.push(one);
        }
        for provider in some(entry, "providers")? {
            self::provider(provider, &mut plugins)?;
        }
    }
    Ok(())
}

/// Returns the name of a resource, or `*`, and its group.
pub(crate) fn parsed(name: &str) -> (&str, &str) {
    name.split_once('.').unwrap_or((name, ""))
}

/// Checks the resources of an entry.
fn patterns(names: &[&str]) -> Checked {
    let parsed: Vec<_> = names.iter().map(|name| parsed(name)).collect();
    for (name, (resource, group)) in names.iter().zip(&parsed) {
        let why = match (*resource, *group) {
            _ if name.to_lowercase() != *name => "has a capital letter",
            _ if *name == "*" => "is neither `*.` nor `*.*`",
            _ if WITHOUT_API.contains(name) => "has no API",
            (_, "events.k8s.io") => "is stored as `events`",
            (_, "extensions") => "is in a group that was removed",
            (resource, "*") if resource != "*" => "is in all groups",
            _ => continue,
        };
        return Err(format!("the resource `{name}`, which {why}"));
    }
    for (at, one) in parsed.iter().enumerate() {
        if parsed.iter().enumerate().any(|(of, other)| of != at && overlaps(*one, *other)) {
            return Err(format!("`{}` next to another pattern for the same resources", names[at]));
        }
    }
    Ok(())
}

fn overlaps(one: (&str, &str), other: (&str, &str)) -> bool {
    one == other || one == ("*", "*") || one.1 == other.1 && (one.0 == "*" || other.0 == "*")
}

/// Checks a provider. `plugins` contains the names of those before it that are plugins.
fn provider(provider: Value<'_>, plugins: &mut BTreeSet<String>) -> Checked {
    known(provider, "a provider", &["aesgcm", "aescbc", "secretbox", "identity", "kms"])?;
    let set: Vec<_> = provider.entries().filter(|(_, value)| !value.is_null()).collect();
    let [(name, value)] = set[..] else {
        return Err(format!("an element of `providers` with {} providers", set.len()));
    };
    if let Some((_, lengths)) = WITH_KEYS.iter().find(|(with, _)| *with == name) {
        known(value, name, &["keys"])?;
        return some(value, "keys")?.try_for_each(|one| key(one, name, lengths));
    }
    if name == "kms" { plugin(value, plugins) } else { known(value, name, &[]) }
}

fn key(key: Value<'_>, of: &str, lengths: &[usize]) -> Checked {
    known(key, "a key", &["name", "secret"])?;
    if text(key, "name")?.unwrap_or_default().is_empty() {
        return Err(format!("a key of `{of}` without a name"));
    }
    // Go leaves out line breaks.
    let secret = text(key, "secret")?.unwrap_or_default().replace(['\r', '\n'], "");
    match BASE64.decode(secret) {
        Ok(bytes) if lengths.contains(&bytes.len()) => Ok(()),
        Ok(bytes) => Err(format!("a key of {} bytes for `{of}`", bytes.len())),
        Err(_) => Err(format!("a key of `{of}` that is not Base64")),
    }
}

/// Checks a KMS plugin.
fn plugin(kms: Value<'_>, plugins: &mut BTreeSet<String>) -> Checked {
    known(kms, "kms", &["apiVersion", "name", "cachesize", "endpoint", "timeout"])?;
    let name = text(kms, "name")?.unwrap_or_default();
    let version = text(kms, "apiVersion")?.filter(|version| !version.is_empty()).unwrap_or("v1");
    let size = kms.get("cachesize").filter(|size| !size.is_null());
    let is_positive = |time: &str| duration(time).is_some_and(|time| time > 0);
    let has_timeout = text(kms, "timeout")?.is_none_or(is_positive);
    let endpoint = text(kms, "endpoint")?.unwrap_or_default().to_lowercase();
    let why = match version {
        _ if name.is_empty() => "without a name",
        _ if !has_timeout => "whose `timeout` is not a positive duration",
        _ if !endpoint.starts_with("unix:") => "whose `endpoint` is not a `unix` URL",
        "v1" if size.is_some_and(|size| size.as_i64().is_none_or(|size| size == 0)) => {
            "whose `cachesize` is zero or not a number"
        }
        "v2" if size.is_some() => "of version `v2` with `cachesize`",
        "v2" if name.contains(':') => "of version `v2` with a colon in its name",
        "v2" if plugins.contains(name) => "with the name of another one",
        "v1" | "v2" => {
            plugins.insert(name.to_owned());
            return Ok(());
        }
        _ => "of an unknown version",
    };
    Err(format!("a KMS plugin {why}"))
}

/// Checks that a value is a mapping with known fields.
fn known(value: Value<'_>, what: &str, fields: &[&str]) -> Checked {
    if value.kind() != Kind::Mapping {
        return Err(format!("{what} that is not a mapping"));
    }
    match value.entries().find(|(field, _)| !fields.contains(field)) {
        Some((field, of)) => {
            let at = of.key_span().map_or(0, |span| span.start);
            let line = of.doc().source().line_column(at).0;
            // The text in Base64 of the shortest key has 24 letters: its field may be forgotten.
            let is_name = field.len() < 16 && field.bytes().all(|byte| byte.is_ascii_alphabetic());
            let field = if is_name { format!(" `{field}`") } else { String::new() };
            Err(format!("the unknown field{field} of {what} in line {line}"))
        }
        None => Ok(()),
    }
}

/// Returns the elements of a list that must not be empty.
fn some<'v>(value: Value<'v>, field: &str) -> Result<impl Iterator<Item = Value<'v>>, String> {
    match value.get(field) {
        Some(list) if list.kind() == Kind::Sequence && list.items().next().is_some() => {
            Ok(list.items())
        }
        _ => Err(format!("`{field}` without an element")),
    }
}

/// Returns a text. `null` is none.
fn text<'v>(value: Value<'v>, field: &str) -> Result<Option<&'v str>, String> {
    match value.get(field).filter(|value| !value.is_null()) {
        None => Ok(None),
        Some(value) => match value.as_str() {
            Some(text) => Ok(Some(text)),
            None => Err(format!("`{field}` that is not a string")),
        },
    }
}

#[cfg(test)]
mod tests {
    use pavisade_yaml::{Source, read};

    use super::*;

    const KEY: &str = "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXoxMjM0NTY=";

    fn of(resources: &str, providers: &str) -> Checked {
        let text = format!(
            "kind: EncryptionConfiguration\napiVersion: apiserver.config.k8s.io/v1\nresources:\n- \
             {{resources: {resources}, providers: {providers}}}\n"
        );
        let documents = read(&Source::new("e", &text));
        accepted(documents.docs[0].root())
    }

    #[test]
    fn resources_that_overlap_or_are_not_stored_are_refused() {
        for (resources, why) in [
            ("[secrets, configmaps, '*.apps']", ""),
            ("[secrets, secrets.example.com]", ""),
            ("['*.', '*.apps']", ""),
            ("['*.*']", ""),
            ("[events]", ""),
            ("[~]", ""),
            ("[secrets, secrets]", "`secrets` next to"),
            ("[secrets, '*.']", "`secrets` next to"),
            ("['*.*', deployments.apps]", "`*.*` next to"),
            ("['*']", "neither `*.` nor `*.*`"),
            ("[Secrets]", "a capital letter"),
            ("[events.events.k8s.io]", "is stored as `events`"),
            ("[ingresses.extensions]", "in a group that was removed"),
            ("['secrets.*']", "is in all groups"),
            ("[serviceipallocations]", "has no API"),
            ("[5]", "not a string"),
            ("[]", "`resources` without an element"),
        ] {
            let found = of(resources, "[{identity: {}}]").err().unwrap_or_default();
            assert!(
                found.contains(why) && found.is_empty() == why.is_empty(),
                "{resources}: {found}"
            );
        }
    }

    /// Each of these was given to kube-apiserver 1.37.2.
    #[test]
    fn resources_after_a_pattern_that_covers_them_are_refused() {
        let is_accepted = |lists: &[&str]| {
            let entry = |list: &&str| {
                format!("- {{resources: [{list}], providers: [{{identity: {{}}}}]}}\n")
            };
            let entries: String = lists.iter().map(entry).collect();
            let text = format!(
                "kind: EncryptionConfiguration\napiVersion: apiserver.config.k8s.io/v1\nresources:\n{entries}"
            );
            accepted(read(&Source::new("e", &text)).docs[0].root()).is_ok()
        };
        for lists in
            [&["secrets", "'*.'"][..], &["secrets", "secrets"], &["secrets", "'*.apps'", "'*.*'"]]
        {
            assert!(is_accepted(lists), "{lists:?}");
        }
        for lists in [
            &["'*.*'", "secrets"][..],
            &["'*.'", "secrets"],
            &["'*.apps'", "deployments.apps"],
            &["'*.*'", "'*.apps'"],
        ] {
            assert!(!is_accepted(lists), "{lists:?}");
        }
    }

    #[test]
    fn providers_without_a_usable_key_or_plugin_are_refused() {
        let aes = |key: &str| format!("aescbc: {{keys: [{{name: k, secret: {key}}}]}}");
        let kms = |more: &str| format!("kms: {{name: p, endpoint: 'unix:///p', {more}}}");
        for (provider, why) in [
            (aes(KEY), ""),
            // Go leaves out line breaks, and ignores bits behind the last byte.
            (aes("\"YWJjZGVmZ2hpamts\\nbW5vcA==\""), ""),
            (aes("YWJjZGVmZ2hpamtsbW5vcB=="), ""),
            (aes("YWJjZGVmZ2hpamtsbW5vcA"), "that is not Base64"),
            (aes("<SECRET>"), "that is not Base64"),
            (aes("''"), "a key of 0 bytes for `aescbc`"),
            (aes("YWJj"), "a key of 3 bytes for `aescbc`"),
            (aes(KEY).replace("name: k", "name: ''"), "without a name"),
            ("secretbox: {keys: [{name: k, secret: YWJjZGVmZ2hpamtsbW5vcA==}]}".into(), "16 bytes"),
            ("aesgcm: {keys: []}".into(), "`keys` without an element"),
            ("aesgcm: []".into(), "not a mapping"),
            ("identity: ~".into(), "0 providers"),
            ("identity: {}, kms: {}".into(), "2 providers"),
            ("kms: ~, identity: {}".into(), ""),
            (kms(""), ""),
            (kms("apiVersion: v2, timeout: 1m0.5s"), ""),
            (kms("cachesize: -1"), ""),
            (kms("cachesize: 0"), "`cachesize` is zero"),
            (kms("apiVersion: v2, cachesize: 9"), "`v2` with `cachesize`"),
            (kms("timeout: 0s"), "not a positive duration"),
            (kms("timeout: -1s"), "not a positive duration"),
            (kms("timeout: abc1s"), "not a positive duration"),
            (kms("apiVersion: v3"), "unknown version"),
            (kms("").replace("unix:", "tcp:"), "not a `unix` URL"),
            (kms("").replace("name: p, ", ""), "without a name"),
            (kms("").replace("name: p", "name: 'a:b'"), ""),
            (kms("apiVersion: v2").replace("name: p", "name: 'a:b'"), "a colon"),
            (format!("{}}}, {{{}", kms(""), kms("apiVersion: v2")), "the name of another one"),
            (format!("{}}}, {{{}", kms("apiVersion: v2"), kms("")), ""),
        ] {
            let found = of("[secrets]", &format!("[{{{provider}}}]")).err().unwrap_or_default();
            assert!(
                found.contains(why) && found.is_empty() == why.is_empty(),
                "{provider}: {found}"
            );
            assert!(!found.contains(KEY), "{found}");
        }
    }

    #[test]
    fn only_versions_that_the_api_server_reads_are_accepted() {
        for (kind, version, is_accepted) in [
            ("EncryptionConfiguration", "apiserver.config.k8s.io/v1", true),
            ("EncryptionConfig", "v1", true),
            ("EncryptionConfiguration", "v1", false),
            ("EncryptionConfig", "apiserver.config.k8s.io/v1", false),
            ("EncryptionConfiguration", "''", false),
        ] {
            let text = format!(
                "kind: {kind}\napiVersion: {version}\nresources: [{{resources: [secrets], providers: \
                 [{{identity: {{}}}}]}}]\n"
            );
            let documents = read(&Source::new("e", &text));
            assert_eq!(accepted(documents.docs[0].root()).is_ok(), is_accepted, "{kind} {version}");
        }
    }
}
