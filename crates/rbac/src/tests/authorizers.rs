//! What the authorizers mean for answers, and how much a question looks at.

use pavisade_judgement::WhoCan;
use pavisade_snapshot::World;

use super::{answer, bound, cluster, everywhere, files, view};
use crate::show::Shown;
use crate::{Authorizer, Step, can, diff, explain, who_can, words};

const SECRETS: &str = "{apiGroups: [''], resources: [secrets], verbs: [get]}";

fn with_modes(text: &str, authorizers: &str) -> String {
    format!(
        "{text}---\napiVersion: apiserver.config.k8s.io/v1\nkind: AuthorizationConfiguration\nauthorizers: [{authorizers}]\n"
    )
}

/// A static pod with this command.
fn server(command: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: kube-apiserver, namespace: kube-system}}\n\
         spec: {{containers: [{{name: a, command: {command}}}]}}\n"
    )
}

fn asked(world: &World, verb: &str, on: &str, namespace: &str) -> WhoCan {
    let view = view(world, 37);
    let of = Authorizer::of(&view);
    let asked = words::question(verb, on, namespace, &view).unwrap();
    who_can(&of, "here", &asked.asks, &asked.text)
}

fn names(found: &WhoCan) -> Vec<&str> {
    found.holders.iter().map(|one| &*one.name).collect()
}

#[test]
fn flags_of_the_api_server_are_read_in_all_their_forms() {
    let rbac = [Step::Node, Step::Rbac];
    let webhook = [Step::Webhook(String::new()), Step::Rbac];
    for (command, want) in [
        ("[kube-apiserver, '--authorization-mode=Node,RBAC']", &rbac[..]),
        ("[kube-apiserver, --authorization-mode, 'Node,RBAC']", &rbac),
        ("[/usr/bin/kube-apiserver, '--authorization_mode=\"Node,RBAC\"']", &rbac),
        ("[kube-apiserver, --authorization-mode=Node, --authorization-mode=RBAC]", &rbac),
        ("[nice, -n, '5', kube-apiserver, '--authorization-mode=Node,RBAC']", &rbac),
        ("[sh, -c, 'exec kube-apiserver --v=2 --authorization-mode Node,RBAC 2>&1']", &rbac),
        ("[kube-apiserver, '--authorization-mode=Webhook,RBAC']", &webhook),
        ("[kube-apiserver, --v=2]", &[Step::AlwaysAllow]),
        // A variable may hold the flag.
        ("[kube-apiserver, $(FLAGS)]", &[Step::Other("$(FLAGS)".to_owned())]),
        // What the shell hands over follows it, or is not known.
        (
            "[sh, -c, 'exec kube-apiserver \"$@\"', --, '--authorization-mode=Webhook,RBAC']",
            &webhook,
        ),
        ("[sh, -c, 'exec kube-apiserver \"$@\"']", &[Step::Other("\"$@\"".to_owned())]),
        // It is only read about, or asked for.
        ("[tail, -f, /var/log/kube-apiserver.log]", &rbac),
        ("[sh, -c, 'crictl ps --name kube-apiserver -q']", &rbac),
        ("[pgrep, -f, kube-apiserver]", &rbac),
    ] {
        let world = files(&server(command));
        let view = view(&world, 37);
        assert_eq!(Authorizer::of(&view).chain.steps, want, "{command}");
    }
}

#[test]
fn a_file_of_authorizers_counts_where_a_flag_names_it() {
    let file = with_modes(&bound(SECRETS), "{type: AlwaysAllow, name: a}");
    let steps = |pod: &str| {
        let world = files(&format!("{file}---\n{pod}"));
        let view = view(&world, 37);
        Authorizer::of(&view).chain.steps
    };
    let named = server("[kube-apiserver, --authorization-config=/etc/authorization.yaml]");
    assert_eq!(steps(&named), [Step::AlwaysAllow]);
    // This server does not read it.
    let other = server("[kube-apiserver, '--authorization-mode=RBAC']");
    assert_eq!(steps(&other), [Step::Rbac]);
    // The file is not here.
    let world = files(&named);
    assert!(matches!(Authorizer::of(&view(&world, 37)).chain.steps[..], [Step::Other(_)]));
}

