//! A finding keeps its fingerprint while check, object and field stay the same.

use std::collections::BTreeSet;

use pavisade_checks::CheckSet;
use pavisade_model::KubernetesVersion;
use pavisade_scan::{Timestamp, judge};
use pavisade_snapshot::{Object, Snapshot, WorldKind, WorldParts};
use pavisade_yaml::{Source, objects, read};

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
    // Only that the version was removed is new.
    assert_eq!(removed.difference(&kept).count(), 1);
    assert_eq!(kept.difference(&removed).count(), 0);
}
