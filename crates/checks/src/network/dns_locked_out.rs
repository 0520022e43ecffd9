//! PV-N026.

use pavisade_macros::check;
use pavisade_model::{Gap, kinds};
use pavisade_snapshot::{Label, Object, Pod, Selector, Selects};
use pavisade_yaml::{Kind, Value};
use schemars::JsonSchema;
use serde::Deserialize;

use super::policy::{Direction, more_policies, on_host_network, rules};
use super::policy_index::Selecting;
use super::rule::peers;
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
const PORTS: [i64; 2] = [53, 5353];

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
        let needed = if asks_by_tcp(pod) { "TCP" } else { "UDP" };
        // Pods selected by the same policies have the same result.
        let key = format!("{:?} {needed} {}", selecting.key, pod.object().namespace());
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
    fn of<'a>(policies: &[&'a Object], needed: &str, pod: Pod<'a>, cx: &View<'a>) -> Self {
        let rules: Vec<_> = policies.iter().flat_map(|p| rules(p, Direction::Egress)).collect();
        let names_pods =
            rules.iter().flat_map(|rule| peers(*rule, Direction::Egress)).any(by_label);
        let (mut reaches, mut unsure, mut by_tcp) = (false, None, false);
        for rule in rules.iter().filter(|rule| allows_dns_port(**rule, needed)) {
            match to_dns(*rule, pod, cx) {
                Reaches::Yes => reaches = true,
                Reaches::No => {}
                Reaches::Unknown(why) => unsure = Some(why),
            }
        }
        for rule in rules.iter().filter(|rule| allows_dns_port(**rule, "TCP")) {
            by_tcp |= matches!(to_dns(*rule, pod, cx), Reaches::Yes);
        }
        let first = policies.first().map_or("", |policy| policy.name()).to_owned();
        Self { first, names_pods, reaches, unsure, by_tcp }
    }
}

fn by_label(peer: Value<'_>) -> bool {
    ["podSelector", "namespaceSelector"]
        .iter()
        .any(|field| peer.get(field).is_some_and(|s| !s.is_null()))
}

/// Whether the pod's resolver is configured to use TCP.
fn asks_by_tcp(pod: Pod<'_>) -> bool {
    let options = pod.at(&["dnsConfig", "options"]).into_iter().flat_map(Value::items);
    options.into_iter().any(|option| option.str("name") == Some("use-vc"))
}

/// Whether a rule allows a DNS port, over UDP or TCP.
fn allows_dns_port(rule: Value<'_>, protocol: &str) -> bool {
    rule.list("ports").next().is_none()
        || rule.list("ports").any(|port| {
            if port.str("protocol").unwrap_or("TCP") != protocol {
                return false;
            }
            let Some(first) = port.get("port").filter(|p| !p.is_null()) else { return true };
            if let Some(name) = first.as_str() {
                return name.starts_with("dns");
            }
            let last = port.get("endPort").and_then(Value::as_i64).or(first.as_i64());
            let range = first.as_i64().zip(last);
            range.is_some_and(|(f, l)| PORTS.iter().any(|n| (f..=l).contains(n)))
        })
}

enum Reaches {
    Yes,
    No,
    Unknown(Why),
}

/// Returns whether the peers of a rule include the cluster's DNS servers.
fn to_dns<'a>(rule: Value<'a>, pod: Pod<'a>, cx: &View<'a>) -> Reaches {
    let mut peers = peers(rule, Direction::Egress).peekable();
    if peers.peek().is_none() {
        return Reaches::Yes;
    }
    let mut result = Reaches::No;
    for peer in peers {
        match peer_is_dns(peer, pod, cx) {
            Reaches::Yes => return Reaches::Yes,
            Reaches::No => {}
            unknown @ Reaches::Unknown(_) => result = unknown,
        }
    }
    result
}

fn peer_is_dns<'a>(peer: Value<'a>, pod: Pod<'a>, cx: &View<'a>) -> Reaches {
    if peer.get("ipBlock").is_some_and(|b| !b.is_null()) {
        return Reaches::Unknown(
            "it depends on the network plugin whether an `ipBlock` applies to the cluster's DNS \
             servers"
                .into(),
        );
    }
    let Some(selector) = peer.get("namespaceSelector").filter(|s| !s.is_null()) else {
        // Pods of its own namespace.
        let own = pod.object().namespace();
        return match own.is_empty() || DNS.contains(&own) {
            true => Reaches::Unknown("DNS may run in the namespace of the pods".into()),
            false => Reaches::No,
        };
    };
    if selector.kind() != Kind::Mapping {
        return Reaches::Unknown("a `namespaceSelector` is not a map".into());
    }
    let Ok(selector) = Selector::read(selector) else {
        return Reaches::Unknown("a `namespaceSelector` cannot be parsed".into());
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
            Selects::Yes => return selects_servers(peer),
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

/// Returns whether a peer selects the DNS pods in their namespace.
fn selects_servers(peer: Value<'_>) -> Reaches {
    let Some(value) = peer.get("podSelector").filter(|s| !s.is_null()) else {
        return Reaches::Yes;
    };
    if value.kind() != Kind::Mapping {
        return Reaches::Unknown("a `podSelector` is not a map".into());
    }
    let Ok(selector) = Selector::read(value) else {
        return Reaches::Unknown("a `podSelector` cannot be parsed".into());
    };
    let of = |(key, value): (&'static str, &'static str)| {
        selector.matches(|wanted| (wanted == key).then_some(value))
    };
    if LABELS.into_iter().any(of) {
        return Reaches::Yes;
    }
    let speaks_of_it = value.descendants().any(|v| {
        v.key().is_some_and(|key| key.contains("dns"))
            || v.as_str().is_some_and(|text| text.contains("dns"))
    });
    match speaks_of_it {
        true => Reaches::Unknown("the labels of the DNS pods are not known".into()),
        false => Reaches::No,
    }
}
