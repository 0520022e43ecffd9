//! Grants: bindings that end by themselves.

use jiff::Timestamp;

/// A binding that was granted for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessGrant {
    /// `RoleBinding` or `ClusterRoleBinding`.
    pub kind: &'static str,
    /// The namespace. Empty for a ClusterRoleBinding.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Who has the access: `User alice`.
    pub subjects: Vec<String>,
    /// The role: `ClusterRole edit`.
    pub role: String,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// When it ends. `None` if that cannot be read.
    pub end: Option<Timestamp>,
    /// Why nothing will remove it, if so.
    pub problem: Option<String>,
    /// Who asked for it.
    pub by: Option<String>,
    /// The reason that they gave.
    pub reason: Option<String>,
}

/// Something that continues after a grant ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlives {
    /// Whether it is certain that it was made under the grant.
    pub proven: bool,
    /// What continues, and why.
    pub text: String,
    /// What to do about it.
    pub remedy: String,
}
