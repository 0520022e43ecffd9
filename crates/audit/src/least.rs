//! The least roles for what was used, and the proof that they suffice.
//!
//! A role allows exactly the verbs on the resources in the namespaces that were used. Names limit it
//! where that is valid and sensible: never `create` of new objects and `deletecollection`, which no
//! name can limit; not where the subject makes such objects itself, or their names are generated, or
//! there are many, because the next request would name another.
//!
//! The proof: the manifests are read back, and the RBAC engine decides about every recorded request
//! with these roles and the default ones of Kubernetes alone.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use pavisade_model::{Confidence, KubernetesVersion};
use pavisade_rbac::{
    Ask, Authorizer, Decision as Verdict, Identity, Subject, Through, account_name,
};
use pavisade_snapshot::{Object, View, World, WorldKind, WorldParts};
use pavisade_yaml::{Source, objects, read};

use crate::manifest::{self, is_wild};
use crate::role::{LeastRole, LeastRule};
use crate::tally::{Decision, Usage, Use};

/// When a role is limited to names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// Never.
    Never,
    /// Where the names of a use are few and stable.
    Stable,
    /// Wherever it is valid.
    Always,
}

/// The number of names that still count as few.
const FEW: usize = 5;

/// Resources whose names are generated, or are those of machines that come and go.
const CHANGING: [&str; 17] = [
    "pods",
    "replicasets",
    "controllerrevisions",
    "jobs",
    "events",
    "endpointslices",
    "nodes",
    "persistentvolumes",
    "persistentvolumeclaims",
    "volumeattachments",
    "certificatesigningrequests",
    "csinodes",
    "csistoragecapacities",
    "resourceslices",
    "resourceclaims",
    "tokenreviews",
    "subjectaccessreviews",
];

/// The result of replaying what was recorded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proof {
    /// Recorded requests, all of which are allowed if there are no failures.
    pub requests: u64,
    /// Different ones.
    pub distinct: usize,
    /// Of these, allowed by the default roles of Kubernetes.
    pub by_default: usize,
    /// What the generated roles do not allow.
    pub failed: Vec<String>,
}

/// The least roles of a subject.
#[derive(Debug, Clone)]
pub struct Least {
    /// Whose.
    pub subject: Subject,
    /// The roles.
    pub roles: Vec<LeastRole>,
    /// As manifests.
    pub manifests: String,
    /// The proof that they suffice.
    pub proof: Proof,
    /// Days with requests.
    pub days: usize,
    /// Days from the last time that something was used for the first time to the end of the log.
    pub quiet_days: i64,
    /// How much the recorded time says about the future: high from 28 days, 100 requests and a last
    /// week without anything new; medium from 7 days, 20 requests and such a last day.
    pub confidence: Confidence,
    /// What else to know.
    pub remarks: Vec<String>,
}

