//! `pavisade runtime quarantine` and `release` on a real API server.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test says what it skips, and waits for a server"
)]

use serde_json::Value;
use testbed::{Cluster, Shape};

use crate::started::{Run, folder, run};

const OBJECTS: &str = "\
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: c, image: 'a.example.com/a:1'}]}
---
apiVersion: v1
kind: Pod
metadata: {name: on-node, namespace: shop}
spec: {hostNetwork: true, containers: [{name: c, image: 'a.example.com/a:1'}]}
";

const OTHERS: &str = "\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec: {podSelector: {matchLabels: {app: web}}, ingress: [{}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: database, namespace: shop}
spec: {podSelector: {matchLabels: {app: db}}, ingress: [{}]}
";

struct Here {
    cluster: Cluster,
    folder: tempfile::TempDir,
}

impl Here {
    fn runtime(&self, args: &[&str]) -> Run {
        let kubeconfig = self.cluster.kubeconfig().display().to_string();
        let all = [&["runtime"], args, &["--kubeconfig", &kubeconfig]].concat();
        run(self.folder.path(), &all)
    }

    fn quarantine(&self, pod: &str, time: &str) -> Run {
        let args = ["quarantine", pod, "-n", "shop", "--for", time, "--reason", "incident 4711"];
        self.runtime(&args)
    }

    fn json(&self, args: &[&str]) -> Value {
        let text = self.cluster.get(&[args, &["-n", "shop", "-o", "json"]].concat()).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    fn label(&self, pod: &str) -> Value {
        self.json(&["get", "pod", pod])["metadata"]["labels"]["pavisade.dev/quarantine"].clone()
    }

    fn policies(&self) -> Vec<String> {
        let all = self.json(&["get", "networkpolicies"]);
        let names = all["items"].as_array().unwrap().iter();
        names.map(|item| item["metadata"]["name"].as_str().unwrap().to_owned()).collect()
    }
}

#[test]
fn a_pod_is_cut_off_and_released() {
    let started = testbed::start(&Shape::default(), "quarantine");
    let Some(cluster) = started.map_err(|skipped| println!("{skipped}")).ok() else { return };
    let start = std::time::Instant::now();
    // Pods are refused until the namespace has its ServiceAccount.
    while let Err(error) = cluster.apply(OBJECTS) {
        assert!(start.elapsed().as_secs() < 60, "{error:#}");
        std::thread::sleep(std::time::Duration::from_millis(300));
    }
    let here = Here { cluster, folder: folder(&[]) };

    // Mistakes.
    for (pod, time, expect) in [
        ("wbe", "1h", "pod `wbe` was not found in the namespace `shop`"),
        ("on-node", "1h", "to which NetworkPolicies do not apply"),
        ("web", "31d", "between 1 second and 30 days"),
        ("web", "soon", "is not a time"),
    ] {
        let done = here.quarantine(pod, time);
        assert_eq!(done.code, 2, "{pod}: {}", done.err);
        assert!(done.err.contains(expect), "{pod}: {}", done.err);
    }
    let done = here.runtime(&["release", "web", "-n", "shop"]);
    assert_eq!(done.code, 2, "{}", done.out);
    assert!(done.err.contains("has no quarantine that Pavisade made"), "{}", done.err);
    assert!(here.policies().is_empty());

    let done = here.quarantine("pod/web", "1h");
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(done.out.contains("Pod shop/web is quarantined until 2"), "{}", done.out);
    let uid = here.json(&["get", "pod", "web"])["metadata"]["uid"].clone();
    assert_eq!(here.label("web"), uid);
    let policies = here.policies();
    let policy = here.json(&["get", "networkpolicy", &policies[0]]);
    // It selects this pod, and allows nothing.
    assert_eq!(policy["spec"]["podSelector"]["matchLabels"]["pavisade.dev/quarantine"], uid);
    assert_eq!(policy["spec"]["policyTypes"], serde_json::json!(["Ingress", "Egress"]));
    assert!(policy["spec"].get("ingress").is_none() && policy["spec"].get("egress").is_none());
    let again = here.quarantine("web", "1h");
    assert!(again.code == 2 && again.err.contains("quarantined already"), "{}", again.err);
    // Its time has not passed.
    let done = here.runtime(&["release", "--expired"]);
    assert_eq!((done.code, &*done.out), (0, "No quarantine has expired.\n"), "{}", done.err);
    let done = here.runtime(&["release", "web", "-n", "shop"]);
    assert_eq!(done.code, 0, "{}", done.err);
    assert_eq!((here.label("web"), here.policies().len()), (Value::Null, 0));
    assert_eq!(here.json(&["get", "pod", "web"])["metadata"]["labels"]["app"], "web");

    // Other policies that select the pod may allow connections.
    here.cluster.apply(OTHERS).unwrap();
    let done = here.quarantine("web", "1s");
    assert_eq!(done.code, 3, "{}{}", done.out, done.err);
    assert!(done.err.contains("NetworkPolicy web also selects the pod, and may allow ingress"));
    assert!(!done.err.contains("database"), "{}", done.err);
    std::thread::sleep(std::time::Duration::from_secs(2));
    // A copy of the label is not a quarantine, and is left alone.
    let copy = OTHERS.split("---").next().unwrap().replace(
        "{name: web, namespace: shop}",
        "{name: copy, namespace: shop, labels: {pavisade.dev/quarantine: x}}",
    );
    here.cluster.apply(&copy).unwrap();
    let done = here.runtime(&["release", "--expired"]);
    assert_eq!(done.code, 3, "{}{}", done.out, done.err);
    assert!(done.out.contains("Pod shop/web is released"), "{}", done.out);
    assert!(done.err.contains("NetworkPolicy shop/copy"), "{}", done.err);
    assert_eq!(here.label("web"), Value::Null);
    let mut left = here.policies();
    left.sort();
    assert_eq!(left, ["copy", "database", "web"]);

    // A policy that was changed to allow connections is no longer ours; the pod may be gone.
    assert_eq!(here.quarantine("web", "1h").code, 3);
    let own = here.policies().into_iter().find(|name| name.starts_with("pavisade-")).unwrap();
    let open =
        ["patch", "networkpolicy", &own, "--type=merge", "-p", r#"{"spec":{"ingress":[{}]}}"#];
    here.json(&open);
    let done = here.runtime(&["release", "web", "-n", "shop"]);
    assert!(done.code == 2 && done.err.contains("delete it yourself"), "{}", done.err);
    here.json(&[
        "patch",
        "networkpolicy",
        &own,
        "--type=merge",
        "-p",
        r#"{"spec":{"ingress":null}}"#,
    ]);
    here.cluster.get(&["delete", "pod", "web", "-n", "shop", "--now"]).unwrap();
    let done = here.runtime(&["release", "web", "-n", "shop"]);
    assert_eq!(done.code, 0, "{}", done.err);
    assert_eq!(here.policies().len(), 3);
}
