//! Active probes on a real cluster: what they find, what the audit log shows, and that nothing is
//! left behind, however they end.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use testbed::{Cluster, Shape};

use super::{AUDIT_POLICY, verdicts, with};
use crate::started::{command, run};

/// How often the program is killed: by default a tenth of a full run of `xtask soak`, which sets the
/// variable.
fn kills() -> u64 {
    std::env::var("PAVISADE_PROBE_KILLS").map_or(10, |n| n.parse().unwrap())
}

fn cluster() -> Option<Cluster> {
    let shape = Shape { audit_policy: Some(AUDIT_POLICY.to_owned()), ..Shape::default() };
    testbed::start(&shape, "probe-active").map_err(|skipped| println!("{skipped}")).ok()
}

fn scope(cluster: &Cluster, folder: &Path, probes: &str) {
    let text = format!(
        "kind: ProbeScope\ncluster: true\nconsent:\n  by: Ann\n  server: {}\n  until: {}\n  \
         probes: [{probes}]\n",
        cluster.server_url(),
        // The end of a consent is at most a year away.
        jiff::Zoned::now().date().tomorrow().unwrap()
    );
    fs::write(folder.join("scope.yaml"), text).unwrap();
}

/// All objects, without what changes by itself, once controllers have finished.
fn objects(cluster: &Cluster) -> BTreeMap<String, Value> {
    let mut last = snapshot(cluster);
    for _ in 0..20 {
        let next = snapshot(cluster);
        if next == last {
            return next;
        }
        last = next;
    }
    panic!("the objects of the cluster do not stop changing")
}

fn snapshot(cluster: &Cluster) -> BTreeMap<String, Value> {
    let kinds = cluster.get(&["api-resources", "--verbs=list", "-o", "name"]).unwrap();
    // The last is made new for each request.
    let changing = ["events", "leases", "componentstatuses"];
    let keep = |kind: &&str| !changing.iter().any(|name| kind.starts_with(name));
    let kinds = kinds.lines().filter(keep).collect::<Vec<_>>().join(",");
    let all = cluster.get(&["get", &kinds, "-A", "-o", "json"]).unwrap();
    let all: Value = serde_json::from_str(&all).unwrap();
    let mut found = BTreeMap::new();
    for item in all["items"].as_array().unwrap() {
        let mut item = item.clone();
        let metadata = item["metadata"].as_object_mut().unwrap();
        metadata.remove("resourceVersion");
        metadata.remove("managedFields");
        let of = |name: &str| item["metadata"][name].as_str().unwrap_or_default().to_owned();
        let key =
            format!("{} {} {}/{}", item["apiVersion"], item["kind"], of("namespace"), of("name"));
        found.insert(key, item);
    }
    found
}

#[test]
fn what_is_done_is_noticed_and_removed() {
    let Some(cluster) = cluster() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let (kubeconfig, log) = (cluster.kubeconfig(), cluster.dir().join("logs/audit.log"));
    let (kubeconfig, log) = (kubeconfig.to_str().unwrap(), log.to_str().unwrap());
    scope(&cluster, path, "'*'");
    let before = objects(&cluster);
    let expect = format!("audit={log}");
    let common = ["--scope-file", "scope.yaml", "--kubeconfig", kubeconfig, "--journals", "."];
    let rest = ["--active", "--evidence", "e.json", "--report", "r.html", "--expect", &expect];
    let done = run(path, &[&["probe"][..], &common, &rest].concat());
    assert_eq!(done.code, 1, "{}{}", done.out, done.err);
    let all = verdicts(&path.join("e.json"));
    let found = with(&all, "open");
    for number in [150, 151, 152, 153, 154, 155, 156, 158, 159, 160] {
        assert!(found.contains(&format!("PV-P{number}")), "{number}: {all:#?}");
    }
    // There is no node.
    assert!(with(&all, "not applicable").contains("PV-P157"));
    assert_eq!(objects(&cluster), before);
    let evidence = fs::read_to_string(path.join("e.json")).unwrap();
    let evidence: Value = serde_json::from_str(&evidence).unwrap();
    let alerts = |id: &str| {
        let results = evidence["results"].as_array().unwrap();
        let of = results.iter().find(|result| result["probe"] == id).unwrap();
        (of["detection"]["noticed"].clone(), of["detection"]["alerts"].to_string())
    };
    for (id, alert) in [
        ("PV-P150", "ServiceAccount token requested"),
        ("PV-P152", "Shell or command in a container"),
        ("PV-P153", "Privileged pod created"),
        ("PV-P155", "Role with all permissions"),
        ("PV-P158", "Ephemeral container added"),
        ("PV-P160", "Admission webhook"),
    ] {
        let (noticed, alerts) = alerts(id);
        assert!(noticed == "detected" && alerts.contains(alert), "{id}: {noticed} {alerts}");
    }
    // The alert about a privileged pod is about that probe alone.
    assert!(!alerts("PV-P155").1.contains("Privileged"));
    let page = fs::read_to_string(path.join("r.html")).unwrap();
    assert!(page.contains("Ann agreed until") && page.contains("Nothing was left behind."));
    // A log without the events of the run.
    fs::write(path.join("other.log"), "{\"auditID\":\"1\",\"verb\":\"get\"}\n").unwrap();
    let rest = ["--active", "--only", "PV-P151", "--expect", "audit=other.log"];
    let done = run(path, &[&["probe"][..], &common, &rest].concat());
    assert!(done.out.contains("1 missed"), "{}{}", done.out, done.err);
    assert_eq!(objects(&cluster), before);

    // A consent that names one probe permits that one only.
    scope(&cluster, path, "PV-P151");
    let rest = ["--active", "--evidence", "e.json"];
    run(path, &[&["probe"][..], &common, &rest].concat());
    let all = verdicts(&path.join("e.json"));
    assert_eq!(with(&all, "open").into_iter().collect::<Vec<_>>(), ["PV-P151"]);

    // An identity without permissions: nothing is open, and nothing is created.
    let token = cluster.token_for("default", "default").unwrap();
    let config = fs::read_to_string(cluster.kubeconfig()).unwrap();
    let mut config: Value = serde_json::from_str(&config).unwrap();
    config["users"][0]["user"] = serde_json::json!({"token": token});
    fs::write(path.join("weak.kubeconfig"), config.to_string()).unwrap();
    scope(&cluster, path, "'*'");
    let common = ["--scope-file", "scope.yaml", "--kubeconfig", "weak.kubeconfig"];
    let rest = ["--journals", ".", "--active", "--evidence", "e.json"];
    run(path, &[&["probe"][..], &common, &rest].concat());
    let all = verdicts(&path.join("e.json"));
    assert!(with(&all, "open").is_empty(), "{all:#?}");
    assert_eq!(objects(&cluster), before);

    killed(&cluster, path, kubeconfig, &before);
    interrupted(&cluster, path, kubeconfig, &before);
}

