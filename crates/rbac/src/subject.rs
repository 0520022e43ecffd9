//! Whom a binding names.

use std::fmt;

use pavisade_yaml::Value;

/// Whom a binding names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A ServiceAccount, by either of its two names.
    ServiceAccount {
        /// Its namespace; empty where the file of its binding names none.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// Somebody by the name that authentication gives.
    User(String),
    /// All members of a group.
    Group(String),
}

impl Subject {
    /// One of a binding's `subjects`; `None` where it has no name or an unknown kind. `home` is the
    /// namespace of a RoleBinding, in which a ServiceAccount is that names none
    /// (k8s.io/kubernetes `pkg/registry/rbac/validation`, `appliesToUser`).
    pub fn read(value: Value<'_>, home: &str) -> Option<Self> {
        let name = value.str("name").filter(|name| !name.is_empty())?;
        Some(match value.str("kind")? {
            "ServiceAccount" => {
                let own = value.str("namespace").filter(|namespace| !namespace.is_empty());
                let namespace = own.unwrap_or(home).to_owned();
                Self::ServiceAccount { namespace, name: name.to_owned() }
            }
            "User" => Self::of_user(name),
            "Group" => Self::Group(name.to_owned()),
            _ => return None,
        })
    }

    /// Returns the subject with a name that authentication gives: a user, or a ServiceAccount.
    pub fn of_user(name: &str) -> Self {
        let account = name.strip_prefix("system:serviceaccount:");
        match account.and_then(|rest| rest.split_once(':')) {
            Some((namespace, name)) => {
                Self::ServiceAccount { namespace: namespace.to_owned(), name: name.to_owned() }
            }
            None => Self::User(name.to_owned()),
        }
    }

    /// The group whose members bypass RBAC: no binding gives it anything.
    pub fn is_masters(&self) -> bool {
        matches!(self, Self::Group(name) if name == "system:masters")
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ServiceAccount { namespace, name } if namespace.is_empty() => {
                write!(f, "ServiceAccount `{name}`")
            }
            Self::ServiceAccount { namespace, name } => {
                write!(f, "ServiceAccount `{namespace}/{name}`")
            }
            Self::User(name) => write!(f, "User `{name}`"),
            Self::Group(name) => write!(f, "Group `{name}`"),
        }
    }
}
