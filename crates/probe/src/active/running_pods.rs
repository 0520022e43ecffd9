//! Probes with canary pods that run: a link in place of a log, a log that is read by a host path,
//! and a command that is run through a kubelet.
//!
//! For the link, two pods run on one node. The host path of the second is the directory of the logs
//! of the first, below `/var/log/pods`, and nothing else. It puts a file into it, and a link to that
//! file in place of the log; when it ends, it removes both. The kubelet removes the directory with
//! the first pod.

use std::time::Duration;

use serde_json::{Value, json};

use super::inside::unchanged;
use super::running::{NAME, Running};
use super::segments::{PORT, ready};
use super::session::{Done, Session};
use super::step::Canary;
use super::{host_path_read, node_proxy_run};
use crate::shape::short;
use crate::{Closed, Segments, Verdict};

/// The directory of the logs of pods. Another one (`podLogsDir`) is not tried.
const LOGS: &str = "/var/log/pods";
/// Bytes of the log that are read.
const LOG: usize = 4096;
/// How long the second pod may take to remove what it made.
const GRACE: Duration = Duration::from_secs(10);

/// The pods of the probes.
#[derive(Debug)]
pub struct RunningPods<'a> {
    canary: &'a Canary,
    image: &'a str,
}

impl<'a> RunningPods<'a> {
    /// Returns `None` if no image for running pods was given.
    pub fn new(canary: &'a Canary) -> Option<Self> {
        Some(Self { canary, image: canary.program.as_deref()? })
    }

    /// Returns the path of the collection, the pods, and the last request, for a plan.
    pub fn plan(&self, what: Running) -> (String, Vec<Value>, String) {
        let (collection, first) = self.first();
        let mut running = first.clone();
        running["metadata"]["uid"] = json!("UID");
        running["spec"]["nodeName"] = json!("NODE");
        match what {
            Running::Link => {
                let last = format!("GET {}", log_of(&collection, &first));
                (collection, vec![first, self.second(&running)], last)
            }
            Running::HostPath => {
                let reader = self.reader(&running);
                let last = format!("GET {}", log_of(&collection, &reader));
                (collection, vec![first, reader], last)
            }
            Running::NodeProxy => {
                (collection, vec![first], format!("POST {}", node_proxy_run::path(&running)))
            }
        }
    }

    /// Returns the path of the collection, and the pod whose log is replaced.
    fn first(&self) -> (String, Value) {
        // The other pod is a client: this one must outlive it.
        let namespaces = vec![self.canary.name()];
        let segments = Segments { namespaces, image: self.image.to_owned() };
        let (collection, mut pod) = segments.server(&self.canary.name(), self.canary);
        pod["spec"]["containers"][0]["args"] = json!(["probe", "show", NAME, PORT.to_string()]);
        (collection, pod)
    }

    /// The file that the link leads to, as a line of a container's log.
    fn line(&self) -> String {
        format!("2026-01-01T00:00:00.000000000Z stdout F {}", self.word())
    }

    fn word(&self) -> String {
        format!("pavisade-canary-{}", self.canary.run)
    }

    /// Returns the pod that makes the link. `first` is the first one, as it runs.
    fn second(&self, first: &Value) -> Value {
        let mut pod = self.beside(first, "link");
        let folder = pod["spec"]["volumes"][0]["hostPath"]["path"].clone();
        pod["spec"]["containers"][0]["args"] =
            json!(["probe", "plant", "/canary", folder, self.line(), PORT.to_string()]);
        pod
    }

    /// Returns the pod that reads the log.
    pub(super) fn reader(&self, first: &Value) -> Value {
        let mut pod = self.beside(first, "reader");
        let container = &mut pod["spec"]["containers"][0];
        container["args"] = json!(["probe", "show", "/canary/probe/0.log", PORT.to_string()]);
        container["volumeMounts"][0]["readOnly"] = json!(true);
        pod
    }

