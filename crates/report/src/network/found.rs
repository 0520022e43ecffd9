//! Differences, remarks, rules and generated policies, as text and JSON.

use std::collections::BTreeMap;
use std::io::{self, Write};

use pavisade_netpol::{
    Change, Demand, Direction, Engine, FlawKind, Generated, Name, Need, Network, Outcome, Remark,
    RemarkKind, Selects, Side, Unasked, Unmet, Verdict,
};
use serde_json::json;

use super::NetworkDocument;
use super::tables::markdown_cell;
use super::words::{self, Paint, Shown};
use crate::one_line;

/// The format of differences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkDiffFormat {
    /// For terminals.
    Text,
    /// JSON.
    Json,
    /// For a pull request.
    Markdown,
}

fn name(name: &Name) -> String {
    match name {
        Name::Outside(addresses) => words::outside(addresses),
        other => one_line(&other.to_string()),
    }
}

/// Connections of which it is not known that are listed.
const UNCLEAR: usize = 20;

/// `gained`, `lost`, `changed` or `unknown`.
fn kind(change: &Change) -> &'static str {
    if change.unclear {
        return "unknown";
    }
    let (old, new) = (&change.old.allow, &change.new.allow);
    match (new.subtract(old).is_empty(), old.subtract(new).is_empty()) {
        (false, true) => "gained",
        (true, false) => "lost",
        _ => "changed",
    }
}

/// Writes which connections differ.
///
/// # Errors
/// Writing the output fails.
pub fn network_diff(
    changes: &[Change],
    format: NetworkDiffFormat,
    shown: &Shown,
    out: &mut dyn Write,
) -> io::Result<()> {
    let unclear = changes.iter().filter(|change| change.unclear);
    let hidden = unclear.clone().count().saturating_sub(UNCLEAR);
    let listed = changes.iter().filter(|change| !change.unclear);
    let listed: Vec<_> = listed.chain(unclear.take(UNCLEAR)).collect();
    match format {
        NetworkDiffFormat::Json => {
            let all = changes.iter().map(|change| {
                json!({
                    "change": kind(change),
                    "from": change.from.to_string(),
                    "to": change.to.to_string(),
                    "old": change.old.certain().to_string(),
                    "old_unknown": change.old.unsure().to_string(),
                    "new": change.new.certain().to_string(),
                    "new_unknown": change.new.unsure().to_string(),
                })
            });
            let all: Vec<_> = all.collect();
            let document = json!({ "form": "pavisade network diff 1", "changes": all });
            serde_json::to_writer_pretty(&mut *out, &document)?;
            writeln!(out)
        }
        NetworkDiffFormat::Markdown => {
            writeln!(out, "## Network: {}\n", summary(changes))?;
            if changes.is_empty() {
                return Ok(());
            }
            writeln!(out, "| | from | to | before | after |\n| --- | --- | --- | --- | --- |")?;
            for change in listed {
                let cells = [
                    kind(change).to_owned(),
                    name(&change.from),
                    name(&change.to),
                    words::connections(&change.old),
                    words::connections(&change.new),
                ];
                writeln!(out, "| {} |", cells.map(|cell| markdown_cell(&cell)).join(" | "))?;
            }
            if hidden > 0 {
                writeln!(out, "\nand {hidden} more that are not known")?;
            }
            Ok(())
        }
        NetworkDiffFormat::Text => {
            writeln!(out, "{}", summary(changes))?;
            for change in listed {
                let (sign, paint) = match kind(change) {
                    "unknown" => ("?", Paint::Yellow),
                    "gained" => ("+", Paint::Red),
                    "lost" => ("-", Paint::Green),
                    _ => ("~", Paint::Yellow),
                };
                let (from, to) = (name(&change.from), name(&change.to));
                let (old, new) = (words::connections(&change.old), words::connections(&change.new));
                let line = match sign {
                    "+" if change.old.allow.is_empty() => format!("{from} to {to}: {new}"),
                    "-" if change.new.allow.is_empty() => format!("{from} to {to}: {old}"),
                    "?" => format!("{from} to {to}: {old}, before and after"),
                    _ => format!("{from} to {to}: {old} before, {new} after"),
                };
                writeln!(out, "{} {line}", shown.paint(paint, sign))?;
            }
            if hidden > 0 {
                writeln!(out, "and {hidden} more that are not known")?;
            }
            Ok(())
        }
    }
}

fn summary(changes: &[Change]) -> String {
    let count = |wanted: &str| changes.iter().filter(|change| kind(change) == wanted).count();
    let unclear = match count("unknown") {
        0 => String::new(),
        n => format!("{n} not known before and after"),
    };
    match changes.len() - count("unknown") {
        0 if unclear.is_empty() => "the same connections".to_owned(),
        0 => unclear,
        _ => format!(
            "{} gained, {} lost, {} changed{}{unclear}",
            count("gained"),
            count("lost"),
            count("changed"),
            if unclear.is_empty() { "" } else { ", " },
        ),
    }
}

