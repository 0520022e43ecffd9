//! Who there is: workloads, the pods they make, and namespaces.
//!
//! Pods of one workload that policies cannot tell apart are one party. A workload whose pods were
//! read is known by them; its template counts where there are none.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;

use pavisade_model::kinds;
use pavisade_snapshot::{ContainerKind, Label, Object, Pod, View};
use pavisade_yaml::Value;

use crate::addresses::{Addresses, Cuts};
use crate::connections::Protocol;
use crate::profile::Assumptions;
use crate::selector::{Labels, Selector};

/// A namespace.
#[derive(Debug, Clone)]
pub struct Namespace {
    /// Its name; empty for one that stands for any.
    pub name: String,
    /// What is known of its labels.
    pub labels: Labels,
    /// Its object, where it was read.
    pub object: Option<Object>,
}

/// What makes pods, or pods that nothing made.
#[derive(Debug, Clone)]
pub struct Workload {
    /// Its namespace, with the default where it names none.
    pub namespace: String,
    /// `Deployment`, `Pod`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The object that it is known by; the last owner itself may not have been read.
    pub object: Object,
    /// How many pods were read; none where it is known by its template.
    pub pods: usize,
    /// Its parties, by their place in [`crate::Network::parties`].
    pub parties: Vec<usize>,
}

impl Workload {
    /// `shop/web`.
    pub fn path(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// `shop/web[Deployment]`.
    pub fn label(&self) -> String {
        format!("{}/{}[{}]", self.namespace, self.name, self.kind)
    }
}

/// A port that a pod declares.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NamedPort {
    /// Its name; empty where it has none.
    pub name: String,
    /// Its protocol.
    pub protocol: Protocol,
    /// Its number.
    pub number: u16,
    /// Whether it is a port of its pod's node as well.
    pub on_node: bool,
}

/// What a party is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Pods of a workload, by its place in [`crate::Network::workloads`].
    Pods(usize),
    /// Addresses outside of the cluster.
    Outside(Addresses),
    /// Pods that do not exist yet: in a namespace with such labels, with such labels.
    Imagined(Selector, Selector),
}

/// One end of connections.
#[derive(Debug, Clone)]
pub struct Party {
    /// What it is.
    pub kind: Kind,
    /// What is known of the labels of its pods.
    pub labels: Labels,
    /// Its namespace, by its place; none for what is outside of the cluster.
    pub namespace: Option<usize>,
    /// Whether it is in its node's network, where policies do not reach it.
    pub host_network: bool,
    /// The ports that it declares.
    pub ports: Vec<NamedPort>,
    /// Whether these are all; those of imagined pods are not known.
    pub ports_known: bool,
    /// The addresses of its pods, where they are known.
    pub addresses: Option<Addresses>,
    /// Whether it stands for pods that a selector selects only where it must.
    pub typical: bool,
}

impl Party {
    /// Addresses outside of the cluster.
    pub fn outside(addresses: Addresses) -> Self {
        Self {
            kind: Kind::Outside(addresses.clone()),
            labels: Labels::default(),
            namespace: None,
            host_network: false,
            ports: Vec::new(),
            ports_known: true,
            addresses: Some(addresses),
            typical: false,
        }
    }

    /// Pods that may be made, in a namespace with `labels`.
    pub fn imagined(namespaces: Selector, pods: Selector, namespace: usize) -> Self {
        Self {
            kind: Kind::Imagined(namespaces, pods),
            labels: Labels { open: true, ..Labels::default() },
            namespace: Some(namespace),
            host_network: false,
            ports: Vec::new(),
            ports_known: false,
            addresses: None,
            typical: false,
        }
    }
}

/// Namespaces, workloads and parties as they are read.
#[derive(Debug, Default)]
pub(crate) struct Cast {
    pub(crate) namespaces: Vec<Namespace>,
    pub(crate) workloads: Vec<Workload>,
    pub(crate) parties: Vec<Party>,
    names: HashMap<String, usize>,
}

/// What tells parties of a workload apart.
type Key = (usize, Labels, Vec<NamedPort>, bool, Option<usize>);

/// Addresses that no block tells apart have one class.
struct Apart<'a> {
    blocks: &'a [Addresses],
    cuts: Cuts,
    by_place: HashMap<Vec<(bool, usize, usize)>, usize>,
    classes: HashMap<Vec<bool>, usize>,
}

impl<'a> Apart<'a> {
    fn new(blocks: &'a [Addresses]) -> Self {
        let cuts = Cuts::new(blocks);
        Self { blocks, cuts, by_place: HashMap::new(), classes: HashMap::new() }
    }

    fn class(&mut self, of: &Addresses) -> usize {
        let places = self.cuts.places(of);
        if let Some(known) = self.by_place.get(&places) {
            return *known;
        }
        let inside = |b: &Addresses| [of.is_subset(b), !of.intersect(b).is_empty()];
        let inside = self.blocks.iter().flat_map(inside).collect();
        let next = self.classes.len();
        let class = *self.classes.entry(inside).or_insert(next);
        self.by_place.insert(places, class);
        class
    }
}

