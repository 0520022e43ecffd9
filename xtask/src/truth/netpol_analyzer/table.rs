//! Tables of connections with joined addresses, because analyzers split them into different blocks.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, anyhow};
use pavisade_netpol::{Addresses, Connections, Protocol};

/// A row: two ends and their connections.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) said: String,
}

/// An unordered set of rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Table(BTreeSet<Row>);

impl Table {
    /// Joins the addresses of rows with the same workload and connections.
    pub(super) fn new(rows: impl IntoIterator<Item = Row>) -> anyhow::Result<Self> {
        let mut plain = BTreeSet::new();
        let mut joined: BTreeMap<(bool, String, String), Addresses> = BTreeMap::new();
        for row in rows {
            let outward = row.to.strip_suffix("[External]");
            let inward = row.from.strip_suffix("[External]");
            let (key, block) = match (outward, inward) {
                (Some(block), _) => ((true, row.from.clone(), row.said.clone()), block),
                (_, Some(block)) => ((false, row.to.clone(), row.said.clone()), block),
                _ => {
                    plain.insert(row);
                    continue;
                }
            };
            let block = Addresses::read(block).with_context(|| format!("`{block}` is no block"))?;
            let all = joined.entry(key).or_default();
            *all = all.union(&block);
        }
        for ((outward, own, said), addresses) in joined {
            let other = format!("{addresses}[External]");
            let (from, to) = if outward { (own, other) } else { (other, own) };
            plain.insert(Row { from, to, said });
        }
        Ok(Self(plain))
    }

    /// Returns the rows whose ends `other` has too.
    pub(super) fn of(&self, other: &Self) -> Self {
        let has = |row: &&Row| other.0.iter().any(|o| (&o.from, &o.to) == (&row.from, &row.to));
        Self(self.0.iter().filter(has).cloned().collect())
    }

    /// Returns the rows of both.
    pub(super) fn and(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0).cloned().collect())
    }

    /// Returns the rows that are not in `other`.
    pub(super) fn without<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a Row> {
        self.0.difference(&other.0)
    }
}

/// Parses connections as written by the analyzer: ports, and named ports without pods.
pub(super) fn connections(text: &str) -> anyhow::Result<String> {
    let mut known = Connections::none();
    let mut named: BTreeSet<String> = BTreeSet::new();
    let mut protocol: Option<Protocol> = None;
    if let Ok(all) = Connections::read(text) {
        return Ok(shown(&all, &Connections::none()));
    }
    for part in text.split(',') {
        let mut words = part.split_whitespace().peekable();
        if let Some(read) = words.peek().and_then(|word| Protocol::read(word)) {
            protocol = Some(read);
            words.next();
        } else if part.starts_with(' ') {
            protocol = None;
        }
        for word in words {
            let text = match protocol {
                Some(protocol) => format!("{} {word}", protocol.name()),
                None => word.to_owned(),
            };
            match Connections::read(&text) {
                Ok(ports) => known = known.union(&ports),
                Err(_) => _ = named.insert(protocol.map_or("", Protocol::name).to_owned()),
            }
        }
    }
    let of = |protocol: &String| match Protocol::read(protocol) {
        Some(protocol) => Ok(Connections::of(protocol)),
        None if protocol.is_empty() => Ok(Connections::all()),
        None => Err(anyhow!("`{protocol}` is no protocol")),
    };
    let named = named.iter().map(of).collect::<anyhow::Result<Vec<_>>>()?;
    let named = named.iter().fold(Connections::none(), |all, ports| all.union(ports));
    Ok(shown(&known, &named.subtract(&known)))
}

/// Returns certain and uncertain connections.
pub(super) fn shown(certain: &Connections, unsure: &Connections) -> String {
    match unsure.is_empty() {
        true => certain.to_string(),
        false => format!("{certain} (perhaps {unsure})"),
    }
}
