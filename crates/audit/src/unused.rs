//! Permissions of bindings that were not used.
//!
//! A permission is a pair of a verb and a resource as a rule names them, through one binding. It was
//! used if a recorded request that the authorizer allowed matches it. Where several permissions allow
//! the same request, each counts as used, so nothing is called unused that a request may need.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use pavisade_rbac::{
    Ask, Authorizer, Binding, BindingId, Identity, Origin, ResourceAsk, Role, RoleId, Subject,
    account_name,
};

use crate::dangerous::power;
use crate::tally::{Decision, Usage, Use};

/// What was not used through one binding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unused {
    /// `RoleBinding` or `ClusterRoleBinding`.
    pub binding_kind: &'static str,
    /// The namespace of the binding.
    pub namespace: String,
    /// The name of the binding.
    pub binding: String,
    /// The role: `ClusterRole edit`.
    pub role: String,
    /// The subjects: `User ann`.
    pub subjects: Vec<String>,
    /// Whether nothing at all was used.
    pub all: bool,
    /// Permissions of the role.
    pub permissions: usize,
    /// Those that were used.
    pub used: usize,
    /// What was not used, by resource (`pods`, `deployments.apps`) or path: the verbs.
    pub unused: BTreeMap<String, BTreeSet<String>>,
    /// What was used of permissions with `*`: `get pods`.
    pub of_wildcards: BTreeSet<String>,
}

/// One permission: a verb, and a group and resource or a path, as a rule names them.
type Permission<'a> = (&'a str, &'a str, &'a str);

/// The permissions that recorded requests used.
#[derive(Default)]
struct Used<'a> {
    /// By binding and rule.
    permissions: HashMap<BindingId, HashMap<usize, HashSet<Permission<'a>>>>,
    /// What was used of permissions with `*`.
    wild: HashMap<BindingId, BTreeSet<String>>,
}

impl<'a> Used<'a> {
    fn has(&self, binding: BindingId, rule: usize, permission: &Permission<'a>) -> bool {
        let of_rule = self.permissions.get(&binding).and_then(|rules| rules.get(&rule));
        of_rule.is_some_and(|used| used.contains(permission))
    }

