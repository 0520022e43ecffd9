//! Policies as their objects write them.

mod admin;
mod network;

use pavisade_model::kinds;
use pavisade_snapshot::Object;
use pavisade_yaml::{NodeId, Value};

use crate::connections::{Connections, Protocol};
use crate::policy::{Direction, Flaw, FlawKind, Policy, Rule};

/// Reads a policy; `None` where the object is of none of the kinds that are weighed.
pub(crate) fn policy(object: &Object, default_namespace: &str) -> Option<Policy> {
    if object.is(kinds::NETWORK_POLICY) {
        return Some(Policy::network(object, default_namespace));
    }
    let is_admin = [
        kinds::CLUSTER_NETWORK_POLICY,
        kinds::ADMIN_NETWORK_POLICY,
        kinds::BASELINE_ADMIN_NETWORK_POLICY,
    ];
    is_admin.into_iter().any(|kind| object.is(kind)).then(|| Policy::of_cluster(object))
}

impl Policy {
    /// Reads a NetworkPolicy. `default_namespace` is that of an object without one.
    pub fn network(object: &Object, default_namespace: &str) -> Self {
        network::read(object, default_namespace)
    }

    /// Reads a ClusterNetworkPolicy, AdminNetworkPolicy or BaselineAdminNetworkPolicy.
    pub fn of_cluster(object: &Object) -> Self {
        admin::read(object)
    }
}

impl Rule {
    /// Reads the list `egress` of another kind of object in which rules have the form of those of a
    /// NetworkPolicy.
    pub fn egress(list: Value<'_>) -> Vec<Self> {
        network::rules(Some(list), Direction::Egress, "", &mut Flaws::default())
    }
}

/// Notes what is wrong while a policy is read.
#[derive(Default)]
struct Flaws(Vec<Flaw>);

impl Flaws {
    fn note(&mut self, at: NodeId, kind: FlawKind) {
        self.0.push(Flaw { node: at, kind });
    }

    fn value(&mut self, value: Value<'_>, kind: FlawKind) {
        self.note(value.id(), kind);
    }
}

/// A port from 1 to 65535.
fn port_number(value: Value<'_>) -> Option<u16> {
    value.as_i64().and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0)
}

fn range(protocol: Protocol, first: Option<u16>, last: Option<u16>) -> Option<Connections> {
    let (first, last) = (first?, last?);
    (first <= last).then(|| Connections::range(protocol, first, last))
}
