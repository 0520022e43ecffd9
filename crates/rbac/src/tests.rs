//! Answers as a real API server gives them, and the mistakes of other tools (each is a test).

mod authorizers;
mod faults;
mod nodes;

use pavisade_judgement::Verdict;
use pavisade_model::KubernetesVersion;
use pavisade_snapshot::{Coverage, Object, View, World, WorldKind, WorldParts};
use pavisade_yaml::{Source, objects, read};

use crate::{Ask, Authorizer, Decision, Identity, explain, who_can, words};

fn objects_of(text: &str) -> Vec<Object> {
    let documents = read(&Source::new("rbac.yaml", text));
    let sent = documents.docs.iter().flat_map(|doc| objects(doc.root()).sent);
    sent.map(|one| Object::new(one.value, one.api_version, one.kind)).collect()
}

/// A file's world.
fn files(text: &str) -> World {
    World::new(WorldParts::files("here", WorldKind::Files, objects_of(text)))
}

/// A cluster of which all was read.
fn cluster(text: &str) -> World {
    let mut parts = WorldParts::cluster("prod");
    parts.objects = objects_of(text);
    parts.default_coverage = Coverage::Complete;
    World::new(parts)
}

fn view(world: &World, minor: u32) -> View<'_> {
    View::new(world, "rbac", Authorizer::READS, KubernetesVersion::minor(minor))
}

/// `alice get pods -n shop`, `sa:shop/web create pods/exec`.
fn ask(of: &Authorizer<'_>, words: &str) -> (Identity, Vec<Ask>) {
    let (words, namespace) = words.split_once(" -n ").unwrap_or((words, ""));
    let mut words = words.split(' ');
    let (who, verb, on) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
    let asks = words::question(verb, on, namespace, of.view()).unwrap().asks;
    (Identity::of(&words::subject(who).unwrap(), &[]), asks)
}

/// `yes`, `no`, `unknown`.
fn answer(world: &World, minor: u32, question: &str) -> &'static str {
    let view = view(world, minor);
    let of = Authorizer::of(&view);
    let (who, asks) = ask(&of, question);
    let mut word = "no";
    for one in asks {
        match of.decide(&who, &one) {
            Decision::Allowed(_) => return "yes",
            Decision::Unknown(_) => word = "unknown",
            Decision::Refused => {}
        }
    }
    word
}

/// A role `r` in `shop` with these rules, bound to alice there.
fn bound(rules: &str) -> String {
    format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {{name: r, namespace: shop}}\nrules: [{rules}]\n\
         ---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {{name: b, namespace: shop}}\n\
         roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: r}}\nsubjects: [{{kind: User, name: alice}}]\n"
    )
}

/// A ClusterRole `r` with these rules, bound to alice everywhere.
fn everywhere(rules: &str) -> String {
    bound(rules)
        .replace("kind: Role\n", "kind: ClusterRole\n")
        .replace("kind: Role,", "kind: ClusterRole,")
        .replace("kind: RoleBinding", "kind: ClusterRoleBinding")
        .replace(", namespace: shop", "")
}

#[test]
fn one_rule_alone_decides() {
    for (rules, question, want) in [
        // Group of one rule and verb of another never make a third.
        (
            "{apiGroups: [apps], resources: [deployments], verbs: [get]}, {apiGroups: [''], resources: [deployments], verbs: [create]}",
            "alice create deployments.apps -n shop",
            "no",
        ),
        // Deployments are in `apps`, not in the core group.
        (
            "{apiGroups: [apps], resources: [deployments], verbs: [create]}",
            "alice create deployments -n shop",
            "yes",
        ),
        (
            "{apiGroups: [''], resources: [deployments], verbs: [create]}",
            "alice create deployments -n shop",
            "no",
        ),
        // Subresources.
        (
            "{apiGroups: [''], resources: [pods], verbs: ['*']}",
            "alice create pods/exec -n shop",
            "no",
        ),
        (
            "{apiGroups: [''], resources: [pods/exec], verbs: [create]}",
            "alice create pods -n shop",
            "no",
        ),
        (
            "{apiGroups: ['*'], resources: ['*/scale'], verbs: [patch]}",
            "alice scale deployments/web -n shop",
            "yes",
        ),
        (
            "{apiGroups: [''], resources: ['pods/*'], verbs: ['*']}",
            "alice create pods/exec -n shop",
            "no",
        ),
        (
            "{apiGroups: [''], resources: ['*/*'], verbs: ['*']}",
            "alice create pods/exec -n shop",
            "no",
        ),
        // Names: no create of a collection, but of a named subresource.
        (
            "{apiGroups: [''], resources: [secrets], resourceNames: [a], verbs: ['*']}",
            "alice get secrets/a -n shop",
            "yes",
        ),
        (
            "{apiGroups: [''], resources: [secrets], resourceNames: [a], verbs: ['*']}",
            "alice get secrets/b -n shop",
            "no",
        ),
        (
            "{apiGroups: [''], resources: [secrets], resourceNames: [a], verbs: ['*']}",
            "alice list secrets -n shop",
            "no",
        ),
        (
            "{apiGroups: [''], resources: [secrets], resourceNames: [a], verbs: ['*']}",
            "alice create secrets -n shop",
            "no",
        ),
        (
            "{apiGroups: [''], resources: [serviceaccounts/token], resourceNames: [web], verbs: [create]}",
            "alice create serviceaccounts/web/token -n shop",
            "yes",
        ),
        // An empty list of names covers a named request.
        (
            "{apiGroups: [''], resources: [secrets], resourceNames: [], verbs: [get]}",
            "alice get secrets/a -n shop",
            "yes",
        ),
        // Listing every verb is not `*`.
        (
            "{apiGroups: [''], resources: [secrets], verbs: [get, list, watch, create, update, patch, delete, deletecollection]}",
            "alice impersonate secrets -n shop",
            "no",
        ),
        // Elsewhere.
        (
            "{apiGroups: [''], resources: [secrets], verbs: [get]}",
            "alice get secrets -n other",
            "no",
        ),
        ("{apiGroups: [''], resources: [secrets], verbs: [get]}", "alice get secrets", "no"),
        ("{apiGroups: [''], resources: [secrets], verbs: [get]}", "bob get secrets -n shop", "no"),
    ] {
        assert_eq!(answer(&cluster(&bound(rules)), 37, question), want, "{rules}: {question}");
    }
}

