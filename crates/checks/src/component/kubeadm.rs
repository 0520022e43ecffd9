//! kubeadm configurations: in files, and embedded in Cluster API objects.

use pavisade_snapshot::Object;
use pavisade_yaml::Value;

/// The extra flags of a component.
pub(super) struct Section<'a> {
    pub(super) program: &'static str,
    pub(super) base: Value<'a>,
    /// The path from `base` to the flags, which may be absent.
    pub(super) path: &'static [&'static str],
}

const KUBEADM: &str = "kubeadm.k8s.io";
const CONTROL_PLANE: &str = "controlplane.cluster.x-k8s.io";
const BOOTSTRAP: &str = "bootstrap.cluster.x-k8s.io";

type Paths = [(&'static str, &'static [&'static str]); 4];

const CLUSTER: Paths = [
    ("kube-apiserver", &["apiServer", "extraArgs"]),
    ("kube-controller-manager", &["controllerManager", "extraArgs"]),
    ("kube-scheduler", &["scheduler", "extraArgs"]),
    ("etcd", &["etcd", "local", "extraArgs"]),
];

const EMBEDDED_CLUSTER: Paths = [
    ("kube-apiserver", &["clusterConfiguration", "apiServer", "extraArgs"]),
    ("kube-controller-manager", &["clusterConfiguration", "controllerManager", "extraArgs"]),
    ("kube-scheduler", &["clusterConfiguration", "scheduler", "extraArgs"]),
    ("etcd", &["clusterConfiguration", "etcd", "local", "extraArgs"]),
];

const KUBELET: &[&[&str]] = &[&["nodeRegistration", "kubeletExtraArgs"]];

const EMBEDDED_KUBELET: &[&[&str]] = &[
    &["initConfiguration", "nodeRegistration", "kubeletExtraArgs"],
    &["joinConfiguration", "nodeRegistration", "kubeletExtraArgs"],
];

/// Whether the object configures components through kubeadm.
pub(super) fn is_kubeadm(object: &Object) -> bool {
    matches!(
        (object.group(), object.kind()),
        (KUBEADM, "ClusterConfiguration" | "InitConfiguration" | "JoinConfiguration")
            | (CONTROL_PLANE, "KubeadmControlPlane" | "KubeadmControlPlaneTemplate")
            | (BOOTSTRAP, "KubeadmConfig" | "KubeadmConfigTemplate")
    )
}

/// Returns the components that the object configures.
pub(super) fn sections(object: &Object) -> Vec<Section<'_>> {
    let (spec, template): (&[&str], &[&str]) = (&["spec"], &["spec", "template", "spec"]);
    let embedded = match (object.group(), object.kind()) {
        (KUBEADM, "ClusterConfiguration") => return cluster(object.value(), &CLUSTER),
        (KUBEADM, "InitConfiguration" | "JoinConfiguration") => {
            return kubelets(object.value(), KUBELET);
        }
        (CONTROL_PLANE, "KubeadmControlPlane") => object.at(&["spec", "kubeadmConfigSpec"]),
        (CONTROL_PLANE, "KubeadmControlPlaneTemplate") => {
            object.at(template).and_then(|spec| spec.get("kubeadmConfigSpec"))
        }
        (BOOTSTRAP, "KubeadmConfig") => object.at(spec),
        (BOOTSTRAP, "KubeadmConfigTemplate") => object.at(template),
        _ => None,
    };
    let Some(embedded) = embedded else { return Vec::new() };
    let mut sections = kubelets(embedded, EMBEDDED_KUBELET);
    // The configuration of a worker contains no cluster.
    let is_cluster = embedded.get("clusterConfiguration").is_some_and(|c| !c.is_null());
    if is_cluster || object.group() == CONTROL_PLANE {
        sections.extend(cluster(embedded, &EMBEDDED_CLUSTER));
    }
    sections
}

/// Returns the value and field for flags that kubeadm sets from `etcd.external`, if it is set.
pub(super) fn of_external_etcd<'a>(
    base: Value<'a>,
    flag: &str,
) -> Option<(Value<'a>, &'static str)> {
    const FIELDS: [(&str, &str); 4] = [
        ("etcd-servers", "endpoints"),
        ("etcd-cafile", "caFile"),
        ("etcd-certfile", "certFile"),
        ("etcd-keyfile", "keyFile"),
    ];
    let (_, field) = FIELDS.iter().find(|(name, _)| *name == flag)?;
    Some((external_etcd(base)?, field))
}

fn external_etcd(base: Value<'_>) -> Option<Value<'_>> {
    let cluster = base.get("clusterConfiguration").unwrap_or(base);
    cluster.at(&["etcd", "external"]).filter(|external| !external.is_null())
}

fn cluster<'a>(base: Value<'a>, paths: &'static Paths) -> Vec<Section<'a>> {
    let external = external_etcd(base).is_some();
    let own = paths.iter().filter(|(program, _)| *program != "etcd" || !external);
    own.map(|&(program, path)| Section { program, base, path }).collect()
}

/// Only if flags are set: kubeadm runs every kubelet with a configuration file.
fn kubelets<'a>(base: Value<'a>, paths: &'static [&'static [&'static str]]) -> Vec<Section<'a>> {
    let given = paths.iter().filter(|path| base.at(path).is_some());
    given.map(|&path| Section { program: "kubelet", base, path }).collect()
}

/// Default flags of kubeadm (kubeadm's `app/phases/controlplane/manifests.go` and
/// `app/phases/etcd/local.go`). A flag in `extraArgs` replaces the default.
const DEFAULTS: [(&str, &str, &str); 29] = [
    ("kube-apiserver", "allow-privileged", "true"),
    ("kube-apiserver", "authorization-mode", "Node,RBAC"),
    ("kube-apiserver", "client-ca-file", "/etc/kubernetes/pki/ca.crt"),
    ("kube-apiserver", "enable-admission-plugins", "NodeRestriction"),
    ("kube-apiserver", "enable-bootstrap-token-auth", "true"),
    ("kube-apiserver", "etcd-cafile", "/etc/kubernetes/pki/etcd/ca.crt"),
    ("kube-apiserver", "etcd-certfile", "/etc/kubernetes/pki/apiserver-etcd-client.crt"),
    ("kube-apiserver", "etcd-keyfile", "/etc/kubernetes/pki/apiserver-etcd-client.key"),
    (
        "kube-apiserver",
        "kubelet-client-certificate",
        "/etc/kubernetes/pki/apiserver-kubelet-client.crt",
    ),
    ("kube-apiserver", "kubelet-client-key", "/etc/kubernetes/pki/apiserver-kubelet-client.key"),
    ("kube-apiserver", "requestheader-allowed-names", "front-proxy-client"),
    ("kube-apiserver", "requestheader-client-ca-file", "/etc/kubernetes/pki/front-proxy-ca.crt"),
    ("kube-apiserver", "service-account-key-file", "/etc/kubernetes/pki/sa.pub"),
    ("kube-apiserver", "service-account-signing-key-file", "/etc/kubernetes/pki/sa.key"),
    ("kube-apiserver", "tls-cert-file", "/etc/kubernetes/pki/apiserver.crt"),
    ("kube-apiserver", "tls-private-key-file", "/etc/kubernetes/pki/apiserver.key"),
    ("kube-controller-manager", "bind-address", "127.0.0.1"),
    ("kube-controller-manager", "client-ca-file", "/etc/kubernetes/pki/ca.crt"),
    ("kube-controller-manager", "root-ca-file", "/etc/kubernetes/pki/ca.crt"),
    ("kube-controller-manager", "service-account-private-key-file", "/etc/kubernetes/pki/sa.key"),
    ("kube-controller-manager", "use-service-account-credentials", "true"),
    ("kube-scheduler", "bind-address", "127.0.0.1"),
    ("etcd", "cert-file", "/etc/kubernetes/pki/etcd/server.crt"),
    ("etcd", "client-cert-auth", "true"),
    ("etcd", "key-file", "/etc/kubernetes/pki/etcd/server.key"),
    ("etcd", "peer-cert-file", "/etc/kubernetes/pki/etcd/peer.crt"),
    ("etcd", "peer-client-cert-auth", "true"),
    ("etcd", "peer-trusted-ca-file", "/etc/kubernetes/pki/etcd/ca.crt"),
    ("etcd", "trusted-ca-file", "/etc/kubernetes/pki/etcd/ca.crt"),
];

/// Returns kubeadm's default for a flag of a component.
pub(super) fn default(program: &str, flag: &str) -> Option<&'static str> {
    let own = DEFAULTS.iter().find(|(p, name, _)| *p == program && *name == flag);
    own.map(|(_, _, value)| *value)
}
