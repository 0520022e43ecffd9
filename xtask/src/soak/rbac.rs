//! Generated roles, bindings and questions: compares the answers with the `SubjectAccessReview` of
//! a real API server, or with Kubernetes' own authorizers without a server.
//!
//! Each round creates more roles and bindings, waits until the API server and its controllers have
//! seen them, and asks. Pavisade answers twice: from the listed cluster, and from only the
//! generated manifests with the known default roles. The first answer must always agree; the second
//! must agree or be unknown for a reason.

mod made;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use pavisade_model::{KubernetesVersion, kinds};
use pavisade_rbac::{Ask, Authorizer, Decision, Identity};
use pavisade_snapshot::{Coverage, Object, View, World, WorldKind, WorldParts};
use pavisade_yaml::{Source, objects, read};
use serde_json::{Value, json};
use testbed::Shape;

use crate::live::api::{Api, Call};
use crate::random::Random;
use crate::shared::root;
use crate::tools::built;
use made::Made;

/// A world, questions about it, and the right answers.
type Asked = (World, Vec<(Identity, Ask)>, Vec<bool>);

/// The number of questions per round.
const ROUND: usize = 2_000;
/// The number of differences that are printed.
const SHOWN: usize = 20;
const REVIEW: &str = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
const API: &str = "/apis/rbac.authorization.k8s.io/v1";

/// Asks a real API server `count` questions.
pub(super) fn run(count: u32, seed: u64) -> anyhow::Result<()> {
    let cluster = match testbed::start(&Shape::default(), &format!("rbac-{}", std::process::id())) {
        Ok(cluster) => cluster,
        Err(skipped) => {
            println!("{skipped}");
            return Ok(());
        }
    };
    compare(&Oracle::Server(Api::of(&cluster.kubeconfig())?), count, seed)
}

/// Asks Kubernetes' own authorizers `count` questions, without a server.
pub(super) fn code(count: u32, seed: u64) -> anyhow::Result<()> {
    let program = built("authorizer").context("the authorizer is not built")?;
    compare(&Oracle::Code(program), count, seed)
}

/// The source of the right answers.
enum Oracle {
    /// A real API server.
    Server(Api),
    /// The program of `tests/tools/authorizer`.
    Code(PathBuf),
}

impl Oracle {
    /// Creates the new objects, asks, and returns the resulting world.
    fn ask(
        &self,
        made: &Made,
        new: &[Value],
        round: usize,
        questions: impl FnOnce(&World) -> Vec<(Identity, Ask)>,
    ) -> anyhow::Result<Asked> {
        match self {
            Self::Server(api) => {
                make(api, new)?;
                settle(api, round)?;
                let live = live(api)?;
                let questions = questions(&live);
                let calls = questions
                    .iter()
                    .map(|(who, ask)| Call::post(REVIEW, &review(who, ask)))
                    .collect();
                let mut truth = Vec::new();
                for answer in api.send_all(calls)? {
                    ensure!(
                        answer.status == 201,
                        "a review got {}: {}",
                        answer.status,
                        answer.body
                    );
                    truth.push(answer.body["status"]["allowed"] == true);
                }
                Ok((live, questions, truth))
            }
            Self::Code(program) => {
                let mut all = defaults()?;
                all.extend(made.objects().iter().cloned());
                let said = once(program, &json!({"objects": all, "aggregate": true}))?;
                all.retain(|object| object["kind"] != "ClusterRole");
                for mut role in said["clusterRoles"].as_array().cloned().unwrap_or_default() {
                    role["apiVersion"] = json!("rbac.authorization.k8s.io/v1");
                    role["kind"] = json!("ClusterRole");
                    all.push(role);
                }
                let live = world("cluster", WorldKind::Cluster, &all);
                let questions = questions(&live);
                let requests: Vec<_> = questions.iter().map(|(who, ask)| plain(who, ask)).collect();
                let said = once(program, &json!({"objects": all, "requests": requests}))?;
                let truth = said["allowed"].as_array().context("no answers")?;
                let truth: Vec<_> = truth.iter().map(|one| one == true).collect();
                ensure!(truth.len() == questions.len(), "{} answers", truth.len());
                Ok((live, questions, truth))
            }
        }
    }
}

