//! `deploy/node` and `deploy/integrity` on a real node, the digest of a baseline in a real API server,
//! and the root of a real container with its image.
#![expect(clippy::print_stdout, reason = "a test says what it skips")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use testbed::{Cluster, Image, Shape};

use crate::cluster::{IMAGE, image};
use crate::started::{Run, run, run_with_input};

fn deploy(of: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy").join(of)
}

/// A file of `deploy` with the image of the test.
fn manifest(of: &str, file: &str) -> String {
    fs::read_to_string(deploy(of).join(file)).unwrap().replace("pavisade:0.1.0", IMAGE)
}

/// A cluster with a node, shared by the tests of this file.
fn cluster() -> Option<Cluster> {
    let shape = Shape { nodes: 1, ..Shape::default() };
    let cluster = testbed::shared(&shape).map_err(|skipped| println!("{skipped}")).ok()?;
    cluster.load(&image()).unwrap();
    Some(cluster)
}

/// Waits for something for two minutes.
pub(crate) fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    for _ in 0..240 {
        if let Some(found) = found() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    panic!("it did not happen: {what}");
}

/// Waits for a Job, and returns the log of its pod.
fn finished(cluster: &Cluster, namespace: &str, job: &str) -> String {
    let wait = ["wait", "-n", namespace, "--for=condition=complete", "--timeout=180s", job];
    let waited = cluster.kubectl(&wait).unwrap();
    let log = cluster.get(&["logs", "-n", namespace, job]).unwrap_or_default();
    let told = cluster.get(&["describe", "pod", "-n", namespace]).unwrap_or_default();
    assert!(waited.success, "{}\n{log}\n{told}", waited.stderr);
    log
}

#[test]
fn the_job_of_deploy_node_answers_for_a_real_node() {
    let Some(cluster) = cluster() else { return };
    for file in ["namespace.yaml", "network-policy.yaml"] {
        cluster.apply(&manifest("node", file)).unwrap();
    }
    let job = manifest("node", "job.yaml");
    let job = job.replace("completions: 3", "completions: 1");
    let job = job.replace("parallelism: 3", "parallelism: 1");
    let _ = cluster.kubectl(&["delete", "job", "-n", "pavisade-node", "--all"]);
    cluster.apply(&job).unwrap();
    let log = finished(&cluster, "pavisade-node", "job/pavisade-node");
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("log"), &log).unwrap();
    let collected = run(folder.path(), &["node", "collect", "log"]);
    assert_eq!(collected.code, 0, "{}\n{log}", collected.err);
    fs::write(folder.path().join("nodes.json"), &collected.out).unwrap();
    let list: Value = serde_json::from_str(&collected.out).unwrap();
    let items = list["items"].as_array().unwrap();
    let facts = items.iter().find(|item| item["kind"] == "NodeFacts").unwrap();
    let names = cluster.get(&["get", "nodes", "-o", "jsonpath={.items[*].metadata.name}"]).unwrap();
    assert_eq!(facts["metadata"]["name"], names.trim());
    assert_eq!(facts["processesRead"], true, "{}", facts["notes"]);
    let runs = |name: &str| {
        facts["processes"].as_array().unwrap().iter().any(|process| process["name"] == name)
    };
    assert!(runs("kubelet") && runs("kube-proxy"), "{}", facts["processes"]);
    assert!(items.iter().any(|item| item["kind"] == "KubeletConfiguration"));
    // Sockets are seen without the network of the node.
    let ports = facts["system"]["listening"].as_array().unwrap();
    let kubelet = ports.iter().find(|one| one["port"] == 10250);
    assert_eq!(kubelet.map(|one| &one["process"]), Some(&json!("kubelet")), "{ports:?}");
    // A directory that is not mounted is reported.
    let runtimes = facts["system"]["runtimes"].as_array().unwrap();
    let is_hidden = |one: &Value| one["path"] == "/run" && one["error"].is_string();
    assert!(runtimes.iter().any(is_hidden), "{runtimes:?}");
    let config = cluster.kubeconfig().display().to_string();
    let answered = ["comply", "--cluster", "--kubeconfig", &config, "-F", "cis-1.12", "-f", "json"];
    let told = run(folder.path(), &[&answered[..], &["nodes.json"]].concat());
    let told: Value = serde_json::from_str(&told.out)
        .unwrap_or_else(|error| panic!("{error}: {}{}", told.out, told.err));
    let state = |id: &str| {
        let controls = told["frameworks"][0]["controls"].as_array().unwrap();
        controls.iter().find(|one| one["id"] == id).unwrap()["state"].clone()
    };
    // The kubeconfig of the kubelet exists, and belongs to root.
    for id in ["4.1.5", "4.1.6", "4.2.1"] {
        let state = state(id);
        assert!(state == "holds" || state == "fails", "{id}: {state}");
    }
}

