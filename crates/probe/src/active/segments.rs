//! Segmentation: connections between namespaces that policies forbid are tried between canary pods.
//!
//! A server is started in each namespace. Then the cluster is read, and the policy model (`netpol`)
//! tells which of the servers no canary of another namespace, or of the same one, may reach. A
//! client in each namespace tries these connections. A server counts only while the kubelet reports
//! that it accepts connections, so that a server that is down is not taken for a policy. A
//! connection that fails counts only if the client or the server has another one that succeeds, so
//! that a network without any connections is not taken for a policy either.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use jiff::Timestamp;
use pavisade_model::{KubernetesVersion, Subject};
use pavisade_netpol::{Assumptions, Connections, Engine, Network, Protocol, READS};
use pavisade_snapshot::{Snapshot, View};
use pavisade_sources::{Api, ClusterRequest, Progress, load_cluster};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::inside::{self, Inside, run, unchanged};
use super::session::{Done, Session};
use super::step::Canary;
use crate::probe::Kind;
use crate::shape::short;
use crate::{Closed, Gate, NO_RESPONSE, Outcome, REGISTRY, Registered, Verdict};

/// What consent to this is called in a scope file.
pub const SEGMENTATION: &str = "segmentation";
/// The port of servers.
pub(super) const PORT: u16 = 8080;
/// How long to wait for servers.
const PATIENCE: Duration = Duration::from_secs(90);
const PAUSE: Duration = Duration::from_secs(1);
/// The most namespaces, each with two pods.
const MOST: usize = 16;
/// The most permitted connections that are tried from one namespace.
const CONTROLS: usize = 4;

/// The namespaces between which connections are tried.
#[derive(Debug, Clone)]
pub struct Segments {
    /// The namespaces.
    pub namespaces: Vec<String>,
    /// An image whose entry point is `pavisade`.
    pub image: String,
}

impl Segments {
    /// Creates it.
    ///
    /// # Errors
    /// There are too many namespaces, or none.
    pub fn new(namespaces: &[String], image: &str) -> Result<Self, String> {
        match namespaces.len() {
            0 => Err("the scope has no namespaces".to_owned()),
            1..=MOST => Ok(Self { namespaces: namespaces.to_vec(), image: image.to_owned() }),
            _ => Err(format!("at most {MOST} namespaces can be in scope")),
        }
    }

    /// Returns the path of the collection and the pod of a server.
    pub fn server(&self, namespace: &str, canary: &Canary) -> (String, Value) {
        let inside = Inside::new(namespace, &self.image);
        let (collection, mut pod) = inside.pod(canary, &json!({}));
        pod["metadata"]["name"] = json!(format!("{}-server", canary.name()));
        // Clients run one after the other, and start when all servers do.
        let clients = self.namespaces.len() as u64;
        let seconds = PATIENCE.as_secs() + clients * inside::PATIENCE.as_secs();
        pod["spec"]["activeDeadlineSeconds"] = json!(seconds);
        let container = &mut pod["spec"]["containers"][0];
        container["args"] = json!(["probe", "serve", PORT.to_string()]);
        container["readinessProbe"] = json!({"tcpSocket": {"port": PORT}, "periodSeconds": 1});
        (collection, pod)
    }
}

/// Tries the connections. Returns the results, and what could not be removed.
pub async fn segments(
    (gate, api): (&Gate, &Api),
    request: &ClusterRequest,
    segments: &Segments,
    canary: &Canary,
    stop: &AtomicBool,
) -> (Result<Vec<Outcome>, String>, Vec<String>) {
    let agent = format!("{} {SEGMENTATION}", gate.agent());
    let session = Session { gate, api, agent, canary, stop };
    let (mut created, mut left) = (Vec::new(), Vec::new());
    let result = tried(&session, request, segments, (&mut created, &mut left)).await;
    left.extend(session.remove(&mut created).await);
    (result, left)
}

