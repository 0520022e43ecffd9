//! Answers to one question, and the rules that decide them.

use std::io::{self, Write};

use pavisade_netpol::{
    Action, Asked, Connections, Direction, Doubt, Engine, Kind, Labels, Network, PartyId, Policy,
    Selects, Step, Tier,
};
use serde_json::json;

use super::NetworkDocument;
use super::map::certainty;
use super::words::{self, Paint, Shown};
use crate::one_line;

/// A question with its answer.
#[derive(Debug)]
pub struct NetworkAnswer<'a> {
    /// The world's name.
    pub world: &'a str,
    /// The network.
    pub engine: &'a Engine,
    /// The name of the source.
    pub from: String,
    /// The name of the destination.
    pub to: String,
    /// The answer.
    pub asked: &'a Asked,
}

impl NetworkAnswer<'_> {
    /// Returns whether the connections are allowed.
    pub fn certainty(&self) -> Selects {
        certainty(&self.asked.verdict, &self.asked.wanted)
    }

    /// Whether only some of the connections are allowed, or only between some pods, and this is
    /// certain.
    pub fn in_part(&self) -> bool {
        self.certainty() == Selects::Maybe && self.asked.verdict.differs_only()
    }

    fn word(&self) -> &'static str {
        match self.certainty() {
            Selects::Yes => "yes",
            Selects::No => "no",
            Selects::Maybe if self.in_part() => "in part",
            Selects::Maybe => "unknown",
        }
    }
}

/// Writes `yes`, `no`, `in part` or `unknown`, and the reason if unknown.
///
/// # Errors
/// Writing the output fails.
pub fn network_answer(
    answer: &NetworkAnswer<'_>,
    document: Option<&mut NetworkDocument>,
    shown: &Shown,
    out: &mut dyn Write,
) -> io::Result<()> {
    let verdict = &answer.asked.verdict;
    if let Some(document) = document {
        let reasons = verdict.doubts.iter().map(|doubt| words::doubt(answer.engine, *doubt));
        document.add(json!({
            "world": answer.world,
            "from": answer.from,
            "to": answer.to,
            "asked": answer.asked.wanted.to_string(),
            "answer": answer.word(),
            "allowed": verdict.certain().to_string(),
            "unknown": verdict.unsure().to_string(),
            "reasons": reasons.collect::<Vec<_>>(),
        }));
        return Ok(());
    }
    headline(answer, shown, out)?;
    for doubt in verdict.doubts.iter().filter(|doubt| **doubt != Doubt::PodsDiffer) {
        writeln!(out, "  not known: {}", words::doubt(answer.engine, *doubt))?;
    }
    Ok(())
}

fn headline(answer: &NetworkAnswer<'_>, shown: &Shown, out: &mut dyn Write) -> io::Result<()> {
    let verdict = &answer.asked.verdict;
    let word = answer.word();
    let paint = match word {
        "yes" => Paint::Green,
        "no" => Paint::Red,
        _ => Paint::Yellow,
    };
    let (from, to) = (one_line(&answer.from), one_line(&answer.to));
    let asked = words::ports(&answer.asked.wanted);
    write!(out, "{}: {from} to {to}, {asked}", shown.paint(paint, word))?;
    if word == "in part" || word == "unknown" {
        write!(out, " (allowed: {}", verdict.certain())?;
        match (verdict.unsure(), word) {
            (unsure, _) if unsure.is_empty() => {}
            (unsure, "in part") => write!(out, "; for some pods or addresses: {unsure}")?,
            (unsure, _) => write!(out, "; not known: {unsure}")?,
        }
        write!(out, ")")?;
    }
    writeln!(out)
}

