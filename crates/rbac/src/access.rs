//! Which roles the bindings of a world give, and to whom.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use pavisade_model::{Gap, kinds};
use pavisade_snapshot::{Coverage, Derived, Object, Reads, View};
use pavisade_yaml::Value;

use crate::aggregation::Aggregation;
use crate::builtin;
use crate::subject::Subject;

/// A role's name: a namespace for a Role, none for a ClusterRole.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct RoleId {
    namespace: Option<String>,
    name: String,
}

/// Where a binding gives its role: in one namespace (empty where the file names none), or
/// everywhere.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Where {
    /// In all namespaces and outside of them.
    Everywhere,
    /// In that one.
    Namespace(String),
}

#[derive(Debug, Clone)]
struct Binding {
    place: Where,
    subjects: Vec<Subject>,
}

/// Someone who holds a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Holder<'m> {
    /// Who.
    pub subject: &'m Subject,
    /// Where.
    pub place: &'m Where,
    /// The ClusterRole that aggregates the role and is bound in its stead.
    pub through: Option<&'m String>,
}

/// All bindings of a world, by role.
#[derive(Debug, Default)]
pub struct Access {
    bindings: HashMap<RoleId, Vec<Binding>>,
    aggregation: Aggregation,
    /// ClusterRoles whose `metadata.namespace` is set, which the API server drops.
    misplaced: HashMap<String, String>,
    /// Namespaces of the ServiceAccounts that any binding names, by their name.
    accounts: HashMap<String, HashSet<String>>,
    /// Namespaces of which a binding names all ServiceAccounts together.
    account_groups: HashSet<String>,
    /// Whether a binding names all ServiceAccounts of the cluster together.
    all_accounts: bool,
    /// The least of what was seen of bindings.
    pub coverage: Option<Coverage>,
    /// Kinds of bindings that were not read.
    pub gaps: Vec<Gap>,
}

impl Derived for Access {
    const READS: Reads =
        &[&[kinds::ROLE_BINDING, kinds::CLUSTER_ROLE_BINDING, kinds::CLUSTER_ROLE]];

    fn make(cx: &View<'_>) -> Self {
        let mut access = Self::default();
        for kind in [kinds::ROLE_BINDING, kinds::CLUSTER_ROLE_BINDING] {
            let listing = cx.list(kind);
            access.coverage = access.coverage.max(Some(listing.coverage));
            access.gaps.extend(listing.gap().into_iter().flat_map(|why| why.gaps));
            for binding in listing.objects {
                access.add_binding(binding);
            }
        }
        let roles = cx.list(kinds::CLUSTER_ROLE).objects;
        for role in roles.iter().filter(|role| !role.namespace().is_empty()) {
            access.misplaced.insert(role.name().to_owned(), role.namespace().to_owned());
        }
        access.aggregation = Aggregation::of(&roles);
        access
    }
}

impl Access {
    /// The bindings of a world, read once for all checks.
    pub fn of(cx: &View<'_>) -> Arc<Self> {
        cx.derive()
    }

    fn add_binding(&mut self, binding: &Object) {
        let Some(name) = binding.at(&["roleRef", "name"]).and_then(Value::as_str) else { return };
        let everywhere = binding.is(kinds::CLUSTER_ROLE_BINDING);
        let namespace = match binding.at(&["roleRef", "kind"]).and_then(Value::as_str) {
            Some("ClusterRole") => None,
            // The API server rejects a ClusterRoleBinding to a Role.
            Some("Role") if !everywhere => Some(binding.namespace().to_owned()),
            _ => return,
        };
        let subjects = binding.at(&["subjects"]).into_iter().flat_map(Value::items);
        let home = if everywhere { "" } else { binding.namespace() };
        let subjects = subjects.filter_map(|subject| Subject::read(subject, home));
        let subjects: Vec<_> = subjects.filter(|subject| !subject.is_masters()).collect();
        for subject in &subjects {
            match subject {
                Subject::ServiceAccount { namespace, name } => {
                    self.accounts.entry(name.clone()).or_default().insert(namespace.clone());
                }
                // Kubernetes' own binding of all gives nothing that counts.
                Subject::Group(name) if name == "system:serviceaccounts" => {
                    self.all_accounts |= !builtin::is_default_binding(binding);
                }
                Subject::Group(name) => {
                    let namespace = name.strip_prefix("system:serviceaccounts:");
                    self.account_groups.extend(namespace.map(str::to_owned));
                }
                Subject::User(_) => {}
            }
        }
        let place = match everywhere {
            true => Where::Everywhere,
            false => Where::Namespace(binding.namespace().to_owned()),
        };
        let id = RoleId { namespace, name: name.to_owned() };
        self.bindings.entry(id).or_default().push(Binding { place, subjects });
    }

    /// Who holds a role, directly or through a ClusterRole that aggregates it.
    pub fn holders<'m>(&'m self, role: &Object) -> Vec<Holder<'m>> {
        let namespace = role.is(kinds::ROLE).then(|| role.namespace().to_owned());
        let own = RoleId { namespace, name: role.name().to_owned() };
        let (mut holders, mut known) = (Vec::new(), HashSet::new());
        let mut add = |id: &RoleId, through: Option<&'m String>| {
            for binding in self.bindings.get(id).into_iter().flatten() {
                for subject in &binding.subjects {
                    let holder = Holder { subject, place: &binding.place, through };
                    if known.insert(holder) {
                        holders.push(holder);
                    }
                }
            }
        };
        add(&own, None);
        if own.namespace.is_none() {
            for parent in self.aggregated_into(role.name()).into_iter().flatten() {
                add(&RoleId { namespace: None, name: parent.clone() }, Some(parent));
            }
        }
        holders
    }

    /// See [`Aggregation::parents`].
    pub fn aggregated_into(&self, name: &str) -> Option<Vec<&String>> {
        self.aggregation.parents(name)
    }

    /// See [`Aggregation::parts`].
    pub fn aggregated_from(&self, name: &str) -> Vec<&String> {
        self.aggregation.parts(name)
    }

    /// See [`Aggregation::has_parts`].
    pub fn has_parts(&self, name: &str) -> bool {
        self.aggregation.has_parts(name)
    }

    /// See [`Aggregation::default_parts`].
    pub fn default_parts(&self, name: &str) -> &[String] {
        self.aggregation.default_parts(name)
    }

    /// A ClusterRole of the world, wherever its file puts it.
    pub fn cluster_role<'a>(&self, cx: &View<'a>, name: &str) -> Option<&'a Object> {
        let namespace = self.misplaced.get(name).map_or("", String::as_str);
        cx.get(kinds::CLUSTER_ROLE, namespace, name)
    }

    /// Whether a binding names that ServiceAccount itself, all of its namespace, or all. Files may leave
    /// the namespace out.
    pub fn names_account(&self, namespace: &str, name: &str) -> bool {
        if self.all_accounts || self.account_groups.contains(namespace) {
            return true;
        }
        self.accounts.get(name).is_some_and(|namespaces| {
            namespace.is_empty() || namespaces.contains(namespace) || namespaces.contains("")
        })
    }
}
