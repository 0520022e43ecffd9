//! Arguments of commands that read a cluster.

use std::path::PathBuf;

use clap::Args;
use pavisade_snapshot::DistributionName;

/// A live cluster or a saved one.
#[derive(Debug, Clone, Args)]
pub(crate) struct LiveArgs {
    /// Scan a live cluster.
    #[arg(long, help_heading = "Cluster")]
    pub cluster: bool,

    /// Scan a cluster that `pavisade snapshot save` saved to a file.
    #[arg(long, value_name = "FILE", conflicts_with = "cluster", help_heading = "Cluster")]
    pub snapshot: Option<PathBuf>,

    #[command(flatten)]
    pub access: Access,

    /// The Kubernetes distribution, if it cannot be detected: eks, gke, aks, openshift, k3s, rke2,
    /// talos, kubeadm, kind, minikube.
    #[arg(long, value_name = "NAME", help_heading = "Cluster")]
    pub distribution: Option<DistributionName>,

    /// Also list Secrets: their names, types and keys are checked, their values are discarded when
    /// they are received. Permission to list Secrets allows reading every credential in the
    /// cluster.
    #[arg(long, help_heading = "Cluster")]
    pub secrets: bool,

    /// Print the minimal ClusterRole for the selected checks, and exit.
    #[arg(long, help_heading = "Cluster")]
    pub print_rbac: bool,
}

impl LiveArgs {
    /// An option for a cluster that is set although no cluster is read.
    pub(crate) fn idle(&self) -> Option<&'static str> {
        let Access { kubeconfig, contexts, acting, no_probe, .. } = &self.access;
        let of_cluster = [
            ("--kubeconfig", kubeconfig.is_some()),
            ("--context", !contexts.is_empty()),
            ("--as", acting.impersonate.is_some()),
            ("--no-probe", *no_probe),
            ("--secrets", self.secrets && !self.print_rbac),
        ];
        let of_picture = ("--distribution", self.distribution.is_some());
        let idle = of_cluster.into_iter().filter(|_| !self.cluster);
        let none = !self.cluster && self.snapshot.is_none();
        let mut all = idle.chain([of_picture].into_iter().filter(|_| none));
        all.find(|(_, set)| *set).map(|(option, _)| option)
    }
}

/// How to access a cluster.
#[derive(Debug, Clone, Args)]
pub(crate) struct Access {
    /// Path to the kubeconfig [default: as for kubectl, or the ServiceAccount of the pod].
    #[arg(long, value_name = "FILE", help_heading = "Cluster")]
    pub kubeconfig: Option<PathBuf>,

    /// Context of the kubeconfig to use instead of the current one; can be repeated to scan several
    /// clusters.
    #[arg(long = "context", value_name = "NAME", help_heading = "Cluster")]
    pub contexts: Vec<String>,

    #[command(flatten)]
    pub acting: Impersonation,

    /// Do not send anonymous requests, and do not connect to kubelets: checks that need this report
    /// unknown.
    #[arg(long, help_heading = "Cluster")]
    pub no_probe: bool,

    /// Timeout of a single request to the API server.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600), help_heading = "Cluster")]
    pub request_timeout: u64,

    /// Timeout of all requests to the cluster together.
    #[arg(long, value_name = "SECONDS", default_value_t = 900, value_parser = clap::value_parser!(u64).range(1..=86_400), help_heading = "Cluster")]
    pub cluster_timeout: u64,
}

/// An API server to which requests are sent.
#[derive(Debug, Clone, Args)]
pub(crate) struct ApiServer {
    /// Path to the kubeconfig [default: as for kubectl, or the ServiceAccount of the pod].
    #[arg(long, value_name = "FILE", help_heading = "Cluster")]
    pub kubeconfig: Option<PathBuf>,

    /// Context of the kubeconfig to use instead of the current one.
    #[arg(long, value_name = "NAME", help_heading = "Cluster")]
    pub context: Option<String>,

    #[command(flatten)]
    pub acting: Impersonation,

    /// Timeout of a single request to the API server.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600), help_heading = "Cluster")]
    pub request_timeout: u64,
}

/// The user and groups to impersonate.
#[derive(Debug, Clone, Args)]
pub(crate) struct Impersonation {
    /// User to impersonate.
    #[arg(long = "as", value_name = "USER", help_heading = "Cluster")]
    pub impersonate: Option<String>,

    /// Group to impersonate (repeatable).
    #[arg(
        long = "as-group",
        value_name = "GROUP",
        requires = "impersonate",
        help_heading = "Cluster"
    )]
    pub impersonate_groups: Vec<String>,
}
