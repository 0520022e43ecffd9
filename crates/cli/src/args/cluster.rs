//! Arguments of commands that take a cluster.

use std::path::PathBuf;

use clap::Args;
use pavisade_snapshot::DistributionName;

/// A live cluster, and the way to it.
#[derive(Debug, Clone, Args)]
pub(crate) struct LiveArgs {
    /// Judge what really runs in a cluster.
    #[arg(long, help_heading = "Cluster")]
    pub cluster: bool,

    /// Judge a cluster that `pavisade snapshot save` kept.
    #[arg(long, value_name = "FILE", conflicts_with = "cluster", help_heading = "Cluster")]
    pub snapshot: Option<PathBuf>,

    #[command(flatten)]
    pub access: Access,

    /// What the cluster is, where that is not found out: eks, gke, aks, openshift, k3s, rke2, talos,
    /// kubeadm, kind, minikube.
    #[arg(long, value_name = "NAME", help_heading = "Cluster")]
    pub distribution: Option<DistributionName>,

    /// List Secrets too: their names, types and keys are judged, their values are dropped on
    /// arrival. The right to list them is the right to read every credential in the cluster.
    #[arg(long, help_heading = "Cluster")]
    pub secrets: bool,

    /// Print the least ClusterRole for the chosen checks, and do nothing else.
    #[arg(long, help_heading = "Cluster")]
    pub print_rbac: bool,
}

impl LiveArgs {
    /// An option that says something about a cluster where none is read.
    pub(crate) fn idle(&self) -> Option<&'static str> {
        let Access { kubeconfig, contexts, impersonate, no_probe, .. } = &self.access;
        let of_cluster = [
            ("--kubeconfig", kubeconfig.is_some()),
            ("--context", !contexts.is_empty()),
            ("--as", impersonate.is_some()),
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

/// How a cluster is reached and read.
#[derive(Debug, Clone, Args)]
pub(crate) struct Access {
    /// The kubeconfig [default: as kubectl finds it, or the pod's ServiceAccount].
    #[arg(long, value_name = "FILE", help_heading = "Cluster")]
    pub kubeconfig: Option<PathBuf>,

    /// A context of the kubeconfig instead of the current one; may be given again to scan several
    /// clusters.
    #[arg(long = "context", value_name = "NAME", help_heading = "Cluster")]
    pub contexts: Vec<String>,

    /// Act as this user.
    #[arg(long = "as", value_name = "USER", help_heading = "Cluster")]
    pub impersonate: Option<String>,

    /// Act as a member of this group; may be given again.
    #[arg(
        long = "as-group",
        value_name = "GROUP",
        requires = "impersonate",
        help_heading = "Cluster"
    )]
    pub impersonate_groups: Vec<String>,

    /// Send no requests without credentials and make no handshakes with kubelets: what they would
    /// show is unknown then.
    #[arg(long, help_heading = "Cluster")]
    pub no_probe: bool,

    /// How long one answer of the API server may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600), help_heading = "Cluster")]
    pub request_timeout: u64,

    /// How long all requests to the cluster together may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 900, value_parser = clap::value_parser!(u64).range(1..=86_400), help_heading = "Cluster")]
    pub cluster_timeout: u64,
}
