//! What network plugins make of what the specification leaves open.
//!
//! The profiles follow the documentation of the plugins, and were not tried on data paths.

use pavisade_snapshot::Selects;

/// What a plugin does where the specification leaves it a choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// What users call it.
    pub name: &'static str,
    /// Whether it enforces NetworkPolicies at all.
    pub enforces: bool,
    /// Whether an `ipBlock` of a NetworkPolicy matches pods that have such an address.
    pub blocks_match_pods: Selects,
    /// Whether an `ipBlock` of a NetworkPolicy matches nodes, and so pods of the host network.
    pub blocks_match_nodes: Selects,
    /// Whether `networks` of the cluster-wide kinds match pods: the specification says so.
    pub networks_match_pods: Selects,
    /// Whether selectors of pods match pods of the host network.
    pub selects_host_network: Selects,
    /// Whether it enforces AdminNetworkPolicy, BaselineAdminNetworkPolicy and ClusterNetworkPolicy.
    pub cluster_policies: Selects,
}

use Selects::{Maybe, No, Yes};

/// What holds for every plugin; the rest depends on which it is.
pub const GENERIC: Profile = Profile {
    name: "generic",
    enforces: true,
    blocks_match_pods: Maybe,
    blocks_match_nodes: Maybe,
    networks_match_pods: Yes,
    selects_host_network: Maybe,
    cluster_policies: Yes,
};

/// All profiles.
pub const PROFILES: &[Profile] = &[
    GENERIC,
    // docs.tigera.io: policy is evaluated on the addresses of packets; host-networked pods have the
    // address of their node and are selected as host endpoints only.
    Profile {
        name: "calico",
        blocks_match_pods: Yes,
        blocks_match_nodes: Yes,
        selects_host_network: No,
        cluster_policies: Maybe,
        ..GENERIC
    },
    // docs.cilium.io: CIDR rules do not select what Cilium manages, nor nodes unless
    // policyCIDRMatchMode says so; host-networked pods have the identity of their node.
    Profile {
        name: "cilium",
        blocks_match_pods: No,
        blocks_match_nodes: No,
        selects_host_network: No,
        cluster_policies: Maybe,
        ..GENERIC
    },
    Profile {
        name: "ovn-kubernetes",
        blocks_match_pods: Yes,
        blocks_match_nodes: Yes,
        selects_host_network: No,
        ..GENERIC
    },
    Profile {
        name: "antrea",
        blocks_match_pods: Yes,
        blocks_match_nodes: Yes,
        selects_host_network: No,
        ..GENERIC
    },
    Profile {
        name: "kube-network-policies",
        blocks_match_pods: Yes,
        blocks_match_nodes: Yes,
        ..GENERIC
    },
    Profile {
        name: "kube-router",
        blocks_match_pods: Yes,
        blocks_match_nodes: Yes,
        cluster_policies: No,
        ..GENERIC
    },
    Profile { name: "aws-vpc-cni", blocks_match_pods: Maybe, cluster_policies: Maybe, ..GENERIC },
    // It has no policy engine.
    Profile { name: "flannel", enforces: false, ..GENERIC },
    Profile { name: "none", enforces: false, ..GENERIC },
];

impl Profile {
    /// The profile of that name.
    pub fn named(name: &str) -> Option<&'static Self> {
        PROFILES.iter().find(|profile| profile.name == name)
    }
}

/// What is taken for granted of what was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assumptions {
    /// The plugin.
    pub profile: Profile,
    /// The namespace of objects that name none.
    pub namespace: String,
    /// Whether labels that were not read are not there: those of namespaces without an object, and
    /// those that controllers add.
    pub labels_absent: bool,
    /// Whether pods in their node's network are like others, as some analysers take them.
    pub host_network_as_pods: bool,
    /// Whether pods that ran to their end count.
    pub finished_pods: bool,
    /// Whether a pod that no selector singles out is one that `NotIn` and `DoesNotExist` exclude,
    /// as some analysers take it.
    pub negations_single_out: bool,
    /// Whether a file could not be read that may hold policies.
    pub files_unread: bool,
}

impl Default for Assumptions {
    fn default() -> Self {
        Self {
            profile: GENERIC,
            namespace: "default".to_owned(),
            labels_absent: false,
            host_network_as_pods: false,
            finished_pods: false,
            negations_single_out: false,
            files_unread: false,
        }
    }
}
