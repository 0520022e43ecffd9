//! Removes what a run created: by its journal, and by the label of the run. Nothing without that
//! label is removed.

use std::time::Duration;

use pavisade_sources::Api;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::step::{EXPIRES, LABEL};
use crate::{Gate, RunId};

/// How long to wait until an object is gone.
const PATIENCE: u32 = 600;
const PAUSE: Duration = Duration::from_millis(100);

/// The collections in which a run may have left something that is in no namespace.
const COLLECTIONS: [&str; 5] = [
    "/api/v1/namespaces",
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
    let options = json!({
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "gracePeriodSeconds": 0,
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
/// it is.
///
/// # Errors
/// A list could not be read.
pub async fn labelled(
    gate: &Gate,
    api: &Api,
    run: Option<&RunId>,
    now: &str,
) -> Result<Vec<(String, RunId)>, String> {
    let mut found = Vec::new();
    for collection in COLLECTIONS {
        let selector = match run {
            Some(run) => format!("{LABEL}%3D{run}"),
            None => LABEL.replace('/', "%2F"),
        };
        let path = format!("{collection}?labelSelector={selector}&limit=500");
        let (status, list) = get(gate, api, &path).await?;
        match status {
            200 => {}
            // The kind is not served.
            404 => continue,
            _ => return Err(format!("{collection}: status {status}")),
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
                found.push((format!("{collection}/{name}"), own));
            }
        }
    }
    Ok(found)
}

async fn get(gate: &Gate, api: &Api, path: &str) -> Result<(u16, Value), String> {
    pass(gate, api, "request", &json!({"method": "GET", "path": path})).await?;
    let (status, body) = api.send("GET", path, &gate.agent(), None).await?;
    Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
}

/// Removing is not limited by the time for the run.
async fn pass(gate: &Gate, api: &Api, kind: &str, what: &Value) -> Result<(), String> {
    gate.pass_removal(&api.server, kind, what).map_err(|withheld| format!("not sent: {withheld}"))
}
