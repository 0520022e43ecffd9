//! The control plane of the example cluster: what is wrong in `examples/shop` is found, and
//! `examples/shop-mended` is clean.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use pavisade_checks::{CheckSet, Verdict};
use pavisade_model::{KubernetesVersion, State};
use pavisade_snapshot::{Object, Snapshot, WorldKind, WorldParts};
use pavisade_yaml::{Source, objects, read};

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|e| e == "yaml") {
            found.push(path);
        }
    }
}

/// What the checks of these areas report on an example: check, kind and file of the subject.
fn reported(example: &str, state: State) -> BTreeSet<String> {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(example);
    let mut paths = Vec::new();
    files(&examples.join("control-plane"), &mut paths);
    paths.push(examples.join("webhooks.yaml"));
    let mut found = Vec::new();
    for path in paths {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let source = Source::new(&name, fs::read_to_string(&path).unwrap());
        for doc in &read(&source).docs {
            let of = objects(doc.root()).sent;
            found.extend(of.iter().map(|o| Object::new(o.value, o.api_version, o.kind)));
        }
    }
    let parts = WorldParts::files("control-plane", WorldKind::Files, found);
    let snapshot = Snapshot::new(vec![parts], Vec::new());
    let set = CheckSet::all(KubernetesVersion::LATEST);
    let mut names = BTreeSet::new();
    for world in snapshot.worlds() {
        for object in world.objects() {
            set.judge_object(world, object, NOW.parse().unwrap(), &mut |report| {
                let (Verdict::Fails(claims) | Verdict::Unknown(claims)) = report.verdict else {
                    return;
                };
                for claim in claims.iter().filter(|claim| claim.state == state) {
                    let file = report.object.map_or("", |o| o.doc().source().name()).to_owned();
                    if OWN.contains(&&*report.rule.name) {
                        assert!(!claim.message.is_empty());
                        names.insert(format!("{} {file}", report.rule.name));
                    }
                }
            });
        }
    }
    names
}

/// The day for which the examples were written: one has a supported version, one has none.
const NOW: &str = "2026-11-25T00:00:00Z";

/// Not those of pods, flows and permissions, whose world these files are only a part of.
const OWN: [&str; 30] = [
    "mfa-not-provable",
    "anonymous-api-access",
    "always-allow-authorization",
    "static-credential-file",
    "kubelet-anonymous-access",
    "kubelet-always-allow",
    "kubeconfig-credential",
    "unverified-email-claim",
    "kubeconfig-skips-tls-verification",
    "plaintext-etcd",
    "weak-etcd-encryption",
    "missing-etcd-encryption",
    "missing-audit-log",
    "useless-audit-policy",
    "secret-in-audit-log",
    "fail-open-webhook",
    "missing-node-restriction",
    "always-admit",
    "profiling-endpoint",
    "shared-controller-credentials",
    "unrotated-kubelet-certificate",
    "short-audit-log",
    "disabled-admission-plugin",
    "weak-pod-security-default",
    "end-of-life-kubernetes",
    "unlimited-pod-pids",
    "endless-kubelet-connection",
    "missing-iptables-chains",
    "kubelet-without-client-authority",
    "all-alpha-features",
];

#[test]
fn the_mended_example_is_clean() {
    assert_eq!(reported("shop-mended", State::Fails), BTreeSet::new());
    assert_eq!(reported("shop-mended", State::Unknown), BTreeSet::new());
}

#[test]
fn the_example_fails_where_it_was_built_to() {
    assert_eq!(reported("shop", State::Unknown), BTreeSet::new());
    let expected = [
        "always-admit kube-apiserver",
        "always-allow-authorization authorization",
        "anonymous-api-access authentication",
        "anonymous-api-access kube-apiserver",
        "anonymous-api-access kubeadm",
        "end-of-life-kubernetes kubeadm",
        "fail-open-webhook webhooks",
        "kubeconfig-credential ci-kubeconfig",
        "kubeconfig-skips-tls-verification ci-kubeconfig",
        "kubelet-always-allow kubelet",
        "kubelet-anonymous-access kubelet",
        "mfa-not-provable authentication",
        "mfa-not-provable kube-apiserver",
        "mfa-not-provable kubeadm",
        "missing-audit-log kube-apiserver",
        "missing-audit-log kubeadm",
        "missing-etcd-encryption kube-apiserver",
        "missing-etcd-encryption kubeadm",
        "missing-node-restriction kube-apiserver",
        "plaintext-etcd encryption",
        "profiling-endpoint kube-apiserver",
        "profiling-endpoint kube-controller-manager",
        "profiling-endpoint kube-scheduler",
        "profiling-endpoint kubeadm",
        "secret-in-audit-log audit-policy",
        "shared-controller-credentials kube-controller-manager",
        "static-credential-file kube-apiserver",
        "static-credential-file kubeadm",
        "unlimited-pod-pids kubelet",
        "unrotated-kubelet-certificate kubelet",
        "unverified-email-claim authentication",
        "useless-audit-policy audit-policy",
        "weak-pod-security-default admission",
    ];
    let expected: BTreeSet<_> = expected.iter().map(|&name| name.to_owned()).collect();
    assert_eq!(reported("shop", State::Fails), expected);
}
