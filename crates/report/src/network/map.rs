//! The map for a terminal: what is open first, then who connects to whom.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use pavisade_netpol::{By, Connections, Direction, Doubt, End, Selects, Verdict};

use super::NetworkMap;
use super::words::{self, Paint, Shown};
use crate::one_line;

/// Maximum number of names in a list by default.
const NAMES: usize = 6;

pub(super) fn write(map: &NetworkMap, shown: &Shown, out: &mut dyn Write) -> io::Result<()> {
    let page = Page { map, shown };
    page.heading(out)?;
    page.ways(out)?;
    page.open(out)?;
    page.workloads(out)?;
    page.outward(out)?;
    page.doubts(out)
}

struct Page<'a> {
    map: &'a NetworkMap,
    shown: &'a Shown,
}

impl Page<'_> {
    fn heading(&self, out: &mut dyn Write) -> io::Result<()> {
        let network = self.map.picture.engine.network();
        let namespaces: BTreeSet<_> = network.workloads.iter().map(|w| &w.namespace).collect();
        let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
        let objects = network.policies.iter().map(|policy| &policy.object);
        for object in objects.chain(network.vendors.iter().map(|vendor| &vendor.object)) {
            *kinds.entry(object.kind()).or_default() += 1;
        }
        let named = |(kind, n): (&&str, &usize)| {
            let many =
                kind.strip_suffix('y').map_or_else(|| format!("{kind}s"), |k| format!("{k}ies"));
            words::count(*n, kind, &many)
        };
        let kinds: Vec<_> = kinds.iter().map(named).collect();
        let policies = match kinds.is_empty() {
            true => "no policies".to_owned(),
            false => one_line(&kinds.join(", ")),
        };
        let name = self.shown.paint(Paint::Bold, &one_line(&self.map.name));
        writeln!(
            out,
            "{name}: {} in {}; {policies}; network plugin: {}",
            words::count(network.workloads.len(), "workload", "workloads"),
            words::count(namespaces.len(), "namespace", "namespaces"),
            network.assumed.profile.name,
        )
    }

    fn title(&self, text: &str, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "\n{}", self.shown.paint(Paint::Bold, text))
    }

    fn table(&self, rows: &[[String; 3]], out: &mut dyn Write) -> io::Result<()> {
        let width = |column: usize| {
            rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0).min(60)
        };
        let (first, second) = (width(0), width(1));
        for [a, b, c] in rows {
            let line = format!("  {a:first$}  {b:second$}  {c}");
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }

    fn ways(&self, out: &mut dyn Write) -> io::Result<()> {
        let picture = &self.map.picture;
        self.title("Reachable from outside the cluster", out)?;
        let mut rows = BTreeSet::new();
        for way in picture.ways.iter().filter(|way| way.by != By::HostNetwork) {
            let workload = words::workload(&picture.engine, way.workload);
            let by = words::by(&picture.engine, &way.by);
            let ports = match way.verdict.allow.is_empty() {
                true => format!("stopped by policies: {}", words::ports(&way.ports)),
                false => words::connections(&way.verdict),
            };
            let unknown = way.verdict.doubts.contains(&Doubt::Controller);
            let why = if unknown { ", and its controller is not known" } else { "" };
            rows.insert([workload, ports, format!("by {by}{why}")]);
        }
        let unread = words::unread_entries(picture.engine.network());
        if !unread.is_empty() {
            let text = format!("not all is known: {} could not be read", unread.join(", "));
            writeln!(out, "  {}", self.shown.paint(Paint::Yellow, &text))?;
        } else if rows.is_empty() {
            return writeln!(
                out,
                "  nothing: no Ingress, Route, host port, NodePort or LoadBalancer Service leads to a \
                 workload"
            );
        }
        self.table(&rows.into_iter().collect::<Vec<_>>(), out)
    }

    fn open(&self, out: &mut dyn Write) -> io::Result<()> {
        let picture = &self.map.picture;
        self.title("Open to every pod in the cluster", out)?;
        let mut rows = Vec::new();
        for place in (0..picture.exposures.len()).filter(|place| picture.shows(*place)) {
            let exposure = picture.exposure(place, Direction::Ingress);
            if exposure.rest.allow.is_empty() {
                continue;
            }
            let enforces = picture.engine.network().assumed.profile.enforces;
            let why = match exposure.restricted {
                _ if self.on_host(place) => "in the network of its node",
                Selects::Maybe => "not known whether a policy restricts ingress",
                Selects::Yes if exposure.rest.certain().is_empty() => {
                    "not known whether a rule allows the pod"
                }
                Selects::Yes => "a rule allows all pods",
                Selects::No if !enforces => "the network plugin enforces no policies",
                Selects::No => "no policy restricts ingress",
            };
            let mut why = why.to_owned();
            if let Some(store) = words::store(&picture.engine, place, &exposure.rest.allow) {
                why = format!("{store} port; {why}");
                why = self.shown.paint(Paint::Red, &why);
            }
            let name = words::workload(&picture.engine, place);
            rows.push([name, words::connections(&exposure.rest), why]);
        }
        if rows.is_empty() {
            return writeln!(out, "  nothing: policies restrict ingress of every workload");
        }
        self.table(&rows, out)
    }

    fn on_host(&self, workload: usize) -> bool {
        let network = self.map.picture.engine.network();
        network.workloads[workload].parties.iter().all(|id| network.parties[*id].host_network)
    }

    /// Writes who connects to each workload that is not open to all. For those that are, which
    /// workloads have less access.
    fn workloads(&self, out: &mut dyn Write) -> io::Result<()> {
        let picture = &self.map.picture;
        let mut into: BTreeMap<usize, BTreeMap<String, Vec<String>>> = BTreeMap::new();
        let mut less: BTreeMap<(usize, String), Vec<String>> = BTreeMap::new();
        let others = picture.engine.network().workloads.len().saturating_sub(1);
        for line in &picture.lines {
            let (End::Workload(from), End::Workload(to)) = (&line.from, &line.to) else { continue };
            let rest = &picture.exposure(*to, Direction::Ingress).rest;
            let ports = words::connections(&line.verdict);
            if rest.allow.is_empty() || !line.verdict.allow.is_subset(&rest.allow) {
                let names = into.entry(*to).or_default().entry(ports).or_default();
                names.push(words::workload(&picture.engine, *from));
            } else if line.verdict.certain() != rest.certain() {
                let name = words::workload(&picture.engine, *to);
                less.entry((*from, ports)).or_default().push(name);
            }
        }
        self.title("Connections to workloads that are not open to every pod", out)?;
        for (to, by_ports) in &into {
            let name = words::workload(&picture.engine, *to);
            writeln!(out, "  to {}", self.shown.paint(Paint::Bold, &name))?;
            for (ports, names) in by_ports {
                writeln!(out, "    {ports}  from {}", self.names(names, others))?;
            }
        }
        if into.is_empty() {
            writeln!(out, "  none")?;
        }
        if !less.is_empty() {
            self.title(
                "Workloads whose egress is restricted: what is left to open workloads",
                out,
            )?;
        }
        for ((from, ports), names) in &less {
            let name = words::workload(&picture.engine, *from);
            let name = self.shown.paint(Paint::Bold, &name);
            writeln!(out, "  from {name}  {ports}  to {}", self.names(names, others))?;
        }
        Ok(())
    }

    fn names(&self, names: &[String], others: usize) -> String {
        if names.len() == others && others > 1 {
            return format!("every other workload ({others})");
        }
        if self.shown.full || names.len() <= NAMES {
            return names.join(", ");
        }
        let first = names[..3].join(", ");
        format!("{first} and {} others", names.len() - 3)
    }

    fn outward(&self, out: &mut dyn Write) -> io::Result<()> {
        let picture = &self.map.picture;
        let mut by: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
        for line in &picture.lines {
            if let (End::Workload(from), End::Outside(addresses)) = (&line.from, &line.to) {
                let key = (words::outside(addresses), words::connections(&line.verdict));
                by.entry(key).or_default().push(words::workload(&picture.engine, *from));
            }
        }
        self.title("Connections to outside the cluster", out)?;
        let others = picture.engine.network().workloads.len();
        for ((to, ports), names) in &by {
            let names = match names.len() == others && others > 1 {
                true => format!("every workload ({others})"),
                false => self.names(names, usize::MAX),
            };
            writeln!(out, "  to {to}  {ports}  from {names}")?;
        }
        if by.is_empty() {
            writeln!(out, "  none: policies stop them all")?;
        }
        Ok(())
    }

    fn doubts(&self, out: &mut dyn Write) -> io::Result<()> {
        let picture = &self.map.picture;
        let mut doubts: BTreeMap<_, usize> = BTreeMap::new();
        for line in &picture.lines {
            for doubt in &line.verdict.doubts {
                *doubts.entry(*doubt).or_default() += 1;
            }
        }
        if doubts.is_empty() {
            return Ok(());
        }
        self.title("Not known", out)?;
        for (doubt, count) in doubts {
            let count = words::count(count, "connection", "connections");
            let why = words::doubt(&picture.engine, doubt);
            writeln!(out, "  {}: {why}", self.shown.paint(Paint::Yellow, &count))?;
        }
        Ok(())
    }
}

/// Returns whether connections are allowed regardless of unknown data.
pub(super) fn certainty(verdict: &Verdict, wanted: &Connections) -> Selects {
    if wanted.is_subset(&verdict.certain()) {
        Selects::Yes
    } else if verdict.allow.intersect(wanted).is_empty() {
        Selects::No
    } else {
        Selects::Maybe
    }
}
