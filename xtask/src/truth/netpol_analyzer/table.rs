//! Tables of connections, with addresses joined: which blocks an analyser cuts them into is its own
//! affair.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, anyhow};
use pavisade_netpol::{Addresses, Connections, Protocol};

/// A row: two ends, and what is said of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) said: String,
}

/// Rows in whatever order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Table(BTreeSet<Row>);

impl Table {
    /// Joins the addresses of rows that say the same of the same workload.
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

    /// Rows of this whose ends `other` has too.
    pub(super) fn of(&self, other: &Self) -> Self {
        let has = |row: &&Row| other.0.iter().any(|o| (&o.from, &o.to) == (&row.from, &row.to));
        Self(self.0.iter().filter(has).cloned().collect())
    }

    /// The rows of both.
    pub(super) fn and(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0).cloned().collect())
    }

    /// Rows of this that are not in `other`.
    pub(super) fn without<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a Row> {
        self.0.difference(&other.0)
    }
}

/// Connections as the analyser writes them: ports, and names of ports of pods that are not there.
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

/// Connections that are certain, and those of which it is not known.
pub(super) fn shown(certain: &Connections, unsure: &Connections) -> String {
    match unsure.is_empty() {
        true => certain.to_string(),
        false => format!("{certain} (perhaps {unsure})"),
    }
}
