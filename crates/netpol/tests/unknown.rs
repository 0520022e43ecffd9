//! What is not known is said to be unknown: neither a rule that holds, nor a connection that goes.

use std::collections::HashMap;

use pavisade_model::{KubernetesVersion, kinds};
use pavisade_netpol::{
    Assumptions, By, Direction, Doubt, Engine, Imagined, Network, PROFILES, Profile, READS,
    RemarkKind, Selects, Serving, Unasked, Who, ask, demands, differences, holds, lint, ways,
};
use pavisade_snapshot::{Coverage, Object, View, World, WorldKind, WorldParts};
use pavisade_yaml::{Source, objects, read};

use crate::engine::policy;

const PODS: &str = "\
---
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {team: a}}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: c, image: i}]}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: shop, labels: {app: db, k8s.io/tier: data}}
spec: {containers: [{name: c, image: i, ports: [{containerPort: 5432}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: alone, namespace: lonely, labels: {app: alone}}
spec: {containers: [{name: c, image: i}]}
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec: {selector: {app: db}, ports: [{port: 80, targetPort: 5432}]}
---
apiVersion: v1
kind: Service
metadata: {name: empty, namespace: shop}
spec: {selector: {app: gone}, ports: [{port: 80}]}
";

fn all(text: &str) -> Vec<Object> {
    let mut all = Vec::new();
    for doc in &read(&Source::new("m/app.yaml", format!("{PODS}{text}"))).docs {
        let sent = objects(doc.root()).sent;
        all.extend(sent.iter().map(|o| Object::new(o.value, o.api_version, o.kind)));
    }
    all
}

fn of_parts(parts: WorldParts, assumed: Assumptions) -> Engine {
    let world = World::new(parts);
    let view = View::new(&world, "network", READS, KubernetesVersion::LATEST);
    Engine::new(Network::read(&view, assumed))
}

fn with(text: &str, assumed: Assumptions) -> Engine {
    of_parts(WorldParts::files("m", WorldKind::Files, all(text)), assumed)
}

fn engine(text: &str) -> Engine {
    with(text, Assumptions::default())
}

/// A cluster of which everything was read but `unread`.
fn cluster(text: &str, unread: &[pavisade_model::GroupKind]) -> Engine {
    let of = |kind: &pavisade_model::GroupKind| (kind.group.to_owned(), kind.kind.to_owned());
    let coverage: HashMap<_, _> = unread.iter().map(|k| (of(k), Coverage::Unread)).collect();
    let parts = WorldParts {
        objects: all(text),
        default_coverage: Coverage::Complete,
        coverage,
        ..WorldParts::cluster("live")
    };
    of_parts(parts, Assumptions::default())
}

/// A policy of another kind, in `shop`.
fn other(version: &str, kind: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: {version}\nkind: {kind}\nmetadata: {{name: p, namespace: shop}}\nspec: {spec}\n"
    )
}

/// What goes: for certain, and possibly.
fn goes(engine: &mut Engine, from: &str, to: &str) -> (String, String, Vec<Doubt>) {
    let (a, b) = (Who::read(from, engine).unwrap(), Who::read(to, engine).unwrap());
    let verdict = ask(engine, &a, &b, None).verdict;
    (verdict.certain().to_string(), verdict.allow.to_string(), verdict.doubts)
}

fn is_unknown(engine: &mut Engine, from: &str, to: &str) -> bool {
    let (certain, possible, _) = goes(engine, from, to);
    (&*certain, &*possible) == ("none", "all")
}

#[test]
fn a_rule_that_asks_nothing_does_not_hold() {
    let closed = policy("{podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress]}");
    for (rule, policies, expected, why) in [
        ("shop/web must not reach shop/db", "", Selects::No, None),
        ("shop/web must not reach shop/db", &*closed, Selects::Yes, None),
        ("shop/web may reach service/shop/db 80", "", Selects::Yes, None),
        // One workload that is named twice is asked.
        ("shop/db must not reach shop/db", "", Selects::No, None),
        ("shop/web must not reach service/shop/empty", "", Selects::Maybe, Some(Unasked::NoPods)),
        ("shop/web may reach service/shop/empty", "", Selects::Maybe, Some(Unasked::NoPods)),
        ("shop/web may reach service/shop/db 81", "", Selects::Maybe, Some(Unasked::NoPort)),
        ("lonely/* must not reach lonely/*", "", Selects::Maybe, Some(Unasked::NoPair)),
        ("internet may reach 10.0.0.0/8", "", Selects::Maybe, Some(Unasked::Outside)),
        ("service/shop/db may reach shop/web", "", Selects::Maybe, Some(Unasked::FromService)),
    ] {
        let demand = &demands(rule).unwrap()[0];
        let outcome = holds(&mut engine(policies), demand).unwrap();
        assert_eq!(outcome.holds, expected, "{rule}");
        let reasons: Vec<_> = outcome.unasked.iter().map(|(_, _, why)| *why).collect();
        assert_eq!(reasons, why.into_iter().collect::<Vec<_>>(), "{rule}");
    }
    // A rule about all workloads holds for those that were read alone.
    let demand = &demands("* must not reach shop/db").unwrap()[0];
    for (unread, expected) in [(&[kinds::POD][..], Selects::Maybe), (&[], Selects::Yes)] {
        let outcome = holds(&mut cluster(&closed, unread), demand).unwrap();
        assert_eq!(outcome.holds, expected, "{unread:?}");
    }
}

#[test]
fn unread_policies_make_answers_unknown() {
    let unread = || Assumptions { files_unread: true, ..Assumptions::default() };
    for (mut engine, known) in [
        (engine(""), true),
        (with("", unread()), false),
        (cluster("", &[]), true),
        (cluster("", &[kinds::NETWORK_POLICY]), false),
        (cluster("", &[kinds::ANTREA_NETWORK_POLICY]), false),
        // What else was not read decides nothing.
        (cluster("", &[kinds::SECRET]), true),
    ] {
        assert_eq!(is_unknown(&mut engine, "web", "shop/db"), !known);
        let imagined = Imagined::add(&mut engine);
        let exposure = &imagined.exposures(&engine, 0)[Direction::Ingress.place()];
        assert_eq!(exposure.restricted, if known { Selects::No } else { Selects::Maybe });
        let remarks: Vec<_> = lint(&engine, &imagined).into_iter().map(|r| r.kind).collect();
        let open = RemarkKind::Uncaptured(Direction::Ingress);
        assert_eq!(remarks.contains(&open), known, "{remarks:?}");
        assert_eq!(remarks.contains(&RemarkKind::UnreadPolicies), !known, "{remarks:?}");
    }
}

#[test]
fn labels_that_plugins_add_are_not_absent() {
    let calico = |selector: &str| {
        other("projectcalico.org/v3", "NetworkPolicy", &format!("{{selector: \"{selector}\"}}"))
    };
    let cilium = |key: &str, value: &str| {
        other(
            "cilium.io/v2",
            "CiliumNetworkPolicy",
            &format!(
                "{{endpointSelector: {{matchLabels: {{'{key}': {value}}}}}, ingress: [{{}}]}}"
            ),
        )
    };
    for (policy, selects) in [
        (calico("app == 'db'"), true),
        (calico("app == 'x'"), false),
        (calico("projectcalico.org/orchestrator == 'k8s'"), true),
        (calico("projectcalico.org/namespace == 'shop'"), true),
        (calico("projectcalico.org/namespace == 'bank'"), false),
        (calico("pcns.team == 'a'"), true),
        (calico("pcns.team == 'b'"), false),
        (calico("pcns.projectcalico.org/name == 'shop'"), true),
        (calico("pcns.projectcalico.org/name == 'bank'"), false),
        (calico("pcns.projectcalico.org/other == 'x'"), true),
        (calico("pcsa.role == 'x'"), true),
        (cilium("k8s:app", "db"), true),
        (cilium("any:app", "web"), false),
        (cilium("app", "web"), false),
        (cilium("reserved:init", "''"), true),
        (cilium("container:app", "web"), true),
        // No prefix: the label is called so.
        (cilium("k8s.io/tier", "data"), true),
        (cilium("k8s.io/tier", "front"), false),
    ] {
        assert_eq!(is_unknown(&mut engine(&policy), "web", "shop/db"), selects, "{policy}");
    }
}

#[test]
fn policies_of_all_plugins_are_told() {
    for (version, kind, spec, selects) in [
        (
            "crd.antrea.io/v1beta1",
            "NetworkPolicy",
            "{appliedTo: [{podSelector: {matchLabels: {app: db}}}], ingress: [{action: Drop}]}",
            true,
        ),
        (
            "crd.antrea.io/v1beta1",
            "NetworkPolicy",
            "{appliedTo: [{podSelector: {matchLabels: {app: x}}}], ingress: [{action: Drop}]}",
            false,
        ),
        (
            "crd.antrea.io/v1beta1",
            "NetworkPolicy",
            "{appliedTo: [{podSelector: {}}], egress: []}",
            false,
        ),
        (
            "crd.antrea.io/v1beta1",
            "ClusterNetworkPolicy",
            "{ingress: [{action: Drop, appliedTo: [{group: g}]}]}",
            true,
        ),
        (
            "networking.k8s.aws/v1alpha1",
            "ApplicationNetworkPolicy",
            "{podSelector: {matchLabels: {app: db}}}",
            true,
        ),
        (
            "networking.k8s.aws/v1alpha1",
            "ApplicationNetworkPolicy",
            "{podSelector: {matchLabels: {app: x}}}",
            false,
        ),
        (
            "vpcresources.k8s.aws/v1beta1",
            "SecurityGroupPolicy",
            "{serviceAccountSelector: {}}",
            true,
        ),
        // It is about what leaves the cluster.
        (
            "k8s.ovn.org/v1",
            "EgressFirewall",
            "{egress: [{type: Deny, to: {cidrSelector: 0.0.0.0/0}}]}",
            false,
        ),
    ] {
        let mut engine = engine(&other(version, kind, spec));
        assert_eq!(is_unknown(&mut engine, "web", "shop/db"), selects, "{kind} {spec}");
        let outward = is_unknown(&mut engine, "web", "internet");
        assert_eq!(outward, kind == "EgressFirewall" || spec.contains("service"), "{kind} {spec}");
    }
}

#[test]
fn policies_for_nodes_are_about_pods_in_their_network() {
    let agent = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: agent, namespace: shop, labels: {app: agent}}\nspec: {hostNetwork: true, containers: [{name: c, image: i}]}\n";
    for (spec, unknown) in [
        ("{nodeSelector: {}, ingress: [{fromEntities: [health]}]}", true),
        ("{endpointSelector: {}, egress: [{}]}", false),
    ] {
        let policy = other("cilium.io/v2", "CiliumClusterwideNetworkPolicy", spec);
        let mut engine = engine(&format!("{agent}{policy}"));
        assert_eq!(is_unknown(&mut engine, "internet", "shop/agent"), unknown, "{spec}");
        // Other pods are no nodes.
        assert!(!is_unknown(&mut engine, "internet", "shop/db"), "{spec}");
    }
    // Antrea names what a policy applies to in the policy, or in each rule.
    let node = "appliedTo: [{nodeSelector: {}}]";
    for (spec, unknown) in [
        (format!("{{{node}, ingress: [{{action: Drop}}]}}"), true),
        (format!("{{ingress: [{{action: Drop, {node}}}]}}"), true),
        ("{ingress: [{action: Drop, appliedTo: [{podSelector: {}}]}]}".to_owned(), false),
    ] {
        let policy = other("crd.antrea.io/v1beta1", "ClusterNetworkPolicy", &spec);
        let mut engine = engine(&format!("{agent}{policy}"));
        assert_eq!(is_unknown(&mut engine, "internet", "shop/agent"), unknown, "{spec}");
    }
}

#[test]
fn pods_that_nothing_singles_out_may_be_those_that_are_not_excluded() {
    let from = |selector: &str| {
        policy(&format!(
            "{{podSelector: {{}}, ingress: [{{from: [{{podSelector: {selector}, namespaceSelector: {{}}}}]}}]}}"
        ))
    };
    for (selector, possible) in [
        ("{}", "all"),
        ("{matchLabels: {app: web}}", "none"),
        ("{matchExpressions: [{key: app, operator: Exists}]}", "none"),
        ("{matchExpressions: [{key: app, operator: NotIn, values: [web]}]}", "all"),
        ("{matchExpressions: [{key: app, operator: DoesNotExist}]}", "all"),
        (
            "{matchLabels: {tier: x}, matchExpressions: [{key: app, operator: DoesNotExist}]}",
            "none",
        ),
    ] {
        let (certain, may, _) = goes(&mut engine(&from(selector)), "any-pod", "shop/db");
        assert_eq!(may, possible, "{selector}");
        assert_eq!(certain == "all", selector == "{}", "{selector}");
    }
}

fn admin(fields: &str) -> String {
    format!(
        "---\napiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {{name: a}}\nspec: {{{fields}}}\n"
    )
}

#[test]
fn rules_for_nodes_may_be_about_what_is_outside() {
    let denies = admin(
        "tier: Admin, priority: 1, subject: {namespaces: {}}, egress: [{action: Deny, to: [{nodes: {}}]}]",
    );
    assert!(is_unknown(&mut engine(&denies), "web", "203.0.113.7"));
    let node = "---\napiVersion: v1\nkind: Node\nmetadata: {name: worker}\nstatus: {addresses: [{type: InternalIP, address: 10.9.0.1}]}\n";
    let mut known = cluster(&format!("{denies}{node}"), &[]);
    assert_eq!(goes(&mut known, "web", "203.0.113.7").0, "all");
    assert_eq!(goes(&mut known, "web", "10.9.0.1").1, "none", "{:?}", known.network().nodes);
    // Pods are no nodes.
    assert_eq!(goes(&mut known, "web", "shop/db").0, "all");
    // A node that has no address yet may get any.
    let fresh = "---\napiVersion: v1\nkind: Node\nmetadata: {name: fresh}\nstatus: {addresses: [{type: Hostname, address: fresh}]}\n";
    let mut partly = cluster(&format!("{denies}{node}{fresh}"), &[]);
    assert!(is_unknown(&mut partly, "web", "203.0.113.7"));
}

#[test]
fn what_the_api_server_refuses_is_told_and_unknown() {
    let rule = "{action: Deny, from: [{namespaces: {}}]}";
    for (fields, valid) in [
        (format!("tier: Admin, priority: 1, subject: {{namespaces: {{}}}}, ingress: [{rule}]"), true),
        (format!("tier: Admin, subject: {{namespaces: {{}}}}, ingress: [{rule}]"), false),
        (format!("priority: 1, subject: {{namespaces: {{}}}}, ingress: [{rule}]"), false),
        (format!("tier: Admin, priority: 1, subject: {{pods: {{x: y}}}}, ingress: [{rule}]"), false),
        (format!("tier: Admin, priority: 1, subject: {{namespaces: {{}}}}, ingress: {rule}"), false),
        ("tier: Admin, priority: 1, subject: {namespaces: {}}, ingress: [Deny]".to_owned(), false),
        (
            "tier: Admin, priority: 1, subject: {namespaces: {}}, ingress: [{action: Deny}]".to_owned(),
            false,
        ),
        (
            "tier: Admin, priority: 1, subject: {namespaces: {}}, ingress: [{from: [{namespaces: {}}]}]"
                .to_owned(),
            false,
        ),
        (
            "tier: Admin, priority: 1, subject: {namespaces: {}}, ingress: [{action: Deny, from: [{namespaces: {}}], protocols: []}]"
                .to_owned(),
            false,
        ),
    ] {
        let mut engine = engine(&admin(&fields));
        assert_eq!(engine.network().policies[0].flaws.is_empty(), valid, "{fields}");
        let (certain, possible, _) = goes(&mut engine, "web", "shop/db");
        let expected = if valid { "none" } else { "all" };
        assert_eq!((&*certain, &*possible), ("none", expected), "{fields}");
    }
    // Without a selector of pods it is told, and read as all pods.
    let fields = format!("tier: Admin, priority: 1, subject: {{pods: {{}}}}, ingress: [{rule}]");
    let mut all_pods = engine(&admin(&fields));
    assert!(!all_pods.network().policies[0].flaws.is_empty());
    assert_eq!(goes(&mut all_pods, "web", "shop/db").1, "none");
    // A policy without rules for a direction leaves it alone.
    let fields = "tier: Admin, priority: 1, subject: {namespaces: {}}, ingress: []";
    assert_eq!(goes(&mut engine(&admin(fields)), "web", "shop/db").0, "all");
}

#[test]
fn unknown_before_and_after_is_not_the_same() {
    let cilium = |rules: &str| {
        other(
            "cilium.io/v2",
            "CiliumNetworkPolicy",
            &format!("{{endpointSelector: {{}}, ingress: {rules}}}"),
        )
    };
    let (open, closed) = (engine(&cilium("[{}]")), engine(&cilium("[]")));
    let changes = differences((&open, None), (&closed, None));
    assert!(!changes.is_empty() && changes.iter().all(|change| change.unclear), "{changes:?}");
    let again = engine(&cilium("[{}]"));
    assert!(differences((&open, None), (&again, None)).is_empty());
    let unread = || with("", Assumptions { files_unread: true, ..Assumptions::default() });
    assert!(!differences((&unread(), None), (&unread(), None)).is_empty());
}

#[test]
fn ports_of_nodes_lead_to_pods() {
    let pod = |ports: &str| {
        format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: edge, namespace: edge}}\nspec: {{containers: [{{name: c, image: i, ports: [{ports}]}}]}}\n"
        )
    };
    for (ports, expected) in [
        ("{containerPort: 8080, hostPort: 80}, {containerPort: 9}", Some("TCP 8080")),
        ("{containerPort: 8080}", None),
        ("{containerPort: 8080, hostPort: 0}", None),
        ("{containerPort: 8080, hostPort: 80, hostIP: 127.0.0.1}", None),
        ("{containerPort: 8080, hostPort: 80, hostIP: 0.0.0.0}", Some("TCP 8080")),
    ] {
        let mut engine = engine(&pod(ports));
        let serving = Serving::of(&mut engine);
        let found = ways(&engine, &serving);
        let found: Vec<_> = found.iter().filter(|way| way.by == By::HostPort).collect();
        let found = found.first().map(|way| way.verdict.allow.to_string());
        assert_eq!(found.as_deref(), expected, "{ports}");
    }
}

