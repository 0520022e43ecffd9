//! Detection of the Kubernetes distribution of a cluster.
//!
//! The distribution determines whose flags can be read and which benchmark applies. It is derived
//! from what the API exposes, without further requests.

use std::str::FromStr;

use pavisade_model::kinds;
use pavisade_yaml::{Source, Value, read, to_json};

use crate::{ClusterFacts, Coverage, Object, World};

/// A distribution of Kubernetes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DistributionName {
    /// Amazon EKS.
    Eks,
    /// Google GKE.
    Gke,
    /// Azure AKS.
    Aks,
    /// Red Hat's OpenShift, or OKD.
    OpenShift,
    /// k3s.
    K3s,
    /// RKE2.
    Rke2,
    /// Talos.
    Talos,
    /// kubeadm.
    Kubeadm,
    /// kind.
    Kind,
    /// minikube.
    Minikube,
    /// Not detected.
    Unknown,
}

impl DistributionName {
    /// All detectable distributions.
    pub const ALL: [Self; 10] = [
        Self::Eks,
        Self::Gke,
        Self::Aks,
        Self::OpenShift,
        Self::K3s,
        Self::Rke2,
        Self::Talos,
        Self::Kubeadm,
        Self::Kind,
        Self::Minikube,
    ];

    /// Returns the name used on command lines.
    pub fn word(self) -> &'static str {
        match self {
            Self::Eks => "eks",
            Self::Gke => "gke",
            Self::Aks => "aks",
            Self::OpenShift => "openshift",
            Self::K3s => "k3s",
            Self::Rke2 => "rke2",
            Self::Talos => "talos",
            Self::Kubeadm => "kubeadm",
            Self::Kind => "kind",
            Self::Minikube => "minikube",
            Self::Unknown => "unknown",
        }
    }

    /// Returns the product name.
    pub fn title(self) -> &'static str {
        match self {
            Self::Eks => "EKS",
            Self::Gke => "GKE",
            Self::Aks => "AKS",
            Self::OpenShift => "OpenShift",
            Self::Rke2 => "RKE2",
            Self::Talos => "Talos",
            other => other.word(),
        }
    }
}

impl FromStr for DistributionName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|name| name.word().eq_ignore_ascii_case(text));
        known.ok_or_else(|| {
            let words: Vec<_> = Self::ALL.iter().map(|name| name.word()).collect();
            format!("`{text}` is not a known distribution: use one of {}", words.join(", "))
        })
    }
}

/// The distribution of a cluster, and the evidence for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distribution {
    /// The name.
    pub name: DistributionName,
    /// The evidence, as a sentence without a period.
    pub evidence: String,
}

/// A benchmark of the Center for Internet Security.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Benchmark {
    /// Its title.
    pub title: &'static str,
    /// The framework in Pavisade that maps it. `None` if there is none.
    pub framework: Option<&'static str>,
}

impl Distribution {
    /// Whether the provider runs the control plane, so that its flags cannot be set by the user.
    pub fn managed(&self) -> bool {
        use DistributionName::{Aks, Eks, Gke};
        matches!(self.name, Eks | Gke | Aks)
    }

    /// Whether one process contains the whole control plane, so that it has no static pods. RKE2
    /// has static pods although it is built from the same program.
    pub fn embedded(&self) -> bool {
        self.name == DistributionName::K3s
    }

    /// Returns the benchmark for the distribution. Talos has none.
    pub fn benchmark(&self) -> Option<Benchmark> {
        use DistributionName as N;
        let own = |title| Some(Benchmark { title, framework: None });
        match self.name {
            N::Eks => own("CIS Amazon Elastic Kubernetes Service (EKS) Benchmark"),
            N::Gke => own("CIS Google Kubernetes Engine (GKE) Benchmark"),
            N::Aks => own("CIS Azure Kubernetes Service (AKS) Benchmark"),
            N::OpenShift => own("CIS Red Hat OpenShift Container Platform Benchmark"),
            N::K3s => own("CIS K3s Benchmark"),
            N::Rke2 => own("CIS RKE2 Benchmark"),
            N::Talos => None,
            N::Kubeadm | N::Kind | N::Minikube | N::Unknown => {
                Some(Benchmark { title: "CIS Kubernetes Benchmark", framework: Some("cis-1.12") })
            }
        }
    }