/// Writes the answer with the rules that decide it, and what would have to change.
///
/// # Errors
/// Writing the output fails.
pub fn network_explain(
    answer: &NetworkAnswer<'_>,
    document: Option<&mut NetworkDocument>,
    shown: &Shown,
    out: &mut dyn Write,
) -> io::Result<()> {
    let engine = answer.engine;
    let Some((from, to)) = answer.asked.pairs.first().copied() else {
        return writeln!(out, "no pods are behind {}", one_line(&answer.to));
    };
    let wanted = &answer.asked.wanted;
    let steps = engine.explain(from, to);
    let relevant = |step: &&Step| {
        step.connections.is_empty() || !step.connections.intersect(wanted).is_empty()
    };
    let steps: Vec<_> = steps.iter().filter(relevant).collect();
    if let Some(document) = document {
        let all = steps.iter().map(|step| {
            let place = step.policy.map(|p| place(engine.policy(p), step));
            json!({
                "direction": step.direction.field(),
                "tier": tier(engine, step),
                "policy": step.policy.map(|p| engine.policy(p).label()),
                "file": place.as_ref().map(|(file, _)| file),
                "line": place.as_ref().map(|(_, line)| line),
                "rule": step.rule.map(|rule| rule + 1),
                "action": action(step.action),
                "connections": step.connections.intersect(wanted).to_string(),
                "certain": step.sure,
            })
        });
        document.add(json!({
            "world": answer.world,
            "from": answer.from,
            "to": answer.to,
            "asked": wanted.to_string(),
            "answer": answer.word(),
            "steps": all.collect::<Vec<_>>(),
            "changes": changes(answer, &steps, (from, to)),
        }));
        return Ok(());
    }
    headline(answer, shown, out)?;
    for (direction, who) in [(Direction::Egress, &answer.from), (Direction::Ingress, &answer.to)] {
        let title = format!("{} of {}", direction.name(), one_line(who));
        writeln!(out, "\n{}", shown.paint(Paint::Bold, &title))?;
        let subject = if direction == Direction::Egress { from } else { to };
        if let Some(free) = free(engine, subject) {
            writeln!(out, "  {free}")?;
            continue;
        }
        for step in steps.iter().filter(|step| step.direction == direction) {
            self::step(engine, step, wanted, shown, out)?;
        }
        for vendor in engine.vendors(direction, subject) {
            let label = one_line(&engine.network().vendors[*vendor].label());
            writeln!(out, "  {label} may select it; its rules are not evaluated")?;
        }
    }
    let doubts = answer.asked.verdict.doubts.iter();
    for doubt in doubts.filter(|doubt| **doubt != Doubt::PodsDiffer) {
        writeln!(out, "\nnot known: {}", words::doubt(engine, *doubt))?;
    }
    let changes = changes(answer, &steps, (from, to));
    if !changes.is_empty() {
        writeln!(out, "\n{}", shown.paint(Paint::Bold, "What would have to change"))?;
        for change in changes {
            writeln!(out, "  - {change}")?;
        }
    }
    if answer.asked.pairs.len() > 1 {
        let count = answer.asked.pairs.len();
        writeln!(out, "\nThis is the first of {count} pairs of pods and addresses.")?;
    }
    Ok(())
}

/// Returns why no policy applies in a direction.
fn free(engine: &Engine, party: PartyId) -> Option<&'static str> {
    let own = engine.party(party);
    if matches!(own.kind, Kind::Outside(_)) {
        return Some("outside of the cluster: no policy applies");
    }
    if own.host_network {
        return Some("in the network of its node: policies do not apply");
    }
    (!engine.network().assumed.profile.enforces)
        .then_some("the network plugin enforces no policies")
}

fn tier(engine: &Engine, step: &Step) -> &'static str {
    match step.policy.map(|policy| engine.policy(policy).tier) {
        Some(Tier::Admin) => "Admin",
        Some(Tier::Network) => "NetworkPolicy",
        Some(Tier::Baseline) => "Baseline",
        None => "default",
    }
}

fn action(action: Action) -> &'static str {
    match action {
        Action::Allow => "allows",
        Action::Deny => "denies",
        Action::Pass => "passes",
        Action::Unknown => "may allow or deny",
    }
}

