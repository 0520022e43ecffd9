//! What two pictures of a network let through differently.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use pavisade_snapshot::Object;

use crate::addresses::Addresses;
use crate::controller::Serving;
use crate::engine::Engine;
use crate::map::{By, End, Focus, lines, ways};
use crate::network::Network;
use crate::verdict::{Doubt, Verdict};

/// Addresses outside, and the verdict on them.
type Outside = (Addresses, Arc<Verdict>);

/// An end by what it is called, so that it can be found in another picture.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Name {
    /// A workload: namespace, name, kind.
    Workload(String, String, String),
    /// Addresses outside of the cluster.
    Outside(Addresses),
    /// What serves Ingresses and Routes.
    Controller,
}

impl fmt::Display for Name {
    /// `shop/web[Deployment]`, `10.0.0.0/8`, `ingress controller`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workload(namespace, name, kind) => write!(f, "{namespace}/{name}[{kind}]"),
            Self::Outside(addresses) => addresses.fmt(f),
            Self::Controller => f.write_str("ingress controller"),
        }
    }
}

/// What connects two ends before and after; nothing where an end is not there.
#[derive(Debug, Clone)]
pub struct Change {
    /// Who connects.
    pub from: Name,
    /// To whom.
    pub to: Name,
    /// Before.
    pub old: Verdict,
    /// After.
    pub new: Verdict,
    /// Whether it is not known before and after, for reasons that may differ: nothing says that
    /// the connections are the same.
    pub unclear: bool,
}

/// What a picture says: between workloads, and by workload and side of addresses outside.
#[derive(Default)]
struct Said {
    pairs: BTreeMap<(Name, Name), Arc<Verdict>>,
    outside: BTreeMap<(bool, Name), Vec<Outside>>,
}

/// All that differs, ordered by the ends. Where controllers are given, so is what Ingresses and
/// Routes lead to.
pub fn differences(
    old: (&Engine, Option<&Serving>),
    new: (&Engine, Option<&Serving>),
) -> Vec<Change> {
    let mut compare = Compare {
        before: old.0.network(),
        after: new.0.network(),
        alike: HashMap::new(),
        changes: Vec::new(),
    };
    let (old, new) = (said(old.0, old.1), said(new.0, new.1));
    let none = Arc::new(Verdict::default());
    let pairs: BTreeSet<_> = old.pairs.keys().chain(new.pairs.keys()).collect();
    for pair in pairs {
        let of = |said: &Said| said.pairs.get(pair).unwrap_or(&none).clone();
        compare.put(&pair.0, &pair.1, &of(&old), &of(&new));
    }
    let sides: BTreeSet<_> = old.outside.keys().chain(new.outside.keys()).collect();
    for side in sides {
        let whole = || vec![(Addresses::all(), none.clone())];
        let of = |said: &Said| said.outside.get(side).cloned().map_or_else(whole, filled);
        for (one, before) in of(&old) {
            for (other, after) in of(&new) {
                let addresses = one.intersect(&other);
                if addresses.is_empty() {
                    continue;
                }
                let (own, outside) = (side.1.clone(), Name::Outside(addresses));
                let (from, to) = if side.0 { (own, outside) } else { (outside, own) };
                compare.put(&from, &to, &before, &after);
            }
        }
    }
    let mut changes = compare.changes;
    changes.sort_by(|a, b| (&a.from, &a.to).cmp(&(&b.from, &b.to)));
    changes
}

/// With the addresses to which nothing goes.
fn filled(mut parts: Vec<(Addresses, Arc<Verdict>)>) -> Vec<(Addresses, Arc<Verdict>)> {
    let all = parts.iter().fold(Addresses::default(), |all, (part, _)| all.union(part));
    let rest = Addresses::all().subtract(&all);
    if !rest.is_empty() {
        parts.push((rest, Arc::new(Verdict::default())));
    }
    parts
}

