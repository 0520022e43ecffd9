//! Output of `pavisade pss`.

use pavisade_model::KubernetesVersion;
use pavisade_pod_security::{Timestamp, pod_security as judge};
use pavisade_snapshot::{Object, Snapshot, WorldKind, WorldParts};
use pavisade_yaml::{Source, objects, read};

use super::*;

const FILES: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: "7"}
---
apiVersion: v1
kind: Namespace
metadata: {name: strict, labels: {pod-security.kubernetes.io/enforce: restricted}}
---
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: strict}
spec: {hostPID: true, containers: [{name: c, image: "a:1"}]}
---
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: "7"}
spec:
  containers:
    - name: c
      image: a:1
      securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, runAsNonRoot: true}
---
apiVersion: v1
kind: Pod
metadata: {name: a}
spec:
  hostNetwork: "yes"
  containers: [{name: c, image: "a:1"}]
"#;

fn shown(layout: PodSecurityLayout) -> String {
    let source = Source::new("a.yaml", FILES);
    let documents = read(&source);
    let all = documents.docs.iter().flat_map(|doc| objects(doc.root()).sent);
    let all = all.map(|o| Object::new(o.value, o.api_version, o.kind)).collect();
    let world = WorldParts::files("shop", WorldKind::Files, all);
    let snapshot = Snapshot::new(vec![world], Vec::new());
    let result = judge(&snapshot, KubernetesVersion::minor(36), Timestamp::UNIX_EPOCH);
    let (options, mut out) = (Options { width: 80, ..Options::default() }, Vec::new());
    pod_security(&result, layout, &options, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn people_see_levels_first_and_what_breaks_them() {
    insta::assert_snapshot!(shown(PodSecurityLayout::Terminal));
}

#[test]
fn a_patch_says_what_it_leaves_alone() {
    insta::assert_snapshot!(shown(PodSecurityLayout::Patch));
}
