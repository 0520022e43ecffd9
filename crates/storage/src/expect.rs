//! What an `EncryptionConfiguration` says about each resource: which provider writes it.
//!
//! The first entry whose `resources` match applies (`*.` is the core group, `*.GROUP` a group, `*.*`
//! everything), and the first provider of that entry writes.

use std::fmt;

use pavisade_yaml::{Doc, Kind, NoteKind, Source, Value, read};
use sha2::{Digest as _, Sha256};

use crate::accepted::{accepted, parsed};
use crate::resource::has_unknown_group;
use crate::stored::{Form, Provider};

/// Which form the values of a resource should have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Writer {
    /// The provider, and the name of the key or plugin.
    Encrypts(Provider, String),
    /// `identity` comes first: plain text.
    Identity,
    /// No entry matches: plain text.
    NoEntry,
    /// The entry cannot be understood; the reason.
    Unclear(String),
}

impl Writer {
    /// Whether a value has the form that this writer gives it. `None` if that is not known.
    pub fn wrote(&self, form: &Form) -> Option<bool> {
        match (self, form) {
            (Self::Unclear(_), _) | (_, Form::Empty) => None,
            (Self::Encrypts(provider, name), Form::Encrypted { provider: by, key, .. }) => {
                Some(provider == by && name == key)
            }
            (Self::Encrypts(..), _) => Some(false),
            (Self::Identity | Self::NoEntry, form) => form.is_plain(),
        }
    }

    /// Returns the text for users.
    pub fn label(&self) -> String {
        match self {
            Self::Encrypts(provider, key) => format!("{} {key}", provider.name()),
            Self::Identity => "identity (plain text)".to_owned(),
            Self::NoEntry => "no entry (plain text)".to_owned(),
            Self::Unclear(why) => format!("unclear: {why}"),
        }
    }
}

/// The entries of a configuration.
#[derive(Clone, PartialEq, Eq)]
pub struct Expected {
    /// Or why the API server refuses it, so that nothing is written by it.
    entries: Result<Vec<(Vec<String>, Writer)>, String>,
    /// The SHA-256 of all resources with their keys, which tells whether two configurations are the
    /// same. It is shown nowhere.
    digest: [u8; 32],
}

impl fmt::Debug for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Expected").field("entries", &self.entries).finish_non_exhaustive()
    }
}

impl Expected {
    /// Reads a configuration. Keys are not kept.
    ///
    /// # Errors
    /// It is not an `EncryptionConfiguration`.
    pub fn read(name: &str, text: &str) -> Result<Self, String> {
        let documents = read(&Source::new(name, text));
        // The text may quote a key, so it is not repeated.
        if documents.notes.iter().any(|note| note.kind == NoteKind::Unreadable) {
            return Err("it is not valid YAML".to_owned());
        }
        // The API server reads the first document only, also if it is empty.
        let first = documents.docs.first().filter(|doc| !follows_another(doc, text));
        let root = first.map(|doc| doc.root());
        let known = |root: &Value<'_>| {
            matches!(root.str("kind"), Some("EncryptionConfiguration" | "EncryptionConfig"))
        };
        let Some(root) = root.filter(known) else {
            return Err("it is not an EncryptionConfiguration".to_owned());
        };
        let entry = |entry: Value<'_>| {
            let names = entry.list("resources").filter_map(|name| name.as_str().map(str::to_owned));
            (names.collect(), writer(entry))
        };
        let span = root.doc().span();
        let twice = documents
            .notes
            .iter()
            .find(|note| note.kind == NoteKind::DuplicateKey && span.contains(&note.span.0));
        let once = twice.map_or(Ok(()), |note| {
            let line = root.doc().source().line_column(note.span.0).0;
            Err(format!("the field in line {line}, which occurs again"))
        });
        let entries = once
            .and_then(|()| accepted(root))
            .map(|()| root.list("resources").map(entry).collect())
            .map_err(|why| format!("the API server refuses {why}"));
        let mut hash = Sha256::new();
        if let Some(resources) = root.get("resources") {
            add(&mut hash, resources);
        }
        Ok(Self { entries, digest: hash.finalize().into() })
    }

    /// Why the API server does not start with the configuration, so that nothing is written by it.
    pub fn refused(&self) -> Option<&str> {
        self.entries.as_ref().err().map(String::as_str)
    }

    /// Returns the writer of a resource with its group: `secrets`, `deployments.apps`.
    ///
    /// If the group is not known, the name decides, and an entry for a whole group leaves it unclear.
    pub fn writer(&self, resource: &str) -> Writer {
        let entries = match &self.entries {
            Ok(entries) => entries,
            Err(why) => return Writer::Unclear(why.clone()),
        };
        let unknown = has_unknown_group(resource);
        let (_, group) = parsed(resource);
        let matches = |pattern: &String| match pattern.strip_prefix("*.") {
            Some("*") => true,
            Some(of) => of == group || unknown,
            None if unknown => pattern.split('.').next() == Some(resource),
            None => pattern == resource,
        };
        let Some((patterns, writer)) =
            entries.iter().find(|(patterns, _)| patterns.iter().any(matches))
        else {
            return Writer::NoEntry;
        };
        let mut certain =
            patterns.iter().filter(|p| !unknown || !p.starts_with("*.") || *p == "*.*");
        if certain.any(matches) {
            writer.clone()
        } else {
            let why = format!("it is not known to which API group `{resource}` belongs");
            Writer::Unclear(why)
        }
    }
}