impl Cast {
    /// Reads all of them. `blocks` are the sets of addresses that policies name: pods whose
    /// addresses these tell apart are different parties.
    pub(crate) fn read(view: &View<'_>, blocks: &[Addresses], assumed: &Assumptions) -> Self {
        let mut cast = Self::default();
        let objects: Vec<&Object> =
            kinds::WORKLOADS.iter().flat_map(|kind| view.list(*kind).objects).collect();
        let known: HashSet<_> = objects.iter().map(|object| id(object, assumed)).collect();
        let mut owners = HashMap::new();
        for object in &objects {
            if let Some(owner) = owner(object, assumed) {
                owners.insert(id(object, assumed), owner);
            }
        }
        let root = |object: &Object| {
            let mut at = id(object, assumed);
            // Owners of owners; a chain is a few long.
            for _ in 0..8 {
                match owners.get(&at) {
                    Some(owner) => at = owner.clone(),
                    None => break,
                }
            }
            at
        };
        let mut workloads: BTreeMap<(String, String, String), usize> = BTreeMap::new();
        let mut parties: HashMap<Key, usize> = HashMap::new();
        let mut blocks = Apart::new(blocks);
        // Pods first: a template counts where a workload has none.
        let pods = objects.iter().filter(|object| object.is(kinds::POD));
        let others = objects.iter().filter(|object| !object.is(kinds::POD));
        for object in pods.chain(others) {
            let is_pod = object.is(kinds::POD);
            if is_pod && !assumed.finished_pods && is_done(object) || object.is_patch() {
                continue;
            }
            let root = root(object);
            let own = root == id(object, assumed);
            if !is_pod && !own && known.contains(&root) {
                continue;
            }
            let (namespace, kind, name) = root;
            let key = (namespace.clone(), kind.clone(), name.clone());
            let place = *workloads.entry(key).or_insert_with(|| {
                cast.workloads.push(Workload {
                    namespace,
                    kind,
                    name,
                    object: (*object).clone(),
                    pods: 0,
                    parties: Vec::new(),
                });
                cast.workloads.len() - 1
            });
            if own {
                // Its place is the one that people look at.
                cast.workloads[place].object = (*object).clone();
            }
            if !is_pod && cast.workloads[place].pods > 0 {
                continue;
            }
            for pod in object.pods() {
                cast.add(pod, place, &mut blocks, &mut parties, assumed);
            }
            cast.workloads[place].pods += usize::from(is_pod);
        }
        cast.workloads.retain(|workload| !workload.parties.is_empty());
        cast.order();
        for namespace in view.list(kinds::NAMESPACE).objects {
            cast.namespace(namespace.name(), assumed);
        }
        cast.label_namespaces(view, assumed);
        cast
    }

    /// Orders workloads by namespace, name and kind.
    fn order(&mut self) {
        let by = |w: &Workload| (w.namespace.clone(), w.name.clone(), w.kind.clone());
        self.workloads.sort_by_cached_key(by);
        for (place, workload) in self.workloads.iter().enumerate() {
            for party in &workload.parties {
                self.parties[*party].kind = Kind::Pods(place);
            }
        }
    }

    /// The place of a namespace.
    pub(crate) fn namespace(&mut self, name: &str, _assumed: &Assumptions) -> usize {
        if let Some(place) = self.names.get(name) {
            return *place;
        }
        let namespace =
            Namespace { name: name.to_owned(), labels: Labels::default(), object: None };
        self.namespaces.push(namespace);
        self.names.insert(name.to_owned(), self.namespaces.len() - 1);
        self.namespaces.len() - 1
    }

    fn label_namespaces(&mut self, view: &View<'_>, assumed: &Assumptions) {
        for namespace in &mut self.namespaces {
            namespace.object = view.get(kinds::NAMESPACE, "", &namespace.name).cloned();
            let labels = namespace.object.iter().flat_map(|o| o.at(&["metadata", "labels"]));
            let labels = labels.flat_map(Value::entries);
            let labels = labels.filter_map(|(key, value)| Some((key, value.as_str()?)));
            namespace.labels = Labels::exactly(labels);
            // The API server sets it, whatever the object says.
            let name = ("kubernetes.io/metadata.name".to_owned(), namespace.name.clone());
            namespace.labels.known.extend([name]);
            namespace.labels.open = namespace.object.is_none() && !assumed.labels_absent;
        }
    }

