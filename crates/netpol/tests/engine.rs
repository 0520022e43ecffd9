//! The engine beside the second opinion, and what a naive implementation gets wrong.

use pavisade_netpol::{Connections, Doubt, Who, ask};

use crate::second;

#[test]
fn a_second_opinion_agrees() {
    let wrong = second::compare(10_000, 1);
    assert!(wrong.is_empty(), "{} disagree:\n{}", wrong.len(), wrong.join("\n\n"));
}

/// A pod and a database, with policies.
fn engine(policies: &str) -> pavisade_netpol::Engine {
    let pods = "\
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
apiVersion: apps/v1
kind: Deployment
metadata: {name: db, namespace: shop}
spec:
  template:
    metadata: {labels: {app: db}}
    spec:
      containers:
        - {name: c, image: i, ports: [{name: sql, containerPort: 5432}, {name: sql-udp, containerPort: 5432, protocol: UDP}]}
";
    second::engine(&format!("{pods}{policies}"))
}

/// What `web` may send to `db`: for certain, and possibly.
fn web_to_db(policies: &str) -> (String, String, Vec<Doubt>) {
    let mut engine = engine(policies);
    let (from, to) = (Who::read("web", &engine).unwrap(), Who::read("shop/db", &engine).unwrap());
    let asked = ask(&mut engine, &from, &to, None);
    let verdict = asked.verdict;
    (verdict.certain().to_string(), verdict.allow.to_string(), verdict.doubts)
}

/// A NetworkPolicy in `shop`.
pub(crate) fn policy(spec: &str) -> String {
    format!(
        "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p, namespace: shop}}\nspec: {spec}\n"
    )
}

#[test]
fn connections_are_certain_or_not() {
    for (spec, certain, possible) in [
        // Isolated by selection alone.
        ("{podSelector: {}}", "none", "none"),
        // Egress counts by its rules, and an empty list is none.
        ("{podSelector: {matchLabels: {app: web}}, egress: []}", "all", "all"),
        // Both selectors in one peer are both asked for.
        (
            "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: a}}, podSelector: {matchLabels: {app: x}}}]}]}",
            "none",
            "none",
        ),
        // As two peers, either is enough.
        (
            "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: a}}}, {podSelector: {matchLabels: {app: x}}}]}]}",
            "all",
            "all",
        ),
        // A named port has a protocol.
        ("{podSelector: {}, ingress: [{ports: [{port: sql}]}]}", "TCP 5432", "TCP 5432"),
        ("{podSelector: {}, ingress: [{ports: [{port: sql-udp}]}]}", "none", "none"),
        // The hash of a template is added later: the policy may select the pods or not.
        (
            "{podSelector: {matchExpressions: [{key: pod-template-hash, operator: Exists}]}}",
            "none",
            "all",
        ),
        // An operator that does not exist.
        (
            "{podSelector: {matchExpressions: [{key: app, operator: Is, values: [db]}]}}",
            "none",
            "all",
        ),
        // A range that ends before it starts is no port; which the server refuses.
        ("{podSelector: {}, ingress: [{ports: [{port: 9, endPort: 8}]}]}", "none", "all"),
    ] {
        let (sure, may, doubts) = web_to_db(&policy(spec));
        assert_eq!((&*sure, &*may), (certain, possible), "{spec}");
        assert_eq!(doubts.is_empty(), certain == possible, "{spec}: {doubts:?}");
    }
}

#[test]
fn policies_of_plugins_make_answers_unknown() {
    let policy = "---\napiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: p, namespace: shop}\nspec: {endpointSelector: {matchLabels: {app: APP}}, ingress: [{}]}\n";
    let (certain, possible, doubts) = web_to_db(&policy.replace("APP", "db"));
    assert_eq!((&*certain, &*possible), ("none", "all"));
    assert_eq!(doubts, [Doubt::Vendor(0)]);
    let (certain, ..) = web_to_db(&policy.replace("APP", "other"));
    assert_eq!(certain, "all");
}

#[test]
fn equal_priorities_that_contradict_are_told() {
    let one = |name: &str, action: &str, priority: u8| {
        format!(
            "---\napiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {{name: {name}}}\nspec:\n  tier: Admin\n  priority: {priority}\n  subject: {{namespaces: {{}}}}\n  ingress: [{{action: {action}, from: [{{namespaces: {{}}}}], protocols: [{{tcp: {{destinationPort: {{number: 80}}}}}}]}}]\n"
        )
    };
    let (certain, possible, doubts) = web_to_db(&(one("a", "Accept", 5) + &one("b", "Deny", 5)));
    assert_eq!((&*certain, &*possible), ("TCP 1-79,81-65535, UDP, SCTP", "all"));
    assert_eq!(doubts, [Doubt::Priority(0, 1)]);
    let (certain, ..) = web_to_db(&(one("a", "Accept", 4) + &one("b", "Deny", 5)));
    assert_eq!(certain, "all");
}

#[test]
fn unknown_peers_fail_closed() {
    let one = |action: &str| {
        format!(
            "---\napiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {{name: a}}\nspec:\n  tier: Admin\n  priority: 5\n  subject: {{namespaces: {{}}}}\n  ingress: [{{action: {action}, from: [{{planets: {{}}}}]}}]\n"
        )
    };
    for (action, expected) in [("Accept", "all"), ("Deny", "none"), ("Pass", "none")] {
        // Accept matches nothing, and what nothing decides is allowed.
        assert_eq!(web_to_db(&one(action)).0, expected, "{action}");
    }
}

#[test]
fn services_lead_to_ports_of_pods() {
    let service = "---\napiVersion: v1\nkind: Service\nmetadata: {name: db, namespace: shop}\nspec: {selector: {app: db}, ports: [{port: 80, targetPort: sql}, {port: 81, targetPort: 9}]}\n";
    let closed = policy("{podSelector: {}, ingress: [{ports: [{port: 5432}]}]}");
    let mut engine = engine(&format!("{service}{closed}"));
    let (from, to) =
        (Who::read("web", &engine).unwrap(), Who::read("svc/shop/db", &engine).unwrap());
    let port = Connections::read("80").unwrap();
    let asked = ask(&mut engine, &from, &to, Some(&port));
    assert_eq!(
        (asked.wanted.to_string(), asked.verdict.certain().to_string()),
        ("TCP 5432".into(), "TCP 5432".into())
    );
    let port = Connections::read("81").unwrap();
    assert!(ask(&mut engine, &from, &to, Some(&port)).verdict.allow.is_empty());
}
