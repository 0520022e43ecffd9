//! Results of an earlier run as facts: documents of the kind `ProbeFacts`, which scans read like any
//! other. Each probe is a check of these documents, with the same id, subjects and verdicts.

use jiff::{Timestamp, ToSpan as _};
use pavisade_checks::{Claim, Cx, MadeCheck, Verdict as Judged};
use pavisade_model::{Fact, Meta, Note, NoteKind, Subject, kinds};
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use serde_json::Value as Json;

use crate::{Closed, Component, Kind, Outcome, REGISTRY, Registered, Verdict};

/// Results that are older prove nothing: PCI DSS 11.4 requires tests once a year.
const MAX_DAYS: i64 = 366;

/// How an exchange without a response is written.
pub const NO_RESPONSE: &str = "no response";

/// Returns the checks of the results, one for each probe.
pub fn checks() -> impl Iterator<Item = MadeCheck> {
    REGISTRY.iter().map(|probe| {
        let on = vec![kinds::PROBE_FACTS].into();
        let meta = Meta { on, facts: &[Fact::Probes], ..probe.meta.clone() };
        MadeCheck::of_parts(meta, |object, cx| results(object, probe, cx))
    })
}

/// Returns notes about what results lack: what did not respond in the run, and results of probes
/// that this version does not have.
pub fn missing(facts: &Object) -> Vec<Note> {
    let place = facts.doc().source().name();
    let note = |message: String, remedy: &str| Note {
        kind: NoteKind::Unread,
        place: place.to_owned(),
        span: None,
        message,
        remedy: remedy.to_owned(),
    };
    let unread =
        facts.value().list("unread").map(|text| text.as_str().unwrap_or("no reason given"));
    let mut notes: Vec<_> = unread
        .map(|text| note(format!("the run of the probes was incomplete: {text}"), "Run it again."))
        .collect();
    let results = facts.at(&["results"]).filter(|results| results.items().next().is_some());
    let Some(results) = results else {
        notes.push(note("it contains no results of probes".to_owned(), "Run the probes again."));
        return notes;
    };
    let is_known = |result: &Value<'_>| {
        result.str("probe").is_some_and(|id| REGISTRY.iter().any(|probe| probe.id() == id))
    };
    let unknown = results.items().filter(|result| !is_known(result)).count();
    if unknown > 0 {
        let message = format!("{unknown} results are of probes that this version does not have");
        notes.push(note(message, "Update Pavisade."));
    }
    notes
}

/// Reads the results of a run in a pod: those about its container are about `container`. `responds`
/// says whether an address responds outside of the pod: then no response proves that the pod is cut
/// off from it.
///
/// # Errors
/// It is not such a document.
pub fn outcomes(
    document: &Json,
    container: &Subject,
    responds: &dyn Fn(&str) -> bool,
) -> Result<Vec<Outcome>, String> {
    let results = document.get("results").and_then(Json::as_array);
    let results = results.ok_or("the document of the pod has no results")?;
    let outcome = |result: &Json| {
        let text = |field: &str| result.get(field).and_then(Json::as_str).unwrap_or_default();
        let probe = REGISTRY.iter().find(|probe| probe.id() == text("probe"))?;
        let of = |field: &str| result.pointer(&format!("/subject/{field}")).and_then(Json::as_str);
        let subject = match probe.kind {
            Kind::Pod { .. } => container.clone(),
            _ => Subject::Endpoint {
                component: of("component")?.into(),
                address: of("address")?.into(),
            },
        };
        let reason = text("reason").to_owned();
        let how = Closed::ALL.into_iter().find(|how| how.name() == text("how"));
        let silent = result.pointer("/exchanges/0/response/error").and_then(Json::as_str);
        let is_cut_off =
            is_egress(probe) && silent == Some(NO_RESPONSE) && of("address").is_some_and(responds);
        let verdict = match (text("verdict"), how) {
            ("unknown", _) if is_cut_off => Verdict::Closed(
                Closed::Filtered,
                "no response in the pod, but outside of it".to_owned(),
            ),
            ("open", _) => Verdict::Open { message: text("message").to_owned(), proof: reason },
            ("closed", Some(how)) => Verdict::Closed(how, reason),
            ("not applicable", _) => Verdict::NotApplicable(reason),
            _ => Verdict::Unknown(reason),
        };
        Some(Outcome { probe, subject, verdict, exchanges: Vec::new(), audited: Vec::new() })
    };
    let all: Vec<_> = results.iter().filter_map(outcome).collect();
    match all.len() == results.len() {
        true => Ok(all),
        false => Err("the pod runs another version of Pavisade: its results differ".to_owned()),
    }
}

