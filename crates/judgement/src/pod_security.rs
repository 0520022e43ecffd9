//! Pod Security by namespace: the levels that are met, and the labels that enforce a level.

use std::sync::Arc;

use pavisade_model::{Finding, KubernetesVersion, Note, Subject};
use pavisade_snapshot::Object;
use pavisade_yaml::Value;

const PREFIX: &str = "pod-security.kubernetes.io/";

/// A level of the Pod Security Standards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Unrestricted.
    Privileged,
    /// Prevents known privilege escalations.
    Baseline,
    /// Requires hardened pods, in addition to Baseline.
    Restricted,
}

impl Level {
    /// All levels, least strict first.
    pub const ALL: [Self; 3] = [Self::Privileged, Self::Baseline, Self::Restricted];

    /// Returns the name used in labels.
    pub fn name(self) -> &'static str {
        match self {
            Self::Privileged => "privileged",
            Self::Baseline => "baseline",
            Self::Restricted => "restricted",
        }
    }

    /// Returns the next stricter level.
    pub fn next(self) -> Option<Self> {
        Self::ALL.into_iter().find(|level| *level > self)
    }

    /// Parses the name used in labels.
    pub fn read(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == text)
    }
}

/// The results for all namespaces.
#[derive(Debug)]
pub struct PodSecurity {
    /// All namespaces of all worlds, ordered by world and name.
    pub namespaces: Vec<NamespaceSecurity>,
    /// Notes from reading.
    pub notes: Vec<Note>,
    /// The version whose levels apply.
    pub kubernetes: KubernetesVersion,
}

/// The result for a namespace.
#[derive(Debug)]
pub struct NamespaceSecurity {
    /// The world it belongs to.
    pub world: Arc<str>,
    /// Whether the world is a live cluster.
    pub live: bool,
    /// The name. Empty for objects in files without a namespace.
    pub name: Arc<str>,
    /// The number of objects in it that create pods.
    pub workloads: usize,
    /// The strictest level that is proven to be met.
    pub met: Level,
    /// The strictest level without known violations.
    pub possible: Level,
    /// The violations of the next level: the first with known violations.
    pub breaks: Vec<Finding>,
    /// Reasons why levels between `met` and `possible` are unknown.
    pub doubts: Vec<Doubt>,
    /// Its labels. `None` if the Namespace was not read.
    pub labels: Option<Labels>,
    /// How the enforced level relates to its content.
    pub standing: Standing,
}

/// A reason why it is unknown whether a level is met.
#[derive(Debug, Clone)]
pub struct Doubt {
    /// The least strict level that is uncertain.
    pub level: Level,
    /// The reason.
    pub why: Reason,
}

/// The reason why a level is uncertain.
#[derive(Debug, Clone)]
pub enum Reason {
    /// A check had an unknown result, for one object or for the world.
    Finding(Arc<Finding>),
    /// An object is incomplete, for this reason.
    Object(Subject, &'static str),
    /// Data about the whole world is missing. Contains the message.
    Missing(String),
}

/// How the level that a namespace enforces relates to its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It enforces the level that is met.
    Fits,
    /// It enforces a less strict level than is met, or none.
    Weaker,
    /// It enforces a stricter level than is met: pods that violate it are refused at the next
    /// rollout.
    Stricter,
    /// It enforces a stricter level than is proven.
    Unproven,
    /// It has labels that the API server rejects.
    Invalid,
    /// It is exempt in the API server's configuration, so labels have no effect.
    Exempt,
    /// A system namespace that enforces a less strict level than it meets. The next add-on may need
    /// access to nodes.
    System,
    /// It has no workloads, so the level that future workloads will meet is not known.
    Empty,
    /// The Namespace was not read, so its labels are not known.
    Unread,
}

/// The Pod Security labels of a namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels {
    /// `enforce`.
    pub enforce: Option<Level>,
    /// The minor version in `enforce-version`, if pinned.
    pub enforced_minor: Option<u32>,
    /// `audit`.
    pub audit: Option<Level>,
    /// `warn`.
    pub warn: Option<Level>,
    /// Whether a label has an invalid level or version.
    pub invalid: bool,
}

impl Labels {
    /// Reads the labels of a Namespace.
    pub fn of(namespace: &Object) -> Self {
        let mut labels = Self::default();
        let all = namespace.at(&["metadata", "labels"]);
        for (key, value) in all.into_iter().flat_map(Value::entries) {
            let Some(mode) = key.strip_prefix(PREFIX) else { continue };
            let text = value.as_str().unwrap_or("");
            let level = Level::read(text);
            match mode {
                "enforce" => labels.enforce = level,
                "audit" => labels.audit = level,
                "warn" => labels.warn = level,
                "enforce-version" => labels.enforced_minor = minor(text),
                _ => {}
            }
            let bad = match mode {
                "enforce" | "audit" | "warn" => level.is_none(),
                "enforce-version" | "audit-version" | "warn-version" => {
                    text != "latest" && minor(text).is_none()
                }
                _ => false,
            };
            labels.invalid |= bad;
        }
        labels
    }
}

fn minor(version: &str) -> Option<u32> {
    let minor = version.strip_prefix("v1.")?;
    let good = minor == "0" || !minor.starts_with(['0', '+']);
    good.then(|| minor.parse().ok()).flatten()
}

impl NamespaceSecurity {
    /// Returns the labels to set, with their values. Empty if there is nothing to change. The
    /// enforced level is never lowered, and never set to a level that is not proven to be met.
    pub fn wanted(&self, kubernetes: KubernetesVersion) -> Vec<(String, String)> {
        let takes = match self.standing {
            Standing::Weaker | Standing::Fits => true,
            // Files may omit the Namespace. In a cluster, its labels are unknown then.
            Standing::Unread => !self.live,
            // Future workloads in an empty namespace are not known.
            Standing::Stricter
            | Standing::Unproven
            | Standing::Invalid
            | Standing::Exempt
            | Standing::System
            | Standing::Empty => false,
        };
        if !takes || !is_label(&self.name) {
            return Vec::new();
        }
        let labels = self.labels.clone().unwrap_or_default();
        let mut wanted = Vec::new();
        let mut set = |mode: &str, level: Level| {
            wanted.push((format!("{PREFIX}{mode}"), level.name().to_owned()));
            wanted.push((format!("{PREFIX}{mode}-version"), format!("v{kubernetes}")));
        };
        if labels.enforce.unwrap_or(Level::Privileged) < self.met {
            set("enforce", self.met);
        }
        // Use audit and warn to report violations of the next level before it is enforced.
        if let Some(next) = self.met.next() {
            for (mode, level) in [("audit", labels.audit), ("warn", labels.warn)] {
                if level.is_none_or(|level| level < next) {
                    set(mode, next);
                }
            }
        }
        wanted
    }
}

/// Whether it is a valid name of a namespace (RFC 1123), and not a template.
fn is_label(name: &str) -> bool {
    let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=63).contains(&name.len())
        && name.bytes().all(good)
        && !name.starts_with('-')
        && !name.ends_with('-')
}