/// Returns the default objects of a cluster.
fn defaults() -> anyhow::Result<Vec<Value>> {
    let path = root().join("crates/rbac/src/cluster_defaults.jsonl");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

/// Runs the program with Kubernetes' own code.
pub(super) fn once(program: &Path, question: &Value) -> anyhow::Result<Value> {
    let mut child = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let stdin = child.stdin.take();
    let text = question.to_string();
    let writer =
        std::thread::spawn(move || stdin.map(|mut stdin| stdin.write_all(text.as_bytes())));
    let output = child.wait_with_output()?;
    drop(writer.join());
    ensure!(output.status.success(), "{} ended with {}", program.display(), output.status);
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Returns a question in the input format of that program.
pub(super) fn plain(who: &Identity, ask: &Ask) -> Value {
    match ask {
        Ask::Path { verb, path } => {
            json!({"user": who.name, "groups": who.groups, "verb": verb, "path": path})
        }
        Ask::Resource(ask) => json!({
            "user": who.name,
            "groups": who.groups,
            "verb": ask.verb,
            "group": ask.group,
            "resource": ask.resource,
            "subresource": ask.subresource,
            "namespace": ask.namespace,
            "name": ask.name,
        }),
    }
}

fn compare(oracle: &Oracle, count: u32, seed: u64) -> anyhow::Result<()> {
    let mut random = Random(seed);
    let mut made = Made::default();
    let (mut asked, mut agreed, mut allowed, mut wrong) = (0, 0, 0, Vec::new());
    let (mut of_files, mut unknown) = (0, BTreeMap::<String, usize>::new());
    let count = usize::try_from(count)?;
    let mut round = 0;
    while asked < count {
        round += 1;
        // The controller takes minutes for what a cluster does in a second, so each round starts
        // from scratch.
        if matches!(oracle, Oracle::Code(_)) {
            made = Made::default();
        }
        let new = made.more(&mut random, if made.is_empty() { 1 } else { round });
        let some = ROUND.min(count - asked);
        let (live, questions, truth) = oracle.ask(&made, &new, round, |live| {
            let view = View::new(live, "rbac", Authorizer::READS, KubernetesVersion::LATEST);
            let live = Authorizer::of(&view);
            (0..some).map(|_| made.question(&mut random, &live)).collect()
        })?;
        let files = world("files", WorldKind::Files, made.objects());
        let views = [&live, &files]
            .map(|world| View::new(world, "rbac", Authorizer::READS, KubernetesVersion::LATEST));
        let [live, files] = views.each_ref().map(Authorizer::of);
        for ((who, ask), truth) in questions.iter().zip(truth) {
            asked += 1;
            allowed += usize::from(truth);
            let ours = word(&live.decide(who, ask));
            if ours == Some(truth) {
                agreed += 1;
            } else {
                wrong.push(format!(
                    "cluster: {who:?}\n  {ask}: {ask:?}\n  the truth is {truth}, we say {ours:?}"
                ));
            }
            match files.decide(who, ask) {
                Decision::Unknown(why) => {
                    let why = why.first().map(|why| why.text.clone()).unwrap_or_default();
                    let reason = why.split('`').step_by(2).collect::<Vec<_>>().join("…");
                    *unknown.entry(reason).or_default() += 1;
                }
                known if word(&known) == Some(truth) => of_files += 1,
                // Objects that the oracle creates to detect that it is ready are in no manifest.
                _ if who.name.starts_with("sentinel-") => {}
                known => {
                    wrong.push(format!(
                        "files: {who:?}\n  {ask}: {ask:?}\n  the truth is {truth}, we say {known:?}"
                    ));
                }
            }
        }
    }
    for one in wrong.iter().take(SHOWN) {
        println!("{one}");
    }
    let (roles, bindings) = made.counts();
    println!(
        "{round} rounds, {roles} roles, {bindings} bindings; {allowed} of {asked} questions allowed"
    );
    let doubts: usize = unknown.values().sum();
    println!("from manifests alone: {of_files} agreed, {doubts} unknown");
    for (reason, times) in unknown {
        println!("  {times}: {reason}");
    }
    println!("agreed {agreed} of {asked}");
    ensure!(wrong.is_empty(), "{} answers differ", wrong.len());
    enough(asked, allowed, of_files)
}

/// Fails where too little was decided for the agreement to mean anything: nearly all unknown from
/// manifests, or nearly all with the same answer.
fn enough(asked: usize, allowed: usize, of_files: usize) -> anyhow::Result<()> {
    ensure!(
        of_files * 5 >= asked,
        "from manifests only {of_files} of {asked} questions were decided"
    );
    ensure!(
        allowed * 20 >= asked && (asked - allowed) * 20 >= asked,
        "{allowed} of {asked} questions were allowed: too few differ"
    );
    Ok(())
}

fn word(decision: &Decision) -> Option<bool> {
    match decision {
        Decision::Allowed(_) => Some(true),
        Decision::Refused => Some(false),
        Decision::Unknown(_) => None,
    }
}

/// Returns a `SubjectAccessReview`.
fn review(who: &Identity, ask: &Ask) -> Value {
    let mut spec = json!({"user": who.name, "groups": who.groups});
    match ask {
        Ask::Path { verb, path } => {
            spec["nonResourceAttributes"] = json!({"verb": verb, "path": path});
        }
        Ask::Resource(ask) => {
            spec["resourceAttributes"] = json!({
                "verb": ask.verb,
                "group": ask.group,
                "resource": ask.resource,
                "subresource": ask.subresource,
                "namespace": ask.namespace,
                "name": ask.name,
                "version": "*",
            });
        }
    }
    json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec})
}