/// Returns the file and line of a rule, or of the policy.
fn place(policy: &Policy, step: &Step) -> (String, u32) {
    let rules = policy.of(step.direction).unwrap_or(&[]);
    let node = step.rule.and_then(|rule| rules.get(rule)).map(|rule| rule.node);
    Network::place(&policy.object, node)
}

fn step(
    engine: &Engine,
    step: &Step,
    wanted: &Connections,
    shown: &Shown,
    out: &mut dyn Write,
) -> io::Result<()> {
    let connections = words::ports(&step.connections.intersect(wanted));
    let Some(policy) = step.policy.map(|place| engine.policy(place)) else {
        return writeln!(out, "  allows {connections}: by default, no policy decides");
    };
    let (file, line) = place(policy, step);
    let at = shown.paint(Paint::Dim, &format!("{}:{line}", one_line(&file)));
    let label = one_line(&policy.label());
    let sure = if step.sure || step.connections.is_empty() { "" } else { ", not certain" };
    let prefix = match policy.tier {
        Tier::Network => String::new(),
        _ => format!("{} tier, priority {}: ", tier(engine, step), policy.priority),
    };
    match step.rule {
        None => writeln!(
            out,
            "  denies {connections}: {label} selects it, and no rule allows this ({at}{sure})"
        ),
        Some(rule) => {
            let rules = policy.of(step.direction).unwrap_or(&[]);
            let name = rules.get(rule).map_or("", |rule| rule.name.as_str());
            let name = match name {
                "" => format!("rule {}", rule + 1),
                name => format!("rule {} `{}`", rule + 1, one_line(name)),
            };
            if step.connections.is_empty() {
                return writeln!(
                    out,
                    "  no effect: {prefix}{label}, {name} is about it, but about other ports ({at})"
                );
            }
            let verb = action(step.action);
            writeln!(out, "  {verb} {connections}: {prefix}{label}, {name} ({at}{sure})")
        }
    }
}

/// Returns the changes that would allow the connections.
fn changes(
    answer: &NetworkAnswer<'_>,
    steps: &[&Step],
    (from, to): (PartyId, PartyId),
) -> Vec<String> {
    let engine = answer.engine;
    let missing = answer.asked.verdict.deny.intersect(&answer.asked.wanted);
    let mut changes: Vec<String> = Vec::new();
    if missing.is_empty() {
        return changes;
    }
    for direction in Direction::BOTH {
        let denied = steps.iter().filter(|step| {
            step.direction == direction
                && step.action == Action::Deny
                && !step.connections.intersect(&missing).is_empty()
        });
        let mut network = Vec::new();
        for step in denied {
            let Some(policy) = step.policy.map(|place| engine.policy(place)) else { continue };
            let (file, line) = place(policy, step);
            let label = one_line(&policy.label());
            match step.rule {
                Some(rule) => changes.push(format!(
                    "rule {} of {label} ({}:{line}) must not deny it, or a rule before it must allow \
                     it",
                    rule + 1,
                    one_line(&file),
                )),
                None => network.push(format!("{label} ({}:{line})", one_line(&file))),
            }
        }
        if !network.is_empty() {
            let other = if direction == Direction::Egress { to } else { from };
            let peer = peer(engine, other);
            let ports = words::ports(&missing);
            let one = if network.len() == 1 { "" } else { "one of " };
            changes.push(format!(
                "{one}{}: add an {} rule for {peer} on {ports}",
                network.join(", "),
                direction.field(),
            ));
        }
    }
    changes
}

/// Returns a party as a peer of a rule.
fn peer(engine: &Engine, id: PartyId) -> String {
    let party = engine.party(id);
    if let Kind::Outside(addresses) = &party.kind {
        return format!("`ipBlock` {addresses}");
    }
    let Labels { known, .. } = &party.labels;
    let labels: Vec<_> = known.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let namespace = party.namespace.and_then(|place| engine.network().namespaces.get(place));
    let namespace = namespace.map_or("", |namespace| &namespace.name);
    let labels = if labels.is_empty() { "any pod".to_owned() } else { labels.join(",") };
    one_line(&format!("pods {{{labels}}} of namespace {namespace}"))
}
