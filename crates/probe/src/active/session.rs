//! The requests of active probes, one step after another, and what became of them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pavisade_sources::Api;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::revert;
use super::step::{Canary, STORED_WITHIN, Step, would_run};
use crate::shape::short;
use crate::{Closed, Gate, Verdict};

pub(super) struct Session<'a> {
    pub(super) gate: &'a Gate,
    pub(super) api: &'a Api,
    pub(super) agent: String,
    pub(super) canary: &'a Canary,
    pub(super) stop: &'a AtomicBool,
}

/// The result of a step.
pub(super) enum Done {
    /// It was permitted; the response.
    Ok(Value),
    Forbidden(String),
    Rejected(String),
    Failed(String),
}

impl Done {
    pub(super) fn why(&self) -> &str {
        match self {
            Self::Ok(_) => "",
            Self::Forbidden(why) | Self::Rejected(why) | Self::Failed(why) => why,
        }
    }
}

impl Session<'_> {
    /// The last step is the proof, the others prepare it.
    pub(super) async fn probe(
        &self,
        (message, steps): (&str, &[Step]),
        created: &mut Vec<String>,
        audited: &mut Vec<(String, String)>,
    ) -> Verdict {
        if steps.is_empty() {
            return match &self.canary.node {
                Err(why) => Verdict::Unknown(format!("no node is known: {why}")),
                Ok(_) => Verdict::NotApplicable("the cluster has no node".to_owned()),
            };
        }
        let mut before = None;
        for (index, step) in steps.iter().enumerate() {
            if self.stop.load(Ordering::Relaxed) {
                return Verdict::Unknown("the run was interrupted".to_owned());
            }
            let is_last = index + 1 == steps.len();
            let done = self.step(step, before.as_ref(), created, audited).await;
            let prepares = !is_last && matches!(step, Step::Create { .. });
            before = match done {
                Done::Ok(response) => Some(response),
                // What the probe is about was not tried.
                Done::Forbidden(why) if prepares => {
                    return Verdict::Unknown(format!("the canary cannot be created: {why}"));
                }
                Done::Forbidden(why) => return Verdict::Closed(Closed::Authorization, why),
                Done::Rejected(why) if is_last => return Verdict::Closed(Closed::Admission, why),
                Done::Rejected(why) => {
                    return Verdict::Unknown(format!("the canary was rejected: {why}"));
                }
                Done::Failed(why) => return Verdict::Unknown(why),
            };
        }
        match audited.last() {
            Some((method, path)) => {
                Verdict::Open { message: message.to_owned(), proof: format!("{method} {path}") }
            }
            None => Verdict::Unknown("nothing was sent".to_owned()),
        }
    }

    pub(super) async fn step(
        &self,
        step: &Step,
        before: Option<&Value>,
        created: &mut Vec<String>,
        audited: &mut Vec<(String, String)>,
    ) -> Done {
        match step {
            Step::Create { collection, object } => {
                let unchanged = |stored: &Value| {
                    let is_pod = object["kind"] == "Pod";
                    match is_pod && (stored["kind"] != "Pod" || would_run(stored)) {
                        true => Err("the server removes the scheduling gate, so the pod would run"),
                        false => Ok(()),
                    }
                };
                self.create((collection, object), unchanged, created, audited).await
            }
            Step::Send { method, path, body, proof } => {
                audited.push(((*method).to_owned(), path.clone()));
                let body = body.as_ref().map(|(kind, body)| (*kind, body));
                match self.send("request", method, path, body).await {
                    Done::Rejected(why) | Done::Failed(why)
                        if proof.is_some_and(|proof| why.contains(proof)) =>
                    {
                        Done::Ok(Value::Null)
                    }
                    done => done,
                }
            }
            Step::WithToken { method, path, body } => {
                let token = before.and_then(|before| before.pointer("/status/token")?.as_str());
                let Some(token) = token else {
                    return Done::Failed("the response contains no token".to_owned());
                };
                let api = match self.api.with_token(token) {
                    Ok(api) => api,
                    Err(why) => return Done::Failed(why),
                };
                audited.push(((*method).to_owned(), path.clone()));
                let what = json!({"method": method, "path": path, "as": "the canary's token"});
                if let Err(why) = self.gate.pass_cluster(&api.server, "request", &what).await {
                    return Done::Failed(format!("not sent: {why}"));
                }
                self.exchange(&api, method, path, Some((JSON, body))).await
            }
        }
    }

    /// Creates an object, after a dry run whose result `unchanged` accepts: a webhook may have
    /// changed the object, and fields that an old server does not know are dropped.
    pub(super) async fn create(
        &self,
        (collection, object): (&str, &Value),
        unchanged: impl Fn(&Value) -> Result<(), &'static str>,
        created: &mut Vec<String>,
        audited: &mut Vec<(String, String)>,
    ) -> Done {
        let Some(name) = object.pointer("/metadata/name").and_then(Value::as_str) else {
            return Done::Failed("the object has no name".to_owned());
        };
        if self.stop.load(Ordering::Relaxed) {
            return Done::Failed("the run was interrupted".to_owned());
        }
        let path = format!("{collection}/{name}");
        let dry = format!("{collection}?dryRun=All");
        let refused = match self.dry_run(&dry, object).await {
            Done::Ok(stored) => unchanged(&stored).err().map(|why| Done::Failed(why.to_owned())),
            other => Some(other),
        };
        if let Some(done) = refused {
            audited.push(("POST".to_owned(), dry));
            return done;
        }
        // The journal has the path before the object exists, so that it can be removed.
        let what = json!({"path": path, "method": "POST", "body": object});
        if let Err(why) = self.gate.pass_cluster(&self.api.server, "create", &what).await {
            return Done::Failed(format!("not sent: {why}"));
        }
        created.push(path);
        let stores = Step::stores(collection);
        audited.push(("POST".to_owned(), stores.clone()));
        let made = self.exchange(self.api, "POST", &stores, Some((JSON, object))).await;
        // Without a response, the object may still be stored, and is removed only then.
        if matches!(made, Done::Failed(_)) {
            sleep(Duration::from_secs(STORED_WITHIN)).await;
        }
        made
    }

    /// Sends an object as a dry run. A new namespace has no ServiceAccount yet.
    async fn dry_run(&self, path: &str, object: &Value) -> Done {
        let start = Instant::now();
        loop {
            let done = self.send("dry-run", "POST", path, Some((JSON, object))).await;
            let is_early = done.why().contains("error looking up service account");
            if !is_early || start.elapsed() > ACCOUNT {
                return done;
            }
            sleep(Duration::from_millis(500)).await;
        }
    }

    /// Reads an object, unless the run was interrupted. `what` is its name in a message.
    pub(super) async fn read(&self, path: &str, what: &str) -> Result<Value, String> {
        if self.stop.load(Ordering::Relaxed) {
            return Err("the run was interrupted".to_owned());
        }
        match self.send("request", "GET", path, None).await {
            Done::Ok(object) => Ok(object),
            done => Err(format!("{what} cannot be read: {}", done.why())),
        }
    }

    pub(super) async fn send(
        &self,
        kind: &str,
        method: &str,
        path: &str,
        body: Option<(&str, &Value)>,
    ) -> Done {
        let what = json!({"method": method, "path": path, "body": body.map(|(_, body)| body)});
        if let Err(why) = self.gate.pass_cluster(&self.api.server, kind, &what).await {
            return Done::Failed(format!("not sent: {why}"));
        }
        self.exchange(self.api, method, path, body).await
    }

    async fn exchange(
        &self,
        api: &Api,
        method: &str,
        path: &str,
        body: Option<(&str, &Value)>,
    ) -> Done {
        let body = body.map(|(kind, body)| (kind, body.to_string().into_bytes()));
        match api.send(method, path, &self.agent, body).await {
            Ok((status, body)) => done(status, &body),
            Err(why) => Done::Failed(why),
        }
    }

    /// Removes what was created, last first. Returns the paths of what is left.
    pub(super) async fn remove(&self, created: &mut Vec<String>) -> Vec<String> {
        let mut left = Vec::new();
        while let Some(path) = created.pop() {
            if revert::remove(self.gate, self.api, &path, &self.canary.run).await.is_err() {
                left.push(path);
            }
        }
        left
    }
}

