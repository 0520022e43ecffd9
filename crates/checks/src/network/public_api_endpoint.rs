//! PV-N053.

use pavisade_macros::check;
use pavisade_model::{GroupKind, kinds};
use pavisade_snapshot::Object;
use pavisade_yaml::{Kind, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use super::address::{block, cover_everything};
use crate::{Check, Cx, OnObject, Place, Verdict};

/// Public API server endpoint
///
/// ## Why
/// Every authentication flaw, leaked kubeconfig or token, and vulnerability of the API server can
/// be exploited from the internet. These objects describe clusters: clusters on AWS, Google Cloud
/// and Azure have a public endpoint by default.
///
/// ## Fix
/// List the allowed addresses (`publicAccessCIDRs`, `masterAuthorizedNetworksConfig`,
/// `authorizedIPRanges`, `kubernetesApiAccess`), or make the endpoint private.
#[check(
    id = "PV-N053",
    severity = Medium,
    scope = Object,
    on = [
        ACK_EKS_CLUSTER,
        ASO_MANAGED_CLUSTER,
        AWS_MANAGED_CONTROL_PLANE,
        CAPA_CONTROL_PLANE_TEMPLATE,
        CAPZ_CONTROL_PLANE,
        CNRM_CONTAINER_CLUSTER,
        CROSSPLANE_AKS_CLUSTER,
        CROSSPLANE_EKS_CLUSTER,
        CROSSPLANE_GKE_CLUSTER,
        EKSCTL_CLUSTER_CONFIG,
        KOPS_CLUSTER,
    ]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PublicApiEndpoint {}

/// The fields of a kind that determine who can reach the API server. A list in a path stands for
/// its first element, as Terraform's providers write maps.
struct Shape {
    kind: GroupKind,
    /// The field that makes the endpoint private, and its value.
    private: &'static [(&'static [&'static str], &'static str)],
    /// The list of allowed address blocks. All are allowed if it is absent.
    blocks: &'static [&'static str],
    /// The field of an element with the block. `None` if the element is the block.
    block: Option<&'static str>,
}

const SHAPES: [Shape; 11] = [
    Shape {
        kind: kinds::EKSCTL_CLUSTER_CONFIG,
        private: &[
            (&["vpc", "clusterEndpoints", "publicAccess"], "false"),
            (&["privateCluster", "enabled"], "true"),
        ],
        blocks: &["vpc", "publicAccessCIDRs"],
        block: None,
    },
    Shape {
        kind: kinds::ACK_EKS_CLUSTER,
        private: &[(&["spec", "resourcesVPCConfig", "endpointPublicAccess"], "false")],
        blocks: &["spec", "resourcesVPCConfig", "publicAccessCIDRs"],
        block: None,
    },
    Shape {
        kind: kinds::AWS_MANAGED_CONTROL_PLANE,
        private: &[(&["spec", "endpointAccess", "public"], "false")],
        blocks: &["spec", "endpointAccess", "publicCIDRs"],
        block: None,
    },
    Shape {
        kind: kinds::CAPA_CONTROL_PLANE_TEMPLATE,
        private: &[(&["spec", "template", "spec", "endpointAccess", "public"], "false")],
        blocks: &["spec", "template", "spec", "endpointAccess", "publicCIDRs"],
        block: None,
    },
    Shape {
        kind: kinds::CROSSPLANE_EKS_CLUSTER,
        private: &[(&["spec", "forProvider", "vpcConfig", "endpointPublicAccess"], "false")],
        blocks: &["spec", "forProvider", "vpcConfig", "publicAccessCidrs"],
        block: None,
    },
    Shape {
        kind: kinds::CAPZ_CONTROL_PLANE,
        private: &[(&["spec", "apiServerAccessProfile", "enablePrivateCluster"], "true")],
        blocks: &["spec", "apiServerAccessProfile", "authorizedIPRanges"],
        block: None,
    },
    Shape {
        kind: kinds::ASO_MANAGED_CLUSTER,
        private: &[(&["spec", "apiServerAccessProfile", "enablePrivateCluster"], "true")],
        blocks: &["spec", "apiServerAccessProfile", "authorizedIPRanges"],
        block: None,
    },
    Shape {
        kind: kinds::CROSSPLANE_AKS_CLUSTER,
        private: &[(&["spec", "forProvider", "privateClusterEnabled"], "true")],
        blocks: &["spec", "forProvider", "apiServerAccessProfile", "authorizedIpRanges"],
        block: None,
    },
    Shape {
        kind: kinds::CNRM_CONTAINER_CLUSTER,
        private: &[(&["spec", "privateClusterConfig", "enablePrivateEndpoint"], "true")],
        blocks: &["spec", "masterAuthorizedNetworksConfig", "cidrBlocks"],
        block: Some("cidrBlock"),
    },
    Shape {
        kind: kinds::CROSSPLANE_GKE_CLUSTER,
        private: &[(
            &["spec", "forProvider", "privateClusterConfig", "enablePrivateEndpoint"],
            "true",
        )],
        blocks: &["spec", "forProvider", "masterAuthorizedNetworksConfig", "cidrBlocks"],
        block: Some("cidrBlock"),
    },
    Shape {
        kind: kinds::KOPS_CLUSTER,
        private: &[(&["spec", "api", "loadBalancer", "type"], "Internal")],
        blocks: &["spec", "kubernetesApiAccess"],
        block: None,
    },
];

