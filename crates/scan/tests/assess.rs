//! The state of a control follows from the results of its checks.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use pavisade_checks::{Catalog, CheckSet};
use pavisade_compliance::{AssessedControl, Assessment, ControlState, is_needed};
use pavisade_compliance::{Framework, builtin};
use pavisade_judgement::Judgement;
use pavisade_model::{KubernetesVersion, Note, NoteKind};
use pavisade_scan::{Honour, Terms, Timestamp, judge, judge_on};
use pavisade_snapshot::{
    Facts, Image, Images, Inspection, Object, Snapshot, WorldKind, WorldParts,
};
use pavisade_yaml::{Source, objects, read};

static CATALOG: LazyLock<Catalog> = LazyLock::new(Catalog::builtin);

fn assess<'a>(framework: &'a Framework, judgement: &'a Judgement) -> Assessment<'a> {
    pavisade_compliance::assess(framework, judgement, CATALOG.rules())
}

/// Judges texts by the checks with these ids, or by all.
fn judged(text: &str, checks: &[&str], notes: Vec<Note>) -> Judgement {
    let source = Source::new("all.yaml", text);
    let docs = read(&source).docs;
    let found = docs.iter().flat_map(|doc| objects(doc.root()).sent);
    let found = found.map(|o| Object::new(o.value, o.api_version, o.kind)).collect();
    let world = WorldParts::files("w", WorldKind::Files, found);
    let wanted =
        |meta: &pavisade_model::Meta| checks.is_empty() || checks.contains(&&*meta.rule.id);
    let set = CheckSet::new(&CATALOG, KubernetesVersion::LATEST, wanted, &HashMap::new());
    let set = set.map_err(|error| error.message).unwrap();
    judge(&Snapshot::new(vec![world], notes), &set, Timestamp::UNIX_EPOCH)
}

/// Returns a framework with one control.
fn framework(control: &str) -> Framework {
    let known: Vec<_> = CATALOG.rules().collect();
    let text =
        format!("id = \"x\"\ntitle = \"X\"\n[[controls]]\nid = \"1\"\ntitle = \"t\"\n{control}\n");
    Framework::read(&text, &known).unwrap()
}

fn pod(spec: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: p, namespace: shop}}\nspec:\n  {spec}\n  \
         containers: [{{name: c, image: i}}]\n"
    )
}

const PRIVILEGED: &str = "---
apiVersion: v1
kind: Pod
metadata: {name: q, namespace: shop}
spec: {containers: [{name: c, image: i, securityContext: {privileged: true}}]}
";

#[test]
fn states() {
    use ControlState as S;
    let good = pod("hostNetwork: false");
    let host = pod("hostNetwork: true");
    let wrong = pod("hostNetwork: maybe");
    let class = "---\napiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: s}\n\
                 provisioner: example.com/odd\n";
    let template = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\n";
    #[rustfmt::skip]
    let cases: [(&str, &str, S); 19] = [
        ("checks = [\"PV-C001\"]", &good, S::Holds),
        ("checks = [\"PV-C001\"]\ngap = \"g\"", &good, S::HoldsInPart),
        ("checks = [\"PV-C001\"]", PRIVILEGED, S::Fails),
        ("checks = [\"PV-C001\"]\ngap = \"g\"", PRIVILEGED, S::Fails),
        ("checks = [\"PV-C001\", \"PV-C002\"]", &format!("{host}{PRIVILEGED}"), S::Fails),
        // A passed check does not outweigh a failed or unknown one.
        ("checks = [\"PV-C001\", \"PV-C002\"]", &host, S::Fails),
        ("checks = [\"PV-C001\", \"PV-C002\"]", &wrong, S::Unknown),
        ("checks = [\"PV-D004\"]", class, S::Unknown),
        ("checks = [\"PV-C001\", \"PV-D004\"]", &format!("{good}{class}"), S::Unknown),
        ("checks = [\"PV-C001\", \"PV-D004\"]", &good, S::HoldsInPart),
        ("checks = [\"PV-C001\"]", template, S::Unseen),
        ("checks = [\"PV-C001\"]", "", S::Unseen),
        ("by_hand = \"training\"", PRIVILEGED, S::ByHand),
        ("elsewhere = \"a prober\"", PRIVILEGED, S::Elsewhere),
        // A finding of a stricter check does not refute the control, but its pass supports it.
        ("stricter = [\"PV-C001\"]", PRIVILEGED, S::Unknown),
        ("stricter = [\"PV-C001\"]", &good, S::Holds),
        ("checks = [\"PV-C002\"]\nstricter = [\"PV-C001\"]", &format!("{host}{PRIVILEGED}"), S::Fails),
        // Windows pods have no seccomp.
        ("checks = [\"PV-C011\"]", &pod("os: {name: windows}"), S::NotApplicable),
        ("topics = [\"node-isolation\"]", PRIVILEGED, S::Fails),
    ];
    for (control, text, expect) in cases {
        let framework = framework(control);
        let judgement = judged(text, &[], Vec::new());
        let assessment = assess(&framework, &judgement);
        assert_eq!(assessment.controls[0].state, expect, "{control}\n{text}");
    }
}

