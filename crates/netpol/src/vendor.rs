//! Policies of network plugins. Their rules are not weighed: where one selects a pod, what the pod
//! may do in that direction is unknown.

use pavisade_model::{GroupKind, kinds};
use pavisade_snapshot::{Object, Selects, View};
use pavisade_yaml::{Kind as Form, Value};

use crate::cluster::{Kind, Namespace, Party, namespace_of};
use crate::policy::Direction;
use crate::profile::Assumptions;
use crate::selector::{Labels, Selector};

const KINDS: [(GroupKind, bool); 6] = [
    (kinds::CILIUM_NETWORK_POLICY, true),
    (kinds::CILIUM_CLUSTERWIDE_NETWORK_POLICY, false),
    (kinds::CALICO_NETWORK_POLICY, true),
    (kinds::CALICO_NETWORK_POLICY_CRD, true),
    (kinds::CALICO_GLOBAL_NETWORK_POLICY, false),
    (kinds::CALICO_GLOBAL_NETWORK_POLICY_CRD, false),
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
    /// `CiliumNetworkPolicy shop/db`.
    pub fn label(&self) -> String {
        match &*self.namespace {
            "" => format!("{} {}", self.object.kind(), self.object.name()),
            namespace => format!("{} {namespace}/{}", self.object.kind(), self.object.name()),
        }
    }

    /// Whether it may say anything of a party in a direction.
    pub fn selects(&self, party: &Party, namespace: &Namespace, direction: Direction) -> bool {
        if matches!(party.kind, Kind::Outside(_)) || party.host_network {
            return false;
        }
        if !self.namespace.is_empty()
            && !namespace.name.is_empty()
            && self.namespace != namespace.name
        {
            return false;
        }
        match self.object.group() {
            "cilium.io" => self.cilium(party, namespace, direction),
            _ => self.calico(party, direction),
        }
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

    fn calico(&self, party: &Party, direction: Direction) -> bool {
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
                        wanted.selects(|key| party.labels.get(key)) != Selects::No
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

/// Keys of labels may have a prefix that says where the label comes from.
fn selects_endpoint(selector: Value<'_>, labels: &Labels, namespace: &Namespace) -> bool {
    let read = Selector::read(Some(selector));
    let selects = read.selects(|key| {
        let key = ["k8s:", "any:", "k8s.", "any."]
            .iter()
            .find_map(|prefix| key.strip_prefix(prefix))
            .unwrap_or(key);
        if key == "io.kubernetes.pod.namespace" && !namespace.name.is_empty() {
            return pavisade_snapshot::Label::Is(&namespace.name);
        }
        if key.starts_with("io.kubernetes.") || key.starts_with("io.cilium.") || key.contains(':') {
            return pavisade_snapshot::Label::Unknown;
        }
        labels.get(key)
    });
    selects != Selects::No
}
