//! Answers to questions about permissions: who may do what, through which binding, role and rule.

/// An object, for people and programs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Item {
    /// The kind: `ClusterRoleBinding`.
    pub kind: String,
    /// The namespace. Empty if it is cluster-scoped.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// Its location. `None` in a cluster, and for objects created by Kubernetes itself.
    pub place: Option<FileLine>,
    /// A short remark: `made by Kubernetes`.
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
    /// API groups. The core group is empty.
    pub groups: Vec<String>,
    /// Resources and subresources.
    pub resources: Vec<String>,
    /// Resource names.
    pub names: Vec<String>,
    /// Non-resource URLs.
    pub paths: Vec<String>,
    /// Its path in the role: `rules[2]`.
    pub field: String,
    /// Its location.
    pub place: Option<FileLine>,
    /// The ClusterRole from which a controller copies it.
    pub from: Option<Item>,
}

/// The path from a subject to a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AccessRoute {
    /// The binding.
    pub binding: Item,
    /// Its role.
    pub role: Item,
    /// The rule.
    pub rule: RuleText,
    /// The namespace in which it applies. Empty for all.
    pub namespace: String,
    /// Whether the file does not set the namespace, so that it depends on how the file is applied.
    pub adrift: bool,
}

/// A subject that is allowed to perform the requested action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessHolder {
    /// `User`, `Group` or `ServiceAccount`.
    pub kind: &'static str,
    /// The namespace. Empty if it has none.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// How it is allowed, broadest first.
    pub routes: Vec<AccessRoute>,
}

/// The input of an answer: one world.
#[derive(Debug, Clone, Default)]
pub struct AccessBasis {
    /// The world: a path, a context.
    pub world: String,
    /// The authorizers, in order.
    pub authorizers: Vec<String>,
    /// Where the authorizers are configured. Empty if the defaults are assumed.
    pub authorizers_from: String,
    /// Whether bindings and roles may exist that are not in the files.
    pub partial: bool,
    /// Unknown data that may change the answer.
    pub doubts: Vec<String>,
}

/// The subjects that can perform an action.
#[derive(Debug, Clone)]
pub struct WhoCan {
    /// The input.
    pub basis: AccessBasis,
    /// The question as text: `get secrets in namespace shop`.
    pub question: String,
    /// Remarks on how the question was interpreted.
    pub remarks: Vec<String>,
    /// The subjects.
    pub holders: Vec<AccessHolder>,
}

/// The answer to a question about permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Allowed.
    Allowed,
    /// Not allowed.
    Refused,
    /// It depends on unknown data.
    Unknown,
}

/// Why a subject can or cannot perform an action.
#[derive(Debug, Clone)]
pub struct AccessExplained {
    /// The input.
    pub basis: AccessBasis,
    /// The subject: `ServiceAccount shop/web`.
    pub subject: String,
    /// All groups of the subject.
    pub groups: Vec<String>,
    /// The question as text.
    pub question: String,
    /// Remarks on how the question was interpreted.
    pub remarks: Vec<String>,
    /// The answer.
    pub verdict: Verdict,
    /// What allows it independent of rules: `the group system:masters`.
    pub through: Option<String>,
    /// All rules that allow it.
    pub routes: Vec<AccessRoute>,
    /// If refused: rules that are insufficient, and what they lack.
    pub near: Vec<NearMiss>,
    /// If refused: what to add.
    pub missing: String,
}

/// A rule of the subject that is not sufficient.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NearMiss {
    /// What it lacks, as text.
    pub lacks: String,
    /// The rule.
    pub route: AccessRoute,
}

/// Everything that a subject can do.
#[derive(Debug, Clone)]
pub struct CanDo {
    /// The input.
    pub basis: AccessBasis,
    /// The subject.
    pub subject: String,
    /// All groups of the subject.
    pub groups: Vec<String>,
    /// What applies in addition to rules.
    pub remarks: Vec<String>,
    /// Each rule of the subject, and where it applies.
    pub routes: Vec<AccessRoute>,
}

/// The differences between two sets of permissions.
#[derive(Debug, Clone, Default)]
pub struct AccessDiff {
    /// The older input.
    pub old: AccessBasis,
    /// The newer input.
    pub new: AccessBasis,
    /// How the authorizers differ, and what that means for everybody.
    pub authorizers: Vec<String>,
    /// By subject.
    pub subjects: Vec<SubjectDiff>,
}

/// The differences in the permissions of one subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectDiff {
    /// The subject: `ServiceAccount shop/web`.
    pub subject: String,
    /// Permissions that were added.
    pub gains: Vec<Permission>,
    /// Permissions that were removed.
    pub loses: Vec<Permission>,
}

/// A part of a rule: the verbs it grants on one resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission {
    /// The namespace. Empty for all namespaces and for cluster-scoped resources.
    pub namespace: String,
    /// The resource, `deployments.apps`, or a path.
    pub on: String,
    /// The resource names that it is limited to.
    pub names: Vec<String>,
    /// The verbs.
    pub verbs: Vec<String>,
    /// The path to the rule.
    pub route: AccessRoute,
}

/// Errors in roles and bindings.
#[derive(Debug, Clone)]
pub struct AccessLint {
    /// The input.
    pub basis: AccessBasis,
    /// The errors, by object.
    pub faults: Vec<AccessFault>,
    /// The number of roles that were checked.
    pub roles: usize,
    /// The number of bindings that were checked.
    pub bindings: usize,
}

/// An error in a role or binding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessFault {
    /// Its stable identifier: `dangling-role`.
    pub rule: &'static str,
    /// The object.
    pub item: Item,
    /// The line of the invalid part.
    pub place: Option<FileLine>,
    /// The field of the invalid part.
    pub field: String,
    /// The message, as a sentence.
    pub message: String,
    /// How to fix it.
    pub advice: String,
}