/// The container of a web server says nothing about the authentication of the API server.
#[test]
fn a_control_holds_in_part_where_some_of_its_checks_saw_nothing() {
    use ControlState as S;
    let good = pod("hostNetwork: false");
    let wide = framework("checks = [\"PV-C001\", \"PV-I020\"]");
    let judgement = judged(&good, &["PV-C001", "PV-I020"], Vec::new());
    let assessment = assess(&wide, &judgement);
    assert_eq!(assessment.controls[0].state, S::HoldsInPart);
    let unseen: Vec<_> = assessment.controls[0].unseen.iter().map(|check| &check.id).collect();
    assert_eq!(unseen, ["PV-I020"]);
    // A failure still counts. A check that does not apply is not a gap.
    let judgement = judged(PRIVILEGED, &["PV-C001", "PV-I020"], Vec::new());
    assert_eq!(assess(&wide, &judgement).controls[0].state, S::Fails);
    let both = framework("checks = [\"PV-C001\", \"PV-C040\"]");
    let judgement = judged(&good, &["PV-C001", "PV-C040"], Vec::new());
    assert_eq!(judgement.tallies[1].tally.not_applicable, 1);
    assert_eq!(assess(&both, &judgement).controls[0].state, S::Holds);
}

#[test]
fn nothing_holds_while_something_was_not_read() {
    let note = |kind| Note {
        kind,
        place: "x.yaml".into(),
        span: None,
        message: "cannot".into(),
        remedy: String::new(),
    };
    let framework = framework("checks = [\"PV-C001\"]");
    for (kind, text, expect) in [
        (NoteKind::Unread, pod("hostNetwork: true"), ControlState::Unknown),
        (NoteKind::Unread, PRIVILEGED.to_owned(), ControlState::Fails),
        (NoteKind::Warning, pod("hostNetwork: true"), ControlState::Holds),
    ] {
        let judgement = judged(&text, &[], vec![note(kind)]);
        let assessment = assess(&framework, &judgement);
        assert_eq!(assessment.controls[0].state, expect);
    }
}

#[test]
fn nothing_holds_while_a_check_was_left_out() {
    let both = framework("checks = [\"PV-C001\", \"PV-C002\"]");
    let judgement = judged(&pod("hostPID: false"), &["PV-C001"], Vec::new());
    let assessment = assess(&both, &judgement);
    assert_eq!(assessment.controls[0].state, ControlState::Unknown);
    let left_out: Vec<_> = assessment.controls[0].left_out.iter().map(|rule| &*rule.id).collect();
    assert_eq!(left_out, ["PV-C002"]);
    // Failures stay.
    let judgement = judged(PRIVILEGED, &["PV-C001"], Vec::new());
    assert_eq!(assess(&both, &judgement).controls[0].state, ControlState::Fails);
}

