//! All that has a say: policies, parties, and what leads to pods.

use std::collections::BTreeSet;

use pavisade_model::{GroupKind, kinds};
use pavisade_snapshot::{Coverage, Object, Reads, View};

use crate::addresses::Addresses;
use crate::cluster::{Cast, Namespace, Party, Workload};
use crate::policy::{Peer, Policy};
use crate::profile::Assumptions;
use crate::read;
use crate::selector::Labels;
use crate::service::{Class, Entry, Service};
use crate::vendor::{self, Vendor};

/// The kinds that the picture is made from.
pub const READS: Reads = &[
    kinds::WORKLOADS,
    kinds::NETWORK_POLICIES,
    kinds::PLUGIN_POLICIES,
    &[kinds::NAMESPACE, kinds::SERVICE, kinds::ENDPOINT_SLICE, kinds::NODE, kinds::INGRESS_CLASS],
    kinds::ENTRIES,
    &[kinds::ROUTE],
];

/// Kinds of policies that are weighed rule by rule.
const WEIGHED: [GroupKind; 4] = [
    kinds::NETWORK_POLICY,
    kinds::CLUSTER_NETWORK_POLICY,
    kinds::ADMIN_NETWORK_POLICY,
    kinds::BASELINE_ADMIN_NETWORK_POLICY,
];

/// A world's network.
#[derive(Debug)]
pub struct Network {
    /// What is taken for granted.
    pub assumed: Assumptions,
    /// Namespaces; the last stands for any that is not there.
    pub namespaces: Vec<Namespace>,
    /// Workloads, ordered by namespace and name.
    pub workloads: Vec<Workload>,
    /// Parties of workloads.
    pub parties: Vec<Party>,
    /// Addresses outside of the cluster, cut by what policies name.
    pub outside: Vec<Addresses>,
    /// Policies that are weighed, ordered by tier and priority.
    pub policies: Vec<Policy>,
    /// Policies of network plugins, which are not.
    pub vendors: Vec<Vendor>,
    /// Services.
    pub services: Vec<Service>,
    /// What leads from outside to Services.
    pub entries: Vec<Entry>,
    /// Classes of Ingresses.
    pub classes: Vec<Class>,
    /// Kinds of policies of which not all were read.
    pub unread: Vec<GroupKind>,
    /// Kinds of workloads of which not all were read.
    pub unread_workloads: Vec<GroupKind>,
    /// Kinds of Services and of what leads to them of which not all were read.
    pub unread_entries: Vec<GroupKind>,
    /// The addresses of nodes, where all nodes were read.
    pub nodes: Option<Addresses>,
    /// Whether something says that pods have IPv6 addresses beside others.
    pub has_v6: bool,
}

impl Network {
    /// Reads a world's network. The view must declare [`READS`].
    pub fn read(view: &View<'_>, assumed: Assumptions) -> Self {
        let objects = WEIGHED.into_iter().flat_map(|kind| view.list(kind).objects);
        Self::with_policies(view, assumed, objects)
    }