/// Returns the message of a remark, without its location.
fn remark(engine: &Engine, remark: &Remark) -> String {
    let network = engine.network();
    let subject = match (remark.policy, remark.workload) {
        (Some(policy), _) => network.policies[policy].label(),
        (_, Some(workload)) => network.workloads[workload].label(),
        _ => String::new(),
    };
    let other = |place: usize| network.policies[place].label();
    let text = match &remark.kind {
        RemarkKind::SelectsNothing => "selects no pod that was read".to_owned(),
        RemarkKind::SelectsHostNetwork => {
            "selects only pods in the network of their node, where policies do not apply".to_owned()
        }
        RemarkKind::Uncaptured(Direction::Ingress) => "no policy restricts its ingress".to_owned(),
        RemarkKind::Uncaptured(Direction::Egress) => "no policy restricts its egress".to_owned(),
        RemarkKind::NoDns => "its egress policies let it reach no DNS server".to_owned(),
        RemarkKind::NoPort(port) => {
            format!("no pod that the rule is about has a port named `{port}`")
        }
        RemarkKind::Shadowed(rule) => {
            format!("the rule never takes effect: rule {} before it decides everything", rule + 1)
        }
        RemarkKind::Ambiguous(with) => format!(
            "has the same priority as {} and says something else for the same connections: which of \
             them counts is undefined",
            other(*with)
        ),
        RemarkKind::NotEnforced => {
            let plugin = network.assumed.profile.name;
            return match plugin {
                "none" => "no network plugin enforces policies: none has an effect".to_owned(),
                _ => format!("{plugin} enforces no policies: none has an effect"),
            };
        }
        RemarkKind::UnreadPolicies => {
            let kinds = network.unread.iter().map(|kind| kind.kind);
            let files = network.assumed.files_unread.then_some("a file that may hold policies");
            let all: Vec<_> = kinds.chain(files).collect();
            return format!(
                "which workloads no policy restricts is not known: not all was read ({})",
                all.join(", ")
            );
        }
        RemarkKind::Flaw(flaw) => match flaw {
            FlawKind::Malformed => "a value has a form that the API server refuses",
            FlawKind::Peer => {
                "a peer has no field that is known, or several that exclude each other"
            }
            FlawKind::Block => "an address block cannot be read, or an exception is outside of it",
            FlawKind::TooMany => "more rules than the API allows",
            FlawKind::NamedPort => "a named port together with peers that have no named ports",
            FlawKind::Domain => "domain names in a rule that does not accept",
        }
        .to_owned(),
    };
    one_line(&format!("{subject}: {text}"))
}

/// Writes remarks about policies and workloads.
///
/// # Errors
/// Writing the output fails.
pub fn network_lint(
    world: &str,
    engine: &Engine,
    remarks: &[Remark],
    document: Option<&mut NetworkDocument>,
    shown: &Shown,
    out: &mut dyn Write,
) -> io::Result<()> {
    let place = |one: &Remark| {
        let network = engine.network();
        match (one.policy, one.workload) {
            (Some(policy), _) => Network::place(&network.policies[policy].object, one.node),
            (_, Some(workload)) => Network::place(&network.workloads[workload].object, None),
            _ => (String::new(), 0),
        }
    };
    if let Some(document) = document {
        let all = remarks.iter().map(|one| {
            let (file, line) = place(one);
            json!({ "message": remark(engine, one), "file": file, "line": line })
        });
        document.add(json!({ "world": world, "remarks": all.collect::<Vec<_>>() }));
        return Ok(());
    }
    for one in remarks {
        let (file, line) = match place(one) {
            // It is about no single object.
            (file, 0) if file.is_empty() => (world.to_owned(), String::new()),
            (file, line) => (file, format!("{line}:")),
        };
        let at = shown.paint(Paint::Dim, &format!("{}:{line}", one_line(&file)));
        writeln!(out, "{at} {}", remark(engine, one))?;
    }
    if remarks.is_empty() {
        writeln!(out, "nothing to report")?;
    }
    Ok(())
}

/// A rule of a file and its result.
#[derive(Debug)]
pub struct Demanded<'a> {
    /// The rule.
    pub demand: &'a Demand,
    /// Whether it holds, or which end does not exist and what does.
    pub outcome: Result<Outcome, String>,
}

