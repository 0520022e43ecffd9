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
    judged(check, text, coverage, None)
}

/// Returns what a check says about the objects of a kind, if any, and about the world as a whole.
fn judged(check: &str, text: &str, coverage: Coverage, of: Option<GroupKind>) -> Vec<String> {
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
    let mut out = |report: crate::Report<'_>| match report.verdict {
        Verdict::Unknown(claims) => said.extend(claims.into_iter().map(|c| c.message)),
        Verdict::Fails(claims) => {
            said.extend(claims.into_iter().map(|c| format!("fails: {}", c.message)));
        }
        Verdict::NotApplicable => said.push("not applicable".to_owned()),
        Verdict::Holds => said.push("holds".to_owned()),
    };
    let (world, now) = (&snapshot.worlds()[0], Timestamp::UNIX_EPOCH);
    for object in of.into_iter().flat_map(|kind| world.of_kind(kind)) {
        set.judge_object(world, object, now, &mut out);
    }
    set.judge_world(world, now, &mut out);
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

/// A comparison of one container says nothing about the others that run.
#[test]
fn facts_about_one_container_say_nothing_about_another() {
    let pod = |name: &str, phase: &str| {
        format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: shop}}\n\
             status: {{phase: {phase}}}\nspec:\n  initContainers: [{{name: first, image: i}}]\n  \
             containers: [{{name: app, image: i}}]\n"
        )
    };
    let facts = |namespace: &str, pod: &str| {
        format!(
            "---\napiVersion: pavisade.dev/v1\nkind: ContainerFacts\nmetadata: {{name: {pod}.app, \
             namespace: {namespace}}}\npod: {pod}\ncontainer: app\n"
        )
    };
    let said = |text: &str| said("changed-container-file", text, Coverage::Complete);
    let both = pod("a", "Running") + &pod("b", "Running");
    let why = "no facts were read about the container `shop/b/app` since it started";
    assert_eq!(said(&(both.clone() + &facts("shop", "a"))), [why]);
    // A pod of the same name in another namespace is another one.
    let other = facts("shop", "a") + &facts("other", "b");
    assert_eq!(said(&(both.clone() + &other)), [why]);
    assert_eq!(said(&(both.clone() + &facts("shop", "a") + &facts("shop", "b"))), [""; 0]);
    let ended = pod("a", "Running") + &pod("b", "Succeeded");
    assert_eq!(said(&(ended + &facts("shop", "a"))), [""; 0]);
    // Without any facts, nothing was asked.
    assert_eq!(said(&both), [""; 0]);
}