async fn tried(
    session: &Session<'_>,
    request: &ClusterRequest,
    segments: &Segments,
    (created, left): (&mut Vec<String>, &mut Vec<String>),
) -> Result<Vec<Outcome>, String> {
    let probe = REGISTRY.iter().find(|probe| matches!(probe.kind, Kind::Segments));
    let probe = probe.ok_or("there is no probe for it")?;
    for namespace in &segments.namespaces {
        let (collection, pod) = segments.server(namespace, session.canary);
        let same = |stored: &Value| unchanged(stored, &pod);
        match session.create((&collection, &pod), same, created, &mut Vec::new()).await {
            Done::Ok(_) => {}
            done => {
                return Err(format!("the server in {namespace} cannot be created: {}", done.why()));
            }
        }
    }
    let addresses = all_ready(session, created).await?;
    let servers: BTreeMap<&str, String> =
        segments.namespaces.iter().map(String::as_str).zip(addresses).collect();
    let engine = engine(session, request).await?;
    let name = format!("{}-server", session.canary.name());
    let party = |namespace: &str| {
        let mut all = engine.network().workloads.iter();
        let found = all.find(|one| one.namespace == namespace && one.name == name);
        found.and_then(|one| one.parties.first().copied())
    };
    let (mut outcomes, mut clients) = (Vec::new(), Vec::new());
    for from in &segments.namespaces {
        let (mut closed, mut controls) = (Vec::new(), Vec::new());
        for to in &segments.namespaces {
            let (Some(source), Some(target)) = (party(from), party(to)) else {
                return Err(format!("the canaries in {from} and {to} were not read"));
            };
            let verdict = engine.verdict(source, target);
            let port = Connections::port(Protocol::Tcp, PORT);
            if verdict.allow.intersect(&port).is_empty() {
                closed.push(to.as_str());
            } else if !verdict.deny.intersect(&port).is_empty() {
                let why = "whether policies forbid it is not certain: `pavisade network explain`";
                outcomes.push(outcome(probe, from, to, Verdict::Unknown(why.to_owned())));
            } else {
                controls.push(to.as_str());
            }
        }
        controls.truncate(CONTROLS);
        if closed.is_empty() {
            continue;
        }
        let tried: Vec<_> =
            closed.iter().chain(&controls).filter_map(|to| servers.get(to)).collect();
        let answers = answers(session, segments, from, &tried, left).await;
        clients.push((from, closed, answers));
    }
    let reached: BTreeSet<String> =
        clients.iter().filter_map(|(.., answers)| answers.as_ref().ok()).flat_map(opened).collect();
    for (from, closed, answers) in &clients {
        for to in closed {
            let verdict = match answers {
                Ok(answers) => verdict((from, to), servers.get(to), answers, &reached),
                Err(why) => Verdict::Unknown(why.clone()),
            };
            outcomes.push(outcome(probe, from, to, verdict));
        }
    }
    // A server that ended meanwhile cannot be reached either.
    if let Err(why) = all_ready(session, created).await {
        for outcome in &mut outcomes {
            if matches!(outcome.verdict, Verdict::Closed(..)) {
                outcome.verdict = Verdict::Unknown(why.clone());
            }
        }
    }
    Ok(outcomes)
}

/// Waits until all servers accept connections. Returns their addresses in order.
async fn all_ready(session: &Session<'_>, servers: &[String]) -> Result<Vec<String>, String> {
    let mut addresses = Vec::new();
    for path in servers {
        let pod = ready(session, path).await?;
        let address = pod.pointer("/status/podIP").and_then(Value::as_str);
        addresses.push(address.ok_or_else(|| format!("{path} has no address"))?.to_owned());
    }
    Ok(addresses)
}

