//! Any sequence of changes to a snapshot, then judge, equals building from nothing, then judge.

use std::collections::BTreeMap;

use pavisade_checks::CheckSet;
use pavisade_model::KubernetesVersion;
use pavisade_scan::{Timestamp, judge};
use pavisade_snapshot::{Change, Object, ObjectId, Snapshot, WorldKind, WorldParts};
use pavisade_yaml::{Source, objects, read};
use proptest::prelude::*;

/// Objects that depend on each other; several say different things under one name.
const OBJECTS: [&str; 12] = [
    "{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: ns, labels: {app: a}}, spec: {containers: [{name: c, image: x}]}}",
    "{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: ns}, spec: {hostNetwork: true, containers: [{name: c, securityContext: {privileged: true}}]}}",
    "{apiVersion: apps/v1, kind: Deployment, metadata: {name: d, namespace: ns}, spec: {template: {metadata: {labels: {app: a}}, spec: {serviceAccountName: s, containers: [{name: c, image: 'x:1'}]}}}}",
    "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p, namespace: ns}, spec: {podSelector: {matchLabels: {app: a}}}}",
    "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p, namespace: ns}, spec: {podSelector: {}, ingress: [{}]}}",
    "{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: p, namespace: ns}, spec: {}}",
    "{apiVersion: v1, kind: Namespace, metadata: {name: ns, labels: {pod-security.kubernetes.io/enforce: restricted}}}",
    "{apiVersion: v1, kind: Namespace, metadata: {name: ns}}",
    "{apiVersion: v1, kind: ServiceAccount, metadata: {name: s, namespace: ns}, automountServiceAccountToken: false}",
    "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: r}, rules: [{apiGroups: [''], resources: [secrets], verbs: ['*']}]}",
    "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: b}, roleRef: {kind: ClusterRole, name: r}, subjects: [{kind: ServiceAccount, name: s, namespace: ns}]}",
    "{apiVersion: policy.sigstore.dev/v1beta1, kind: ClusterImagePolicy, metadata: {name: i}}",
];

fn object(index: usize) -> Object {
    let documents = read(&Source::new(format!("{index}.yaml"), OBJECTS[index]));
    let object = objects(documents.docs[0].root()).sent[0];
    Object::new(object.value, object.api_version, object.kind)
}

fn empty() -> Snapshot {
    Snapshot::new(vec![WorldParts::files("w", WorldKind::Files, Vec::new())], Vec::new())
}

fn verdicts(snapshot: &Snapshot, checks: &CheckSet) -> String {
    let judgement = judge(snapshot, checks, Timestamp::UNIX_EPOCH);
    format!("{:#?}\n{:#?}", judgement.findings, judgement.tallies)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn changes_then_judge_equals_building_then_judge(
        steps in proptest::collection::vec((any::<bool>(), 0..OBJECTS.len()), 0..24),
    ) {
        let checks = CheckSet::all(KubernetesVersion::LATEST);
        let mut snapshot = empty();
        let mut state = BTreeMap::<ObjectId, Object>::new();
        for (put, index) in steps {
            let object = object(index);
            let id = object.id().clone();
            if put {
                snapshot = snapshot.with(&[Change::Put(0, object.clone())]);
                state.insert(id, object);
            } else {
                snapshot = snapshot.with(&[Change::Delete(0, id.clone())]);
                state.remove(&id);
            }
        }
        let objects = state.into_values().collect();
        let fresh = Snapshot::new(vec![WorldParts::files("w", WorldKind::Files, objects)], Vec::new());
        prop_assert_eq!(verdicts(&snapshot, &checks), verdicts(&fresh, &checks));
    }
}
