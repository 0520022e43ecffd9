//! Generated roles.

/// One rule of a generated role.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeastRule {
    /// The API group.
    pub group: String,
    /// Resources with their subresources; empty for paths.
    pub resources: Vec<String>,
    /// Names; empty for all.
    pub names: Vec<String>,
    /// Verbs.
    pub verbs: Vec<String>,
    /// Paths.
    pub paths: Vec<String>,
}

/// A generated role and where it is bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeastRole {
    /// The name of the role and of its bindings.
    pub name: String,
    /// The namespaces in which it is bound; empty for the whole cluster.
    pub namespaces: Vec<String>,
    /// Its rules.
    pub rules: Vec<LeastRule>,
}

impl LeastRole {
    /// `Role` if it is bound in one namespace, else `ClusterRole`.
    pub fn kind(&self) -> &'static str {
        if self.namespaces.len() == 1 { "Role" } else { "ClusterRole" }
    }
}
