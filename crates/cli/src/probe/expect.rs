//! Whether the defences noticed a run: compares what was sent with an audit log, and with alerts of
//! a runtime sensor.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::bail;
use pavisade_probe::{Outcome as Probed, RunId, Verdict};
use pavisade_report::{Detection, Noticed};
use pavisade_rules::{AuditEvent, Options, RuleSet, Scratch, load};
use pavisade_yaml::{Source, read};
use serde_json::Value;

use crate::args::probe::Expect;
use crate::{bounded, runtime};

/// Bytes of a log.
const MAX_BYTES: u64 = 1 << 30;

/// An event of an audit log.
struct Event {
    /// The probe, if its id is in the user agent. Requests that probes share have none.
    probe: String,
    method: String,
    uri: String,
    rules: Vec<String>,
}

/// What the logs contain about a run.
pub(super) struct Seen {
    audit: Option<Vec<Event>>,
    /// Lines of a sensor that name the run.
    runtime: Option<Vec<String>>,
}

impl Seen {
    /// Reads the logs.
    ///
    /// # Errors
    /// A log cannot be read.
    pub(super) fn read(expect: &Expect, run: &RunId) -> anyhow::Result<Self> {
        let audit = expect.audit.as_ref().map(|file| events(file, run)).transpose()?;
        let named = |file: &PathBuf| {
            let text = bounded::text(file, MAX_BYTES)?;
            let lines = text.lines().filter(|line| line.contains(run.as_str()));
            anyhow::Ok(lines.map(str::to_owned).collect())
        };
        let runtime = expect.runtime.as_ref().map(named).transpose()?;
        Ok(Self { audit, runtime })
    }

    /// Returns a row of the matrix for each result.
    pub(super) fn rows(&self, outcomes: &[Probed]) -> Vec<Detection> {
        outcomes.iter().map(|outcome| self.row(outcome)).collect()
    }

    fn row(&self, outcome: &Probed) -> Detection {
        let mut rules = BTreeSet::new();
        let (mut events, mut proved) = (0, false);
        // The last request of an active probe is its proof, the others prepare it.
        let proof = outcome.audited.last().filter(|_| outcome.probe.is_active());
        for event in self.audit.iter().flatten() {
            let is =
                |(method, path): &(String, String)| *method == event.method && *path == event.uri;
            let own = event.probe.is_empty() || event.probe == outcome.probe.id();
            if own && outcome.audited.iter().any(is) {
                events += 1;
                proved |= proof.is_none_or(is);
                rules.extend(event.rules.iter().cloned());
            }
        }
        let measurable = self.audit.is_some() && !outcome.audited.is_empty();
        let names = |line: &String| line.contains(outcome.probe.id());
        let alerted = self.runtime.as_ref().is_some_and(|lines| lines.iter().any(names));
        let noticed = match &outcome.verdict {
            Verdict::Closed(..) => Noticed::Prevented,
            Verdict::Unknown(_) | Verdict::NotApplicable(_) => Noticed::NotMeasurable,
            Verdict::Open { .. } if proved || alerted => Noticed::Detected,
            Verdict::Open { .. } if !measurable => Noticed::NotMeasurable,
            Verdict::Open { .. } => Noticed::Missed,
        };
        Detection {
            probe: outcome.probe.id().to_owned(),
            name: outcome.probe.name().to_owned(),
            subject: outcome.subject.label(),
            techniques: outcome.probe.techniques.iter().map(|id| (*id).to_owned()).collect(),
            verdict: outcome.verdict.word(),
            noticed,
            expected: outcome
                .audited
                .last()
                .map(|(method, path)| format!("{method} {path}"))
                .unwrap_or_default(),
            events,
            alerts: rules.into_iter().collect(),
            runtime: alerted,
        }
    }
}

