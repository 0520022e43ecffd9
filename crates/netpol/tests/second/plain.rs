//! One packet at a time.

use std::collections::BTreeMap;
use std::net::IpAddr;

use pavisade_yaml::{Doc, Source, Value, objects, read};

/// A pod.
#[derive(Debug)]
pub(crate) struct Pod {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) address: IpAddr,
    pub(crate) host_network: bool,
    /// Name, protocol, number.
    pub(crate) ports: Vec<(String, String, u16)>,
}

/// One end of a packet.
#[derive(Debug, Clone)]
pub(crate) enum End {
    Pod(usize),
    Address(IpAddr),
}

/// A packet that opens a connection.
#[derive(Debug)]
pub(crate) struct Packet {
    pub(crate) from: End,
    pub(crate) to: End,
    pub(crate) protocol: &'static str,
    pub(crate) port: u16,
}

/// Objects as they were written.
#[derive(Debug)]
pub(crate) struct Cluster {
    docs: Vec<Doc>,
    pub(crate) pods: Vec<Pod>,
    namespaces: BTreeMap<String, BTreeMap<String, String>>,
}

fn text(value: Value<'_>, path: &[&str]) -> String {
    value.at(path).and_then(Value::scalar_text).map(|t| t.into_owned()).unwrap_or_default()
}

fn labels(value: Option<Value<'_>>) -> BTreeMap<String, String> {
    let entries = value.into_iter().flat_map(Value::entries);
    entries.map(|(k, v)| (k.to_owned(), v.as_str().unwrap_or("").to_owned())).collect()
}

impl Cluster {
    pub(crate) fn read(source: &str) -> Self {
        let docs = read(&Source::new("generated", source)).docs;
        let (mut pods, mut namespaces) = (Vec::new(), BTreeMap::new());
        for doc in &docs {
            for object in objects(doc.root()).sent {
                let value = object.value;
                let own = labels(value.at(&["metadata", "labels"]));
                match object.kind {
                    "Namespace" => {
                        let name = text(value, &["metadata", "name"]);
                        let mut own = own;
                        own.insert("kubernetes.io/metadata.name".to_owned(), name.clone());
                        namespaces.insert(name, own);
                    }
                    "Pod" => {
                        let containers =
                            value.at(&["spec"]).into_iter().flat_map(|s| s.list("containers"));
                        let ports = containers.flat_map(|c| c.list("ports")).map(|p| {
                            let number =
                                p.get("containerPort").and_then(Value::as_i64).unwrap_or(0);
                            let protocol = p.str("protocol").unwrap_or("TCP").to_owned();
                            (p.str("name").unwrap_or("").to_owned(), protocol, number as u16)
                        });
                        let host = value.at(&["spec", "hostNetwork"]).and_then(Value::as_bool);
                        let host_network = host == Some(true);
                        let field = if host_network { "hostIP" } else { "podIP" };
                        pods.push(Pod {
                            namespace: text(value, &["metadata", "namespace"]),
                            name: text(value, &["metadata", "name"]),
                            labels: own,
                            address: text(value, &["status", field]).parse().unwrap(),
                            host_network,
                            ports: ports.collect(),
                        });
                    }
                    _ => {}
                }
            }
        }
        Self { docs, pods, namespaces }
    }

    /// Whether the packet leaves its pod and enters the other.
    pub(crate) fn allows(&self, packet: &Packet) -> bool {
        self.leaves(&packet.from, &packet.to, packet)
            && self.enters(&packet.to, &packet.from, packet)
    }

    fn leaves(&self, subject: &End, other: &End, packet: &Packet) -> bool {
        self.direction(subject, other, packet, "egress", "to", "Egress")
    }

    fn enters(&self, subject: &End, other: &End, packet: &Packet) -> bool {
        self.direction(subject, other, packet, "ingress", "from", "Ingress")
    }

