//! What kubelets may do, on a real API server with its own Node authorizer.
#![expect(clippy::print_stdout, reason = "a test says what it skips")]

use testbed::Shape;

use crate::started::run;

const OBJECTS: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: kubelets}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: runner, namespace: kubelets}
---
apiVersion: v1
kind: Node
metadata: {name: kubelets-a}
---
apiVersion: v1
kind: Node
metadata: {name: kubelets-b}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: kubelets}
spec:
  nodeName: kubelets-a
  serviceAccountName: runner
  imagePullSecrets: [{name: pull}]
  containers: [{name: c, image: testbed.invalid/x:1, envFrom: [{configMapRef: {name: settings}}]}]
  volumes:
    - {name: data, persistentVolumeClaim: {claimName: disk}}
---
apiVersion: v1
kind: Pod
metadata: {name: other, namespace: kubelets}
spec:
  nodeName: kubelets-b
  containers: [{name: c, image: testbed.invalid/x:1, envFrom: [{secretRef: {name: of-other}}]}]
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: kubelets-pv}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  claimRef: {namespace: kubelets, name: disk}
  csi: {driver: d.example.com, volumeHandle: h, nodeStageSecretRef: {namespace: kubelets, name: stage}}
";

/// Verb, resource with its name, whether the kubelet of the first node may.
const QUESTIONS: [(&str, &str, bool); 12] = [
    ("get", "secrets/pull", true),
    ("get", "secrets/stage", true),
    ("get", "secrets/of-other", false),
    ("update", "secrets/pull", false),
    ("get", "configmaps/settings", true),
    ("get", "configmaps/kube-root-ca.crt", true),
    ("get", "configmaps/pull", false),
    ("get", "persistentvolumeclaims/disk", true),
    ("get", "persistentvolumes/kubelets-pv", true),
    ("get", "pods/web", true),
    ("get", "pods/other", false),
    ("create", "serviceaccounts/runner/token", true),
];

#[test]
fn answers_about_kubelets_are_those_of_the_node_authorizer() {
    let cluster = match testbed::shared(&Shape::default()) {
        Ok(cluster) => cluster,
        Err(skipped) => return println!("{skipped}"),
    };
    cluster.apply(OBJECTS).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let admin = cluster.kubeconfig().display().to_string();
    for (verb, on, wanted) in QUESTIONS {
        let namespaced = !on.starts_with("persistentvolumes/");
        let namespace: &[&str] = if namespaced { &["-n", "kubelets"] } else { &[] };
        let mut parts = on.split('/');
        let (kind, name) = (parts.next().unwrap(), parts.next().unwrap());
        let named = format!("{kind}/{name}");
        let sub = parts.next().map(|sub| format!("--subresource={sub}"));
        let as_kubelet = ["--as", "system:node:kubelets-a", "--as-group", "system:nodes"];
        // Without a namespace, kubectl would ask about `default`.
        let place = if namespaced { namespace } else { &["--all-namespaces"] };
        let ask = [&["auth", "can-i", verb, &named], place, &as_kubelet].concat();
        let ask: Vec<_> = ask.into_iter().chain(sub.as_deref()).collect();
        let truth = cluster.kubectl(&ask).unwrap().stdout.trim() == "yes";
        assert_eq!(truth, wanted, "{verb} {on}: the API server");
        let args = ["rbac", "explain", "system:node:kubelets-a", verb, on, "--cluster"];
        let live = ["--kubeconfig", &admin, "--no-probe", "--group", "system:nodes"];
        let told = run(folder.path(), &[&args[..], namespace, &live].concat());
        assert_eq!(told.code, i32::from(!wanted), "{verb} {on}: {} {}", told.out, told.err);
        assert_eq!(told.out.contains("pod `kubelets/web`"), wanted, "{verb} {on}: {}", told.out);
    }
}
