//! Canary pods that run on a node: a link in place of a log is followed, refused by admission, and
//! removed again, also after the program was killed; a host path is read; a kubelet runs a command.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use testbed::Cluster;

use super::inside::{inside_node, probe, probe_with};
use super::verdicts;

/// Refuses host paths in namespaces of runs.
const NO_HOST_PATHS: &str = "\
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: probe-host-paths}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules: [{apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [pods]}]
  validations:
  - expression: \"!has(object.spec.volumes) || object.spec.volumes.all(v, !has(v.hostPath))\"
    message: host paths are not permitted
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: probe-host-paths}
spec: {policyName: probe-host-paths, validationActions: [Deny]}
";

/// What the probe made on the node: its file, and links in directories of logs.
fn planted(cluster: &Cluster) -> Vec<PathBuf> {
    let logs = format!("/proc/{}/root/var/log/pods", cluster.pid("node-1-init").unwrap());
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(logs)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_symlink() || entry.file_name() == "canary.log" {
                found.push(entry.path());
            }
        }
    }
    found
}

pub(super) fn a_link_in_place_of_a_log(cluster: &Cluster, folder: &Path, image: &str) {
    let scope = fs::read_to_string(folder.join("segments.yaml")).unwrap();
    let scope = scope.replace("[in-pod, segmentation]", "[PV-P161]");
    fs::write(folder.join("links.yaml"), scope).unwrap();
    let args = ["--scope-file", "links.yaml", "--active", "--only", "PV-P161"];
    let with_image = [&args[..], &["--pod-image", image, "--evidence", "e.json"]].concat();
    let look = || {
        let (code, told) = probe(cluster, folder, &with_image);
        let all = verdicts(&folder.join("e.json"));
        assert_eq!(all.len(), 1, "{told}");
        let (_, (word, reason)) = all.into_iter().next().unwrap();
        (code, format!("{word}: {reason}"), told)
    };
    every_active_probe(cluster, folder, image);
    let (code, verdict, told) = look();
    assert!(verdict.starts_with("open: the log of a pod shows a file"), "{verdict}\n{told}");
    assert_eq!((code, planted(cluster)), (1, Vec::new()), "{told}");

    killed(cluster, folder, &with_image);

    // Without an image, no pod can run the program.
    let without = ["--scope-file", "links.yaml", "--active", "--evidence", "e.json"];
    probe(cluster, folder, &without);
    let all = verdicts(&folder.join("e.json"));
    let of_link: Vec<_> = all.iter().filter(|((id, _), _)| id == "PV-P161").collect();
    assert!(matches!(of_link[..], [(_, (word, _))] if word == "not applicable"), "{all:#?}");

    without_nodes(cluster, folder, image);

    cluster.apply(NO_HOST_PATHS).unwrap();
    // The policy takes effect a moment after it is created.
    let start = Instant::now();
    let (code, verdict, told) = loop {
        let looked = look();
        if looked.1.starts_with("closed") || start.elapsed() > Duration::from_secs(60) {
            break looked;
        }
    };
    assert!(verdict.contains("host paths are not permitted"), "{verdict}\n{told}");
    assert_eq!((code, planted(cluster)), (0, Vec::new()), "{told}");
    // The policy is about host paths only: the kubelet still runs the command.
    let ([(word, why), command], told) = path_and_command(cluster, folder, None, image);
    assert!(word == "closed" && why.contains("host paths are not permitted"), "{why}\n{told}");
    assert_eq!(command.0, "open", "{}\n{told}", command.1);
}

/// Runs the probes that read a host path, and that run a command through a kubelet. Returns the verdict
/// and the reason of each, and what the program printed.
fn path_and_command(
    cluster: &Cluster,
    folder: &Path,
    token: Option<&str>,
    image: &str,
) -> ([(String, String); 2], String) {
    let args = ["--scope-file", "all.yaml", "--active", "--only", "PV-P162,PV-P163"];
    let with_image = [&args[..], &["--pod-image", image, "--evidence", "e.json"]].concat();
    let (_, told) = probe_with(cluster, folder, token, &with_image);
    let all = verdicts(&folder.join("e.json"));
    let of = |id: &str| all.iter().find(|((own, _), _)| own == id).unwrap().1.clone();
    (["PV-P162", "PV-P163"].map(of), told)
}