fn make(api: &Api, objects: &[Value]) -> anyhow::Result<()> {
    // Namespaces first, then roles; bindings may precede their roles.
    let path = |object: &Value| {
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
        match object["kind"].as_str().unwrap_or_default() {
            "Namespace" => "/api/v1/namespaces".to_owned(),
            "ClusterRole" => format!("{API}/clusterroles"),
            "ClusterRoleBinding" => format!("{API}/clusterrolebindings"),
            "Role" => format!("{API}/namespaces/{namespace}/roles"),
            _ => format!("{API}/namespaces/{namespace}/rolebindings"),
        }
    };
    let (first, rest): (Vec<_>, Vec<_>) =
        objects.iter().partition(|object| object["kind"] == "Namespace");
    for part in [first, rest] {
        let calls = part.iter().map(|object| Call::post(path(object), object)).collect();
        for (answer, object) in api.send_all(calls)?.iter().zip(&part) {
            ensure!(answer.status == 201, "{object} was refused: {}", answer.message());
        }
    }
    Ok(())
}

/// Waits until the API server's caches contain the new objects and aggregated roles no longer
/// change.
fn settle(api: &Api, round: usize) -> anyhow::Result<()> {
    let start = Instant::now();
    // One sentinel for each of the four kinds, created last.
    let name = format!("sentinel-{round}");
    let rules = json!([{"apiGroups": ["sentinel"], "resources": ["sentinels"], "verbs": [name]}]);
    let meta = |namespace: &str| match namespace {
        "" => json!({"name": name}),
        namespace => json!({"name": name, "namespace": namespace}),
    };
    let subjects = json!([{"kind": "User", "name": name, "apiGroup": "rbac.authorization.k8s.io"}]);
    let group = "rbac.authorization.k8s.io";
    let of = |kind: &str, namespace: &str, field: &str, value: &Value| {
        let version = format!("{group}/v1");
        json!({"apiVersion": version, "kind": kind, "metadata": meta(namespace), field: value})
    };
    let refer = |kind: &str| json!({"apiGroup": group, "kind": kind, "name": name});
    let mut wide = of("ClusterRoleBinding", "", "subjects", &subjects);
    wide["roleRef"] = refer("ClusterRole");
    let mut narrow = of("RoleBinding", "ns-a", "subjects", &subjects);
    narrow["roleRef"] = refer("Role");
    let mut local = of("Role", "ns-a", "rules", &rules);
    local["rules"][0]["resources"] = json!(["locals"]);
    make(api, &[of("ClusterRole", "", "rules", &rules), local, wide, narrow])?;
    let ask = |resource: &str, namespace: &str| {
        let spec = json!({
            "user": name,
            "resourceAttributes": {
                "verb": name, "group": "sentinel", "resource": resource, "namespace": namespace,
            },
        });
        let body = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec});
        Call::post(REVIEW, &body)
    };
    loop {
        let answers = api.send_all(vec![ask("sentinels", ""), ask("locals", "ns-a")])?;
        if answers.iter().all(|answer| answer.body["status"]["allowed"] == true) {
            break;
        }
        ensure!(start.elapsed() < Duration::from_secs(60), "roles never came to count");
        std::thread::sleep(Duration::from_millis(100));
    }
    let mut last = Value::Null;
    let mut since = Instant::now();
    loop {
        let roles = list(api, "clusterroles")?;
        let now = json!(
            roles.iter().map(|role| &role["metadata"]["resourceVersion"]).collect::<Vec<_>>()
        );
        if now != last {
            (last, since) = (now, Instant::now());
        } else if since.elapsed() > Duration::from_secs(3) {
            return Ok(());
        }
        ensure!(start.elapsed() < Duration::from_secs(300), "aggregated roles never came to rest");
        std::thread::sleep(Duration::from_millis(250));
    }
}