    fn direction(
        &self,
        subject: &End,
        other: &End,
        packet: &Packet,
        field: &str,
        peers: &str,
        kind: &str,
    ) -> bool {
        let End::Pod(index) = subject else { return true };
        let pod = &self.pods[*index];
        if pod.host_network {
            return true;
        }
        let receiver = match &packet.to {
            End::Pod(index) => Some(&self.pods[*index]),
            End::Address(_) => None,
        };
        match self.tier("Admin", pod, other, packet, receiver, field, peers) {
            Some(true) => return true,
            Some(false) => return false,
            None => {}
        }
        // NetworkPolicies: isolated where one selects the pod for the direction.
        let mut isolated = false;
        for policy in self.of_kind("NetworkPolicy") {
            let spec = policy.get("spec").unwrap();
            let selected = text(policy, &["metadata", "namespace"]) == pod.namespace
                && matches(spec.get("podSelector"), &pod.labels);
            let types: Vec<_> = spec.list("policyTypes").filter_map(Value::as_str).collect();
            let counts = match types.is_empty() {
                true => kind == "Ingress" || spec.list("egress").next().is_some(),
                false => types.contains(&kind),
            };
            if !selected || !counts {
                continue;
            }
            isolated = true;
            for rule in spec.list(field) {
                let listed: Vec<_> = rule.list(peers).collect();
                let peer = listed.is_empty()
                    || listed.iter().any(|peer| self.is_peer(*peer, other, &pod.namespace));
                let ports: Vec<_> = rule.list("ports").collect();
                let port =
                    ports.is_empty() || ports.iter().any(|port| is_port(*port, packet, receiver));
                if peer && port {
                    return true;
                }
            }
        }
        if isolated {
            return false;
        }
        self.tier("Baseline", pod, other, packet, receiver, field, peers).unwrap_or(true)
    }

    fn of_kind(&self, kind: &str) -> Vec<Value<'_>> {
        let all = self.docs.iter().flat_map(|doc| objects(doc.root()).sent);
        all.filter(|object| object.kind == kind).map(|object| object.value).collect()
    }

    /// What the policies of a tier decide, the lowest priority first.
    #[expect(clippy::too_many_arguments, reason = "a packet, seen from one side")]
    fn tier(
        &self,
        tier: &str,
        pod: &Pod,
        other: &End,
        packet: &Packet,
        receiver: Option<&Pod>,
        field: &str,
        peers: &str,
    ) -> Option<bool> {
        let mut policies = self.of_kind("ClusterNetworkPolicy");
        policies.retain(|policy| text(*policy, &["spec", "tier"]) == tier);
        policies.extend(match tier {
            "Admin" => self.of_kind("AdminNetworkPolicy"),
            _ => self.of_kind("BaselineAdminNetworkPolicy"),
        });
        policies.sort_by_key(|p| p.at(&["spec", "priority"]).and_then(Value::as_i64).unwrap_or(0));
        for policy in policies {
            let spec = policy.get("spec").unwrap();
            if !self.holds_pod(spec.get("subject").unwrap(), pod) {
                continue;
            }
            for rule in spec.list(field) {
                let peer = rule.list(peers).any(|peer| self.is_cluster_peer(peer, other));
                let listed: Vec<_> = rule.list("ports").chain(rule.list("protocols")).collect();
                let port = listed.is_empty()
                    || listed.iter().any(|port| is_cluster_port(*port, packet, receiver));
                if peer && port {
                    match rule.str("action") {
                        Some("Allow" | "Accept") => return Some(true),
                        Some("Deny") => return Some(false),
                        _ => return None,
                    }
                }
            }
        }
        None
    }

    /// `namespaces` or `pods`, of which pods on the host network are none.
    fn holds_pod(&self, value: Value<'_>, pod: &Pod) -> bool {
        let none = BTreeMap::new();
        let namespace = self.namespaces.get(&pod.namespace).unwrap_or(&none);
        if pod.host_network {
            return false;
        }
        if let Some(selector) = value.get("namespaces") {
            return matches(Some(selector), namespace);
        }
        value.get("pods").is_some_and(|pods| {
            matches(pods.get("namespaceSelector"), namespace)
                && matches(pods.get("podSelector"), &pod.labels)
        })
    }

    fn is_cluster_peer(&self, peer: Value<'_>, other: &End) -> bool {
        let address = self.address(other);
        if peer.list("networks").filter_map(Value::as_str).any(|block| inside(block, address)) {
            return true;
        }
        match other {
            End::Pod(index) => self.holds_pod(peer, &self.pods[*index]),
            End::Address(_) => false,
        }
    }

    fn address(&self, end: &End) -> IpAddr {
        match end {
            End::Pod(index) => self.pods[*index].address,
            End::Address(address) => *address,
        }
    }

    fn is_peer(&self, peer: Value<'_>, other: &End, own: &str) -> bool {
        if let Some(block) = peer.get("ipBlock") {
            let address = self.address(other);
            let except = block.list("except").filter_map(Value::as_str);
            return inside(block.str("cidr").unwrap(), address)
                && !except.into_iter().any(|e| inside(e, address));
        }
        let End::Pod(index) = other else { return false };
        let pod = &self.pods[*index];
        // The plugin of this opinion: pods on the host network are nobody's peers.
        if pod.host_network {
            return false;
        }
        let none = BTreeMap::new();
        let namespace = match peer.get("namespaceSelector") {
            Some(selector) => {
                matches(Some(selector), self.namespaces.get(&pod.namespace).unwrap_or(&none))
            }
            None => pod.namespace == own,
        };
        namespace && matches(peer.get("podSelector"), &pod.labels)
    }
}

