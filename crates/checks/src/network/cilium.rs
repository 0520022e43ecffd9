//! The effect of Cilium policies on a pod (docs.cilium.io, *Policy Enforcement Modes* and *Rule
//! Basics*).
//!
//! A rule that selects a pod enables default deny for each direction for which it has rules, unless
//! `enableDefaultDeny` overrides this. Allow rules of all policies are combined, and deny rules
//! take precedence. A rule without fields allows nothing. An agent ignores a policy that it cannot
//! parse.

use pavisade_model::kinds;
use pavisade_netpol::Direction;
use pavisade_snapshot::{Label as Known, Object, Pod, Selects};
use pavisade_yaml::{Kind, Value};

use super::address::{block, cover_everything};
use super::effect::{Effect, everywhere, namespace_label};
use super::subject::selects as selects_pod;
use crate::field::{WrongType, boolean, is_plain_selector, list, map};
use crate::{Claim, View};

/// Returns the effect of the policy on the pod in a direction.
pub(super) fn effect<'a>(
    policy: &'a Object,
    pod: Pod<'a>,
    direction: Direction,
    cx: &View<'a>,
) -> Effect {
    let Some(rules) = rules(policy) else { return Effect::Unclear("it cannot be parsed".into()) };
    let mut effect = Effect::None;
    for rule in rules {
        let selects = selects(rule, policy, pod, cx);
        if selects == Selects::No {
            continue;
        }
        let of_rule = match touches(rule, direction) {
            Ok(Touches::Nothing) => continue,
            Ok(_) if selects == Selects::Maybe => {
                Effect::Unclear("it cannot be determined whether it selects them".into())
            }
            Ok(Touches::Adds) => Effect::Adds,
            Ok(Touches::Closes) => Effect::Restricts,
            Err(why) => Effect::Unclear(why.into()),
        };
        effect = effect.and(of_rule);
    }
    // An agent accepts all rules of a policy or none.
    match effect {
        Effect::Restricts | Effect::Adds => match flaw(policy) {
            Some(why) => Effect::Unclear(why.into()),
            None => effect,
        },
        effect => effect,
    }
}

/// Returns the rules of a policy: `spec` and `specs`. `None` if they are invalid.
pub(super) fn rules(policy: &Object) -> Option<impl Iterator<Item = Value<'_>>> {
    let spec = policy.at(&["spec"]).filter(|spec| !spec.is_null());
    let specs = policy.at(&["specs"]).filter(|specs| !specs.is_null());
    let wrong = specs.is_some_and(|specs| specs.kind() != Kind::Sequence);
    (!wrong && (spec, specs) != (None, None))
        .then(|| spec.into_iter().chain(specs.into_iter().flat_map(Value::items)))
}

enum Touches {
    Nothing,
    /// It allows traffic without enabling default deny.
    Adds,
    Closes,
}

/// Returns the names of the lists for a direction: allow and deny.
pub(super) fn sections(direction: Direction) -> [&'static str; 2] {
    match direction {
        Direction::Ingress => ["ingress", "ingressDeny"],
        Direction::Egress => ["egress", "egressDeny"],
    }
}

fn touches(rule: Value<'_>, direction: Direction) -> Result<Touches, String> {
    let [allowed, denied] = sections(direction);
    let any =
        |section| -> Result<bool, WrongType<'_>> { Ok(list(rule, &[section])?.next().is_some()) };
    let read = || {
        let closes = boolean(rule, &["enableDefaultDeny", direction.field()])?;
        Ok((any(allowed)?, any(denied)?, closes.map(|(closes, _)| closes)))
    };
    let read: Result<_, WrongType<'_>> = read();
    match read.map_err(|wrong| wrong.to_string())? {
        (false, false, Some(true)) => {
            Err("`enableDefaultDeny` without rules is not valid in every version".into())
        }
        (false, false, _) => Ok(Touches::Nothing),
        (_, true, Some(false)) => {
            Err("it denies some traffic and leaves the rest unrestricted".into())
        }
        (true, false, Some(false)) => Ok(Touches::Adds),
        _ => Ok(Touches::Closes),
    }
}

