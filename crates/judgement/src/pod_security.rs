//! Pod Security, namespace by namespace: levels, and the labels by which a namespace asks for one.

use std::sync::Arc;

use pavisade_model::{Finding, KubernetesVersion, Note, Subject};
use pavisade_snapshot::Object;
use pavisade_yaml::Value;

const PREFIX: &str = "pod-security.kubernetes.io/";

/// A level of the Pod Security Standards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Everything is admitted.
    Privileged,
    /// What is known to lead to the node is refused.
    Baseline,
    /// Baseline, and pods must be hardened.
    Restricted,
}

impl Level {
    /// All, the weakest first.
    pub const ALL: [Self; 3] = [Self::Privileged, Self::Baseline, Self::Restricted];

    /// The word of the labels.
    pub fn name(self) -> &'static str {
        match self {
            Self::Privileged => "privileged",
            Self::Baseline => "baseline",
            Self::Restricted => "restricted",
        }
    }

    /// The next stricter one.
    pub fn next(self) -> Option<Self> {
        Self::ALL.into_iter().find(|level| *level > self)
    }

    /// By the word of the labels.
    pub fn read(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == text)
    }
}

/// What is said of all namespaces.
#[derive(Debug)]
pub struct PodSecurity {
    /// Each namespace of each world, ordered by world and name.
    pub namespaces: Vec<NamespaceSecurity>,
    /// What was noticed while reading.
    pub notes: Vec<Note>,
    /// The version whose levels count.
    pub kubernetes: KubernetesVersion,
}

/// What is said of one namespace.
#[derive(Debug)]
pub struct NamespaceSecurity {
    /// The world that it belongs to.
    pub world: Arc<str>,
    /// Whether the world is a live cluster.
    pub live: bool,
    /// Its name; empty for objects of files that name none.
    pub name: Arc<str>,
    /// Objects in it that make pods.
    pub workloads: usize,
    /// The strictest level that is proven to be met.
    pub met: Level,
    /// The strictest level that nothing is known to break.
    pub possible: Level,
    /// What breaks at the next level: the first that something is known to break.
    pub breaks: Vec<Finding>,
    /// Why a level between `met` and `possible` is unknown.
    pub doubts: Vec<Doubt>,
    /// Its labels; none where the namespace itself was not read.
    pub labels: Option<Labels>,
    /// What its labels do to what is in it.
    pub standing: Standing,
}

/// Why it is not known whether a level is met.
#[derive(Debug, Clone)]
pub struct Doubt {
    /// The weakest level that is in doubt.
    pub level: Level,
    /// Why.
    pub why: Reason,
}

/// What makes a level uncertain.
#[derive(Debug, Clone)]
pub enum Reason {
    /// A check could not tell of one object, or of everything.
    Finding(Arc<Finding>),
    /// An object is not there in full: why.
    Object(Subject, &'static str),
    /// Something of everything was not read, or is missing: what is said of it.
    Missing(String),
}

/// How what a namespace enforces stands to what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It enforces the level that it meets.
    Fits,
    /// It enforces less than it meets, or nothing.
    Weaker,
    /// It enforces more than what is in it meets: such pods are refused at the next roll-out.
    Stricter,
    /// It enforces more than what is proven.
    Unproven,
    /// It has labels that the API server does not take.
    Invalid,
    /// The API server's configuration exempts it: labels do nothing.
    Exempt,
    /// Kubernetes' own, which enforces less than it meets today: what the cluster needs from its
    /// nodes is put there with the next add-on.
    System,
    /// Nothing that makes pods is in it: which level the next workload meets is not known.
    Empty,
    /// The namespace was not read, so neither were its labels.
    Unread,
}

/// What a namespace's labels say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels {
    /// `enforce`.
    pub enforce: Option<Level>,
    /// `enforce-version`, where it pins a version.
    pub enforced_minor: Option<u32>,
    /// `audit`.
    pub audit: Option<Level>,
    /// `warn`.
    pub warn: Option<Level>,
    /// One of them is no level or no version.
    pub invalid: bool,
}

impl Labels {
    /// Those of a Namespace.
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
    /// The labels to set, with their values; none where there is nothing to set: what is enforced
    /// is never weakened, and nothing is enforced that is not proven to be met.
    pub fn wanted(&self, kubernetes: KubernetesVersion) -> Vec<(String, String)> {
        let takes = match self.standing {
            Standing::Weaker | Standing::Fits => true,
            // Files need not write their namespaces down; of a cluster's nothing is known then.
            Standing::Unread => !self.live,
            // What will run in a namespace without workloads is not known.
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
        // What the next level would refuse is told before it is refused.
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

/// Whether it can be the name of a namespace (RFC 1123), and is no template.
fn is_label(name: &str) -> bool {
    let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=63).contains(&name.len())
        && name.bytes().all(good)
        && !name.starts_with('-')
        && !name.ends_with('-')
}