/// A controller that was read may have other pods, which were not.
#[test]
fn workloads_that_were_not_read_may_serve_an_ingress() {
    let text = "---\napiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: web}\nspec: {controller: traefik.io/ingress-controller}\n\
        ---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i, namespace: shop}\nspec: {ingressClassName: web, defaultBackend: {service: {name: db, port: {number: 80}}}}\n\
        ---\napiVersion: v1\nkind: Pod\nmetadata: {name: c, namespace: edge}\nspec: {containers: [{name: c, image: 'traefik:v3'}]}\n";
    let only_edge = policy(
        "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: edge}}}]}]}",
    );
    let led = |text: &str, unread: &[pavisade_model::GroupKind]| {
        let mut engine = cluster(text, unread);
        let serving = Serving::of(&mut engine);
        let found = ways(&engine, &serving);
        let way = found.iter().find(|way| matches!(way.by, By::Entry(_))).unwrap();
        (
            way.verdict.certain().to_string(),
            way.verdict.doubts.contains(&Doubt::Unread(kinds::DAEMON_SET)),
        )
    };
    let text = text.to_owned();
    assert_eq!(led(&(text.clone() + &only_edge), &[]), ("TCP 5432".to_owned(), false));
    assert_eq!(led(&(text.clone() + &only_edge), &[kinds::DAEMON_SET]), ("none".to_owned(), true));
    // If every pod may connect, it does not matter which ones serve it.
    assert_eq!(led(&text, &[kinds::DAEMON_SET]), ("TCP 5432".to_owned(), false));
}