/// A pod of a StatefulSet that was created again has the name of the one that was compared.
#[test]
fn facts_count_for_the_container_that_runs_alone() {
    let image = |digit: &str| format!("sha256:{}", digit.repeat(64));
    let facts = |pod: &str, name: &str, unexpected: u32| {
        format!(
            "---\napiVersion: pavisade.dev/v1\nkind: ContainerFacts\nmetadata: {{name: {pod}.{name}, \
             namespace: shop}}\npod: {pod}\ncontainer: {name}\nverified: '1970-01-01T00:00:01.9Z'\n\
             image: {{name: 'web:1', digest: '{}', otherDigests: ['{}']}}\nunexpected: {unexpected}\n\
             unknown: 0\nunchanged: 9\n",
            image("1"),
            image("2")
        )
    };
    let status = |name: &str, started: &str, id: &str| {
        format!("{{name: {name}, imageID: '{id}', state: {{running: {{startedAt: '{started}'}}}}}}")
    };
    let pod = |own: &str, more: &str| {
        format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: web-0, namespace: shop}}\nspec:\n  \
             containers: [{{name: app, image: i}}]\n  ephemeralContainers: [{{name: debug, image: \
             i}}, {{name: ended, image: i}}]\nstatus:\n  phase: Running\n  containerStatuses: [{own}]\n  \
             ephemeralContainerStatuses: [{more}{{name: ended, state: {{terminated: {{}}}}}}]\n"
        )
    };
    let at = |second: u8| format!("1970-01-01T00:00:0{second}Z");
    let (before, during, later) = (&at(0), &at(1), &at(2));
    let same = format!("r.example/web@{}", image("1"));
    let since = |name: &str| {
        format!("no facts were read about the container `shop/web-0/{name}` since it started")
    };
    let unknown = || "it is not known when the container was started".to_owned();
    let too_close = || "it was started in the second of the comparison".to_owned();
    let other = |id: &str| {
        format!(
            "the container runs the image `{}`, but was compared with `{}`",
            image(id),
            image("1")
        )
    };
    let none: &[String] = &[];
    for (pods, expect, of_facts) in [
        (pod(&status("app", before, &same), ""), none, Some(true)),
        // The digest of the index or of the configuration, as containerd and Docker name it.
        (pod(&status("app", before, &image("2")), ""), none, Some(true)),
        (pod(&status("app", before, &format!("docker://{}", image("1"))), ""), none, Some(true)),
        (pod(&status("app", before, ""), ""), none, Some(true)),
        // Another image, or an index whose digest is not in the facts.
        (pod(&status("app", before, &image("3")), ""), &[other("3")], None),
        // The kubelet reports whole seconds, so the container that was compared may have ended in this one.
        (pod(&status("app", during, &same), ""), &[too_close()], None),
        // Created again, also with the same image: what was found is gone.
        (pod(&status("app", later, &same), ""), &[since("app")], Some(false)),
        (String::new(), none, Some(false)),
        // An ephemeral container runs, another one has ended.
        (
            pod(&status("app", before, &same), &(status("debug", before, "") + ",")),
            &[since("debug")],
            Some(true),
        ),
        (pod("{name: app, state: {waiting: {}}}", ""), none, Some(false)),
        // A snapshot of an earlier version.
        (pod("{name: app, imageID: x}", ""), &[unknown()], None),
    ] {
        // What was not started has no status yet.
        let pods = match pods.contains("{name: debug, imageID") {
            true => pods,
            false => pods.replace("{name: debug, image: i}, ", ""),
        };
        let check = "changed-container-file";
        let judged = |unexpected| {
            let text = pods.clone() + &facts("web-0", "app", unexpected);
            judged(check, &text, Coverage::Complete, Some(kinds::CONTAINER_FACTS))
        };
        let equal = judged(0);
        let expect: Vec<_> = match of_facts {
            Some(true) => [&["holds".to_owned()][..], expect].concat(),
            Some(false) => [&["not applicable".to_owned()][..], expect].concat(),
            None => expect.to_vec(),
        };
        assert_eq!(equal, expect, "{pods}");
        // A change is a finding as long as the container runs.
        let changed = judged(2);
        let fails = changed.iter().any(|one| one.starts_with("fails: 2 paths changed"));
        assert_eq!(fails, of_facts == Some(true), "{changed:?}\n{pods}");
    }
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
fn an_unread_configuration_of_a_kubelet_says_nothing_about_other_programs() {
    let text = "apiVersion: pavisade.dev/v1\nkind: NodeFacts\nmetadata: {name: a}\nnotes:\n\
                - {kind: unread, of: [KubeletConfiguration], message: /c cannot be read}\n";
    let mut parts = WorldParts::cluster("c");
    parts.objects = read_all(text);
    let snapshot = Snapshot::new(vec![parts], Vec::new());
    let set = CheckSet::all(KubernetesVersion::LATEST);
    let of = |name: &str| {
        let meta = set.metas().find(|meta| meta.rule.name == name).unwrap();
        let (claims, of) = unread_files(meta, &snapshot.worlds()[0]);
        (claims.len(), of)
    };
    assert_eq!(of("weak-cipher-suite"), (1, vec![Program::Kubelet]));
    assert_eq!(of("kubelet-anonymous-access"), (1, vec![Program::Kubelet]));
    assert_eq!(of("missing-audit-log"), (0, Vec::new()));
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