/// Two pictures of which pairs are compared.
struct Compare<'a> {
    before: &'a Network,
    after: &'a Network,
    /// Whether two lists of doubts are about the same policies.
    alike: HashMap<(Vec<Doubt>, Vec<Doubt>), bool>,
    changes: Vec<Change>,
}

impl Compare<'_> {
    fn put(&mut self, from: &Name, to: &Name, old: &Verdict, new: &Verdict) {
        let same = old.allow == new.allow && old.certain() == new.certain();
        let unclear = same && !old.unsure().is_empty() && !self.are_alike(old, new);
        if !same || unclear {
            let (from, to) = (from.clone(), to.clone());
            self.changes.push(Change { from, to, old: old.clone(), new: new.clone(), unclear });
        }
    }

    fn are_alike(&mut self, old: &Verdict, new: &Verdict) -> bool {
        let (before, after) = (self.before, self.after);
        let compared = || {
            let known = reasons(before, &old.doubts);
            known.is_some() && known == reasons(after, &new.doubts)
        };
        *self.alike.entry((old.doubts.clone(), new.doubts.clone())).or_insert_with(compared)
    }
}

/// Why connections are not certain, with the policies as they are written: the same policies have
/// the same effect, whatever it is. Nothing where policies were not read.
fn reasons(network: &Network, doubts: &[Doubt]) -> Option<BTreeSet<String>> {
    let text = |object: &Object| {
        let (source, span) = (object.doc().source(), object.value().span());
        let text = source.text().get(span.start as usize..span.end as usize).unwrap_or_default();
        format!("{} {}/{} {text}", object.kind(), object.namespace(), object.name())
    };
    let policy = |place: usize| text(&network.policies[place].object);
    let one = |doubt: &Doubt| {
        Some(match *doubt {
            Doubt::Labels(p)
            | Doubt::Blocks(p)
            | Doubt::HostNetwork(p)
            | Doubt::Nodes(p)
            | Doubt::Domains(p)
            | Doubt::Malformed(p)
            | Doubt::NamedPort(p)
            | Doubt::Enforced(p) => policy(p),
            Doubt::Priority(a, b) => format!("{}\n{}", policy(a), policy(b)),
            Doubt::Vendor(v) => text(&network.vendors[v].object),
            Doubt::PodsDiffer | Doubt::Controller => String::new(),
            Doubt::Unread(_) | Doubt::UnreadFile => return None,
        })
    };
    doubts.iter().map(one).collect()
}

fn said(engine: &Engine, serving: Option<&Serving>) -> Said {
    let mut said = Said::default();
    let name = |place: usize| {
        let workload = &engine.network().workloads[place];
        Name::Workload(workload.namespace.clone(), workload.name.clone(), workload.kind.clone())
    };
    for line in lines(engine, &Focus::default()) {
        match (&line.from, &line.to) {
            (End::Workload(from), End::Workload(to)) => {
                said.pairs.insert((name(*from), name(*to)), line.verdict);
            }
            (End::Workload(own), End::Outside(addresses)) => {
                let part = ((**addresses).clone(), line.verdict);
                said.outside.entry((true, name(*own))).or_default().push(part);
            }
            (End::Outside(addresses), End::Workload(own)) => {
                let part = ((**addresses).clone(), line.verdict);
                said.outside.entry((false, name(*own))).or_default().push(part);
            }
            _ => {}
        }
    }
    if let Some(serving) = serving {
        let mut led: BTreeMap<usize, Verdict> = BTreeMap::new();
        for way in ways(engine, serving) {
            if matches!(way.by, By::Entry(_)) {
                let one = led.entry(way.workload).or_default();
                one.allow = one.allow.union(&way.verdict.allow);
                one.deny = one.deny.union(&way.verdict.unsure());
                one.doubts.extend(way.verdict.doubts);
            }
        }
        for (workload, verdict) in led {
            if !verdict.allow.is_empty() {
                said.pairs.insert((Name::Controller, name(workload)), Arc::new(verdict.tidy()));
            }
        }
    }
    said
}