    /// Returns a pod on the node of the first one, with the directory of its logs.
    fn beside(&self, first: &Value, suffix: &str) -> Value {
        let text = |path: &str| first.pointer(path).and_then(Value::as_str).unwrap_or_default();
        let (namespace, name) = (self.canary.name(), text("/metadata/name"));
        let folder = format!("{LOGS}/{namespace}_{name}_{}", text("/metadata/uid"));
        let mut pod = self.canary.running(&namespace, self.image);
        pod["metadata"]["name"] = json!(format!("{namespace}-{suffix}"));
        let spec = &mut pod["spec"];
        spec["nodeName"] = json!(text("/spec/nodeName"));
        spec["activeDeadlineSeconds"] = json!(120);
        spec["terminationGracePeriodSeconds"] = json!(GRACE.as_secs());
        // The directory belongs to root.
        spec["securityContext"]["runAsNonRoot"] = json!(false);
        spec["securityContext"]["runAsUser"] = json!(0);
        // It must exist: nothing is created on the node.
        spec["volumes"] = json!([
            {"name": "logs", "hostPath": {"path": folder, "type": "Directory"}},
        ]);
        let container = &mut spec["containers"][0];
        container["terminationMessagePolicy"] = json!("FallbackToLogsOnError");
        container["readinessProbe"] = json!({"tcpSocket": {"port": PORT}, "periodSeconds": 1});
        container["volumeMounts"] = json!([{"name": "logs", "mountPath": "/canary"}]);
        pod
    }
}

/// Returns the path of the log of a pod.
pub(super) fn log_of(collection: &str, pod: &Value) -> String {
    let name = pod["metadata"]["name"].as_str().unwrap_or_default();
    format!("{collection}/{name}/log?limitBytes={LOG}")
}

/// Runs a probe. `said` is what is open if it succeeds.
pub(super) async fn tried(
    session: &Session<'_>,
    (what, said): (Running, &str),
    created: &mut Vec<String>,
    audited: &mut Vec<(String, String)>,
) -> Verdict {
    let Some(pods) = RunningPods::new(session.canary) else {
        return Verdict::NotApplicable("it needs --pod-image".to_owned());
    };
    let (collection, pod) = pods.first();
    let same = |stored: &Value| unchanged(stored, &pod);
    match session.create((&collection, &pod), same, created, audited).await {
        Done::Ok(_) => {}
        // An identity that cannot create pods has no log to replace or to read, but `nodes/proxy` needs no
        // new pod.
        Done::Forbidden(why) if what != Running::NodeProxy => {
            return Verdict::Closed(Closed::Authorization, why);
        }
        done => return Verdict::Unknown(format!("the canary cannot be created: {}", done.why())),
    }
    let first = match running(session, created).await {
        Ok(first) => first,
        Err(why) => return Verdict::Unknown(why),
    };
    match what {
        Running::Link => {
            let pod = pods.second(&first);
            if let Err(verdict) = second((session, &collection), &pod, created, audited).await {
                return verdict;
            }
            let path = log_of(&collection, &first);
            audited.push(("GET".to_owned(), path.clone()));
            match session.gate.get(session.api, &path, &session.agent).await {
                Ok((status, body)) => {
                    judge(status, &String::from_utf8_lossy(&body), &pods.word(), said)
                }
                Err(why) => Verdict::Unknown(why),
            }
        }
        Running::HostPath => {
            let pod = pods.reader(&first);
            match second((session, &collection), &pod, created, audited).await {
                Ok(()) => {
                    host_path_read::read(session, &log_of(&collection, &pod), &first, said).await
                }
                Err(verdict) => verdict,
            }
        }
        Running::NodeProxy => node_proxy_run::run(session, &first, said, audited).await,
    }
}