#[test]
fn paths_end_in_a_star_or_are_whole() {
    for (paths, question, want) in [
        ("'/apis/*'", "alice get /apis/apps", "yes"),
        ("'/apis/*'", "alice get /apis", "no"),
        ("'/api/*/*'", "alice get /api/v1", "no"),
        ("'*'", "alice get /metrics", "yes"),
        ("/metrics", "alice post /metrics", "no"),
    ] {
        let rules = format!("{{nonResourceURLs: [{paths}], verbs: [get]}}");
        assert_eq!(
            answer(&cluster(&everywhere(&rules)), 37, question),
            want,
            "{paths}: {question}"
        );
        // A RoleBinding gives no paths.
        let narrow = everywhere(&rules).replace(
            "kind: ClusterRoleBinding\nmetadata: {name: b}",
            "kind: RoleBinding\nmetadata: {name: b, namespace: shop}",
        );
        assert_eq!(answer(&cluster(&narrow), 37, question), "no", "{paths}: {question}");
    }
}

const ACROSS: &str = "\
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: b, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects:
- {kind: ServiceAccount, name: web, namespace: other}
- {kind: ServiceAccount, name: local}
- {kind: Group, name: 'system:serviceaccounts:third'}
";

#[test]
fn a_binding_reaches_accounts_of_other_namespaces_and_cluster_roles() {
    let world = files(ACROSS);
    for (question, want) in [
        ("sa:other/web list pods -n shop", "yes"),
        ("sa:other/web list pods -n other", "no"),
        ("sa:shop/web list pods -n shop", "no"),
        ("sa:shop/local get configmaps/a -n shop", "yes"),
        ("sa:third/any get configmaps -n shop", "yes"),
        ("sa:third/any get secrets -n shop", "no"),
        // What every cluster gives everybody.
        ("alice get /version", "yes"),
        ("system:anonymous get /version", "yes"),
        ("system:anonymous get /apis", "no"),
        ("alice get /apis", "yes"),
        ("group:system:masters delete nodes", "yes"),
    ] {
        assert_eq!(answer(&world, 37, question), want, "{question}");
    }
}

#[test]
fn who_can_sees_cluster_roles_behind_role_bindings() {
    let world = files(ACROSS);
    let view = view(&world, 37);
    let of = Authorizer::of(&view);
    let asked = words::question("list", "po", "shop", &view).unwrap();
    let found = who_can(&of, "here", &asked.asks, &asked.text);
    let names: Vec<_> =
        found.holders.iter().map(|one| format!("{}/{}", one.namespace, one.name)).collect();
    for name in ["other/web", "shop/local", "/system:serviceaccounts:third"] {
        assert!(names.iter().any(|one| one == name), "{name} is not among {names:?}");
    }
    let other = words::question("list", "pods", "other", &view).unwrap();
    let none = who_can(&of, "here", &other.asks, &other.text);
    assert!(!none.holders.iter().any(|one| one.name == "web"), "{none:?}");
    // Without a namespace: in any.
    let any = words::question("list", "pods", "", &view).unwrap();
    let any = who_can(&of, "here", &any.asks, &any.text);
    let web = any.holders.iter().find(|one| one.name == "web").unwrap();
    assert_eq!(web.routes[0].namespace, "shop");
}

