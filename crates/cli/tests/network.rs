//! `pavisade network`.

use std::path::Path;

use pavisade_scan::Timestamp;
use pavisade_snapshot::file::write;
use pavisade_snapshot::{Coverage, Object, Snapshot, WorldParts};
use pavisade_yaml::{Source, read};
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
        (&["can", "web", "db", "http"], 2, "`http` is not a port"),
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
        ("wrong.rules", 2, "wrong.rules:1: must be"),
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

/// A world's part of a document.
fn worlds(out: &str) -> Vec<Value> {
    let json: Value = serde_json::from_str(out).unwrap();
    json["worlds"].as_array().unwrap().clone()
}

#[test]
fn an_unread_file_makes_answers_unknown() {
    let broken = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: [\n";
    let folder = folder(&[("m/app.yaml", APP), ("m/broken.yaml", broken), ("n/app.yaml", APP)]);
    let done = network(folder.path(), &["can", "web", "shop/db", "5432", "-p", "m"]);
    assert_eq!(done.code, 3, "{}{}", done.out, done.err);
    assert!(done.out.contains("unknown: "), "{}", done.out);
    assert!(done.out.contains("a file that may hold policies could not be read"), "{}", done.out);
    let done = network(folder.path(), &["map", "-q", "m"]);
    assert_eq!(done.code, 3);
    assert!(!done.out.contains("no policy restricts"), "{}", done.out);
    assert!(done.out.contains("not known whether a policy restricts ingress"), "{}", done.out);
    let done = network(folder.path(), &["lint", "m"]);
    assert!(!done.out.contains("no policy restricts its"), "{}", done.out);
    assert!(done.out.contains("which workloads no policy restricts is not known"), "{}", done.out);
    let done = network(folder.path(), &["api-server", "m"]);
    assert!(done.out.contains("unknown, not all policies were read"), "{}", done.out);
    // A folder of its own does not lack it.
    let done = network(folder.path(), &["can", "web", "shop/db", "5432", "-p", "n"]);
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
}

#[test]
fn a_rule_about_no_pods_is_unknown() {
    let service = "---\napiVersion: v1\nkind: Service\nmetadata: {name: gone, namespace: shop}\nspec: {selector: {app: gone}, ports: [{port: 80}]}\n";
    let folder = folder(&[
        ("m/app.yaml", APP),
        ("m/service.yaml", service),
        ("r.rules", "shop/web must not reach service/shop/gone\n"),
    ]);
    let done = network(folder.path(), &["check", "r.rules", "m"]);
    assert_eq!(done.code, 3, "{}{}", done.out, done.err);
    assert!(done.out.contains("no pods that were read are behind the Service"), "{}", done.out);
}

#[test]
fn several_worlds_are_one_document() {
    let kustomization = "resources: [app.yaml]\n";
    let folder = folder(&[
        ("a/kustomization.yaml", kustomization),
        ("a/app.yaml", APP),
        ("b/kustomization.yaml", kustomization),
        ("b/app.yaml", APP),
    ]);
    for args in [
        &["lint", "--json"][..],
        &["api-server", "--json"],
        &["can", "web", "shop/db", "--json"],
        &["explain", "web", "shop/db", "5432", "--json"],
    ] {
        let done = network(folder.path(), args);
        assert_eq!(worlds(&done.out).len(), 2, "{args:?} {}{}", done.out, done.err);
    }
}

#[test]
fn who_reaches_the_api_server_is_told_by_the_pod_that_can() {
    let pod = |name: &str, labels: &str| {
        format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: shop, labels: {{{labels}}}, ownerReferences: [{{kind: ReplicaSet, name: {}, controller: true}}]}}\nspec: {{containers: [{{name: c, image: i}}]}}\n",
            name.split('-').next().unwrap_or(name)
        )
    };
    let policy = |name: &str, app: &str, egress: &str| {
        format!(
            "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {name}, namespace: shop}}\nspec: {{podSelector: {{matchLabels: {{app: {app}}}}}, policyTypes: [Egress], egress: {egress}}}\n"
        )
    };
    let all = [
        pod("mixed-1", "app: closed"),
        pod("mixed-2", "app: open"),
        pod("shut-1", "app: closed"),
        // Where the API server is was not read: it may be at this address.
        pod("public-1", "app: public"),
        pod("dns-1", "app: dns"),
        policy("closed", "closed", "[]"),
        policy(
            "public",
            "public",
            "[{to: [{ipBlock: {cidr: 203.0.113.0/24}}], ports: [{port: 443}]}]",
        ),
        policy("dns", "dns", "[{ports: [{port: 53, protocol: UDP}]}]"),
    ];
    let folder = folder(&[("app.yaml", &all.concat())]);
    let done = network(folder.path(), &["api-server", "--json"]);
    let words = worlds(&done.out)[0]["components"][0]["workloads"].clone();
    let of = |word: &str| words[word].to_string();
    assert!(of("can, no policy restricts its egress").contains("mixed"), "{words}");
    assert!(of("cannot").contains("shut") && of("cannot").contains("dns"), "{words}");
    let unknown = of("unknown, it depends on the address and the network plugin");
    assert!(unknown.contains("public"), "{words}");
}

