//! `cargo xtask generate`: writes a large cluster as a snapshot file, as an API server would return
//! it.
//!
//! The same arguments give the same bytes. Objects are written one by one, so memory use does not
//! depend on the size of the cluster.

mod base;
mod pod;
mod team;

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use pavisade_model::{Cause, kinds};
use pavisade_scan::Timestamp;
use pavisade_snapshot::file::{Header, Writer};
use pavisade_snapshot::{Coverage, WorldParts};
use pavisade_yaml::{Source, read};
use serde_json::{Value, json};

/// The time of the snapshot: fixed, so that the bytes do not change.
const TIME: &str = "2026-11-25T16:00:00Z";

const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// Arguments of `cargo xtask generate`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The number of nodes.
    #[arg(long, default_value_t = 10)]
    pub(crate) nodes: usize,
    /// The number of pods, including finished ones.
    #[arg(long, default_value_t = 500)]
    pub(crate) pods: usize,
    /// The seed of the generator.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Include Secrets.
    #[arg(long)]
    pub(crate) secrets: bool,
    /// The file to write.
    #[arg(short, long, default_value = "target/cluster.pvs")]
    pub(crate) output: PathBuf,
}

/// Writes the file and prints a summary.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let made = generate(args)?;
    println!(
        "{}: {} objects, {} pods on {} nodes in {} namespaces",
        args.output.display(),
        made.objects,
        made.pods,
        args.nodes,
        made.namespaces
    );
    Ok(())
}

/// A summary of the file.
pub(crate) struct Made {
    pub(crate) objects: usize,
    pub(crate) pods: usize,
    pub(crate) namespaces: usize,
}

/// Writes the file.
pub(crate) fn generate(args: &Args) -> anyhow::Result<Made> {
    ensure!(args.nodes >= 1 && args.pods >= 20, "a cluster needs a node and 20 pods");
    if let Some(folder) = args.output.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let file = File::create(&args.output).with_context(|| args.output.display().to_string())?;
    let header = header(args)?;
    let mut cluster = Cluster {
        out: Writer::new(BufWriter::new(file), &header)?,
        chance: fastrand::Rng::with_seed(args.seed),
        nodes: args.nodes,
        secrets: args.secrets,
        objects: 0,
        pods: 0,
        namespaces: 0,
    };
    base::cluster(&mut cluster)?;
    base::system(&mut cluster, args.pods)?;
    team::teams(&mut cluster, args.pods)?;
    let Cluster { out, objects, pods, namespaces, .. } = cluster;
    out.finish()?.flush()?;
    Ok(Made { objects, pods, namespaces })
}

fn header(args: &Args) -> anyhow::Result<Header> {
    let mut world = WorldParts::cluster(format!("generated-{}", args.seed));
    for kind in kinds::ALL.iter().filter(|kind| !kind.resource.is_empty()) {
        let key = (kind.group.to_owned(), kind.kind.to_owned());
        if *kind == kinds::SECRET && !args.secrets {
            world.causes.insert(key.clone(), Cause::SecretsNotAsked);
            world.coverage.insert(key, Coverage::Unread);
        } else {
            world.coverage.insert(key, Coverage::Complete);
        }
    }
    // Kinds that no check reads, which stand for everything else that a snapshot may contain.
    for (group, kind) in [
        ("", "PersistentVolumeClaim"),
        ("apiextensions.k8s.io", "CustomResourceDefinition"),
        ("example.com", "Thing1"),
    ] {
        world.coverage.insert((group.into(), kind.into()), Coverage::Complete);
    }
    let tool = concat!("xtask ", env!("CARGO_PKG_VERSION")).to_owned();
    let time: Timestamp = TIME.parse()?;
    Ok(Header { tool, time, worlds: vec![world], notes: Vec::new() })
}

/// The cluster so far.
struct Cluster {
    out: Writer<BufWriter<File>>,
    chance: fastrand::Rng,
    nodes: usize,
    secrets: bool,
    objects: usize,
    pods: usize,
    namespaces: usize,
}

impl Cluster {
    /// Writes an object.
    fn put(&mut self, object: Value) -> anyhow::Result<()> {
        let documents = read(&Source::new("generated", object.to_string()));
        let root = documents.docs.first().context("an object is JSON")?.root();
        let field = |key| root.str(key).with_context(|| format!("an object has `{key}`"));
        self.objects += 1;
        let kind = field("kind")?;
        match kind {
            "Pod" => self.pods += 1,
            "Namespace" => self.namespaces += 1,
            _ => {}
        }
        Ok(self.out.object(0, root, field("apiVersion")?, kind)?)
    }

    /// Returns true in `percent` of all cases.
    fn likely(&mut self, percent: u32) -> bool {
        self.chance.u32(0..100) < percent
    }

    fn one_of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.chance.usize(0..words.len())]
    }

    /// Returns letters and digits like the end of a name generated by Kubernetes.
    fn suffix(&mut self, length: usize) -> String {
        (0..length).map(|_| char::from(LETTERS[self.chance.usize(0..LETTERS.len())])).collect()
    }

    /// Returns the end of a pod's name, unique as the API server would ensure.
    fn pod_suffix(&mut self) -> String {
        const ALL: usize = LETTERS.len().pow(5);
        // The step and the number of suffixes are coprime, so no suffix repeats.
        let mut left = self.pods * 5_000_011 % ALL;
        (0..5)
            .map(|_| {
                let letter = LETTERS[left % LETTERS.len()];
                left /= LETTERS.len();
                char::from(letter)
            })
            .collect()
    }

    fn uid(&mut self) -> String {
        let (a, b) = (self.chance.u64(..), self.chance.u64(..));
        format!(
            "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
            a >> 32,
            a >> 16 & 0xFFFF,
            a & 0xFFF,
            b >> 52,
            b & 0xFFFF_FFFF_FFFF
        )
    }

    fn node(&mut self) -> String {
        node_name(self.chance.usize(0..self.nodes))
    }

    /// Returns `metadata` as set by the API server.
    fn metadata(&mut self, namespace: &str, name: &str, labels: Value) -> Value {
        let version = self.chance.u32(1_000..90_000_000).to_string();
        let mut metadata = json!({
            "name": name,
            "uid": self.uid(),
            "resourceVersion": version,
            "creationTimestamp": "2026-10-01T08:00:00Z",
        });
        if !namespace.is_empty() {
            metadata["namespace"] = namespace.into();
        }
        if !labels.is_null() {
            metadata["labels"] = labels;
        }
        metadata
    }
}

fn node_name(index: usize) -> String {
    format!("node-{index:04}")
}

fn owner(api_version: &str, kind: &str, name: &str, uid: &Value) -> Value {
    json!([{
        "apiVersion": api_version,
        "kind": kind,
        "name": name,
        "uid": uid,
        "controller": true,
        "blockOwnerDeletion": true,
    }])
}

/// Writes a file into a directory for measurements.
pub(crate) fn into(folder: &Path, nodes: usize, pods: usize) -> anyhow::Result<(PathBuf, Made)> {
    let output = folder.join(format!("{pods}.pvs"));
    let made = generate(&Args { nodes, pods, seed: 1, secrets: false, output: output.clone() })?;
    Ok((output, made))
}
