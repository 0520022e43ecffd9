use std::collections::HashMap;

use pavisade_model::KubernetesVersion;
use pavisade_snapshot::{Snapshot, WorldKind, WorldParts};
use pavisade_yaml::{Source, objects, read};

use super::*;
use crate::{CheckSet, Timestamp};

const SERVER: &str = "---
apiVersion: v1
kind: Pod
metadata:
  name: kube-apiserver-cp
  namespace: kube-system
  annotations: {kubernetes.io/config.mirror: x}
  ownerReferences: [{apiVersion: v1, kind: Node, name: cp, uid: u, controller: true}]
status: {phase: Running}
spec:
  hostNetwork: true
  containers:
    - name: kube-apiserver
      command: [kube-apiserver, --profiling=false, FLAG]
";

/// Returns the messages of a check for the world as a whole.
fn said(check: &str, text: &str, coverage: Coverage) -> Vec<String> {
    let mut parts = WorldParts::cluster("c");
    for doc in &read(&Source::new("cluster", text)).docs {
        let list = objects(doc.root()).sent;
        parts.objects.extend(list.iter().map(|o| Object::new(o.value, o.api_version, o.kind)));
    }
    parts.coverage.insert((String::new(), "Pod".to_owned()), coverage);
    parts.coverage.insert((String::new(), "Node".to_owned()), Coverage::Complete);
    let snapshot = Snapshot::new(vec![parts], Vec::new());
    let set = CheckSet::new(
        &crate::Catalog::builtin(),
        KubernetesVersion::LATEST,
        |m| m.rule.name == check,
        &HashMap::new(),
    );
    let set = set.map_err(|e| e.message).unwrap();
    let mut said = Vec::new();
    set.judge_world(
        &snapshot.worlds()[0],
        Timestamp::UNIX_EPOCH,
        &mut |report| match report.verdict {
            Verdict::Unknown(claims) => said.extend(claims.into_iter().map(|c| c.message)),
            Verdict::NotApplicable => said.push("not applicable".to_owned()),
            Verdict::Holds | Verdict::Fails(_) => said.push("wrong".to_owned()),
        },
    );
    said
}

fn facts(version: &str) -> String {
    format!(
        "---\napiVersion: pavisade.dev/v1\nkind: Cluster\nmetadata: {{name: c}}\nversion: \
         {{gitVersion: {version}}}\n"
    )
}

#[test]
fn what_is_hidden_is_said_once() {
    let server = SERVER.replace("FLAG", "--audit-policy-file=/etc/audit.yaml");
    let plain = SERVER.replace("FLAG", "--v=2");
    let read = Coverage::Complete;
    let cases: [(&str, String, Coverage, &[&str]); 11] = [
        ("always-admit", server.clone(), read, &[]),
        (
            "always-admit",
            facts("v1.37.2"),
            read,
            &[
                "there is no static pod of kube-apiserver in `kube-system`, so the API does not expose its flags",
            ],
        ),
        (
            "always-admit",
            facts("v1.37.2+k3s1"),
            read,
            &[
                "there is no static pod of kube-apiserver in `kube-system`: k3s runs it in its own process, and the API does not expose its flags",
            ],
        ),
        ("always-admit", facts("v1.37.2-eks-a737599"), read, &["not applicable"]),
        (
            "always-admit",
            String::new(),
            Coverage::Unread,
            &[
                "the flags of kube-apiserver are in static pods, and pods were not read: it was not requested",
            ],
        ),
        (
            "profiling-endpoint",
            server.clone(),
            read,
            &[
                "there is no static pod of kube-controller-manager, kube-scheduler in `kube-system`, so the API does not expose its flags",
            ],
        ),
        ("kubelet-anonymous-access", facts("v1.37.2-eks-a737599"), read, &[KUBELET]),
        ("kubelet-read-only-port", server.clone(), read, &[KUBELET]),
        (
            "useless-audit-policy",
            server,
            read,
            &[
                "`--audit-policy-file` refers to `/etc/audit.yaml`, a file on the node, which the API does not expose",
            ],
        ),
        ("useless-audit-policy", plain, read, &["not applicable"]),
        (
            "plaintext-etcd",
            facts("v1.37.2"),
            read,
            &[
                "`EncryptionConfiguration` is a file on the control plane: there is no static pod of kube-apiserver in `kube-system`, so the API does not expose its flags",
            ],
        ),
    ];
    for (check, text, coverage, expected) in cases {
        assert_eq!(said(check, &text, coverage), expected, "{check}\n{text}");
    }
}

