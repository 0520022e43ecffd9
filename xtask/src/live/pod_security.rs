//! `pod-security`: compares the checks with the API server's own Pod Security admission.
//!
//! Everything is sent with `dryRun=All` into namespaces that enforce a level: the cases of
//! `pod-security-standards` for the server's version, and random pods. Pods that validation rejects
//! never reach the admission and are counted separately.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use pavisade_model::{Finding, KubernetesVersion};
use serde_json::{Value, json};

use super::Bench;
use super::api::{Answer, Call};
use super::pods;
use crate::random::Random;
use crate::shared::{files, shared, unpack};
use crate::truth::pod_security::Levels;

const LEVELS: [&str; 2] = ["baseline", "restricted"];

/// Compares everything; fails on any difference.
pub(super) fn run(bench: &Bench<'_>) -> anyhow::Result<()> {
    let version = version(bench)?;
    let levels = Levels::read()?;
    let mut tally = Tally { levels, version, agreed: 0, total: 0, failed: BTreeSet::new() };
    for level in LEVELS {
        let namespace = namespace(bench, level)?;
        enforce(bench, &namespace, level)?;
        suite(bench, &mut tally, level, &namespace)?;
        generated(bench, &mut tally, level, &namespace)?;
    }
    for level in LEVELS {
        ephemeral(bench, &mut tally, level)?;
    }
    println!("agreed {} of {}", tally.agreed, tally.total);
    ensure!(tally.agreed == tally.total, "{} verdicts differ", tally.total - tally.agreed);
    // A check that no generated pod fails was not compared.
    let compared = |id: &&str| *id == UNMASKED_PROC || tally.failed.contains(*id);
    let unused: Vec<_> = tally.levels.checks().filter(|id| !compared(id)).collect();
    ensure!(unused.is_empty(), "no pod that was made fails {}", unused.join(", "));
    Ok(())
}

/// The result of creating a pod.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    Admitted,
    /// By Pod Security.
    Refused,
    /// By validation, or by another admission plugin.
    Invalid,
}

fn fate(answer: &Answer) -> Fate {
    match answer.status {
        200 | 201 => Fate::Admitted,
        403 if answer.message().contains("violates PodSecurity") => Fate::Refused,
        _ => Fate::Invalid,
    }
}

struct Tally {
    levels: Levels,
    version: KubernetesVersion,
    agreed: usize,
    total: usize,
    /// The checks that some pod fails.
    failed: BTreeSet<String>,
}

impl Tally {
    /// Counts a verdict of the API server.
    fn count(&mut self, level: &str, what: &str, pod: &str, answer: &Answer) -> anyhow::Result<()> {
        let found = self.levels.judge(level, self.version, pod)?;
        self.total += 1;
        self.failed.extend(found.iter().map(|finding| finding.rule.id.to_string()));
        if found.is_empty() == (fate(answer) == Fate::Admitted)
            && found.iter().all(|finding| finding.state == pavisade_model::State::Fails)
        {
            self.agreed += 1;
            return Ok(());
        }
        println!("{what}\n  {pod}\n  API server: {}", said(answer));
        println!("  Pavisade: {}", list(&found));
        Ok(())
    }
}

fn said(answer: &Answer) -> &str {
    if fate(answer) == Fate::Admitted { "admitted" } else { answer.message() }
}

