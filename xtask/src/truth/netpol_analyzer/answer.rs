//! Parses questions from file names, and answers in the analyzer's formats.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, bail, ensure};
use pavisade_netpol::{Addresses, Connections, Protocol};
use serde_json::Value;

use super::table::{Row, Table, connections};

/// A question.
#[derive(Debug, Default)]
pub(super) struct Question {
    /// One directory, or two to compare.
    pub(super) folders: Vec<String>,
    pub(super) exposure: bool,
    pub(super) explain: bool,
    /// Only these connections, and only denied ones.
    pub(super) only: Option<Connections>,
    pub(super) denied: bool,
    /// Workloads, one of which must be an end.
    pub(super) focus: Vec<String>,
    /// Workloads that the other end must be one of.
    pub(super) with: Vec<String>,
    pub(super) ingress: bool,
    pub(super) egress: bool,
}

impl Question {
    pub(super) fn read(part: &str, stem: &str, tests: &[String]) -> anyhow::Result<Self> {
        if part == "diff" {
            let rest = stem.strip_prefix("diff_between_").context("no difference")?;
            let pair = tests.iter().find_map(|new| {
                let old = rest.strip_prefix(new.as_str())?.strip_prefix("_and_")?;
                tests.contains(&old.to_owned()).then(|| vec![new.clone(), old.to_owned()])
            });
            return Ok(Self { folders: pair.context("no two folders")?, ..Self::default() });
        }
        let rest = stem.strip_suffix("_output").context("no output")?;
        let folder = tests.iter().filter(|test| rest.starts_with(test.as_str()));
        let folder = folder.max_by_key(|test| test.len()).context("no folder")?;
        let mut question = Self { folders: vec![folder.clone()], ..Self::default() };
        let mut words = rest[folder.len()..].split('_').filter(|word| !word.is_empty()).peekable();
        let mut with = false;
        let mut focus = false;
        while let Some(word) = words.next() {
            match word {
                "connlist" => {}
                "exposure" => question.exposure = true,
                "explain" => question.explain = true,
                "deny" => question.denied = true,
                "focus" => focus = words.next() == Some("workload"),
                "with" => with = true,
                "ingress" => question.ingress = true,
                "egress" => question.egress = true,
                _ if focus && with => question.with.push(word.to_owned()),
                _ if focus => question.focus.push(word.to_owned()),
                _ => {
                    let (protocol, port) = word.split_once('-').context("an unknown option")?;
                    question.only = Some(
                        Connections::read(&format!("{port}/{protocol}"))
                            .map_err(anyhow::Error::msg)?,
                    );
                }
            }
        }
        // A namespace may precede a workload.
        Ok(question)
    }

    /// Returns whether a row matches the focus. Names may be preceded by their namespace with the
    /// same separator as between words; any match is enough.
    pub(super) fn wants(&self, from: &str, to: &str) -> bool {
        if self.focus.is_empty() {
            return true;
        }
        let is = |end: &str, names: &[String]| {
            let bare = end.trim_matches(['{', '}']);
            let (path, _) = bare.split_once('[').unwrap_or((bare, ""));
            let (namespace, name) = path.split_once('/').unwrap_or(("", path));
            // `backend_checkout` is `backend/checkout`; a name without a namespace matches any
            // namespace.
            names.iter().enumerate().any(|(index, wanted)| {
                let before = index.checked_sub(1).map(|before| names[before].as_str());
                let namespaced = before.is_some_and(is_namespace);
                wanted == name && (!namespaced || before == Some(namespace))
            })
        };
        let other = |end: &str| self.with.is_empty() || is(end, &self.with);
        let outward = is(from, &self.focus) && other(to) && !self.ingress;
        let inward = is(to, &self.focus) && other(from) && !self.egress;
        outward || inward
    }
}

/// Returns whether a word is a namespace that file names contain.
fn is_namespace(word: &str) -> bool {
    ["backend", "frontend", "hello-world", "payments"].contains(&word)
}

/// The explanation of one pair.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Explained {
    pub(super) allowed: Connections,
    pub(super) denied: Connections,
    /// The effects of policies: verb, policy, direction, rule.
    pub(super) deeds: BTreeSet<(String, String, String, String)>,
}

/// An answer.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) table: Table,
    /// Exposed ends: `>` or `<` precedes the other end.
    pub(super) exposure: Table,
    pub(super) unprotected: BTreeSet<String>,
    /// Whether the format shows them.
    pub(super) says_unprotected: bool,
    pub(super) explained: BTreeMap<(String, String), Explained>,
    /// Rows of exposure that the analyzer shows or omits depending on how a selector is written.
    pub(super) optional: Table,
}

