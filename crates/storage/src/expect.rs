//! What an `EncryptionConfiguration` says about each resource: which provider writes it.
//!
//! The first entry whose `resources` match applies (`*.` is the core group, `*.GROUP` a group, `*.*`
//! everything), and the first provider of that entry writes.

use std::fmt;

use pavisade_yaml::{Kind, NoteKind, Source, Value, read};
use sha2::{Digest as _, Sha256};

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
    entries: Vec<(Vec<String>, Writer)>,
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
        let root = documents.docs.first().map(|doc| doc.root());
        let known = |root: &Value<'_>| {
            matches!(root.str("kind"), Some("EncryptionConfiguration" | "EncryptionConfig"))
        };
        let Some(root) = root.filter(known) else {
            return Err("it is not an EncryptionConfiguration".to_owned());
        };
        let entries = root.list("resources").map(|entry| {
            let names = entry.list("resources").filter_map(|name| name.as_str().map(str::to_owned));
            (names.collect(), writer(entry))
        });
        let mut hash = Sha256::new();
        if let Some(resources) = root.get("resources") {
            add(&mut hash, resources);
        }
        Ok(Self { entries: entries.collect(), digest: hash.finalize().into() })
    }

    /// Returns the writer of a resource with its group: `secrets`, `deployments.apps`.
    pub fn writer(&self, resource: &str) -> Writer {
        let group = resource.split_once('.').map_or("", |(_, group)| group);
        let matches = |pattern: &String| match pattern.strip_prefix("*.") {
            Some("*") => true,
            Some(of) => of == group,
            None => pattern == resource,
        };
        let entry = self.entries.iter().find(|(patterns, _)| patterns.iter().any(matches));
        entry.map_or(Writer::NoEntry, |(_, writer)| writer.clone())
    }
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

fn writer(entry: Value<'_>) -> Writer {
    let Some(first) = entry.list("providers").next() else {
        return Writer::Unclear("an entry has no provider".to_owned());
    };
    let key = |name: &str, provider| {
        let key = first.at(&[name, "keys"]).and_then(|keys| keys.items().next());
        match key.and_then(|key| key.str("name")) {
            Some(name) => Writer::Encrypts(provider, name.to_owned()),
            None => Writer::Unclear(format!("`{name}` has no key with a name")),
        }
    };
    let set: Vec<&str> = ["aescbc", "aesgcm", "secretbox", "kms", "identity"]
        .into_iter()
        .filter(|name| first.get(name).is_some_and(|value| !value.is_null() || *name == "identity"))
        .collect();
    match set[..] {
        ["aescbc"] => key("aescbc", Provider::AesCbc),
        ["aesgcm"] => key("aesgcm", Provider::AesGcm),
        ["secretbox"] => key("secretbox", Provider::Secretbox),
        ["identity"] => Writer::Identity,
        ["kms"] => {
            let kms = first.get("kms");
            let version = kms.and_then(|kms| kms.str("apiVersion")).unwrap_or("v1");
            let name = kms.and_then(|kms| kms.str("name"));
            match (name, version) {
                (Some(name), "v2") => Writer::Encrypts(Provider::KmsV2, name.to_owned()),
                (Some(name), "v1") => Writer::Encrypts(Provider::KmsV1, name.to_owned()),
                (Some(_), _) => Writer::Unclear("`kms` has an unknown version".to_owned()),
                (None, _) => Writer::Unclear("`kms` has no name".to_owned()),
            }
        }
        [] => Writer::Unclear("the first provider is not known".to_owned()),
        _ => Writer::Unclear("one element has several providers".to_owned()),
    }
}
