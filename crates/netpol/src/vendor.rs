//! Policies of network plugins. Their rules are not weighed: where one selects a pod, what the pod
//! may do in that direction is unknown.

use pavisade_model::{GroupKind, kinds};
use pavisade_snapshot::{Label, Object, Selects, View};
use pavisade_yaml::{Kind as Form, Value};

use crate::cluster::{Kind, Namespace, Party, namespace_of};
use crate::policy::Direction;
use crate::profile::Assumptions;
use crate::selector::{Labels, Selector};

/// Kinds, and whether they are about pods of their own namespace.
const KINDS: [(GroupKind, bool); 12] = [
    (kinds::CILIUM_NETWORK_POLICY, true),
    (kinds::CILIUM_CLUSTERWIDE_NETWORK_POLICY, false),
    (kinds::CALICO_NETWORK_POLICY, true),
    (kinds::CALICO_NETWORK_POLICY_CRD, true),
    (kinds::CALICO_GLOBAL_NETWORK_POLICY, false),
    (kinds::CALICO_GLOBAL_NETWORK_POLICY_CRD, false),
    (kinds::ANTREA_NETWORK_POLICY, true),
    (kinds::ANTREA_CLUSTER_NETWORK_POLICY, false),
    (kinds::AWS_APPLICATION_NETWORK_POLICY, true),
    (kinds::AWS_CLUSTER_NETWORK_POLICY, false),
    (kinds::AWS_SECURITY_GROUP_POLICY, true),
    (kinds::OVN_EGRESS_FIREWALL, true),
];

/// A policy of a network plugin.
#[derive(Debug, Clone)]
pub struct Vendor {
    /// The object.
    pub object: Object,
    /// Its namespace; empty where it holds for all.
    pub namespace: String,
}

pub(crate) fn read(view: &View<'_>, assumed: &Assumptions) -> Vec<Vendor> {
    let of_kind = |(kind, namespaced): (GroupKind, bool)| {
        let objects = view.list(kind).objects.into_iter();
        objects.map(move |object| Vendor {
            object: object.clone(),
            namespace: if namespaced { namespace_of(object, assumed) } else { String::new() },
        })
    };
    KINDS.into_iter().flat_map(of_kind).collect()
}

impl Vendor {
    /// `CiliumNetworkPolicy shop/db`; with the API group where other kinds have the same name.
    pub fn label(&self) -> String {
        let (group, kind) = (self.object.group(), self.object.kind());
        let kind = match kind {
            "NetworkPolicy" | "ClusterNetworkPolicy" => format!("{kind}.{group}"),
            _ => kind.to_owned(),
        };
        match &*self.namespace {
            "" => format!("{kind} {}", self.object.name()),
            namespace => format!("{kind} {namespace}/{}", self.object.name()),
        }
    }

    /// Whether it is about connections that leave the cluster, and no others.
    pub fn only_to_outside(&self) -> bool {
        self.object.is(kinds::OVN_EGRESS_FIREWALL)
    }

    /// Whether it may say anything of a party in a direction.
    pub fn selects(&self, party: &Party, namespace: &Namespace, direction: Direction) -> bool {
        if matches!(party.kind, Kind::Outside(_)) {
            return false;
        }
        if party.host_network {
            return self.is_about_nodes();
        }
        if !self.namespace.is_empty()
            && !namespace.name.is_empty()
            && self.namespace != namespace.name
        {
            return false;
        }
        match self.object.group() {
            "cilium.io" => self.cilium(party, namespace, direction),
            "crd.antrea.io" => self.antrea(party, namespace, direction),
            "k8s.ovn.org" => direction == Direction::Egress,
            "networking.k8s.aws" | "vpcresources.k8s.aws" => self.aws(party),
            _ => self.calico(party, namespace, direction),
        }
    }

    /// A policy that names nothing in a direction leaves it alone; what it applies to may be named
    /// by its rules as well.
    fn antrea(&self, party: &Party, namespace: &Namespace, direction: Direction) -> bool {
        let spec = self.object.at(&["spec"]);
        let rules = spec.and_then(|spec| spec.get(direction.field()));
        // Rules in a form that cannot be read may be any.
        let speaks = rules.is_some_and(|rules| match rules.kind() {
            Form::Sequence => rules.items().next().is_some(),
            _ => !rules.is_null(),
        });
        let applied = spec.and_then(|spec| spec.get("appliedTo")).filter(|to| !to.is_null());
        let selects = |applied: Value<'_>| {
            let known =
                |(key, _): (&str, Value<'_>)| ["podSelector", "namespaceSelector"].contains(&key);
            if applied.kind() != Form::Mapping || !applied.entries().all(known) {
                return true;
            }
            let read = |field: &str, labels: &Labels| {
                Selector::read(applied.get(field)).selects(|key| labels.get(key)) != Selects::No
            };
            read("podSelector", &party.labels) && read("namespaceSelector", &namespace.labels)
        };
        speaks
            && applied.is_none_or(|list| list.items().next().is_none() || list.items().any(selects))
    }