#[test]
fn a_pod_of_another_namespace_is_not_this_clusters_server() {
    let tenant = SERVER.replace("namespace: kube-system", "namespace: tenant");
    assert_eq!(said("always-admit", &tenant, Coverage::Complete).len(), 1);
}

#[test]
fn a_pod_that_no_kubelet_made_or_that_does_not_run_is_no_control_plane() {
    for (from, to) in [
        ("  annotations: {kubernetes.io/config.mirror: x}\n", ""),
        ("kind: Node", "kind: ReplicaSet"),
        ("phase: Running", "phase: Failed"),
        ("status: {phase: Running}\n", ""),
    ] {
        assert_eq!(SERVER.matches(from).count(), 1, "{from}");
        let text = SERVER.replace(from, to);
        assert_eq!(said("always-admit", &text, Coverage::Complete).len(), 1, "{to}");
    }
}

#[test]
fn a_file_of_one_node_says_nothing_about_another() {
    let on = |node: &str| {
        let server = SERVER.replace("FLAG", "--encryption-provider-config=/e.yaml");
        let server = server.replace("kube-apiserver-cp", &format!("kube-apiserver-{node}"));
        server.replace("spec:\n", &format!("spec:\n  nodeName: {node}\n"))
    };
    let file = |node: &str| {
        format!(
            "---\napiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\n\
             metadata: {{name: {node}, labels: {{pavisade.dev/from-node: {node}}}}}\n\
             resources: []\n"
        )
    };
    let both = on("a") + &on("b");
    let hidden = |text: &str| said("plaintext-etcd", text, Coverage::Complete).len();
    assert_eq!(hidden(&(both.clone() + &file("a"))), 1);
    assert_eq!(hidden(&(both + &file("a") + &file("b"))), 0);
}

#[test]
fn kubelets_are_known_only_if_all_processes_were_read() {
    let text = |read: bool| {
        format!(
            "---\napiVersion: v1\nkind: Node\nmetadata: {{name: a}}\n---\napiVersion: \
             pavisade.dev/v1\nkind: NodeFacts\nmetadata: {{name: a}}\nprocessesRead: {read}\n"
        )
    };
    let said = |read| said("kubelet-anonymous-access", &text(read), Coverage::Complete);
    assert_eq!(said(true), [""; 0]);
    assert_eq!(said(false).len(), 1);
}

/// A file that a node could not read makes the checks of that file unknown, and no other.
#[test]
fn files_that_a_node_could_not_read_are_unknown() {
    let text = |notes: &str| {
        format!(
            "---\napiVersion: v1\nkind: Node\nmetadata: {{name: a}}\n---\napiVersion: \
             pavisade.dev/v1\nkind: NodeFacts\nmetadata: {{name: a}}\nprocessesRead: true\n\
             notes: {notes}\n"
        )
    };
    let said = |check, notes: &str| said(check, &text(notes), Coverage::Complete);
    let unread = "[{kind: unread, of: [KubeletConfiguration], message: /c cannot be read}]";
    let why = "on the node `a`, /c cannot be read".to_owned();
    assert_eq!(said("kubelet-anonymous-access", unread), [why]);
    assert_eq!(said("cni-file-access", unread), [""; 0]);
    let other = "[{kind: info, of: [KubeletConfiguration], message: m}, an old note]";
    assert_eq!(said("kubelet-anonymous-access", other), [""; 0]);
    // A static pod that cannot be read is about the program in it.
    let manifest = "[{kind: unread, of: [etcd], message: /e.yaml cannot be read}]";
    let etcd = said("etcd-without-certificate", manifest);
    assert!(etcd.iter().any(|why| why.contains("/e.yaml cannot be read")), "{etcd:?}");
}

