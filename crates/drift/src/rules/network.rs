//! Services, endpoints, ingresses, network policies.

use pavisade_yaml::Value;

use super::Rule::{Elements, Is, When};
use super::{Line, Place};
use crate::elements::Elements::Set;

const SERVICE: &str = "core/v1.ServiceSpec";
const POLICY: &str = "networking/v1.NetworkPolicySpec";
const INGRESS_RULE: &str = "networking/v1.NetworkPolicyIngressRule";
const EGRESS_RULE: &str = "networking/v1.NetworkPolicyEgressRule";

pub(super) const RULES: &[Line] = &[
    (SERVICE, "type", Is("\"ClusterIP\"")),
    (SERVICE, "sessionAffinity", Is("\"None\"")),
    (SERVICE, "sessionAffinityConfig", When(session_timeout)),
    (SERVICE, "clusterIP", When(|place| place.text() != "None")),
    (SERVICE, "clusterIPs", When(cluster_ips)),
    (SERVICE, "ipFamilies", When(|place| !wrote_family_policy(place) || families_follow(place))),
    (SERVICE, "ipFamilyPolicy", When(family_policy)),
    (SERVICE, "internalTrafficPolicy", Is("\"Cluster\"")),
    (SERVICE, "externalTrafficPolicy", Is("\"Cluster\"")),
    (SERVICE, "allocateLoadBalancerNodePorts", Is("true")),
    (
        SERVICE,
        "healthCheckNodePort",
        When(|place| place.text_beside("externalTrafficPolicy") == "Local"),
    ),
    (SERVICE, "externalIPs", Elements(Set)),
    (SERVICE, "loadBalancerSourceRanges", Elements(Set)),
    ("core/v1.ServicePort", "targetPort", When(|place| place.same_as("port"))),
    ("core/v1.ServicePort", "nodePort", When(node_port)),
    ("core/v1.EndpointPort", "protocol", Is("\"TCP\"")),
    ("discovery/v1.EndpointPort", "name", Is("\"\"")),
    ("discovery/v1.EndpointPort", "protocol", Is("\"TCP\"")),
    (POLICY, "policyTypes", Elements(Set)),
    (POLICY, "policyTypes", When(policy_types)),
    (POLICY, "ingress", Elements(Set)),
    (POLICY, "egress", Elements(Set)),
    (INGRESS_RULE, "ports", Elements(Set)),
    (INGRESS_RULE, "from", Elements(Set)),
    (EGRESS_RULE, "ports", Elements(Set)),
    (EGRESS_RULE, "to", Elements(Set)),
    ("networking/v1.IPBlock", "except", Elements(Set)),
    ("networking/v1.NetworkPolicyPort", "protocol", Is("\"TCP\"")),
    ("networking/v1.IngressClassParametersReference", "scope", Is("\"Cluster\"")),
];

/// Three hours, for a Service with client IP affinity.
fn session_timeout(place: &Place<'_>) -> bool {
    let timeout = place.stored.and_then(|config| config.at(&["clientIP", "timeoutSeconds"]));
    place.text_beside("sessionAffinity") == "ClientIP"
        && timeout.and_then(Value::as_i64) == Some(10_800)
}

/// The server derives the list from the single address, or assigns both.
fn cluster_ips(place: &Place<'_>) -> bool {
    let first = place.stored.and_then(|list| list.items().next());
    let wrote = place.written_holder.and_then(|spec| spec.str("clusterIP")).unwrap_or("");
    match first.and_then(Value::as_str) {
        Some("None") => wrote == "None",
        first => wrote.is_empty() || first == Some(wrote),
    }
}

fn wrote_family_policy(place: &Place<'_>) -> bool {
    place.wrote_beside("ipFamilyPolicy")
}

/// One family for a single stack, otherwise one or two, depending on the cluster's networks.
fn families_follow(place: &Place<'_>) -> bool {
    let count = place.stored.map_or(0, |list| list.items().count());
    place.text_beside("ipFamilyPolicy") != "SingleStack" || count == 1
}

/// `SingleStack`. `RequireDualStack` for a headless Service without a selector, or if the file sets
/// two families or addresses.
fn family_policy(place: &Place<'_>) -> bool {
    match place.text() {
        "SingleStack" => true,
        "RequireDualStack" => {
            let selects = place.beside("selector").is_some_and(|s| s.entries().next().is_some());
            let wrote = |field: &str| {
                let list = place.written_holder.and_then(|spec| spec.get(field));
                list.map_or(0, |list| list.items().count())
            };
            let headless = place.text_beside("clusterIP") == "None" && !selects;
            headless || wrote("ipFamilies") == 2 || wrote("clusterIPs") == 2
        }
        _ => false,
    }
}

/// A Service that is exposed on nodes gets a node port.
fn node_port(place: &Place<'_>) -> bool {
    // The list of ports, then the Service.
    let service = place.holder.and_then(|port| port.parent()?.parent());
    let kind = service.and_then(|service| service.str("type")).unwrap_or("");
    matches!(kind, "NodePort" | "LoadBalancer")
}

/// `Ingress`, and `Egress` if the policy has egress rules.
fn policy_types(place: &Place<'_>) -> bool {
    let egress = place.beside("egress").is_some_and(|rules| rules.items().next().is_some());
    let types: Vec<_> =
        place.stored.into_iter().flat_map(Value::items).filter_map(Value::as_str).collect();
    types == if egress { &["Ingress", "Egress"][..] } else { &["Ingress"] }
}
