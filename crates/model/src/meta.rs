//! Metadata of checks.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// The severity of a failed check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Not rated yet: an advisory without a score.
    Unknown,
    /// Informational, or hardening.
    Low,
    /// One step of an attack.
    Medium,
    /// Gives an attacker significant access.
    High,
    /// Compromises a node, the cluster or its secrets.
    Critical,
}

impl Severity {
    /// All severities, highest first.
    pub const ALL: [Self; 5] = [Self::Critical, Self::High, Self::Medium, Self::Low, Self::Unknown];
    /// The severities that a check can have, highest first.
    pub const RATED: [Self; 4] = [Self::Critical, Self::High, Self::Medium, Self::Low];

    /// Returns the lower-case name used on command lines and in files.
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
    /// Returns the label for display. `unknown` is reserved for undetermined results.
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

/// The confidence in a failed check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// Likely, based on a hint.
    Low,
    /// Correct unless something outside the input contradicts it.
    Medium,
    /// Follows from the input.
    High,
}

impl Confidence {
    /// Returns the lower-case name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// The audience of a check. Opinionated checks are not expressed as low severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Audience {
    /// Anyone who runs a cluster.
    Everyone,
    /// Users who harden beyond common practice. Off by default.
    Strict,
}

impl Audience {
    /// Returns the lower-case name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Everyone => "everyone",
            Self::Strict => "strict",
        }
    }
}

/// Whether a check can fix its findings in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fixable {
    /// Fixing requires knowledge of the application.
    Never,
    /// The fix does not break anything.
    Safely,
    /// The fix may break workloads that rely on what is removed. It needs a review.
    Riskily,
}

impl Fixable {
    /// Returns the lower-case name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Safely => "safely",
            Self::Riskily => "riskily",
        }
    }
}

/// How findings of a rule are grouped: by what is fixed in one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Together {
    /// By object and severity. High and critical ones are shown individually.
    Object,
    /// By image, wherever it is referenced. Each finding has the image's name as evidence.
    Image,
    /// By namespace.
    Namespace,
    /// As part of the finding of [`OPEN_POLICY`] about the same network policy, otherwise as
    /// `Object`.
    Policy,
    /// With findings of other rules about the containers of one workload, as parts of the finding
    /// [`UNHARDENED`].
    Hardening,
}

/// The rule for network policies that allow everything.
pub const OPEN_POLICY: &str = "PV-N003";

/// The rule that groups findings of [`Together::Hardening`].
pub const UNHARDENED: &str = "PV-C063";

/// What a check reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// One object (and the labels of its namespace). Suitable for admission.
    Object,
    /// One object, and objects of declared kinds.
    Related,
    /// A whole world.
    World,
}

impl Scope {
    /// Returns the lower-case name.
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
    /// Pods and their containers.
    Container,
    /// Authentication and authorization.
    Identity,
    /// Connectivity and encryption in transit.
    Network,
    /// Images and their provenance.
    SupplyChain,
    /// Data at rest and access to it.
    Storage,
    /// Audit and operation.
    Compliance,
}

impl Area {
    /// All areas, in display order.
    pub const ALL: [Self; 6] = [
        Self::Container,
        Self::Identity,
        Self::Network,
        Self::SupplyChain,
        Self::Storage,
        Self::Compliance,
    ];

    /// Returns the area given by the fourth character of a check id: `PV-C012`.
    pub const fn of_check(id: &str) -> Self {
        match id.as_bytes() {
            [_, _, _, b'I', ..] => Self::Identity,
            [_, _, _, b'N', ..] => Self::Network,
            [_, _, _, b'S', ..] => Self::SupplyChain,
            [_, _, _, b'D', ..] => Self::Storage,
            [_, _, _, b'O' | b'P', ..] => Self::Compliance,
            _ => Self::Container,
        }
    }

    /// Returns the name.
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

/// A cluster component whose flags and files determine its security.
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
    /// All programs.
    pub const ALL: [Self; 5] =
        [Self::ApiServer, Self::ControllerManager, Self::Scheduler, Self::Etcd, Self::Kubelet];

    /// Returns the program with that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|program| program.name() == name)
    }

    /// Returns the name of the executable.
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

/// Optional data in addition to the objects, collected on request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fact {
    /// The content of container images: layers and packages.
    Images,
    /// Vulnerabilities of the packages.
    Vulnerabilities,
    /// Permissions that were used, according to audit logs (`UsageFacts`).
    Usage,
    /// Results of penetration tests.
    Probes,
}

