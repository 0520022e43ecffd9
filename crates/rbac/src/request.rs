//! Who asks, and for what: the attributes by which the API server authorises a request
//! (k8s.io/apiserver `pkg/authorization/authorizer`, `Attributes`).

use std::fmt;

use crate::subject::Subject;

/// Somebody as the API server authenticated them: a name and all groups.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The name of the user; empty where any member of the groups is meant.
    pub name: String,
    /// All groups, those that Kubernetes adds included.
    pub groups: Vec<String>,
}

impl Identity {
    /// A name with exactly these groups, as `SubjectAccessReview` takes them.
    pub fn exactly(name: impl Into<String>, groups: Vec<String>) -> Self {
        Self { name: name.into(), groups }
    }

    /// A subject of a binding with the groups that the API server adds when it authenticates one,
    /// and `more` besides. Of a group, any member of which nothing else is known.
    pub fn of(subject: &Subject, more: &[String]) -> Self {
        let (name, mut groups) = match subject {
            Subject::ServiceAccount { namespace, name } => {
                let groups = ["system:serviceaccounts".to_owned(), accounts_of(namespace)];
                (account_name(namespace, name), groups.to_vec())
            }
            Subject::User(name) => {
                // The certificate of a kubelet carries the group.
                let node = name.starts_with("system:node:");
                (name.clone(), node.then(|| "system:nodes".to_owned()).into_iter().collect())
            }
            Subject::Group(name) => (String::new(), vec![name.clone()]),
        };
        groups.extend(more.iter().cloned());
        let anonymous = name == "system:anonymous" || has(&groups, "system:unauthenticated");
        groups.push(
            if anonymous { "system:unauthenticated" } else { "system:authenticated" }.to_owned(),
        );
        groups.sort();
        groups.dedup();
        Self { name, groups }
    }

    /// Whether RBAC does not count for it: every authorizer is passed by.
    pub fn is_master(&self) -> bool {
        has(&self.groups, "system:masters")
    }

    /// The name of its node, where it is a kubelet (k8s.io/kubernetes `pkg/auth/nodeidentifier`).
    pub fn node(&self) -> Option<&str> {
        let node = self.name.strip_prefix("system:node:")?;
        has(&self.groups, "system:nodes").then_some(node)
    }

    /// Whether a subject of a binding names it. `Subject::read` has put the namespace of the binding
    /// where a ServiceAccount has none.
    pub fn is_named_by(&self, subject: &Subject) -> bool {
        match subject {
            Subject::User(name) => !self.name.is_empty() && *name == self.name,
            Subject::Group(name) => has(&self.groups, name),
            Subject::ServiceAccount { namespace, name } => {
                !namespace.is_empty() && self.name == account_name(namespace, name)
            }
        }
    }
}

fn has(groups: &[String], name: &str) -> bool {
    groups.iter().any(|group| group == name)
}

/// The name by which a ServiceAccount is authenticated.
pub fn account_name(namespace: &str, name: &str) -> String {
    format!("system:serviceaccount:{namespace}:{name}")
}

fn accounts_of(namespace: &str) -> String {
    format!("system:serviceaccounts:{namespace}")
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Ask {
    /// A verb on a resource.
    Resource(ResourceAsk),
    /// A verb (`get`, `post`) on a path that is no resource.
    Path {
        /// The verb.
        verb: String,
        /// The path, with its leading slash.
        path: String,
    },
}

/// A verb on a resource.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct ResourceAsk {
    /// The verb.
    pub verb: String,
    /// The API group; empty for the core group.
    pub group: String,
    /// The resource: `pods`.
    pub resource: String,
    /// The subresource, without a slash; empty where there is none.
    pub subresource: String,
    /// The namespace; empty for all of them, and for what is in none.
    pub namespace: String,
    /// The name of the object; empty where none is named.
    pub name: String,
}

impl ResourceAsk {
    /// `pods`, or `pods/exec`.
    pub fn combined(&self) -> String {
        match &*self.subresource {
            "" => self.resource.clone(),
            sub => format!("{}/{sub}", self.resource),
        }
    }
}

impl Ask {
    /// The verb.
    pub fn verb(&self) -> &str {
        match self {
            Self::Resource(ask) => &ask.verb,
            Self::Path { verb, .. } => verb,
        }
    }

    /// The namespace; empty where there is none.
    pub fn namespace(&self) -> &str {
        match self {
            Self::Resource(ask) => &ask.namespace,
            Self::Path { .. } => "",
        }
    }

    /// The same in a namespace.
    pub fn in_namespace(&self, namespace: &str) -> Self {
        match self {
            Self::Resource(ask) => {
                Self::Resource(ResourceAsk { namespace: namespace.to_owned(), ..ask.clone() })
            }
            Self::Path { .. } => self.clone(),
        }
    }
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path { verb, path } => write!(f, "{verb} {path}"),
            Self::Resource(ask) => {
                write!(f, "{} {}", ask.verb, ask.combined())?;
                if !ask.group.is_empty() {
                    write!(f, ".{}", ask.group)?;
                }
                if !ask.name.is_empty() {
                    write!(f, " named {}", ask.name)?;
                }
                if !ask.namespace.is_empty() {
                    write!(f, " in namespace {}", ask.namespace)?;
                }
                Ok(())
            }
        }
    }
}