#[test]
fn what_exec_takes_depends_on_the_version() {
    let get = cluster(&bound("{apiGroups: [''], resources: [pods/exec], verbs: [get]}"));
    let create = cluster(&bound("{apiGroups: [''], resources: [pods/exec], verbs: [create]}"));
    for (world, minor, want) in
        [(&get, 34, "yes"), (&get, 35, "no"), (&create, 34, "yes"), (&create, 35, "yes")]
    {
        assert_eq!(answer(world, minor, "alice exec pods/web -n shop"), want, "1.{minor}");
    }
}

const AGGREGATED: &str = "\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: whole}
aggregationRule: {clusterRoleSelectors: [{matchLabels: {part: 'yes'}}]}
rules: [{apiGroups: [''], resources: [nodes], verbs: [delete]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: part, labels: {part: 'yes', rbac.authorization.k8s.io/aggregate-to-view: 'true'}}
rules: [{apiGroups: [example.com], resources: [widgets], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: b}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: whole}
subjects: [{kind: User, name: alice}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: e}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit}
subjects: [{kind: User, name: bob}]
";

#[test]
fn rules_are_collected_in_files_and_read_in_clusters() {
    let (files, cluster) = (files(AGGREGATED), cluster(AGGREGATED));
    assert_eq!(answer(&files, 37, "alice get widgets.example.com"), "yes");
    // The controller replaces what stands in the role itself.
    assert_eq!(answer(&files, 37, "alice delete nodes"), "no");
    // In a cluster its rules are what it has.
    assert_eq!(answer(&cluster, 37, "alice get widgets.example.com"), "no");
    assert_eq!(answer(&cluster, 37, "alice delete nodes"), "yes");
    // Into `view`, and from there into `edit`.
    assert_eq!(answer(&files, 37, "bob get widgets.example.com"), "yes");
    assert_eq!(answer(&files, 37, "bob create pods -n shop"), "yes");
    assert_eq!(answer(&files, 37, "bob create roles -n shop"), "no");
}

#[test]
fn rules_of_roles_that_collect_each_other_may_survive() {
    let role = |name: &str, collects: &str, resource: &str| {
        format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: {name}, labels: {{l: {name}}}}}\n\
             aggregationRule: {{clusterRoleSelectors: [{{matchLabels: {{l: {collects}}}}}]}}\n\
             rules: [{{apiGroups: [''], resources: [{resource}], verbs: [get]}}]\n---\n"
        )
    };
    let binding = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: b}\n\
                   roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: a}\nsubjects: [{kind: User, name: alice}]\n";
    let circle = format!("{}{}{binding}", role("a", "b", "pods"), role("b", "a", "secrets"));
    assert_eq!(answer(&files(&circle), 37, "alice get pods"), "unknown");
    assert_eq!(answer(&files(&circle), 37, "alice get secrets"), "unknown");
    // In a chain what stands in collecting roles is lost.
    let chain = format!("{}{}{binding}", role("a", "b", "pods"), role("b", "c", "secrets"));
    assert_eq!(answer(&files(&chain), 37, "alice get pods"), "no");
    assert_eq!(answer(&files(&chain), 37, "alice get secrets"), "no");
}

#[test]
fn what_was_not_read_is_unknown() {
    let mut parts = WorldParts::cluster("prod");
    parts.objects = objects_of(&bound("{apiGroups: [''], resources: [secrets], verbs: [get]}"));
    for kind in ["Role", "RoleBinding", "ClusterRole"] {
        let key = ("rbac.authorization.k8s.io".to_owned(), kind.to_owned());
        parts.coverage.insert(key, Coverage::Complete);
    }
    let world = World::new(parts);
    assert_eq!(answer(&world, 37, "alice get secrets -n shop"), "yes");
    assert_eq!(answer(&world, 37, "alice list secrets -n shop"), "unknown");
    // A role that is not here.
    let text = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: b}\n\
                roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: theirs}\nsubjects: [{kind: User, name: alice}]\n";
    assert_eq!(answer(&files(text), 37, "alice get secrets"), "unknown");
    assert_eq!(answer(&files(text), 37, "bob get secrets"), "no");
    assert_eq!(answer(&cluster(text), 37, "alice get secrets"), "no");
    // Rules of a wrong type.
    let broken = bound("{apiGroups: '', resources: [secrets], verbs: [get]}");
    assert_eq!(answer(&files(&broken), 37, "alice get secrets -n shop"), "unknown");
    // A file that leaves the namespace to whoever applies it.
    let adrift = bound("{apiGroups: [''], resources: [secrets], verbs: [get]}")
        .replace(", namespace: shop", "");
    assert_eq!(answer(&files(&adrift), 37, "alice get secrets -n shop"), "unknown");
    assert_eq!(answer(&files(&adrift), 37, "alice list secrets -n shop"), "no");
    let own = adrift.replace("kind: User, name: alice", "kind: ServiceAccount, name: web");
    assert_eq!(answer(&files(&own), 37, "sa:shop/web get secrets -n shop"), "unknown");
    assert_eq!(answer(&files(&own), 37, "sa:shop/api get secrets -n shop"), "no");
}