/// Returns the reason why an agent would ignore the policy, or why its effect is not modelled.
pub(super) fn flaw(policy: &Object) -> Option<String> {
    rules(policy)?.find_map(|rule| {
        let known = |key: &str| {
            [
                "endpointSelector",
                "nodeSelector",
                "enableDefaultDeny",
                "labels",
                "description",
                "log",
            ]
            .contains(&key)
        };
        let is_section = |key: &str| {
            [Direction::Ingress, Direction::Egress].into_iter().any(|d| sections(d).contains(&key))
        };
        let unknown = rule.entries().find(|(key, _)| !known(key) && !is_section(key));
        if let Some((key, _)) = unknown {
            return Some(format!("`{key}` is not evaluated"));
        }
        if is_set(rule, "endpointSelector") == is_set(rule, "nodeSelector") {
            return Some("a rule needs either `endpointSelector` or `nodeSelector`".into());
        }
        [Direction::Ingress, Direction::Egress].into_iter().find_map(|direction| {
            sections(direction).into_iter().find_map(|section| match list(rule, &[section]) {
                Ok(mut entries) => entries.find_map(|entry| entry_flaw(entry, direction)),
                Err(wrong) => Some(wrong.to_string()),
            })
        })
    })
}

/// The fields for peers, of which an entry may have only one.
pub(super) fn peer_fields(direction: Direction) -> &'static [&'static str] {
    match direction {
        Direction::Ingress => {
            &["fromEndpoints", "fromCIDR", "fromCIDRSet", "fromEntities", "fromNodes", "fromGroups"]
        }
        Direction::Egress => &[
            "toEndpoints",
            "toCIDR",
            "toCIDRSet",
            "toEntities",
            "toServices",
            "toFQDNs",
            "toGroups",
            "toNodes",
        ],
    }
}

const ENTITIES: [&str; 13] = [
    "all",
    "world",
    "world-ipv4",
    "world-ipv6",
    "cluster",
    "host",
    "init",
    "ingress",
    "remote-node",
    "health",
    "unmanaged",
    "none",
    "kube-apiserver",
];

fn entry_flaw(entry: Value<'_>, direction: Direction) -> Option<String> {
    if entry.kind() != Kind::Mapping {
        return Some("a rule is not a map".into());
    }
    let peers = peer_fields(direction);
    let more = ["toPorts", "icmps", "authentication", "fromRequires", "toRequires"];
    let unknown = entry.entries().find(|(key, _)| !peers.contains(key) && !more.contains(key));
    if let Some((key, _)) = unknown {
        return Some(format!("`{key}` is not evaluated"));
    }
    if let Some((key, _)) = entry
        .entries()
        .find(|(_, v)| !matches!(v.kind(), Kind::Sequence | Kind::Mapping | Kind::Null))
    {
        return Some(format!("`{key}` has the wrong type"));
    }
    let filled = |field: &str| entry.list(field).next().is_some();
    let mut named = peers.iter().copied().filter(|field| filled(field));
    if let (Some(one), Some(other)) = (named.next(), named.next()) {
        return Some(format!("Cilium rejects `{one}` and `{other}` in one rule"));
    }
    if filled("toPorts") && (filled("icmps") || filled("toServices")) {
        return Some("Cilium rejects `toPorts` together with `icmps` or `toServices`".into());
    }
    let mut entities = ["fromEntities", "toEntities"].iter().flat_map(|field| entry.list(field));
    let unknown = entities.find(|e| e.as_str().is_none_or(|e| !ENTITIES.contains(&e)));
    unknown.map(|entity| {
        format!("`{}` is not an entity of Cilium", entity.scalar_text().unwrap_or_default())
    })
}

/// Returns whether the rule selects the pod: it has all labels that the `endpointSelector`
/// requires.
fn selects<'a>(rule: Value<'a>, policy: &'a Object, pod: Pod<'a>, cx: &View<'a>) -> Selects {
    let Some(selector) = rule.get("endpointSelector").filter(|s| !s.is_null()) else {
        // Rules for nodes apply to pods on the host network.
        return match rule.get("nodeSelector").is_some_and(|s| s.kind() == Kind::Mapping) {
            true => Selects::No,
            false => Selects::Maybe,
        };
    };
    let namespaced = policy.is(kinds::CILIUM_NETWORK_POLICY);
    let mut selects = match namespaced {
        true => selects_pod(None, policy.namespace(), pod),
        false => Selects::Yes,
    };
    if selects == Selects::No {
        return Selects::No;
    }
    if !is_plain_selector(selector) {
        return Selects::Maybe;
    }
    let Ok(labels) = map(selector, &["matchLabels"]) else { return Selects::Maybe };
    for (key, value) in labels.into_iter().flat_map(Value::entries) {
        selects = selects.and(match value.as_str() {
            Some(value) => wants(label(pod, namespaced, key, cx), "In", &[value]),
            None => Selects::Maybe,
        });
    }
    let Ok(expressions) = list(selector, &["matchExpressions"]) else { return Selects::Maybe };
    for expression in expressions {
        let values: Vec<_> = expression.list("values").filter_map(Value::as_str).collect();
        selects = selects.and(match (expression.str("key"), expression.str("operator")) {
            (Some(key), Some(operator)) => {
                wants(label(pod, namespaced, key, cx), operator, &values)
            }
            _ => Selects::Maybe,
        });
    }
    selects
}

