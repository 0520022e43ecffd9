use std::fs;

use super::*;
use crate::{Kind, REGISTRY};

fn write(root: &std::path::Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn open(facts: &PodFacts) -> Vec<&'static str> {
    let probes: Vec<_> =
        REGISTRY.iter().filter(|probe| matches!(probe.kind, Kind::Pod { .. })).collect();
    let outcomes = judge_pod(facts, "web-1", &probes);
    let open = outcomes.iter().filter(|outcome| outcome.verdict.word() == "open");
    open.map(|outcome| outcome.probe.name()).collect()
}

fn status(uid: u32, capabilities: &str, seccomp: u8, no_new: u8) -> String {
    format!(
        "Name:\tsh\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\nCapEff:\t{capabilities}\n\
         NoNewPrivs:\t{no_new}\nSeccomp:\t{seccomp}\n"
    )
}

#[test]
fn a_hardened_container_has_nothing_open() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(root, "proc/self/status", &status(65534, "0000000000000000", 2, 1));
    write(root, "proc/self/uid_map", "0 0 4294967295\n");
    // Files that every container has from its node are not host paths.
    write(
        root,
        "proc/self/mountinfo",
        "1 0 0:9 / / ro,relatime - overlay overlay ro\n\
         2 1 8:1 /var/lib/kubelet/pods/1/etc-hosts /etc/hosts rw - ext4 /dev/sda1 rw\n\
         3 1 8:1 /var/lib/containerd/io/1/hostname /etc/hostname ro - ext4 /dev/sda1 rw\n\
         4 1 0:30 / /dev/shm rw - tmpfs shm rw\n\
         5 1 8:1 /var/lib/kubelet/pods/1/volumes/e /tmp rw - ext4 /dev/sda1 rw\n",
    );
    write(root, "dev/null", "");
    let own =
        [("PATH", "/bin"), ("PASSWORD_FILE", "/x"), ("PWD", "/opt/app"), ("OLDPWD", "/opt/app")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
    // A container with one process has no process 2.
    let facts = PodFacts::read(root, &own);
    assert_eq!(facts.second_process.as_deref(), Some(""));
    assert_eq!(open(&facts), Vec::<&str>::new());
    write(root, "proc/2/comm", "worker\n");
    assert_eq!(open(&PodFacts::read(root, &own)), Vec::<&str>::new());
}

#[test]
fn each_weakness_is_found_by_its_own_probe() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(root, "proc/self/status", &status(0, "000001ffffffffff", 0, 0));
    write(root, "proc/self/uid_map", "0 0 4294967295\n");
    write(
        root,
        "proc/self/mountinfo",
        "1 0 0:9 / / rw,relatime - overlay overlay rw\n\
         2 1 8:1 /etc /host rw - ext4 /dev/sda1 rw\n\
         3 1 0:20 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw\n",
    );
    write(root, "proc/2/comm", "kthreadd\n");
    write(root, "proc/sys/kernel/core_pattern", "core");
    write(root, "sys/fs/cgroup/cpu/release_agent", "");
    write(root, "run/containerd/containerd.sock", "");
    write(root, "var/run/secrets/kubernetes.io/serviceaccount/token", "x");
    write(root, "dev/null", "");
    let secret =
        ["DB_PASSWORD", "PWD"].map(|name| (name.to_owned(), "tr0ub4dor-and-3-horses".to_owned()));
    let facts = PodFacts::read(root, &secret);
    assert_eq!(facts.secrets, ["DB_PASSWORD", "PWD"]);
    let mut expect = open(&facts);
    expect.sort_unstable();
    assert_eq!(
        expect,
        [
            "pod-dangerous-capabilities",
            "pod-host-path",
            "pod-host-processes",
            "pod-may-gain-privileges",
            "pod-root-user",
            "pod-runtime-socket",
            "pod-secrets-in-environment",
            "pod-service-account-token",
            "pod-without-seccomp",
            "pod-writable-kernel-file",
            "pod-writable-root",
        ]
    );
    // Opening for writing changed nothing.
    let kept = fs::read_to_string(root.join("proc/sys/kernel/core_pattern")).unwrap();
    assert_eq!(kept, "core");
    // Root in a user namespace is not root of the node.
    write(root, "proc/self/uid_map", "0 100000 65536\n");
    assert!(!open(&PodFacts::read(root, &[])).contains(&"pod-root-user"));
}

#[test]
fn what_cannot_be_read_is_unknown() {
    let probes: Vec<_> =
        REGISTRY.iter().filter(|probe| matches!(probe.kind, Kind::Pod { .. })).collect();
    let outcomes = judge_pod(&PodFacts::default(), "x", &probes);
    let unknown = outcomes.iter().filter(|outcome| outcome.verdict.word() == "unknown").count();
    assert_eq!(unknown, 8);
    assert!(outcomes.iter().all(|outcome| outcome.verdict.word() != "open"));
}

fn word(id: &str, rights: Rights) -> &'static str {
    let facts = PodFacts { token: true, rights: Some(Ok(rights)), ..PodFacts::default() };
    let probes: Vec<_> = REGISTRY.iter().filter(|probe| probe.id() == id).collect();
    judge_pod(&facts, "x", &probes).remove(0).verdict.word()
}

fn allowed(verb: &str, group: &str, resource: &str) -> Rights {
    let rule = serde_json::json!(
        {"verbs": [verb], "apiGroups": [group], "resources": [resource]}
    );
    Rights::read(&serde_json::json!({"status": {"resourceRules": [rule]}})).unwrap()
}

#[test]
fn a_permission_may_be_in_a_namespace_that_was_not_asked() {
    for id in ["PV-P142", "PV-P143", "PV-P144"] {
        let asked = vec!["shop".to_owned()];
        let some = Rights { asked, ..Rights::default() };
        assert_eq!(word(id, some.clone()), "unknown", "{id}");
        assert_eq!(word(id, Rights { all: true, ..some }), "closed", "{id}");
    }
    assert_eq!(word("PV-P142", allowed("get", "", "secrets")), "open");
}

#[test]
fn all_permissions_that_run_code_or_gain_permissions_are_found() {
    for (id, verb, group, resource) in [
        ("PV-P143", "patch", "", "pods"),
        ("PV-P143", "update", "", "pods"),
        ("PV-P143", "get", "", "pods/attach"),
        ("PV-P143", "create", "", "pods/attach"),
        ("PV-P143", "patch", "", "replicationcontrollers"),
        ("PV-P143", "update", "", "replicationcontrollers"),
        ("PV-P144", "patch", "certificates.k8s.io", "certificatesigningrequests/approval"),
        ("PV-P144", "update", "certificates.k8s.io", "certificatesigningrequests/approval"),
    ] {
        assert_eq!(word(id, allowed(verb, group, resource)), "open", "{verb} {resource}");
    }
}
