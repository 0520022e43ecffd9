//! Policies as manifests.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Plan, Side};
use crate::addresses::Addresses;
use crate::connections::{Connections, Protocol};
use crate::engine::Engine;
use crate::policy::Direction;

/// Labels that differ from pod to pod, or with every release.
const CHANGING: [&str; 12] = [
    "pod-template-hash",
    "controller-revision-hash",
    "pod-template-generation",
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
    "job-name",
    "batch.kubernetes.io/job-name",
    "controller-uid",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-completion-index",
    "app.kubernetes.io/version",
    "helm.sh/chart",
];

/// Labels that all pods of a workload have, and by which it stays the same workload.
pub(super) fn labels(engine: &Engine, workload: usize) -> BTreeMap<String, String> {
    let network = engine.network();
    let mut parties = network.workloads[workload].parties.iter();
    let first = parties.next().map(|id| engine.party(*id).labels.known.clone());
    let mut labels = first.unwrap_or_default();
    for id in parties {
        let other = &engine.party(*id).labels.known;
        labels.retain(|key, value| other.get(key) == Some(value));
    }
    labels.retain(|key, _| !CHANGING.contains(&key.as_str()));
    labels
}

/// Manifests by namespace.
pub(super) fn manifests(engine: &Engine, plan: &Plan) -> BTreeMap<String, String> {
    let mut manifests = BTreeMap::new();
    for namespace in &plan.namespaces {
        let mut text = String::new();
        closed(namespace, &mut text);
        dns(namespace, plan, &mut text);
        manifests.insert(namespace.clone(), text);
    }
    for (place, rules) in &plan.rules {
        let workload = &engine.network().workloads[*place];
        if let Some(text) = manifests.get_mut(&workload.namespace) {
            policy(engine, *place, rules, text);
        }
    }
    manifests
}

fn head(namespace: &str, name: &str, text: &mut String) {
    _ = write!(
        text,
        "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: {}\n  \
         namespace: {}\nspec:\n",
        quoted(name),
        quoted(namespace),
    );
}

fn closed(namespace: &str, text: &mut String) {
    head(namespace, "default-deny", text);
    text.push_str("  podSelector: {}\n  policyTypes: [Ingress, Egress]\n");
}

fn dns(namespace: &str, plan: &Plan, text: &mut String) {
    head(namespace, "allow-dns", text);
    text.push_str("  podSelector: {}\n  policyTypes: [Egress]\n  egress:\n    - to:\n");
    let labels = plan.dns.labels.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    pods(Some(&plan.dns.namespace), labels, text);
    ports(&plan.dns.ports, text);
}

fn policy(
    engine: &Engine,
    place: usize,
    rules: &[BTreeMap<Side, Connections>; 2],
    text: &mut String,
) {
    let workload = &engine.network().workloads[place];
    let name = format!("allow-{}-{}", workload.kind.to_lowercase(), workload.name);
    let name: String = name.chars().take(253).collect();
    head(&workload.namespace, &name, text);
    text.push_str("  podSelector:\n    matchLabels:\n");
    for (key, value) in labels(engine, place) {
        _ = writeln!(text, "      {}: {}", quoted(&key), quoted(&value));
    }
    let spoken: Vec<_> = Direction::BOTH
        .into_iter()
        .filter(|direction| !rules[direction.place()].is_empty())
        .collect();
    let types: Vec<_> = spoken.iter().map(|direction| direction.name()).collect();
    _ = writeln!(text, "  policyTypes: [{}]", types.join(", "));
    for direction in spoken {
        _ = writeln!(text, "  {}:", direction.field());
        for (side, connections) in &rules[direction.place()] {
            _ = writeln!(text, "    - {}:", direction.peers());
            peer(engine, &workload.namespace, side, text);
            ports(connections, text);
        }
    }
}

fn peer(engine: &Engine, namespace: &str, side: &Side, text: &mut String) {
    match side {
        Side::Workload(place) => {
            let workload = &engine.network().workloads[*place];
            let other = (workload.namespace != namespace).then_some(&*workload.namespace);
            let labels = labels(engine, *place);
            let labels = labels.iter().map(|(key, value)| (key.as_str(), value.as_str()));
            pods(other, labels, text);
        }
        // It may run anywhere: pods that serve Ingresses have no label of their own.
        Side::Controller => text.push_str("        - namespaceSelector: {}\n"),
        Side::Outside(addresses) => {
            for block in blocks(addresses) {
                _ = write!(text, "        - ipBlock:\n            cidr: {}\n", quoted(&block));
            }
        }
    }
}

/// Addresses as blocks: a range is the blocks that make it.
fn blocks(addresses: &Addresses) -> Vec<String> {
    let whole = |text: String| if text.contains('/') { text } else { format!("{text}/32") };
    let parts = addresses.parts().map(|part| part.to_string());
    let parts = parts.map(|text| match text.contains(':') && !text.contains('/') {
        true => format!("{text}/128"),
        false => whole(text),
    });
    parts.collect()
}

fn pods<'a>(
    namespace: Option<&str>,
    labels: impl Iterator<Item = (&'a str, &'a str)>,
    text: &mut String,
) {
    let mut lead = "        - ";
    if let Some(namespace) = namespace {
        _ = write!(
            text,
            "        - namespaceSelector:\n            matchLabels:\n              \
             kubernetes.io/metadata.name: {}\n",
            quoted(namespace),
        );
        lead = "          ";
    }
    let mut labels = labels.peekable();
    if labels.peek().is_none() {
        _ = writeln!(text, "{lead}podSelector: {{}}");
        return;
    }
    _ = write!(text, "{lead}podSelector:\n            matchLabels:\n");
    for (key, value) in labels {
        _ = writeln!(text, "              {}: {}", quoted(key), quoted(value));
    }
}

fn ports(connections: &Connections, text: &mut String) {
    if connections.is_all() {
        return;
    }
    text.push_str("      ports:\n");
    for protocol in Protocol::ALL {
        for (first, last) in connections.ports(protocol).ranges() {
            let name = protocol.name();
            if (*first, *last) == (1, u16::MAX) {
                _ = writeln!(text, "        - protocol: {name}");
            } else if first == last {
                _ = writeln!(text, "        - {{protocol: {name}, port: {first}}}");
            } else {
                _ = writeln!(
                    text,
                    "        - {{protocol: {name}, port: {first}, endPort: {last}}}"
                );
            }
        }
    }
}

/// A scalar that YAML reads as this text.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic());
    let words = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    let word = words.contains(&&*text.to_ascii_lowercase());
    match starts && !word && text.chars().all(plain) {
        true => text.to_owned(),
        false => {
            let mut quoted = String::from("\"");
            for c in text.chars() {
                match c {
                    '"' | '\\' => {
                        quoted.push('\\');
                        quoted.push(c);
                    }
                    c if c.is_control() => _ = write!(quoted, "\\u{:04x}", u32::from(c)),
                    c => quoted.push(c),
                }
            }
            quoted.push('"');
            quoted
        }
    }
}