/// Waits until a pod accepts connections, and returns it.
pub(super) async fn ready(session: &Session<'_>, path: &str) -> Result<Value, String> {
    let start = Instant::now();
    loop {
        let pod = session.read(path, path).await?;
        let conditions = pod.pointer("/status/conditions").and_then(Value::as_array);
        let is_ready = |one: &Value| one["type"] == "Ready" && one["status"] == "True";
        if conditions.is_some_and(|all| all.iter().any(is_ready)) {
            return Ok(pod);
        }
        let text = |path: &str| pod.pointer(path).and_then(Value::as_str).unwrap_or_default();
        if matches!(text("/status/phase"), "Failed" | "Succeeded") {
            let said = short(text("/status/containerStatuses/0/state/terminated/message"), 300);
            return Err(format!("{path} has ended: {}{said}", text("/status/message")));
        }
        if start.elapsed() > PATIENCE {
            return Err(format!("{path} does not accept connections"));
        }
        sleep(PAUSE).await;
    }
}

struct Silent;

impl Progress for Silent {}

/// Reads the cluster with the canaries in it.
async fn engine(session: &Session<'_>, request: &ClusterRequest) -> Result<Engine, String> {
    let kinds: Vec<_> = READS.iter().copied().flatten().copied().collect();
    let what = json!({"method": "GET", "path": "lists of pods, namespaces and policies"});
    let passed = session.gate.pass_cluster(&session.api.server, "request", &what).await;
    passed.map_err(|withheld| format!("not sent: {withheld}"))?;
    let request = ClusterRequest { kinds, ..request.clone() };
    let loaded = load_cluster(&request, Timestamp::now(), &Silent).await;
    let loaded = loaded.map_err(|error| format!("the cluster cannot be read: {error}"))?;
    let snapshot = Snapshot::new(vec![loaded.world], loaded.notes);
    let world = snapshot.worlds().first().ok_or("the cluster cannot be read")?;
    let view = View::new(world, "network", READS, KubernetesVersion::LATEST);
    Ok(Engine::new(Network::read(&view, Assumptions::default())))
}

/// What became of each connection of a client, by address: the verdict, and the error.
type Answers = BTreeMap<String, (String, String)>;

/// Returns the addresses that a client reached.
fn opened(answers: &Answers) -> impl Iterator<Item = String> {
    answers.iter().filter(|(_, (word, _))| word == "open").map(|(address, _)| address.clone())
}

/// Runs a client in a namespace, and adds to `left` what cannot be removed.
async fn answers(
    session: &Session<'_>,
    segments: &Segments,
    from: &str,
    to: &[&String],
    left: &mut Vec<String>,
) -> Result<Answers, String> {
    let addresses = to.iter().map(|ip| format!("egress@{}", socket(ip))).collect::<Vec<_>>();
    let scope = json!({
        "kind": "ProbeScope", "addresses": addresses, "ownNetwork": true,
        "limits": {"rate": 50, "perHost": 10, "deadline": 60},
    });
    let inside = Inside::new(from, &segments.image);
    let (collection, mut pod) = inside.pod(session.canary, &scope);
    if let Some(args) = pod["spec"]["containers"][0]["args"].as_array_mut() {
        args.extend([json!("--only"), json!("PV-P096")]);
    }
    let mut created = Vec::new();
    let result = run(session, (&collection, &pod), &mut created).await;
    left.extend(session.remove(&mut created).await);
    let document = result?;
    let results = document.get("results").and_then(Value::as_array);
    let results = results.ok_or("the client has no results")?.iter();
    Ok(results
        .map(|result| {
            let text = |path: &str| {
                result.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned()
            };
            let answer = (text("/verdict"), text("/exchanges/0/response/error"));
            (text("/subject/address"), answer)
        })
        .collect())
}

fn socket(ip: &str) -> String {
    if ip.contains(':') { format!("[{ip}]:{PORT}") } else { format!("{ip}:{PORT}") }
}