/// The least roles for what a subject used. `None` if it used nothing that a role could allow.
pub fn least(usage: &Usage, subject: &Subject, names: Names) -> Option<Least> {
    let members = members(usage, subject);
    let used: Vec<&Use> = members.iter().flat_map(|name| usage.uses_of(name)).collect();
    let allowed: Vec<&Use> =
        used.iter().copied().filter(|one| one.decision == Decision::Allowed).collect();
    if allowed.is_empty() {
        return None;
    }
    let (wild, allowed): (Vec<&Use>, Vec<&Use>) =
        allowed.into_iter().partition(|one| is_wild(&one.ask));
    let mut known = HashSet::new();
    let asks = allowed.iter().map(|one| &one.ask);
    let asks: Vec<&Ask> = asks.filter(|ask| known.insert(*ask)).collect();
    let who = Identity::of(subject, &[]);
    let by_default = decided("", &who, &asks);
    let needed = asks.iter().zip(&by_default).filter(|(_, default)| !**default);
    let roles = roles(needed.map(|(ask, _)| *ask), subject, names);
    let manifests = manifest::write(&roles, subject);

    let replayed = decided(&manifests, &who, &asks);
    let failed = asks.iter().zip(&replayed).filter(|(_, allowed)| !**allowed);
    let mut seen = BTreeSet::new();
    // A use with several names is counted once.
    let once = allowed.iter().filter(|one| !one.implied && seen.insert(class(one)));
    let proof = Proof {
        requests: once.map(|one| one.count).sum(),
        distinct: asks.len(),
        by_default: by_default.iter().filter(|default| **default).count(),
        failed: failed.map(|(ask, _)| ask.to_string()).collect(),
    };
    let days: BTreeSet<u32> = members
        .iter()
        .filter_map(|name| usage.users.get(*name))
        .flat_map(|user| user.days.iter().copied())
        .collect();
    let newest = allowed.iter().filter_map(|one| one.first).max();
    let quiet_days = usage
        .last
        .zip(newest)
        .map_or(0, |(last, new)| (last.duration_since(new).as_hours() / 24).max(0));
    let confidence = match (days.len(), quiet_days, proof.requests) {
        (28.., 7.., 100..) => Confidence::High,
        (7.., 1.., 20..) => Confidence::Medium,
        _ => Confidence::Low,
    };
    let mut remarks = remarks(&used, &asks, usage, &members);
    if !wild.is_empty() {
        let what: BTreeSet<String> = wild.iter().take(3).map(|one| one.ask.to_string()).collect();
        remarks.push(format!(
            "{} uses contain `*`, which a role treats as everything, so they are left out: {}",
            wild.len(),
            what.into_iter().collect::<Vec<_>>().join("; ")
        ));
    }
    Some(Least {
        subject: subject.clone(),
        remarks,
        days: days.len(),
        roles,
        manifests,
        proof,
        quiet_days,
        confidence,
    })
}

/// The key of a use without its name.
fn class(one: &Use) -> (String, String) {
    let mut ask = one.ask.clone();
    if let Ask::Resource(ask) = &mut ask {
        ask.name.clear();
    }
    (one.user.clone(), format!("{ask:?}"))
}

/// The names of the users that a subject stands for.
pub fn members<'u>(usage: &'u Usage, subject: &Subject) -> BTreeSet<&'u str> {
    let named = |name: &str| usage.users.get_key_value(name).map(|(name, _)| name.as_str());
    match subject {
        Subject::User(name) => named(name).into_iter().collect(),
        Subject::ServiceAccount { namespace, name } => {
            named(&account_name(namespace, name)).into_iter().collect()
        }
        Subject::Group(group) => {
            let of = usage.users.iter().filter(|(_, user)| user.groups.contains(group));
            of.map(|(name, _)| name.as_str()).collect()
        }
    }
}

/// Which requests manifests, and the default roles, allow.
fn decided(manifests: &str, who: &Identity, asks: &[&Ask]) -> Vec<bool> {
    let documents = read(&Source::new("roles.yaml", manifests));
    let sent = documents.docs.iter().flat_map(|doc| objects(doc.root()).sent);
    let sent = sent.map(|one| Object::new(one.value, one.api_version, one.kind));
    let world = World::new(WorldParts::files("generated", WorldKind::Files, sent.collect()));
    let view = View::new(&world, "rbac", Authorizer::READS, KubernetesVersion::LATEST);
    let of = Authorizer::of(&view);
    let allowed = |ask: &&Ask| matches!(of.decide(who, ask), Verdict::Allowed(Through::Rule(_)));
    asks.iter().map(allowed).collect()
}

/// What of one resource is needed, by verb: the names, or all.
type Needs<'a> = BTreeMap<(&'a str, String), BTreeMap<&'a str, Option<BTreeSet<&'a str>>>>;

