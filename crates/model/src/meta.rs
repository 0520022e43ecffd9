//! What a check says about itself.

use std::fmt;

/// How bad it is when the check fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; hardening.
    Low,
    /// One step of an attack.
    Medium,
    /// A step that gives an attacker a lot.
    High,
    /// Gives a node, the cluster or its secrets away.
    Critical,
}

impl Severity {
    /// All, worst first.
    pub const ALL: [Self; 4] = [Self::Critical, Self::High, Self::Medium, Self::Low];

    /// The lower-case word of command lines and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl std::str::FromStr for Severity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|s| s.name().eq_ignore_ascii_case(text));
        known.ok_or_else(|| format!("`{text}` is no severity: use critical, high, medium or low"))
    }
}

/// How sure a failed check is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// Likely, from a hint.
    Low,
    /// Right unless something outside the picture says otherwise.
    Medium,
    /// Follows from what was read.
    High,
}

impl Confidence {
    /// The lower-case word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// Whom a check is for: an opinion is not a low severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Audience {
    /// Anybody who runs a cluster.
    Everyone,
    /// Those who harden beyond what is common; off unless asked for.
    Strict,
}

impl Audience {
    /// The lower-case word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Everyone => "everyone",
            Self::Strict => "strict",
        }
    }
}

/// Whether a check says how its claims are mended in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mends {
    /// Only a person can tell.
    Never,
    /// What works today works afterwards.
    Safely,
    /// What uses that which is taken away stops working: somebody should look at the difference.
    Riskily,
}

impl Mends {
    /// The lower-case word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Safely => "safely",
            Self::Riskily => "riskily",
        }
    }
}

/// How much of the picture a check looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// One object (and its namespace's labels): admission may run it on its own.
    Object,
    /// One object, and declared kinds beside it.
    Related,
    /// A whole world.
    World,
}

impl Scope {
    /// The lower-case word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Related => "related",
            Self::World => "world",
        }
    }
}

/// The six areas of the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Area {
    /// Pods and what runs in them.
    Container,
    /// Who may do what, and who is who.
    Identity,
    /// What reaches what, and whether it is encrypted.
    Network,
    /// Images and where they come from.
    SupplyChain,
    /// Data at rest and who reads it.
    Storage,
    /// Audit and operation.
    Compliance,
}

impl Area {
    /// All, in the order of the design.
    pub const ALL: [Self; 6] = [
        Self::Container,
        Self::Identity,
        Self::Network,
        Self::SupplyChain,
        Self::Storage,
        Self::Compliance,
    ];

    /// The words for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Container => "container",
            Self::Identity => "identity",
            Self::Network => "network",
            Self::SupplyChain => "supply chain",
            Self::Storage => "storage",
            Self::Compliance => "compliance",
        }
    }
}

/// A program of a cluster whose flags and files decide its security.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Program {
    /// `kube-apiserver`.
    ApiServer,
    /// `kube-controller-manager`.
    ControllerManager,
    /// `kube-scheduler`.
    Scheduler,
    /// `etcd`.
    Etcd,
    /// `kubelet`, on every node.
    Kubelet,
}

impl Program {
    /// Its name, as it is started.
    pub fn name(self) -> &'static str {
        match self {
            Self::ApiServer => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
            Self::Scheduler => "kube-scheduler",
            Self::Etcd => "etcd",
            Self::Kubelet => "kubelet",
        }
    }
}

/// A kind of API object, whatever its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupKind {
    /// API group; empty for the core group.
    pub group: &'static str,
    /// Kind, in its singular CamelCase form.
    pub kind: &'static str,
    /// The plural lower-case name in URLs and RBAC rules; empty where it is no API object.
    pub resource: &'static str,
}

impl GroupKind {
    /// An API object.
    pub const fn new(group: &'static str, kind: &'static str, resource: &'static str) -> Self {
        Self { group, kind, resource }
    }

    /// A file that only looks like an object: `KubeletConfiguration` and the like.
    pub const fn file(group: &'static str, kind: &'static str) -> Self {
        Self { group, kind, resource: "" }
    }

    /// The resource as kubectl and RBAC's messages name it: `pods`, `deployments.apps`.
    pub fn full_resource(&self) -> String {
        match self.group {
            "" => self.resource.to_owned(),
            group => format!("{}.{group}", self.resource),
        }
    }
}

impl fmt::Display for GroupKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.group {
            "" => f.write_str(self.kind),
            group => write!(f, "{group}/{}", self.kind),
        }
    }
}

/// What a check says about itself; made by `#[check]` from attribute and comment.
#[derive(Debug)]
pub struct Meta {
    /// `PV-C012`; never used again for something else.
    pub id: &'static str,
    /// The defect in kebab case; reads well after "allow".
    pub name: &'static str,
    /// The first sentence of its documentation.
    pub title: &'static str,
    /// Why it matters (Markdown).
    pub why: &'static str,
    /// What to do (Markdown).
    pub fix: &'static str,
    /// How bad.
    pub severity: Severity,
    /// How sure.
    pub confidence: Confidence,
    /// For whom.
    pub audience: Audience,
    /// How much it looks at.
    pub scope: Scope,
    /// Kinds whose objects are its subjects; empty where the lens says it (pods, worlds). A check
    /// that is offered every object says here in which of a cluster's kinds its subjects are.
    pub on: &'static [GroupKind],
    /// Programs whose settings are its subjects.
    pub programs: &'static [Program],
    /// Whether its claims, all or some, say how `pavisade fix` mends them.
    pub mends: Mends,
    /// Judges texts that people write: the question does not arise in a cluster.
    pub files_only: bool,
    /// Judges what an object holds, whether or not anything runs from it: whoever reads the object
    /// reads a secret in it.
    pub at_rest: bool,
    /// What its findings point at is a secret: no output shows the value.
    pub secret: bool,
    /// Kinds that it reads besides its subject, in groups; [`Meta::reads`] goes through them.
    pub reads: &'static [&'static [GroupKind]],
}

impl Meta {
    /// Kinds that it reads besides its subject.
    pub fn reads(&self) -> impl Iterator<Item = GroupKind> {
        self.reads.iter().flat_map(|group| group.iter().copied())
    }

    /// The area its id says.
    pub fn area(&self) -> Area {
        match self.id.as_bytes().get(3) {
            Some(b'I') => Area::Identity,
            Some(b'N') => Area::Network,
            Some(b'S') => Area::SupplyChain,
            Some(b'D') => Area::Storage,
            Some(b'O') => Area::Compliance,
            _ => Area::Container,
        }
    }
}
