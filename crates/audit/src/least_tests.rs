use pavisade_rbac::{ResourceAsk, words};
use proptest::prelude::*;

use super::*;
use crate::tally::User;

/// `get pods/web -n shop`; a name behind the first slash, a subresource behind the second.
fn one(user: &str, words: &str) -> Use {
    let (words, namespace) = words.split_once(" -n ").unwrap_or((words, ""));
    let (verb, on) = words.split_once(' ').unwrap();
    let ask = match on.starts_with('/') {
        true => Ask::Path { verb: verb.to_owned(), path: on.to_owned() },
        false => {
            let mut parts = on.split('/');
            let (resource, group) = {
                let resource = parts.next().unwrap();
                resource.split_once('.').unwrap_or((resource, ""))
            };
            Ask::Resource(ResourceAsk {
                verb: verb.to_owned(),
                group: group.to_owned(),
                resource: resource.to_owned(),
                name: parts.next().unwrap_or_default().to_owned(),
                subresource: parts.next().unwrap_or_default().to_owned(),
                namespace: namespace.to_owned(),
            })
        }
    };
    Use {
        user: user.to_owned(),
        ask,
        many: false,
        decision: Decision::Allowed,
        implied: false,
        count: 1,
        first: None,
        last: None,
    }
}

fn usage(uses: Vec<Use>) -> Usage {
    let users = uses.iter().map(|one| (one.user.clone(), User::default())).collect();
    Usage { uses, users, ..Usage::default() }
}

fn generated(subject: &str, lines: &[&str]) -> Option<Least> {
    let subject = words::subject(subject).unwrap();
    let user = Identity::of(&subject, &[]).name;
    let uses = lines.iter().map(|line| one(&user, line)).collect();
    least(&usage(uses), &subject, Names::Stable)
}

/// Rules as `ROLE: VERBS GROUP/RESOURCES [NAMES]`.
fn shown(least: &Least) -> Vec<String> {
    let mut all = Vec::new();
    for role in &least.roles {
        for rule in &role.rules {
            let names = match rule.names.is_empty() {
                true => String::new(),
                false => format!(" named {}", rule.names.join(",")),
            };
            let on = if rule.paths.is_empty() { &rule.resources } else { &rule.paths };
            let (verbs, on) = (rule.verbs.join(","), on.join(","));
            let (kind, places) = (role.kind(), role.namespaces.join(","));
            all.push(format!("{kind} {places}: {verbs} {on}{names}"));
        }
    }
    all
}

#[test]
fn exactly_what_was_used() {
    let least = generated(
        "sa:ci/bot",
        &["get configmaps/app -n shop", "list pods -n shop", "watch pods -n shop", "list nodes"],
    );
    let least = least.unwrap();
    let want = [
        "ClusterRole : list nodes",
        "Role shop: list,watch pods",
        "Role shop: get configmaps named app",
    ];
    let (got, want) = (shown(&least), want.map(str::to_owned));
    assert_eq!(BTreeSet::from_iter(got), BTreeSet::from(want));
    assert_eq!((least.proof.distinct, least.proof.failed), (4, Vec::new()));
}

