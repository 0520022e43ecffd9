//! `down` leaves nothing behind, however the starter ended.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "tests fail by panics, wait for what is slow, and say why they are skipped"
)]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use testbed::{Cluster, TESTBED};

/// Starts a cluster from a process that can be killed.
struct Starter {
    child: Child,
    name: &'static str,
}

impl Starter {
    fn new(name: &'static str, nodes: u8) -> Self {
        testbed::down(name).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_testbed-hold"))
            .args([name, &nodes.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self { child, name }
    }

    /// The cluster when it is ready; nothing, after saying why, where there can be none.
    fn ready(&mut self) -> Option<Cluster> {
        let mut line = String::new();
        BufReader::new(self.child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        if line.starts_with("skipped") {
            eprintln!("{}", line.trim());
            return None;
        }
        assert!(line.starts_with("ready"), "the starter says {line:?}");
        Some(Cluster::find(self.name).unwrap().unwrap())
    }

    /// As `kill -9`.
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// What there is of a cluster on this machine, by looking and not by asking.
fn left(name: &str, folder: &Path, link: Option<&str>) -> Vec<String> {
    let mut left = Vec::new();
    let cluster = folder.display().to_string();
    let group = format!("pavisade-{name}-");
    for pid in fs::read_dir("/proc").unwrap().flatten() {
        let read = |file: &str| {
            let bytes = fs::read(pid.path().join(file)).unwrap_or_default();
            String::from_utf8_lossy(&bytes).replace('\0', " ")
        };
        let (command, pid) = (read("cmdline"), pid.file_name());
        if read("environ").contains(&format!("PAVISADE_TESTBED={cluster} "))
            || read("cgroup").contains(&group)
            || read("mountinfo").contains(&format!("{cluster}/"))
        {
            left.push(format!("process {}: {command}", pid.display()));
        }
    }
    let hierarchies = fs::read_dir("/sys/fs/cgroup").unwrap().flatten().map(|entry| entry.path());
    for root in hierarchies.chain([PathBuf::from("/sys/fs/cgroup")]).filter(|path| path.is_dir()) {
        for entry in fs::read_dir(&root).unwrap().flatten() {
            if entry.file_name().to_string_lossy().starts_with(&group) {
                left.push(format!("control group {}", entry.path().display()));
            }
        }
    }
    for entry in fs::read_dir("/sys/class/net").unwrap().flatten() {
        let found = entry.file_name().to_string_lossy().into_owned();
        if link.is_some_and(|link| found == link || found.starts_with(&format!("{link}n"))) {
            left.push(format!("link {found}"));
        }
    }
    if folder.exists() {
        left.push(format!("folder {cluster}"));
    }
    left
}

fn state(folder: &Path) -> serde_json::Value {
    let text = fs::read_to_string(folder.join("state.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn after_starter_and_etcd_were_killed_down_leaves_nothing() {
    let name = "test-removal";
    let mut starter = Starter::new(name, 1);
    let Some(cluster) = starter.ready() else { return starter.kill() };
    let folder = cluster.dir().to_owned();
    let pod = format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: stays}}, spec: {{volumes: [{{name: memory, \
         emptyDir: {{medium: Memory}}}}], containers: [{{name: a, image: \"{TESTBED}\", \
         args: [pause], volumeMounts: [{{name: memory, mountPath: /memory}}]}}]}}}}"
    );
    cluster.apply(&pod).unwrap();
    cluster.get(&["wait", "--for=condition=Ready", "--timeout=60s", "pod/stays"]).unwrap();
    let link = state(&folder)["links"][0].as_str().unwrap().to_owned();
    let network = format!("/proc/{}/ns/net", cluster.pid("node-1-init").unwrap());
    let network = fs::read_link(network).unwrap();
    let there = left(name, &folder, Some(&link));
    for what in ["/testbed pause", "kube-apiserver", "kubelet", "control group", "link", "folder"] {
        assert!(there.iter().any(|one| one.contains(what)), "{what} is not seen: {there:#?}");
    }

    starter.kill();
    let etcd = cluster.pid("etcd").unwrap().to_string();
    assert!(Command::new("kill").args(["-9", &etcd]).status().unwrap().success());
    // As if an older version of us had started it, and written down another shape.
    let mut older = state(&folder);
    older["shape"] = serde_json::json!({"strange": true});
    fs::write(folder.join("state.json"), older.to_string()).unwrap();
    let start = Instant::now();
    testbed::down(name).unwrap();
    eprintln!("down took {:.1} s", start.elapsed().as_secs_f64());
    // The kernel takes links and mounts of a dead namespace away a moment later.
    let start = Instant::now();
    let mut still = left(name, &folder, Some(&link));
    while !still.is_empty() && start.elapsed() < Duration::from_secs(5) {
        std::thread::sleep(Duration::from_millis(50));
        still = left(name, &folder, Some(&link));
    }
    assert_eq!(still, Vec::<String>::new());
    for pid in fs::read_dir("/proc").unwrap().flatten() {
        let other = fs::read_link(pid.path().join("ns/net")).unwrap_or_default();
        assert_ne!(other, network, "{} is in the node's network", pid.path().display());
    }
    testbed::down(name).unwrap();
}

#[test]
fn after_the_starter_was_killed_while_it_started_down_leaves_nothing() {
    let name = "test-killed-starter";
    let mut starter = Starter::new(name, 0);
    let start = Instant::now();
    let folder = loop {
        let status = testbed::all().unwrap().into_iter().find(|status| status.name == name);
        let folder = status.and_then(|status| Some(status.kubeconfig.parent()?.to_owned()));
        if let Some(folder) = folder
            && folder.join("logs/etcd.log").exists()
        {
            break folder;
        }
        if let Some(ended) = starter.child.try_wait().unwrap() {
            // It was skipped, and said so.
            assert!(ended.success());
            return starter.ready().map_or((), drop);
        }
        assert!(start.elapsed() < Duration::from_secs(60), "etcd was not started within 60 s");
        std::thread::sleep(Duration::from_millis(5));
    };
    starter.kill();
    assert!(state(&folder)["ready_after"].is_null(), "it was killed too late to prove anything");
    let there = left(name, &folder, None);
    assert!(there.iter().any(|one| one.contains("etcd")), "{there:#?}");
    // As if it had been killed before it wrote anything down.
    fs::remove_file(folder.join("state.json")).unwrap();
    testbed::down(name).unwrap();
    assert_eq!(left(name, &folder, None), Vec::<String>::new());
}