#[test]
fn other_authorizers_are_asked_in_their_order() {
    let role = bound("{apiGroups: [''], resources: [secrets], verbs: [get]}");
    let with = |authorizers: &str| {
        files(&format!(
            "{role}---\napiVersion: apiserver.config.k8s.io/v1\nkind: AuthorizationConfiguration\nauthorizers: [{authorizers}]\n"
        ))
    };
    for (authorizers, allowed, refused) in [
        ("{type: Node, name: n}, {type: RBAC, name: r}", "yes", "no"),
        ("{type: RBAC, name: r}, {type: Webhook, name: w}", "yes", "unknown"),
        ("{type: Webhook, name: w}, {type: RBAC, name: r}", "unknown", "unknown"),
        ("{type: RBAC, name: r}, {type: AlwaysAllow, name: a}", "yes", "yes"),
        // A webhook before it can deny.
        ("{type: Webhook, name: w}, {type: AlwaysAllow, name: a}", "unknown", "unknown"),
        ("{type: AlwaysDeny, name: d}, {type: RBAC, name: r}", "yes", "no"),
    ] {
        let world = with(authorizers);
        assert_eq!(answer(&world, 37, "alice get secrets -n shop"), allowed, "{authorizers}");
        assert_eq!(answer(&world, 37, "alice list secrets -n shop"), refused, "{authorizers}");
        assert_eq!(
            answer(&world, 37, "group:system:masters list secrets -n shop"),
            "yes",
            "{authorizers}"
        );
    }
}

#[test]
fn an_explanation_names_lines_and_a_refusal_what_lacks() {
    let text = bound(
        "{apiGroups: [''], resources: [deployments], verbs: [create]}, {apiGroups: [''], resources: [pods], verbs: [get]}",
    );
    let world = files(&text);
    let view = view(&world, 37);
    let of = Authorizer::of(&view);
    let alice = words::subject("alice").unwrap();
    let told = |verb: &str, on: &str, namespace: &str| {
        let asked = words::question(verb, on, namespace, &view).unwrap();
        explain(&of, "here", &alice, &[], &asked.asks, &asked.text)
    };
    let yes = told("get", "pods", "shop");
    assert_eq!(yes.verdict, Verdict::Allowed);
    let route = &yes.routes[0];
    assert_eq!((route.role.name.as_str(), route.rule.field.as_str()), ("r", "rules[1]"));
    assert_eq!(route.rule.place.as_ref().map(|place| place.line), Some(4));
    assert_eq!(route.binding.place.as_ref().map(|place| place.line), Some(6));
    for (verb, on, namespace, lacks) in [
        (
            "create",
            "deployments",
            "shop",
            "it is about the core group, and this is in group `apps`",
        ),
        ("delete", "pods", "shop", "it does not grant the verb `delete`"),
        ("get", "pods/log", "shop", "`pods` does not cover its subresource `log`"),
        ("get", "pods", "other", "it counts in namespace `shop`, not in `other`"),
        (
            "get",
            "pods",
            "",
            "it counts in namespace `shop` only, and this is asked for the whole cluster",
        ),
    ] {
        let no = told(verb, on, namespace);
        assert_eq!(no.verdict, Verdict::Refused, "{verb} {on}");
        assert_eq!(no.near.first().map(|near| near.lacks.as_str()), Some(lacks), "{verb} {on}");
        assert!(no.missing.contains(&format!("verbs: [\"{verb}\"]")), "{}", no.missing);
    }
}

#[test]
fn words_of_people_are_understood_or_refused() {
    let world = files(AGGREGATED);
    let view = view(&world, 37);
    for (verb, on, want) in [
        ("get", "deploy/web", "get deployments.apps named web"),
        ("get", "Secret", "get secrets"),
        ("get", "pods/exec", "get pods/exec"),
        ("get", "pods/exec/", "get pods named exec"),
        ("create", "pods/web/exec", "create pods/exec named web"),
        ("get", "certificates.cert-manager.io", "get certificates.cert-manager.io"),
        ("get", "/metrics", "get /metrics"),
    ] {
        assert_eq!(words::question(verb, on, "", &view).unwrap().asks[0].to_string(), want);
    }
    for on in ["widgets", "a/b/c/d", ""] {
        assert!(words::question("get", on, "", &view).is_err(), "{on}");
    }
    for word in ["sa:web", "", "group:", "system:serviceaccount:a"] {
        assert!(words::subject(word).is_err(), "{word}");
    }
}
