//! Levels of namespaces, violations of the next level, and the resulting labels.

use pavisade_judgement::{Level, NamespaceSecurity, PodSecurity, Reason, Standing};
use pavisade_model::{Cause, Gap, KubernetesVersion, kinds};
use pavisade_pod_security::{Timestamp, pod_security};
use pavisade_snapshot::{Coverage, Object, Snapshot, WorldKind, WorldParts};
use pavisade_yaml::{Source, objects, read};

/// Labels without their prefix, and their values.
type Pairs = [(&'static str, &'static str)];

const HARD: &str = "{securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}, containers: [{name: c, image: 'a:1', securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}}]}";
const PLAIN: &str = "{containers: [{name: c, image: 'a:1'}]}";
const HOST: &str = "{hostNetwork: true, containers: [{name: c, image: 'a:1'}]}";

fn deployment(namespace: &str, name: &str, spec: &str) -> String {
    format!(
        "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: {name}, namespace: '{namespace}'}}, spec: {{selector: {{matchLabels: {{a: b}}}}, template: {{metadata: {{labels: {{a: b}}}}, spec: {spec}}}}}}}"
    )
}

fn namespace(name: &str, labels: &[(&str, &str)]) -> String {
    let labels: Vec<_> =
        labels.iter().map(|(k, v)| format!("pod-security.kubernetes.io/{k}: {v}")).collect();
    let labels = labels.join(", ");
    format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: {name}, labels: {{{labels}}}}}}}")
}

fn parts(kind: WorldKind, texts: &[String]) -> WorldParts {
    let mut found = Vec::new();
    for text in texts {
        let source = Source::new("test.yaml", text.as_str());
        for doc in &read(&source).docs {
            for o in objects(doc.root()).sent {
                found.push(Object::new(o.value, o.api_version, o.kind));
            }
        }
    }
    let mut parts = WorldParts::files("test", kind, found);
    if kind.is_live() {
        parts.default_coverage = Coverage::Complete;
    }
    parts
}

fn judged(parts: WorldParts, kubernetes: KubernetesVersion) -> PodSecurity {
    pod_security(&Snapshot::new(vec![parts], Vec::new()), kubernetes, Timestamp::UNIX_EPOCH)
}