/// Returns whether the pod meets a requirement.
fn wants(label: Label<'_>, operator: &str, values: &[&str]) -> Selects {
    match label {
        Label::Is(own) => match operator {
            "In" => values.contains(&own).into(),
            "NotIn" => (!values.contains(&own)).into(),
            "Exists" => Selects::Yes,
            "DoesNotExist" => Selects::No,
            _ => Selects::Maybe,
        },
        Label::Own(own) => match operator {
            "In" => values.contains(&own).into(),
            "Exists" => Selects::Yes,
            "NotIn" if !values.contains(&own) => Selects::Yes,
            // A label that an agent is configured to ignore meets these.
            _ => Selects::Maybe,
        },
        Label::Absent => match operator {
            "In" | "Exists" => Selects::No,
            "NotIn" | "DoesNotExist" => Selects::Yes,
            _ => Selects::Maybe,
        },
        Label::IsOrAbsent(own) => match operator {
            "In" if !values.contains(&own) => Selects::No,
            "NotIn" if !values.contains(&own) => Selects::Yes,
            _ => Selects::Maybe,
        },
        Label::Unknown => Selects::Maybe,
    }
}

/// A label of the pod's endpoint.
enum Label<'a> {
    /// Set by Cilium, and never ignored.
    Is(&'a str),
    /// Set on the pod.
    Own(&'a str),
    Absent,
    /// Set on the pod, but Cilium may ignore it by default.
    IsOrAbsent(&'a str),
    Unknown,
}

fn label<'a>(pod: Pod<'a>, namespaced: bool, key: &str, cx: &View<'a>) -> Label<'a> {
    let key = ["k8s:", "any:"].iter().find_map(|source| key.strip_prefix(source)).unwrap_or(key);
    if let Some(reserved) = key.strip_prefix("reserved:").or(key.strip_prefix("reserved.")) {
        // A pod has `reserved:init` while its labels are not known, and no other reserved label.
        return if reserved == "init" { Label::Unknown } else { Label::Absent };
    }
    let namespace = Some(pod.object().namespace()).filter(|namespace| !namespace.is_empty());
    if let Some(key) = key.strip_prefix("io.cilium.k8s.namespace.labels.") {
        return match namespace_label(pod, key, cx) {
            Known::Is(value) => Label::Is(value),
            Known::Absent => Label::Absent,
            Known::Unknown => Label::Unknown,
        };
    }
    match key {
        // For a namespaced policy, Cilium sets it itself.
        "io.kubernetes.pod.namespace" if namespaced => return Label::Unknown,
        "io.kubernetes.pod.namespace" => return namespace.map_or(Label::Unknown, Label::Is),
        _ if key.contains(':') => return Label::Unknown,
        _ if key.starts_with("io.kubernetes.") || key.starts_with("io.cilium.") => {
            return Label::Unknown;
        }
        _ => {}
    }
    match pod.labels().find(|(own, _)| *own == key) {
        Some((_, own)) if is_left_out(key) => Label::IsOrAbsent(own),
        Some((_, own)) => Label::Own(own),
        None if pod.added_label(key) == pavisade_snapshot::Label::Absent => Label::Absent,
        None => Label::Unknown,
    }
}

/// Whether a label is ignored by default (docs.cilium.io, *Limiting Identity-Relevant Labels*).
fn is_left_out(key: &str) -> bool {
    let starts = [
        "kubernetes.io",
        "k8s.io",
        "annotation",
        "etcd_node",
        "controller-uid",
        "pod-template-",
        "controller-revision-hash",
        "statefulset.kubernetes.io/",
        "apps.kubernetes.io/",
        "batch.kubernetes.io/",
        "topology.kubernetes.io/",
    ];
    starts.iter().any(|start| key.starts_with(start)) || key.contains("beta.kubernetes.io")
}

/// Returns entries that allow everything, unless their rule also denies something.
pub(super) fn open_rules(policy: &Object) -> Vec<(Direction, Claim<'_>)> {
    let Some(rules) = rules(policy) else {
        let why = "it has no rules that can be parsed";
        return vec![(Direction::Ingress, Claim::unknown(policy.value(), why))];
    };
    let mut claims = Vec::new();
    for rule in rules {
        for direction in [Direction::Ingress, Direction::Egress] {
            let [allowed, denied] = sections(direction);
            match (list(rule, &[allowed]), list(rule, &[denied]).map(|mut d| d.next().is_some())) {
                (Ok(entries), Ok(false)) => {
                    let open =
                        entries.filter_map(|entry| open_entry(entry, direction, rule, policy));
                    claims.extend(open.map(|claim| (direction, claim)));
                }
                (Ok(_), Ok(true)) => {}
                (Err(wrong), _) | (_, Err(wrong)) => claims.push((direction, wrong.into())),
            }
        }
    }
    claims
}

fn open_entry<'a>(
    entry: Value<'a>,
    direction: Direction,
    rule: Value<'a>,
    policy: &Object,
) -> Option<Claim<'a>> {
    if entry_flaw(entry, direction).is_some() || !every_port(entry) {
        return None;
    }
    let filled = |field: &str| entry.list(field).next().is_some();
    if ["icmps", "fromRequires", "toRequires"].iter().any(|field| filled(field))
        || is_set(entry, "authentication")
    {
        return None;
    }
    let peers = peer_fields(direction);
    // An empty list of peers allows nothing, regardless of other fields.
    if peers.iter().any(|field| is_set(entry, field) && !filled(field)) {
        return None;
    }
    let Some(field) = peers.iter().copied().find(|field| filled(field)) else {
        // Without any field it allows nothing. Ports alone are open to everyone.
        return filled("toPorts").then(|| Claim::fails(entry, everywhere(direction)));
    };
    let outside = match direction {
        Direction::Ingress => {
            "this rule allows connections from every address outside the cluster on every port"
        }
        Direction::Egress => {
            "this rule allows connections to every address outside the cluster on every port"
        }
    };
    let every_pod = "this rule allows connections from every pod in the cluster on every port, as \
                     if there were no policy";
    let of_pods = direction == Direction::Ingress && !is_set(rule, "nodeSelector");
    let mut elements = entry.list(field);
    match field {
        "fromEntities" | "toEntities" => {
            let entity = |name: &str| entry.list(field).find(|e| e.as_str() == Some(name));
            let (world, cluster) = (entity("world"), entity("cluster"));
            match (entity("all"), world, cluster) {
                (Some(all), _, _) | (None, Some(all), Some(_)) => {
                    Some(Claim::fails(all, everywhere(direction)))
                }
                (None, Some(world), None) => Some(Claim::fails(world, outside)),
                (None, None, Some(cluster)) if of_pods => Some(Claim::fails(cluster, every_pod)),
                _ => None,
            }
        }
        "fromCIDR" | "toCIDR" | "fromCIDRSet" | "toCIDRSet" => {
            let of_element = |element: Value<'a>| match element.kind() {
                Kind::Mapping if element.list("except").next().is_none() => {
                    block(element.str("cidr")?)
                }
                _ => block(element.as_str()?),
            };
            let blocks: Vec<_> = elements.filter_map(of_element).collect();
            let place = entry.get(field)?;
            cover_everything(&blocks).then(|| Claim::fails(place, outside))
        }
        "fromEndpoints" if of_pods => {
            let namespaced = policy.is(kinds::CILIUM_NETWORK_POLICY);
            let all = elements.find(|selector| is_every_pod(*selector, namespaced))?;
            Some(Claim::fails(all, every_pod))
        }
        _ => None,
    }
}