    /// Detects the distribution from the objects of a world. Unknown for files, which can be
    /// applied to any cluster.
    pub(crate) fn of(world: &World) -> Self {
        let unknown = |evidence: &str| Self {
            name: DistributionName::Unknown,
            evidence: evidence.to_owned(),
        };
        if !world.is_live() {
            return unknown("files do not show where they are applied");
        }
        let facts = ClusterFacts::of(world);
        let found = facts.and_then(given).or_else(|| facts.and_then(by_version));
        found.or_else(|| facts.and_then(by_groups)).or_else(|| by_nodes(world)).unwrap_or_else(
            || match world.unread_nodes() {
                Some(cause) => unknown(&format!(
                    "the server version does not show it, and nodes were not read: {cause}"
                )),
                None => unknown("neither the server version nor its nodes show it"),
            },
        )
    }
}

/// Returns the facts of a cluster with the distribution set by the user.
pub(crate) fn claimed(facts: ClusterFacts<'_>, name: DistributionName) -> Option<Object> {
    let object = facts.object();
    let text = to_json(object.value());
    // Of equal keys, the last one counts.
    let text = format!("{},\"distribution\":\"{}\"}}", text.strip_suffix('}')?, name.word());
    let source = object.doc().source();
    let documents = read(&Source::of(source.name(), source.origin().clone(), text));
    let root = documents.docs.first()?.root();
    Some(Object::new(root, "pavisade.dev/v1", kinds::CLUSTER.kind))
}

/// The distribution set by the user.
fn given(facts: ClusterFacts<'_>) -> Option<Distribution> {
    let name = facts.said_distribution()?.parse().ok()?;
    Some(Distribution { name, evidence: "set with `--distribution`".to_owned() })
}

/// The distribution according to the suffix of the version.
fn by_version(facts: ClusterFacts<'_>) -> Option<Distribution> {
    let version = facts.version()?;
    let name = of_version(version)?;
    let evidence = format!("the server version is `{version}`");
    Some(Distribution { name, evidence })
}

fn of_version(version: &str) -> Option<DistributionName> {
    if let Some((_, build)) = version.split_once("-eks-") {
        // `-eks-1-30-8` is EKS Distro, which runs anywhere.
        return (!build.contains('-')).then_some(DistributionName::Eks);
    }
    let marks = [
        ("-gke.", DistributionName::Gke),
        ("+k3s", DistributionName::K3s),
        ("+rke2r", DistributionName::Rke2),
    ];
    marks.into_iter().find(|(mark, _)| version.contains(mark)).map(|(_, name)| name)
}

/// Detects OpenShift by its own API groups: it serves both its configuration and its SCCs.
fn by_groups(facts: ClusterFacts<'_>) -> Option<Distribution> {
    let evidence = "it serves `config.openshift.io` and `security.openshift.io`";
    (facts.serves_group("config.openshift.io") && facts.serves_group("security.openshift.io"))
        .then(|| Distribution { name: DistributionName::OpenShift, evidence: evidence.to_owned() })
}