fn one(kind: WorldKind, texts: &[String]) -> NamespaceSecurity {
    let mut all = judged(parts(kind, texts), KubernetesVersion::LATEST).namespaces;
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

#[test]
fn the_worst_workload_decides() {
    use Level::{Baseline, Privileged, Restricted};
    let cases: [(&[&str], Level, usize); 5] = [
        (&[HARD], Restricted, 0),
        // Privilege escalation, root, seccomp, capabilities.
        (&[PLAIN], Baseline, 4),
        (&[HARD, PLAIN], Baseline, 4),
        (&[HOST], Privileged, 1),
        (&[HARD, PLAIN, HOST], Privileged, 1),
    ];
    for (specs, met, breaks) in cases {
        let texts: Vec<_> = specs
            .iter()
            .enumerate()
            .map(|(i, spec)| deployment("shop", &format!("d{i}"), spec))
            .collect();
        let said = one(WorldKind::Files, &texts);
        assert_eq!((said.met, said.possible), (met, met), "{specs:?}");
        assert_eq!(said.breaks.len(), breaks, "{specs:?}");
        assert_eq!(said.workloads, specs.len());
        assert!(said.doubts.is_empty());
    }
}

#[test]
fn what_is_not_known_is_not_met() {
    let cases = [
        // A type that the API server rejects.
        deployment("shop", "d", &HARD.replace("runAsNonRoot: true", "runAsNonRoot: 'true'")),
        // Only a part of a workload.
        "{apiVersion: apps/v1, kind: Deployment, metadata: {name: d, namespace: shop}, spec: {template: {spec: {securityContext: {runAsNonRoot: true}}}}}".to_owned(),
        // No template at all.
        "{apiVersion: apps/v1, kind: Deployment, metadata: {name: d, namespace: shop}, spec: {}}".to_owned(),
    ];
    let met = [Level::Baseline, Level::Privileged, Level::Privileged];
    for (text, met) in cases.into_iter().zip(met) {
        let said = one(WorldKind::Files, std::slice::from_ref(&text));
        assert_eq!((said.met, said.possible), (met, Level::Restricted), "{text}");
        assert!(!said.doubts.is_empty(), "{text}");
        let labels = said.wanted(KubernetesVersion::LATEST);
        assert!(labels.iter().all(|(_, value)| value != "restricted") || met == Level::Baseline);
    }
    // A kind that cannot be listed may contain anything.
    let mut parts = parts(WorldKind::Cluster, &[deployment("shop", "d", HARD)]);
    let pods = (String::new(), "Pod".to_owned());
    parts.coverage.insert(pods.clone(), Coverage::Unread);
    parts.causes.insert(pods, Cause::Forbidden { resource: "pods".to_owned() });
    let said = judged(parts, KubernetesVersion::LATEST).namespaces.remove(0);
    assert_eq!((said.met, said.possible), (Level::Privileged, Level::Restricted));
    let unread = |gap: &Gap| matches!(gap, Gap::Kind { kind, .. } if *kind == kinds::POD);
    assert!(said.doubts.iter().any(|doubt| match &doubt.why {
        Reason::Finding(finding) => finding.detail().gaps.iter().any(unread),
        _ => false,
    }));
}

#[test]
fn labels_are_compared_with_what_is_there() {
    let cases: [(&str, &Pairs, Standing); 9] = [
        (HARD, &[], Standing::Weaker),
        (HARD, &[("enforce", "baseline")], Standing::Weaker),
        (HARD, &[("enforce", "restricted")], Standing::Fits),
        (PLAIN, &[("enforce", "baseline")], Standing::Fits),
        (PLAIN, &[("enforce", "restricted")], Standing::Stricter),
        (HOST, &[("enforce", "baseline")], Standing::Stricter),
        (HOST, &[], Standing::Fits),
        (HARD, &[("enforce", "strict")], Standing::Invalid),
        // Before 1.8 there were no requirements.
        (PLAIN, &[("enforce", "restricted"), ("enforce-version", "v1.7")], Standing::Stricter),
    ];
    for (spec, labels, standing) in cases {
        let texts = [namespace("shop", labels), deployment("shop", "d", spec)];
        assert_eq!(one(WorldKind::Files, &texts).standing, standing, "{labels:?} {spec}");
    }
}

#[test]
fn a_pinned_version_is_judged_by_its_own_levels() {
    // `runAsUser: 0` is rejected since 1.23.
    let spec = HARD.replace("runAsNonRoot: true,", "runAsNonRoot: true, runAsUser: 0,");
    let standing = |version: &str| {
        let labels = [("enforce", "restricted"), ("enforce-version", version)];
        let texts = [namespace("shop", &labels), deployment("shop", "d", &spec)];
        one(WorldKind::Files, &texts).standing
    };
    assert_eq!(standing("v1.22"), Standing::Fits);
    assert_eq!(standing("v1.23"), Standing::Stricter);
    assert_eq!(standing("latest"), Standing::Stricter);
}

#[test]
fn nothing_is_weakened_and_the_next_level_is_warned_of() {
    let wanted = |spec: &str, labels: &[(&str, &str)]| {
        let texts = [namespace("shop", labels), deployment("shop", "d", spec)];
        let wanted = one(WorldKind::Files, &texts).wanted(KubernetesVersion::minor(36));
        let short = |(key, value): (String, String)| {
            format!("{} {value}", key.strip_prefix("pod-security.kubernetes.io/").unwrap())
        };
        wanted.into_iter().map(short).collect::<Vec<_>>()
    };
    assert_eq!(wanted(HARD, &[]), ["enforce restricted", "enforce-version v1.36"]);
    assert_eq!(
        wanted(PLAIN, &[("warn", "restricted")]),
        ["enforce baseline", "enforce-version v1.36", "audit restricted", "audit-version v1.36"]
    );
    assert_eq!(wanted(HARD, &[("enforce", "restricted")]), <[&str; 0]>::default());
    assert_eq!(wanted(HOST, &[("enforce", "restricted")]), <[&str; 0]>::default());
    assert!(wanted(HOST, &[]).iter().all(|label| !label.starts_with("enforce")));
}

#[test]
fn static_pods_count_and_what_has_ended_does_not() {
    let server = "{apiVersion: v1, kind: Pod, metadata: {name: kube-apiserver, namespace: kube-system}, spec: {hostNetwork: true, containers: [{name: s, command: [kube-apiserver]}]}}";
    let said = one(WorldKind::Files, &[server.to_owned()]);
    assert_eq!(said.met, Level::Privileged);
    assert!(said.breaks.iter().any(|finding| finding.rule.name == "host-namespace"));

    let owner = "ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: d, uid: d, controller: true}]";
    let old = format!(
        "{{apiVersion: apps/v1, kind: ReplicaSet, metadata: {{name: d-1, namespace: shop, {owner}}}, spec: {{replicas: 0, selector: {{matchLabels: {{a: b}}}}, template: {{metadata: {{labels: {{a: b}}}}, spec: {HOST}}}}}}}"
    );
    let ended = format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: p, namespace: shop}}, spec: {HOST}, status: {{phase: Succeeded}}}}"
    );
    let texts = [namespace("shop", &[]), deployment("shop", "d", HARD), old, ended];
    let said = one(WorldKind::Cluster, &texts);
    assert_eq!((said.met, said.workloads), (Level::Restricted, 1));
    // A running pod is judged itself: a container may have been injected.
    let runs = format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: q, namespace: shop}}, spec: {HOST}, status: {{phase: Running}}}}"
    );
    let said = one(WorldKind::Cluster, &[texts[0].clone(), texts[1].clone(), runs]);
    assert_eq!(said.met, Level::Privileged);
}