fn is_egress(probe: &Registered) -> bool {
    matches!(probe.kind, Kind::Endpoint { at, .. } if at.contains(&Component::Egress))
}

fn results<'a>(facts: &'a Object, probe: &Registered, cx: &Cx<'a>) -> Vec<(Subject, Judged<'a>)> {
    let own = facts.value().list("results").filter(|one| one.str("probe") == Some(probe.id()));
    let outdated = outdated(facts.value(), cx.now());
    let judge = |result: Value<'a>| {
        let Some(subject) = subject(result) else {
            let why = "the result does not say what was probed";
            return (facts.subject(None), Judged::unknown(result, why));
        };
        let verdict = match &outdated {
            Some(why) => Judged::unknown(result, why.as_str()),
            None => verdict(result),
        };
        (subject, verdict)
    };
    own.map(judge).collect()
}

fn verdict(result: Value<'_>) -> Judged<'_> {
    let reason = result.str("reason").unwrap_or_default();
    match (result.str("verdict"), result.str("message")) {
        (Some("open"), Some(message)) => {
            let claim = Claim::fails(result, format!("{message} ({reason})"));
            Judged::from(claim.evidence(reason))
        }
        (Some("closed"), _) if !reason.is_empty() => Judged::Holds,
        (Some("not applicable"), _) => Judged::NotApplicable,
        (Some("unknown"), _) if !reason.is_empty() => Judged::unknown(result, reason),
        _ => Judged::unknown(result, "the result has no complete verdict"),
    }
}

/// Returns why the results prove nothing now.
fn outdated(facts: Value<'_>, now: Timestamp) -> Option<String> {
    let time = facts.str("time").and_then(|time| time.parse::<Timestamp>().ok());
    let Some(time) = time else {
        return Some("the time of the probes is missing".to_owned());
    };
    let date = time.strftime("%F");
    if time > now.checked_add(24.hours()).unwrap_or(now) {
        return Some(format!("the time of the probes ({date}) is in the future"));
    }
    let oldest = now.checked_sub((MAX_DAYS * 24).hours()).unwrap_or(Timestamp::MIN);
    (time < oldest)
        .then(|| format!("the probes ran on {date}, which is too long ago to prove anything"))
}

fn subject(result: Value<'_>) -> Option<Subject> {
    let subject = result.get("subject")?;
    let text = |field: &str| subject.str(field).filter(|text| !text.is_empty());
    if let (Some(component), Some(address)) = (text("component"), text("address")) {
        return Some(Subject::Endpoint { component: component.into(), address: address.into() });
    }
    let name = text("name")?;
    match text("kind")? {
        "Cluster" => Some(Subject::Cluster { name: name.into() }),
        kind => Some(Subject::Object {
            group: "".into(),
            kind: kind.into(),
            namespace: text("namespace").unwrap_or_default().into(),
            name: name.into(),
            container: None,
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use pavisade_checks::{Catalog, CheckSet};
    use pavisade_model::KubernetesVersion;
    use pavisade_snapshot::{Snapshot, WorldKind, WorldParts};
    use pavisade_yaml::{Source, read};

    use super::*;

    fn object(text: &str) -> Object {
        let doc = read(&Source::new("e.json", text)).docs.remove(0);
        Object::new(doc.root(), "pavisade.dev/v1", "ProbeFacts")
    }

    /// Returns the verdicts on a document, with their subjects.
    fn judged(time: &str, results: &str) -> Vec<String> {
        let text = format!("metadata: {{name: r}}\ntime: {time}\nresults:\n{results}");
        let catalog = Catalog::builtin().with(checks()).unwrap();
        let wanted = |meta: &Meta| meta.facts.contains(&Fact::Probes);
        let latest = KubernetesVersion::LATEST;
        let set = CheckSet::new(&catalog, latest, wanted, &HashMap::new());
        let set = set.map_err(|error| error.message).unwrap();
        let world = WorldParts::files("w", WorldKind::Files, vec![object(&text)]);
        let snapshot = Snapshot::new(vec![world], Vec::new());
        let world = &snapshot.worlds()[0];
        let mut said = Vec::new();
        for object in world.objects() {
            set.judge_object(
                world,
                object,
                "2026-06-01T00:00:00Z".parse().unwrap(),
                &mut |report| {
                    let (word, claims) = match report.verdict {
                        Judged::Holds => ("holds", Vec::new()),
                        Judged::Fails(claims) => ("fails", claims),
                        Judged::Unknown(claims) => ("unknown", claims),
                        Judged::NotApplicable => ("not applicable", Vec::new()),
                    };
                    let message = claims.first().map_or("", |claim| &claim.message);
                    said.push(format!(
                        "{} {} {word} {message}",
                        report.rule.id,
                        report.subject.label()
                    ));
                },
            );
        }
        said
    }

    #[test]
    fn each_result_is_judged_by_its_own_check() {
        let results = "\
- {probe: PV-P050, subject: {component: kubelet, address: '10.0.0.7:1'}, verdict: open, message: m, reason: r}
- {probe: PV-P050, subject: {component: kubelet, address: '10.0.0.8:1'}, verdict: closed, reason: 'status 401'}
- {probe: PV-P051, subject: {component: kubelet, address: '10.0.0.8:1'}, verdict: unknown, reason: u}
- {probe: PV-P110, subject: {kind: Namespace, name: shop}, verdict: open, message: m, reason: r}
- {probe: PV-P157, subject: {kind: Cluster, name: c}, verdict: not applicable, reason: x}
# Incomplete results prove nothing.
- {probe: PV-P052, subject: {component: kubelet, address: a}, verdict: closed}
- {probe: PV-P053, subject: {component: kubelet, address: a}, verdict: open, reason: r}
- {probe: PV-P054, subject: {component: kubelet, address: a}, verdict: shut, reason: r}
- {probe: PV-P055, verdict: closed, reason: r}
- {probe: PV-P999, verdict: closed, reason: r}
";
        assert_eq!(
            judged("2026-05-01T00:00:00Z", results),
            [
                "PV-P050 kubelet 10.0.0.7:1 fails m (r)",
                "PV-P050 kubelet 10.0.0.8:1 holds ",
                "PV-P051 kubelet 10.0.0.8:1 unknown u",
                "PV-P052 kubelet a unknown the result has no complete verdict",
                "PV-P053 kubelet a unknown the result has no complete verdict",
                "PV-P054 kubelet a unknown the result has no complete verdict",
                "PV-P055 ProbeFacts r unknown the result does not say what was probed",
                "PV-P110 Namespace shop fails m (r)",
                "PV-P157 Cluster c not applicable ",
            ]
        );
        let notes = missing(&object(&format!("unread: [a gap]\nresults:\n{results}")));
        let notes: Vec<_> = notes.iter().map(|note| &*note.message).collect();
        assert_eq!(
            notes,
            [
                "the run of the probes was incomplete: a gap",
                "1 results are of probes that this version does not have"
            ]
        );
        assert_eq!(missing(&object("results: []")).len(), 1);
    }

    #[test]
    fn old_results_prove_nothing() {
        let result = "- {probe: PV-P050, subject: {component: k, address: a}, verdict: VERDICT, reason: r, message: m}\n";
        for (time, expect) in [
            ("2025-06-01T00:00:00Z", "holds"),
            ("2025-05-30T00:00:00Z", "unknown"),
            ("2026-06-03T00:00:00Z", "unknown"),
            ("yesterday", "unknown"),
        ] {
            for verdict in ["closed", "open"] {
                let said = judged(time, &result.replace("VERDICT", verdict));
                let expect = if expect == "holds" && verdict == "open" { "fails" } else { expect };
                assert!(said[0].contains(&format!(" {expect} ")), "{time} {verdict}: {said:?}");
            }
        }
    }
}