#[test]
fn a_strict_check_of_a_topic_is_not_waited_for_and_one_that_is_named_is() {
    // PV-C028 is strict.
    let by_topic = framework("topics = [\"secret-delivery\"]");
    let by_name = framework("checks = [\"PV-C028\"]");
    let strict = CATALOG.named("PV-C028").unwrap().rule();
    assert!(!is_needed(&by_topic.controls[0], strict));
    assert!(is_needed(&by_name.controls[0], strict));
    let store = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\n";
    let judgement = judged(store, &["PV-D008"], Vec::new());
    assert!(assess(&by_topic, &judgement).controls[0].left_out.is_empty());
    assert_eq!(assess(&by_name, &judgement).controls[0].left_out.len(), 1);
}

/// Returns a control's state and the verdicts of its first check: fails, unknown, holds.
fn told(control: &AssessedControl<'_>) -> (ControlState, [usize; 3]) {
    let tally = control.evidence[0].tally;
    (control.state, [tally.fails, tally.unknown, tally.holds])
}

#[test]
fn a_control_of_one_part_of_a_check_is_told_by_that_part() {
    use ControlState as S;
    let three = [pod("hostNetwork: true"), pod("hostPID: true").replace("name: p,", "name: r,")];
    let text = format!("{}{}{PRIVILEGED}", three[0], three[1]);
    let judgement = judged(&text, &[], Vec::new());
    for (part, expect) in [
        ("hostNetwork", (S::Fails, [1, 0, 2])),
        ("hostPID", (S::Fails, [1, 0, 2])),
        ("hostIPC", (S::Holds, [0, 0, 3])),
    ] {
        let framework = framework(&format!("checks = [\"PV-C002@{part}\"]"));
        let assessment = assess(&framework, &judgement);
        assert_eq!(told(&assessment.controls[0]), expect, "{part}");
        let places = assessment.controls[0].evidence[0].findings.len();
        assert_eq!(places, expect.1[0], "{part}");
    }
    // An unknown result of one part does not affect another part.
    let judgement = judged(&pod("hostIPC: maybe"), &[], Vec::new());
    for (part, expect) in [("hostIPC", S::Unknown), ("hostPID", S::Holds)] {
        let framework = framework(&format!("checks = [\"PV-C002@{part}\"]"));
        assert_eq!(assess(&framework, &judgement).controls[0].state, expect, "{part}");
    }
    // Listing the whole check as well includes all parts.
    let whole = framework("checks = [\"PV-C002@hostIPC\", \"PV-C002\"]");
    let judgement = judged(&pod("hostPID: true"), &[], Vec::new());
    assert_eq!(assess(&whole, &judgement).controls[0].state, S::Fails);
}