/// The code in a cell of a table, with that of the cell above if it says "the same" or "also".
fn cell<'p>(cell: &'p str, before: &BTreeSet<&'p str>) -> BTreeSet<&'p str> {
    let mut named: BTreeSet<_> = cell.split('`').skip(1).step_by(2).collect();
    if cell.contains("the same") || cell.contains("also") {
        named.extend(before);
    }
    named
}

/// The names of findings, those of a group one by one, and the capabilities in their messages.
fn found(told: &Value) -> (BTreeSet<&str>, BTreeSet<&str>) {
    let (mut names, mut capabilities) = (BTreeSet::new(), BTreeSet::new());
    for finding in told["findings"].as_array().unwrap() {
        let alone = std::slice::from_ref(finding);
        for one in finding["members"].as_array().map_or(alone, |members| members) {
            names.insert(one["name"].as_str().unwrap());
            let after = one["message"].as_str().unwrap().split("adds capability `").nth(1);
            capabilities.extend(after.and_then(|text| text.split('`').next()));
        }
    }
    (names, capabilities)
}

#[test]
fn the_page_of_deploy_agent_names_what_a_scan_finds() {
    if Command::new("kubectl").arg("kustomize").arg("--help").output().is_err() {
        return println!("skipped: kubectl is missing");
    }
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("deploy");
    let copied = Command::new("cp").arg("-r").arg(deploy("")).arg(copy).status().unwrap();
    assert!(copied.success());
    let page = fs::read_to_string(deploy("agent").join("README.md")).unwrap();
    let (_, table) = page.split_once("| manifests | findings |").unwrap();
    let rows: Vec<_> = table.lines().skip(2).take_while(|line| line.starts_with('|')).collect();
    let (mut names, mut capabilities) = (BTreeSet::new(), BTreeSet::new());
    let mut combined = BTreeSet::new();
    for row in rows {
        let cells: Vec<_> = row.split('|').collect();
        let components = cell(cells[1], &BTreeSet::new());
        names = cell(cells[2], &names);
        capabilities = cell(cells[3], &capabilities);
        let of = |name: &&&str| **name != "agent";
        let paths =
            components.iter().filter(of).map(|one| format!("../deploy/agent-components/{one}"));
        let kustomization = json!({
            "resources": ["../deploy/agent"], "components": paths.collect::<Vec<_>>(),
        });
        let mine = folder.path().join("mine");
        fs::create_dir_all(&mine).unwrap();
        fs::write(mine.join("kustomization.yaml"), kustomization.to_string()).unwrap();
        let rendered = Command::new("kubectl").arg("kustomize").arg(&mine).output().unwrap();
        assert!(rendered.status.success(), "{}", String::from_utf8_lossy(&rendered.stderr));
        let rendered = String::from_utf8(rendered.stdout).unwrap();
        let told = run_with_input(folder.path(), &["scan", "-", "--format", "json"], &rendered);
        let told: Value = serde_json::from_str(&told.out).unwrap();
        assert_eq!(found(&told), (names.clone(), capabilities.clone()), "{components:?}");
        combined.insert(components);
    }
    // A new component needs a row.
    let all = fs::read_dir(deploy("agent-components")).unwrap().flatten();
    for component in all.map(|entry| entry.file_name().into_string().unwrap()) {
        assert!(combined.iter().any(|row| row.contains(&*component)), "{component}");
    }
}

/// A node whose files are verified, and the baseline of it on another machine.
struct Verified<'c> {
    cluster: &'c Cluster,
    folder: tempfile::TempDir,
}

impl Verified<'_> {
    fn run(&self, args: &[&str]) -> Run {
        run(self.folder.path(), args)
    }

    /// A kubeconfig of a ServiceAccount with a role.
    fn identity(&self, name: &str, role: &str) -> String {
        let manifests = format!(
            "apiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: {name}, namespace: pavisade-integrity}}\n\
             ---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\n\
             metadata: {{name: {name}, namespace: pavisade-integrity}}\n\
             roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: {role}}}\n\
             subjects: [{{kind: ServiceAccount, name: {name}, namespace: pavisade-integrity}}]\n"
        );
        self.cluster.apply(&manifests).unwrap();
        let token = self.cluster.token_for("pavisade-integrity", name).unwrap();
        let admin = fs::read_to_string(self.cluster.kubeconfig()).unwrap();
        let mut config: Value = serde_json::from_str(&admin).unwrap();
        config["users"][0]["user"] = json!({ "token": token });
        let path = self.folder.path().join(format!("{name}.json"));
        fs::write(&path, config.to_string()).unwrap();
        path.display().to_string()
    }
}