impl Answer {
    /// Returns the differences from `wanted`.
    pub(super) fn differs(&self, wanted: &Self, question: &Question) -> Vec<String> {
        let mut lines = Vec::new();
        let mut rows = |name: &str, own: &Table, other: &Table| {
            lines.extend(
                other
                    .without(own)
                    .map(|r| format!("{name} want {} => {} : {}", r.from, r.to, r.said)),
            );
            lines.extend(
                own.without(other)
                    .map(|r| format!("{name} got  {} => {} : {}", r.from, r.to, r.said)),
            );
        };
        rows("", &self.table, &wanted.table);
        let exposure = self.exposure.and(&self.optional.of(&wanted.exposure));
        rows("exposure", &exposure, &wanted.exposure);
        if wanted.says_unprotected && self.unprotected != wanted.unprotected {
            lines.push(format!(
                "unprotected want {:?}, got {:?}",
                wanted.unprotected, self.unprotected
            ));
        }
        if question.explain {
            let (all, others) = (joined(&self.explained), joined(&wanted.explained));
            let pairs: BTreeSet<_> = all.keys().chain(others.keys()).collect();
            for pair in pairs {
                let (own, other) = (all.get(pair), others.get(pair));
                if own != other {
                    lines.push(format!(
                        "explained {} => {}\n     want {other:?}\n     got  {own:?}",
                        pair.0, pair.1
                    ));
                }
            }
        }
        lines
    }
}

/// Joins the addresses of pairs with equal explanations.
fn joined(all: &BTreeMap<(String, String), Explained>) -> BTreeMap<(String, String), Explained> {
    let mut plain = BTreeMap::new();
    let mut blocks: BTreeMap<(bool, &str, &Explained), Addresses> = BTreeMap::new();
    for ((from, to), explained) in all {
        let outward = to.strip_suffix("[External]");
        let (key, block) = match (outward, from.strip_suffix("[External]")) {
            (Some(block), _) => ((true, from.as_str(), explained), block),
            (_, Some(block)) => ((false, to.as_str(), explained), block),
            _ => {
                plain.insert((from.clone(), to.clone()), explained.clone());
                continue;
            }
        };
        let addresses = Addresses::read(block).unwrap_or_default();
        let all = blocks.entry(key).or_default();
        *all = all.union(&addresses);
    }
    for ((outward, own, explained), addresses) in blocks {
        let (own, other) = (own.to_owned(), format!("{addresses}[External]"));
        let key = if outward { (own, other) } else { (other, own) };
        plain.insert(key, explained.clone());
    }
    plain
}

pub(super) fn read(question: &Question, ending: &str, text: &str) -> anyhow::Result<Answer> {
    if question.folders.len() == 2 {
        return Ok(Answer { table: difference(ending, text)?, ..Answer::default() });
    }
    match ending {
        "json" => json(text),
        "csv" => rows(text.lines().map(|line| cells(line, ','))),
        "md" => rows(text.lines().map(|line| cells(line.trim_matches(['|', ' ']), '|'))),
        "txt" if question.explain => explanation(text),
        "txt" => plain(text),
        _ => bail!("no form .{ending}"),
    }
}