fn verdict(
    (from, to): (&str, &str),
    server: Option<&String>,
    answers: &Answers,
    reached: &BTreeSet<String>,
) -> Verdict {
    let address = server.map(|ip| socket(ip)).unwrap_or_default();
    let Some((word, error)) = answers.get(&address) else {
        return Verdict::Unknown("the client did not try it".to_owned());
    };
    // Without another connection that succeeds, the network may be what fails.
    let is_proven = reached.contains(&address) || opened(answers).next().is_some();
    match (&**word, &**error) {
        ("open", _) => Verdict::Open {
            message: format!(
                "a pod in {from} connects to a pod in {to}, although policies forbid it"
            ),
            proof: format!("TCP connection to port {PORT} of a canary"),
        },
        (_, NO_RESPONSE | "connection refused") if !is_proven => Verdict::Unknown(format!(
            "{error}, but the client reaches no other canary, and no client reaches this one"
        )),
        (_, NO_RESPONSE) => Verdict::Closed(
            Closed::Filtered,
            "no response, but the server accepts connections".to_owned(),
        ),
        (_, "connection refused") => Verdict::Closed(
            Closed::Refused,
            "refused by the network, but the server accepts connections".to_owned(),
        ),
        (_, error) => Verdict::Unknown(error.to_owned()),
    }
}

fn outcome(probe: &'static Registered, from: &str, to: &str, verdict: Verdict) -> Outcome {
    let address = format!("{from} -> {to}").into();
    let subject = Subject::Endpoint { component: "namespace".into(), address };
    Outcome { probe, subject, verdict, exchanges: Vec::new(), audited: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_server_that_accepts_connections_proves_something() {
        let answers: Answers = [
            ("10.0.0.1:8080", "open", ""),
            ("10.0.0.2:8080", "unknown", NO_RESPONSE),
            ("[fd00::3]:8080", "unknown", "connection refused"),
            ("10.0.0.4:8080", "unknown", "no route to host"),
        ]
        .map(|(at, word, error)| (at.to_owned(), (word.to_owned(), error.to_owned())))
        .into();
        for (ip, expect) in [
            (Some("10.0.0.1"), "open"),
            (Some("10.0.0.2"), "closed"),
            (Some("fd00::3"), "closed"),
            (Some("10.0.0.4"), "unknown"),
            (Some("10.0.0.5"), "unknown"),
            (None, "unknown"),
        ] {
            let ip = ip.map(str::to_owned);
            let verdict = verdict(("a", "b"), ip.as_ref(), &answers, &BTreeSet::new());
            assert_eq!(verdict.word(), expect, "{ip:?}");
        }
        let many: Vec<_> = (0..17).map(|number| number.to_string()).collect();
        assert!(Segments::new(&many, "x").is_err() && Segments::new(&[], "x").is_err());
    }

    #[test]
    fn silence_without_a_connection_that_succeeds_proves_nothing() {
        let ip = "10.0.0.2".to_owned();
        let reached: BTreeSet<_> = ["10.0.0.2:8080".to_owned()].into();
        for error in [NO_RESPONSE, "connection refused"] {
            let answer = ("unknown".to_owned(), error.to_owned());
            let answers: Answers = [("10.0.0.2:8080".to_owned(), answer)].into();
            let word = |reached: &BTreeSet<String>| {
                verdict(("a", "b"), Some(&ip), &answers, reached).word()
            };
            assert_eq!(word(&BTreeSet::new()), "unknown");
            assert_eq!(word(&reached), "closed");
        }
    }

    #[test]
    fn a_server_runs_longer_than_all_clients() {
        let canary = Canary::example();
        for count in [1, MOST] {
            let namespaces: Vec<_> = (0..count).map(|at| format!("shop-{at}")).collect();
            let segments = Segments::new(&namespaces, "x").unwrap();
            let (_, client) = Inside::new("shop-0", "x").pod(&canary, &json!({}));
            let seconds = |pod: &Value| pod["spec"]["activeDeadlineSeconds"].as_u64().unwrap();
            let server = segments.server("shop-0", &canary).1;
            assert!(seconds(&server) > seconds(&client) * count as u64);
        }
    }
}
