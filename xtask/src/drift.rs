//! Compares the corpus with what an API server makes of it: there must be no drift.
//!
//! Every object of a built-in kind is sent with `--dry-run=server`, which applies defaults as if it
//! were stored. An annotation with its number identifies it in the response.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use pavisade_drift::Mode;
use pavisade_yaml::{Doc, Source, read, to_json};
use serde_json::{Value, json};

use crate::shared::{corpus, files};
use crate::tools::tool;

/// The annotation with the number of an object.
const NUMBER: &str = "pavisade.dev/number";
/// The number of objects in one kubectl call.
const BATCH: usize = 500;

/// The number of values of an object to change, to check that differences are detected.
const CHANGES: usize = 20;
/// Parts of paths of values that are intentionally not compared.
const UNCOMPARED: &[&str] = &[
    "/apiVersion",
    "/kind",
    "/status/",
    "/metadata/creationTimestamp",
    "/metadata/deletionTimestamp",
    "/metadata/generation",
    "/metadata/namespace",
    "/metadata/resourceVersion",
    "/metadata/selfLink",
    "/metadata/uid",
    "/metadata/annotations/deployment.kubernetes.io~1revision",
    "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration",
    "/metadata/annotations/pod.beta.kubernetes.io~1init-containers",
    // The other name of the field, which is written too, is compared.
    "/spec/serviceAccount",
];

/// Arguments of `cargo xtask drift`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The administrator's kubeconfig of a test cluster, instead of a new cluster. Namespaces are
    /// created in it.
    #[arg(long)]
    kubeconfig: Option<PathBuf>,
    /// A directory of manifests instead of ../shared/data/manifests/corpus.tar.zst.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// A kubectl instead of the pinned one.
    #[arg(long)]
    kubectl: Option<PathBuf>,
    /// The minimum number of objects that the server must accept.
    #[arg(long, default_value_t = 500)]
    least: usize,
    /// Create the objects, and read them again after this many seconds, to include what controllers
    /// do.
    #[arg(long)]
    stay: Option<u64>,
    /// A directory to keep what was sent and stored, as a pair of files per object.
    #[arg(long)]
    keep: Option<PathBuf>,
}

/// Kinds that would break the cluster for later objects if they were created.
const BREAKING: &[&str] = &[
    "APIService",
    "FlowSchema",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
    "MutatingWebhookConfiguration",
    "PriorityLevelConfiguration",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
];

/// An object of the corpus.
struct Written {
    number: usize,
    file: String,
    api_version: String,
    kind: String,
    namespace: Option<String>,
    json: String,
}

/// Sends and compares the objects; fails on any difference.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let kubectl = args.kubectl.clone().map_or_else(|| tool("kubectl"), Ok)?;
    let unpacked = tempfile::tempdir()?;
    let Some(corpus) = corpus(args.dir.as_deref(), unpacked.path())? else { return Ok(()) };
    let mut written = objects(&corpus)?;
    if args.stay.is_some() {
        written.retain(|of| !BREAKING.contains(&of.kind.as_str()));
    }
    // The cluster is removed at the end.
    let (_cluster, kubeconfig) = match &args.kubeconfig {
        Some(file) => (None, file.clone()),
        None => match testbed::start(&testbed::Shape::default(), "drift-truth") {
            Ok(cluster) => {
                let file = cluster.kubeconfig();
                (Some(cluster), file)
            }
            Err(skipped) => {
                println!("{skipped}");
                return Ok(());
            }
        },
    };
    let server = |arguments: &[&str]| {
        let mut command = Command::new(&kubectl);
        command.arg("--kubeconfig").arg(&kubeconfig).args(arguments);
        command
    };
    make_namespaces(&written, &server)?;
    let stored = send(&written, args.stay, &server)?;
    let (mut differing, mut dropped, mut changes, mut unseen) = (0, 0, 0, 0);
    let mut sorts = BTreeMap::<String, (usize, String)>::new();
    for (number, text) in &stored {
        let Some(of) = written.iter().find(|of| of.number == *number) else { continue };
        if let Some(folder) = &args.keep {
            fs::create_dir_all(folder)?;
            fs::write(folder.join(format!("{number}.written.json")), &of.json)?;
            fs::write(folder.join(format!("{number}.stored.json")), text)?;
        }
        let (differences, unknown) = compare(of, &of.json, text)?;
        dropped += unknown;
        for (path, changed) in changed(&of.json)? {
            changes += 1;
            if differences == compare(of, &changed, text)?.0 {
                let sort = format!("unseen: {} {path}", of.kind);
                sorts.entry(sort).or_insert((0, format!("{} (object {number})", of.file))).0 += 1;
                unseen += 1;
            }
        }
        differing += usize::from(!differences.is_empty());
        for (sort, whole) in differences {
            let of = format!("{} (object {number}): {whole}", of.file);
            sorts.entry(sort).or_insert((0, of)).0 += 1;
        }
    }
    for (sort, (count, example)) in &sorts {
        println!("{count:5} {sort}\n      {example}");
    }
    println!(
        "sent {}, accepted {}, differing {differing}; fields that the server dropped: {dropped}",
        written.len(),
        stored.len()
    );
    println!("changed {changes} values of them, one at a time: {unseen} were not seen");
    ensure!(stored.len() >= args.least, "fewer than {} objects were accepted", args.least);
    ensure!(unseen == 0, "{unseen} changes were not seen");
    ensure!(differing == 0, "{differing} objects differ from what the server made of them");
    Ok(())
}

