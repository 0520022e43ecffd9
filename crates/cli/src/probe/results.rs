//! Every request and the verdict on its response, as a document of the kind `ProbeFacts`.

use pavisade_model::{Note, NoteKind, Subject};
use pavisade_probe::{Answer, NO_RESPONSE, Outcome, RunId, Verdict};
use pavisade_report::Detection;
use pavisade_scan::Timestamp;
use pavisade_secrets::mask;
use serde_json::{Value, json};

/// Returns the results as one JSON document.
pub(super) fn json(
    (run, now): (&RunId, Timestamp),
    outcomes: &[Outcome],
    detections: &[Detection],
    notes: &[Note],
) -> String {
    let mut results: Vec<_> = outcomes.iter().map(result).collect();
    // There is a detection for each result, or none at all.
    for (result, detection) in results.iter_mut().zip(detections) {
        result["detection"] = json!({
            "noticed": detection.noticed.name(),
            "expected": detection.expected,
            "events": detection.events,
            "alerts": detection.alerts,
            "runtime": detection.runtime,
        });
    }
    let unread = notes.iter().filter(|note| note.kind == NoteKind::Unread);
    let unread = unread.map(|note| format!("{}: {}", note.place, note.message));
    let document = json!({
        "apiVersion": "pavisade.dev/v1",
        "kind": "ProbeFacts",
        "metadata": {"name": run.as_str()},
        "run": run.as_str(),
        "time": now.to_string(),
        "unread": unread.collect::<Vec<_>>(),
        "results": results,
    });
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

fn result(outcome: &Outcome) -> Value {
    let Outcome { probe, subject, verdict, exchanges, .. } = outcome;
    let how = match verdict {
        Verdict::Closed(how, _) => Some(how.name()),
        _ => None,
    };
    let subject = match subject {
        Subject::Endpoint { component, address } => {
            json!({"component": &**component, "address": &**address})
        }
        Subject::Object { kind, namespace, name, .. } => {
            json!({"kind": &**kind, "namespace": &**namespace, "name": &**name})
        }
        other => json!({"kind": "Cluster", "name": other.name()}),
    };
    let message = match verdict {
        Verdict::Open { message, .. } => Some(mask(message)),
        _ => None,
    };
    let exchanges = exchanges.iter().map(|exchange| {
        json!({"request": exchange.ask.to_string(), "response": answer(&exchange.answer)})
    });
    json!({
        "probe": probe.id(),
        "name": probe.name(),
        "subject": subject,
        "verdict": verdict.word(),
        "how": how,
        "message": message,
        "reason": mask(verdict.reason()),
        "mitre": probe.techniques,
        "owasp": probe.owasp,
        "exchanges": exchanges.collect::<Vec<_>>(),
    })
}

/// Describes a response, without its body, which may contain secrets.
fn answer(answer: &Answer) -> Value {
    match answer {
        Answer::Connected => json!({"connected": true}),
        Answer::Refused => json!({"error": "connection refused"}),
        Answer::Filtered => json!({"error": NO_RESPONSE}),
        Answer::Failed(why) | Answer::NotHttp(why) => json!({"error": why}),
        Answer::TlsRefused(why) => json!({"error": why, "tls": false}),
        Answer::NotTls => json!({"error": "not TLS", "tls": false}),
        Answer::Withheld(why) => json!({"error": format!("not sent: {why}")}),
        Answer::Http(page) => json!({"status": page.status, "bytes": page.body.len()}),
        Answer::Settings(settings) => json!({"http2": settings.to_string()}),
        Answer::Names(names) => json!({"code": names.code, "names": names.names.len()}),
        Answer::Tls(facts) => json!({
            "tls": facts.version,
            "cipher": facts.cipher,
            "certificates": facts.chain.len(),
            "asksClientCertificate": facts.asks_certificate,
            "clientAuthorities": facts.authorities.len(),
        }),
    }
}