/// Splits a line into cells, except at commas in quotes.
fn cells(line: &str, by: char) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '"' if by == ',' => quoted = !quoted,
            c if c == by && !quoted => cells.push(String::new()),
            c => cells.last_mut().into_iter().for_each(|cell| cell.push(c)),
        }
    }
    let heading = cells[0].trim_start_matches(['#', ' ']).trim_end_matches([':', ' ']).to_owned();
    if cells.len() == 1 {
        vec![heading]
    } else {
        cells.iter().map(|c| c.trim().to_owned()).collect()
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Section {
    Lines,
    Egress,
    Ingress,
}

/// Reads CSV and Markdown: rows below headings.
fn rows(lines: impl Iterator<Item = Vec<String>>) -> anyhow::Result<Answer> {
    let mut section = Section::Lines;
    let (mut table, mut exposure) = (Vec::new(), Vec::new());
    for row in lines {
        let first = row[0].trim_end_matches(':');
        match first {
            "Egress Exposure" => section = Section::Egress,
            "Ingress Exposure" => section = Section::Ingress,
            "" | "src" | "dst" | "Exposure Analysis Result" => {}
            _ if first.starts_with("---") => {}
            _ => {
                ensure!(row.len() == 3, "{row:?} is no row");
                let said = connections(&row[2])?;
                let (from, to) = (row[0].clone(), row[1].clone());
                match section {
                    Section::Lines => table.push(Row { from, to, said }),
                    _ => exposure.push(exposed(section, &from, &to, said)),
                }
            }
        }
    }
    Ok(Answer { table: Table::new(table)?, exposure: Table::new(exposure)?, ..Answer::default() })
}

/// Returns a row of exposure: the workload, and the other end with its direction.
fn exposed(section: Section, workload: &str, other: &str, said: String) -> Row {
    let (workload, other) = (workload.to_owned(), canonical(other));
    match section {
        Section::Ingress => Row { from: other, to: workload, said },
        _ => Row { from: workload, to: other, said },
    }
}

/// Normalizes labels: `{a=b,{Key:c,Operator:Exists,Values:[],}}` has two forms.
fn canonical(name: &str) -> String {
    let mut shown = String::new();
    let mut rest = name;
    while let Some((before, after)) = rest.split_once(" with {") {
        let (inside, after) = after.split_once("}]").unwrap_or((after, ""));
        let mut all = BTreeSet::new();
        let mut left = inside;
        while !left.is_empty() {
            if let Some(expression) = left.strip_prefix("{Key:") {
                let (expression, next) = expression.split_once(",}").unwrap_or((expression, ""));
                all.insert(format!("{{Key:{expression},}}"));
                left = next.trim_start_matches([',', '}']);
            } else {
                let (label, next) = left.split_once(',').unwrap_or((left, ""));
                let (key, value) = label.split_once('=').unwrap_or((label, ""));
                all.insert(format!("{{Key:{key},Operator:In,Values:[{value}],}}"));
                left = next;
            }
        }
        let all: Vec<_> = all.into_iter().collect();
        shown.push_str(&format!("{before} with {{{}}}]", all.join(",")));
        rest = after;
    }
    shown + rest
}

fn json(text: &str) -> anyhow::Result<Answer> {
    let value: Value = serde_json::from_str(text)?;
    let list = |value: Option<&Value>| -> anyhow::Result<Vec<Row>> {
        let rows = value.and_then(Value::as_array).into_iter().flatten();
        rows.map(|row| {
            let field = |name: &str| row.get(name).and_then(Value::as_str).context("no field");
            Ok(Row {
                from: field("src")?.to_owned(),
                to: field("dst")?.to_owned(),
                said: connections(field("conn")?)?,
            })
        })
        .collect()
    };
    if value.is_array() {
        return Ok(Answer { table: Table::new(list(Some(&value))?)?, ..Answer::default() });
    }
    let results = value.get("exposure_results");
    let mut exposure = list(results.and_then(|r| r.get("egress_exposure")))?;
    exposure.extend(list(results.and_then(|r| r.get("ingress_exposure")))?);
    for row in &mut exposure {
        (row.from, row.to) = (canonical(&row.from), canonical(&row.to));
    }
    Ok(Answer {
        table: Table::new(list(value.get("connlist_results"))?)?,
        exposure: Table::new(exposure)?,
        ..Answer::default()
    })
}

fn plain(text: &str) -> anyhow::Result<Answer> {
    let (mut table, mut exposure) = (Vec::new(), Vec::new());
    let mut answer = Answer { says_unprotected: true, ..Answer::default() };
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if line.ends_with(':') {
            continue;
        }
        if line.contains(" is not protected on ") {
            answer.unprotected.insert(line.to_owned());
            continue;
        }
        // Selectors contain colons too: split at the last one surrounded by spaces.
        let (ends, said) = match line.rsplit_once(" : ") {
            Some((ends, said)) => (ends, connections(said)?),
            // If one connection is requested, it is not repeated.
            None if line.contains('\t') => (line, String::new()),
            None => bail!("{line}: no line"),
        };
        let tabbed = ends.contains('\t');
        let (one, other, section) = match (ends.split_once("=>"), ends.split_once("<=")) {
            (Some((one, other)), _) => (one.trim(), other.trim(), Section::Egress),
            (_, Some((one, other))) => (one.trim(), other.trim(), Section::Ingress),
            _ => bail!("{line}: no line"),
        };
        match tabbed {
            true => exposure.push(exposed(section, one, other, said)),
            false => table.push(Row { from: one.to_owned(), to: other.to_owned(), said }),
        }
    }
    answer.table = Table::new(table)?;
    answer.exposure = Table::new(exposure)?;
    Ok(answer)
}