/// With facts of files from one of two nodes, nothing holds for the cluster.
#[test]
fn files_of_one_node_say_nothing_about_another() {
    let node =
        |name: &str| format!("---\napiVersion: v1\nkind: Node\nmetadata: {{name: {name}}}\n");
    let facts = "---\napiVersion: pavisade.dev/v1\nkind: IntegrityFacts\nmetadata: {name: a}\n";
    let said = |text: &str| said("unexpected-file-change", text, Coverage::Complete);
    assert_eq!(said(&(node("a") + facts)), [""; 0]);
    assert_eq!(said(&(node("a") + &node("b") + facts)), ["no facts were read from the node `b`"]);
    assert_eq!(said(&node("a")), [""; 0]);
}

#[test]
fn in_files_what_was_not_read_is_unknown() {
    let said = |read: bool, check: &str| {
        let text = format!(
            "apiVersion: pavisade.dev/v1\nkind: NodeFacts\nmetadata: {{name: a}}\n\
             processesRead: {read}\nprocesses: [{{name: etcd, command: [etcd]}}]\n"
        );
        let docs = read_all(&text);
        let parts = WorldParts::files("f", WorldKind::Files, docs);
        let snapshot = Snapshot::new(vec![parts], Vec::new());
        let set = CheckSet::all(KubernetesVersion::LATEST);
        let meta = set.metas().find(|meta| &*meta.rule.name == check).unwrap();
        verdict(meta, Dispatch::Components, &snapshot.worlds()[0], &[]).is_some()
    };
    assert!(said(false, "kubelet-anonymous-access"));
    assert!(!said(true, "kubelet-anonymous-access"));
    assert!(!said(false, "etcd-without-certificate"));
}

fn read_all(text: &str) -> Vec<Object> {
    let mut all = Vec::new();
    for doc in &read(&Source::new("facts", text)).docs {
        let list = objects(doc.root()).sent;
        all.extend(list.iter().map(|o| Object::new(o.value, o.api_version, o.kind)));
    }
    all
}

#[test]
fn no_pod_answers_for_kubelets() {
    let kubelet = SERVER.replace("kube-apiserver, ", "kubelet, ");
    for check in ["kubelet-anonymous-access", "kubelet-always-allow", "weak-tls-version"] {
        let said = said(check, &kubelet, Coverage::Complete);
        assert!(said.iter().any(|why| why == KUBELET), "{check} {said:?}");
    }
}

#[test]
fn files_are_judged_without_it() {
    let parts = WorldParts::files("f", WorldKind::Files, Vec::new());
    let snapshot = Snapshot::new(vec![parts], Vec::new());
    let set = CheckSet::all(KubernetesVersion::LATEST);
    let world = &snapshot.worlds()[0];
    for meta in set.metas() {
        assert!(verdict(meta, Dispatch::Components, world, &[]).is_none());
    }
}

#[test]
fn checks_of_components_name_their_programs() {
    let set = CheckSet::all(KubernetesVersion::LATEST);
    for crate::set::Registered { check, .. } in &set.checks {
        let meta = check.meta();
        let of_components = check.dispatch() == Dispatch::Components;
        assert!(!of_components || !meta.programs.is_empty(), "{}", meta.rule.name);
        let of_files = FILES.iter().any(|(kind, _)| meta.on.contains(kind));
        assert!(!of_files || meta.programs == [Program::ApiServer], "{}", meta.rule.name);
    }
}