const MAP: &str = "pavisade-integrity/integrity-digests";

#[test]
fn a_node_is_verified_against_the_digest_in_the_cluster() {
    let Some(cluster) = cluster() else { return };
    let folder = tempfile::tempdir().unwrap();
    let here = Verified { cluster: &cluster, folder };
    let at = |name: &str| here.folder.path().join(name);
    // What an earlier run left.
    let namespace = ["delete", "namespace", "pavisade-integrity", "--ignore-not-found"];
    cluster.get(&namespace).unwrap();
    for file in ["namespace.yaml", "role.yaml"] {
        cluster.apply(&manifest("integrity", file)).unwrap();
    }
    let node = cluster.get(&["get", "nodes", "-o", "jsonpath={.items[0].metadata.name}"]).unwrap();
    let node = node.trim().to_owned();
    let root = format!("/proc/{}/root", cluster.pid("node-1-init").unwrap());
    let host = |path: &str| PathBuf::from(format!("{root}/{path}"));
    fs::create_dir_all(host("etc/cron.d")).unwrap();
    let _ = fs::remove_file(host("etc/cron.d/evil"));
    // A few presets: the programs are those of this machine.
    let few = "--preset=kubernetes, --preset=cron, --preset=loader";
    let job = manifest("integrity", "baseline-job.yaml");
    let job = job.replace("nodeName: NODE", &format!("nodeName: {node}"));
    let job = job.replace("--output=-]", &format!("--output=-, {few}]"));
    cluster.apply(&job).unwrap();
    let log = finished(&cluster, "pavisade-integrity", "job/pavisade-baseline");
    let lines: String =
        log.lines().filter(|line| line.starts_with('{')).map(|line| format!("{line}\n")).collect();
    fs::write(at("b"), lines).unwrap();
    fs::write(at("pass"), "secret").unwrap();
    let new = ["keys", "new", "team", "--kind", "ed25519", "--passphrase-file", "pass"];
    assert_eq!(here.run(&new).code, 0);
    let sign = ["integrity", "sign", "b", "--key", "team.key", "--passphrase-file", "pass"];
    let signed = here.run(&sign);
    assert_eq!(signed.code, 0, "{}", signed.err);

    // The role of the publisher allows changes of this one ConfigMap only.
    let publisher = here.identity("publisher", "pavisade-integrity-publisher");
    let reader = here.identity("reader", "pavisade-integrity-reader");
    let publish = |file: &str, map: &str, config: &str, more: &[&str]| {
        let args = ["integrity", "publish", file, "--key", "team.pub", "--config-map", map];
        here.run(&[&args[..], &["--kubeconfig", config], more].concat())
    };
    let stored = publish("b", MAP, &publisher, &[]);
    assert_eq!(stored.code, 0, "{}", stored.err);
    assert!(stored.out.contains(&format!("{node} has version 1")), "{}", stored.out);
    for (map, config) in [(MAP, &reader), ("pavisade-integrity/other", &publisher)] {
        let refused = publish("b", map, config, &[]);
        assert!(refused.code == 2 && refused.err.contains("403"), "{map}: {}", refused.err);
    }

    // On the node, the digest is read with the role for reading.
    let verify = |file: &str, map: &str, more: &[&str]| {
        let args = ["integrity", "verify", file, "--key", "team.pub", "--root", &root];
        let cluster = ["--node", &node, "--expect-config-map", map, "--kubeconfig", &reader];
        here.run(&[&args[..], &cluster, more].concat())
    };
    let same = verify("b", MAP, &[]);
    assert_eq!(same.code, 0, "{}{}", same.out, same.err);
    assert!(same.out.contains("with the expected digest"), "{}", same.out);

    // The DaemonSet verifies by itself, and its log has facts.
    let trust = fs::read_to_string(at("team.pub")).unwrap();
    let trust = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": "integrity-trust", "namespace": "pavisade-integrity" },
        "data": { "key.pub": trust },
    });
    cluster.apply(&trust.to_string()).unwrap();
    fs::create_dir_all(host("var/lib/pavisade")).unwrap();
    fs::copy(at("b"), host("var/lib/pavisade/node.baseline")).unwrap();
    let set = manifest("integrity", "daemon-set.yaml").replace("--every=3600", "--every=2");
    cluster.apply(&set).unwrap();
    let told = |sought: &dyn Fn(&Value) -> bool| {
        until("facts in the log of the DaemonSet", || {
            let logs = ["logs", "-n", "pavisade-integrity", "daemonset/pavisade-integrity"];
            let log = cluster.get(&logs).ok()?;
            let last = log.lines().filter_map(|line| serde_json::from_str(line).ok()).next_back();
            last.filter(sought).map(|_| log)
        })
    };
    told(&|facts| facts["unexpected"] == 0 && facts["unknown"] == 0);
    fs::write(host("etc/cron.d/evil"), "* * * * * root true\n").unwrap();
    let log = told(&|facts| facts["unexpected"] != 0);
    fs::write(at("log"), &log).unwrap();
    let files = here.run(&["node", "collect", "log"]);
    assert_eq!(files.code, 0, "{}", files.err);
    fs::write(at("files.json"), &files.out).unwrap();
    let config = cluster.kubeconfig().display().to_string();
    let scan = ["scan", "--cluster", "--kubeconfig", &config, "--check", "unexpected-file-change"];
    let found = here.run(&[&scan[..], &["files.json", "--explain"]].concat());
    assert!(
        found.code == 1 && found.out.contains("/etc/cron.d/evil"),
        "{}{}",
        found.out,
        found.err
    );
    cluster.get(&["delete", "daemonset", "-n", "pavisade-integrity", "--all"]).unwrap();

    // A new version; then root of the node brings back the old one.
    fs::copy(at("b"), at("old")).unwrap();
    let append = ["integrity", "baseline", "--append", "b", "--public-key", "team.pub"];
    let appended = here.run(&[&append[..], &["--root", &root, "--node", &node]].concat());
    assert_eq!(appended.code, 0, "{}", appended.err);
    assert_eq!(here.run(&sign).code, 0);
    assert_eq!(publish("b", MAP, &publisher, &[]).code, 0);
    assert_eq!(verify("b", MAP, &[]).code, 0);
    let rolled_back = verify("old", MAP, &["--facts"]);
    assert_eq!(rolled_back.code, 2, "{}", rolled_back.out);
    assert!(rolled_back.err.contains("was expected"), "{}", rolled_back.err);
    let facts: Value = serde_json::from_str(&rolled_back.out).unwrap();
    assert!(facts["refused"].as_str().unwrap().contains("is refused"), "{facts}");
    let older = publish("old", MAP, &publisher, &[]);
    assert!(older.code == 2 && older.err.contains("--replace"), "{}", older.err);
    let missing = verify("b", "pavisade-integrity/integrity-trust", &[]);
    assert!(missing.code == 2 && missing.err.contains("403"), "{}", missing.err);
    let _ = fs::remove_file(host("etc/cron.d/evil"));
    let _ = fs::remove_dir_all(host("var/lib/pavisade"));
}

