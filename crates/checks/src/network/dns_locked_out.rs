//! PV-N026.

use std::sync::Arc;

use pavisade_macros::check;
use pavisade_model::{Gap, kinds};
use pavisade_netpol::{Connections, Direction, Peer, Policy, Protocol, Rule, Selector, Within};
use pavisade_snapshot::{Label, Pod, Selects};
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::policy::{more_policies, on_host_network};
use super::policy_index::Selecting;
use super::rule::allows_anybody;
use super::subject::rules;
use crate::fragment::is_fragment;
use crate::{Check, Claim, Cx, OnPod, Place, Verdict, View, Why};

/// NetworkPolicy blocks DNS
///
/// ## Why
/// A policy for egress blocks everything that it does not list. Without port 53, the pods cannot
/// resolve names of Services. Often the result is that someone adds a policy that allows
/// everything.
///
/// ## Fix
/// Allow UDP and TCP port 53 to the `kube-dns` pods in `kube-system`, in one policy for all pods in
/// the namespace. A port without `protocol` is TCP only.
#[check(
    id = "PV-N026",
    severity = Low,
    confidence = Medium,
    scope = Related,
    reads = [..NETWORK_POLICIES, NAMESPACE]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DnsLockedOut {}

/// Namespaces in which clusters run their DNS servers.
const DNS: [&str; 2] = ["kube-system", "openshift-dns"];

/// Ports of DNS servers: 53 for CoreDNS, 5353 for OpenShift's pods.
const PORTS: [u16; 2] = [53, 5353];

impl Check for DnsLockedOut {
    type On = OnPod;

    fn check<'a>(&self, pod: Pod<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        // Its own servers, or those of the node.
        let policy = pod.at(&["dnsPolicy"]).and_then(Value::as_str);
        let own_servers = matches!(policy, Some("None" | "Default"));
        if is_fragment(pod.object()) || on_host_network(pod) || own_servers {
            return Verdict::NotApplicable;
        }
        let place = Place::from(pod.object().at(&["metadata", "name"]).unwrap_or(pod.spec()));
        let selecting = Selecting::of(pod, Direction::Egress, cx);
        let needed = if asks_by_tcp(pod) { Protocol::Tcp } else { Protocol::Udp };
        // Pods selected by the same policies have the same result.
        let key = format!("{:?} {needed:?} {}", selecting.key, pod.object().namespace());
        let Allowed { first, names_pods, reaches, unsure, by_tcp } = cx.memo::<Self, _, _>(
            &[&[kinds::NETWORK_POLICY, kinds::NAMESPACE]],
            key,
            (&selecting, needed, pod),
            |cx, (selecting, needed, pod)| Allowed::of(&selecting.policies(), needed, pod, cx),
        );
        let open = selecting.unclear.or_else(|| more_policies(pod, Direction::Egress, cx));
        match (open, unsure) {
            _ if reaches => Verdict::Holds,
            (Some(why), _) => Verdict::unknown(place, why),
            // Nothing is restricted, or the allowed connections need no names.
            _ if !names_pods => Verdict::NotApplicable,
            (None, Some(why)) => Verdict::unknown(place, why),
            (None, None) => {
                if by_tcp {
                    let message = format!(
                        "NetworkPolicy `{first}` restricts egress of these pods and allows DNS \
                         only over TCP (the default if `protocol` is not set): programs use UDP, \
                         so they cannot resolve names of Services"
                    );
                    return Claim::fails(place, message).evidence("TCP").evidence(first).into();
                }
                Claim::fails(
                    place,
                    format!(
                        "NetworkPolicy `{first}` restricts egress of these pods, and none {} \
                         allows DNS (port 53): they cannot resolve names of Services",
                        cx.list_in(kinds::NETWORK_POLICY, pod.object().namespace()).scope(),
                    ),
                )
                .evidence(first)
                .into()
            }
        }
    }
}

/// What the policies of a pod allow.
#[derive(Clone)]
struct Allowed {
    /// The name of the first policy.
    first: String,
    /// Whether they refer to other pods.
    names_pods: bool,
    /// Whether they allow DNS over the required protocol, and why that is uncertain.
    reaches: bool,
    unsure: Option<Why>,
    /// Whether they allow it over TCP.
    by_tcp: bool,
}

impl Allowed {
    fn of(policies: &[Arc<Policy>], needed: Protocol, pod: Pod<'_>, cx: &View<'_>) -> Self {
        let rules: Vec<_> = policies.iter().flat_map(|p| rules(p, Direction::Egress)).collect();
        let mut peers = rules.iter().flat_map(|rule| &rule.peers);
        let names_pods = peers.any(|peer| matches!(peer, Peer::Pods(..)));
        let (mut reaches, mut unsure, mut by_tcp) = (false, None, false);
        for rule in rules.iter().filter(|rule| allows_dns_port(rule, needed)) {
            match to_dns(rule, pod, cx) {
                Reaches::Yes => reaches = true,
                Reaches::No => {}
                Reaches::Unknown(why) => unsure = Some(why),
            }
        }
        for rule in rules.iter().filter(|rule| allows_dns_port(rule, Protocol::Tcp)) {
            by_tcp |= matches!(to_dns(rule, pod, cx), Reaches::Yes);
        }
        let first = policies.first().map_or("", |policy| policy.object.name()).to_owned();
        Self { first, names_pods, reaches, unsure, by_tcp }
    }
}

