//! Reasons for unknown results, as data. Sentences are generated from them and never parsed.

use std::fmt;

use crate::{GroupKind, Program};

/// Data that is missing for a verdict.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Gap {
    /// Not all objects of a kind were read.
    Kind {
        /// The kind.
        kind: GroupKind,
        /// The reason.
        cause: Cause,
    },
    /// An object is not in the files that were read. The cluster may have it.
    Object {
        /// Its kind.
        kind: String,
        /// Its namespace. Empty if its kind is cluster-scoped or no namespace is given.
        namespace: String,
        /// Its name. Empty if any object of the kind would do.
        name: String,
    },
    /// A value does not have the type that the API server expects, so nothing can be concluded from
    /// it.
    Form,
    /// A value is set later or elsewhere: by a template or a variable.
    Value,
    /// The settings of a program are at a location that was not read.
    Settings(Program),
}

impl Gap {
    /// An object that is not in the files.
    pub fn object(kind: &str, namespace: &str, name: &str) -> Self {
        let [kind, namespace, name] = [kind, namespace, name].map(str::to_owned);
        Self::Object { kind, namespace, name }
    }
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind { kind, cause } => {
                write!(f, "{} were not read: {cause}", kind.full_resource())
            }
            Self::Object { kind, namespace, name } => match (&**namespace, &**name) {
                (_, "") => write!(f, "these files contain no {kind}"),
                ("", name) => write!(f, "{kind} `{name}` is not in these files"),
                (namespace, name) => write!(f, "{kind} `{namespace}/{name}` is not in these files"),
            },
            Self::Form => f.write_str("a value cannot be read"),
            Self::Value => f.write_str("a value is set later"),
            Self::Settings(program) => {
                write!(f, "the settings of {} were not read", program.name())
            }
        }
    }
}

/// The reason why not all objects of a kind were read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// They were not requested.
    NotAsked,
    /// They are Secrets, which are read only on request.
    SecretsNotAsked,
    /// The permission to list them in all namespaces is missing.
    Forbidden {
        /// The resource in RBAC's notation: `deployments.apps`.
        resource: String,
    },
    /// Their API group is registered, but its server does not respond.
    Silent {
        /// The group.
        group: String,
        /// The error.
        why: String,
    },
    /// Listing them failed partway.
    BrokeOff {
        /// The number of objects read before the error.
        after: usize,
        /// The error.
        why: String,
    },
    /// The cluster could not be read at all.
    Unreachable,
    /// A phrase from elsewhere, such as an older snapshot file.
    Said(String),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAsked => f.write_str("it was not requested"),
            Self::SecretsNotAsked => f.write_str("Secrets are listed only with `--secrets`"),
            Self::Forbidden { resource } => {
                write!(f, "permission to list `{resource}` in all namespaces is missing")
            }
            Self::Silent { group, why } => {
                write!(f, "`{group}` is registered but does not respond: {why}")
            }
            Self::BrokeOff { after: 0, why } => f.write_str(why),
            Self::BrokeOff { after, why } => {
                write!(f, "the list was interrupted after {after}: {why}")
            }
            Self::Unreachable => f.write_str("the cluster could not be read"),
            Self::Said(words) => f.write_str(words),
        }
    }
}

/// Why something could not be determined: a sentence, and the missing data.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Why {
    /// The sentence, without a period.
    pub text: String,
    /// The missing data.
    pub gaps: Vec<Gap>,
}

impl Why {
    /// A reason with one gap.
    pub fn of(gap: Gap, text: impl Into<String>) -> Self {
        Self { text: text.into(), gaps: vec![gap] }
    }

    /// Replaces the sentence and keeps the gaps. `tell` gets the current sentence.
    pub fn told(self, tell: impl FnOnce(&str) -> String) -> Self {
        Self { text: tell(&self.text), ..self }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<String> for Why {
    fn from(text: String) -> Self {
        Self { text, gaps: Vec::new() }
    }
}

impl From<&str> for Why {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<Gap> for Why {
    fn from(gap: Gap) -> Self {
        Self { text: gap.to_string(), gaps: vec![gap] }
    }
}
