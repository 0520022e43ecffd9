//! Runs the probes of a container in a restricted pod, and brings the results back by its log.

use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use pavisade_sources::Api;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::session::{Done, Session};
use super::step::Canary;
use crate::shape::short;
use crate::{Component, Gate, Target};

/// What consent to this is called in a scope file.
pub const IN_POD: &str = "in-pod";
/// How long to wait for the pod, and how often to ask.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_secs(1);
/// How long an image may be pulled.
const PULL: Duration = Duration::from_secs(60);
/// Bytes of the log.
const LOG: usize = 8 << 20;
/// The annotation with the scope, which the pod reads as a file.
const SCOPE: &str = "pavisade.dev/probe-scope";

/// A pod that probes its container and what it can reach.
#[derive(Debug, Clone)]
pub struct Inside {
    /// The namespace in which it runs.
    pub namespace: String,
    /// An image whose entry point is `pavisade`.
    pub image: String,
}

impl Inside {
    /// Creates it.
    pub fn new(namespace: &str, image: &str) -> Self {
        Self { namespace: namespace.to_owned(), image: image.to_owned() }
    }

    /// Returns the path of the collection and the pod. `scope` is what the pod may touch.
    pub fn pod(&self, canary: &Canary, scope: &Value) -> (String, Value) {
        let mut pod = canary.running(&self.namespace, &self.image);
        pod["metadata"]["annotations"][SCOPE] = json!(scope.to_string());
        let spec = &mut pod["spec"];
        // The pod gets what other pods of the namespace get.
        if let Some(spec) = spec.as_object_mut() {
            spec.remove("automountServiceAccountToken");
        }
        spec["activeDeadlineSeconds"] = json!(PATIENCE.as_secs());
        spec["terminationGracePeriodSeconds"] = json!(0);
        spec["volumes"] = json!([
            {"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}},
            {"name": "scope", "downwardAPI": {"items": [{
                "path": "scope.yaml",
                "fieldRef": {"fieldPath": format!("metadata.annotations['{SCOPE}']")},
            }]}},
        ]);
        let container = &mut spec["containers"][0];
        container["args"] = json!([
            "probe",
            "pod",
            "--quiet",
            "--scope-file",
            "/scope/scope.yaml",
            "--journals",
            "/tmp",
            "--output",
            "/tmp/result",
            "--evidence",
            "-",
        ]);
        container["volumeMounts"] = json!([
            {"name": "tmp", "mountPath": "/tmp"},
            {"name": "scope", "mountPath": "/scope", "readOnly": true},
        ]);
        (format!("/api/v1/namespaces/{}/pods", self.namespace), pod)
    }
}

/// The Service of the cluster's DNS servers.
pub const CLUSTER_DNS: &str = "/api/v1/namespaces/kube-system/services/kube-dns";

/// Reads the address of the cluster's DNS Service. The name servers of a pod may also be public
/// resolvers, which are not a part of the cluster.
///
/// # Errors
/// Why it is not known.
pub async fn cluster_dns(gate: &Gate, api: &Api) -> Result<SocketAddr, String> {
    let (status, body) = gate.get(api, CLUSTER_DNS, &gate.agent()).await?;
    if status != 200 {
        return Err(format!("GET {CLUSTER_DNS}: status {status}: add `dns@…` to the scope"));
    }
    let service = serde_json::from_slice(&body).unwrap_or_default();
    address(&service).ok_or_else(|| format!("{CLUSTER_DNS} has no address"))
}

fn address(service: &Value) -> Option<SocketAddr> {
    let ip = service.pointer("/spec/clusterIP")?.as_str()?.parse().ok()?;
    Some(SocketAddr::new(ip, 53))
}

/// Runs the pod. `dns` is the address of the cluster's DNS Service, if known. Returns the document
/// with its results, or why there is none, and what could not be removed.
pub async fn in_pod(
    (gate, api): (&Gate, &Api),
    inside: &Inside,
    dns: Option<SocketAddr>,
    canary: &Canary,
    stop: &AtomicBool,
) -> (Result<Value, String>, Vec<String>) {
    let agent = format!("{} {IN_POD}", gate.agent());
    let session = Session { gate, api, agent, canary, stop };
    let mut scope = gate.scope().clone();
    let dns = dns.map(|address| Target { component: Component::Dns, address });
    scope.endpoints.extend(dns.filter(|dns| !gate.scope().endpoints.contains(dns)));
    let (collection, pod) = inside.pod(canary, &scope.for_pod());
    let mut created = Vec::new();
    let result = run(&session, (&collection, &pod), &mut created).await;
    (result, session.remove(&mut created).await)
}

/// Creates a pod that is not yet there, and returns the document in its log.
pub(super) async fn run(
    session: &Session<'_>,
    (collection, pod): (&str, &Value),
    created: &mut Vec<String>,
) -> Result<Value, String> {
    let same = |stored: &Value| unchanged(stored, pod);
    match session.create((collection, pod), same, created, &mut Vec::new()).await {
        Done::Ok(_) => results(session, created).await,
        done => Err(format!("the pod cannot be created: {}", done.why())),
    }
}

/// Requires that the server stores a pod as it was sent.
pub(super) fn unchanged(stored: &Value, sent: &Value) -> Result<(), &'static str> {
    match is_restricted(stored, sent) {
        true => Ok(()),
        false => Err("the server changes the pod, so that its results would prove nothing"),
    }
}

