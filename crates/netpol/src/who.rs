//! Ends of a question as users write them.

use std::net::IpAddr;

use crate::addresses::Addresses;
use crate::cluster::{Kind, Party};
use crate::connections::Connections;
use crate::engine::{Engine, PartyId};
use crate::selector::{Labels, Selector};
use crate::verdict::Verdict;

/// An end of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// A workload, by its place.
    Workload(usize),
    /// A Service, by its place.
    Service(usize),
    /// Addresses outside of the cluster.
    Outside(Addresses),
    /// Any pod that no selector singles out.
    AnyPod,
    /// A pod with such labels in a namespace, there or not.
    Pod(String, Vec<(String, String)>),
}

/// Why an end is not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unclear {
    /// Nothing is called so. These are: the nearest first.
    NotFound(Vec<String>),
    /// Several are called so.
    Several(Vec<String>),
}

impl Who {
    /// Reads `NAMESPACE/NAME`, `NAMESPACE/KIND/NAME`, `NAME`, `service/NAMESPACE/NAME`, an address or a
    /// block, `internet`, `any-pod`, or `pod:KEY=VALUE,…@NAMESPACE`.
    ///
    /// # Errors
    /// Nothing is called so, or several.
    pub fn read(text: &str, engine: &Engine) -> Result<Self, Unclear> {
        let text = text.trim();
        match text {
            "internet" | "outside" => return Ok(Self::Outside(Addresses::all())),
            "any-pod" | "any" => return Ok(Self::AnyPod),
            _ => {}
        }
        if let Some(labels) = text.strip_prefix("pod:") {
            let (labels, namespace) = labels.split_once('@').unwrap_or((labels, "default"));
            let pairs = labels.split(',').filter(|label| !label.is_empty());
            let pairs = pairs.map(|label| {
                let (key, value) = label.split_once('=')?;
                Some((key.to_owned(), value.to_owned()))
            });
            return match pairs.collect() {
                Some(labels) => Ok(Self::Pod(namespace.to_owned(), labels)),
                None => Err(Unclear::NotFound(Vec::new())),
            };
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::of_address(address, engine));
        }
        if let Some(block) = Addresses::read(text) {
            return Ok(Self::Outside(block));
        }
        let network = engine.network();
        let service = text.strip_prefix("service/").or_else(|| text.strip_prefix("svc/"));
        if let Some(path) = service {
            let is = |s: &crate::Service| s.path() == path || s.object.name() == path;
            let found = network.services.iter().enumerate().filter(|(_, s)| is(s));
            let found: Vec<_> = found.map(|(place, s)| (place, s.path())).collect();
            let all = network.services.iter().map(|s| format!("service/{}", s.path()));
            return one(found, path, all).map(Self::Service);
        }
        let words: Vec<_> = text.split('/').collect();
        let is = |w: &crate::Workload| match words[..] {
            [name] => w.name == name || w.label() == text,
            [namespace, name] => w.namespace == namespace && (w.name == name || w.label() == text),
            [namespace, kind, name] => {
                w.namespace == namespace && w.name == name && w.kind.eq_ignore_ascii_case(kind)
            }
            _ => false,
        };
        let found = network.workloads.iter().enumerate().filter(|(_, w)| is(w));
        let found: Vec<_> = found.map(|(place, w)| (place, w.label())).collect();
        one(found, text, network.workloads.iter().map(crate::Workload::path)).map(Self::Workload)
    }

    fn of_address(address: IpAddr, engine: &Engine) -> Self {
        let has = |party: &Party| {
            !party.host_network && party.addresses.as_ref().is_some_and(|a| a.contains(address))
        };
        let pods = engine.parties().iter().filter(|party| matches!(party.kind, Kind::Pods(_)));
        let mut owners = pods.filter(|party| has(party)).filter_map(|party| match party.kind {
            Kind::Pods(workload) => Some(workload),
            _ => None,
        });
        match owners.next() {
            Some(workload) => Self::Workload(workload),
            None => Self::Outside(Addresses::one(address)),
        }
    }

    /// The parties that it means, with the ports that a Service's port leads to in each, where it is
    /// one. New ones join the engine.
    pub fn parties(
        &self,
        engine: &mut Engine,
        port: Option<&Connections>,
    ) -> Vec<(PartyId, Option<Connections>)> {
        match self {
            Self::Workload(place) => {
                let parties = engine.network().workloads[*place].parties.clone();
                parties.into_iter().map(|id| (id, None)).collect()
            }
            Self::Service(place) => {
                let network = engine.network();
                let service = &network.services[*place];
                let wanted = |own: &crate::ServicePort| {
                    port.is_none_or(|port| port.contains(own.protocol, own.number))
                };
                let of = |id: PartyId| {
                    let party = engine.party(id);
                    let selected = service.selects(party, &network.namespaces);
                    (selected != crate::Selects::No)
                        .then(|| (id, Some(service.targets(party, wanted))))
                };
                (0..network.parties.len()).filter_map(of).collect()
            }
            Self::Outside(addresses) => {
                // The pieces that policies cut, as far as they are meant.
                let pieces = engine.network().outside.clone();
                let pieces = pieces.iter().map(|piece| piece.intersect(addresses));
                let pieces: Vec<_> = pieces.filter(|piece| !piece.is_empty()).collect();
                pieces.into_iter().map(|p| (engine.add(Party::outside(p)), None)).collect()
            }
            Self::AnyPod => {
                let any = engine.network().any_namespace();
                let all = Selector::everything;
                let party = Party { typical: true, ..Party::imagined(all(), all(), any) };
                vec![(engine.add(party), None)]
            }
            Self::Pod(namespace, labels) => {
                let network = engine.network();
                let known = network.namespaces.iter().position(|n| n.name == *namespace);
                let (namespaces, place) = match known {
                    Some(place) => (Selector::everything(), place),
                    None => {
                        let name = [("kubernetes.io/metadata.name", namespace.as_str())];
                        (Selector::of_labels(name), network.any_namespace())
                    }
                };
                let pairs = labels.iter().map(|(key, value)| (key.as_str(), value.as_str()));
                let party = Party {
                    labels: Labels::exactly(pairs),
                    ..Party::imagined(namespaces, Selector::everything(), place)
                };
                vec![(engine.add(party), None)]
            }
        }
    }

    /// What it is called.
    pub fn label(&self, engine: &Engine) -> String {
        let network = engine.network();
        match self {
            Self::Workload(place) => network.workloads[*place].label(),
            Self::Service(place) => format!("service {}", network.services[*place].path()),
            Self::Outside(all) if *all == Addresses::all() => "outside".to_owned(),
            Self::Outside(addresses) => addresses.to_string(),
            Self::AnyPod => "any other pod".to_owned(),
            Self::Pod(namespace, labels) => {
                let labels: Vec<_> = labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
                format!("pod {{{}}} in {namespace}", labels.join(","))
            }
        }
    }
}

