//! Clusters by chance: few names, few labels, few ports, so that policies meet.

use std::fmt::Write as _;

use super::plain::{Cluster, End, Packet};

/// A generator of numbers that is the same everywhere (xorshift).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn below(&mut self, count: usize) -> usize {
        (self.next() >> 11) as usize % count.max(1)
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn pick<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }
}

const NAMESPACES: [&str; 3] = ["red", "green", "blue"];
const BLOCKS: [&str; 9] = [
    "0.0.0.0/0",
    "10.0.0.0/8",
    "10.0.0.0/30",
    "10.0.0.4/31",
    "192.168.0.0/16",
    "8.8.8.0/24",
    "8.8.8.8/32",
    "::/0",
    "fd00::/8",
];
const PROTOCOLS: [&str; 3] = ["TCP", "UDP", "SCTP"];
const PORTS: [u16; 7] = [1, 53, 80, 81, 443, 8080, 65535];
const NAMES: [&str; 3] = ["http", "dns", "metrics"];

pub(crate) fn cluster(random: &mut Random) -> String {
    let mut text = String::new();
    for namespace in NAMESPACES {
        _ = writeln!(
            text,
            "---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: {namespace}, labels: {}}}",
            labels(random)
        );
    }
    for index in 0..2 + random.below(5) {
        pod(random, index, &mut text);
    }
    for index in 0..random.below(5) {
        network_policy(random, index, &mut text);
    }
    // No two of one priority: their order would be undefined.
    for index in 0..random.below(3) {
        admin(random, index, "AdminNetworkPolicy", &mut text);
    }
    if random.one_in(3) {
        admin(random, 0, "BaselineAdminNetworkPolicy", &mut text);
    }
    for index in 0..random.below(3) {
        cluster_policy(random, index, &mut text);
    }
    text
}

fn labels(random: &mut Random) -> String {
    let mut all = Vec::new();
    for key in ["a", "b", "c"] {
        if random.one_in(2) {
            all.push(format!("{key}: {}", random.pick(&["x", "z"])));
        }
    }
    format!("{{{}}}", all.join(", "))
}

fn pod(random: &mut Random, index: usize, text: &mut String) {
    let namespace = random.pick(&NAMESPACES);
    let host = random.one_in(8);
    let address = match random.below(3) {
        0 => format!("fd00::{}", index + 1),
        _ => format!("10.0.0.{}", index + 1),
    };
    let mut ports = Vec::new();
    for name in NAMES {
        if random.one_in(2) {
            ports.push(format!(
                "{{name: {name}, protocol: {}, containerPort: {}}}",
                random.pick(&PROTOCOLS),
                PORTS[random.below(PORTS.len())],
            ));
        }
    }
    _ = writeln!(
        text,
        "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: p{index}, namespace: {namespace}, labels: {}}}\n\
         spec:\n  hostNetwork: {host}\n  containers: [{{name: c, image: i, ports: [{}]}}]\n\
         status: {{podIP: \"{address}\", hostIP: \"192.168.0.{index}\"}}",
        labels(random),
        ports.join(", "),
    );
}

fn selector(random: &mut Random) -> String {
    if random.one_in(4) {
        return "{}".to_owned();
    }
    if random.one_in(2) {
        return format!(
            "{{matchLabels: {{{}: {}}}}}",
            random.pick(&["a", "b", "c"]),
            random.pick(&["x", "z"])
        );
    }
    let mut all = Vec::new();
    for _ in 0..1 + random.below(2) {
        let key = random.pick(&["a", "b", "c"]);
        all.push(match random.below(4) {
            0 => format!("{{key: {key}, operator: Exists}}"),
            1 => format!("{{key: {key}, operator: DoesNotExist}}"),
            2 => format!("{{key: {key}, operator: In, values: [x]}}"),
            _ => format!(
                "{{key: {key}, operator: NotIn, values: [{}]}}",
                random.pick(&["x", "x, z"])
            ),
        });
    }
    format!("{{matchExpressions: [{}]}}", all.join(", "))
}

fn network_policy(random: &mut Random, index: usize, text: &mut String) {
    let namespace = random.pick(&NAMESPACES);
    _ = writeln!(
        text,
        "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: n{index}, \
         namespace: {namespace}}}\nspec:\n  podSelector: {}",
        selector(random)
    );
    match random.below(4) {
        0 => text.push_str("  policyTypes: [Ingress]\n"),
        1 => text.push_str("  policyTypes: [Egress]\n"),
        2 => text.push_str("  policyTypes: [Ingress, Egress]\n"),
        _ => {}
    }
    for (field, peers) in [("ingress", "from"), ("egress", "to")] {
        let mut rules = Vec::new();
        for _ in 0..random.below(3) {
            let mut parts = Vec::new();
            let mut listed = Vec::new();
            for _ in 0..random.below(3) {
                listed.push(match random.below(4) {
                    0 => format!("{{podSelector: {}}}", selector(random)),
                    1 => format!("{{namespaceSelector: {}}}", selector(random)),
                    2 => {
                        let (one, other) = (selector(random), selector(random));
                        format!("{{namespaceSelector: {one}, podSelector: {other}}}")
                    }
                    _ => match random.one_in(2) {
                        true => "{ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/30]}}".to_owned(),
                        false => format!("{{ipBlock: {{cidr: \"{}\"}}}}", random.pick(&BLOCKS)),
                    },
                });
            }
            if !listed.is_empty() {
                parts.push(format!("{peers}: [{}]", listed.join(", ")));
            }
            let mut ports = Vec::new();
            for _ in 0..random.below(3) {
                let protocol = match random.one_in(3) {
                    true => String::new(),
                    false => format!("protocol: {}, ", random.pick(&PROTOCOLS)),
                };
                ports.push(match random.below(4) {
                    0 => format!("{{{protocol}port: {}}}", random.pick(&NAMES)),
                    1 => {
                        format!("{{{protocol}port: 80, endPort: {}}}", random.pick(&["80", "443"]))
                    }
                    2 if !protocol.is_empty() => format!("{{{}}}", protocol.trim_end_matches(", ")),
                    _ => format!("{{{protocol}port: {}}}", PORTS[random.below(PORTS.len())]),
                });
            }
            if !ports.is_empty() {
                parts.push(format!("ports: [{}]", ports.join(", ")));
            }
            rules.push(format!("{{{}}}", parts.join(", ")));
        }
        if !rules.is_empty() || random.one_in(3) {
            _ = writeln!(text, "  {field}: [{}]", rules.join(", "));
        }
    }
}