fn difference(ending: &str, text: &str) -> anyhow::Result<Table> {
    let mut rows = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let cells: Vec<String> = match ending {
            "txt" => {
                let Some(rest) = line.strip_prefix("diff-type: ") else { continue };
                let fields = [", source: ", ", destination: ", ", ref1: ", ", ref2: "];
                let mut left = rest;
                let mut cells = Vec::new();
                for field in fields {
                    let (cell, rest) = left.split_once(field).context("no difference")?;
                    cells.push(cell.to_owned());
                    left = rest;
                }
                let (last, info) = left.split_once(", workloads-diff-info: ").unwrap_or((left, ""));
                cells.extend([last.to_owned(), info.to_owned()]);
                cells
            }
            "csv" => cells(line, ','),
            _ if line.starts_with("|--") => continue,
            _ => cells(line.trim_start_matches("| ").trim_end_matches(" |"), '|'),
        };
        if cells[0] == "diff-type" || cells[0].starts_with("---") {
            continue;
        }
        let [kind, from, to, old, new, info] = &cells[..] else { bail!("{line}: no difference") };
        let (old, new) = (connections(old)?, connections(new)?);
        let said = format!("{kind}: {old}; {new}; {info}");
        rows.push(Row { from: from.clone(), to: to.clone(), said });
    }
    Table::new(rows)
}

/// Reads blocks of pairs, then unrestricted pairs, then exposure.
fn explanation(text: &str) -> anyhow::Result<Answer> {
    let mut answer = Answer::default();
    let mut rest = String::new();
    let mut pair: Option<(String, String)> = None;
    let mut direction = "";
    let mut after = false;
    for line in text.lines() {
        let bare = line.trim();
        if bare.starts_with("Exposure Analysis Result") {
            after = true;
        }
        if after {
            rest.push_str(line);
            rest.push('\n');
            continue;
        }
        if let Some(ends) = bare.strip_prefix("Connections between ") {
            let (from, to) = ends.trim_end_matches(':').split_once(" => ").context("no pair")?;
            let key = (from.to_owned(), to.to_owned());
            answer.explained.entry(key.clone()).or_default();
            pair = Some(key);
        } else if let Some((from, to)) = bare.split_once(" => ") {
            let explained = Explained { allowed: Connections::all(), ..Explained::default() };
            answer.explained.insert((from.to_owned(), to.to_owned()), explained);
            pair = None;
        }
        let Some(explained) = pair.as_ref().and_then(|key| answer.explained.get_mut(key)) else {
            continue;
        };
        for (start, allowed) in [("Allowed ", true), ("Denied ", false)] {
            if let Some((ports, _)) =
                bare.strip_prefix(start).and_then(|r| r.split_once(" due to "))
            {
                let ports = bracketed(ports)?;
                let all = if allowed { &mut explained.allowed } else { &mut explained.denied };
                *all = all.union(&ports);
            }
        }
        for name in ["Ingress", "Egress"] {
            if bare.strip_prefix(name).is_some_and(|r| r.trim_start().starts_with('(')) {
                direction = name;
            }
        }
        if let Some(deed) = deed(bare.trim_start_matches("- "), direction) {
            explained.deeds.insert(deed);
        }
    }
    let exposed = plain(&rest)?;
    answer.exposure = exposed.exposure;
    Ok(answer)
}

/// Parses `TCP:[1-79,81-65535], UDP, SCTP`.
fn bracketed(text: &str) -> anyhow::Result<Connections> {
    if text == "All Connections" {
        return Ok(Connections::all());
    }
    let mut all = Connections::none();
    for part in text.split(", ") {
        let (protocol, ports) = part.split_once(":[").unwrap_or((part, ""));
        let protocol = Protocol::read(protocol).with_context(|| format!("{text}: no ports"))?;
        let ports = ports.trim_end_matches(']');
        let ports = match ports {
            "" => Connections::of(protocol),
            ports => Connections::read(&format!("{} {ports}", protocol.name()))
                .map_err(anyhow::Error::msg)?,
        };
        all = all.union(&ports);
    }
    Ok(all)
}

/// Parses `NetworkPolicy 'a/b' allows connections by Ingress rule #1`.
fn deed(line: &str, direction: &str) -> Option<(String, String, String, String)> {
    let (kind, rest) = line.split_once(" '")?;
    if !kind.ends_with("NetworkPolicy") {
        return None;
    }
    let (name, rest) = rest.split_once("' ")?;
    let policy = format!("{kind} {name}");
    if rest.starts_with("selects ") {
        if !rest.contains("not allowed by any") {
            return None;
        }
        return Some(("selects".to_owned(), policy, direction.to_owned(), String::new()));
    }
    let (verb, rest) = rest.split_once(" connections by ")?;
    let (direction, rule) = rest.split_once(" rule ")?;
    Some((verb.to_owned(), policy, direction.to_owned(), rule.to_owned()))
}