/// Writes which rules hold.
///
/// # Errors
/// Writing the output fails.
pub fn network_check(
    file: &str,
    all: &[Demanded<'_>],
    shown: &Shown,
    out: &mut dyn Write,
) -> io::Result<()> {
    for one in all {
        let text = one_line(&one.demand.text);
        let place = format!("{}:{}", one_line(file), one.demand.line);
        let outcome = match &one.outcome {
            Ok(outcome) => outcome,
            Err(why) => {
                let word = shown.paint(Paint::Red, "wrong");
                writeln!(out, "{word}    {place}: {text}\n         {}", one_line(why))?;
                continue;
            }
        };
        let word = match outcome.holds {
            Selects::Yes => shown.paint(Paint::Green, "holds  "),
            Selects::No => shown.paint(Paint::Red, "broken "),
            Selects::Maybe => shown.paint(Paint::Yellow, "unknown"),
        };
        writeln!(out, "{word}  {place}: {text}")?;
        for (from, to, verdict) in outcome.against.iter().take(20) {
            let (from, to) = (one_line(from), one_line(to));
            writeln!(out, "         {from} to {to}: {}", against(verdict))?;
        }
        if outcome.against.len() > 20 {
            writeln!(out, "         and {} more pairs", outcome.against.len() - 20)?;
        }
        for (from, to, why) in outcome.unasked.iter().take(20) {
            let (from, to) = (one_line(from), one_line(to));
            writeln!(out, "         {from} to {to}: {}", unasked(*why))?;
        }
    }
    Ok(())
}

/// Why a rule could not be asked.
fn unasked(why: Unasked) -> String {
    match why {
        Unasked::NoPods => "not asked, no pods that were read are behind the Service".to_owned(),
        Unasked::NoPort => "not asked, none of the ports leads to a pod".to_owned(),
        Unasked::NoPair => "not asked, it is about no two workloads".to_owned(),
        Unasked::Outside => "not asked, policies say nothing of what is outside".to_owned(),
        Unasked::FromService => {
            "not asked, connections start at pods and not at Services".to_owned()
        }
        Unasked::Workloads(kind) => format!("not all objects of kind {} were read", kind.kind),
        Unasked::File => "a file that may hold workloads could not be read".to_owned(),
    }
}

fn against(verdict: &Verdict) -> String {
    match verdict.allow.is_empty() {
        true => "stopped".to_owned(),
        false => format!("{} may go", words::connections(verdict)),
    }
}

fn side(engine: &Engine, side: &Side) -> String {
    match side {
        Side::Workload(place) => words::workload(engine, *place),
        Side::Outside(addresses) => words::outside(addresses),
        Side::Controller => "the ingress controller".to_owned(),
    }
}

fn need(engine: &Engine, need: &Need) -> String {
    let (from, to) = (side(engine, &need.from), side(engine, &need.to));
    one_line(&format!("{from} to {to}, {} ({})", words::ports(&need.ports), need.because))
}

/// Returns a summary of generated policies, as comments of a manifest or as lines: what is needed,
/// closed, and not covered.
pub fn network_generated(
    engine: &Engine,
    generated: &Generated,
    shown: &Shown,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "{}", shown.paint(Paint::Bold, "Needed and allowed"))?;
    for one in generated.needs.iter().filter(|one| !generated.cut.contains(one)) {
        writeln!(out, "  {}", need(engine, one))?;
    }
    let stopped = generated.cut.iter().filter(|one| !generated.unsure.contains(one));
    let stopped: Vec<_> = stopped.collect();
    if !stopped.is_empty() {
        writeln!(out, "\n{}", shown.paint(Paint::Red, "Needed, but stopped by other policies"))?;
        for one in stopped {
            writeln!(out, "  {}", need(engine, one))?;
        }
    }
    if !generated.unsure.is_empty() {
        writeln!(
            out,
            "\n{}",
            shown.paint(Paint::Yellow, "Needed, but it is not known whether all goes")
        )?;
        for one in &generated.unsure {
            writeln!(out, "  {}", need(engine, one))?;
        }
    }
    writeln!(out, "\n{}", shown.paint(Paint::Bold, "Closed"))?;
    let mut closed: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for change in &generated.closed {
        closed.entry(name(&change.to)).or_default().push(name(&change.from));
    }
    for (to, from) in &closed {
        let more =
            if from.len() > 5 { format!(" and {} more", from.len() - 4) } else { String::new() };
        let shown = if from.len() > 5 { &from[..4] } else { &from[..] };
        writeln!(out, "  to {to} from {}{more}", shown.join(", "))?;
    }
    if !generated.unmet.is_empty() {
        writeln!(out, "\n{}", shown.paint(Paint::Bold, "Not covered"))?;
        for one in &generated.unmet {
            writeln!(out, "  {}", unmet(engine, one))?;
        }
    }
    writeln!(
        out,
        "\nConnections that no configuration names, such as to the API server, from a monitoring \
         system, or of webhooks, are closed too: add rules for those that you need."
    )
}

fn unmet(engine: &Engine, unmet: &Unmet) -> String {
    match unmet {
        Unmet::HostNetwork(w) => format!(
            "{} is in the network of its node, where policies do not apply",
            words::workload(engine, *w)
        ),
        Unmet::NoLabels(w) => {
            format!("{} has no labels that a policy could select", words::workload(engine, *w))
        }
        Unmet::Elsewhere(w, name) => format!(
            "{} names {}: its addresses are not known, add an `ipBlock` rule",
            words::workload(engine, *w),
            one_line(name)
        ),
        Unmet::NoPods(w, name) => format!(
            "{} names Service {}, which has no pods here",
            words::workload(engine, *w),
            one_line(name)
        ),
    }
}