/// Detects the distribution by labels and other fields of all nodes. The order matters: kind and
/// minikube use kubeadm.
///
/// A kubelet can label its own node. So the data of a single node is only reported, not trusted. A
/// managed control plane is assumed only if nothing contradicts it.
fn by_nodes(world: &World) -> Option<Distribution> {
    use DistributionName as N;
    type Tells = fn(&Object) -> Option<String>;
    let tests: [(N, Tells); 10] = [
        (N::Eks, |n| label(n, &["eks.amazonaws.com/nodegroup", "eks.amazonaws.com/compute-type"])),
        (N::Gke, |n| label(n, &["cloud.google.com/gke-nodepool"])),
        (N::Aks, |n| label(n, &["kubernetes.azure.com/cluster"])),
        (N::OpenShift, |n| label(n, &["node.openshift.io/os_id"])),
        (N::Talos, |n| {
            text(n, &["status", "nodeInfo", "osImage"], |image| image.starts_with("Talos"))
        }),
        (N::Rke2, |n| kubelet(n, N::Rke2)),
        (N::K3s, |n| kubelet(n, N::K3s)),
        (N::Kind, |n| text(n, &["spec", "providerID"], |id| id.starts_with("kind://"))),
        (N::Minikube, |n| label(n, &["minikube.k8s.io/name"])),
        (N::Kubeadm, kubeadm),
    ];
    let nodes: Vec<_> = world.of_kind(kinds::NODE).collect();
    let mut doubts = String::new();
    for (name, tells) in tests {
        let mut telling = nodes.iter().filter_map(|node| Some((node, tells(node)?)));
        let Some((node, told)) = telling.next() else { continue };
        let silent = nodes.len() - 1 - telling.count();
        let evidence = format!("node `{}` {told}", node.name());
        let mut found = Distribution { name, evidence };
        let against = match silent {
            0 if found.managed() => against(world, name),
            0 => None,
            n => Some(format!("{n} of {} nodes show no sign of it", nodes.len())),
        };
        match against {
            Some(against) => {
                let title = name.title();
                doubts += &format!("; {} as in {title}, but {against}", found.evidence);
            }
            None => {
                found.evidence += &doubts;
                return Some(found);
            }
        }
    }
    let evidence = doubts.strip_prefix("; ")?.to_owned();
    Some(Distribution { name: N::Unknown, evidence })
}

/// Returns evidence against a managed control plane, which outweighs the nodes.
fn against(world: &World, name: DistributionName) -> Option<String> {
    use DistributionName::{Eks, Gke};
    if let Some(cause) = world.unread_nodes() {
        return Some(format!("not all nodes were read: {cause}"));
    }
    let version = ClusterFacts::of(world).and_then(ClusterFacts::version);
    // EKS and GKE mark their versions.
    if let Some(version) = version.filter(|_| matches!(name, Eks | Gke)) {
        return Some(format!("the server version is `{version}`"));
    }
    let made = world.of_kind(kinds::NODE).find_map(|node| Some((node, kubeadm(node)?)));
    if let Some((node, told)) = made {
        return Some(format!("node `{}` {told}", node.name()));
    }
    if world.coverage(kinds::POD) == Coverage::Unread {
        let cause = world.cause(kinds::POD);
        return Some(format!("pods, which might show the control plane, were not read: {cause}"));
    }
    let mut pods = world.in_namespace(kinds::POD, "kube-system");
    let static_pod = pods.find(|pod| pod.is_mirror_pod() && is_control_plane(pod.name()))?;
    Some(format!("`kube-system` has the static pod `{}`", static_pod.name()))
}

/// Whether a static pod has the name of a control plane component, followed by the name of its
/// node.
fn is_control_plane(name: &str) -> bool {
    ["kube-apiserver-", "kube-controller-manager-", "kube-scheduler-", "etcd-"]
        .iter()
        .any(|start| name.starts_with(start))
}

fn kubeadm(node: &Object) -> Option<String> {
    let key = "kubeadm.alpha.kubernetes.io/cri-socket";
    node.annotation(key).map(|_| format!("has the annotation `{key}`"))
}

fn label(node: &Object, keys: &[&str]) -> Option<String> {
    let key = keys.iter().find(|key| node.label(key).is_some())?;
    Some(format!("has the label `{key}`"))
}

fn text(node: &Object, path: &[&str], is: impl Fn(&str) -> bool) -> Option<String> {
    let value = node.at(path).and_then(Value::as_str).filter(|value| is(value))?;
    Some(format!("has the {} `{value}`", path.last()?))
}

fn kubelet(node: &Object, name: DistributionName) -> Option<String> {
    let path = ["status", "nodeInfo", "kubeletVersion"];
    text(node, &path, |version| of_version(version) == Some(name))
}

