//! What a check says about itself.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// How bad it is when the check fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Nobody has said so far: an advisory that was not scored yet.
    Unknown,
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
    pub const ALL: [Self; 5] = [Self::Critical, Self::High, Self::Medium, Self::Low, Self::Unknown];
    /// Those that a check can have, worst first.
    pub const RATED: [Self; 4] = [Self::Critical, Self::High, Self::Medium, Self::Low];

    /// The lower-case word of command lines and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl Severity {
    /// The word for people, who read `unknown` of what could not be determined.
    pub fn label(self) -> &'static str {
        match self {
            Self::Unknown => "unscored",
            rated => rated.name(),
        }
    }
}

impl std::str::FromStr for Severity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|s| s.name().eq_ignore_ascii_case(text));
        known.ok_or_else(|| {
            format!("`{text}` is not a severity: use critical, high, medium, low or unknown")
        })
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

/// Whether a check says how its claims are fixed in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fixable {
    /// Only a person can tell.
    Never,
    /// What works today works afterwards.
    Safely,
    /// What uses that which is taken away stops working: somebody should look at the difference.
    Riskily,
}

impl Fixable {
    /// The lower-case word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Safely => "safely",
            Self::Riskily => "riskily",
        }
    }
}

/// Which findings of a rule are shown as one: what a person would fix in one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Together {
    /// Those about one object and of one severity, but for grave ones: each of these is shown on its own.
    Object,
    /// Those about one image, whatever names it: its name is the evidence of each.
    Image,
    /// Those about the workloads of one namespace.
    Namespace,
    /// With those of [`OPEN_POLICY`] about the same network policy, of which they are a part; else as
    /// those of one object.
    Policy,
    /// With those of other rules about the containers of one workload: they are parts of the finding
    /// [`UNHARDENED`].
    Hardening,
}

/// The rule of network policies that allow everything.
pub const OPEN_POLICY: &str = "PV-N003";

/// The rule that stands for several of [`Together::Hardening`].
pub const UNHARDENED: &str = "PV-C063";

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

    /// The area that the id of a check says by its fourth character: `PV-C012`.
    pub const fn of_check(id: &str) -> Self {
        match id.as_bytes() {
            [_, _, _, b'I', ..] => Self::Identity,
            [_, _, _, b'N', ..] => Self::Network,
            [_, _, _, b'S', ..] => Self::SupplyChain,
            [_, _, _, b'D', ..] => Self::Storage,
            [_, _, _, b'O', ..] => Self::Compliance,
            _ => Self::Container,
        }
    }

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
    /// All.
    pub const ALL: [Self; 5] =
        [Self::ApiServer, Self::ControllerManager, Self::Scheduler, Self::Etcd, Self::Kubelet];

    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|program| program.name() == name)
    }

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

/// What is known beside the objects, by what somebody has to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fact {
    /// Container images: layers and packages.
    Images,
    /// Vulnerabilities of their packages.
    Vulnerabilities,
}

impl Fact {
    /// The words for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Images => "images",
            Self::Vulnerabilities => "vulnerabilities",
        }
    }
}

/// Names of kinds that were made at run time.
static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
/// As many as no cluster has.
const MAX_NAMES: usize = 1 << 14;

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

    /// A kind that is known at run time only, such as that of a user's policy. Its names are kept for
    /// as long as the program runs, each once: `None` where there are too many of them.
    pub fn made(group: &str, kind: &str, resource: &str) -> Option<Self> {
        let names = &mut *NAMES.lock().unwrap_or_else(PoisonError::into_inner);
        let mut kept = |name: &str| {
            if let Some(known) = names.get(name) {
                return Some(*known);
            }
            (names.len() < MAX_NAMES).then(|| {
                let new: &'static str = Box::leak(name.to_owned().into_boxed_str());
                names.insert(new);
                new
            })
        };
        Some(Self { group: kept(group)?, kind: kept(kind)?, resource: kept(resource)? })
    }

    /// Whether these are its group and name.
    pub fn is(self, group: &str, kind: &str) -> bool {
        self.kind == kind && self.group == group
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

/// What findings are of: a check, a user's policy, a rule of the runtime. Shared by all its findings,
/// and possibly made at run time.
#[derive(Debug, Clone)]
pub struct Rule {
    /// `PV-C012`; never used again for something else.
    pub id: Cow<'static, str>,
    /// The defect in kebab case; reads well after "allow".
    pub name: Cow<'static, str>,
    /// One sentence: what fails.
    pub title: Cow<'static, str>,
    /// Why it matters (Markdown).
    pub why: Cow<'static, str>,
    /// What to do (Markdown).
    pub advice: Cow<'static, str>,
    /// How bad, where a finding does not say otherwise.
    pub severity: Severity,
    /// How sure, where a finding does not say otherwise.
    pub confidence: Confidence,
    /// For whom.
    pub audience: Audience,
    /// The area that it belongs to.
    pub area: Area,
    /// Whether its findings, all or some, say how `pavisade fix` fixes them.
    pub fixable: Fixable,
    /// What its findings point at is a secret: no output shows the value.
    pub secret: bool,
    /// Parts that a framework's control may ask for alone, of a rule that judges several settings of
    /// each subject; all of them are judged always, whatever was found before.
    pub parts: Cow<'static, [Cow<'static, str>]>,
    /// Which of its findings are shown as one.
    pub together: Together,
}

/// A check: its rule, and what it declares in order to be run.
#[derive(Debug, Clone)]
pub struct Meta {
    /// What its findings are of.
    pub rule: Rule,
    /// How much it looks at.
    pub scope: Scope,
    /// Kinds whose objects are its subjects; empty where the lens says it (pods, worlds). A check
    /// that is offered every object says here in which of a cluster's kinds its subjects are.
    pub on: Cow<'static, [GroupKind]>,
    /// Programs whose settings are its subjects.
    pub programs: &'static [Program],
    /// Of audience `strict` where files are judged, in which others rarely have what it looks for.
    pub strict_in_files: bool,
    /// Judges texts that people write: the question does not arise in a cluster.
    pub files_only: bool,
    /// Judges what an object holds, whether or not anything runs from it: whoever reads the object
    /// reads a secret in it.
    pub at_rest: bool,
    /// Facts that it reads, or that its subjects are among.
    pub facts: &'static [Fact],
    /// Kinds that it reads besides its subject, in groups; [`Meta::reads`] goes through them.
    pub reads: Cow<'static, [Cow<'static, [GroupKind]>]>,
}

impl Meta {
    /// Kinds that it reads besides its subject.
    pub fn reads(&self) -> impl Iterator<Item = GroupKind> {
        self.reads.iter().flat_map(|group| group.iter().copied())
    }
}