fn roles<'a>(
    asks: impl Iterator<Item = &'a Ask>,
    subject: &Subject,
    names: Names,
) -> Vec<LeastRole> {
    let mut by_place: BTreeMap<&str, Needs<'a>> = BTreeMap::new();
    let mut paths: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for ask in asks {
        match ask {
            Ask::Path { verb, path } => {
                paths.entry(path).or_default().insert(verb);
            }
            Ask::Resource(ask) => {
                let needs = by_place.entry(&ask.namespace).or_default();
                let of = needs.entry((&ask.group, ask.combined())).or_default();
                let known = of.entry(&ask.verb).or_insert_with(|| Some(BTreeSet::new()));
                let is_new = ask.verb == "create" && ask.subresource.is_empty();
                match known {
                    _ if ask.name.is_empty() || is_new || ask.verb == "deletecollection" => {
                        *known = None;
                    }
                    Some(known) => {
                        known.insert(&ask.name);
                    }
                    None => {}
                }
            }
        }
    }
    for needs in by_place.values_mut() {
        widen(needs, names);
    }
    // What is allowed everywhere need not be repeated in a namespace.
    let everywhere = by_place.get("").cloned().unwrap_or_default();
    for (place, needs) in &mut by_place {
        if !place.is_empty() {
            needs.retain(|on, verbs| {
                let wide = everywhere.get(on);
                verbs.retain(|verb, _| !matches!(wide.and_then(|wide| wide.get(verb)), Some(None)));
                !verbs.is_empty()
            });
        }
    }
    let mut by_rules: BTreeMap<Vec<LeastRule>, Vec<String>> = BTreeMap::new();
    for (place, needs) in &by_place {
        let mut own = rules(needs);
        if place.is_empty() {
            own.extend(path_rules(&paths));
            paths.clear();
        }
        match (own.is_empty(), place.is_empty()) {
            (true, _) => {}
            // The same rules in a namespace are another role.
            (false, true) => {
                by_rules.entry(own).or_default().insert(0, String::new());
            }
            (false, false) => by_rules.entry(own).or_default().push((*place).to_owned()),
        }
    }
    if !paths.is_empty() {
        by_rules.entry(path_rules(&paths)).or_default().insert(0, String::new());
    }
    let base = manifest::base_name(subject);
    let mut all = Vec::new();
    for (rules, places) in by_rules {
        let (cluster, inside): (Vec<_>, Vec<_>) = places.into_iter().partition(String::is_empty);
        if !cluster.is_empty() {
            all.push(LeastRole {
                name: base.clone(),
                namespaces: Vec::new(),
                rules: rules.clone(),
            });
        }
        if !inside.is_empty() {
            all.push(LeastRole { name: base.clone(), namespaces: inside, rules });
        }
    }
    all.sort_by(|a, b| a.namespaces.cmp(&b.namespaces));
    // ClusterRoles share one space of names.
    let mut shared = 0;
    for role in all.iter_mut().filter(|role| role.namespaces.len() > 1) {
        shared += 1;
        // No base contains a dot in front of a number, so no other subject has this name.
        role.name = format!("{base}.{shared}");
    }
    all
}

/// Drops names that would not hold for the next request.
fn widen(needs: &mut Needs<'_>, names: Names) {
    for ((group, resource), verbs) in needs {
        let plain = resource.split('/').next().unwrap_or_default();
        let creates = verbs.contains_key("create") && !resource.contains('/');
        // Permissions to act as somebody, or with a role, are worth their names.
        let power = verbs.keys().any(|verb| {
            matches!(*verb, "impersonate" | "bind" | "escalate" | "approve" | "sign" | "attest")
        });
        let own_group = group.is_empty() || pavisade_rbac::is_own_group(group);
        let changing = own_group && CHANGING.contains(&plain);
        for known in verbs.values_mut() {
            let wide = known.as_ref().is_some_and(|known| match names {
                Names::Never => !power,
                Names::Always => false,
                Names::Stable => !power && (creates || changing || known.len() > FEW),
            });
            if wide {
                *known = None;
            }
        }
    }
}

