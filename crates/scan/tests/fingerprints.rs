//! A finding keeps its fingerprint while check, object and field stay the same.

use std::collections::BTreeSet;

use pavisade_checks::CheckSet;
use pavisade_model::KubernetesVersion;
use pavisade_scan::{Timestamp, judge};
use pavisade_snapshot::{Coverage, Object, Snapshot, WorldKind, WorldParts};
use pavisade_yaml::{Source, objects, read};

/// Returns the findings of a Deployment's pods in a cluster, with their fingerprints.
fn of_pods(objects: &[String]) -> Vec<(String, String)> {
    let mut world = WorldParts::cluster("prod");
    world.default_coverage = Coverage::Complete;
    for text in objects {
        let documents = read(&Source::new("cluster", text.as_str()));
        let found = pavisade_yaml::objects(documents.docs[0].root()).sent;
        world.objects.extend(found.iter().map(|o| Object::new(o.value, o.api_version, o.kind)));
    }
    let checks = CheckSet::all(KubernetesVersion::LATEST);
    let judgement = judge(&Snapshot::new(vec![world], Vec::new()), &checks, Timestamp::UNIX_EPOCH);
    let all: Vec<_> = judgement.findings.iter().map(|f| f.fingerprint().to_string()).collect();
    assert_eq!(all.len(), all.iter().collect::<BTreeSet<_>>().len(), "two share a fingerprint");
    let of_pods = judgement.findings.iter().zip(all);
    let of_pods = of_pods.filter(|(finding, _)| finding.subject.label().starts_with("Pod "));
    let mut of_pods: Vec<_> =
        of_pods.map(|(finding, print)| (print, finding.subject.label())).collect();
    of_pods.sort();
    of_pods
}

#[test]
fn a_roll_out_does_not_matter() {
    let owner = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: shop, uid: d}, spec: {template: {spec: {containers: [{name: web, image: 'web:1'}]}}}}";
    let set = |name: &str| {
        format!(
            "{{apiVersion: apps/v1, kind: ReplicaSet, metadata: {{name: {name}, namespace: shop, uid: {name}, ownerReferences: [{{apiVersion: apps/v1, kind: Deployment, name: web, uid: d, controller: true}}]}}, spec: {{template: {{spec: {{containers: [{{name: web, image: 'web:1'}}]}}}}}}}}"
        )
    };
    let pod = |set: &str, name: &str, image: &str| {
        format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, namespace: shop, ownerReferences: [{{apiVersion: apps/v1, kind: ReplicaSet, name: {set}, uid: {set}, controller: true}}]}}, spec: {{containers: [{{name: web, image: 'web:1'}}, {{name: proxy, image: '{image}', securityContext: {{privileged: true}}}}]}}}}"
        )
    };
    // Two pods with different messages, so that the second finding is not merged into the first.
    let cluster = |owner: &str, set_name: &str, pods: [&str; 2]| {
        let [a, b] = pods;
        [owner.to_owned(), set(set_name), pod(set_name, a, "p:dev"), pod(set_name, b, "p:latest")]
    };
    let other = "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}";
    for (case, first) in [("an owner that is there", owner), ("one that is not", other)] {
        let before = of_pods(&cluster(first, "web-1", ["web-1-a", "web-1-b"]));
        let after = of_pods(&cluster(first, "web-2", ["web-2-c", "web-2-d"]));
        assert!(before.len() > 3, "{case}");
        let prints = |of: &[(String, String)]| of.iter().map(|f| f.0.clone()).collect::<Vec<_>>();
        assert_eq!(prints(&before), prints(&after), "{case}");
        assert_ne!(before, after, "{case}: the subject is the pod");
    }
}

#[test]
fn what_is_found_of_a_pod_is_not_what_is_found_of_its_owner() {
    // Both at `metadata.name`: unknown for the template, and failed for the pod.
    let set = "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: db, namespace: shop, uid: s}, spec: {template: {spec: {containers: [{name: db, image: 'db:1'}]}}}}";
    let pod = "{apiVersion: v1, kind: Pod, metadata: {name: db-1, namespace: shop, labels: {statefulset.kubernetes.io/pod-name: db-1}, ownerReferences: [{apiVersion: apps/v1, kind: StatefulSet, name: db, uid: s, controller: true}]}, spec: {containers: [{name: db, image: 'db:1'}]}}";
    let policy = "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: one, namespace: shop}, spec: {podSelector: {matchLabels: {statefulset.kubernetes.io/pod-name: db-0}}, policyTypes: [Ingress]}}";
    assert_eq!(of_pods(&[set, pod, policy].map(str::to_owned)).len(), 1);
}