/// Whether the pod still runs only our program with our security contexts and volumes.
fn is_restricted(stored: &Value, sent: &Value) -> bool {
    let same = |path: &str| stored.pointer(path) == sent.pointer(path);
    let count = |path: &str| stored.pointer(path).and_then(Value::as_array).map_or(0, Vec::len);
    let off = |path: &str| stored.pointer(path).is_none_or(|value| *value == json!(false));
    // A mutating webhook may add a sidecar, also as an initContainer, which may accept connections
    // in place of their destination.
    count("/spec/containers") == 1
        && count("/spec/initContainers") == 0
        && same("/spec/containers/0/name")
        && same("/spec/containers/0/image")
        && same("/spec/containers/0/args")
        && same("/spec/containers/0/command")
        && same("/spec/containers/0/securityContext")
        && same("/spec/securityContext")
        && off("/spec/hostNetwork")
        && off("/spec/hostPID")
        && off("/spec/hostIPC")
        && same_list(stored, sent, "/spec/volumes", is_token)
        && same_list(stored, sent, "/spec/containers/0/volumeMounts", |mount| {
            mount["mountPath"] == "/var/run/secrets/kubernetes.io/serviceaccount"
        })
}

/// Whether a volume is the one that the server adds for the token of the ServiceAccount.
fn is_token(volume: &Value) -> bool {
    let name = volume["name"].as_str().unwrap_or_default();
    name.starts_with("kube-api-access-") && volume["projected"].is_object()
}

/// Whether a list has the elements that were sent, apart from those that the server adds.
fn same_list(stored: &Value, sent: &Value, path: &str, added: impl Fn(&Value) -> bool) -> bool {
    let all = |pod: &Value| pod.pointer(path).and_then(Value::as_array).cloned();
    let (mut stored, sent) = (all(stored).unwrap_or_default(), all(sent).unwrap_or_default());
    stored.retain(|element| !added(element));
    has(&Value::Array(stored), &Value::Array(sent))
}

/// Whether a value has all that was sent. The server adds defaults to objects.
fn has(stored: &Value, sent: &Value) -> bool {
    match (stored, sent) {
        (Value::Object(stored), Value::Object(sent)) => {
            sent.iter().all(|(key, sent)| stored.get(key).is_some_and(|stored| has(stored, sent)))
        }
        (Value::Array(stored), Value::Array(sent)) => {
            stored.len() == sent.len() && stored.iter().zip(sent).all(|(one, sent)| has(one, sent))
        }
        _ => stored == sent,
    }
}

/// Waits for the end of the pod, and reads its log.
async fn results(session: &Session<'_>, created: &[String]) -> Result<Value, String> {
    let Some(path) = created.last() else { return Err("there is no pod".to_owned()) };
    let start = Instant::now();
    loop {
        let pod = session.read(path, "the pod").await?;
        let text = |path: &str| pod.pointer(path).and_then(Value::as_str).unwrap_or_default();
        match text("/status/phase") {
            "Succeeded" | "Failed" => break,
            _ => {}
        }
        let waits = "/status/containerStatuses/0/state/waiting";
        let reason = text(&format!("{waits}/reason"));
        let never = ["InvalidImageName", "CreateContainerConfigError", "CreateContainerError"];
        let is_pulled = matches!(reason, "ErrImagePull" | "ImagePullBackOff" | "ErrImageNeverPull");
        if never.contains(&reason)
            || is_pulled && start.elapsed() > PULL
            || start.elapsed() > PATIENCE
        {
            let said = text(&format!("{waits}/message"));
            let scheduled = text("/status/conditions/0/message");
            let why = [reason, said, scheduled].into_iter().filter(|text| !text.is_empty());
            let why: String = why.collect::<Vec<_>>().join(": ").chars().take(300).collect();
            return Err(format!("the pod did not run: {why}"));
        }
        sleep(PAUSE).await;
    }
    let path = format!("{path}/log?limitBytes={LOG}");
    let (status, body) = session.gate.get(session.api, &path, &session.agent).await?;
    if status != 200 {
        return Err(format!("the log of the pod cannot be read: status {status}"));
    }
    document(&String::from_utf8_lossy(&body))
}