fn pods(random: &mut Random) -> String {
    let (one, other) = (selector(random), selector(random));
    match random.one_in(2) {
        true => format!("{{namespaces: {one}}}"),
        false => format!("{{pods: {{namespaceSelector: {one}, podSelector: {other}}}}}"),
    }
}

fn peers(random: &mut Random, egress: bool) -> (String, bool) {
    let mut listed = Vec::new();
    let mut networks = false;
    for _ in 0..1 + random.below(2) {
        if egress && random.one_in(3) {
            networks = true;
            listed.push(format!("{{networks: [\"{}\"]}}", random.pick(&BLOCKS)));
        } else {
            listed.push(pods(random));
        }
    }
    (listed.join(", "), networks)
}

fn admin(random: &mut Random, index: usize, kind: &str, text: &mut String) {
    let name = if kind.starts_with("Base") { "default".to_owned() } else { format!("a{index}") };
    _ = writeln!(
        text,
        "---\napiVersion: policy.networking.k8s.io/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\n\
         spec:\n  priority: {}\n  subject: {}",
        index * 2,
        pods(random)
    );
    let actions: &[&str] =
        if kind.starts_with("Base") { &["Allow", "Deny"] } else { &["Allow", "Deny", "Pass"] };
    for (field, side) in [("ingress", "from"), ("egress", "to")] {
        let mut rules = Vec::new();
        for _ in 0..random.below(4) {
            let (listed, networks) = peers(random, field == "egress");
            let mut ports = Vec::new();
            for _ in 0..random.below(3) {
                let protocol = random.pick(&PROTOCOLS);
                ports.push(match random.below(3) {
                    0 if !networks => format!("{{namedPort: {}}}", random.pick(&NAMES)),
                    1 => format!("{{portRange: {{protocol: {protocol}, start: 53, end: 443}}}}"),
                    _ => {
                        let port = PORTS[random.below(PORTS.len())];
                        format!("{{portNumber: {{protocol: {protocol}, port: {port}}}}}")
                    }
                });
            }
            let ports = match ports.is_empty() {
                true => String::new(),
                false => format!(", ports: [{}]", ports.join(", ")),
            };
            let action = random.pick(actions);
            rules.push(format!("{{action: {action}, {side}: [{listed}]{ports}}}"));
        }
        if !rules.is_empty() {
            _ = writeln!(text, "  {field}: [{}]", rules.join(", "));
        }
    }
}

fn cluster_policy(random: &mut Random, index: usize, text: &mut String) {
    _ = writeln!(
        text,
        "---\napiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\n\
         metadata: {{name: c{index}}}\nspec:\n  tier: {}\n  priority: {}\n  subject: {}",
        random.pick(&["Admin", "Baseline"]),
        index * 2 + 1,
        pods(random)
    );
    for (field, side) in [("ingress", "from"), ("egress", "to")] {
        let mut rules = Vec::new();
        for _ in 0..random.below(4) {
            let (listed, networks) = peers(random, field == "egress");
            let mut ports = Vec::new();
            for _ in 0..random.below(3) {
                let protocol = random.pick(&["tcp", "udp", "sctp"]);
                ports.push(match random.below(4) {
                    0 if !networks => format!("{{destinationNamedPort: {}}}", random.pick(&NAMES)),
                    1 => format!(
                        "{{{protocol}: {{destinationPort: {{range: {{start: 53, end: 443}}}}}}}}"
                    ),
                    _ => {
                        let port = PORTS[random.below(PORTS.len())];
                        format!("{{{protocol}: {{destinationPort: {{number: {port}}}}}}}")
                    }
                });
            }
            let ports = match ports.is_empty() {
                true => String::new(),
                false => format!(", protocols: [{}]", ports.join(", ")),
            };
            let action = random.pick(&["Accept", "Deny", "Pass"]);
            rules.push(format!("{{action: {action}, {side}: [{listed}]{ports}}}"));
        }
        if !rules.is_empty() {
            _ = writeln!(text, "  {field}: [{}]", rules.join(", "));
        }
    }
}

pub(crate) fn packet(random: &mut Random, cluster: &Cluster) -> Packet {
    const ADDRESSES: [&str; 6] =
        ["8.8.8.8", "8.8.8.9", "1.1.1.1", "192.168.9.9", "10.200.0.1", "2001:db8::1"];
    let end = |random: &mut Random| match random.one_in(5) {
        true => End::Address(random.pick(&ADDRESSES).parse().unwrap()),
        false => End::Pod(random.below(cluster.pods.len())),
    };
    let (from, to) = (end(random), end(random));
    let protocol = random.pick(&PROTOCOLS);
    Packet { from, to, protocol, port: PORTS[random.below(PORTS.len())] }
}