fn list(found: &[Finding]) -> String {
    if found.is_empty() {
        return "nothing".to_owned();
    }
    let one = |f: &Finding| format!("{} ({:?}): {}", f.rule.name, f.state, f.message);
    found.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// Runs the cases of the suite.
fn suite(bench: &Bench<'_>, tally: &mut Tally, level: &str, namespace: &str) -> anyhow::Result<()> {
    let Some(archive) = shared("truth/pod-security-standards.tar.zst") else { return Ok(()) };
    let unpacked = tempfile::tempdir()?;
    unpack(&archive, unpacked.path())?;
    let folder = unpacked.path().join("pod-security-standards").join(level);
    let folder = folder.join(format!("v{}", tally.version));
    ensure!(folder.is_dir(), "the suite has no cases for version {}", tally.version);
    let paths = files(&folder, &["yaml"])?;
    let mut texts = Vec::new();
    let mut pods = Vec::new();
    for path in &paths {
        let text = fs::read_to_string(folder.join(path))?;
        let mut ours = crate::ours::as_kubectl(&text)?.objects;
        let mut pod = ours.pop().with_context(|| format!("{path}: no pod"))?;
        // Some are named after a check with an underscore, which is invalid in pod names.
        let name = pod["metadata"]["name"].as_str().unwrap_or_default().replace('_', "-");
        pod["metadata"]["name"] = name.into();
        pods.push(pod);
        texts.push(text);
    }
    let answers = create(bench, namespace, &pods)?;
    let mut invalid = Vec::new();
    for ((path, text), answer) in paths.iter().zip(&texts).zip(&answers) {
        if fate(answer) == Fate::Invalid {
            invalid.push((path, answer));
            continue;
        }
        let passes = fate(answer) == Fate::Admitted;
        ensure!(path.starts_with("pass/") == passes, "{path}: API server: {}", said(answer));
        tally.count(level, path, text, answer)?;
    }
    let count = paths.len() - invalid.len();
    println!("suite, {level}: {count} cases judged, {} invalid: {KNOWN_INVALID}", invalid.len());
    for (path, answer) in invalid {
        let known = path.starts_with("fail/") && answer.message().contains(KNOWN_INVALID);
        ensure!(known, "{path}: {}", answer.message());
    }
    Ok(())
}

/// Pods of the suite that admission would reject, but that validation rejects since user namespaces
/// are stable.
const KNOWN_INVALID: &str = "`hostUsers` must be false to use `Unmasked`";

/// The check that no valid pod fails, for the same reason.
const UNMASKED_PROC: &str = "PV-C014";

fn generated(
    bench: &Bench<'_>,
    tally: &mut Tally,
    level: &str,
    namespace: &str,
) -> anyhow::Result<()> {
    let mut random = Random(bench.args.seed);
    let pods: Vec<Value> =
        (0..bench.args.pods).map(|index| pods::pod(&mut random, &format!("p{index}"))).collect();
    let answers = create(bench, namespace, &pods)?;
    let mut fates = Fates::default();
    for (pod, answer) in pods.iter().zip(&answers) {
        if fates.count(answer) != Fate::Invalid {
            tally.count(level, "generated", &pod.to_string(), answer)?;
        }
    }
    fates.print(&format!("generated, {level}"))
}

/// Tests ephemeral containers, which can only be added to existing pods.
fn ephemeral(bench: &Bench<'_>, tally: &mut Tally, level: &str) -> anyhow::Result<()> {
    let namespace = namespace(bench, &format!("ephemeral-{level}"))?;
    let base = |(name, change): (&str, fn(&mut Value))| {
        let mut pod = pods::strict_pod(name);
        change(&mut pod);
        pod
    };
    let bases: Vec<Value> = [
        ("strict", (|_| ()) as fn(&mut Value)),
        ("own-users", |pod| pod["spec"]["hostUsers"] = false.into()),
        ("unset", |pod| pod["spec"]["securityContext"] = json!({})),
        ("root", |pod| pod["spec"]["securityContext"]["runAsUser"] = 0.into()),
        ("privileged", |pod| {
            pod["spec"]["containers"][0]["securityContext"] = json!({"privileged": true});
        }),
    ]
    .map(base)
    .into();
    let post = |pod: &Value| Call::post(format!("/api/v1/namespaces/{namespace}/pods"), pod);
    let mut stored = Vec::new();
    for answer in bench.api.send_all(bases.iter().map(post).collect())? {
        ensure!(answer.status == 201, "creating a pod: {}", answer.message());
        stored.push(answer.body);
    }
    enforce(bench, &namespace, level)?;
    let mut random = Random(bench.args.seed);
    let (mut calls, mut written) = (Vec::new(), Vec::new());
    for index in 0..bench.args.pods / 5 {
        // Mostly the first two, where the ephemeral container is decisive.
        let which = if random.once_in(3) { random.below(bases.len()) } else { index % 2 };
        let containers = pods::ephemeral(&mut random);
        let mut body = stored[which].clone();
        let name = body["metadata"]["name"].as_str().unwrap_or_default();
        let path =
            format!("/api/v1/namespaces/{namespace}/pods/{name}/ephemeralcontainers?dryRun=All");
        if let Some(metadata) = body["metadata"].as_object_mut() {
            metadata.remove("resourceVersion");
        }
        body["spec"]["ephemeralContainers"] = containers.clone().into();
        let mut pod = bases[which].clone();
        pod["spec"]["ephemeralContainers"] = containers.into();
        calls.push(Call::put(path, &body));
        written.push(pod);
    }
    let answers = bench.api.send_all(calls)?;
    let mut fates = Fates::default();
    for (pod, answer) in written.iter().zip(&answers) {
        if fates.count(answer) != Fate::Invalid {
            tally.count(level, "ephemeral", &pod.to_string(), answer)?;
        }
    }
    fates.print(&format!("ephemeral containers, {level}"))
}

/// The number of pods with each result.
#[derive(Default)]
struct Fates {
    admitted: usize,
    refused: usize,
    invalid: usize,
}

impl Fates {
    fn count(&mut self, answer: &Answer) -> Fate {
        let fate = fate(answer);
        match fate {
            Fate::Admitted => self.admitted += 1,
            Fate::Refused => self.refused += 1,
            Fate::Invalid => self.invalid += 1,
        }
        fate
    }

    /// Fails if a result hardly occurs, because then nothing was compared.
    fn print(&self, what: &str) -> anyhow::Result<()> {
        let Self { admitted, refused, invalid } = self;
        println!("{what}: {admitted} admitted, {refused} refused, {invalid} invalid");
        let few = (admitted + refused) / 20;
        ensure!(*admitted > few && *refused > few, "{what}: nearly all have one fate");
        Ok(())
    }
}

fn create(bench: &Bench<'_>, namespace: &str, pods: &[Value]) -> anyhow::Result<Vec<Answer>> {
    let path = format!("/api/v1/namespaces/{namespace}/pods?dryRun=All");
    let call = |pod: &Value| Call::post(path.clone(), pod);
    bench.api.send_all(pods.iter().map(call).collect())
}

/// Returns the version of the server.
fn version(bench: &Bench<'_>) -> anyhow::Result<KubernetesVersion> {
    let version: Value = serde_json::from_str(&bench.cluster.get(&["get", "--raw", "/version"])?)?;
    let version = version["gitVersion"].as_str().context("no gitVersion")?;
    version.parse().map_err(anyhow::Error::msg)
}

/// Creates a namespace with the ServiceAccount that pods need.
fn namespace(bench: &Bench<'_>, name: &str) -> anyhow::Result<String> {
    let name = bench.own(name);
    bench.cluster.get(&["create", "namespace", &name])?;
    let start = Instant::now();
    let account = ["get", "serviceaccount", "default", "--namespace", &name];
    while !bench.cluster.kubectl(&account)?.success {
        ensure!(start.elapsed() < PATIENCE, "{name} never got its default ServiceAccount");
    }
    Ok(name)
}

const PATIENCE: Duration = Duration::from_secs(60);

/// Makes a namespace enforce a level, and waits until the admission uses it.
fn enforce(bench: &Bench<'_>, namespace: &str, level: &str) -> anyhow::Result<()> {
    let label = format!("pod-security.kubernetes.io/enforce={level}");
    let version = "pod-security.kubernetes.io/enforce-version=latest";
    bench.cluster.get(&["label", "namespace", namespace, &label, version])?;
    let mut pod = pods::strict_pod("probe");
    pod["spec"]["hostNetwork"] = true.into();
    let start = Instant::now();
    while fate(&create(bench, namespace, &[pod.clone()])?[0]) != Fate::Refused {
        ensure!(start.elapsed() < PATIENCE, "{namespace} does not enforce {level}");
    }
    Ok(())
}
