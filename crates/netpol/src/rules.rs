//! A small file of rules about what must and must not connect.
//!
//! A line is `FROM may reach TO [PORTS]`, `FROM must reach TO [PORTS]` (the same), or `FROM must not
//! reach TO [PORTS]`; behind `#` is a comment. Ends are those of [`Who`]; `NAMESPACE/*` is each
//! workload of a namespace, and `*` each of all.

use pavisade_model::GroupKind;
use pavisade_snapshot::Selects;

use crate::connections::Connections;
use crate::engine::Engine;
use crate::verdict::Verdict;
use crate::who::{Unclear, Who, ask};

/// Lines that a file may have.
const MOST: usize = 10_000;

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// Its line, from 1.
    pub line: usize,
    /// Its text.
    pub text: String,
    /// Who connects.
    pub from: String,
    /// To whom.
    pub to: String,
    /// Which connections; all where none are named.
    pub ports: Option<Connections>,
    /// Whether they must go, or must not.
    pub must: bool,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

/// Reads rules.
///
/// # Errors
/// All lines that are no rules.
pub fn demands(text: &str) -> Result<Vec<Demand>, Vec<BadLine>> {
    let (mut demands, mut bad) = (Vec::new(), Vec::new());
    for (index, whole) in text.lines().enumerate() {
        let line = index + 1;
        if index >= MOST {
            bad.push(BadLine { line, what: format!("more than {MOST} lines") });
            break;
        }
        let text = whole.split_once('#').map_or(whole, |(text, _)| text).trim();
        if text.is_empty() {
            continue;
        }
        match demand(line, text) {
            Ok(demand) => demands.push(demand),
            Err(what) => bad.push(BadLine { line, what }),
        }
    }
    if bad.is_empty() { Ok(demands) } else { Err(bad) }
}

fn demand(line: usize, text: &str) -> Result<Demand, String> {
    let words: Vec<_> = text.split_whitespace().collect();
    let (must, rest) = match words[..] {
        [_, "may" | "must" | "can", "reach", ref rest @ ..] => (true, rest),
        [_, "must", "not", "reach", ref rest @ ..] => (false, rest),
        _ => {
            return Err("must be `FROM may reach TO [PORTS]` or `FROM must not reach TO [PORTS]`"
                .to_owned());
        }
    };
    let [to, ports @ ..] = rest else {
        return Err("the end that is reached is missing".to_owned());
    };
    let ports = match ports.strip_prefix(&["on"]).unwrap_or(ports) {
        [] => None,
        ports => Some(Connections::read(&ports.join(" "))?),
    };
    let (from, to) = (words[0].to_owned(), (*to).to_owned());
    Ok(Demand { line, text: text.to_owned(), from, to, ports, must })
}

/// Whether a rule holds, and the pairs for which it does not.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Whether it holds for all pairs.
    pub holds: Selects,
    /// Pairs for which it does not hold, or of which it is not known.
    pub against: Vec<(String, String, Verdict)>,
    /// Why it says nothing of some ends, or may not say all: it does not hold for want of a
    /// connection that could break it.
    pub unasked: Vec<(String, String, Unasked)>,
}

/// Why a rule could not be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unasked {
    /// No pods that were read are behind the Service.
    NoPods,
    /// None of the ports leads to a pod, or none was named.
    NoPort,
    /// The rule is about no two different workloads.
    NoPair,
    /// Both ends are outside of the cluster, of which policies say nothing.
    Outside,
    /// Connections start at pods, and not at Services.
    FromService,
    /// Not all workloads were read that the rule is about.
    Workloads(GroupKind),
    /// A file could not be read that may hold workloads that the rule is about.
    File,
}

/// Asks whether a rule holds.
///
/// # Errors
/// An end is not there; with its text.
pub fn holds(engine: &mut Engine, demand: &Demand) -> Result<Outcome, (String, Unclear)> {
    let read = |text: &str, engine: &Engine| ends(text, engine).map_err(|e| (text.to_owned(), e));
    let (from, to) = (read(&demand.from, engine)?, read(&demand.to, engine)?);
    let mut outcome = Outcome { holds: Selects::Yes, against: Vec::new(), unasked: Vec::new() };
    let many = |text: &str| text == "*" || text.ends_with("/*");
    let many = many(&demand.from) || many(&demand.to);
    let mut asked_any = false;
    for from in &from {
        for to in &to {
            // A rule about all of them is not about connections within one.
            if many && to == from {
                continue;
            }
            asked_any = true;
            let asked = ask(engine, from, to, demand.ports.as_ref());
            let why = match (from, to) {
                (Who::Outside(_), Who::Outside(_)) => Some(Unasked::Outside),
                (Who::Service(_), _) => Some(Unasked::FromService),
                _ if asked.pairs.is_empty() => Some(Unasked::NoPods),
                _ if asked.wanted.is_empty() => Some(Unasked::NoPort),
                _ => None,
            };
            if let Some(why) = why {
                outcome.unasked.push((from.label(engine), to.label(engine), why));
                continue;
            }
            let verdict = asked.verdict;
            let holds = match demand.must {
                true if asked.wanted.is_subset(&verdict.certain()) => Selects::Yes,
                true if asked.wanted.is_subset(&verdict.allow) => Selects::Maybe,
                false if verdict.allow.is_empty() => Selects::Yes,
                false if verdict.certain().is_empty() => Selects::Maybe,
                _ => Selects::No,
            };
            // What holds for some pods and not for others is known.
            let holds = match holds {
                Selects::Maybe if verdict.differs_only() => Selects::No,
                holds => holds,
            };
            if holds != Selects::Yes {
                outcome.against.push((from.label(engine), to.label(engine), verdict));
            }
            outcome.holds = outcome.holds.and(holds);
        }
    }
    let mut unasked = |why: Unasked| {
        outcome.unasked.push((demand.from.clone(), demand.to.clone(), why));
    };
    if !asked_any {
        unasked(Unasked::NoPair);
    }
    if many {
        let network = engine.network();
        network.unread_workloads.iter().for_each(|kind| unasked(Unasked::Workloads(*kind)));
        if network.assumed.files_unread {
            unasked(Unasked::File);
        }
    }
    if !outcome.unasked.is_empty() {
        outcome.holds = outcome.holds.and(Selects::Maybe);
    }
    Ok(outcome)
}

fn ends(text: &str, engine: &Engine) -> Result<Vec<Who>, Unclear> {
    let namespace = match text {
        "*" => None,
        _ => match text.strip_suffix("/*") {
            Some(namespace) => Some(namespace),
            None => return Who::read(text, engine).map(|who| vec![who]),
        },
    };
    let all = engine.network().workloads.iter().enumerate();
    let of = all.filter(|(_, workload)| namespace.is_none_or(|n| workload.namespace == n));
    let found: Vec<_> = of.map(|(place, _)| Who::Workload(place)).collect();
    if found.is_empty() { Err(Unclear::NotFound(Vec::new())) } else { Ok(found) }
}