impl Check for PublicApiEndpoint {
    type On = OnObject;

    fn check<'a>(&self, cluster: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let Some(shape) = SHAPES.iter().find(|shape| cluster.is(shape.kind)) else {
            return Verdict::NotApplicable;
        };
        for (path, value) in shape.private {
            let Some(found) = walk(cluster.value(), path) else { continue };
            let text = found.scalar_text().unwrap_or_default();
            if text.eq_ignore_ascii_case(value) {
                return Verdict::Holds;
            }
            if is_open_text(&text) {
                return Verdict::unknown(found, format!("`{text}` is set later"));
            }
        }
        judge(cluster, shape)
    }
}

fn judge<'a>(cluster: &'a Object, shape: &Shape) -> Verdict<'a> {
    let place = Place::field(cluster.value(), shape.blocks);
    let Some(list) = walk(cluster.value(), shape.blocks) else {
        // For Google, an empty list allows no one, and an absent field everyone.
        return match walk(cluster.value(), &shape.blocks[..shape.blocks.len() - 1]) {
            Some(parent) if shape.block.is_some() && parent.kind() == Kind::Mapping => {
                Verdict::Holds
            }
            _ => Verdict::fails(place, "access to the API server is not restricted by address"),
        };
    };
    let mut blocks = Vec::new();
    for item in list.items() {
        let value = match shape.block {
            Some(field) => item.get(field).unwrap_or(item),
            None => item,
        };
        let text = value.scalar_text().unwrap_or_default();
        match block(&text) {
            Some(block) => blocks.push((block, value)),
            // A prefix list of AWS.
            None if text.starts_with("pl-") => {}
            None => {
                return Verdict::unknown(value, format!("`{text}` is not a valid CIDR"));
            }
        }
    }
    if blocks.is_empty() && list.items().next().is_none() {
        return match shape.block {
            Some(_) => Verdict::Holds,
            None => Verdict::fails(list, "access to the API server is not restricted by address"),
        };
    }
    let all: Vec<_> = blocks.iter().map(|(block, _)| block.clone()).collect();
    if !cover_everything(&all) {
        return Verdict::Holds;
    }
    let widest = blocks.iter().find(|(block, _)| block.cover_a_family());
    match widest {
        Some((_, value)) => Verdict::fails(
            *value,
            format!("the API server is reachable from `{}`", value.as_str().unwrap_or("")),
        ),
        None => Verdict::fails(list, "the API server is reachable from every address"),
    }
}

/// Returns the value at a path, using the first element of lists.
fn walk<'a>(from: Value<'a>, path: &[&str]) -> Option<Value<'a>> {
    let mut at = from;
    for key in path {
        if at.kind() == Kind::Sequence {
            at = at.items().next()?;
        }
        at = at.get(key).filter(|value| !value.is_null())?;
    }
    Some(at)
}

fn is_open_text(text: &str) -> bool {
    text.contains("${") || text.contains("{{")
}
