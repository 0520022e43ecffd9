//! Permissions of bindings that were not used.
//!
//! A permission is a pair of a verb and a resource as a rule names them, through one binding. It was
//! used if a recorded request that the authorizer allowed matches it. Where several permissions allow
//! the same request, each counts as used, so nothing is called unused that a request may need.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use pavisade_rbac::{Ask, Authorizer, Identity, Origin, Route, Subject};

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

/// What was not used of all bindings, or of those that name a subject: by anybody, or with `by` by
/// these users. Bindings of Kubernetes itself are left out.
pub fn unused(
    of: &Authorizer<'_>,
    usage: &Usage,
    only: Option<&Subject>,
    by: Option<&BTreeSet<&str>>,
) -> Vec<Unused> {
    let mut used: HashMap<Route, HashSet<Permission<'_>>> = HashMap::new();
    let mut wild: HashMap<usize, BTreeSet<String>> = HashMap::new();
    let mut identities: HashMap<&str, Identity> = HashMap::new();
    let uses: Vec<&Use> = match by {
        Some(by) => by.iter().flat_map(|name| usage.uses_of(name)).collect(),
        None => usage.uses.iter().collect(),
    };
    for one in uses.into_iter().filter(|one| one.decision == Decision::Allowed) {
        let who = identities.entry(&one.user).or_insert_with(|| identity(usage, &one.user));
        for route in of.routes(who, &one.ask) {
            let rule = of.held(route).rule;
            let verbs = rule.texts("verbs").filter(|verb| *verb == "*" || *verb == one.ask.verb());
            for verb in verbs {
                let known = used.entry(route).or_default();
                match &one.ask {
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
                                    wild.entry(route.binding).or_default().insert(words);
                                }
                            }
                        }
                    }
                }
            }
        }
    }
    let mut all = Vec::new();
    for (id, binding) in of.bindings() {
        let own = binding.is_default
            || binding.object.label("kubernetes.io/bootstrapping").is_some()
            || binding.name.starts_with("system:");
        let named = |subject: &Subject| only.is_none_or(|only| only == subject);
        if own || !binding.subjects.iter().any(|(subject, _)| named(subject)) {
            continue;
        }
        let Some(role_id) = binding.role else { continue };
        let role = of.role(role_id);
        if matches!(role.origin, Origin::Missing) {
            continue;
        }
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
            of_wildcards: wild.remove(&id).unwrap_or_default(),
        };
        for (place, held) in role.rules.iter().enumerate() {
            let known = used.get(&Route { binding: id, role: role_id, rule: place });
            let groups: Vec<&str> = held.rule.texts("apiGroups").collect();
            let resources = held.rule.texts("resources");
            let on = resources.flat_map(|on| groups.iter().map(move |group| (*group, on)));
            let on = on.chain(held.rule.texts("nonResourceURLs").map(|url| ("", url)));
            let verbs: BTreeSet<&str> = held.rule.texts("verbs").collect();
            for (group, on) in on {
                for verb in &verbs {
                    found.permissions += 1;
                    if known.is_some_and(|known| known.contains(&(*verb, group, on))) {
                        found.used += 1;
                    } else {
                        let of = found.unused.entry(full(on, group)).or_default();
                        of.insert((*verb).to_owned());
                    }
                }
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

/// A user with the groups that were recorded.
pub fn identity(usage: &Usage, name: &str) -> Identity {
    let groups = usage.users.get(name).map(|user| user.groups.iter().cloned().collect());
    let groups: Vec<String> = groups.unwrap_or_default();
    let account = name.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':'));
    let subject = match account {
        Some((namespace, name)) => {
            Subject::ServiceAccount { namespace: namespace.to_owned(), name: name.to_owned() }
        }
        None => Subject::User(name.to_owned()),
    };
    Identity::of(&subject, &groups)
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
