//! The manifests of `deploy/agent` on a real node: what a user applies, with the rights that are in them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use testbed::Image;

use crate::started::{Node, until};

const IMAGE: &str = "pavisade.test/pavisade-agent:deployed";
const NAMESPACE: &str = "pavisade-agent";

/// The manifests, as a user who chooses an image and components applies them; gone at the end.
struct Deployed<'n> {
    node: &'n Node,
    folder: PathBuf,
}

impl<'n> Deployed<'n> {
    fn new(node: &'n Node) -> Self {
        let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy");
        let folder = node.folder.path().join("deploy");
        let copied = Command::new("cp").arg("-r").arg(deploy).arg(&folder).status().unwrap();
        assert!(copied.success());
        let program = Path::new(env!("CARGO_BIN_EXE_pavisade-agent"));
        let image = Image::new(IMAGE).program("usr/bin/pavisade-agent", program).unwrap();
        node.cluster.load(&image).unwrap();
        Self { node, folder }
    }

    /// Applies with these components, and waits until the agent is ready.
    fn apply(&self, components: &[&str]) {
        let mine = self.folder.join("mine");
        fs::create_dir_all(&mine).unwrap();
        let (name, tag) = IMAGE.rsplit_once(':').unwrap();
        let components: Vec<_> =
            components.iter().map(|one| format!("../agent-components/{one}")).collect();
        let text = json!({
            "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization",
            "resources": ["../agent"], "components": components,
            "images": [{"name": "pavisade-agent", "newName": name, "newTag": tag}],
        });
        fs::write(mine.join("kustomization.yaml"), text.to_string()).unwrap();
        let applied = self.node.cluster.kubectl(&["apply", "-k", mine.to_str().unwrap()]).unwrap();
        assert!(applied.success, "{}", applied.stderr);
        let wait = ["rollout", "status", "-n", NAMESPACE, "daemonset/pavisade-agent"];
        let waited = self.node.cluster.kubectl(&[&wait[..], &["--timeout=90s"]].concat()).unwrap();
        let told = || self.node.cluster.get(&["describe", "pod", "-n", NAMESPACE]).unwrap();
        assert!(waited.success, "{}\n{}\n{}", waited.stderr, self.log(), told());
    }

    fn log(&self) -> String {
        let logs = ["logs", "-n", NAMESPACE, "daemonset/pavisade-agent", "--tail=-1"];
        self.node.cluster.get(&logs).unwrap_or_default()
    }

    /// The alerts in the log about a pod.
    fn alerts(&self, pod: &str) -> Vec<Value> {
        let log = self.log();
        let alerts = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        alerts.filter(|alert| alert["pavisade"]["container"]["pod"] == pod).collect()
    }

    /// Does a step in a pod until it alerts: a pod is known a moment after it starts.
    fn alert(&self, pod: &str, step: &str, rule: &str) -> Value {
        let done = self.node.act(pod, step);
        assert!(done.success, "{}", done.stderr);
        let found = until(|| self.alerts(pod).into_iter().find(|alert| alert["rule"] == rule));
        assert!(found.is_some(), "no alert {rule:?}: {}", self.log());
        found.unwrap()
    }

    fn run(&self, args: &[&str]) -> testbed::Output {
        let exec = ["exec", "-n", NAMESPACE, "daemonset/pavisade-agent", "--"];
        self.node
            .cluster
            .kubectl(&[&exec[..], &["/usr/bin/pavisade-agent"], args].concat())
            .unwrap()
    }
}

impl Drop for Deployed<'_> {
    fn drop(&mut self) {
        for what in [
            ["delete", "namespace", NAMESPACE, "--ignore-not-found"],
            ["delete", "clusterrole,clusterrolebinding", "pavisade-agent", "--ignore-not-found"],
            ["delete", "deployment", "shop", "--ignore-not-found"],
        ] {
            let _ = self.node.cluster.kubectl(&what);
        }
    }
}

const SHADOW: &str = "Password file read by a program that does not log in users";

#[test]
fn the_manifests_watch_a_real_node_and_enforce_policies() {
    let Some(node) = Node::start() else { return };
    let deployed = Deployed::new(&node);
    deployed.apply(&[]);
    let pod = node.deployment("shop", &["pause"]);
    let alert = deployed.alert(&pod, "cat\tread\t/etc/shadow\t#1\n", SHADOW);
    let container = &alert["pavisade"]["container"];
    assert_eq!(container["namespace"], "default", "{alert}");
    assert_eq!(container["name"], "victim");
    assert_eq!(container["image"], node.image());
    assert_eq!(alert["hostname"], "node-1");
    assert_eq!(alert["pavisade"]["evidence"], "complete");
    // The node has its own PID namespace, as nodes of kind have.
    let ancestors = alert["pavisade"]["ancestors"].as_array().unwrap();
    assert_eq!(ancestors[0]["name"], "attack", "{alert}");
    let runtime = ancestors.last().unwrap();
    assert_eq!(runtime["name"], "containerd", "{alert}");
    let inside = |pid: &Value| {
        let init = node.cluster.pid("node-1-init").unwrap();
        fs::read_to_string(format!("/proc/{init}/root/proc/{pid}/comm")).unwrap_or_default()
    };
    assert_eq!(inside(&runtime["pid"]).trim(), "containerd", "{alert}");
    // Without the component it has no token, and alerts have no labels.
    assert!(container["labels"].is_null() && container["owner"].is_null(), "{alert}");
    let healthy = deployed.run(&["health"]);
    assert!(healthy.success, "{}", healthy.stderr);
    assert!(!deployed.run(&["health", "--metrics", "127.0.0.1:1"]).success);
    // It does not report the commands that run in its own container.
    let status = deployed.run(&["status", "--format", "json"]);
    assert!(status.success, "{}", status.stderr);
    let log = deployed.log();
    assert!(!log.contains("pavisade-agent status"), "{log}");

    // With all components: labels, owners, and policies for this pod.
    let policies = json!({"policies": [
        {"name": "image-only", "namespaces": ["default"], "pods": ["shop-*"], "mode": "kill",
         "programs": {"written": true}},
        {"name": "no-metadata", "namespaces": ["default"], "pods": ["shop-*"], "mode": "deny",
         "connections": {"deny": ["169.254.169.254/32"]}},
    ]});
    let file = deployed.folder.join("agent-components/enforce/policies.yaml");
    fs::write(file, policies.to_string()).unwrap();
    deployed.apply(&["pods", "enforce", "enforce-connections"]);
    let listed = || {
        let alert = deployed.alert(&pod, "cat\tread\t/etc/shadow\t#2\n", SHADOW);
        (!alert["pavisade"]["container"]["labels"].is_null()).then_some(alert)
    };
    let alert = until(listed).expect("no labels: are the pods of the node known?");
    let container = &alert["pavisade"]["container"];
    assert_eq!(container["labels"]["of"], "shop", "{alert}");
    assert_eq!(container["owner"]["kind"], "ReplicaSet");
    assert_eq!(container["deployment"], "shop");
    assert_eq!(container["service_account"], "default");
    let ended = deployed.alert(&pod, "x\twritten\t#3\n", "Policy image-only");
    assert!(ended["output"].as_str().unwrap().starts_with("A program was ended"), "{ended}");
    let refused = node.act(&pod, "curl\tconnect\t169.254.169.254\t80\t#4\n");
    assert!(refused.stderr.contains("Operation not permitted"), "{}", refused.stderr);
    let allowed = node.act(&pod, "curl\tconnect\t169.254.169.253\t80\t#5\n");
    assert!(!allowed.stderr.contains("Operation not permitted"), "{}", allowed.stderr);
}
