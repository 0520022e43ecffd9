//! Properties of the pods that a policy selects, computed once for all policies of a namespace with
//! the same selector.

use std::collections::HashSet;
use std::sync::Arc;

use pavisade_model::kinds;
use pavisade_netpol::Policy;
use pavisade_snapshot::Selects;

use super::policy::{on_host_network, pods_of};
use super::subject::is_subject;
use crate::View;

/// The pods that a selector selects.
#[derive(Debug, Default)]
pub(super) struct Selection {
    /// Whether it selects pods that are not on the host network.
    pub(super) any: bool,
    /// The last selected workload with pods on the host network.
    pub(super) on_host: Option<String>,
    /// Whether it may select further pods.
    pub(super) maybe: bool,
    /// Whether those are not on the host network.
    pub(super) maybe_off_host: bool,
    /// Names and protocols of the ports of selected pods that are not on the host network.
    ports: HashSet<(String, String)>,
}

impl Selection {
    /// Returns the selection of a policy.
    pub(super) fn of(policy: &Policy, cx: &View<'_>) -> Arc<Self> {
        let key = format!("{} {:?}", policy.namespace, policy.subject);
        let find = |cx: &View<'_>, policy: &Policy| Arc::new(Self::find(policy, cx));
        cx.memo::<Self, _, _>(&[kinds::WORKLOADS], key, policy, find)
    }

    fn find(policy: &Policy, cx: &View<'_>) -> Self {
        let mut selection = Self::default();
        for pod in pods_of(policy, cx) {
            let selects = is_subject(&policy.subject, &policy.namespace, pod);
            match (selects, on_host_network(pod)) {
                (Selects::Yes, true) => selection.on_host = Some(pod.object().name().to_owned()),
                (Selects::Yes, false) => {
                    selection.any = true;
                    let ports = pod.containers().flat_map(|c| c.value().list("ports"));
                    selection.ports.extend(ports.filter_map(|port| {
                        let protocol = port.str("protocol").unwrap_or("TCP");
                        Some((port.str("name")?.to_owned(), protocol.to_owned()))
                    }));
                }
                (Selects::Maybe, on_host) => {
                    selection.maybe = true;
                    selection.maybe_off_host |= !on_host;
                }
                (Selects::No, _) => {}
            }
        }
        selection
    }

    /// Whether a pod has a port with that name.
    pub(super) fn has_port(&self, name: &str, protocol: &str) -> bool {
        self.ports.contains(&(name.to_owned(), protocol.to_owned()))
    }
}
