//! What the Node authorizer lets a kubelet do, and what pods on its node have to do with it.
//!
//! `cargo xtask soak node-graph` compares generated pods with Kubernetes' own authorizer.

use pavisade_model::{GroupKind, kinds};
use pavisade_snapshot::{Coverage, World, WorldParts};

use super::{answer, cluster, files, objects_of, view};
use crate::{Authorizer, explain, words};

const PODS: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec:
  nodeName: full
  serviceAccountName: runner
  imagePullSecrets: [{name: pull}]
  initContainers:
    - {name: i, env: [{name: A, valueFrom: {secretKeyRef: {name: of-init, key: k}}}]}
  containers:
    - {name: c, envFrom: [{secretRef: {name: of-env}}, {configMapRef: {name: settings}}]}
  ephemeralContainers:
    - {name: e, envFrom: [{secretRef: {name: late}}]}
  resourceClaims: [{name: gpu, resourceClaimName: gpu-claim}]
  volumes:
    - {name: a, projected: {sources: [{secret: {name: projected}}, {configMap: {name: roots}}]}}
    - {name: data, persistentVolumeClaim: {claimName: disk}}
    - {name: tmp, ephemeral: {volumeClaimTemplate: {}}}
---
apiVersion: v1
kind: Pod
metadata:
  name: kube-proxy-full
  namespace: kube-system
  annotations: {kubernetes.io/config.mirror: abc}
spec: {nodeName: full, containers: [{name: c, envFrom: [{secretRef: {name: of-mirror}}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: other, namespace: shop}
spec: {nodeName: elsewhere, containers: [{name: c, envFrom: [{secretRef: {name: of-other}}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: waiting, namespace: shop}
spec: {containers: [{name: c, envFrom: [{secretRef: {name: of-waiting}}]}]}
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: pv}
spec:
  claimRef: {namespace: shop, name: disk}
  csi:
    driver: d
    volumeHandle: h
    nodeStageSecretRef: {namespace: storage, name: of-volume}
    controllerPublishSecretRef: {namespace: storage, name: of-controller}
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: free}
spec: {csi: {driver: d, volumeHandle: h, nodeStageSecretRef: {namespace: storage, name: of-free}}}
";

/// A cluster of which this kind was not read.
fn without(kind: GroupKind) -> World {
    let mut parts = WorldParts::cluster("prod");
    parts.objects = objects_of(PODS).into_iter().filter(|object| !object.is(kind)).collect();
    parts.default_coverage = Coverage::Complete;
    parts.coverage.insert((kind.group.to_owned(), kind.kind.to_owned()), Coverage::Unread);
    World::new(parts)
}

#[test]
fn a_kubelet_has_its_own_node_and_what_its_pods_refer_to() {
    let world = cluster(PODS);
    for (question, want) in [
        ("system:node:empty get nodes/empty", "yes"),
        ("system:node:empty get nodes/full", "no"),
        ("system:node:full update leases/full -n kube-node-lease", "yes"),
        ("system:node:full update leases/empty -n kube-node-lease", "no"),
        ("system:node:full create pods/web/eviction -n shop", "yes"),
        ("user:system:nodes get nodes/full", "no"),
        ("system:node:full get pods/web -n shop", "yes"),
        ("system:node:full get pods/other -n shop", "no"),
        ("system:node:full get pods/kube-proxy-full -n kube-system", "yes"),
        ("system:node:full get secrets/pull -n shop", "yes"),
        ("system:node:full list secrets/of-env -n shop", "yes"),
        ("system:node:full get secrets/of-init -n shop", "yes"),
        ("system:node:full get secrets/projected -n shop", "yes"),
        // Another namespace, another node, another verb, or a name that refers to another kind.
        ("system:node:full get secrets/pull -n other", "no"),
        ("system:node:empty get secrets/pull -n shop", "no"),
        ("system:node:full update secrets/pull -n shop", "no"),
        ("system:node:full list secrets -n shop", "no"),
        ("system:node:full get secrets/settings -n shop", "no"),
        ("system:node:full get secrets/of-other -n shop", "no"),
        ("system:node:full get secrets/of-waiting -n shop", "no"),
        // A node creates mirror pods itself.
        ("system:node:full get secrets/of-mirror -n kube-system", "no"),
        ("system:node:full get secrets/late -n shop", "unknown"),
        ("system:node:full get secrets/of-volume -n storage", "yes"),
        ("system:node:full get secrets/of-controller -n storage", "no"),
        ("system:node:full get secrets/of-free -n storage", "no"),
        ("system:node:full get configmaps/settings -n shop", "yes"),
        ("system:node:full get configmaps/roots -n shop", "yes"),
        ("system:node:full get configmaps/pull -n shop", "no"),
        ("system:node:full get persistentvolumeclaims/disk -n shop", "yes"),
        ("system:node:full get persistentvolumeclaims/web-tmp -n shop", "yes"),
        ("system:node:full get persistentvolumeclaims/tmp -n shop", "no"),
        ("system:node:full get persistentvolumes/pv", "yes"),
        ("system:node:full get persistentvolumes/free", "no"),
        ("system:node:elsewhere get persistentvolumes/pv", "no"),
        ("system:node:full create serviceaccounts/runner/token -n shop", "yes"),
        ("system:node:full create serviceaccounts/default/token -n shop", "no"),
        ("system:node:full get resourceclaims/gpu-claim -n shop", "yes"),
        // One that was made for a pod is named in its status.
        ("system:node:full get resourceclaims/web-gpu -n shop", "unknown"),
        ("system:node:empty get resourceclaims/web-gpu -n shop", "no"),
    ] {
        assert_eq!(answer(&world, 37, question), want, "{question}");
    }
}

#[test]
fn what_was_not_read_is_unknown() {
    for (world, question, want) in [
        (without(kinds::POD), "system:node:full get secrets/pull -n shop", "unknown"),
        (without(kinds::POD), "system:node:full get pods/web -n shop", "unknown"),
        (
            without(kinds::PERSISTENT_VOLUME),
            "system:node:full get secrets/of-volume -n storage",
            "unknown",
        ),
        (without(kinds::PERSISTENT_VOLUME), "system:node:full get persistentvolumes/pv", "unknown"),
        // A pod suffices.
        (without(kinds::PERSISTENT_VOLUME), "system:node:full get secrets/pull -n shop", "yes"),
        (without(kinds::PERSISTENT_VOLUME), "system:node:full get configmaps/x -n shop", "no"),
        // A cluster has more pods than files show.
        (files(PODS), "system:node:full get secrets/pull -n shop", "yes"),
        (files(PODS), "system:node:full get secrets/x -n shop", "unknown"),
    ] {
        assert_eq!(answer(&world, 37, question), want, "{question}");
    }
}

#[test]
fn an_explanation_names_the_pod() {
    let world = cluster(PODS);
    let view = view(&world, 37);
    let of = Authorizer::of(&view);
    let kubelet = words::subject("system:node:full").unwrap();
    let asked = words::question("get", "secrets/pull", "shop", &view).unwrap();
    let groups = ["system:nodes".to_owned()];
    let told = explain(&of, "here", &kubelet, &groups, &asked.asks, &asked.text);
    let through = told.through.unwrap();
    assert!(through.contains("pod `shop/web` on node `full`"), "{through}");
}