fn is_set(value: Value<'_>, field: &str) -> bool {
    value.get(field).is_some_and(|v| !v.is_null())
}

/// Whether an entry restricts neither ports nor the content of requests.
fn every_port(entry: Value<'_>) -> bool {
    let mut rules = entry.list("toPorts").peekable();
    rules.peek().is_none()
        || rules.any(|rule| {
            rule.entries().all(|(key, _)| key == "ports")
                && rule.list("ports").any(|port| {
                    let any = matches!(port.str("protocol"), None | Some("ANY" | "TCP"));
                    let last = port.get("endPort").and_then(Value::as_i64);
                    any && match port.str("port") {
                        Some("0") => true,
                        Some("1") => last.is_some_and(|last| last >= 65535),
                        _ => false,
                    }
                })
        })
}

/// Whether the peers are all pods of all namespaces. In a namespaced policy, a selector without a
/// namespace label only selects pods of that namespace.
fn is_every_pod(selector: Value<'_>, namespaced: bool) -> bool {
    if !is_plain_selector(selector) {
        return false;
    }
    let labels = selector.get("matchLabels").into_iter().flat_map(Value::entries).count();
    let mut expressions = selector.list("matchExpressions");
    match (labels, expressions.next(), expressions.next()) {
        (0, None, None) => !namespaced,
        (0, Some(one), None) => {
            let key = one.str("key").unwrap_or("");
            key.strip_prefix("k8s:").unwrap_or(key) == "io.kubernetes.pod.namespace"
                && one.str("operator") == Some("Exists")
        }
        _ => false,
    }
}
