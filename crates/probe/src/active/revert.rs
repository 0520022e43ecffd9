//! Removes what a run created: by its journal, and by the label of the run. Nothing without that
//! label is removed.

use std::time::Duration;

use jiff::Timestamp;
use pavisade_sources::Api;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::step::{EXPIRES, LABEL, STORED_WITHIN};
use crate::{Gate, RunId};

/// How long to wait until an object is gone.
const PATIENCE: u32 = 600;
const PAUSE: Duration = Duration::from_millis(100);
/// The most seconds that a pod gets to end.
const GRACE: u64 = 30;

/// The collections in which a run may have left something, outside its own namespace.
const COLLECTIONS: [&str; 6] = [
    "/api/v1/namespaces",
    "/api/v1/pods",
    "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "/apis/certificates.k8s.io/v1/certificatesigningrequests",
    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
];

/// Returns the paths of the objects that a journal says were created, first to last.
pub fn created(journal: &[Value]) -> Vec<String> {
    let entries =
        journal.iter().filter(|entry| entry.get("kind").and_then(Value::as_str) == Some("create"));
    let path = |entry: &Value| Some(entry.pointer("/what/path")?.as_str()?.to_owned());
    entries.filter_map(path).collect()
}

/// Returns when nothing more is stored by the requests in a journal: a run that was killed may have
/// just sent one.
pub fn settled(journal: &[Value]) -> Option<Timestamp> {
    let is = |entry: &&Value| entry.get("kind").and_then(Value::as_str) == Some("create");
    let last = journal.iter().rfind(is)?;
    let at: Timestamp = last.get("at")?.as_str()?.parse().ok()?;
    at.checked_add(Duration::from_secs(STORED_WITHIN + 1)).ok()
}

/// Removes an object of a run, and waits until it is gone. An object without the label of the run is
/// not touched.
///
/// # Errors
/// Why it is still there.
pub async fn remove(gate: &Gate, api: &Api, path: &str, run: &RunId) -> Result<bool, String> {
    let (status, object) = get(gate, api, path).await?;
    if status == 404 {
        return Ok(false);
    }
    if status != 200 {
        return Err(format!("{path}: status {status}"));
    }
    let labels = object.pointer("/metadata/labels");
    let label = labels.and_then(|labels| labels.get(LABEL)?.as_str());
    if label != Some(run.as_str()) {
        return Err(format!("{path} does not belong to run {run}, and is not removed"));
    }
    let uid = object.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default();
    // A pod that made something on its node removes it first.
    let grace = object.pointer("/spec/terminationGracePeriodSeconds").and_then(Value::as_u64);
    let options = json!({
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "gracePeriodSeconds": grace.unwrap_or_default().min(GRACE),
        "propagationPolicy": "Background",
        "preconditions": {"uid": uid},
    });
    let what = json!({"method": "DELETE", "path": path, "uid": uid});
    pass(gate, api, "delete", &what).await?;
    let body = Some(("application/json", options.to_string().into_bytes()));
    let (status, _) = api.send("DELETE", path, &gate.agent(), body).await?;
    // A conflict: another object has the name now.
    if !matches!(status, 200 | 202 | 404 | 409) {
        return Err(format!("{path}: status {status}"));
    }
    for _ in 0..PATIENCE {
        let (status, now) = get(gate, api, path).await?;
        let other = now.pointer("/metadata/uid").and_then(Value::as_str) != Some(uid);
        if status == 404 || status == 200 && other {
            return Ok(true);
        }
        sleep(PAUSE).await;
    }
    Err(format!("{path} is still being removed"))
}

/// Finds what has the label of a run, or of any run that expired before `now` (RFC 3339), wherever
/// it is. Also returns which lists could not be read, and why.
pub async fn labelled(
    gate: &Gate,
    api: &Api,
    run: Option<&RunId>,
    now: &str,
) -> (Vec<(String, RunId)>, Vec<String>) {
    let (mut found, mut unread) = (Vec::new(), Vec::new());
    for collection in COLLECTIONS {
        let selector = match run {
            Some(run) => format!("{LABEL}%3D{run}"),
            None => LABEL.replace('/', "%2F"),
        };
        let path = format!("{collection}?labelSelector={selector}&limit=500");
        let list = match get(gate, api, &path).await {
            Ok((200, list)) => list,
            // The kind is not served.
            Ok((404, _)) => continue,
            Ok((status, _)) => {
                unread.push(format!("{collection} cannot be searched: status {status}"));
                continue;
            }
            Err(why) => {
                unread.push(format!("{collection} cannot be searched: {why}"));
                continue;
            }
        };
        let more = list.pointer("/metadata/continue").and_then(Value::as_str);
        if more.is_some_and(|more| !more.is_empty()) {
            unread.push(format!("{collection} has more than 500 objects of runs"));
        }
        for item in list.get("items").and_then(Value::as_array).into_iter().flatten() {
            let text = |path: &str| item.pointer(path).and_then(Value::as_str);
            let own = item.pointer("/metadata/labels").and_then(|all| all.get(LABEL)?.as_str());
            let expires =
                item.pointer("/metadata/annotations").and_then(|all| all.get(EXPIRES)?.as_str());
            let is_due = run.is_some() || expires.is_some_and(|expires| expires < now);
            if let (Some(name), Some(own), true) =
                (text("/metadata/name"), own.and_then(RunId::parse), is_due)
            {
                let path = match (text("/metadata/namespace"), collection.rsplit_once('/')) {
                    (Some(namespace), Some((group, plural))) => {
                        format!("{group}/namespaces/{namespace}/{plural}/{name}")
                    }
                    _ => format!("{collection}/{name}"),
                };
                found.push((path, own));
            }
        }
    }
    (found, unread)
}

async fn get(gate: &Gate, api: &Api, path: &str) -> Result<(u16, Value), String> {
    pass(gate, api, "request", &json!({"method": "GET", "path": path})).await?;
    let (status, body) = api.send("GET", path, &gate.agent(), None).await?;
    Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
}

/// Removing is not limited by the time for the run, nor by the journal.
async fn pass(gate: &Gate, api: &Api, kind: &str, what: &Value) -> Result<(), String> {
    gate.pass_removal(&api.server, kind, what).map_err(|withheld| format!("not sent: {withheld}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_just_sent_is_waited_for() {
        let entry = |kind: &str, at: &str| json!({"kind": kind, "at": at, "what": {"path": "/x"}});
        let journal = [
            entry("create", "2026-06-01T10:00:00Z"),
            entry("create", "2026-06-01T10:00:10Z"),
            entry("request", "2026-06-01T10:00:20Z"),
        ];
        assert_eq!(settled(&journal), Some("2026-06-01T10:00:16Z".parse().unwrap()));
        assert_eq!(settled(&journal[2..]), None);
        assert_eq!(settled(&[entry("create", "soon")]), None);
        assert_eq!(created(&journal), ["/x", "/x"]);
    }
}