    fn add(&mut self, of: &Authorizer<'a>, who: &Identity, ask: &Ask) {
        for route in of.routes(who, ask) {
            let rule = of.held(route).rule;
            let verbs = rule.texts("verbs").filter(|verb| *verb == "*" || *verb == ask.verb());
            let rules = self.permissions.entry(route.binding).or_default();
            let known = rules.entry(route.rule).or_default();
            for verb in verbs {
                match ask {
                    Ask::Path { path, .. } => {
                        let covers = |own: &&str| {
                            *own == path
                                || own.strip_suffix('*').is_some_and(|p| path.starts_with(p))
                        };
                        known.extend(
                            rule.texts("nonResourceURLs").filter(covers).map(|u| (verb, "", u)),
                        );
                    }
                    Ask::Resource(ask) => {
                        let (combined, sub) = (ask.combined(), &ask.subresource);
                        let groups = rule.texts("apiGroups");
                        let groups = groups.filter(|own| *own == "*" || *own == ask.group);
                        for group in groups {
                            let on = rule.texts("resources").filter(|own| {
                                *own == "*"
                                    || *own == combined
                                    || !sub.is_empty() && own.strip_prefix("*/") == Some(sub)
                            });
                            for on in on {
                                known.insert((verb, group, on));
                                if [verb, group, on].contains(&"*") {
                                    let on = full(&combined, &ask.group);
                                    let words = format!("{} {on}", ask.verb);
                                    self.wild.entry(route.binding).or_default().insert(words);
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Whether requests for more names than are recorded may have used a permission of a rule with
/// `resourceNames`.
fn maybe_by_name(
    role: &Role<'_>,
    place: usize,
    permission: &Permission<'_>,
    many: &[&Ask],
) -> bool {
    let (verb, group, on) = permission;
    role.rules[place].rule.texts("resourceNames").next().is_some()
        && many.iter().any(|ask| match ask {
            Ask::Path { .. } => false,
            Ask::Resource(ask) => {
                [&*ask.verb, "*"].contains(verb)
                    && [&*ask.group, "*"].contains(group)
                    && (*on == "*" || *on == ask.combined())
            }
        })
}

/// Requests of a use of which not all names are recorded.
fn of_many_names<'u>(uses: impl Iterator<Item = &'u Use>) -> Vec<&'u Ask> {
    let many = uses.filter(|one| one.many && one.decision == Decision::Allowed);
    many.map(|one| &one.ask).collect()
}

/// The permissions of a role, each with the place of its rule.
fn permissions<'r, 'a>(role: &'r Role<'a>) -> impl Iterator<Item = (usize, Permission<'a>)> + 'r {
    role.rules.iter().enumerate().flat_map(|(place, held)| {
        let groups: Vec<&str> = held.rule.texts("apiGroups").collect();
        let verbs: BTreeSet<&str> = held.rule.texts("verbs").collect();
        let resources = held.rule.texts("resources");
        let on =
            resources.flat_map(move |on| groups.clone().into_iter().map(move |group| (group, on)));
        let on = on.chain(held.rule.texts("nonResourceURLs").map(|url| ("", url)));
        on.flat_map(move |(group, on)| {
            verbs.clone().into_iter().map(move |verb| (place, (verb, group, on)))
        })
    })
}

/// The role of a binding that Kubernetes does not make itself.
fn role_of<'r, 'a>(
    of: &'r Authorizer<'a>,
    binding: &Binding<'a>,
) -> Option<(RoleId, &'r Role<'a>)> {
    let own = binding.is_default
        || binding.object.label("kubernetes.io/bootstrapping").is_some()
        || binding.name.starts_with("system:");
    let role = binding.role.filter(|_| !own)?;
    Some((role, of.role(role))).filter(|(_, role)| !matches!(role.origin, Origin::Missing))
}

/// What was not used of all bindings, or only of those that name a subject. With `by`, only requests
/// of these users count. Bindings of Kubernetes itself are left out.
pub fn unused(
    of: &Authorizer<'_>,
    usage: &Usage,
    only: Option<&Subject>,
    by: Option<&BTreeSet<&str>>,
) -> Vec<Unused> {
    let mut used = Used::default();
    let mut identities: HashMap<&str, Identity> = HashMap::new();
    let uses: Vec<&Use> = match by {
        Some(by) => by.iter().flat_map(|name| usage.uses_of(name)).collect(),
        None => usage.uses.iter().collect(),
    };
    let many = of_many_names(uses.iter().copied());
    for one in uses.into_iter().filter(|one| one.decision == Decision::Allowed) {
        let who = identities.entry(&one.user).or_insert_with(|| identity(usage, &one.user));
        used.add(of, who, &one.ask);
    }
    let mut all = Vec::new();
    for (id, binding) in of.bindings() {
        let named = |subject: &Subject| only.is_none_or(|only| only == subject);
        if !binding.subjects.iter().any(|(subject, _)| named(subject)) {
            continue;
        }
        let Some((_, role)) = role_of(of, binding) else { continue };
        let mut found = Unused {
            binding_kind: binding.kind(),
            namespace: binding.namespace.unwrap_or_default().to_owned(),
            binding: binding.name.to_owned(),
            role: format!("{} {}", role.kind(), role.name),
            subjects: binding.subjects.iter().map(|(subject, _)| words(subject)).collect(),
            all: false,
            permissions: 0,
            used: 0,
            unused: BTreeMap::new(),
            of_wildcards: used.wild.remove(&id).unwrap_or_default(),
        };
        for (place, permission) in permissions(role) {
            found.permissions += 1;
            let is_used =
                used.has(id, place, &permission) || maybe_by_name(role, place, &permission, &many);
            if is_used {
                found.used += 1;
            } else {
                let (verb, group, on) = permission;
                found.unused.entry(full(on, group)).or_default().insert(verb.to_owned());
            }
        }
        found.all = found.used == 0 && found.permissions > 0;
        if !found.unused.is_empty() || !found.of_wildcards.is_empty() {
            all.push(found);
        }
    }
    all.sort_by(|a, b| {
        let key = |one: &Unused| (one.namespace.clone(), one.binding_kind, one.binding.clone());
        (!a.all, key(a)).cmp(&(!b.all, key(b)))
    });
    all
}

/// What a ServiceAccount used of the permissions of one binding.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Share {
    /// Permissions of the role.
    pub permissions: usize,
    /// Those that it used.
    pub used: usize,
    /// The first ones that it did not use: `list secrets`.
    pub unused: Vec<String>,
    /// The first one that it did not use and that gives power, and what it gives.
    pub power: Option<(String, &'static str)>,
    /// What it used of permissions with `*`.
    pub of_wildcards: BTreeSet<String>,
}

/// The place of a share: a binding, and the user name of a ServiceAccount that it names.
pub type ShareKey = (&'static str, String, String, String);

/// What each ServiceAccount used of each binding that names it. Time and memory are linear in roles,
/// bindings and uses, so only examples of what was not used are kept.
pub fn shares(of: &Authorizer<'_>, usage: &Usage) -> HashMap<ShareKey, Share> {
    let mut by_account: BTreeMap<String, BTreeSet<BindingId>> = BTreeMap::new();
    for (id, binding) in of.bindings().filter(|(_, binding)| role_of(of, binding).is_some()) {
        for (subject, _) in &binding.subjects {
            if let Subject::ServiceAccount { namespace, name } = subject {
                by_account.entry(account_name(namespace, name)).or_default().insert(id);
            }
        }
    }
    // Of each role, the number of permissions and those that give power.
    let mut roles = HashMap::new();
    let mut shares = HashMap::new();
    for (user, bindings) in by_account {
        let (mut used, who) = (Used::default(), identity(usage, &user));
        let allowed = usage.uses_of(&user).iter().filter(|one| one.decision == Decision::Allowed);
        allowed.for_each(|one| used.add(of, &who, &one.ask));
        let many = of_many_names(usage.uses_of(&user).iter());
        for id in bindings {
            let binding = of.binding(id);
            let Some((role_id, role)) = role_of(of, binding) else { continue };
            let (count, powerful) = roles.entry(role_id).or_insert_with(|| {
                let powerful = permissions(role).filter_map(|(place, permission)| {
                    Some((place, permission, power_of(&permission)?))
                });
                (permissions(role).count(), powerful.collect::<Vec<_>>())
            });
            let is_unused = |(place, permission): &(usize, Permission<'_>)| {
                !used.has(id, *place, permission) && !maybe_by_name(role, *place, permission, &many)
            };
            let mut power =
                powerful.iter().filter(|(place, permission, _)| is_unused(&(*place, *permission)));
            let share = Share {
                permissions: *count,
                used: *count - permissions(role).filter(is_unused).count(),
                unused: permissions(role)
                    .filter(is_unused)
                    .take(SHOWN)
                    .map(|(_, p)| say(&p))
                    .collect(),
                power: power.next().map(|(_, permission, power)| (say(permission), *power)),
                of_wildcards: used.wild.get(&id).cloned().unwrap_or_default(),
            };
            let namespace = binding.namespace.unwrap_or_default().to_owned();
            let key = (binding.kind(), namespace, binding.name.to_owned(), user.clone());
            shares.insert(key, share);
        }
    }
    shares
}

/// The number of examples in a [`Share`].
const SHOWN: usize = 3;

fn say((verb, group, on): &Permission<'_>) -> String {
    format!("{verb} {}", full(on, group))
}

/// What a permission gives beyond itself, in words.
fn power_of((verb, group, on): &Permission<'_>) -> Option<&'static str> {
    let (resource, sub) = on.split_once('/').unwrap_or((on, ""));
    // `*/exec` is the subresource of every resource.
    if [*verb, *group, resource].contains(&"*") {
        return Some("covers everything that `*` allows");
    }
    power(&Ask::Resource(ResourceAsk {
        verb: (*verb).to_owned(),
        group: (*group).to_owned(),
        resource: resource.to_owned(),
        subresource: sub.to_owned(),
        ..ResourceAsk::default()
    }))
}

/// A user with the groups that were recorded.
pub fn identity(usage: &Usage, name: &str) -> Identity {
    let groups = usage.users.get(name).map(|user| user.groups.iter().cloned().collect());
    let groups: Vec<String> = groups.unwrap_or_default();
    Identity::of(&Subject::of_user(name), &groups)
}

fn full(resource: &str, group: &str) -> String {
    match group {
        "" => resource.to_owned(),
        group => format!("{resource}.{group}"),
    }
}

fn words(subject: &Subject) -> String {
    match subject {
        Subject::ServiceAccount { namespace, name } => format!("ServiceAccount {namespace}/{name}"),
        Subject::User(name) => format!("User {name}"),
        Subject::Group(name) => format!("Group {name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counted::Limits;
    use crate::tally::Tally;
    use pavisade_model::KubernetesVersion;
    use pavisade_snapshot::{Coverage, Object, View, World, WorldParts};
    use pavisade_yaml::{Source, objects, read};

    const ROLES: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: r}
rules:
  - {apiGroups: ['', apps], resources: [pods, secrets], verbs: [get, list]}
  - {apiGroups: [batch], resources: ['*'], verbs: ['*']}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: b, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: r}
subjects: [{kind: User, name: ann}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: never}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: r}
subjects: [{kind: Group, name: ops}]
";

    fn found(events: &[(&str, &str, &str)]) -> Vec<Unused> {
        found_by(events, None)
    }

    fn found_by(events: &[(&str, &str, &str)], by: Option<&str>) -> Vec<Unused> {
        let documents = read(&Source::new("rbac.yaml", ROLES));
        let sent = documents.docs.iter().flat_map(|doc| objects(doc.root()).sent);
        let sent = sent.map(|one| Object::new(one.value, one.api_version, one.kind));
        let mut parts = WorldParts::cluster("prod");
        parts.objects = sent.collect();
        parts.default_coverage = Coverage::Complete;
        let world = World::new(parts);
        let view = View::new(&world, "rbac", Authorizer::READS, KubernetesVersion::LATEST);
        let of = Authorizer::of(&view);
        let mut tally = Tally::new(Limits::default());
        for (verb, group, resource) in events {
            let line = format!(
                r#"{{"stage":"ResponseComplete","verb":"{verb}","requestURI":"/","user":{{"username":"ann"}},"objectRef":{{"apiGroup":"{group}","resource":"{resource}","namespace":"shop"}},"responseStatus":{{"code":200}}}}"#
            );
            crate::decode(&line, &mut |event| tally.take(event));
        }
        let by = by.map(|name| BTreeSet::from([name]));
        unused(&of, &tally.finish(), None, by.as_ref())
    }

    #[test]
    fn what_was_used_is_not_unused() {
        let all = found(&[("get", "", "pods"), ("delete", "batch", "jobs")]);
        assert_eq!((all[0].binding.as_str(), all[0].all), ("never", true));
        let ann = &all[1];
        assert_eq!((ann.binding.as_str(), ann.all, ann.used, ann.permissions), ("b", false, 2, 9));
        let verbs =
            |on: &str| ann.unused.get(on).map(|v| v.iter().cloned().collect::<Vec<_>>().join(","));
        assert_eq!(verbs("pods").as_deref(), Some("list"));
        assert_eq!(verbs("secrets").as_deref(), Some("get,list"));
        // The same resource of another group was not used.
        assert_eq!(verbs("pods.apps").as_deref(), Some("get,list"));
        assert_eq!(verbs("*.batch"), None);
        assert_eq!(ann.of_wildcards.iter().collect::<Vec<_>>(), ["delete jobs.batch"]);
    }

    #[test]
    fn power_of_wildcards() {
        let power = |verb, group, on| power_of(&(verb, group, on)).unwrap_or_default();
        for (verb, group, on) in
            [("*", "", "pods"), ("get", "*", "pods"), ("get", "", "*"), ("create", "", "*/exec")]
        {
            assert!(power(verb, group, on).contains("`*`"), "{verb} {group} {on}");
        }
        // RBAC has no such pattern: it names the subresource `*`, which does not exist.
        assert_eq!(power("get", "", "pods/*"), "");
        assert!(!power("create", "", "pods/exec").contains("`*`"));
        assert!(!power("create", "", "pods/exec").is_empty());
        assert_eq!(power("get", "", "pods"), "");
    }

    #[test]
    fn what_others_used_is_not_used_by_one() {
        let events = [("get", "", "pods")];
        assert!(!found_by(&events, Some("ann")).iter().all(|one| one.all));
        assert!(found_by(&events, Some("bob")).iter().all(|one| one.all));
    }

    #[test]
    fn a_request_that_only_a_default_role_allows_uses_nothing() {
        let all = found(&[("create", "authorization.k8s.io", "selfsubjectaccessreviews")]);
        assert!(all.iter().all(|one| one.all), "{all:?}");
    }
}