#[test]
fn each_known_part_is_told_apart() {
    let kubelet = |fields: &str| {
        format!(
            "---\napiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n{fields}\n"
        )
    };
    let server = |flags: &str| component("kube-apiserver", flags);
    let manager = |flags: &str| component("kube-controller-manager", flags);
    let etcd = |flags: &str| component("etcd", flags);
    let log = |age: u8, backup: u8, size: u8| {
        server(&format!(
            "--audit-log-path=/a, --audit-log-maxage={age}, --audit-log-maxbackup={backup}, \
             --audit-log-maxsize={size}"
        ))
    };
    let mut cases = vec![
        ("PV-C002", "hostPID", pod("hostPID: true")),
        ("PV-C002", "hostIPC", pod("hostIPC: true")),
        ("PV-C002", "hostNetwork", pod("hostNetwork: true")),
        ("PV-O011", "client", kubelet("serverTLSBootstrap: true")),
        ("PV-O011", "client", kubelet("serverTLSBootstrap: true\nrotateCertificates: false")),
        ("PV-O011", "server", kubelet("rotateCertificates: true")),
        (
            "PV-O011",
            "server",
            kubelet(
                "rotateCertificates: true\nfeatureGates: {RotateKubeletServerCertificate: false}",
            ),
        ),
        ("PV-I070", "RBAC", server("--authorization-mode=Node")),
        ("PV-I070", "Node", server("--authorization-mode=RBAC")),
        ("PV-I076", "root-ca-file", manager("--service-account-private-key-file=/k")),
        ("PV-I076", "service-account-private-key-file", manager("--root-ca-file=/c")),
        ("PV-N047", "clients", etcd("--auto-tls")),
        ("PV-N047", "clients", etcd("--auto-tls, --cert-file=/c")),
        ("PV-N047", "peers", etcd("--peer-auto-tls")),
        ("PV-N047", "peers", etcd("--peer-auto-tls, --peer-cert-file=/c")),
        (
            "PV-N049",
            "authority",
            server("--etcd-servers=https://e, --etcd-certfile=/c, --etcd-keyfile=/k"),
        ),
        ("PV-N049", "certificate", server("--etcd-servers=https://e, --etcd-cafile=/a")),
        (
            "PV-N049",
            "certificate",
            server("--etcd-servers=https://e, --etcd-cafile=/a, --etcd-certfile=/c"),
        ),
        ("PV-N061", "clients", etcd("--peer-cert-file=/c, --peer-key-file=/k")),
        ("PV-N061", "peers", etcd("--cert-file=/c, --key-file=/k")),
        ("PV-O014", "maxage", log(1, 10, 100)),
        ("PV-O014", "maxbackup", log(30, 1, 100)),
        ("PV-O014", "maxsize", log(30, 10, 1)),
    ];
    let parts = |id: &str| CATALOG.named(id).unwrap().rule().parts.iter().map(|part| &**part);
    for part in parts("PV-O015") {
        cases.push(("PV-O015", part, server(&format!("--disable-admission-plugins={part}"))));
    }
    for rule in CATALOG.rules() {
        // Access to files of a node.
        for part in rule.parts.iter().filter(|part| ["mode", "owner"].contains(&&***part)) {
            cases.push((&*rule.id, &**part, files(part)));
        }
    }
    for rule in CATALOG.rules() {
        for part in rule.parts.iter() {
            assert!(cases.iter().any(|c| (c.0, c.1) == (&*rule.id, &**part)), "{}@{part}", rule.id);
        }
    }
    for (check, failing, text) in cases {
        let judgement = judged(&text, &[check], Vec::new());
        for part in parts(check) {
            let framework = framework(&format!("checks = [\"{check}@{part}\"]"));
            let state = assess(&framework, &judgement).controls[0].state;
            let expect = if part == failing { ControlState::Fails } else { ControlState::Holds };
            assert_eq!(state, expect, "{check}@{part}\n{text}");
        }
    }
}

/// Facts about a node whose files all have a wrong mode or owner.
fn files(wrong: &str) -> String {
    let mut text = "---\napiVersion: pavisade.dev/v1\nkind: NodeFacts\n".to_owned();
    text += "metadata: {name: cp}\nprocessesRead: true\netcdUser: true\nfiles:\n";
    let file = |class: &str| {
        let mode = if wrong == "mode" { "0777" } else { "0400" };
        let (owner, id) = match (wrong, class) {
            ("owner", _) => ("other", 5),
            (_, "etcd-data") => ("etcd", 998),
            _ => ("root", 0),
        };
        let of = format!("uid: {id}, gid: {id}, owner: {owner}, group: {owner}");
        format!("  {class}: [{{path: /f, mode: '{mode}', {of}}}]\n")
    };
    for class in [
        "admin-kubeconfig",
        "apiserver-pod",
        "cni",
        "controller-manager-kubeconfig",
        "controller-manager-pod",
        "etcd-data",
        "etcd-pod",
        "kubelet-client-ca",
        "kubelet-config",
        "kubelet-kubeconfig",
        "kubelet-service",
        "pki",
        "pki-certificates",
        "pki-keys",
        "proxy-kubeconfig",
        "scheduler-kubeconfig",
        "scheduler-pod",
    ] {
        text += &file(class);
    }
    text + "system:\n" + &file("runtimes") + &file("directories")
}

fn component(name: &str, flag: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: kube-system}}\nspec:\n  \
         hostNetwork: true\n  containers: [{{name: c, image: i, command: [{name}, {flag}]}}]\n"
    )
}