fn journal(folder: &Path) -> Option<String> {
    let names = fs::read_dir(folder).unwrap().flatten();
    let mut names = names.filter_map(|entry| entry.file_name().into_string().ok());
    names.find_map(|name| name.strip_suffix(".jsonl").map(str::to_owned))
}

/// How much the run with its journal in a folder has sent.
fn sent(folder: &Path) -> usize {
    let Some(run) = journal(folder) else { return 0 };
    let text = fs::read_to_string(folder.join(format!("{run}.jsonl"))).unwrap_or_default();
    text.lines().count()
}

/// After a kill at any moment, `revert` removes everything.
fn killed(cluster: &Cluster, path: &Path, kubeconfig: &str, before: &BTreeMap<String, Value>) {
    let args = ["probe", "--scope-file", "../scope.yaml", "--kubeconfig", kubeconfig];
    let (mut left, kills) = (0, kills());
    // What the longest run before sent.
    let journals = fs::read_dir(path).unwrap().flatten().map(|entry| entry.path());
    let journals = journals.filter(|file| file.extension().is_some_and(|end| end == "jsonl"));
    let lines = journals.map(|file| fs::read_to_string(file).unwrap().lines().count() as u64);
    let whole = lines.max().unwrap();
    assert!(whole > 40, "{whole}");
    for round in 0..kills {
        let folder = path.join(format!("kill-{round}"));
        fs::create_dir(&folder).unwrap();
        let rest = ["--active", "--journals", ".", "-q"];
        let mut child = command(&folder, &[&args[..], &rest].concat())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Spread over the run by what it has sent, so that a slow machine changes nothing.
        let until = 4 + round * (whole - 8) / kills;
        while (sent(&folder) as u64) < until {
            if child.try_wait().unwrap().is_some() {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        // Also between two requests, and while one is answered.
        std::thread::sleep(Duration::from_millis(round * 7 % 20));
        let _ = child.kill();
        child.wait().unwrap();
        let run_id = journal(&folder).unwrap();
        left += usize::from(objects(cluster) != *before);
        let revert = ["probe", "revert", &run_id, "--kubeconfig", kubeconfig, "--journals", "."];
        let done = run(&folder, &revert);
        assert_eq!(done.code, 0, "{}{}", done.out, done.err);
        assert_eq!(objects(cluster), *before, "round {round}: {}", done.out);
    }
    assert!(left > 0, "no run was killed while it had created something");
    println!("{left} of {kills} killed runs left something, which revert removed");
}

/// Ctrl-C removes what the run created.
fn interrupted(cluster: &Cluster, path: &Path, kubeconfig: &str, before: &BTreeMap<String, Value>) {
    let args = ["probe", "--scope-file", "scope.yaml", "--kubeconfig", kubeconfig];
    let rest = ["--active", "--journals", "interrupted"];
    let mut child = command(path, &[&args[..], &rest].concat())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let file = path.join("interrupted");
    while !file.exists()
        || !fs::read_dir(&file).unwrap().flatten().any(|entry| {
            fs::read_to_string(entry.path()).unwrap_or_default().contains("\"kind\":\"create\"")
        })
    {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::sleep(Duration::from_millis(5));
    }
    let id = child.id().to_string();
    std::process::Command::new("kill").args(["-INT", &id]).status().unwrap();
    child.wait().unwrap();
    let mut told = String::new();
    child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert!(told.contains("Interrupted: nothing more is sent"), "{told}");
    assert_eq!(objects(cluster), *before, "{told}");
}