    /// The same with these policies in place of its own.
    pub fn with_policies<'o>(
        view: &View<'_>,
        assumed: Assumptions,
        policies: impl IntoIterator<Item = &'o Object>,
    ) -> Self {
        let read = |object| read::policy(object, &assumed.namespace);
        let mut policies: Vec<Policy> = policies.into_iter().filter_map(read).collect();
        policies.sort_by_key(|a| (a.tier, a.priority));
        let blocks: BTreeSet<Addresses> = blocks(&policies).cloned().collect();
        let nodes = nodes(view);
        let mut blocks: Vec<_> = blocks.into_iter().collect();
        if let Some(nodes) = nodes.as_ref().filter(|_| names_nodes(&policies)) {
            blocks.push(nodes.clone());
        }
        let mut cast = Cast::read(view, &blocks, &assumed);
        cast.namespaces.push(Namespace {
            name: String::new(),
            labels: Labels { open: true, ..Labels::default() },
            object: None,
        });
        let Cast { namespaces, workloads, parties, .. } = cast;
        let unread = |lists: &[&[GroupKind]]| -> Vec<GroupKind> {
            let mut kinds = lists.concat();
            kinds.retain(|kind| view.coverage(*kind) == Coverage::Unread);
            kinds
        };
        let (services, entries) = Service::read_all(view, &assumed);
        Self {
            outside: Addresses::pieces(&blocks),
            vendors: vendor::read(view, &assumed),
            services,
            entries,
            classes: Class::read_all(view),
            unread: unread(&[kinds::NETWORK_POLICIES, kinds::PLUGIN_POLICIES]),
            unread_workloads: unread(&[kinds::WORKLOADS]),
            unread_entries: unread(&[&[kinds::SERVICE, kinds::ROUTE], kinds::ENTRIES]),
            nodes,
            has_v6: has_v6(view, &parties),
            assumed,
            namespaces,
            workloads,
            parties,
            policies,
        }
    }

    /// Whether policies may be there that were not read.
    pub fn may_have_unread_policies(&self) -> bool {
        self.assumed.files_unread || !self.unread.is_empty()
    }

    /// The namespace that stands for any that is not there.
    pub fn any_namespace(&self) -> usize {
        self.namespaces.len() - 1
    }

    /// A label of a party's namespace and its own, or its addresses, for people.
    pub fn workload_of(&self, party: &Party) -> Option<&Workload> {
        match party.kind {
            crate::cluster::Kind::Pods(place) => self.workloads.get(place),
            _ => None,
        }
    }

    /// A policy's source file and line.
    pub fn place(object: &Object, node: Option<pavisade_yaml::NodeId>) -> (String, u32) {
        let value = node.and_then(|node| object.doc().value(node)).unwrap_or(object.value());
        let source = object.doc().source();
        (source.shown().into_owned(), source.line_at(value.span().start))
    }
}

/// The addresses of all nodes; none where there may be more nodes than were read, or one has no
/// address yet.
fn nodes(view: &View<'_>) -> Option<Addresses> {
    let nodes = view.list(kinds::NODE);
    if nodes.coverage != Coverage::Complete {
        return None;
    }
    let of_node = |node: &Object| {
        let addresses = node.at(&["status"])?.list("addresses");
        let parsed = addresses.filter_map(|one| one.str("address")?.parse().ok());
        let own: Vec<_> = parsed.map(Addresses::one).collect();
        (!own.is_empty()).then_some(own)
    };
    let each: Vec<_> = nodes.objects.into_iter().map(of_node).collect::<Option<_>>()?;
    Some(Addresses::joined(each.iter().flatten()))
}

fn names_nodes(policies: &[Policy]) -> bool {
    let rules = policies.iter().flat_map(|policy| policy.rules.iter().flatten().flatten());
    rules.flat_map(|rule| &rule.peers).any(|peer| matches!(peer, Peer::Nodes(_)))
}

fn has_v6(view: &View<'_>, parties: &[Party]) -> bool {
    let addresses = parties.iter().filter_map(|party| party.addresses.as_ref());
    let of_service = |service: &&Object| {
        let Some(spec) = service.at(&["spec"]) else { return false };
        let dual = spec.str("ipFamilyPolicy").is_some_and(|policy| policy.ends_with("DualStack"));
        dual || spec.list("ipFamilies").any(|family| family.as_str() == Some("IPv6"))
    };
    addresses.into_iter().any(|own| !own.v6().is_empty())
        || view.list(kinds::SERVICE).objects.iter().any(of_service)
}

/// Sets of addresses that policies name.
pub(crate) fn blocks(policies: &[Policy]) -> impl Iterator<Item = &Addresses> {
    let rules = policies.iter().flat_map(|policy| policy.rules.iter().flatten().flatten());
    rules.flat_map(|rule| &rule.peers).filter_map(|peer| match peer {
        Peer::Block(addresses) | Peer::Network(addresses) => Some(addresses),
        _ => None,
    })
}