    fn add(
        &mut self,
        pod: Pod<'_>,
        workload: usize,
        blocks: &mut Apart<'_>,
        parties: &mut HashMap<Key, usize>,
        assumed: &Assumptions,
    ) {
        let mut labels = Labels::exactly(pod.labels());
        if !assumed.labels_absent {
            add_unsure(&mut labels, pod);
        }
        let mut ports: Vec<_> = pod.containers().flat_map(ports_of).collect();
        ports.sort();
        ports.dedup();
        let host_network = !assumed.host_network_as_pods
            && pod.at(&["hostNetwork"]).and_then(Value::as_bool) == Some(true);
        let addresses = addresses_of(pod, host_network);
        let apart = addresses.as_ref().map(|all| blocks.class(all));
        let key = (workload, labels.clone(), ports.clone(), host_network, apart);
        match parties.get(&key) {
            Some(place) => {
                let party = &mut self.parties[*place];
                if let (Some(known), Some(more)) = (&party.addresses, &addresses) {
                    party.addresses = Some(known.union(more));
                }
            }
            None => {
                let namespace = self.workloads[workload].namespace.clone();
                let namespace = Some(self.namespace(&namespace, assumed));
                parties.insert(key, self.parties.len());
                self.workloads[workload].parties.push(self.parties.len());
                self.parties.push(Party {
                    kind: Kind::Pods(workload),
                    labels,
                    namespace,
                    host_network,
                    ports,
                    ports_known: true,
                    addresses,
                    typical: false,
                });
            }
        }
    }
}

type Id = (String, String, String);

fn id(object: &Object, assumed: &Assumptions) -> Id {
    (namespace_of(object, assumed), object.kind().to_owned(), object.name().to_owned())
}

pub(crate) fn namespace_of(object: &Object, assumed: &Assumptions) -> String {
    match object.namespace() {
        "" => assumed.namespace.clone(),
        namespace => namespace.to_owned(),
    }
}

/// The controller that made it; a node is none that makes pods.
fn owner(object: &Object, assumed: &Assumptions) -> Option<Id> {
    let owners = object.at(&["metadata", "ownerReferences"])?;
    let controls = |owner: &Value<'_>| owner.bool("controller") == Some(true);
    // Dumps of clusters may leave the field out.
    let owner = owners.items().find(controls).or_else(|| owners.items().next())?;
    // Without a kind it is known by its name.
    let (kind, name) = (owner.str("kind").unwrap_or(object.kind()), owner.str("name")?);
    (kind != "Node").then(|| (namespace_of(object, assumed), kind.to_owned(), name.to_owned()))
}

/// Whether a pod ran to its end: it has no network any more.
fn is_done(pod: &Object) -> bool {
    let phase = pod.at(&["status", "phase"]).and_then(Value::as_str);
    matches!(phase, Some("Succeeded" | "Failed"))
}

fn ports_of(
    container: pavisade_snapshot::Container<'_>,
) -> impl Iterator<Item = NamedPort> + use<'_> {
    let runs = matches!(container.kind(), ContainerKind::Main | ContainerKind::Sidecar);
    let ports = runs.then(|| container.value().list("ports")).into_iter().flatten();
    ports.filter_map(|port| {
        let number = port.get("containerPort")?.as_i64()?;
        let protocol = Protocol::read(port.str("protocol").unwrap_or("TCP"))?;
        let name = port.str("name").unwrap_or("").to_owned();
        // An address of the node that only the node itself reaches is no way in.
        let address = port.str("hostIP").and_then(|ip| ip.parse::<IpAddr>().ok());
        let on_node = port.get("hostPort").and_then(|port| port.as_i64()).is_some_and(|p| p > 0)
            && !address.is_some_and(|ip| ip.is_loopback());
        Some(NamedPort { name, protocol, number: u16::try_from(number).ok()?, on_node })
    })
}

/// Addresses of a pod as its status has them; those of its node where it uses that one's network.
fn addresses_of(pod: Pod<'_>, host_network: bool) -> Option<Addresses> {
    let object = pod.object();
    let status = object.at(&["status"]).filter(|_| object.is(kinds::POD))?;
    let (list, one, field) = match host_network {
        true => ("hostIPs", "hostIP", "ip"),
        false => ("podIPs", "podIP", "ip"),
    };
    let listed = status.list(list).filter_map(|entry| entry.str(field));
    let all = listed.chain(status.str(one)).filter_map(|text| text.parse::<IpAddr>().ok());
    let all = all.fold(Addresses::default(), |all, ip| all.union(&Addresses::one(ip)));
    (!all.is_empty()).then_some(all)
}

/// Labels that a workload's controller puts on its pods, with whatever value.
fn add_unsure(labels: &mut Labels, pod: Pod<'_>) {
    let Some(keys) = pod.added_labels() else {
        labels.open = true;
        return;
    };
    for key in keys.iter().filter(|key| !labels.known.contains_key(**key)).collect::<Vec<_>>() {
        match pod.added_label(key) {
            Label::Is(value) => _ = labels.known.insert((*key).to_owned(), value.to_owned()),
            Label::Unknown => labels.unsure.push((*key).to_owned()),
            Label::Absent => {}
        }
    }
}