fn list(api: &Api, resource: &str) -> anyhow::Result<Vec<Value>> {
    let answer = api.send(Call::get(format!("{API}/{resource}")))?;
    if answer.status != 200 {
        bail!("listing {resource}: {}", answer.message());
    }
    Ok(answer.body["items"].as_array().context("a list")?.clone())
}

/// Returns the current cluster.
fn live(api: &Api) -> anyhow::Result<World> {
    let mut all = Vec::new();
    for (resource, kind) in [
        ("clusterroles", "ClusterRole"),
        ("roles", "Role"),
        ("clusterrolebindings", "ClusterRoleBinding"),
        ("rolebindings", "RoleBinding"),
    ] {
        for mut object in list(api, resource)? {
            object["apiVersion"] = json!("rbac.authorization.k8s.io/v1");
            object["kind"] = json!(kind);
            all.push(object);
        }
    }
    Ok(world("cluster", WorldKind::Cluster, &all))
}

/// Returns a world of objects; a cluster is complete in all relevant kinds.
pub(super) fn world(name: &str, kind: WorldKind, all: &[Value]) -> World {
    let texts = all.iter().map(|object| read(&Source::new(name, object.to_string())));
    let documents: Vec<_> = texts.flat_map(|documents| documents.docs).collect();
    let sent = documents.iter().flat_map(|doc| objects(doc.root()).sent);
    let sent = sent.map(|one| Object::new(one.value, one.api_version, one.kind)).collect();
    let mut parts = match kind {
        WorldKind::Cluster => WorldParts::cluster(name),
        _ => WorldParts::files(name, kind, Vec::new()),
    };
    parts.objects = sent;
    if kind == WorldKind::Cluster {
        for kind in [
            kinds::CLUSTER_ROLE,
            kinds::ROLE,
            kinds::CLUSTER_ROLE_BINDING,
            kinds::ROLE_BINDING,
            kinds::POD,
            kinds::PERSISTENT_VOLUME,
        ] {
            let key = (kind.group.to_owned(), kind.kind.to_owned());
            parts.coverage.insert(key, Coverage::Complete);
        }
    }
    World::new(parts)
}

#[cfg(test)]
mod tests {
    use super::enough;

    #[test]
    fn agreement_on_nearly_nothing_is_no_success() {
        assert!(enough(1_000, 400, 600).is_ok());
        assert!(enough(1_000, 400, 100).is_err());
        assert!(enough(1_000, 10, 600).is_err());
        assert!(enough(1_000, 990, 600).is_err());
    }
}