/// Returns the objects of the corpus with known kinds, without duplicate texts.
fn objects(corpus: &Path) -> anyhow::Result<Vec<Written>> {
    let (mut seen, mut all) = (BTreeSet::new(), Vec::new());
    for file in files(corpus, &["yaml", "yml", "json"])? {
        let Ok(text) = fs::read_to_string(corpus.join(&file)) else { continue };
        let documents = read(&Source::new(file.clone(), text));
        for object in documents.docs.iter().flat_map(|doc| pavisade_yaml::objects(doc.root()).sent)
        {
            let group = object.api_version.rsplit_once('/').map_or("", |(group, _)| group);
            if !pavisade_drift::defaults_known(group, object.kind) {
                continue;
            }
            let mut value: Value = serde_json::from_str(&to_json(object.value))?;
            if !seen.insert(value.to_string()) {
                continue;
            }
            value["apiVersion"] = object.api_version.into();
            value["kind"] = object.kind.into();
            let Some(metadata) = value.get_mut("metadata").filter(|m| m.is_object()) else {
                continue;
            };
            let namespace = metadata.get("namespace").and_then(Value::as_str).map(str::to_owned);
            if !metadata["annotations"].is_object() {
                metadata["annotations"] = json!({});
            }
            metadata["annotations"][NUMBER] = all.len().to_string().into();
            all.push(Written {
                number: all.len(),
                file: file.clone(),
                api_version: object.api_version.to_owned(),
                kind: object.kind.to_owned(),
                namespace,
                json: value.to_string(),
            });
        }
    }
    Ok(all)
}

fn make_namespaces(
    written: &[Written],
    server: &impl Fn(&[&str]) -> Command,
) -> anyhow::Result<()> {
    let names: BTreeSet<_> = written.iter().filter_map(|of| of.namespace.as_deref()).collect();
    let items: Vec<_> = names
        .iter()
        .map(|name| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}))
        .collect();
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("namespaces.json");
    fs::write(&file, json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string())?;
    // Some have invalid names, and some exist already.
    let _ = server(&["create", "-f"]).arg(&file).output()?;
    Ok(())
}

/// Returns the responses of the server: the number of each object and its JSON.
fn send(
    written: &[Written],
    stay: Option<u64>,
    server: &impl Fn(&[&str]) -> Command,
) -> anyhow::Result<BTreeMap<usize, String>> {
    if let Some(seconds) = stay {
        ask(written, &["create", "-f"], server)?;
        std::thread::sleep(Duration::from_secs(seconds));
        return ask(
            written,
            &["get", "--ignore-not-found", "--show-managed-fields", "-o", "json", "-f"],
            server,
        );
    }
    ask(written, &["create", "--dry-run=server", "-o", "json", "-f"], server)
}

