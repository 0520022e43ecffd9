//! The serialized form of the control lines of a snapshot file.

use jiff::Timestamp;
use pavisade_model::{Cause, Confidence, Note, NoteKind, Severity};
use serde::{Deserialize, Serialize};

use super::FORMAT;
use crate::{Coverage, WorldKind, WorldParts};

/// The first line.
#[derive(Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) format: u32,
    tool: String,
    time: Timestamp,
    worlds: Vec<World>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    notes: Vec<Noted>,
}

/// `{"world":1}`: the following objects are of that world.
#[derive(Serialize, Deserialize)]
pub(super) struct Switch {
    pub(super) world: usize,
}

/// The last line.
#[derive(Serialize, Deserialize)]
pub(super) struct End {
    pub(super) end: Count,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Count {
    pub(super) objects: usize,
}

#[derive(Serialize, Deserialize)]
struct World {
    name: String,
    kind: Kind,
    /// Of the kinds that are not in `coverage`.
    others: Seen,
    coverage: Vec<OfKind>,
    #[serde(default = "default_namespace")]
    namespace: String,
}

fn default_namespace() -> String {
    "default".to_owned()
}

#[derive(Serialize, Deserialize)]
struct OfKind {
    group: String,
    kind: String,
    coverage: Seen,
    /// The reason why it was not read, as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gap: Option<String>,
    /// The reason as a [`Reason`]. Absent in files of old versions; may be an unknown variant in
    /// files of newer ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cause: Option<serde_json::Value>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Reason {
    NotAsked,
    SecretsNotAsked,
    Forbidden { resource: String },
    Silent { group: String, why: String },
    BrokeOff { after: usize, why: String },
    Unreachable,
}

/// Converts a cause to data. `None` if it is only text.
fn to_wire(cause: &Cause) -> Option<serde_json::Value> {
    let reason = match cause.clone() {
        Cause::NotAsked => Reason::NotAsked,
        Cause::SecretsNotAsked => Reason::SecretsNotAsked,
        Cause::Forbidden { resource } => Reason::Forbidden { resource },
        Cause::Silent { group, why } => Reason::Silent { group, why },
        Cause::BrokeOff { after, why } => Reason::BrokeOff { after, why },
        Cause::Unreachable => Reason::Unreachable,
        Cause::Said(_) => return None,
    };
    serde_json::to_value(reason).ok()
}

/// Converts from data, or from text, which is all that old versions wrote.
fn from_wire(cause: Option<serde_json::Value>, words: String) -> Cause {
    match cause.and_then(|cause| serde_json::from_value(cause).ok()) {
        Some(Reason::NotAsked) => Cause::NotAsked,
        Some(Reason::SecretsNotAsked) => Cause::SecretsNotAsked,
        Some(Reason::Forbidden { resource }) => Cause::Forbidden { resource },
        Some(Reason::Silent { group, why }) => Cause::Silent { group, why },
        Some(Reason::BrokeOff { after, why }) => Cause::BrokeOff { after, why },
        Some(Reason::Unreachable) => Cause::Unreachable,
        None if words == Cause::SecretsNotAsked.to_string() => Cause::SecretsNotAsked,
        None => Cause::Said(words),
    }
}

#[derive(Serialize, Deserialize)]
struct Noted {
    kind: Sort,
    place: String,
    message: String,
    remedy: String,
}

/// Defines a wire enum and the conversions to and from the domain enum.
macro_rules! same {
    ($wire:ident = $own:ident { $($variant:ident),* }) => {
        #[derive(Clone, Copy, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub(super) enum $wire { $($variant),* }

        impl From<$own> for $wire {
            fn from(own: $own) -> Self {
                match own { $($own::$variant => Self::$variant),* }
            }
        }

        impl From<$wire> for $own {
            fn from(wire: $wire) -> Self {
                match wire { $($wire::$variant => Self::$variant),* }
            }
        }
    };
}

same!(Kind = WorldKind { Files, Chart, Kustomization, Cluster });
same!(Seen = Coverage { Complete, Partial, Unread, NotServed });
same!(Rating = Severity { Critical, High, Medium, Low, Unknown });
same!(Sure = Confidence { Low, Medium, High });
same!(Sort = NoteKind { Unread, Warning, Drift, Unjudged, Info });

impl From<&super::Header> for Header {
    fn from(header: &super::Header) -> Self {
        let noted = |note: &Note| Noted {
            kind: note.kind.into(),
            place: note.place.clone(),
            message: note.message.clone(),
            remedy: note.remedy.clone(),
        };
        Self {
            format: FORMAT,
            tool: header.tool.clone(),
            time: header.time,
            worlds: header.worlds.iter().map(World::from).collect(),
            notes: header.notes.iter().map(noted).collect(),
        }
    }
}

impl From<Header> for super::Header {
    fn from(wire: Header) -> Self {
        let note = |noted: Noted| Note {
            kind: noted.kind.into(),
            place: noted.place,
            span: None,
            message: noted.message,
            remedy: noted.remedy,
        };
        Self {
            tool: wire.tool,
            time: wire.time,
            worlds: wire.worlds.into_iter().map(WorldParts::from).collect(),
            notes: wire.notes.into_iter().map(note).collect(),
        }
    }
}

impl From<&WorldParts> for World {
    fn from(parts: &WorldParts) -> Self {
        let mut coverage: Vec<_> = parts
            .coverage
            .iter()
            .map(|(key, coverage)| OfKind {
                group: key.0.clone(),
                kind: key.1.clone(),
                coverage: (*coverage).into(),
                gap: parts.causes.get(key).map(Cause::to_string),
                cause: parts.causes.get(key).and_then(to_wire),
            })
            .collect();
        let others = parts.causes.iter().filter(|(key, _)| !parts.coverage.contains_key(*key));
        coverage.extend(others.map(|(key, cause)| OfKind {
            group: key.0.clone(),
            kind: key.1.clone(),
            coverage: parts.default_coverage.into(),
            gap: Some(cause.to_string()),
            cause: to_wire(cause),
        }));
        coverage.sort_by(|a, b| (&a.group, &a.kind).cmp(&(&b.group, &b.kind)));
        let others = parts.default_coverage.into();
        let (name, namespace) = (parts.name.clone(), parts.namespace.clone());
        Self { name, kind: parts.kind.into(), others, coverage, namespace }
    }
}

impl From<World> for WorldParts {
    fn from(wire: World) -> Self {
        let mut parts = Self::files(wire.name, wire.kind.into(), Vec::new());
        parts.default_coverage = wire.others.into();
        parts.namespace = wire.namespace;
        for OfKind { group, kind, coverage, gap, cause } in wire.coverage {
            let key = (group, kind);
            parts.causes.extend(gap.map(|words| (key.clone(), from_wire(cause, words))));
            parts.coverage.insert(key, coverage.into());
        }
        parts
    }
}