#[test]
fn names_only_where_they_are_valid_and_hold() {
    let rules = |lines: &[&str]| shown(&generated("ann", lines).unwrap());
    // A name cannot limit the creation of objects, nor the deletion of a collection.
    assert_eq!(rules(&["create configmaps/a -n s"]), ["Role s: create configmaps"]);
    assert_eq!(rules(&["deletecollection leases.coordination.k8s.io/a -n s"]).len(), 1);
    assert!(!rules(&["deletecollection secrets/a -n s"])[0].contains("named"));
    // It limits the creation of a subresource, and a list with a field selector.
    assert_eq!(
        rules(&["create serviceaccounts/web/token -n s"]),
        ["Role s: create serviceaccounts/token named web"]
    );
    assert_eq!(rules(&["list secrets/a -n s"]), ["Role s: list secrets named a"]);
    // Pods have other names tomorrow; so do objects that the subject itself makes.
    assert_eq!(rules(&["get pods/web-1 -n s"]), ["Role s: get pods"]);
    assert_eq!(
        rules(&["get secrets/a -n s", "create secrets -n s"]),
        ["Role s: create,get secrets"]
    );
    // Many names are all.
    let many: Vec<String> = (0..6).map(|i| format!("get secrets/a{i} -n s")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(rules(&many), ["Role s: get secrets"]);
    // The users that may be impersonated are always named.
    assert_eq!(rules(&["impersonate users/bob"]), ["ClusterRole : impersonate users named bob"]);
}

#[test]
fn what_every_cluster_allows_needs_no_role() {
    assert!(generated("ann", &["get /healthz", "get /apis/apps/v1"]).unwrap().roles.is_empty());
    let least = generated("ann", &["get /metrics", "get /version"]).unwrap();
    assert_eq!(shown(&least), ["ClusterRole : get /metrics"]);
    assert_eq!(least.proof.by_default, 1);
}

#[test]
fn many_paths_are_all_in_the_role() {
    let mut tally = crate::Tally::new(crate::Limits::default());
    for path in (0..40).map(|n| format!("/x/{n}")).chain(["/metrics".to_owned()]) {
        let line = format!(
            r#"{{"stage":"ResponseComplete","verb":"get","requestURI":"{path}","user":{{"username":"ann"}},"responseStatus":{{"code":200}}}}"#
        );
        crate::decode(&line, &mut |event| tally.take(event));
    }
    let least = least(&tally.finish(), &Subject::User("ann".to_owned()), Names::Stable).unwrap();
    let paths = &least.roles[0].rules[0].paths;
    assert_eq!(paths.len(), 41);
    assert!(paths.iter().any(|path| path == "/metrics"), "{paths:?}");
    assert!(least.proof.failed.is_empty() && !paths.contains(&String::new()));
}

#[test]
fn a_recorded_star_gives_nothing() {
    let lines =
        ["get *", "* pods", "get pods.*", "get pods/a/*", "get /x*", "get *.apps", "list pods"];
    let least = generated("ann", &lines).unwrap();
    assert_eq!(shown(&least), ["ClusterRole : list pods"]);
    assert!(least.remarks.iter().any(|one| one.starts_with("6 uses contain `*`")));
    let least = generated("ann", &["get *"]).unwrap();
    assert!(least.roles.is_empty() && least.proof.distinct == 0, "{least:?}");
}

#[test]
fn the_same_rules_in_several_namespaces_are_one_cluster_role_bound_in_each() {
    let least = generated("ann", &["list pods -n a", "list pods -n b"]).unwrap();
    assert_eq!(shown(&least), ["ClusterRole a,b: list pods"]);
    assert_eq!(least.manifests.matches("kind: RoleBinding").count(), 2);
    assert!(!least.manifests.contains("ClusterRoleBinding"));
    // What is allowed everywhere is not repeated.
    let least = generated("ann", &["list pods", "list pods -n b"]).unwrap();
    assert_eq!(shown(&least), ["ClusterRole : list pods"]);
}

#[test]
fn a_group_is_its_members_together() {
    let mut uses = usage(vec![one("ann", "list pods -n a"), one("bob", "list secrets -n a")]);
    for user in uses.users.values_mut() {
        user.groups.insert("devs".to_owned());
    }
    uses.uses.push(one("eve", "list nodes"));
    uses.users.insert("eve".to_owned(), User::default());
    let least = least(&uses, &Subject::Group("devs".to_owned()), Names::Stable).unwrap();
    assert_eq!(shown(&least), ["Role a: list pods,secrets"]);
    assert!(least.proof.failed.is_empty());
}

#[test]
fn what_was_refused_is_not_granted() {
    let mut refused = one("ann", "list secrets -n a");
    refused.decision = Decision::Denied;
    let used = usage(vec![one("ann", "list pods -n a"), refused]);
    let least = least(&used, &Subject::User("ann".to_owned()), Names::Stable).unwrap();
    assert_eq!(shown(&least), ["Role a: list pods"]);
}

const VERBS: [&str; 9] = [
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
    "impersonate",
];
const ON: [&str; 8] = [
    "pods",
    "secrets",
    "deployments.apps",
    "nodes",
    "configmaps",
    "users",
    "leases.coordination.k8s.io",
    "widgets.example.com",
];

fn any_use() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "",
        "/a",
        "/b",
        "/c",
        "/yes",
        "/1",
        "/a:b",
        "/\u{2028}",
        "/a in namespace s",
    ]);
    let sub = prop::sample::select(vec!["", "/status", "/scale"]);
    let place = prop::sample::select(vec!["", " -n s", " -n t"]);
    let (verb, on) = (prop::sample::select(&VERBS), prop::sample::select(&ON));
    (verb, on, name, sub, place).prop_map(|(verb, on, name, sub, place)| {
        let sub =
            if name.is_empty() && !sub.is_empty() { format!("/{sub}") } else { sub.to_owned() };
        format!("{verb} {on}{name}{sub}{place}")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// Whatever was used is allowed afterwards, and a verb that was never used is not.
    #[test]
    fn the_proof_holds(lines in prop::collection::vec(any_use(), 1..12), mode in 0..3) {
        let names = [Names::Never, Names::Stable, Names::Always][mode as usize];
        let used = usage(lines.iter().map(|line| one("ann", line)).collect());
        let subject = Subject::User("ann".to_owned());
        let least = least(&used, &subject, names).unwrap();
        prop_assert!(least.proof.failed.is_empty(), "{:?}\n{}", least.proof, least.manifests);
        let who = Identity::of(&subject, &[]);
        let others: Vec<Ask> = used.uses.iter().flat_map(|one| match &one.ask {
            Ask::Resource(ask) => {
                let verb = ResourceAsk { verb: "unused".to_owned(), ..ask.clone() };
                let resource = ResourceAsk { resource: "unused".to_owned(), ..ask.clone() };
                let place = ResourceAsk { namespace: "unused".to_owned(), ..ask.clone() };
                // What was used everywhere is used there.
                let wide = used.uses.iter().any(|other| match &other.ask {
                    Ask::Resource(other) => {
                        other.namespace.is_empty()
                            && other.verb == ask.verb
                            && other.group == ask.group
                            && other.combined() == ask.combined()
                    }
                    Ask::Path { .. } => false,
                });
                let all = [Some(verb), Some(resource), (!wide).then_some(place)];
                all.into_iter().flatten().map(Ask::Resource).collect()
            }
            Ask::Path { .. } => Vec::new(),
        }).collect();
        let others: Vec<&Ask> = others.iter().collect();
        prop_assert!(decided(&least.manifests, &who, &others).iter().all(|allowed| !allowed));
    }
}