/// How long the cluster may take to make the ServiceAccount of a namespace.
const ACCOUNT: Duration = Duration::from_secs(10);
const JSON: &str = "application/json";

fn done(status: u16, body: &[u8]) -> Done {
    let parsed: Value = serde_json::from_slice(body).unwrap_or_default();
    let plain = || String::from_utf8_lossy(body).lines().next().unwrap_or_default().to_owned();
    let message = parsed.get("message").and_then(Value::as_str).map_or_else(plain, str::to_owned);
    let message = short(&message, 300);
    match status {
        200..=299 => Done::Ok(parsed),
        401 => Done::Forbidden("status 401".to_owned()),
        403 if is_permission(&message) => Done::Forbidden(message),
        400 | 403 | 422 => Done::Rejected(message),
        _ => Done::Failed(format!("status {status}: {message}")),
    }
}

/// Whether a message is one of the authorizer, and not one of admission.
fn is_permission(message: &str) -> bool {
    message.contains(" cannot ") && message.contains("resource")
        || message.contains("attempting to grant RBAC permissions not currently held")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_and_admission_are_told_apart() {
        let word = |status: u16, message: &str| {
            let body = json!({"kind": "Status", "message": message}).to_string();
            match done(status, body.as_bytes()) {
                Done::Ok(_) => "ok",
                Done::Forbidden(_) => "forbidden",
                Done::Rejected(_) => "rejected",
                Done::Failed(_) => "failed",
            }
        };
        for (status, message, expect) in [
            (201, "", "ok"),
            (
                403,
                "secrets is forbidden: User \"u\" cannot create resource \"secrets\"",
                "forbidden",
            ),
            (
                403,
                "user \"u\" is attempting to grant RBAC permissions not currently held",
                "forbidden",
            ),
            (
                403,
                "pods \"p\" is forbidden: violates PodSecurity \"restricted:latest\"",
                "rejected",
            ),
            (422, "ValidatingAdmissionPolicy 'p' with binding 'b' denied request", "rejected"),
            (401, "Unauthorized", "forbidden"),
            (409, "already exists", "failed"),
            (500, "etcd is away", "failed"),
        ] {
            assert_eq!(word(status, message), expect, "{status} {message}");
        }
    }
}