fn rules(needs: &Needs<'_>) -> Vec<LeastRule> {
    // By group, verbs and names: the resources.
    let mut wide: BTreeMap<(&str, Vec<&str>), Vec<String>> = BTreeMap::new();
    let mut all = Vec::new();
    for ((group, resource), verbs) in needs {
        let free: Vec<&str> =
            verbs.iter().filter(|(_, names)| names.is_none()).map(|(verb, _)| *verb).collect();
        if !free.is_empty() {
            wide.entry((group, free)).or_default().push(resource.clone());
        }
        let mut by_names: BTreeMap<&BTreeSet<&str>, Vec<String>> = BTreeMap::new();
        for (verb, names) in verbs {
            if let Some(names) = names {
                by_names.entry(names).or_default().push((*verb).to_owned());
            }
        }
        for (names, verbs) in by_names {
            all.push(LeastRule {
                group: (*group).to_owned(),
                resources: vec![resource.clone()],
                names: names.iter().map(|name| (*name).to_owned()).collect(),
                verbs,
                paths: Vec::new(),
            });
        }
    }
    for ((group, verbs), resources) in wide {
        all.push(LeastRule {
            group: group.to_owned(),
            resources,
            names: Vec::new(),
            verbs: verbs.into_iter().map(str::to_owned).collect(),
            paths: Vec::new(),
        });
    }
    all.sort();
    all
}

fn path_rules(paths: &BTreeMap<&str, BTreeSet<&str>>) -> Vec<LeastRule> {
    let mut by_verbs: BTreeMap<&BTreeSet<&str>, Vec<String>> = BTreeMap::new();
    for (path, verbs) in paths {
        by_verbs.entry(verbs).or_default().push((*path).to_owned());
    }
    let rule = |(verbs, paths): (&BTreeSet<&str>, Vec<String>)| LeastRule {
        group: String::new(),
        resources: Vec::new(),
        names: Vec::new(),
        verbs: verbs.iter().map(|verb| (*verb).to_owned()).collect(),
        paths,
    };
    by_verbs.into_iter().map(rule).collect()
}

/// What the log cannot show.
fn remarks(used: &[&Use], asks: &[&Ask], usage: &Usage, members: &BTreeSet<&str>) -> Vec<String> {
    let mut remarks = Vec::new();
    let writes = |verb: &str| matches!(verb, "create" | "update" | "patch");
    let wrote = |resource: &str, sub: &str| {
        asks.iter().any(|ask| match ask {
            Ask::Resource(ask) => {
                writes(&ask.verb) && ask.resource == resource && ask.subresource == sub
            }
            Ask::Path { .. } => false,
        })
    };
    for (resource, sub, text) in [
        (
            "rolebindings",
            "",
            "it created or changed RoleBindings: for that it needs `bind` on these roles, or every permission in them, which the log does not show",
        ),
        (
            "clusterrolebindings",
            "",
            "it created or changed ClusterRoleBindings: for that it needs `bind` on these roles, or every permission in them, which the log does not show",
        ),
        (
            "roles",
            "",
            "it created or changed Roles: for that it needs `escalate`, or every permission in them, which the log does not show",
        ),
        (
            "clusterroles",
            "",
            "it created or changed ClusterRoles: for that it needs `escalate`, or every permission in them, which the log does not show",
        ),
        (
            "certificatesigningrequests",
            "approval",
            "it approved certificates: for that it needs `approve` on the signer, which the log does not show",
        ),
        (
            "certificatesigningrequests",
            "status",
            "it signed certificates: for that it needs `sign` on the signer, which the log does not show",
        ),
    ] {
        if wrote(resource, sub) {
            remarks.push(text.to_owned());
        }
    }
    let unknown = used.iter().filter(|one| one.decision == Decision::Unknown).count();
    if unknown > 0 {
        remarks.push(format!(
            "{unknown} uses failed, and the log does not say whether they were allowed: they are \
             not counted as used"
        ));
    }
    if usage.dropped > 0 {
        remarks.push(format!(
            "{} requests of all subjects were too many different ones to keep, so roles may lack \
             something: use a shorter log",
            usage.dropped
        ));
    }
    let masters = members.iter().filter_map(|name| usage.users.get(*name));
    if masters.into_iter().any(|user| user.groups.contains("system:masters")) {
        remarks.push(
            "it is a member of `system:masters`, which bypasses RBAC: roles limit it only after it \
             has a credential without that group"
                .to_owned(),
        );
    }
    remarks
}

#[cfg(test)]
#[path = "least_tests.rs"]
mod tests;