/// Returns the events of a run, with the rules that alert on them.
fn events(file: &Path, run: &RunId) -> anyhow::Result<Vec<Event>> {
    let agent = format!("pavisade-probe/{run}");
    let sources = ["k8s_audit"];
    let options = Options { sources: &sources, ..Options::default() };
    let loaded = load(&runtime::rule_files(&[], true), &options);
    let set = RuleSet::new(&loaded.rules, "k8s_audit");
    let mut scratch = Scratch::default();
    let text = bounded::text(file, MAX_BYTES)?;
    let (mut events, mut any) = (Vec::new(), false);
    for (index, line) in text.lines().enumerate() {
        // A log that is being written ends within a line.
        let Ok(event) = serde_json::from_str::<Value>(line) else { continue };
        any |= event.get("auditID").is_some();
        let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
        let Some(rest) = text("userAgent").strip_prefix(&agent) else { continue };
        let probe = rest.trim_start().to_owned();
        let method = match text("verb") {
            "create" | "post" => "POST",
            "patch" => "PATCH",
            "put" | "update" => "PUT",
            "delete" | "deletecollection" => "DELETE",
            _ => "GET",
        };
        let source = Source::new(format!("{}:{}", file.display(), index + 1), line);
        let documents = read(&source);
        let all = documents.docs.iter().flat_map(|doc| AuditEvent::all(doc.root()).0);
        let mut rules = Vec::new();
        for event in all {
            rules.extend(set.matching(&event, &mut scratch).map(|rule| rule.name.clone()));
        }
        let (method, uri) = (method.to_owned(), text("requestURI").to_owned());
        events.push(Event { probe, method, uri, rules });
    }
    if !any {
        bail!("{} contains no audit event: is it the log of the API server?", file.display());
    }
    Ok(events)
}

/// Waits until a log has the last events: the API server writes them after it responds.
pub(super) fn settle(expect: &Expect) {
    if expect.audit.is_some() {
        std::thread::sleep(std::time::Duration::from_millis(500));
    }
}

/// Returns the rows as text.
pub(super) fn table(rows: &[Detection]) -> String {
    let mut text = String::from("\nDetection\n");
    let mut open: Vec<_> = rows.iter().filter(|row| row.verdict == "open").collect();
    open.sort_by(|a, b| {
        let a = (a.noticed, &a.techniques, &a.probe, &a.alerts);
        a.cmp(&(b.noticed, &b.techniques, &b.probe, &b.alerts))
    });
    // One line for each probe that was noticed in the same way at several places.
    let same = |a: &&Detection, b: &&Detection| {
        (a.noticed, &a.probe, &a.alerts) == (b.noticed, &b.probe, &b.alerts)
    };
    for rows in open.chunk_by(|a, b| same(a, b)) {
        let row = rows[0];
        let mut rest = match rows.len() {
            1 => String::new(),
            places => format!("  {places} places"),
        };
        if !row.alerts.is_empty() {
            rest.push_str(&format!("  alert: {}", row.alerts.join(", ")));
        }
        text.push_str(&format!(
            "  {:<14}  {:<10}  {}  {}{rest}\n",
            row.noticed.name(),
            row.techniques.first().map_or("-", String::as_str),
            row.probe,
            row.name,
        ));
    }
    let count = |noticed: Noticed| rows.iter().filter(|row| row.noticed == noticed).count();
    text.push_str(&format!(
        "{} prevented, {} detected, {} missed, {} not measurable\n",
        count(Noticed::Prevented),
        count(Noticed::Detected),
        count(Noticed::Missed),
        count(Noticed::NotMeasurable),
    ));
    text
}

#[cfg(test)]
mod tests {
    use pavisade_model::Subject;
    use pavisade_probe::REGISTRY;

    use super::*;

    #[test]
    fn an_alert_of_a_sensor_counts_for_the_probe_that_it_names() {
        let probe = REGISTRY.iter().find(|probe| probe.id() == "PV-P152").unwrap();
        let open = Probed {
            probe,
            subject: Subject::Cluster { name: "test".into() },
            verdict: Verdict::Open { message: String::new(), proof: String::new() },
            exchanges: Vec::new(),
            audited: vec![("POST".to_owned(), "/exec".to_owned())],
        };
        for (audit, line, expect) in [
            (None, "pavisade-probe/1 PV-P152", Noticed::Detected),
            (None, "pavisade-probe/1 PV-P151", Noticed::NotMeasurable),
            (Some(Vec::new()), "pavisade-probe/1 PV-P152", Noticed::Detected),
            (Some(Vec::new()), "pavisade-probe/1 PV-P151", Noticed::Missed),
        ] {
            let seen = Seen { audit, runtime: Some(vec![line.to_owned()]) };
            let rows = seen.rows(std::slice::from_ref(&open));
            assert_eq!(rows[0].noticed, expect, "{line}");
        }
    }
}