fn matches(selector: Option<Value<'_>>, labels: &BTreeMap<String, String>) -> bool {
    let Some(selector) = selector else { return true };
    let plain = selector.get("matchLabels").into_iter().flat_map(Value::entries);
    let mut plain = plain.map(|(key, value)| labels.get(key).map(String::as_str) == value.as_str());
    let mut expressions = selector.list("matchExpressions").map(|expression| {
        let own = labels.get(expression.str("key").unwrap());
        let listed = |own: &String| {
            expression.list("values").filter_map(Value::as_str).any(|value| value == own)
        };
        match expression.str("operator").unwrap() {
            "In" => own.is_some_and(listed),
            "NotIn" => !own.is_some_and(listed),
            "Exists" => own.is_some(),
            _ => own.is_none(),
        }
    });
    plain.all(|met| met) && expressions.all(|met| met)
}

/// Compares bit by bit.
fn inside(block: &str, address: IpAddr) -> bool {
    let (first, length) = block.split_once('/').unwrap();
    let length: usize = length.parse().unwrap();
    let bits = |address: IpAddr| -> Vec<bool> {
        let bytes = match address {
            IpAddr::V4(a) => a.octets().to_vec(),
            IpAddr::V6(a) => a.octets().to_vec(),
        };
        bytes.iter().flat_map(|byte| (0..8).map(move |bit| byte & (0x80 >> bit) != 0)).collect()
    };
    let (one, other) = (bits(first.parse().unwrap()), bits(address));
    one.len() == other.len() && one[..length] == other[..length]
}

fn has_name(name: &str, protocol: Option<&str>, packet: &Packet, receiver: Option<&Pod>) -> bool {
    receiver.is_some_and(|pod| {
        pod.ports.iter().any(|(own, of, number)| {
            own == name
                && of == packet.protocol
                && protocol.is_none_or(|protocol| protocol == of)
                && *number == packet.port
        })
    })
}

fn is_port(port: Value<'_>, packet: &Packet, receiver: Option<&Pod>) -> bool {
    let protocol = port.str("protocol").unwrap_or("TCP");
    if protocol != packet.protocol {
        return false;
    }
    match port.get("port") {
        None => true,
        Some(value) => match value.as_str() {
            Some(name) => has_name(name, Some(protocol), packet, receiver),
            None => {
                let first = value.as_i64().unwrap();
                let last = port.get("endPort").and_then(Value::as_i64).unwrap_or(first);
                (first..=last).contains(&i64::from(packet.port))
            }
        },
    }
}

fn is_cluster_port(port: Value<'_>, packet: &Packet, receiver: Option<&Pod>) -> bool {
    let within = |first: Option<i64>, last: Option<i64>| {
        (first.unwrap()..=last.unwrap()).contains(&i64::from(packet.port))
    };
    let number = |value: Value<'_>, field: &str| value.get(field).and_then(Value::as_i64);
    let (key, value) = port.entries().next().unwrap();
    match key {
        "namedPort" | "destinationNamedPort" => {
            has_name(value.as_str().unwrap(), None, packet, receiver)
        }
        "portNumber" => {
            value.str("protocol").unwrap_or("TCP") == packet.protocol
                && within(number(value, "port"), number(value, "port"))
        }
        "portRange" => {
            value.str("protocol").unwrap_or("TCP") == packet.protocol
                && within(number(value, "start"), number(value, "end"))
        }
        protocol => {
            protocol.eq_ignore_ascii_case(packet.protocol)
                && match value.get("destinationPort") {
                    None => true,
                    Some(port) => match port.get("range") {
                        Some(range) => within(number(range, "start"), number(range, "end")),
                        None => within(number(port, "number"), number(port, "number")),
                    },
                }
        }
    }
}