impl Fact {
    /// Returns the name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Images => "images",
            Self::Vulnerabilities => "vulnerabilities",
            Self::Usage => "usage",
            Self::Probes => "results of probes",
        }
    }
}

/// Interned names of kinds created at run time.
static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
/// Exceeds what any cluster has.
const MAX_NAMES: usize = 1 << 14;

/// A kind of API object, independent of its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupKind {
    /// The API group. Empty for the core group.
    pub group: &'static str,
    /// The kind, in singular CamelCase.
    pub kind: &'static str,
    /// The plural lower-case name in URLs and RBAC rules. Empty for kinds that are not API objects.
    pub resource: &'static str,
}

impl GroupKind {
    /// A kind of API object.
    pub const fn new(group: &'static str, kind: &'static str, resource: &'static str) -> Self {
        Self { group, kind, resource }
    }

    /// A kind of configuration file, such as `KubeletConfiguration`.
    pub const fn file(group: &'static str, kind: &'static str) -> Self {
        Self { group, kind, resource: "" }
    }

    /// Returns a kind known only at run time, for example from a user's policy. Its names are
    /// interned for the lifetime of the process. `None` if too many exist.
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

    /// Whether it has this group and kind.
    pub fn is(self, group: &str, kind: &str) -> bool {
        self.kind == kind && self.group == group
    }

    /// Returns the resource in the notation of kubectl and RBAC: `pods`, `deployments.apps`.
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

/// The rule that a finding belongs to: a check, a user's policy, or a runtime rule. Shared by its
/// findings; may be created at run time.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The id: `PV-C012`. Never reused.
    pub id: Cow<'static, str>,
    /// The name of the defect in kebab case. Reads well after "allow".
    pub name: Cow<'static, str>,
    /// What fails, in one sentence.
    pub title: Cow<'static, str>,
    /// Why it matters (Markdown).
    pub why: Cow<'static, str>,
    /// How to fix it (Markdown).
    pub advice: Cow<'static, str>,
    /// The default severity of its findings.
    pub severity: Severity,
    /// The default confidence of its findings.
    pub confidence: Confidence,
    /// The audience.
    pub audience: Audience,
    /// The area.
    pub area: Area,
    /// Whether `pavisade fix` can fix some or all of its findings.
    pub fixable: Fixable,
    /// Whether its findings point at secrets. No output shows their values.
    pub secret: bool,
    /// For a rule that evaluates several settings of each subject, the parts that a framework's
    /// control may refer to. All parts are always evaluated.
    pub parts: Cow<'static, [Cow<'static, str>]>,
    /// How its findings are grouped.
    pub together: Together,
}

/// A check: its rule, and the declarations needed to run it.
#[derive(Debug, Clone)]
pub struct Meta {
    /// The rule of its findings.
    pub rule: Rule,
    /// What it reads.
    pub scope: Scope,
    /// The kinds of its subjects. Empty if implied by the scope (pods, worlds). A check that
    /// receives every object lists the kinds that its subjects have in a cluster.
    pub on: Cow<'static, [GroupKind]>,
    /// The programs whose settings are its subjects.
    pub programs: &'static [Program],
    /// Whether its audience is `strict` for files, which rarely contain what it looks for.
    pub strict_in_files: bool,
    /// Whether it applies only to source files, not to clusters.
    pub files_only: bool,
    /// Whether it evaluates the content of an object even if nothing runs from it: anyone who can
    /// read the object can read a secret in it.
    pub at_rest: bool,
    /// The facts that it reads or that its subjects come from.
    pub facts: &'static [Fact],
    /// The kinds that it reads in addition to its subject, in groups. See [`Meta::reads`].
    pub reads: Cow<'static, [Cow<'static, [GroupKind]>]>,
}

impl Meta {
    /// Iterates over the kinds that it reads in addition to its subject.
    pub fn reads(&self) -> impl Iterator<Item = GroupKind> {
        self.reads.iter().flat_map(|group| group.iter().copied())
    }

    /// Whether it needs facts about images. What else it needs is among the objects.
    pub fn needs_images(&self) -> bool {
        self.facts.iter().any(|fact| matches!(fact, Fact::Images | Fact::Vulnerabilities))
    }
}