fn one(
    mut found: Vec<(usize, String)>,
    wanted: &str,
    all: impl Iterator<Item = String>,
) -> Result<usize, Unclear> {
    match found.len() {
        1 => Ok(found.remove(0).0),
        0 => {
            let name = wanted.rsplit('/').next().unwrap_or(wanted);
            let mut near: Vec<_> =
                all.filter(|one| !name.is_empty() && one.contains(name)).collect();
            near.sort();
            near.truncate(5);
            Err(Unclear::NotFound(near))
        }
        _ => Err(Unclear::Several(found.into_iter().map(|(_, label)| label).collect())),
    }
}

/// What is asked of two ends, and the answer: over all pairs of their parties.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The connections that were asked for, as they arrive at pods.
    pub wanted: Connections,
    /// What holds of them.
    pub verdict: Verdict,
    /// The pairs, of which the first explains.
    pub pairs: Vec<(PartyId, PartyId)>,
}

/// Asks whether connections go from one end to another; all where no port is given.
pub fn ask(engine: &mut Engine, from: &Who, to: &Who, port: Option<&Connections>) -> Asked {
    let sources = from.parties(engine, None);
    let targets = to.parties(engine, port);
    let mut wanted = Connections::none();
    let mut verdict: Option<Verdict> = None;
    let mut pairs = Vec::new();
    for (to, ports) in &targets {
        let ports = ports.clone().or_else(|| port.cloned()).unwrap_or_else(Connections::all);
        wanted = wanted.union(&ports);
        for (from, _) in &sources {
            let own = engine.verdict(*from, *to).of_ports(&ports);
            pairs.push((*from, *to));
            verdict = Some(match verdict {
                Some(all) => all.either(&own),
                None => own,
            });
        }
    }
    Asked { wanted, verdict: verdict.unwrap_or_default(), pairs }
}