/// May create pods and read their logs, but not reach kubelets through the API server.
const PODS_ONLY: &str = "\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: probe-pods-only}
rules:
- {apiGroups: [''], resources: [namespaces, pods], verbs: [create, get, list, delete]}
- {apiGroups: [''], resources: [pods/log], verbs: [get]}
- {apiGroups: [''], resources: [nodes], verbs: [get, list]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: probe-pods-only}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: probe-pods-only}
subjects: [{kind: ServiceAccount, name: default, namespace: default}]
";

/// Without `nodes/proxy`, the canary runs, and the command does not.
fn without_nodes(cluster: &Cluster, folder: &Path, image: &str) {
    cluster.apply(PODS_ONLY).unwrap();
    let token = cluster.token_for("default", "default").unwrap();
    let (results, told) = path_and_command(cluster, folder, Some(&token), image);
    let [path, (word, why)] = results;
    assert_eq!(path.0, "open", "{}\n{told}", path.1);
    assert!(word == "closed" && why.contains("nodes/proxy"), "{why}\n{told}");
}

/// With a node, each active probe proves what it is about, and the audit log has its last request.
fn every_active_probe(cluster: &Cluster, folder: &Path, image: &str) {
    let scope = fs::read_to_string(folder.join("links.yaml")).unwrap();
    fs::write(
        folder.join("all.yaml"),
        scope.replace("[PV-P161]", "['*', PV-P161, PV-P162, PV-P163]"),
    )
    .unwrap();
    let log = cluster.dir().join("logs/audit.log");
    let expect = format!("audit={}", log.display());
    let args = ["--scope-file", "all.yaml", "--active", "--only", "PV-P15,PV-P16"];
    let rest = ["--pod-image", image, "--evidence", "e.json", "--expect", &expect];
    let (_, told) = probe(cluster, folder, &[&args[..], &rest].concat());
    let all = verdicts(&folder.join("e.json"));
    assert!(all.len() == 14 && all.values().all(|(word, _)| word == "open"), "{all:#?}");
    assert!(told.contains("0 prevented, 14 detected, 0 missed, 0 not measurable"), "{told}");
    assert!(told.contains("detected        T1611       PV-P161  log-symlink-followed"), "{told}");
    assert!(told.contains("detected        T1611       PV-P162  host-path-read"), "{told}");
    assert!(told.contains("detected        T1609       PV-P163  node-proxy-run"), "{told}");
    for (id, proof) in [
        ("PV-P162", "a pod shows a file of the node: 20"),
        ("PV-P163", "the kubelet runs a command in a pod, which prints its name: pavisade-probe-"),
    ] {
        let (_, (_, reason)) = all.iter().find(|((own, _), _)| own == id).unwrap();
        assert!(reason.starts_with(proof), "{id}: {reason}");
    }
}

/// Kills the program when the second pod is being created, and while the link is there; `revert`
/// removes everything.
fn killed(cluster: &Cluster, folder: &Path, args: &[&str]) {
    let created = |own: &Path| {
        let journals = fs::read_dir(own).into_iter().flatten().flatten();
        let mut texts = journals.map(|entry| fs::read_to_string(entry.path()).unwrap_or_default());
        texts.any(|text| text.contains("-link\"") && text.contains("\"kind\":\"create\""))
    };
    let linked = || !planted(cluster).is_empty();
    let is_now = |name: &str, own: &Path| if name == "early" { created(own) } else { linked() };
    for name in ["early", "late"] {
        let own = folder.join(name);
        fs::create_dir(&own).unwrap();
        let mut child = inside_node(cluster, env!("CARGO_BIN_EXE_pavisade"))
            .arg("probe")
            .args(args)
            .args(["--kubeconfig", "kubeconfig", "--journals", name, "-q"])
            .current_dir(folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while !is_now(name, &own) {
            assert!(child.try_wait().unwrap().is_none(), "{name}: it ended by itself");
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = child.kill();
        child.wait().unwrap();
        assert!(name == "early" || linked(), "nothing was left when it was killed");
        let journal = fs::read_dir(&own).unwrap().flatten().next().unwrap().path();
        let run = journal.file_stem().unwrap().to_str().unwrap().to_owned();
        let args = ["revert", &run, "--journals", name, "--kubeconfig", "kubeconfig"];
        let done = inside_node(cluster, env!("CARGO_BIN_EXE_pavisade"))
            .arg("probe")
            .args(args)
            .current_dir(folder)
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.success(), "{name}: {told}");
        assert_eq!(planted(cluster), Vec::<PathBuf>::new(), "{name}: {told}");
    }
}