#[test]
fn a_block_of_ipv4_is_not_all_of_a_dual_stack_cluster() {
    let open = policy("{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}]}");
    let both = policy(
        "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}, {ipBlock: {cidr: '::/0'}}]}]}",
    );
    let dual = "---\napiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: shop}\nspec: {ipFamilyPolicy: PreferDualStack, selector: {app: x}}\n";
    let calico = || Assumptions {
        profile: Profile::named("calico").unwrap().clone(),
        ..Assumptions::default()
    };
    for (text, certain) in
        [(open.clone(), "all"), (format!("{open}{dual}"), "none"), (format!("{both}{dual}"), "all")]
    {
        let found = goes(&mut with(&text, calico()), "web", "shop/db").0;
        assert_eq!(found, certain, "{text}");
    }
}

#[test]
fn a_plugin_that_enforces_nothing_is_told_once() {
    let none: Vec<_> = PROFILES.iter().filter(|p| !p.enforces).collect();
    assert!(!none.is_empty());
    for profile in none {
        let assumed = Assumptions { profile: profile.clone(), ..Assumptions::default() };
        let mut engine = with(&policy("{podSelector: {}}"), assumed);
        let imagined = Imagined::add(&mut engine);
        let remarks: Vec<_> = lint(&engine, &imagined).into_iter().map(|r| r.kind).collect();
        assert_eq!(remarks, [RemarkKind::NotEnforced], "{}", profile.name);
    }
}