#[test]
fn abac_never_denies() {
    for (authorizers, allowed, refused) in [
        ("{type: ABAC, name: a}, {type: RBAC, name: r}", "yes", "unknown"),
        ("{type: ABAC, name: a}, {type: AlwaysAllow, name: b}", "yes", "yes"),
        ("{type: Webhook, name: a}, {type: RBAC, name: r}", "unknown", "unknown"),
    ] {
        let world = files(&with_modes(&bound(SECRETS), authorizers));
        assert_eq!(answer(&world, 37, "alice get secrets -n shop"), allowed, "{authorizers}");
        assert_eq!(answer(&world, 37, "alice list secrets -n shop"), refused, "{authorizers}");
    }
}

#[test]
fn roles_have_no_effect_where_rbac_is_not_asked() {
    let alice = words::subject("alice").unwrap();
    for (authorizers, holders, remark) in [
        ("{type: RBAC, name: r}", true, ""),
        ("{type: AlwaysDeny, name: d}", false, "roles and bindings have no effect"),
        ("{type: AlwaysAllow, name: a}", false, "allows everything to everybody"),
        ("{type: RBAC, name: r}, {type: AlwaysAllow, name: a}", true, "allows everything"),
    ] {
        let world = files(&with_modes(&bound(SECRETS), authorizers));
        let found = asked(&world, "get", "secrets", "shop");
        assert_eq!(names(&found).contains(&"alice"), holders, "{authorizers}");
        let says = |remarks: &[String]| match remark {
            "" => remarks.is_empty(),
            remark => remarks.iter().any(|one| one.contains(remark)),
        };
        assert!(says(&found.remarks), "{authorizers}: {:?}", found.remarks);
        let view = view(&world, 37);
        let of = Authorizer::of(&view);
        let all = can(&of, "here", &alice, &[]);
        assert_eq!(all.routes.iter().any(|route| route.role.name == "r"), holders);
        assert!(says(&all.remarks), "{authorizers}: {:?}", all.remarks);
    }
    // An explanation shows no rule that does not count.
    let world = files(&with_modes(&bound(SECRETS), "{type: AlwaysDeny, name: d}"));
    let view = view(&world, 37);
    let of = Authorizer::of(&view);
    let question = words::question("get", "secrets", "shop", &view).unwrap();
    let told = explain(&of, "here", &alice, &[], &question.asks, &question.text);
    assert!(told.routes.is_empty() && told.missing.contains("RBAC is not among"), "{told:?}");
}

#[test]
fn kubelets_are_named_where_the_node_authorizer_lets_them() {
    let world = files(&bound(SECRETS));
    let said = |verb: &str, on: &str, namespace: &str| {
        asked(&world, verb, on, namespace).remarks.iter().any(|one| one.contains("kubelet"))
    };
    for (verb, on, namespace, want) in [
        ("get", "secrets", "shop", true),
        ("get", "secrets/a", "shop", true),
        ("get", "nodes", "", true),
        ("update", "leases", "kube-node-lease", true),
        ("create", "events", "shop", true),
        ("update", "leases", "shop", false),
        ("delete", "secrets", "shop", false),
        ("escalate", "roles", "shop", false),
        ("get", "/metrics", "", false),
    ] {
        assert_eq!(said(verb, on, namespace), want, "{verb} {on} -n {namespace}");
    }
}

#[test]
fn a_role_binding_gives_nothing_outside_of_namespaces() {
    let rule = "{apiGroups: ['', example.com], resources: [nodes, pods, namespaces, widgets], verbs: [get, list]}";
    let definition = "---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: widgets.example.com}\n\
                      spec: {group: example.com, scope: Cluster, names: {plural: widgets, kind: Widget}}\n";
    let narrow = cluster(&format!("{}{definition}", bound(rule)));
    let wide = cluster(&format!("{}{definition}", everywhere(rule)));
    for (verb, on, want) in [
        ("get", "pods", true),
        ("get", "nodes", false),
        ("list", "nodes", false),
        ("get", "widgets", false),
        // Some namespace, by its name.
        ("get", "namespaces", true),
        ("list", "namespaces", false),
    ] {
        assert_eq!(names(&asked(&narrow, verb, on, "")).contains(&"alice"), want, "{verb} {on}");
        assert!(names(&asked(&wide, verb, on, "")).contains(&"alice"), "{verb} {on}");
    }
}