/// Whether an empty document is before this one.
fn follows_another(doc: &Doc, text: &str) -> bool {
    let start = usize::try_from(doc.span().start).unwrap_or(usize::MAX);
    let before = text.get(..start).unwrap_or_default();
    let starts = before.lines().filter(|line| line.starts_with("---")).count();
    starts > 1 || before.lines().any(|line| line.starts_with("..."))
}

/// Adds a value to a hash, whatever the order of its fields.
fn add(hash: &mut Sha256, value: Value<'_>) {
    let text = |hash: &mut Sha256, kind: u8, text: &str| {
        hash.update([kind]);
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    };
    match value.kind() {
        Kind::Mapping => {
            let mut fields: Vec<_> = value.entries().collect();
            fields.sort_by_key(|(name, _)| *name);
            hash.update([b'{']);
            for (name, value) in fields {
                text(hash, b':', name);
                add(hash, value);
            }
            hash.update([b'}']);
        }
        Kind::Sequence => {
            hash.update([b'[']);
            value.items().for_each(|item| add(hash, item));
            hash.update([b']']);
        }
        Kind::Null => hash.update([b'0']),
        Kind::Bool | Kind::Number | Kind::Text => {
            text(hash, b'"', &value.scalar_text().unwrap_or_default());
        }
    }
}

/// Returns who writes the resources of an entry that the API server accepts.
fn writer(entry: Value<'_>) -> Writer {
    let first = entry.list("providers").next();
    let set = first.and_then(|first| first.entries().find(|(_, value)| !value.is_null()));
    let Some((name, value)) = set else {
        return Writer::Unclear("an entry has no provider".to_owned());
    };
    let provider = match name {
        "aescbc" => Provider::AesCbc,
        "aesgcm" => Provider::AesGcm,
        "secretbox" => Provider::Secretbox,
        "kms" if value.str("apiVersion") == Some("v2") => Provider::KmsV2,
        "kms" => Provider::KmsV1,
        "identity" => return Writer::Identity,
        _ => return Writer::Unclear("the first provider is not known".to_owned()),
    };
    let named = if name == "kms" { Some(value) } else { value.list("keys").next() };
    match named.and_then(|named| named.str("name")) {
        Some(name) if name.contains(':') => Writer::Unclear(format!(
            "the values of `{name}` cannot be recognized, because it contains a colon"
        )),
        Some(name) => Writer::Encrypts(provider, name.to_owned()),
        None => Writer::Unclear(format!("`{name}` has no name")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "kind: EncryptionConfiguration
apiVersion: apiserver.config.k8s.io/v1
resources:
- resources: [secrets]
  providers:
  - aescbc: {keys: [{name: k, secret: YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXoxMjM0NTY=}]}
";

    fn refused(text: &str) -> Option<String> {
        Expected::read("e", text).unwrap().refused().map(str::to_owned)
    }

    #[test]
    fn what_strict_decoding_refuses_is_refused_without_the_key() {
        assert_eq!(refused(GOOD), None);
        let twice = refused(&GOOD.replace("  providers:", "  providers: []\n  providers:"));
        assert!(twice.as_ref().is_some_and(|why| why.contains("line 5")), "{twice:?}");
        // The name of a field may be a key.
        let without = refused(&GOOD.replace("secret: ", "")).unwrap();
        assert!(without.contains("unknown field of a key in line 6"), "{without}");
        assert!(!without.contains("YWJj"), "{without}");
    }

    #[test]
    fn only_the_first_document_counts_also_if_it_is_empty() {
        for before in ["", "---\n", "# a\n---\n"] {
            assert_eq!(refused(&format!("{before}{GOOD}---\nkind: x\n")), None, "{before}");
        }
        for before in ["---\n---\n", "# a\n---\n# b\n---\n", "---\n...\n---\n"] {
            assert!(Expected::read("e", &format!("{before}{GOOD}")).is_err(), "{before}");
        }
        // What follows is not decoded.
        let later = format!("{GOOD}---\na: 1\na: 2\n");
        assert_eq!(refused(&later), None);
    }

    #[test]
    fn a_name_with_a_colon_is_unclear() {
        let expected = Expected::read("e", &GOOD.replace("name: k", "name: 'a:b'")).unwrap();
        assert!(matches!(expected.writer("secrets"), Writer::Unclear(_)));
    }
}