/// Finds the document in a log, which may also contain messages.
fn document(log: &str) -> Result<Value, String> {
    let start = match log.starts_with("{\n") {
        true => Some(0),
        false => log.find("\n{\n").map(|at| at + 1),
    };
    let end = log.rfind("\n}").map(|at| at + 2);
    let found = start.zip(end).and_then(|(start, end)| log.get(start..end));
    found.and_then(|text| serde_json::from_str(text).ok()).ok_or_else(|| {
        let said = log.lines().find(|line| !line.trim().is_empty()).unwrap_or("it is empty");
        format!("the log of the pod has no results: {}", short(said, 300))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_results_are_found_between_messages() {
        for (log, expect) in [
            ("{\n  \"a\": 1\n}\n", Ok(json!({"a": 1}))),
            (
                "warning: x\n{\n  \"a\": {\n    \"b\": 1\n  }\n}\nerror: y\n",
                Ok(json!({"a": {"b": 1}})),
            ),
            (
                "error: no such file\n",
                Err("the log of the pod has no results: error: no such file"),
            ),
            ("", Err("the log of the pod has no results: it is empty")),
            ("{\n  \"a\": 1", Err("the log of the pod has no results: {")),
        ] {
            assert_eq!(document(log), expect.map_err(str::to_owned), "{log}");
        }
    }

    #[test]
    fn only_a_service_with_an_address_is_the_dns_of_the_cluster() {
        let of = |ip: &str| address(&json!({"spec": {"clusterIP": ip}})).map(|at| at.to_string());
        assert_eq!(of("10.96.0.10").as_deref(), Some("10.96.0.10:53"));
        assert_eq!(of("None"), None);
        assert_eq!(address(&Value::Null), None);
    }

    #[test]
    fn a_pod_that_the_server_changes_is_not_run() {
        let canary = Canary::example();
        let inside = Inside::new("shop", "registry/pavisade:1");
        let (collection, pod) = inside.pod(&canary, &json!({"cluster": true}));
        assert_eq!(collection, "/api/v1/namespaces/shop/pods");
        assert_eq!(pod["spec"].get("automountServiceAccountToken"), None);
        assert!(is_restricted(&pod, &pod));
        // What the server adds does not matter.
        let mut stored = pod.clone();
        stored["spec"]["serviceAccountName"] = json!("default");
        stored["spec"]["containers"][0]["terminationMessagePath"] = json!("/dev/termination-log");
        stored["spec"]["volumes"][1]["downwardAPI"]["defaultMode"] = json!(420);
        let token = json!({"name": "kube-api-access-x", "projected": {"sources": []}});
        stored["spec"]["volumes"].as_array_mut().unwrap().push(token);
        let mount = json!({
            "name": "kube-api-access-x", "readOnly": true,
            "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
        });
        let mounts = &mut stored["spec"]["containers"][0]["volumeMounts"];
        mounts.as_array_mut().unwrap().push(mount);
        assert!(is_restricted(&stored, &pod));
        for (path, value) in [
            ("/spec/volumes", json!([])),
            ("/spec/volumes/0", json!({"name": "tmp", "hostPath": {"path": "/"}})),
            ("/spec/securityContext", json!({"runAsUser": 0})),
            ("/spec/containers/0/securityContext", json!({"privileged": true})),
            ("/spec/containers/0/image", json!("other")),
            ("/spec/containers/0/args", json!([])),
            ("/spec/containers/0/securityContext/capabilities", json!({"add": ["SYS_ADMIN"]})),
            ("/spec/containers", json!([])),
        ] {
            let mut stored = pod.clone();
            *stored.pointer_mut(path).unwrap() = value;
            assert!(!is_restricted(&stored, &pod), "{path}");
        }
        // An initContainer that always restarts is a sidecar.
        let sidecar = json!([{"name": "istio-proxy", "image": "x", "restartPolicy": "Always"}]);
        for (field, value) in [
            ("hostNetwork", json!(true)),
            ("hostPID", json!(true)),
            ("hostIPC", json!(true)),
            ("initContainers", sidecar),
        ] {
            let mut stored = pod.clone();
            stored["spec"][field] = value;
            assert!(!is_restricted(&stored, &pod), "{field}");
        }
    }
}
