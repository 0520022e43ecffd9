//! The report on a run of probes, for people: one HTML page that needs no network.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use crate::html::prose::escape;

/// Whether the defences noticed a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Noticed {
    /// It succeeded, and no log has it.
    Missed,
    /// It succeeded, and a log has it.
    Detected,
    /// It did not succeed.
    Prevented,
    /// No log could have it, or its result is unknown.
    NotMeasurable,
}

impl Noticed {
    /// All values, those that need attention first.
    pub const ALL: [Self; 4] = [Self::Missed, Self::Detected, Self::Prevented, Self::NotMeasurable];

    /// Returns the name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Missed => "missed",
            Self::Detected => "detected",
            Self::Prevented => "prevented",
            Self::NotMeasurable => "not measurable",
        }
    }
}

/// The result of a probe, and whether it was noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detection {
    /// The id of the probe.
    pub probe: String,
    /// The name of the probe.
    pub name: String,
    /// What it was tried on.
    pub subject: String,
    /// Techniques of MITRE ATT&CK.
    pub techniques: Vec<String>,
    /// `open`, `closed`, `unknown` or `not applicable`.
    pub verdict: &'static str,
    /// Whether it was noticed.
    pub noticed: Noticed,
    /// The request that an audit log should have. Empty if none can.
    pub expected: String,
    /// The number of audit events about it.
    pub events: usize,
    /// The rules that alert on these events.
    pub alerts: Vec<String>,
    /// Whether an alert of a runtime sensor names the run and the probe.
    pub runtime: bool,
}