#[test]
fn a_control_of_one_program_is_told_by_that_program() {
    use ControlState as S;
    let server = component("kube-apiserver", "--profiling=false");
    let scheduler = component("kube-scheduler", "--profiling=true");
    let judgement = judged(&format!("{server}{scheduler}"), &[], Vec::new());
    for (program, expect) in [
        ("kube-apiserver", S::Holds),
        ("kube-scheduler", S::Fails),
        // Its settings were not read. Results for another program prove nothing.
        ("kube-controller-manager", S::Unseen),
    ] {
        let framework = framework(&format!("checks = [\"PV-O009@{program}\"]"));
        let assessment = assess(&framework, &judgement);
        assert_eq!(assessment.controls[0].state, expect, "{program}");
        for finding in &assessment.controls[0].evidence[0].findings {
            assert!(finding.message.contains(program), "{}", finding.message);
        }
    }
    // A check for a single program.
    for (program, expect) in [("kube-apiserver", S::Holds), ("etcd", S::Unseen)] {
        let framework = framework(&format!("checks = [\"PV-O008@{program}\"]"));
        assert_eq!(assess(&framework, &judgement).controls[0].state, expect, "{program}");
    }
}

#[test]
fn in_a_cluster_a_program_that_is_not_seen_is_unknown_and_another_is_not() {
    use ControlState as S;
    let mirror = component("kube-apiserver", "--profiling=false")
        .replace("namespace: kube-system", "namespace: kube-system, annotations: {kubernetes.io/config.mirror: x}, ownerReferences: [{apiVersion: v1, kind: Node, name: node, uid: u, controller: true}]");
    let text = format!("{mirror}status: {{phase: Running}}\n");
    let mut parts = WorldParts::cluster("c");
    parts.default_coverage = pavisade_snapshot::Coverage::Complete;
    for doc in &read(&Source::new("cluster", text)).docs {
        let list = objects(doc.root()).sent;
        parts.objects.extend(list.iter().map(|o| Object::new(o.value, o.api_version, o.kind)));
    }
    let set = CheckSet::all(KubernetesVersion::LATEST);
    let judgement = judge(&Snapshot::new(vec![parts], Vec::new()), &set, Timestamp::UNIX_EPOCH);
    for (program, expect) in
        [("kube-apiserver", S::Holds), ("kube-scheduler", S::Unknown), ("kubelet", S::Unseen)]
    {
        let framework = framework(&format!("checks = [\"PV-O009@{program}\"]"));
        assert_eq!(assess(&framework, &judgement).controls[0].state, expect, "{program}");
    }
}

#[test]
fn every_control_of_every_framework_has_a_state_and_its_checks_as_evidence() {
    let judgement = judged(&format!("{PRIVILEGED}{}", pod("hostPID: true")), &[], Vec::new());
    for framework in builtin() {
        let assessment = assess(framework, &judgement);
        assert_eq!(assessment.controls.len(), framework.controls.len());
        for control in &assessment.controls {
            // Images were not requested.
            let unasked = |id: &&String| judgement.unasked.iter().any(|rule| *rule.id == ***id);
            let asked = control.control.checks.iter().filter(|id| !unasked(id)).count();
            assert_eq!(control.evidence.len(), asked);
            assert!(control.left_out.is_empty());
        }
        let counted: usize = ControlState::ALL.iter().map(|state| assessment.count(*state)).sum();
        assert_eq!(counted, framework.controls.len());
    }
}

#[test]
fn what_images_show_is_not_shown_of_pods_that_nobody_read() {
    let wanted = |meta: &pavisade_model::Meta| ["PV-C001", "PV-S025"].contains(&&*meta.rule.id);
    let set = CheckSet::new(&CATALOG, KubernetesVersion::LATEST, wanted, &HashMap::new()).unwrap();
    let image =
        Image { name: "web".into(), inspection: Some(Inspection::default()), ..Image::default() };
    let facts = Facts { images: Some(Arc::new(Images::new(vec![image], Vec::new()))) };
    let snapshot = Snapshot::new(Vec::new(), Vec::new()).with_facts(facts);
    let judgement = judge(&snapshot, &set, Timestamp::UNIX_EPOCH);
    for (checks, expect) in [
        ("\"PV-S025\"", ControlState::Holds),
        ("\"PV-C001\", \"PV-S025\"", ControlState::HoldsInPart),
    ] {
        let framework = framework(&format!("checks = [{checks}]"));
        assert_eq!(assess(&framework, &judgement).controls[0].state, expect, "{checks}");
    }
}