/// Whether the pod's resolver is configured to use TCP.
fn asks_by_tcp(pod: Pod<'_>) -> bool {
    let options = pod.at(&["dnsConfig", "options"]).into_iter().flat_map(Value::items);
    options.into_iter().any(|option| option.str("name") == Some("use-vc"))
}

/// Whether a rule allows a DNS port, over UDP or TCP.
fn allows_dns_port(rule: &Rule, protocol: Protocol) -> bool {
    let ports = PORTS.iter().map(|port| Connections::port(protocol, *port));
    let named =
        |(name, of): &(String, Option<Protocol>)| *of == Some(protocol) && name.starts_with("dns");
    ports.into_iter().any(|port| port.is_subset(&rule.ports.fixed))
        || rule.ports.named.iter().any(named)
}

enum Reaches {
    Yes,
    No,
    Unknown(Why),
}

/// Returns whether the peers of a rule include the cluster's DNS servers.
fn to_dns(rule: &Rule, pod: Pod<'_>, cx: &View<'_>) -> Reaches {
    if allows_anybody(rule) {
        return Reaches::Yes;
    }
    let mut result = Reaches::No;
    for peer in &rule.peers {
        match peer_is_dns(peer, pod, cx) {
            Reaches::Yes => return Reaches::Yes,
            Reaches::No => {}
            unknown @ Reaches::Unknown(_) => result = unknown,
        }
    }
    result
}

fn peer_is_dns(peer: &Peer, pod: Pod<'_>, cx: &View<'_>) -> Reaches {
    let (within, pods) = match peer {
        Peer::Pods(within, pods) => (within, pods),
        Peer::Block(_) => {
            return Reaches::Unknown(
                "it depends on the network plugin whether an `ipBlock` applies to the cluster's \
                 DNS servers"
                    .into(),
            );
        }
        _ => return Reaches::Unknown("a peer cannot be parsed".into()),
    };
    let Within::Selected(selector) = within else {
        // Pods of its own namespace.
        let own = pod.object().namespace();
        return match own.is_empty() || DNS.contains(&own) {
            true => Reaches::Unknown("DNS may run in the namespace of the pods".into()),
            false => Reaches::No,
        };
    };
    let mut unsure = false;
    for namespace in DNS {
        let object = cx.get(kinds::NAMESPACE, "", namespace);
        let label = |key: &str| match (key, object) {
            ("kubernetes.io/metadata.name", _) => Label::Is(namespace),
            (_, Some(object)) => object.label(key).map_or(Label::Absent, Label::Is),
            (_, None) => Label::Unknown,
        };
        match selector.selects(label) {
            Selects::Maybe => unsure = true,
            Selects::Yes => return selects_servers(pods),
            Selects::No => {}
        }
    }
    match unsure {
        true => {
            let why = format!(
                "whether a `namespaceSelector` selects the DNS namespace depends on labels that \
                 are not {}",
                cx.here()
            );
            Reaches::Unknown(Why::of(Gap::object("Namespace", "", ""), why))
        }
        false => Reaches::No,
    }
}

/// Labels of DNS pods: kubeadm and most distributions, the CoreDNS chart, OpenShift, and the cache
/// on each node.
const LABELS: [(&str, &str); 6] = [
    ("k8s-app", "kube-dns"),
    ("k8s-app", "coredns"),
    ("app.kubernetes.io/name", "coredns"),
    ("app", "coredns"),
    ("dns.operator.openshift.io/daemonset-dns", "default"),
    ("k8s-app", "node-local-dns"),
];

/// Returns whether a selector selects the DNS pods in their namespace.
fn selects_servers(pods: &Selector) -> Reaches {
    let Some(requirements) = pods.requirements() else {
        return Reaches::Unknown("a `podSelector` cannot be parsed".into());
    };
    let of = |(key, value): (&'static str, &'static str)| {
        let label = |wanted: &str| match wanted == key {
            true => Label::Is(value),
            false => Label::Absent,
        };
        pods.selects(label) == Selects::Yes
    };
    if pods.is_everything() || LABELS.into_iter().any(of) {
        return Reaches::Yes;
    }
    let speaks_of_it = requirements
        .iter()
        .any(|one| one.key.contains("dns") || one.values.iter().any(|value| value.contains("dns")));
    match speaks_of_it {
        true => Reaches::Unknown("the labels of the DNS pods are not known".into()),
        false => Reaches::No,
    }
}
