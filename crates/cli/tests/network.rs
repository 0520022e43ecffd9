//! `pavisade network`.

use std::path::Path;

use serde_json::Value;

use crate::started::{Run, folder, run};

const APP: &str = "\
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: i, ports: [{containerPort: 8080}], env: [{name: DB, value: 'db:5432'}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec: {selector: {app: db}, ports: [{port: 5432}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: shop}
spec:
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: c, image: i, ports: [{containerPort: 5432}]}]}
";

const CLOSED: &str = "\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec: {podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress]}
";

fn network(folder: &Path, args: &[&str]) -> Run {
    let all: Vec<_> = ["network"].into_iter().chain(args.iter().copied()).collect();
    run(folder, &all)
}

#[test]
fn the_map_says_what_is_open() {
    let folder = folder(&[("app.yaml", APP)]);
    let done = network(folder.path(), &["map", "-q"]);
    assert_eq!(done.code, 0, "{}", done.err);
    for line in [
        "shop/web[Deployment]  TCP 8080  by LoadBalancer Service shop/web",
        "shop/db[StatefulSet]  all ports  PostgreSQL port; no policy restricts ingress",
    ] {
        assert!(done.out.contains(line), "{line}\n{}", done.out);
    }
    for format in ["json", "csv", "markdown", "dot", "svg"] {
        let done = network(folder.path(), &["map", "-q", "--format", format]);
        assert_eq!(done.code, 0, "{format}: {}", done.err);
        assert!(
            done.out.contains("shop/db") || done.out.contains(">db<"),
            "{format}\n{}",
            done.out
        );
    }
    let done = network(folder.path(), &["map", "-q", "--format", "json", "--focus", "shop/db"]);
    let json: Value = serde_json::from_str(&done.out).unwrap();
    let lines = json["worlds"][0]["connections"].as_array().unwrap();
    assert!(lines.iter().all(|line| line.to_string().contains("shop/db")), "{}", done.out);
}

#[test]
fn answers_have_exit_codes() {
    let folder = folder(&[("app.yaml", APP), ("closed.yaml", CLOSED)]);
    for (args, code, says) in [
        (&["can", "db", "web", "8080"][..], 0, "yes: "),
        (&["can", "web", "shop/db", "5432"], 1, "no: "),
        (
            &["can", "internet", "service/shop/web", "80"],
            0,
            "yes: outside to service shop/web, TCP 8080",
        ),
        (
            &["explain", "web", "db", "5432"],
            1,
            "NetworkPolicy shop/db selects it, and no rule allows this (./closed.yaml:1",
        ),
        (&["can", "wbe", "db"], 2, "`wbe` is not a workload"),
        (&["can", "web", "db", "http"], 2, "`HTTP` is not a port"),
        (&["can", "web", "db", "--cni", "magic"], 2, "there is no such plugin"),
        (&["can", "web", "db", "5432", "--cni", "flannel"], 0, "yes: "),
        (&["map", "nowhere"], 3, ""),
        (&["map", "--focus", "bank"], 2, "no such workload or namespace"),
    ] {
        let done = network(folder.path(), args);
        assert_eq!(done.code, code, "{args:?}\n{}\n{}", done.out, done.err);
        let said = format!("{}{}", done.out, done.err);
        assert!(said.contains(says) || said.contains(&says.replace("./", "")), "{args:?}: {said}");
    }
}

#[test]
fn rules_are_a_gate() {
    let good = "shop/web must not reach shop/db 5432 # closed\nshop/db may reach shop/web 8080\n";
    let folder = folder(&[
        ("m/app.yaml", APP),
        ("m/closed.yaml", CLOSED),
        ("good.rules", good),
        ("broken.rules", "shop/web may reach shop/db 5432\n"),
        ("wrong.rules", "shop/web reaches shop/db\n"),
        ("gone.rules", "shop/old must not reach shop/db\n"),
    ]);
    for (file, code, says) in [
        ("good.rules", 0, "holds"),
        ("broken.rules", 1, "broken   broken.rules:1"),
        ("wrong.rules", 2, "wrong.rules:1: want"),
        ("gone.rules", 2, "gone.rules:1"),
    ] {
        let done = network(folder.path(), &["check", file, "m"]);
        let said = format!("{}{}", done.out, done.err);
        assert_eq!(done.code, code, "{said}");
        assert!(said.contains(says), "{says}: {said}");
    }
}

#[test]
fn generated_policies_let_through_what_is_named() {
    let folder = folder(&[("m/app.yaml", APP)]);
    let done = network(folder.path(), &["generate", "m", "--merge", "m"]);
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    for (args, code) in [
        (["can", "web", "db", "5432", "-p", "m"], 0),
        (["can", "db", "web", "8080", "-p", "m"], 1),
        (["can", "any-pod", "db", "5432", "-p", "m"], 1),
    ] {
        let done = network(folder.path(), &args);
        assert_eq!(done.code, code, "{args:?} {}{}", done.out, done.err);
    }
    // Once more: what it wrote is replaced.
    assert_eq!(network(folder.path(), &["generate", "m", "--merge", "m"]).code, 0);
    std::fs::write(folder.path().join("m/network-policies-shop.yaml"), CLOSED).unwrap();
    let done = network(folder.path(), &["generate", "m", "--merge", "m"]);
    assert_eq!(done.code, 2, "{}", done.err);
}

#[test]
fn differences_are_gained_and_lost() {
    let folder = folder(&[("a/app.yaml", APP), ("b/app.yaml", APP), ("b/closed.yaml", CLOSED)]);
    let done = network(folder.path(), &["diff", "a", "b"]);
    assert_eq!(done.code, 1, "{}{}", done.out, done.err);
    assert!(
        done.out.contains("- shop/web[Deployment] to shop/db[StatefulSet]: all ports"),
        "{}",
        done.out
    );
    assert_eq!(network(folder.path(), &["diff", "a", "a"]).code, 0);
    let done = network(folder.path(), &["lint", "b"]);
    assert_eq!(done.code, 1);
    assert!(done.out.contains("no policy restricts its egress"), "{}", done.out);
}
