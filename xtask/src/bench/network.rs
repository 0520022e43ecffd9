//! `cargo xtask bench network`: network maps of generated clusters, by workload.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::ensure;

use super::{mb, measure, median, release_binary};

/// The number of pods; there are a tenth as many policies.
const SIZES: [usize; 5] = [1_000, 3_000, 10_000, 30_000, 100_000];
/// The number of distinct label sets, and the largest number of workloads: the output has a line
/// for each pair.
const LABELS: usize = 200;
const WORKLOADS: usize = 400;
const NAMESPACES: usize = 40;

pub(super) fn run(program: Option<&Path>, sizes: &[usize]) -> anyhow::Result<()> {
    let program = match program {
        Some(program) => program.to_owned(),
        None => release_binary()?,
    };
    let sizes = if sizes.is_empty() { &SIZES[..] } else { sizes };
    println!("   pods  policies  workloads  MB input  seconds  MB peak");
    for pods in sizes {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("cluster.yaml");
        fs::write(&file, cluster(*pods))?;
        let one = median(3, || measure(map(&program, &file)))?;
        println!(
            "{pods:>7}  {:>8}  {:>9}  {:>8.1}  {:>7.2}  {:>7.0}",
            pods / 10,
            WORKLOADS.min(pods / 10),
            mb(fs::metadata(&file)?.len()),
            one.wall.as_secs_f64(),
            mb(one.memory),
        );
    }
    ensure!(program.is_file(), "the program is gone");
    Ok(())
}

fn map(program: &Path, file: &PathBuf) -> Command {
    let mut command = Command::new(program);
    command.args(["network", "map", "--quiet", "--no-config", "--format", "csv"]).arg(file);
    command
}

/// Returns pods of workloads with policies of three tiers: selectors, blocks, named ports.
fn cluster(pods: usize) -> String {
    let mut text = String::new();
    for n in 0..NAMESPACES {
        _ = writeln!(
            text,
            "---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: n{n}, labels: {{tenant: t{}}}}}",
            n % 8
        );
    }
    let workloads = WORKLOADS.min(pods / 10).max(1);
    for pod in 0..pods {
        let w = pod % workloads;
        let (n, set) = (w % NAMESPACES, w % LABELS);
        _ = writeln!(
            text,
            "---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: p{pod}\n  namespace: n{n}\n  labels: \
             {{app: a{set}, tier: t{}, zone: z{}}}\n  ownerReferences: [{{apiVersion: apps/v1, kind: \
             ReplicaSet, name: w{w}, uid: u, controller: true}}]\nspec:\n  containers: [{{name: c, \
             image: i, ports: [{{name: http, containerPort: {}}}]}}]\nstatus: {{phase: Running, podIP: \
             10.{}.{}.{}}}",
            set % 3,
            set % 5,
            8000 + set % 7,
            pod / 60_000,
            pod / 250 % 240,
            pod % 250,
        );
    }
    for p in 0..pods / 10 {
        match p % 20 {
            0 => admin(p, &mut text),
            1 => baseline(p, &mut text),
            _ => network(p, &mut text),
        }
    }
    text
}

fn network(p: usize, text: &mut String) {
    let other = (p * 7) % LABELS;
    let peer = match p % 4 {
        0 => {
            format!("{{ipBlock: {{cidr: 10.{}.0.0/16, except: [10.{}.3.0/24]}}}}", p % 200, p % 200)
        }
        1 => format!("{{namespaceSelector: {{matchLabels: {{tenant: t{}}}}}}}", p % 8),
        _ => format!("{{podSelector: {{matchLabels: {{app: a{other}}}}}}}"),
    };
    let port = if p.is_multiple_of(3) { "http".to_owned() } else { (8000 + p % 7).to_string() };
    _ = writeln!(
        text,
        "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p{p}, namespace: \
         n{}}}\nspec:\n  podSelector: {{matchLabels: {{app: a{}}}}}\n  policyTypes: [Ingress, Egress]\n  \
         ingress: [{{from: [{peer}], ports: [{{port: {port}}}]}}]\n  egress: [{{to: [{peer}]}}, {{to: \
         [{{namespaceSelector: {{}}}}], ports: [{{port: 53, protocol: UDP}}]}}]",
        p % NAMESPACES,
        p % LABELS,
    );
}

fn admin(p: usize, text: &mut String) {
    _ = writeln!(
        text,
        "---\napiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: \
         {{name: a{p}}}\nspec:\n  tier: Admin\n  priority: {}\n  subject: {{namespaces: {{matchLabels: \
         {{tenant: t{}}}}}}}\n  ingress: [{{action: Deny, from: [{{pods: {{namespaceSelector: {{}}, \
         podSelector: {{matchLabels: {{zone: z{}}}}}}}}}], protocols: [{{tcp: {{destinationPort: \
         {{number: {}}}}}}}]}}]",
        p % 1000,
        p % 8,
        p % 5,
        9000 + p % 50,
    );
}

fn baseline(p: usize, text: &mut String) {
    _ = writeln!(
        text,
        "---\napiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: \
         {{name: b{p}}}\nspec:\n  tier: Baseline\n  priority: {}\n  subject: {{pods: {{namespaceSelector: \
         {{}}, podSelector: {{matchLabels: {{app: a{}}}}}}}}}\n  ingress: [{{action: Deny, from: \
         [{{namespaces: {{}}}}]}}]",
        p % 1000,
        p % LABELS,
    );
}
