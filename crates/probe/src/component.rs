//! Components that can be probed, and the ports at which they are expected.

/// A component of a cluster, as an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Component {
    /// `kube-apiserver`.
    ApiServer,
    /// `kube-apiserver` without TLS and authentication (before 1.20), or another HTTP server.
    InsecureApi,
    /// `kubectl proxy`.
    KubectlProxy,
    /// The kubelet.
    Kubelet,
    /// The kubelet's read-only port.
    KubeletReadOnly,
    /// The kubelet's health port, which belongs on loopback.
    KubeletHealth,
    /// cAdvisor (before 1.12).
    CAdvisor,
    /// etcd, for clients.
    Etcd,
    /// etcd, for its peers.
    EtcdPeer,
    /// etcd's metrics.
    EtcdMetrics,
    /// `kube-controller-manager`.
    ControllerManager,
    /// `kube-scheduler`.
    Scheduler,
    /// `kube-scheduler` without TLS (before 1.23).
    InsecureScheduler,
    /// `kube-controller-manager` without TLS (before 1.23).
    InsecureControllerManager,
    /// kube-proxy's metrics, which belong on loopback.
    KubeProxy,
    /// kube-proxy's health, which load balancers read.
    KubeProxyHealth,
    /// The Docker API.
    Docker,
    /// The Docker API with TLS.
    DockerTls,
    /// A container registry.
    Registry,
    /// Prometheus.
    Prometheus,
    /// The metadata service of a cloud.
    Metadata,
    /// A node port.
    NodePort,
    /// Another server with TLS: of a webhook, an aggregated API or an Ingress controller.
    Tls,
    /// The cluster's DNS, over TCP.
    Dns,
    /// A destination that pods should not reach, on the internet or in another namespace.
    Egress,
}

use Component as C;

/// The ports that are tried on each address of the scope.
pub const PORTS: [(u16, Component); 22] = [
    (443, C::ApiServer),
    (2375, C::Docker),
    (2376, C::DockerTls),
    (2379, C::Etcd),
    (2380, C::EtcdPeer),
    (2381, C::EtcdMetrics),
    (4194, C::CAdvisor),
    (5000, C::Registry),
    (6443, C::ApiServer),
    (8001, C::KubectlProxy),
    (8080, C::InsecureApi),
    (9090, C::Prometheus),
    (10248, C::KubeletHealth),
    (10249, C::KubeProxy),
    (10250, C::Kubelet),
    (10251, C::InsecureScheduler),
    (10252, C::InsecureControllerManager),
    (10255, C::KubeletReadOnly),
    (10256, C::KubeProxyHealth),
    (10257, C::ControllerManager),
    (10259, C::Scheduler),
    (30000, C::NodePort),
];

impl Component {
    /// All components.
    pub const ALL: [Self; 25] = [
        C::ApiServer,
        C::InsecureApi,
        C::KubectlProxy,
        C::Kubelet,
        C::KubeletReadOnly,
        C::KubeletHealth,
        C::CAdvisor,
        C::Etcd,
        C::EtcdPeer,
        C::EtcdMetrics,
        C::ControllerManager,
        C::Scheduler,
        C::InsecureScheduler,
        C::InsecureControllerManager,
        C::KubeProxy,
        C::KubeProxyHealth,
        C::Docker,
        C::DockerTls,
        C::Registry,
        C::Prometheus,
        C::Metadata,
        C::NodePort,
        C::Tls,
        C::Dns,
        C::Egress,
    ];

    /// Everything that serves TLS.
    pub(crate) const TLS: &'static [Self] = &[
        C::ApiServer,
        C::Kubelet,
        C::Etcd,
        C::EtcdPeer,
        C::ControllerManager,
        C::Scheduler,
        C::DockerTls,
        C::Tls,
    ];
    /// The same without servers that clients reach by a name, or trust by their own certificate.
    pub(crate) const ADDRESSED: &'static [Self] = &[
        C::ApiServer,
        C::Kubelet,
        C::Etcd,
        C::EtcdPeer,
        C::ControllerManager,
        C::Scheduler,
        C::DockerTls,
    ];

    /// Returns the name used in scopes and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::ApiServer => "kube-apiserver",
            Self::InsecureApi => "insecure-api",
            Self::KubectlProxy => "kubectl-proxy",
            Self::Kubelet => "kubelet",
            Self::KubeletReadOnly => "kubelet-read-only",
            Self::KubeletHealth => "kubelet-health",
            Self::CAdvisor => "cadvisor",
            Self::Etcd => "etcd",
            Self::EtcdPeer => "etcd-peer",
            Self::EtcdMetrics => "etcd-metrics",
            Self::ControllerManager => "kube-controller-manager",
            Self::Scheduler => "kube-scheduler",
            Self::InsecureScheduler => "insecure-scheduler",
            Self::InsecureControllerManager => "insecure-controller-manager",
            Self::KubeProxy => "kube-proxy",
            Self::KubeProxyHealth => "kube-proxy-health",
            Self::Docker => "docker",
            Self::DockerTls => "docker-tls",
            Self::Registry => "registry",
            Self::Prometheus => "prometheus",
            Self::Metadata => "metadata",
            Self::NodePort => "node-port",
            Self::Tls => "tls",
            Self::Dns => "dns",
            Self::Egress => "egress",
        }
    }

    /// Returns the component with that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|component| component.name() == name)
    }

    /// Returns what is expected at a port.
    pub fn at_port(port: u16) -> Option<Self> {
        let listed =
            PORTS.iter().find(|(known, _)| *known == port).map(|(_, component)| *component);
        listed.or_else(|| (30000..=32767).contains(&port).then_some(Self::NodePort))
    }

    /// Whether it can only be probed from a pod.
    pub fn is_of_pods(self) -> bool {
        matches!(self, Self::Dns | Self::Egress)
    }

    /// Whether requests to it use TLS.
    pub fn uses_tls(self) -> bool {
        Self::TLS.contains(&self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_unique_and_found() {
        for component in Component::ALL {
            assert_eq!(Component::named(component.name()), Some(component));
        }
        assert_eq!(Component::at_port(10250), Some(Component::Kubelet));
        assert_eq!(Component::at_port(31234), Some(Component::NodePort));
        assert_eq!(Component::at_port(22), None);
    }
}