/// The API server of a separate cluster: its certificate file is replaced.
#[test]
fn certificates_in_files_are_compared_with_those_that_are_shown() {
    let cluster = match testbed::start(&Shape::default(), "shown-certificates") {
        Ok(cluster) => cluster,
        Err(skipped) => return println!("{skipped}"),
    };
    let folder = tempfile::tempdir().unwrap();
    let port: u64 = cluster.server_url().rsplit(':').next().unwrap().parse().unwrap();
    let server = || {
        let told = run(folder.path(), &["node", "audit", "--facts"]);
        fs::write(folder.path().join("facts.json"), &told.out).unwrap();
        let facts: Value = serde_json::from_str(&told.out).unwrap();
        let items = facts["items"].as_array().cloned().unwrap_or_else(|| vec![facts.clone()]);
        let servers = items[0]["servers"].as_array().unwrap().clone();
        servers.into_iter().find(|server| server["port"] == port).unwrap()
    };
    let found = || {
        let check = ["--check", "different-serving-certificate", "-f", "json"];
        run(folder.path(), &[&["scan", "facts.json"], &check[..]].concat()).out
    };
    let same = server();
    assert!(same["served"].is_string() && same["served"] == same["disk"], "{same}");
    let says = format!("on port {port} than");
    assert!(!found().contains(&says), "{}", found());
    // It was renewed, and the process shows the old one.
    let file = Path::new(same["file"].as_str().unwrap());
    fs::copy(file.with_file_name("etcd.crt"), file).unwrap();
    let differs = server();
    assert!(differs["served"] == same["served"] && differs["disk"] != same["disk"], "{differs}");
    assert!(found().contains(&says), "{}", found());
}

