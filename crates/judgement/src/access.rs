//! What is said of permissions: who may do what, through which binding, role and rule.

/// An object, for people and programs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Item {
    /// Its kind: `ClusterRoleBinding`.
    pub kind: String,
    /// Its namespace; empty where it has none.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Where it stands; `None` in a cluster, and for what Kubernetes makes itself.
    pub place: Option<FileLine>,
    /// What is to be known of it besides, in a few words: `made by Kubernetes`.
    pub remark: &'static str,
}

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileLine {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
}

/// A rule of a role.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct RuleText {
    /// Verbs.
    pub verbs: Vec<String>,
    /// API groups; the core group is empty.
    pub groups: Vec<String>,
    /// Resources and subresources.
    pub resources: Vec<String>,
    /// Names of objects.
    pub names: Vec<String>,
    /// Paths that are no resources.
    pub paths: Vec<String>,
    /// Its place in the role: `rules[2]`.
    pub field: String,
    /// Where it stands.
    pub place: Option<FileLine>,
    /// The ClusterRole that a controller copies it from.
    pub from: Option<Item>,
}

/// From a subject to a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AccessRoute {
    /// The binding.
    pub binding: Item,
    /// Its role.
    pub role: Item,
    /// The rule.
    pub rule: RuleText,
    /// In which namespace it counts; empty for all.
    pub namespace: String,
    /// Whether the file leaves the namespace to whoever applies it.
    pub adrift: bool,
}

/// Somebody who may do what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessHolder {
    /// `User`, `Group` or `ServiceAccount`.
    pub kind: &'static str,
    /// Its namespace; empty where it has none.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// How, the widest first.
    pub routes: Vec<AccessRoute>,
}

/// What is said of one world.
#[derive(Debug, Clone, Default)]
pub struct AccessBasis {
    /// The world: a path, a context.
    pub world: String,
    /// The authorizers, in their order.
    pub authorizers: Vec<String>,
    /// Where they are said; empty where the usual ones are assumed.
    pub authorizers_from: String,
    /// Whether bindings and roles may exist that no file shows.
    pub partial: bool,
    /// What may change the answer and is not known.
    pub doubts: Vec<String>,
}

/// Who can do something.
#[derive(Debug, Clone)]
pub struct WhoCan {
    /// What was read.
    pub basis: AccessBasis,
    /// The question in words: `get secrets in namespace shop`.
    pub question: String,
    /// How it was understood, where that is worth a line.
    pub remarks: Vec<String>,
    /// Who.
    pub holders: Vec<AccessHolder>,
}

/// One answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Allowed.
    Allowed,
    /// Nothing allows it.
    Refused,
    /// It depends on what is not known.
    Unknown,
}

/// Why somebody can or cannot do something.
#[derive(Debug, Clone)]
pub struct AccessExplained {
    /// What was read.
    pub basis: AccessBasis,
    /// Who: `ServiceAccount shop/web`.
    pub subject: String,
    /// All groups that count.
    pub groups: Vec<String>,
    /// The question in words.
    pub question: String,
    /// How it was understood, where that is worth a line.
    pub remarks: Vec<String>,
    /// The answer.
    pub verdict: Verdict,
    /// What allows it besides rules: `the group system:masters`.
    pub through: Option<String>,
    /// All rules that allow it.
    pub routes: Vec<AccessRoute>,
    /// Of a refusal: what comes near, and what it lacks.
    pub near: Vec<NearMiss>,
    /// Of a refusal: what to add.
    pub missing: String,
}

/// A rule that somebody holds and that does not suffice.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NearMiss {
    /// What it lacks, in words.
    pub lacks: String,
    /// The rule.
    pub route: AccessRoute,
}

/// All that somebody can do.
#[derive(Debug, Clone)]
pub struct CanDo {
    /// What was read.
    pub basis: AccessBasis,
    /// Who.
    pub subject: String,
    /// All groups that count.
    pub groups: Vec<String>,
    /// What applies besides rules.
    pub remarks: Vec<String>,
    /// Each rule that they hold, with where it counts.
    pub routes: Vec<AccessRoute>,
}

/// How permissions differ.
#[derive(Debug, Clone, Default)]
pub struct AccessDiff {
    /// The two that were compared.
    pub old: AccessBasis,
    /// The newer one.
    pub new: AccessBasis,
    /// How the authorizers differ, and what that means for everybody.
    pub authorizers: Vec<String>,
    /// By subject.
    pub subjects: Vec<SubjectDiff>,
}

/// How the permissions of one subject differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectDiff {
    /// `ServiceAccount shop/web`.
    pub subject: String,
    /// What is gained.
    pub gains: Vec<Permission>,
    /// What is lost.
    pub loses: Vec<Permission>,
}

/// A part of a rule: the verbs that it gives on one thing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission {
    /// The namespace; empty for all, and for what is in none.
    pub namespace: String,
    /// `deployments.apps`, or a path.
    pub on: String,
    /// The names that it is limited to.
    pub names: Vec<String>,
    /// The verbs.
    pub verbs: Vec<String>,
    /// Through what.
    pub route: AccessRoute,
}

/// What is wrong with roles and bindings.
#[derive(Debug, Clone)]
pub struct AccessLint {
    /// What was read.
    pub basis: AccessBasis,
    /// The faults, by object.
    pub faults: Vec<AccessFault>,
    /// How many roles and bindings were looked at.
    pub roles: usize,
    /// See above.
    pub bindings: usize,
}

/// Something that is wrong with a role or binding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessFault {
    /// What, as a stable word: `dangling-role`.
    pub rule: &'static str,
    /// Where.
    pub item: Item,
    /// The line of the part that is wrong.
    pub place: Option<FileLine>,
    /// The field of that part.
    pub field: String,
    /// In a sentence.
    pub message: String,
    /// What to do.
    pub advice: String,
}