#[cfg(test)]
mod tests {
    use pavisade_yaml::{Source, objects, read};

    use super::*;
    use crate::{Snapshot, WorldParts};

    fn distribution(text: &str) -> Distribution {
        read_with(text, [Coverage::Complete; 2])
    }

    /// Detects the distribution with the given coverage of nodes and of pods.
    fn read_with(text: &str, coverage: [Coverage; 2]) -> Distribution {
        let documents = read(&Source::new("cluster", text));
        let mut parts = WorldParts::cluster("test");
        for doc in &documents.docs {
            for object in objects(doc.root()).sent {
                parts.objects.push(Object::new(object.value, object.api_version, object.kind));
            }
        }
        for (kind, coverage) in ["Node", "Pod"].into_iter().zip(coverage) {
            parts.coverage.insert((String::new(), kind.to_owned()), coverage);
        }
        let snapshot = Snapshot::new(vec![parts], Vec::new());
        (*snapshot.worlds()[0].distribution()).clone()
    }

    fn facts(rest: &str) -> String {
        format!("---\napiVersion: pavisade.dev/v1\nkind: Cluster\nmetadata: {{name: c}}\n{rest}\n")
    }

    fn node(metadata: &str, rest: &str) -> String {
        format!("---\napiVersion: v1\nkind: Node\nmetadata: {{name: one, {metadata}}}\n{rest}\n")
    }

    #[test]
    fn the_version_the_groups_and_the_nodes_tell() {
        use DistributionName as N;
        let version = |v: &str| facts(&format!("version: {{gitVersion: {v}}}"));
        let label = |l: &str| node(&format!("labels: {{{l}: x}}"), "");
        let socket = "annotations: {kubeadm.alpha.kubernetes.io/cri-socket: 'unix:///run/c.sock'}";
        let groups = |g: &str| facts(&format!("served: [{g}]"));
        let cases = [
            (version("v1.30.4-eks-a737599"), N::Eks),
            (version("v1.30.4-eks-1-30-8"), N::Unknown),
            (version("v1.30.4-gke.1282000"), N::Gke),
            (version("v1.30.4+k3s1"), N::K3s),
            (version("v1.30.4+rke2r1"), N::Rke2),
            (version("v1.30.4"), N::Unknown),
            (groups("{group: config.openshift.io}, {group: security.openshift.io}"), N::OpenShift),
            (groups("{group: config.openshift.io}"), N::Unknown),
            (label("eks.amazonaws.com/nodegroup"), N::Eks),
            (label("cloud.google.com/gke-nodepool"), N::Gke),
            (label("kubernetes.azure.com/cluster"), N::Aks),
            (label("node.openshift.io/os_id"), N::OpenShift),
            (node("", "status: {nodeInfo: {osImage: Talos (v1.8.0)}}"), N::Talos),
            (node("", "status: {nodeInfo: {kubeletVersion: v1.30.4+k3s1}}"), N::K3s),
            (node(socket, ""), N::Kubeadm),
            (node(socket, "spec: {providerID: kind://docker/a/b}"), N::Kind),
            (node(&format!("{socket}, labels: {{minikube.k8s.io/name: m}}"), ""), N::Minikube),
            (version("v1.30.4") + &label("kubernetes.azure.com/cluster"), N::Aks),
            (facts("distribution: talos\nversion: {gitVersion: v1.30.4+k3s1}"), N::Talos),
            (facts("distribution: nonsense\nversion: {gitVersion: v1.30.4+k3s1}"), N::K3s),
        ];
        for (text, expected) in cases {
            assert_eq!(distribution(&text).name, expected, "{text}");
        }
    }

    #[test]
    fn the_evidence_names_what_was_seen() {
        let text = node("labels: {kubernetes.azure.com/cluster: x}", "");
        let found = distribution(&text);
        assert_eq!(found.evidence, "node `one` has the label `kubernetes.azure.com/cluster`");
        assert!(found.managed() && !found.embedded());
        let text = facts("version: {gitVersion: v1.30.4+k3s1}");
        assert_eq!(distribution(&text).evidence, "the server version is `v1.30.4+k3s1`");
        assert!(distribution(&text).embedded());
    }

