//! Why something is not known, as data. Sentences are made of it; nobody reads it out of them.

use std::fmt;

use crate::{GroupKind, Program};

/// What is missing where a check cannot tell.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Gap {
    /// Not all objects of a kind were read.
    Kind {
        /// The kind.
        kind: GroupKind,
        /// Why.
        cause: Cause,
    },
    /// An object is not in the files that were read; the cluster may have it all the same.
    Object {
        /// Its kind.
        kind: String,
        /// Its namespace; empty where its kind has none or none is given.
        namespace: String,
        /// Its name; empty where any object of the kind would do.
        name: String,
    },
    /// A value is not of the form that the API server takes, so nothing follows from it.
    Form,
    /// A value is filled in later or somewhere else: by a template, by a variable.
    Value,
    /// The settings of a program are at a place that was not read.
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

/// Why not all objects of a kind were read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// Nobody asked for them.
    NotAsked,
    /// They are Secrets, which are read only when somebody asks for them.
    SecretsNotAsked,
    /// The right to list them in all namespaces is missing.
    Forbidden {
        /// The resource as RBAC names it: `deployments.apps`.
        resource: String,
    },
    /// Their API group is registered, and its server does not answer.
    Silent {
        /// The group.
        group: String,
        /// What went wrong.
        why: String,
    },
    /// Their list broke off.
    BrokeOff {
        /// How many objects had been read.
        after: usize,
        /// What went wrong.
        why: String,
    },
    /// The cluster could not be read at all.
    Unreachable,
    /// Words of somebody else, such as an older snapshot file: a part of a sentence.
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

/// Why something could not be determined: a sentence for people, and what is missing as data.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Why {
    /// The sentence, without a full stop.
    pub text: String,
    /// What is missing.
    pub gaps: Vec<Gap>,
}

impl Why {
    /// A sentence that says what is missing.
    pub fn of(gap: Gap, text: impl Into<String>) -> Self {
        Self { text: text.into(), gaps: vec![gap] }
    }

    /// The same with another sentence, mostly one around it.
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