    /// Where pods are selected by their labels, these can rule a pod out.
    fn aws(&self, party: &Party) -> bool {
        let selector = self.object.at(&["spec", "podSelector"]).filter(|s| !s.is_null());
        selector.is_none_or(|selector| {
            Selector::read(Some(selector)).selects(|key| party.labels.get(key)) != Selects::No
        })
    }

    /// Whether it may select nodes, and so the pods in their network: rules of Cilium for the host, and
    /// what Antrea applies to nodes.
    fn is_about_nodes(&self) -> bool {
        let selects = |value: Value<'_>| value.get("nodeSelector").is_some();
        let spec = self.object.at(&["spec"]);
        let specs = self.object.at(&["specs"]).into_iter().flat_map(Value::items);
        let rules =
            spec.into_iter().flat_map(|spec| spec.list("ingress").chain(spec.list("egress")));
        // Antrea has it for a policy, or for each rule.
        let applied = spec.into_iter().chain(rules).flat_map(|part| part.list("appliedTo"));
        spec.into_iter().chain(specs).chain(applied).any(selects)
    }

    fn cilium(&self, party: &Party, namespace: &Namespace, direction: Direction) -> bool {
        let spec = self.object.at(&["spec"]);
        let specs = self.object.at(&["specs"]).into_iter().flat_map(Value::items);
        let mut rules = spec.into_iter().chain(specs);
        rules.any(|rule| {
            let fields = match direction {
                Direction::Ingress => ["ingress", "ingressDeny"],
                Direction::Egress => ["egress", "egressDeny"],
            };
            let says = |field: &str| rule.get(field).is_some_and(|f| !f.is_null());
            let default = rule.at(&["enableDefaultDeny", direction.field()]).is_some();
            if !fields.into_iter().any(says) && !default {
                return false;
            }
            let Some(endpoints) = rule.get("endpointSelector") else {
                // One for nodes.
                return rule.get("nodeSelector").is_none();
            };
            selects_endpoint(endpoints, &party.labels, namespace)
        })
    }

    fn calico(&self, party: &Party, namespace: &Namespace, direction: Direction) -> bool {
        let spec = self.object.at(&["spec"]);
        let types = spec.and_then(|spec| spec.get("types"));
        let named = |types: Value<'_>| types.items().any(|t| t.as_str() == Some(direction.name()));
        if types.is_some_and(|types| types.kind() == Form::Sequence && !named(types)) {
            return false;
        }
        let selector = spec.and_then(|spec| spec.str("selector")).unwrap_or("").trim();
        // The commonest form, `key == 'value'`, can rule a pod out; of any other it may select it.
        match selector.split_once("==") {
            Some((key, value)) if is_word(key.trim()) => {
                let value = value.trim();
                let quoted = value.strip_prefix(['\'', '"']);
                let bare = quoted.and_then(|v| v.strip_suffix(['\'', '"'])).filter(|v| is_word(v));
                match bare {
                    Some(bare) => {
                        let wanted = Selector::of_labels([(key.trim(), bare)]);
                        wanted.selects(|key| calico_label(key, party, namespace)) != Selects::No
                    }
                    None => true,
                }
            }
            _ => true,
        }
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "-_./".contains(c))
}

/// Calico adds labels of its own to pods, and those of their namespaces (`pcns.`) and service
/// accounts (`pcsa.`).
fn calico_label<'a>(key: &str, party: &'a Party, namespace: &'a Namespace) -> Label<'a> {
    match key {
        "pcns.projectcalico.org/name" if !namespace.name.is_empty() => Label::Is(&namespace.name),
        _ if key.starts_with("pcns.projectcalico.org/") => Label::Unknown,
        _ if key.starts_with("pcns.") => namespace.labels.get(&key["pcns.".len()..]),
        "projectcalico.org/namespace" if !namespace.name.is_empty() => Label::Is(&namespace.name),
        _ if key.starts_with("projectcalico.org/") || key.starts_with("pcsa.") => Label::Unknown,
        _ => party.labels.get(key),
    }
}

/// Keys of labels may have a prefix that says where the label comes from, with a colon behind it.
/// `k8s.io/x` has none.
fn selects_endpoint(selector: Value<'_>, labels: &Labels, namespace: &Namespace) -> bool {
    let read = Selector::read(Some(selector));
    let selects = read.selects(|key| {
        let key = ["k8s:", "any:"].iter().find_map(|p| key.strip_prefix(p)).unwrap_or(key);
        if key == "io.kubernetes.pod.namespace" && !namespace.name.is_empty() {
            return Label::Is(&namespace.name);
        }
        // Labels that Cilium adds, and those of other sources (`reserved:`, `cidr:`, `container:`).
        let added = ["io.kubernetes.", "io.cilium.", "reserved.", "$"];
        if key.contains(':') || added.iter().any(|prefix| key.starts_with(prefix)) {
            return Label::Unknown;
        }
        labels.get(key)
    });
    selects != Selects::No
}
