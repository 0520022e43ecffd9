//! The report for people: what a run did, as data for `report`.

use std::net::IpAddr;

use pavisade_model::{Note, NoteKind};
use pavisade_probe::{Journal, Limits, Outcome, REGISTRY, Registered, RunId, Verdict, technique};
use pavisade_report::{Detection, ProbeResult, ProbeRun};
use pavisade_scan::Timestamp;
use pavisade_secrets::mask;
use serde_json::Value;

use super::chosen::Chosen;

/// Requests that the timeline shows.
const SHOWN: usize = 2000;

/// What a run did, apart from its results.
pub(super) struct Ran<'a> {
    pub(super) id: &'a RunId,
    pub(super) started: Timestamp,
    pub(super) ended: Timestamp,
    pub(super) journal: &'a Journal,
    /// The number of connections to the host that received most.
    pub(super) most: usize,
    /// What could not be removed.
    pub(super) left: &'a [String],
    pub(super) notes: &'a [Note],
}

pub(super) fn of(
    ran: &Ran<'_>,
    chosen: &Chosen,
    outcomes: &[Outcome],
    detections: &[Detection],
) -> ProbeRun {
    let consent = chosen.scope.consent.as_ref().filter(|_| chosen.is_consented());
    let consent = consent.map(|consent| {
        let word = |word: &String| match &**word {
            "*" => {
                let is_named = |probe: &&Registered| {
                    consent.probes.iter().any(|word| word == probe.id() || word == probe.name())
                };
                let others = REGISTRY.iter().filter(|one| one.runs_pods() && !is_named(one));
                let others: Vec<_> = others.map(Registered::id).collect();
                match &others[..] {
                    [] => "all active probes".to_owned(),
                    others => format!("all active probes but {}", others.join(", ")),
                }
            }
            _ => word.clone(),
        };
        let probes = consent.probes.iter().map(word).collect::<Vec<_>>().join(", ");
        let (by, server, until) = (&consent.by, &consent.server, consent.until);
        format!("{by} agreed until {until} for {server} to {probes}")
    });
    let text = String::from_utf8_lossy(ran.journal.text());
    let entries = text.lines().take(SHOWN).filter_map(|line| {
        let entry: Value = serde_json::from_str(line).ok()?;
        let of = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        let at = entry["at"].as_str().and_then(|at| at.parse::<Timestamp>().ok());
        let at = at.map(|at| at.strftime("%H:%M:%S%.3f").to_string()).unwrap_or_default();
        Some([at, of("kind"), of("to"), request(&entry["what"])])
    });
    let techniques = outcomes.iter().flat_map(|outcome| outcome.probe.techniques);
    let named = |id: &&str| Some(((*id).to_owned(), technique(id)?.to_owned()));
    let seconds = ran.ended.duration_since(ran.started).as_secs();
    let unread = ran.notes.iter().filter(|note| note.kind == NoteKind::Unread);
    ProbeRun {
        id: ran.id.to_string(),
        started: ran.started.strftime("%-d %B %Y, %H:%M:%S UTC").to_string(),
        seconds: seconds.try_into().unwrap_or_default(),
        scope: scope(chosen),
        consent: consent.unwrap_or_default(),
        timeline: entries.collect(),
        requests: ran.journal.entries(),
        most: ran.most,
        results: outcomes.iter().map(result).collect(),
        detections: detections.to_vec(),
        techniques: techniques.filter_map(named).collect(),
        notes: unread.map(|note| format!("{}: {}", note.place, note.message)).collect(),
        left: ran.left.to_vec(),
    }
}

fn scope(chosen: &Chosen) -> Vec<(&'static str, Vec<String>)> {
    let scope = &chosen.scope;
    let mut addresses: Vec<_> = scope
        .networks
        .iter()
        .map(|(network, prefix)| match (network, prefix) {
            (IpAddr::V4(_), 32) | (IpAddr::V6(_), 128) => network.to_string(),
            _ => format!("{network}/{prefix}"),
        })
        .collect();
    addresses.extend(scope.endpoints.iter().map(ToString::to_string));
    let Limits { rate, per_host, deadline } = scope.limits;
    let limits = [
        format!("{rate} connections per second"),
        format!("{per_host} connections to one host"),
        format!("{deadline} seconds"),
    ];
    let all = [
        ("Addresses", addresses),
        (
            "Cluster",
            scope.cluster.then(|| "the cluster of the kubeconfig".to_owned()).into_iter().collect(),
        ),
        ("Namespaces", scope.namespaces.clone()),
        ("Limits", limits.into()),
    ];
    all.into_iter().filter(|(_, values)| !values.is_empty()).collect()
}

/// Describes an entry of the journal in one line.
fn request(what: &Value) -> String {
    let of = |name: &str| what[name].as_str();
    let text = match (what.as_str(), of("method"), of("path")) {
        (Some(text), ..) => text.to_owned(),
        (None, Some(method), Some(path)) => {
            let body = what.get("body").filter(|body| !body.is_null());
            format!("{method} {path} {}", body.map(Value::to_string).unwrap_or_default())
        }
        _ => what.to_string(),
    };
    let text: String = text.trim_end().chars().take(300).collect();
    mask(&text).into_owned()
}

fn result(outcome: &Outcome) -> ProbeResult {
    let rule = &outcome.probe.meta.rule;
    let message = match &outcome.verdict {
        Verdict::Open { message, .. } => mask(message).into_owned(),
        _ => String::new(),
    };
    ProbeResult {
        probe: outcome.probe.id().to_owned(),
        name: outcome.probe.name().to_owned(),
        title: rule.title.to_string(),
        severity: rule.severity,
        fix: rule.advice.to_string(),
        techniques: outcome.probe.techniques.iter().map(|id| (*id).to_owned()).collect(),
        owasp: outcome.probe.owasp.to_owned(),
        subject: outcome.subject.label(),
        verdict: outcome.verdict.word(),
        message,
        reason: mask(outcome.verdict.reason()).into_owned(),
    }
}