/// Returns the output of kubectl for the objects, in batches.
fn ask(
    written: &[Written],
    arguments: &[&str],
    server: &impl Fn(&[&str]) -> Command,
) -> anyhow::Result<BTreeMap<usize, String>> {
    let mut stored = BTreeMap::new();
    for batch in written.chunks(BATCH) {
        let folder = tempfile::tempdir()?;
        for (at, of) in batch.iter().enumerate() {
            fs::write(folder.path().join(format!("{at}.json")), &of.json)?;
        }
        let answer = server(arguments).arg(folder.path()).output().context("starting kubectl")?;
        if !arguments.contains(&"json") {
            continue;
        }
        for answer in serde_json::Deserializer::from_slice(&answer.stdout).into_iter::<Value>() {
            let answer = answer?;
            let items = match answer.get("items").and_then(Value::as_array) {
                Some(items) => items.clone(),
                None => vec![answer],
            };
            for item in items {
                // Objects that existed before have none.
                let number = item["metadata"]["annotations"][NUMBER].as_str();
                let Some(number) = number else { continue };
                stored.insert(number.parse()?, item.to_string());
            }
        }
    }
    Ok(stored)
}

/// Returns each difference as its type (kind and path without names) and full text, and the number
/// of unknown fields, which the server drops and which are rightly a difference.
fn compare(
    of: &Written,
    written: &str,
    stored: &str,
) -> anyhow::Result<(Vec<(String, String)>, usize)> {
    let (one, other) = (document(written)?, document(stored)?);
    let group = of.api_version.rsplit_once('/').map_or("", |(group, _)| group);
    let drift = pavisade_drift::drift(one.root(), other.root(), group, &of.kind, Mode::Written);
    let (known, unknown): (Vec<_>, Vec<_>) =
        drift.differences.into_iter().partition(|of| of.known_field);
    let object = &of.kind;
    let differences = known.into_iter().map(|of| {
        let mut sort = String::new();
        for (at, part) in of.path.split('[').enumerate() {
            sort.push_str(if at == 0 { part } else { part.split_once(']').map_or("", |p| p.1) });
        }
        let (kind, path) = (of.kind, &of.path);
        let whole = format!("{path}: {:?} -> {:?}", of.written, of.stored);
        (format!("{object} {sort} {kind:?}"), whole)
    });
    Ok((differences.collect(), unknown.len()))
}

/// Returns the object with one of its values changed, for several values, to check that the
/// comparison detects differences.
fn changed(json: &str) -> anyhow::Result<Vec<(String, String)>> {
    let mut whole: Value = serde_json::from_str(json)?;
    let mut pointers = Vec::new();
    leaves(&whole, &mut String::new(), &mut pointers);
    // Not `serviceAccountName`: a part ends at the end of the path or of a path component.
    pointers.retain(|pointer| {
        let pointer = format!("{pointer}/");
        !UNCOMPARED.iter().any(|part| pointer.contains(&format!("{}/", part.trim_end_matches('/'))))
    });
    let step = pointers.len().div_ceil(CHANGES).max(1);
    let mut all = Vec::new();
    for pointer in pointers.iter().step_by(step) {
        let Some(leaf) = whole.pointer_mut(pointer) else { continue };
        let before = leaf.clone();
        *leaf = match &before {
            Value::Bool(is) => (!is).into(),
            Value::Number(number) => (number.as_i64().unwrap_or(0) + 1).into(),
            Value::String(text) => format!("9{text}").into(),
            _ => continue,
        };
        let text = whole.to_string();
        if let Some(leaf) = whole.pointer_mut(pointer) {
            *leaf = before;
        }
        let names = pointer.split('/').filter(|step| step.parse::<usize>().is_err());
        all.push((names.collect::<Vec<_>>().join("."), text));
    }
    Ok(all)
}

fn leaves(value: &Value, at: &mut String, out: &mut Vec<String>) {
    let end = at.len();
    let mut inside = |key: &str, value: &Value| {
        at.push('/');
        at.push_str(&key.replace('~', "~0").replace('/', "~1"));
        leaves(value, at, out);
        at.truncate(end);
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| inside(key, value)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, value)| inside(&at.to_string(), value));
        }
        Value::Null => {}
        _ => out.push(at.clone()),
    }
}

fn document(json: &str) -> anyhow::Result<Doc> {
    let documents = read(&Source::new("object.json", json));
    documents.docs.into_iter().next().context("an object of ours is no document")
}
