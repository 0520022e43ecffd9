//! Judging a snapshot after any sequence of changes gives the same result as judging a new
//! snapshot.

use std::collections::BTreeMap;

use pavisade_checks::CheckSet;
use pavisade_model::{KubernetesVersion, kinds};
use pavisade_scan::{Timestamp, judge};
use pavisade_snapshot::{Change, Coverage, Object, ObjectId, Snapshot, WorldKind, WorldParts};
use pavisade_yaml::{Source, objects, read};
use proptest::prelude::*;

/// Objects that depend on each other. Several have the same name and different content.
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

/// Objects of a cluster: owners, created objects, objects that claim an owner, and selectors.
const CLUSTER: [&str; 14] = [
    "{apiVersion: apps/v1, kind: Deployment, metadata: {name: d, namespace: ns, uid: d1}, spec: {template: {metadata: {labels: {app: a}}, spec: {serviceAccountName: s, containers: [{name: c, image: 'x:1'}]}}}}",
    "{apiVersion: apps/v1, kind: Deployment, metadata: {name: d, namespace: ns, uid: d2}, spec: {template: {metadata: {labels: {app: a}}, spec: {containers: [{name: c, image: x, securityContext: {privileged: true}}]}}}}",
    "{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: r, namespace: ns, uid: r1, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: d, uid: d1, controller: true}]}, spec: {replicas: 2, template: {metadata: {labels: {app: a}}, spec: {serviceAccountName: s, containers: [{name: c, image: 'x:1'}]}}}}",
    "{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: r, namespace: ns, uid: r1}, spec: {replicas: 0, template: {metadata: {labels: {app: b}}, spec: {containers: [{name: c, image: 'x:0'}]}}}}",
    "{apiVersion: v1, kind: Pod, metadata: {name: p1, namespace: ns, labels: {app: a}, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: r, uid: r1, controller: true}]}, spec: {nodeName: n1, serviceAccountName: s, containers: [{name: c, image: 'x:1'}]}, status: {phase: Running}}",
    "{apiVersion: v1, kind: Pod, metadata: {name: p2, namespace: ns, labels: {app: a}, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: r, uid: r1, controller: true}]}, spec: {nodeName: n2, serviceAccountName: s, containers: [{name: c, image: 'x:1'}, {name: side, image: y, securityContext: {privileged: true}}]}, status: {phase: Running}}",
    "{apiVersion: v1, kind: Pod, metadata: {name: p3, namespace: ns, labels: {app: a}, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: r, uid: r1, controller: true}]}, spec: {nodeName: n2, serviceAccountName: s, containers: [{name: c, image: 'x:1'}, {name: side, image: y, securityContext: {privileged: true}}]}, status: {phase: Running}}",
    "{apiVersion: v1, kind: Pod, metadata: {name: p3, namespace: ns, labels: {app: a}, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: r, uid: r1, controller: true}]}, spec: {containers: [{name: c, image: 'x:1'}]}, status: {phase: Succeeded}}",
    "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p, namespace: ns}, spec: {podSelector: {matchLabels: {app: a}}, policyTypes: [Ingress, Egress]}}",
    "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: q, namespace: ns}, spec: {podSelector: {matchLabels: {app: b}}, ingress: [{}]}}",
    "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: q, namespace: ns}, spec: {podSelector: {matchExpressions: [{key: app, operator: Exists}]}, ingress: [{}]}}",
    "{apiVersion: v1, kind: LimitRange, metadata: {name: l, namespace: ns}, spec: {limits: [{type: Container, default: {memory: 1Gi}}]}}",
    "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: r}, rules: [{apiGroups: [''], resources: [secrets], verbs: ['*']}]}",
    "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: b}, roleRef: {kind: ClusterRole, name: r}, subjects: [{kind: ServiceAccount, name: s, namespace: ns}]}",
];

fn object(texts: &[&str], index: usize) -> Object {
    let documents = read(&Source::new(format!("{index}.yaml"), texts[index]));
    let object = objects(documents.docs[0].root()).sent[0];
    Object::new(object.value, object.api_version, object.kind)
}

fn files(objects: Vec<Object>) -> Snapshot {
    Snapshot::new(vec![WorldParts::files("w", WorldKind::Files, objects)], Vec::new())
}

fn cluster(objects: Vec<Object>) -> Snapshot {
    let mut world = WorldParts { objects, ..WorldParts::cluster("c") };
    for kind in kinds::ALL.iter().filter(|kind| !kind.resource.is_empty()) {
        world.coverage.insert((kind.group.into(), kind.kind.into()), Coverage::Complete);
    }
    Snapshot::new(vec![world], Vec::new())
}

fn verdicts(snapshot: &Snapshot, checks: &CheckSet) -> String {
    let judgement = judge(snapshot, checks, Timestamp::UNIX_EPOCH);
    format!("{:#?}\n{:#?}", judgement.findings, judgement.tallies)
}

/// Applies the steps one by one, and all at once.
fn both_ways(
    texts: &[&str],
    steps: Vec<(bool, usize)>,
    picture: fn(Vec<Object>) -> Snapshot,
) -> (String, String) {
    let checks = CheckSet::all(KubernetesVersion::LATEST);
    let mut snapshot = picture(Vec::new());
    let mut state = BTreeMap::<ObjectId, Object>::new();
    for (put, index) in steps {
        let object = object(texts, index);
        let id = object.id().clone();
        if put {
            snapshot = snapshot.with(&[Change::Put(0, object.clone())]);
            state.insert(id, object);
        } else {
            snapshot = snapshot.with(&[Change::Delete(0, id.clone())]);
            state.remove(&id);
        }
        // Values derived from one snapshot must not leak into the next.
        judge(&snapshot, &checks, Timestamp::UNIX_EPOCH);
    }
    let fresh = picture(state.into_values().collect());
    (verdicts(&snapshot, &checks), verdicts(&fresh, &checks))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn changes_then_judge_equals_building_then_judge(
        steps in proptest::collection::vec((any::<bool>(), 0..OBJECTS.len()), 0..24),
    ) {
        let (changed, fresh) = both_ways(&OBJECTS, steps, files);
        prop_assert_eq!(changed, fresh);
    }

    #[test]
    fn changes_of_a_cluster_then_judge_equals_building_then_judge(
        steps in proptest::collection::vec((prop::bool::weighted(0.8), 0..CLUSTER.len()), 0..30),
    ) {
        let (changed, fresh) = both_ways(&CLUSTER, steps, cluster);
        prop_assert_eq!(changed, fresh);
    }
}
