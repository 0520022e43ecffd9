//! Pods restart on a real node: neither the files of the node nor those of the containers are reported.
#![expect(clippy::print_stdout, reason = "a test says what it skips")]

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use testbed::{Cluster, Image, Shape};

use crate::deployed::{process_of, until};
use crate::started::run;

const IMAGE: &str = "pavisade.test/restarts:1";
/// Pods that restart at the same time.
const PODS: usize = 4;
/// What is covered: everything but the programs, libraries and modules, which are those of this machine.
const PRESETS: [&str; 7] =
    ["accounts", "certificates", "cron", "kubernetes", "loader", "runtime", "systemd"];

fn pod(number: usize) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": format!("restart-{number}"), "namespace": "default" },
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "containers": [{
                "name": "app", "image": IMAGE,
                "volumeMounts": [
                    { "name": "settings", "mountPath": "/etc/app" },
                    { "name": "cache", "mountPath": "/var/cache/app" },
                ],
            }],
            "volumes": [
                { "name": "settings", "configMap": { "name": "restart-settings" } },
                { "name": "cache", "emptyDir": {} },
            ],
        },
    })
}

struct Here {
    cluster: Cluster,
    folder: tempfile::TempDir,
    /// The root of the node, and its name.
    root: String,
    node: String,
    digest: String,
}

impl Here {
    fn create(&self) {
        for number in 0..PODS {
            // Pods are refused until the namespace has its ServiceAccount.
            until("the pod is created", || self.cluster.apply(&pod(number).to_string()).ok());
        }
        self.wait(0);
    }

    /// Waits until all pods are ready after so many restarts.
    fn wait(&self, restarts: u64) {
        until("the pods are ready", || {
            let all = self.cluster.get(&["get", "pods", "-o", "json"]).ok()?;
            let all: Value = serde_json::from_str(&all).ok()?;
            let ready = all["items"].as_array()?.iter().filter(|pod| {
                let status = &pod["status"]["containerStatuses"][0];
                status["ready"] == true && status["restartCount"] == restarts
            });
            (ready.count() == PODS).then_some(())
        });
    }

    /// Kills the process of each container, which its kubelet starts again.
    fn kill(&self) {
        for number in 0..PODS {
            let root = until("the process of a pod", || process_of(&format!("restart-{number}")));
            let pid = root.trim_start_matches("/proc/").trim_end_matches("/root");
            assert!(Command::new("kill").args(["-9", pid]).status().unwrap().success());
        }
        self.wait(1);
    }

    fn delete(&self) {
        self.cluster.get(&["delete", "pods", "--all", "--wait=true"]).unwrap();
    }

    /// Returns a message for the node and for each container that is not reported as unchanged.
    fn alarms(&self) -> Vec<String> {
        let args = ["integrity", "verify", "b", "--root", &self.root, "--node", &self.node];
        let node = run(self.folder.path(), &[&args[..], &["--expect", &self.digest]].concat());
        let mut alarms = Vec::new();
        if node.code != 0 {
            alarms.push(format!("node: {} {}", node.out, node.err));
        }
        for number in 0..PODS {
            let name = format!("restart-{number}");
            let root = until("the process of a pod", || process_of(&name));
            let args = ["integrity", "image", "image.tar", "--root", &root];
            let drift = run(self.folder.path(), &args);
            if drift.code != 0 {
                alarms.push(format!("{name}: {} {}", drift.out, drift.err));
            }
        }
        alarms
    }
}

/// `PAVISADE_RESTARTS` sets the number of restarts: 100 is a full run.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the count of a full run comes from `cargo xtask soak`"
)]
fn restarts_of_pods_raise_no_alarm() {
    let shape = Shape { nodes: 1, ..Shape::default() };
    let cluster = match testbed::start(&shape, "restarts") {
        Ok(cluster) => cluster,
        Err(skipped) => return println!("{skipped}"),
    };
    let full: Option<usize> = std::env::var("PAVISADE_RESTARTS").ok().map(|n| n.parse().unwrap());
    let count = full.unwrap_or(10);
    let program = testbed::tools::built_folder("testbed").unwrap().join("testbed");
    let image = Image::new(IMAGE)
        .file("testbed", 0o755, std::fs::read(program).unwrap())
        .file("etc/app.conf", 0o644, "a: 1\n")
        .entrypoint(&["/testbed", "pause"]);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("image.tar"), image.tar().unwrap()).unwrap();
    cluster.load(&image).unwrap();
    let settings = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "data": { "a": "1" },
        "metadata": { "name": "restart-settings", "namespace": "default" },
    });
    cluster.apply(&settings.to_string()).unwrap();
    let root = format!("/proc/{}/root", cluster.pid("node-1-init").unwrap());
    let node = cluster.get(&["get", "nodes", "-o", "jsonpath={.items[0].metadata.name}"]).unwrap();
    let node = node.trim().to_owned();
    let mut here = Here { cluster, folder, root, node, digest: String::new() };
    here.create();
    let args = ["integrity", "baseline", "--root", &here.root, "--node", &here.node, "-o", "b"];
    let presets = PRESETS.iter().flat_map(|name| ["--preset", name]);
    let args: Vec<_> = args.into_iter().chain(presets).collect();
    let made = run(here.folder.path(), &args);
    assert_eq!(made.code, 0, "{}{}", made.out, made.err);
    here.digest =
        made.out.lines().find_map(|line| line.strip_prefix("digest ")).unwrap().to_owned();
    assert_eq!(here.alarms(), [""; 0], "before the first restart");
    let (mut restarts, mut alarms) = (0, Vec::new());
    while restarts < count {
        // The second restart of a container waits for ten seconds, so new pods come after the first.
        here.kill();
        alarms.extend(here.alarms());
        here.delete();
        here.create();
        alarms.extend(here.alarms());
        restarts += 2 * PODS;
    }
    println!("{restarts} restarts, {} false alarms", alarms.len());
    assert!(alarms.is_empty(), "{}", alarms.join("\n"));
    // A verification that never reports a change would pass, too.
    let evil = Path::new(&here.root).join("etc/kubernetes/evil");
    std::fs::create_dir_all(evil.parent().unwrap()).unwrap();
    std::fs::write(&evil, "x").unwrap();
    assert_eq!(here.alarms().len(), 1);
}
