//! Roles and bindings of a world as the authorizer sees them, borrowed from its objects.

use pavisade_model::{Gap, Why, kinds};
use pavisade_snapshot::{Coverage, Object, View};
use pavisade_yaml::Value;

use crate::defaults;
use crate::rule::{Rule, Rules, is_aggregated};
use crate::subject::Subject;

/// A place in the [`Authorizer`](crate::Authorizer)'s list of roles.
pub type RoleId = usize;
/// A place in its list of bindings.
pub type BindingId = usize;

/// A rule, and the ClusterRole that it was copied from where a role is made of others.
#[derive(Debug, Clone, Copy)]
pub struct HeldRule<'a> {
    /// The rule.
    pub rule: Rule<'a>,
    /// The role in whose file it stands, where that is another one.
    pub from: Option<&'a Object>,
}

/// Where an object comes from.
#[derive(Debug, Clone, Copy)]
pub enum Origin<'a> {
    /// It is in the world.
    Seen(&'a Object),
    /// Kubernetes makes it itself, and it is not in these files.
    Default(&'a Object),
    /// It was not seen.
    Missing,
}

/// A role that is there, or that a binding names.
#[derive(Debug)]
pub struct Role<'a> {
    /// The namespace of a Role; `None` for a ClusterRole.
    pub namespace: Option<&'a str>,
    /// Its name.
    pub name: &'a str,
    /// Where it comes from.
    pub origin: Origin<'a>,
    /// What it allows.
    pub rules: Vec<HeldRule<'a>>,
    /// Why it may allow more than that, or other things.
    pub doubt: Option<Why>,
}

impl<'a> Role<'a> {
    /// `ClusterRole` or `Role`.
    pub fn kind(&self) -> &'static str {
        if self.namespace.is_none() { "ClusterRole" } else { "Role" }
    }

    /// The object, where it is in the world.
    pub fn object(&self) -> Option<&'a Object> {
        match self.origin {
            Origin::Seen(object) => Some(object),
            Origin::Default(_) | Origin::Missing => None,
        }
    }

    /// Reads one of a world. Rules that a controller copies into it (`parts`) are added in files,
    /// where no controller ran; what stands in its own file is lost there, as the controller
    /// replaces it.
    pub(crate) fn read(object: &'a Object, live: bool, parts: &[&'a Object]) -> Self {
        let own = Rules::of(object);
        let mut broken = own.broken;
        let mut rules: Vec<_> = Vec::new();
        let aggregated = is_aggregated(object) && !live;
        if aggregated {
            for part in parts {
                let read = Rules::of(part);
                broken.extend(read.broken);
                rules
                    .extend(read.rules.into_iter().map(|rule| HeldRule { rule, from: Some(part) }));
            }
        } else {
            rules.extend(own.rules.into_iter().map(|rule| HeldRule { rule, from: None }));
        }
        let namespace = object.is(kinds::ROLE).then(|| object.namespace());
        let name = object.name();
        let origin = match defaults::is_default(object.value()) {
            true => Origin::Default(object),
            false => Origin::Seen(object),
        };
        let mut role = Self { namespace, name, origin, rules, doubt: None };
        if !broken.is_empty() {
            let why =
                format!("rules of {} `{name}` have a wrong type and cannot be read", role.kind());
            role.doubt = Some(Why::of(Gap::Form, why));
        } else if aggregated && role.rules.is_empty() {
            let why = format!(
                "ClusterRole `{name}` collects the rules of others, none of which is in these files"
            );
            role.doubt = Some(Why::of(Gap::object("ClusterRole", "", ""), why));
        }
        role
    }

    /// One that a binding names and that is neither in the world nor made by Kubernetes.
    pub(crate) fn unseen(namespace: Option<&'a str>, name: &'a str, view: &View<'a>) -> Self {
        let kind = if namespace.is_none() { kinds::CLUSTER_ROLE } else { kinds::ROLE };
        let origin = Origin::Missing;
        let mut role = Self { namespace, name, origin, rules: Vec::new(), doubt: None };
        if !matches!(view.coverage(kind), Coverage::Complete | Coverage::NotServed) {
            role.doubt = Some(match view.gap(kind) {
                Some(gap) => {
                    gap.told(|why| format!("{} `{name}` was not seen: {why}", role.kind()))
                }
                None => Gap::object(role.kind(), namespace.unwrap_or(""), name).into(),
            });
        }
        role
    }
}

/// A binding.
#[derive(Debug)]
pub struct Binding<'a> {
    /// The object.
    pub object: &'a Object,
    /// Whether Kubernetes makes it itself, and it is not in these files.
    pub is_default: bool,
    /// Its name.
    pub name: &'a str,
    /// The namespace of a RoleBinding, empty where the file names none; `None` for a
    /// ClusterRoleBinding.
    pub namespace: Option<&'a str>,
    /// Its role, in the authorizer's list; `None` where it names none that any API server knows.
    pub role: Option<RoleId>,
    /// The kind and the name of its role, as it names them.
    pub role_ref: (&'a str, &'a str),
    /// Whom it names, and where it says so.
    pub subjects: Vec<(Subject, Value<'a>)>,
}

impl<'a> Binding<'a> {
    /// `ClusterRoleBinding` or `RoleBinding`.
    pub fn kind(&self) -> &'static str {
        if self.namespace.is_none() { "ClusterRoleBinding" } else { "RoleBinding" }
    }

    /// Whether it counts for a request in a namespace; empty for what is in none, or for all.
    pub fn counts_in(&self, namespace: &str) -> bool {
        self.namespace.is_none_or(|own| !own.is_empty() && own == namespace)
    }

    /// Whether it is in a file that leaves the namespace to whoever applies it.
    pub fn is_adrift(&self) -> bool {
        self.namespace == Some("")
    }

    pub(crate) fn read(object: &'a Object) -> Self {
        let everywhere = object.is(kinds::CLUSTER_ROLE_BINDING);
        let namespace = (!everywhere).then(|| object.namespace());
        let home = namespace.unwrap_or("");
        let subjects = object.at(&["subjects"]).into_iter().flat_map(Value::items);
        let subjects = subjects.filter_map(|value| Some((Subject::read(value, home)?, value)));
        let text = |field: &str| object.at(&["roleRef", field]).and_then(Value::as_str);
        let role_ref = (text("kind").unwrap_or(""), text("name").unwrap_or(""));
        Self {
            object,
            is_default: defaults::is_default(object.value()),
            name: object.name(),
            namespace,
            role: None,
            role_ref,
            subjects: subjects.collect(),
        }
    }
}