/// A run of probes.
#[derive(Debug, Clone, Default)]
pub struct ProbeRun {
    /// Its id.
    pub id: String,
    /// The time of its start.
    pub started: String,
    /// What was in scope, one line each.
    pub scope: Vec<String>,
    /// Who agreed to active probes and until when. Empty if no active probes ran.
    pub consent: String,
    /// Time, kind, destination and content of what was sent.
    pub timeline: Vec<[String; 4]>,
    /// The number of requests, which may be more than the timeline shows.
    pub requests: usize,
    /// Each result: probe, name, subject, verdict, reason.
    pub results: Vec<[String; 5]>,
    /// The matrix. Empty if no logs were compared.
    pub detections: Vec<Detection>,
    /// Objects that could not be removed.
    pub left: Vec<String>,
}

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:75rem;margin:2rem auto;\
padding:0 1rem;color:#1d2530;background:#fff}table{border-collapse:collapse;width:100%;margin:.5rem 0}\
th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #d8dee6;vertical-align:top;\
overflow-wrap:anywhere}th{background:#f2f5f8}.open,.missed{color:#a40e26;font-weight:600}\
.unknown,.detected{color:#8a5a00;font-weight:600}.closed,.prevented{color:#116329}\
.small{color:#57606a}details{margin:.5rem 0}\
@media(prefers-color-scheme:dark){body{color:#dde3ea;background:#14181d}th{background:#1f262e}\
th,td{border-color:#333c46}.open,.missed{color:#ff7b72}.unknown,.detected{color:#e3b341}\
.closed,.prevented{color:#56d364}.small{color:#8b949e}}";

/// Writes the report as an HTML page.
///
/// # Errors
/// Writing to `out` fails.
pub fn probe_report(run: &ProbeRun, out: &mut dyn Write) -> io::Result<()> {
    let id = escape(&run.id);
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'\"><title>Penetration test {id}</title>\
         <style>{STYLE}</style></head><body>\n<h1>Penetration test {id}</h1>\n\
         <p>Started {} · {} requests</p>\n",
        escape(&run.started),
        run.requests
    )?;
    let of = |verdict: &str| run.results.iter().filter(|row| row[3] == verdict).count();
    writeln!(
        out,
        "<p><span class=\"open\">{} open</span> · <span class=\"unknown\">{} unknown</span> · \
         <span class=\"closed\">{} closed</span> · {} not applicable</p>",
        of("open"),
        of("unknown"),
        of("closed"),
        of("not applicable")
    )?;
    writeln!(out, "<h2>Scope and consent</h2>\n<ul>")?;
    for line in &run.scope {
        writeln!(out, "<li>{}</li>", escape(line))?;
    }
    let consent = match run.consent.as_str() {
        "" => "No active probes were run.",
        consent => consent,
    };
    writeln!(out, "</ul>\n<p>{}</p>", escape(consent))?;
    left(run, out)?;
    matrix(run, out)?;
    results(run, out)?;
    timeline(run, out)?;
    writeln!(out, "</body></html>")
}

fn left(run: &ProbeRun, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<h2>What was left behind</h2>")?;
    if run.left.is_empty() {
        return writeln!(out, "<p>Nothing.</p>");
    }
    writeln!(out, "<ul>")?;
    for path in &run.left {
        writeln!(out, "<li class=\"open\">{}</li>", escape(path))?;
    }
    let id = escape(&run.id);
    writeln!(out, "</ul><p>Remove it with <code>pavisade probe revert {id}</code>.</p>")
}

/// The matrix: a row for each technique, a column for each way it ended.
fn matrix(run: &ProbeRun, out: &mut dyn Write) -> io::Result<()> {
    if run.detections.is_empty() {
        return Ok(());
    }
    let mut rows: BTreeMap<&str, BTreeMap<Noticed, BTreeSet<&str>>> = BTreeMap::new();
    for one in &run.detections {
        let none = one.techniques.is_empty().then_some("");
        for technique in one.techniques.iter().map(String::as_str).chain(none) {
            let row = rows.entry(technique).or_default();
            row.entry(one.noticed).or_default().insert(&one.name);
        }
    }
    writeln!(
        out,
        "<h2>Detection by technique (MITRE ATT&amp;CK)</h2>\n<table><tr><th>Technique</th>"
    )?;
    for noticed in Noticed::ALL {
        writeln!(out, "<th>{}</th>", noticed.name())?;
    }
    writeln!(out, "</tr>")?;
    for (technique, cells) in &rows {
        let shown = if technique.is_empty() { "none" } else { technique };
        write!(out, "<tr><td>{}</td>", escape(shown))?;
        for noticed in Noticed::ALL {
            let names: Vec<_> = cells.get(&noticed).into_iter().flatten().copied().collect();
            let class = noticed.name().split(' ').next().unwrap_or_default();
            write!(out, "<td class=\"{class}\">{}</td>", escape(&names.join(", ")))?;
        }
        writeln!(out, "</tr>")?;
    }
    writeln!(out, "</table>")?;
    let seen = run.detections.iter().filter(|one| one.verdict == "open");
    writeln!(
        out,
        "<table><tr><th>Probe</th><th>Expected audit event</th><th>Events</th><th>Alerts</th>\
         <th>Result</th></tr>"
    )?;
    for one in seen {
        writeln!(
            out,
            "<tr><td>{} {}</td><td>{}</td><td>{}</td><td>{}</td><td class=\"{}\">{}</td></tr>",
            escape(&one.probe),
            escape(&one.name),
            escape(&one.expected),
            one.events,
            escape(&one.alerts.join(", ")),
            one.noticed.name().split(' ').next().unwrap_or_default(),
            one.noticed.name()
        )?;
    }
    writeln!(out, "</table>")
}

fn results(run: &ProbeRun, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "<h2>Results</h2>\n<table><tr><th>Probe</th><th>Subject</th><th>Verdict</th>\
         <th>Evidence</th></tr>"
    )?;
    let rank = |verdict: &str| match verdict {
        "open" => 0,
        "unknown" => 1,
        "closed" => 2,
        _ => 3,
    };
    let mut rows: Vec<_> = run.results.iter().collect();
    rows.sort_by_key(|row| rank(&row[3]));
    for [probe, name, subject, verdict, reason] in rows {
        writeln!(
            out,
            "<tr><td>{} {}</td><td>{}</td><td class=\"{}\">{}</td><td>{}</td></tr>",
            escape(probe),
            escape(name),
            escape(subject),
            verdict.split(' ').next().unwrap_or_default(),
            escape(verdict),
            escape(reason)
        )?;
    }
    writeln!(out, "</table>")
}

fn timeline(run: &ProbeRun, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "<h2>Timeline</h2>\n<details><summary>{} of {} requests</summary>\n\
         <table><tr><th>Time</th><th>Kind</th><th>To</th><th>Request</th></tr>",
        run.timeline.len(),
        run.requests
    )?;
    for [at, kind, to, what] in &run.timeline {
        writeln!(
            out,
            "<tr><td class=\"small\">{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escape(at),
            escape(kind),
            escape(to),
            escape(what)
        )?;
    }
    writeln!(out, "</table></details>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_texts_stay_text_and_nothing_left_is_said() {
        let hostile = "<script>alert(1)</script>\"'&";
        let row = |verdict: &str| [hostile, "n", hostile, verdict, hostile].map(str::to_owned);
        let detection = Detection {
            probe: "PV-P150".into(),
            name: hostile.into(),
            subject: hostile.into(),
            techniques: vec![hostile.into()],
            verdict: "open",
            noticed: Noticed::Missed,
            expected: hostile.into(),
            events: 0,
            alerts: vec![hostile.into()],
            runtime: false,
        };
        let mut run = ProbeRun {
            id: hostile.into(),
            started: hostile.into(),
            scope: vec![hostile.into()],
            consent: hostile.into(),
            timeline: vec![[hostile; 4].map(str::to_owned)],
            requests: 1,
            results: vec![row("closed"), row("open"), row("not applicable")],
            detections: vec![detection],
            left: Vec::new(),
        };
        let page = |run: &ProbeRun| {
            let mut out = Vec::new();
            probe_report(run, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        let text = page(&run);
        assert!(!text.contains("<script") && text.contains("&lt;script&gt;"));
        assert!(text.contains("<p>Nothing.</p>") && text.contains("1 open"));
        // What is open comes first.
        assert!(text.find("class=\"open\">open").unwrap() < text.find("closed</td>").unwrap());
        run.left = vec!["/api/v1/namespaces/x".into()];
        assert!(page(&run).contains("pavisade probe revert"));
        assert!(!page(&run).contains("<p>Nothing.</p>"));
    }
}