#[test]
fn a_control_whose_images_nobody_looked_at_holds_in_part() {
    let judgement = judged(&pod("securityContext: {}"), &[], Vec::new());
    for (checks, expect) in [
        ("\"PV-C001\"", ControlState::Holds),
        ("\"PV-C001\", \"PV-S025\"", ControlState::HoldsInPart),
        ("\"PV-S025\"", ControlState::Unseen),
    ] {
        let framework = framework(&format!("checks = [{checks}]"));
        let assessment = assess(&framework, &judgement);
        assert_eq!(assessment.controls[0].state, expect, "{checks}");
    }
}

#[test]
fn what_an_exception_lets_through_neither_fails_nor_holds() {
    use ControlState as S;
    let allowed = PRIVILEGED.replace(
        "namespace: shop}",
        "namespace: shop, annotations: {pavisade.dev/allow: 'PV-C001 until 2026-12-31: why'}}",
    );
    assert_ne!(allowed, PRIVILEGED);
    let other = PRIVILEGED.replace("name: q,", "name: other,");
    let terms = Terms { honour: Honour::Everybody, ..Terms::default() };
    let cases = [
        ("checks = [\"PV-C001\"]", allowed.clone(), S::Excepted),
        ("checks = [\"PV-C001\"]", format!("{allowed}{other}"), S::Fails),
        (
            "checks = [\"PV-C001\", \"PV-C002\"]",
            format!("{allowed}{}", pod("hostPID: true")),
            S::Fails,
        ),
        (
            "checks = [\"PV-C001\", \"PV-C002\"]",
            format!("{allowed}{}", pod("hostPID: maybe")),
            S::Excepted,
        ),
        ("checks = [\"PV-C002\"]", allowed.clone(), S::Holds),
    ];
    for (control, text, expect) in cases {
        let docs = read(&Source::new("all.yaml", text.as_str())).docs;
        let found = docs.iter().flat_map(|doc| objects(doc.root()).sent);
        let found = found.map(|o| Object::new(o.value, o.api_version, o.kind)).collect();
        let world = WorldParts::files("w", WorldKind::Files, found);
        let set = CheckSet::all(KubernetesVersion::LATEST);
        let snapshot = Snapshot::new(vec![world], Vec::new());
        let judgement = judge_on(&snapshot, &set, &terms, "2026-06-01T12:00:00Z".parse().unwrap());
        let framework = framework(control);
        let assessment = assess(&framework, &judgement);
        assert_eq!(assessment.controls[0].state, expect, "{control}\n{text}");
    }
}

#[test]
fn images_that_could_not_be_had_hide_no_finding_of_the_others() {
    let wanted = |meta: &pavisade_model::Meta| meta.rule.id == "PV-S025";
    let set = CheckSet::new(&CATALOG, KubernetesVersion::LATEST, wanted, &HashMap::new()).unwrap();
    let secret = pavisade_snapshot::Secret {
        what: "a secret".into(),
        name: "TOKEN".to_owned(),
        place: pavisade_snapshot::SecretPlace::File {
            path: "app/.env".into(),
            layer: None,
            line: 1,
            removed: false,
        },
        confidence: pavisade_model::Confidence::High,
    };
    let framework = framework("checks = [\"PV-S025\"]");
    for (secrets, missing, expect) in [
        (vec![], false, ControlState::Holds),
        (vec![], true, ControlState::HoldsInPart),
        (vec![secret.clone()], false, ControlState::Fails),
        (vec![secret], true, ControlState::Fails),
    ] {
        let inspection = Some(Inspection { secrets, ..Inspection::default() });
        let image = Image { name: "web".into(), inspection, ..Image::default() };
        let missing = match missing {
            true => vec![("r.example/api:1".into(), "it was not given".to_owned())],
            false => Vec::new(),
        };
        let facts = Facts { images: Some(Arc::new(Images::new(vec![image], missing))) };
        let snapshot = Snapshot::new(Vec::new(), Vec::new()).with_facts(facts);
        let judgement = judge(&snapshot, &set, Timestamp::UNIX_EPOCH);
        assert_eq!(assess(&framework, &judgement).controls[0].state, expect);
    }
}