fn fingerprints(file: &str, text: &str) -> BTreeSet<String> {
    let documents = read(&Source::new(file, text));
    let found = documents.docs.iter().flat_map(|doc| objects(doc.root()).sent);
    let found = found.map(|o| Object::new(o.value, o.api_version, o.kind)).collect();
    let snapshot =
        Snapshot::new(vec![WorldParts::files(file, WorldKind::Files, found)], Vec::new());
    let judgement =
        judge(&snapshot, &CheckSet::all(KubernetesVersion::LATEST), Timestamp::UNIX_EPOCH);
    assert!(!judgement.findings.is_empty());
    let all: Vec<_> = judgement.findings.iter().map(|f| f.fingerprint().to_string()).collect();
    let distinct: BTreeSet<_> = all.iter().cloned().collect();
    assert_eq!(all.len(), distinct.len(), "two findings share a fingerprint");
    distinct
}

const DEPLOYMENT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: nginx
          ports: [{containerPort: 80, hostPort: 80}, {containerPort: 443, hostPort: 443}]
          securityContext: {privileged: true}
        - name: log
          image: log
          securityContext: {capabilities: {add: [SYS_ADMIN, NET_ADMIN]}}
";

#[test]
fn files_lines_and_order_do_not_matter() {
    let before = fingerprints("a.yaml", DEPLOYMENT);
    assert_eq!(before, fingerprints("elsewhere/b.yaml", &format!("# moved\n\n{DEPLOYMENT}")));
    let reordered = DEPLOYMENT.replace("[SYS_ADMIN, NET_ADMIN]", "[NET_ADMIN, SYS_ADMIN]").replace(
        "[{containerPort: 80, hostPort: 80}, {containerPort: 443, hostPort: 443}]",
        "[{hostPort: 443, containerPort: 443}, {hostPort: 80, containerPort: 80}]",
    );
    assert_eq!(before, fingerprints("a.yaml", &reordered));
}

#[test]
fn the_object_the_container_and_the_field_matter() {
    let before = fingerprints("a.yaml", DEPLOYMENT);
    for (from, to) in
        [("name: web, namespace", "name: shop, namespace"), ("- name: log", "- name: logs")]
    {
        let after = fingerprints("a.yaml", &DEPLOYMENT.replace(from, to));
        assert_ne!(before, after, "{from}");
    }
}

#[test]
fn an_api_version_does_not_matter() {
    let old = DEPLOYMENT.replace("apps/v1", "apps/v1beta2");
    let removed = fingerprints("a.yaml", &old);
    let kept = fingerprints("a.yaml", DEPLOYMENT);
    // Only the removed version is new.
    assert_eq!(removed.difference(&kept).count(), 1);
    assert_eq!(kept.difference(&removed).count(), 0);
}

#[test]
fn facts_of_a_cluster_keep_their_first_fingerprints_and_lose_its_name() {
    let judged = |name: &str| {
        let text = format!(
            "{{apiVersion: pavisade.dev/v1, kind: Cluster, metadata: {{name: {name}}}, \
             version: {{gitVersion: v1.24.1}}}}"
        );
        let documents = read(&Source::new("facts", text));
        let mut world = WorldParts::cluster(name);
        world.objects.push(Object::new(documents.docs[0].root(), "pavisade.dev/v1", "Cluster"));
        let checks = CheckSet::all(KubernetesVersion::LATEST);
        let now: Timestamp = "2026-11-30T00:00:00Z".parse().unwrap();
        let judgement = judge(&Snapshot::new(vec![world], Vec::new()), &checks, now);
        judgement.findings.into_iter().find(|finding| finding.rule.id == "PV-O041").unwrap()
    };
    let (prod, other) = (judged("prod"), judged("other"));
    assert_eq!(prod.subject, pavisade_model::Subject::Cluster { name: "prod".into() });
    assert_eq!(prod.subject.label(), "Cluster prod");
    // From a result in which it was an object.
    assert_eq!(prod.first_fingerprint().to_string(), "v1:2c0cf1c925a8ba4d4dadf6b97d3e3e9f");
    assert_eq!(prod.fingerprint(), other.fingerprint());
    assert_ne!(prod.first_fingerprint(), other.first_fingerprint());
}
