//! Lists 10,000 objects, compared with `kubectl get` of the same kinds on the same API server.

use std::fmt::Write as _;
use std::process::Command;

use anyhow::ensure;
use testbed::{Cluster, Shape};

use super::{mb, measure, median, release_binary};

/// The number of objects of each kind, in the namespaces of [`NAMESPACES`].
const OBJECTS: [(&str, usize, &str); 5] = [
    ("ConfigMap", 4_000, "data: {colour: blue, size: '12', text: 'one line of text'}"),
    (
        "Deployment",
        1_500,
        "spec: {replicas: 1, selector: {matchLabels: {app: a}}, template: {metadata: {labels: \
         {app: a}}, spec: {containers: [{name: web, image: 'registry.example/web:1.2', ports: \
         [{containerPort: 8080}], env: [{name: A, value: b}], resources: {limits: {memory: 1Gi}}}]}}}",
    ),
    (
        "Service",
        1_000,
        "spec: {clusterIP: None, selector: {app: a}, ports: [{port: 80, targetPort: 8080}]}",
    ),
    ("ServiceAccount", 400, ""),
    ("NetworkPolicy", 100, "spec: {podSelector: {matchLabels: {app: a}}, policyTypes: [Ingress]}"),
];
const NAMESPACES: usize = 20;
/// kubectl is limited to 50 requests per second.
const CREATORS: usize = 4;

/// With the ReplicaSets and pods of the Deployments there are 10,000 objects.
pub(super) fn run() -> anyhow::Result<()> {
    let program = release_binary()?;
    let cluster = testbed::start(&Shape::default(), "bench");
    let cluster = match cluster {
        Ok(cluster) => cluster,
        Err(skipped) => {
            println!("{skipped}");
            return Ok(());
        }
    };
    fill(&cluster)?;
    let config = cluster.kubeconfig();
    let ours = |format: &str| {
        let mut command = Command::new(&program);
        command.args(["scan", "--cluster", "--no-probe", "--format", format, "--kubeconfig"]);
        command.arg(&config);
        command
    };
    let kinds = served(&cluster)?;
    let theirs = || {
        let mut command = Command::new(cluster.kubectl_program());
        command.args(["get", "-A", "-o", "json", &kinds, "--kubeconfig"]).arg(&config);
        command
    };
    let count = count(ours("json"))?;
    let listed = median(5, || measure(theirs()))?;
    let scanned = median(5, || measure(ours("json")))?;
    println!(
        "{count} objects: pavisade scan --cluster, listed and judged: {:.2} s, {:.0} MB; kubectl get \
         -A -o json of the same kinds: {:.2} s, {:.0} MB; ratio {:.1}",
        scanned.wall.as_secs_f64(),
        mb(scanned.memory),
        listed.wall.as_secs_f64(),
        mb(listed.memory),
        listed.wall.as_secs_f64() / scanned.wall.as_secs_f64()
    );
    Ok(())
}

fn fill(cluster: &Cluster) -> anyhow::Result<()> {
    let version = |kind: &str| match kind {
        "Deployment" => "apps/v1",
        "NetworkPolicy" => "networking.k8s.io/v1",
        _ => "v1",
    };
    let mut texts = vec![String::new(); CREATORS];
    let mut namespaces = String::new();
    for n in 0..NAMESPACES {
        writeln!(
            namespaces,
            "---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: bench-{n}}}"
        )?;
    }
    let mut nth = 0;
    for (kind, count, rest) in OBJECTS {
        for n in 0..count {
            nth += 1;
            writeln!(
                texts[nth % CREATORS],
                "---\napiVersion: {}\nkind: {kind}\nmetadata: {{name: a{n}, namespace: bench-{}}}\n{rest}",
                version(kind),
                n % NAMESPACES
            )?;
        }
    }
    println!("creating {nth} objects …");
    cluster.apply(&namespaces)?;
    std::thread::scope(|scope| {
        let all: Vec<_> = texts
            .iter()
            .map(|text| scope.spawn(|| cluster.kubectl_with(&["create", "-f", "-"], text)))
            .collect();
        for one in all {
            let output = one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            ensure!(output.success, "kubectl create: {}", output.stderr);
        }
        anyhow::Ok(())
    })?;
    // The controllers create a ReplicaSet and a pod for each Deployment.
    for _ in 0..180 {
        let pods = cluster.get(&["get", "pods", "-A", "-o", "name"])?.lines().count();
        if pods >= 1_500 {
            return Ok(());
        }
        std::thread::sleep(std::time::Duration::from_secs(1));
    }
    Ok(())
}

/// Returns the resources that the checks read and the server serves, in kubectl's syntax.
fn served(cluster: &Cluster) -> anyhow::Result<String> {
    let checks = pavisade_checks::CheckSet::all(pavisade_model::KubernetesVersion::LATEST);
    let all = cluster.get(&["api-resources", "--verbs=list", "-o", "name"])?;
    let kinds = checks.kinds().into_iter().filter(|kind| *kind != pavisade_model::kinds::SECRET);
    let wanted = kinds.map(|kind| kind.full_resource());
    Ok(wanted.filter(|name| all.lines().any(|line| line == name)).collect::<Vec<_>>().join(","))
}

fn count(mut command: Command) -> anyhow::Result<u64> {
    let output = command.output()?;
    let document: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    Ok(document.pointer("/summary/objects").and_then(serde_json::Value::as_u64).unwrap_or(0))
}