#[test]
fn a_plugin_without_policies_is_told_once() {
    let folder = folder(&[("app.yaml", APP), ("closed.yaml", CLOSED)]);
    let done = network(folder.path(), &["lint", "--cni", "flannel"]);
    assert_eq!(done.code, 1);
    assert_eq!(done.out.lines().count(), 1, "{}", done.out);
    assert!(done.out.contains("flannel enforces no policies"), "{}", done.out);
    let done = network(folder.path(), &["map", "-q", "--cni", "flannel"]);
    assert!(done.out.contains("the network plugin enforces no policies"), "{}", done.out);
}

#[test]
fn each_written_file_has_a_line() {
    let other = APP.replace("namespace: shop", "namespace: bank");
    let folder = folder(&[("m/app.yaml", APP), ("m/other.yaml", &other)]);
    let done = network(folder.path(), &["generate", "m", "--merge", "out", "-q"]);
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    let lines = done.err.lines().filter(|line| line.starts_with("wrote ")).count();
    assert_eq!(lines, 2, "{}", done.err);
}

/// A snapshot of a cluster with these objects, of which all kinds were read but `unread`.
fn save(file: &Path, text: &str, unread: Option<(&str, &str)>) {
    let mut world = WorldParts::cluster("prod");
    world.default_coverage = Coverage::Complete;
    if let Some((group, kind)) = unread {
        world.coverage.insert((group.to_owned(), kind.to_owned()), Coverage::Unread);
    }
    for doc in &read(&Source::new("cluster", text)).docs {
        let root = doc.root();
        let (version, kind) = (root.str("apiVersion").unwrap(), root.str("kind").unwrap());
        world.objects.push(Object::new(root, version, kind));
    }
    let snapshot = Snapshot::new(vec![world], Vec::new());
    let file = std::fs::File::create(file).unwrap();
    write(file, &snapshot, "pavisade 0", Timestamp::UNIX_EPOCH).unwrap();
}

#[test]
fn snapshots_are_asked() {
    let cluster = "---\napiVersion: pavisade.dev/v1\nkind: Cluster\nmetadata: {name: prod}\nreadAt: '2026-01-01T00:00:00Z'\n";
    let folder = folder(&[("r.rules", "shop/web must not reach shop/db 5432\n")]);
    let at = |name: &str| folder.path().join(name);
    save(&at("open"), &format!("{cluster}{APP}"), None);
    save(&at("closed"), &format!("{cluster}{APP}---\n{CLOSED}"), None);
    let policies = ("networking.k8s.io", "NetworkPolicy");
    save(&at("unread"), &format!("{cluster}{APP}"), Some(policies));
    for (args, code, says) in [
        (&["can", "web", "shop/db", "5432", "--snapshot", "open"][..], 0, "yes: "),
        (&["can", "web", "shop/db", "5432", "--snapshot", "closed"], 1, "no: "),
        (&["can", "web", "shop/db", "5432", "--snapshot", "unread"], 3, "unknown: "),
        (&["map", "--snapshot", "open"], 0, "no policy restricts ingress"),
        (&["map", "--snapshot", "unread"], 3, "not known whether a policy restricts ingress"),
        (
            &["explain", "web", "shop/db", "5432", "--snapshot", "closed"],
            1,
            "NetworkPolicy shop/db",
        ),
        (&["check", "r.rules", "--snapshot", "closed"], 0, "holds"),
        (&["check", "r.rules", "--snapshot", "unread"], 3, "unknown"),
        (&["diff", "open", "closed"], 1, "- shop/web[Deployment] to shop/db[StatefulSet]"),
        (&["diff", "open", "open"], 0, "the same connections"),
        (&["diff", "unread", "unread"], 3, "not known before and after"),
        (&["lint", "--snapshot", "unread"], 3, "which workloads no policy restricts is not known"),
        (&["api-server", "--snapshot", "unread"], 3, "unknown, not all policies were read"),
        (&["generate", "--snapshot", "open"], 0, "kind: NetworkPolicy"),
    ] {
        let done = network(folder.path(), args);
        assert_eq!(done.code, code, "{args:?}\n{}\n{}", done.out, done.err);
        assert!(done.out.contains(says), "{args:?}\n{}\n{}", done.out, done.err);
    }
}