/// Creates the second pod, and waits for it.
async fn second(
    (session, collection): (&Session<'_>, &str),
    pod: &Value,
    created: &mut Vec<String>,
    audited: &mut Vec<(String, String)>,
) -> Result<(), Verdict> {
    let same = |stored: &Value| unchanged(stored, pod);
    match session.create((collection, pod), same, created, audited).await {
        Done::Ok(_) => {}
        Done::Forbidden(why) => return Err(Verdict::Closed(Closed::Authorization, why)),
        Done::Rejected(why) => return Err(Verdict::Closed(Closed::Admission, why)),
        Done::Failed(why) => return Err(Verdict::Unknown(why)),
    }
    let denied = ["Permission denied", "Read-only file system", "Operation not permitted"];
    match running(session, created).await {
        Ok(_) => Ok(()),
        Err(why) if denied.iter().any(|word| why.contains(word)) => {
            Err(Verdict::Closed(Closed::Good, format!("the node denies it: {why}")))
        }
        Err(why) => Err(Verdict::Unknown(why)),
    }
}

/// Waits until the pod that was created last is ready, and returns it.
async fn running(session: &Session<'_>, created: &[String]) -> Result<Value, String> {
    match created.last() {
        Some(path) => ready(session, path).await,
        None => Err("no pod was created".to_owned()),
    }
}

/// Judges the log of the first pod. The kubelet reports errors as the body of a 200, so a log without
/// the canary proves nothing.
fn judge(status: u16, body: &str, word: &str, said: &str) -> Verdict {
    let shown = || short(body, 300);
    match status {
        200 if body.contains(word) => Verdict::Open {
            message: said.to_owned(),
            proof: format!("the log of a pod shows a file that a link leads to: {word}"),
        },
        200 => Verdict::Unknown(format!("the log does not contain the canary: `{}`", shown())),
        403 if body.contains("cannot get resource") => Verdict::Closed(
            Closed::Authorization,
            "this identity is not allowed to read logs: status 403".to_owned(),
        ),
        _ => Verdict::Unknown(format!("the log cannot be read: status {status}: {}", shown())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_content_of_the_canary_is_proof() {
        for (status, body, expect) in [
            (200, "pavisade-canary-1\n", "open"),
            // The log itself, an empty one, and an error of the kubelet.
            (200, "listening\n", "unknown"),
            (200, "", "unknown"),
            (200, "failed to try resolving symlinks in path: no such file", "unknown"),
            (
                403,
                r#"{"message":"pods is forbidden: User \"u\" cannot get resource \"pods/log\""}"#,
                "closed",
            ),
            (403, r#"{"message":"a webhook says no"}"#, "unknown"),
            (500, "failed to open pavisade-canary-1", "unknown"),
            (404, "", "unknown"),
        ] {
            assert_eq!(judge(status, body, "pavisade-canary-1", "m").word(), expect, "{body}");
        }
    }

    #[test]
    fn the_host_path_is_the_directory_of_a_canary() {
        let mut canary = Canary::example();
        assert!(RunningPods::new(&canary).is_none());
        canary.program = Some("registry/pavisade:1".to_owned());
        let pods = RunningPods::new(&canary).unwrap();
        let (_, mut first) = pods.first();
        first["metadata"]["uid"] = json!("u-1");
        first["spec"]["nodeName"] = json!("node-1");
        let second = pods.second(&first);
        let name = canary.name();
        let folder = format!("{LOGS}/{name}_{name}-server_u-1");
        let volumes = json!([{"name": "logs", "hostPath": {"path": folder, "type": "Directory"}}]);
        assert_eq!(second["spec"]["volumes"], volumes);
        assert_eq!(second["spec"]["nodeName"], "node-1");
        // The one that reads cannot write.
        let reader = pods.reader(&first);
        assert_eq!(reader["spec"]["volumes"], volumes);
        assert_eq!(reader["spec"]["containers"][0]["volumeMounts"][0]["readOnly"], true);
        assert_eq!(pods.plan(Running::NodeProxy).1.len(), 1);
        let container = &second["spec"]["containers"][0];
        assert_eq!(container["securityContext"]["capabilities"]["drop"], json!(["ALL"]));
        assert_eq!(container["securityContext"]["privileged"], Value::Null);
        assert!(log_of("pods", &first).ends_with("-server/log?limitBytes=4096"));
    }
}
