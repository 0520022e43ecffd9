//! The report for people: what a run did, as data for `report`.

use pavisade_probe::{Journal, Outcome, RunId};
use pavisade_report::{Detection, ProbeRun};
use pavisade_scan::Timestamp;
use pavisade_secrets::mask;
use serde_json::Value;

use super::chosen::Chosen;

/// Requests that the timeline shows.
const SHOWN: usize = 2000;

pub(super) fn of(
    (run, now): (&RunId, Timestamp),
    chosen: &Chosen,
    journal: &Journal,
    (outcomes, detections): (&[Outcome], &[Detection]),
    left: &[String],
) -> ProbeRun {
    let scope = &chosen.scope;
    let mut lines: Vec<_> =
        scope.networks.iter().map(|(network, prefix)| format!("{network}/{prefix}")).collect();
    lines.extend(scope.endpoints.iter().map(ToString::to_string));
    lines.extend(scope.cluster.then(|| "the cluster of the kubeconfig".to_owned()));
    lines.extend(scope.namespaces.iter().map(|name| format!("namespace {name}")));
    let limits = scope.limits;
    lines.push(format!(
        "at most {} connections per second, {} per host, {} s",
        limits.rate, limits.per_host, limits.deadline
    ));
    let consent = scope.consent.as_ref().filter(|_| chosen.active).map(|consent| {
        let probes = consent.probes.join(", ");
        let (by, server, until) = (&consent.by, &consent.server, consent.until);
        format!("{by} agreed until {until} for {server} to: {probes}")
    });
    let text = String::from_utf8_lossy(journal.text());
    let entries = text.lines().take(SHOWN).filter_map(|line| {
        let entry: Value = serde_json::from_str(line).ok()?;
        let of = |name: &str| match &entry[name] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let what: String = of("what").chars().take(300).collect();
        Some([of("at"), of("kind"), of("to"), mask(&what).into_owned()])
    });
    let results = outcomes.iter().map(|outcome| {
        [
            outcome.probe.id().to_owned(),
            outcome.probe.name().to_owned(),
            outcome.subject.label(),
            outcome.verdict.word().to_owned(),
            mask(outcome.verdict.reason()).into_owned(),
        ]
    });
    ProbeRun {
        id: run.to_string(),
        started: now.strftime("%-d %B %Y, %H:%M:%S UTC").to_string(),
        scope: lines,
        consent: consent.unwrap_or_default(),
        timeline: entries.collect(),
        requests: journal.entries(),
        results: results.collect(),
        detections: detections.to_vec(),
        left: left.to_vec(),
    }
}