#[test]
fn the_root_of_a_real_container_is_compared_with_its_image() {
    let Some(cluster) = cluster() else { return };
    let program = testbed::tools::built_folder("testbed").unwrap().join("testbed");
    let reference = "pavisade.test/drift:1";
    let image = Image::new(reference)
        .file("testbed", 0o755, fs::read(program).unwrap())
        .file("etc/app.conf", 0o644, "a: 1\n")
        .file("usr/bin/tool", 0o755, "tool\n")
        .entrypoint(&["/testbed", "pause"]);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("image.tar"), image.tar().unwrap()).unwrap();
    cluster.load(&image).unwrap();
    let name = format!("drift-{}", std::process::id());
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "namespace": "default" },
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "containers": [{
                "name": "app", "image": reference,
                "volumeMounts": [{ "name": "cache", "mountPath": "/cache" }],
            }],
            "volumes": [{ "name": "cache", "emptyDir": {} }],
        },
    });
    // Pods are refused until the namespace has its ServiceAccount.
    until("the pod is created", || cluster.apply(&pod.to_string()).ok());
    cluster
        .get(&["wait", "--for=condition=Ready", "--timeout=90s", &format!("pod/{name}")])
        .unwrap();
    let root = until("the process of the pod", || process_of(&name));
    let compare = |more: &[&str]| {
        let args = ["integrity", "image", "image.tar", "--root", &root];
        run(folder.path(), &[&args[..], more].concat())
    };
    let same = compare(&[]);
    assert_eq!(same.code, 0, "{}{}", same.out, same.err);
    let inside = |path: &str| format!("{root}/{path}");
    // What the container stores in its volume is not drift; what it changes in its root is.
    fs::write(inside("cache/data"), "x").unwrap();
    assert_eq!(compare(&[]).code, 0);
    fs::write(inside("usr/bin/tool"), "evil\n").unwrap();
    fs::write(inside("usr/bin/added"), "x").unwrap();
    fs::remove_file(inside("etc/app.conf")).unwrap();
    let drifted = compare(&["-f", "json"]);
    assert_eq!(drifted.code, 1, "{}", drifted.err);
    let drifted: Value = serde_json::from_str(&drifted.out).unwrap();
    let found: Vec<_> = drifted["changes"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|change| change["expected"] == false)
        .map(|change| (change["path"].as_str().unwrap(), change["kind"].as_str().unwrap()))
        .collect();
    let expect =
        [("/etc/app.conf", "removed"), ("/usr/bin/added", "added"), ("/usr/bin/tool", "changed")];
    assert_eq!(found, expect);
    // A comparison in the second in which the container started could be that of an earlier one.
    std::thread::sleep(std::time::Duration::from_secs(1));
    // There are no facts about the other containers of the cluster.
    let facts = compare(&["--facts", "--container", &format!("default/{name}/app")]);
    fs::write(folder.path().join("facts.json"), &facts.out).unwrap();
    let config = cluster.kubeconfig().display().to_string();
    let scan = ["scan", "--cluster", "--kubeconfig", &config, "--check", "changed-container-file"];
    let scan = || run(folder.path(), &[&scan[..], &["facts.json", "--explain", "--full"]].concat());
    let found = scan();
    for expect in ["/usr/bin/tool", "/usr/bin/added"] {
        assert!(found.code == 1 && found.out.contains(expect), "{}{}", found.out, found.err);
    }
    // The facts are not about the next pod of that name.
    cluster.get(&["delete", "pod", &name]).unwrap();
    cluster.apply(&pod.to_string()).unwrap();
    cluster
        .get(&["wait", "--for=condition=Ready", "--timeout=90s", &format!("pod/{name}")])
        .unwrap();
    let found = scan();
    let is_found = found.out.contains("/usr/bin/tool");
    assert!(found.code != 2 && !is_found, "{}{}", found.out, found.err);
    cluster.get(&["delete", "pod", &name, "--wait=false"]).unwrap();
}

/// Returns the root of the process of a pod, seen from outside of its node.
pub(crate) fn process_of(pod: &str) -> Option<String> {
    let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok());
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let is_of_pod = |id: &u32| {
        let line = fs::read_to_string(format!("/proc/{id}/cmdline")).unwrap_or_default();
        let env = fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
        let host = format!("HOSTNAME={pod}");
        line.starts_with("/testbed")
            && env.split(|byte| *byte == 0).any(|one| one == host.as_bytes())
    };
    ids.filter(is_of_pod).map(|id| format!("/proc/{id}/root")).next()
}