#[test]
fn roles_are_bound_in_the_namespace_of_the_binding() {
    let rule =
        "{apiGroups: [rbac.authorization.k8s.io], resources: [clusterroles], verbs: [bind, get]}";
    let world = cluster(&bound(rule));
    for (verb, namespace, want) in [
        ("bind", "", true),
        ("bind", "shop", true),
        ("bind", "other", false),
        // To read one is a request outside of namespaces.
        ("get", "", false),
        ("get", "shop", false),
    ] {
        let found = asked(&world, verb, "clusterroles/admin", namespace);
        assert_eq!(names(&found).contains(&"alice"), want, "{verb} -n {namespace}");
    }
}

#[test]
fn a_namespace_is_asked_for_in_itself() {
    let world = cluster(&bound("{apiGroups: [''], resources: [namespaces], verbs: [get, list]}"));
    for (question, want) in [
        ("alice get namespaces/shop", "yes"),
        ("alice get ns/shop -n other", "yes"),
        ("alice get namespaces/other", "no"),
        ("alice get namespaces/other -n shop", "no"),
        ("alice list namespaces", "no"),
    ] {
        assert_eq!(answer(&world, 37, question), want, "{question}");
    }
}

#[test]
fn a_difference_of_authorizers_or_default_roles_is_one() {
    let plain = bound(SECRETS);
    let found = |old: &str, new: &str| {
        let (old, new) = (files(old), files(new));
        let result = diff(&[("a", view(&old, 37))], &[("b", view(&new, 37))]);
        let subjects: Vec<_> = result.subjects.into_iter().map(|one| one.subject).collect();
        (result.authorizers.join("; "), subjects)
    };
    let allow = with_modes(&plain, "{type: AlwaysAllow, name: a}");
    let usual = with_modes(&plain, "{type: Node, name: n}, {type: RBAC, name: r}");
    assert_eq!(found(&plain, &usual), (String::new(), vec![]));
    let (authorizers, subjects) = found(&plain, &allow);
    assert!(authorizers.contains("allows everything to everybody"), "{authorizers}");
    assert!(subjects.is_empty());
    let (authorizers, subjects) = found(&plain, &with_modes(&plain, "{type: AlwaysDeny, name: d}"));
    assert!(authorizers.contains("roles and bindings have no effect"), "{authorizers}");
    assert!(subjects.contains(&"User alice".to_owned()), "{subjects:?}");
    // A default binding gives a role of that name, whoever wrote it.
    let redefined = format!(
        "{plain}---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: 'system:basic-user'}}\n\
         rules: [{{apiGroups: ['*'], resources: ['*'], verbs: ['*']}}]\n"
    );
    let (_, subjects) = found(&plain, &redefined);
    assert_eq!(subjects, ["Group system:authenticated"]);
    assert_eq!(found(&redefined, &redefined), (String::new(), vec![]));
}

/// A role, bound to a group by that many bindings, each in a namespace with its own Role.
fn many(count: usize) -> World {
    let group = "apiGroup: rbac.authorization.k8s.io";
    let one = |n: usize| {
        format!(
            "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {{name: r, namespace: n{n}}}\nrules: [{SECRETS}]\n\
             ---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {{name: b, namespace: n{n}}}\n\
             roleRef: {{{group}, kind: Role, name: r}}\nsubjects: [{{kind: User, name: u{n}}}]\n\
             ---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {{name: c, namespace: n{n}}}\n\
             roleRef: {{{group}, kind: ClusterRole, name: shared}}\nsubjects: [{{kind: Group, name: all}}]\n"
        )
    };
    let shared = format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: shared}}\nrules: [{SECRETS}]\n"
    );
    cluster(&(shared + &(0..count).map(one).collect::<String>()))
}

#[test]
fn a_question_about_a_namespace_does_not_look_at_others() {
    let looked = |count: usize| {
        let world = many(count);
        let view = view(&world, 37);
        let of = Authorizer::of(&view);
        let ask = |namespace: &str| {
            words::question("get", "secrets", namespace, &view).unwrap().asks.remove(0)
        };
        let found = asked(&world, "get", "secrets", "n7");
        assert_eq!(names(&found), ["all", "u7"]);
        let mut shown = Shown::new(&of);
        let holders = of.holders(&ask(""), true);
        assert_eq!(holders.len(), 2 * count);
        for route in holders {
            shown.route(route);
        }
        // Each rule is written once: the shared one and one of each namespace.
        assert_eq!(shown.written(), count + 1);
        of.candidates(&ask("n7"), false).len()
    };
    assert_eq!(looked(20), looked(200));
}