#[test]
fn an_empty_namespace_of_a_cluster_meets_everything_and_one_of_files_says_nothing() {
    let texts = [namespace("shop", &[])];
    let said = one(WorldKind::Cluster, &texts);
    assert_eq!((said.met, said.standing), (Level::Restricted, Standing::Empty));
    let said = one(WorldKind::Files, &texts);
    assert_eq!(said.standing, Standing::Empty);
    assert!(said.wanted(KubernetesVersion::LATEST).is_empty());
}

#[test]
fn kube_system_is_left_alone() {
    for labels in [&[][..], &[("enforce", "privileged")]] {
        let texts = [namespace("kube-system", labels), deployment("kube-system", "d", HARD)];
        let said = one(WorldKind::Cluster, &texts);
        assert_eq!((said.met, said.standing), (Level::Restricted, Standing::System));
        assert!(said.wanted(KubernetesVersion::LATEST).is_empty());
    }
}

#[test]
fn an_exempt_namespace_gets_no_labels() {
    let file = "{apiVersion: apiserver.config.k8s.io/v1, kind: AdmissionConfiguration, plugins: [{name: PodSecurity, configuration: {exemptions: {namespaces: [shop]}}}]}";
    let texts = [namespace("shop", &[]), deployment("shop", "d", HARD), file.to_owned()];
    let said = one(WorldKind::Files, &texts);
    assert_eq!(said.standing, Standing::Exempt);
    assert!(said.wanted(KubernetesVersion::LATEST).is_empty());
}

#[test]
fn an_exemption_that_the_api_server_does_not_read_exempts_nothing() {
    let file = "{apiVersion: apiserver.config.k8s.io/v1, kind: AdmissionConfiguration, plugins: [{name: PodSecurity, configuration: {exemptions: {namespaces: [shop]}}}]}";
    let server = |args: &str| {
        format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: kube-apiserver, namespace: kube-system}}, spec: {{hostNetwork: true, containers: [{{name: kube-apiserver, image: i, command: [kube-apiserver, {args}]}}]}}}}"
        )
    };
    for (args, exempt) in [
        ("--secure-port=6443", false),
        ("--admission-control-config-file=/etc/a.yaml", true),
        // The variable may contain more flags.
        ("$(MORE)", true),
    ] {
        let texts =
            [namespace("shop", &[]), deployment("shop", "d", HARD), file.to_owned(), server(args)];
        let parts = parts(WorldKind::Files, &texts);
        let all = judged(parts, KubernetesVersion::LATEST).namespaces;
        let shop = all.iter().find(|n| &*n.name == "shop").unwrap();
        assert_eq!(shop.standing == Standing::Exempt, exempt, "{args}: {:?}", shop.standing);
    }
}

#[test]
fn an_empty_namespace_of_a_cluster_gets_no_labels() {
    let said = one(WorldKind::Cluster, &[namespace("shop", &[])]);
    assert_eq!(said.standing, Standing::Empty);
    assert!(said.wanted(KubernetesVersion::LATEST).is_empty());
    let wrong = [namespace("shop", &[("enforce", "strict")])];
    assert_eq!(one(WorldKind::Cluster, &wrong).standing, Standing::Invalid);
}