    #[test]
    fn no_node_alone_hides_the_control_plane() {
        let named = |name: &str, metadata: &str| node(metadata, "").replace("one", name);
        let socket = "annotations: {kubeadm.alpha.kubernetes.io/cri-socket: x}";
        let aks = named("a", "labels: {kubernetes.azure.com/cluster: x}");
        let gke = named("g", "labels: {cloud.google.com/gke-nodepool: x}");
        let pod = |metadata: &str| {
            format!(
                "---\napiVersion: v1\nkind: Pod\nmetadata: {{namespace: kube-system, {metadata}}}\n"
            )
        };
        let mirror = "annotations: {kubernetes.io/config.mirror: x}, ownerReferences: [{apiVersion: \
                      v1, kind: Node, name: a, uid: u, controller: true}]";
        let server = pod(&format!("name: kube-apiserver-a, {mirror}"));
        let all = [Coverage::Complete; 2];
        let cases = [
            (
                gke.clone() + &named("h", ""),
                all,
                "node `g` has the label `cloud.google.com/gke-nodepool` as in GKE, but 1 of 2 nodes show no sign of it",
            ),
            (
                facts("version: {gitVersion: v1.37.2}") + &gke,
                all,
                "node `g` has the label `cloud.google.com/gke-nodepool` as in GKE, but the server version is `v1.37.2`",
            ),
            (
                aks.clone() + &server,
                all,
                "node `a` has the label `kubernetes.azure.com/cluster` as in AKS, but \
                 `kube-system` has the static pod `kube-apiserver-a`",
            ),
            (
                aks.clone(),
                [Coverage::Complete, Coverage::Unread],
                "node `a` has the label `kubernetes.azure.com/cluster` as in AKS, but pods, which might show the control plane, were not read: it was not requested",
            ),
            (
                aks.clone(),
                [Coverage::Unread, Coverage::Complete],
                "node `a` has the label `kubernetes.azure.com/cluster` as in AKS, but not all \
                 nodes were read: it was not requested",
            ),
        ];
        for (text, coverage, evidence) in cases {
            let found = read_with(&text, coverage);
            assert_eq!(found.name, DistributionName::Unknown, "{text}");
            assert_eq!(found.evidence, evidence);
        }
        let both = format!("labels: {{kubernetes.azure.com/cluster: x}}, {socket}");
        let found = distribution(&(named("a", &both) + &named("b", &both)));
        assert_eq!(found.name, DistributionName::Kubeadm);
        assert_eq!(
            found.evidence,
            "node `a` has the annotation `kubeadm.alpha.kubernetes.io/cri-socket`; node `a` has \
             the label `kubernetes.azure.com/cluster` as in AKS, but node `a` has the annotation \
             `kubeadm.alpha.kubernetes.io/cri-socket`"
        );
        // A pod that is not from a kubelet proves nothing, and node agents are not part of the
        // control plane.
        for pod in [pod("name: kube-apiserver-a"), pod(&format!("name: kube-proxy-a, {mirror}"))] {
            assert_eq!(distribution(&(aks.clone() + &pod)).name, DistributionName::Aks);
        }
    }

    #[test]
    fn nodes_that_were_not_read_are_named() {
        let snapshot = Snapshot::new(vec![WorldParts::cluster("c")], Vec::new());
        assert_eq!(
            snapshot.worlds()[0].distribution().evidence,
            "the server version does not show it, and nodes were not read: it was not requested"
        );
    }

    #[test]
    fn one_benchmark_is_mapped() {
        let of = |name| Distribution { name, evidence: String::new() }.benchmark();
        assert_eq!(of(DistributionName::Talos), None);
        assert_eq!(of(DistributionName::Kubeadm).unwrap().framework, Some("cis-1.12"));
        assert_eq!(of(DistributionName::Eks).unwrap().framework, None);
        for name in DistributionName::ALL {
            assert_eq!(name.word().parse(), Ok(name));
        }
    }
}
