//! `pavisade node`.

#[cfg(unix)]
mod served;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use pavisade_checks::{Catalog, CheckSet};
use pavisade_compliance::{Framework, assess};
use pavisade_model::{Audience, GroupKind, Meta, Note, NoteKind, kinds};
use pavisade_report::{Options, count};
use pavisade_scan::{Timestamp, judge, together};
use pavisade_snapshot::{Object, Snapshot, WorldKind, WorldParts};
use pavisade_yaml::{Source, objects, read};
use serde_json::{Value, json};

use crate::args::Format;
use crate::args::node::{AuditArgs, CollectArgs, NodeArgs, NodeCommand};
use crate::output::{named, output, place};
use crate::{Outcome, bounded, frameworks, scan, terminal};

/// The largest file of facts in bytes: 1,000 nodes.
const MAX_FACTS: u64 = 256 << 20;
/// The benchmark whose checks always run, and its sections for nodes.
const BENCHMARK: &str = "cis-1.12";
const SECTIONS: [&str; 3] = ["1.", "2.", "4."];

pub(crate) fn run(args: &NodeArgs) -> anyhow::Result<Outcome> {
    match &args.command {
        NodeCommand::Audit(args) => audit(args),
        NodeCommand::Collect(args) => collect(args),
    }
}

#[cfg(unix)]
fn facts(args: &AuditArgs) -> anyhow::Result<Vec<Value>> {
    let root = args.root.display();
    let mut documents = pavisade_node::collect(&args.root, args.name.as_deref())
        .with_context(|| format!("reading the node at {root}"))?;
    if let Some(facts) = documents.first_mut() {
        facts["time"] = json!(Timestamp::now().to_string());
    }
    // Components of another root do not answer here.
    if let Some(facts) = documents.first_mut().filter(|_| args.root == Path::new("/")) {
        served::add(facts)?;
    }
    Ok(documents)
}

#[cfg(not(unix))]
fn facts(_: &AuditArgs) -> anyhow::Result<Vec<Value>> {
    bail!("nodes can be audited only on Linux: run `pavisade node audit --facts` there")
}

fn audit(args: &AuditArgs) -> anyhow::Result<Outcome> {
    let documents = facts(args)?;
    let file = named(args.output.as_deref());
    let place = place(file);
    if args.facts {
        let text = serde_json::to_string(&list(documents))? + "\n";
        output(file)?.put(&place, |out| out.write_all(text.as_bytes()))?;
        return Ok(Outcome::Clean);
    }
    let catalog = Catalog::builtin();
    let benchmark = frameworks::named(BENCHMARK, &catalog)?;
    let benchmark = part(&benchmark);
    let asked = args.framework.as_deref().map(|word| frameworks::named(word, &catalog));
    let asked = asked.transpose()?.map(|framework| part(&framework));
    if asked.as_ref().is_some_and(|framework| framework.controls.is_empty()) {
        bail!("this framework has no controls for nodes: use --framework {BENCHMARK}");
    }
    let listed = benchmark.checks();
    let wanted = |meta: &Meta| {
        let of_node = meta.on.contains(&kinds::NODE_FACTS);
        let of_program = !meta.programs.is_empty() && meta.rule.audience == Audience::Everyone;
        of_node || of_program || listed.contains(&*meta.rule.id)
    };
    let checks = CheckSet::new(&catalog, args.kubernetes_version, wanted, &Default::default())
        .map_err(|error| anyhow!("check `{}`: {}", error.check, error.message))?;
    let snapshot = snapshot(&documents)?;
    let mut judgement = judge(&snapshot, &checks, Timestamp::now());
    let out = output(file)?;
    let options = Options {
        color: terminal::color(args.color, file.is_some()),
        width: terminal::width(args.width),
        full: args.full,
        explain: args.explain,
        made: Some(Timestamp::now().strftime("%-d %B %Y, %H:%M UTC").to_string()),
        ..Options::default()
    };
    // What was not read is unknown to the checks that need it, and the result is incomplete.
    let own = documents.first().and_then(|facts| facts.get("notes")?.as_array());
    let outcome = match own.into_iter().flatten().any(is_unread) {
        true => Outcome::Incomplete,
        false => scan::outcome(&judgement, args.fail_on.severity()),
    };
    match asked {
        None => {
            together(&mut judgement);
            let format = args.format.of_report();
            out.put(&place, |out| pavisade_report::write(format, &judgement, &options, out))?;
        }
        Some(framework) => {
            let format = match args.format {
                Format::Terminal => pavisade_report::ComplyFormat::Terminal,
                Format::Json => pavisade_report::ComplyFormat::Json,
                Format::Csv => pavisade_report::ComplyFormat::Csv,
                Format::Markdown => pavisade_report::ComplyFormat::Markdown,
                _ => bail!("--framework supports the formats terminal, json, csv and markdown"),
            };
            let assessment = [assess(&framework, &judgement, catalog.rules())];
            out.put(&place, |out| {
                pavisade_report::comply(format, &judgement, &assessment, &options, out)
            })?;
        }
    }
    Ok(outcome)
}

/// Returns a framework with only its controls for nodes.
fn part(framework: &Framework) -> Framework {
    let mut framework = framework.clone();
    if framework.id.starts_with("cis-") {
        framework
            .controls
            .retain(|control| SECTIONS.iter().any(|section| control.id.starts_with(section)));
    }
    framework
}

/// Makes a world of the documents of a node, with a note for each component that does not run there.
fn snapshot(documents: &[Value]) -> anyhow::Result<Snapshot> {
    let node = documents.first().and_then(|facts| facts.pointer("/metadata/name")?.as_str());
    let node = node.unwrap_or("node").to_owned();
    let mut all = Vec::new();
    for document in documents {
        let kind = document.get("kind").and_then(Value::as_str).unwrap_or_default();
        let text = serde_json::to_string_pretty(document)?;
        let source = Source::new(format!("{kind} of node {node}"), text);
        for doc in &read(&source).docs {
            let sent = objects(doc.root()).sent;
            all.extend(sent.iter().map(|one| Object::new(one.value, one.api_version, one.kind)));
        }
    }
    let notes = documents.first().map(|facts| notes(facts, &node)).unwrap_or_default();
    Ok(Snapshot::new(vec![WorldParts::files(node, WorldKind::Files, all)], notes))
}

/// Whether a note of the facts says that something was not read.
fn is_unread(note: &Value) -> bool {
    note.get("kind").and_then(Value::as_str) == Some("unread")
}

fn notes(facts: &Value, node: &str) -> Vec<Note> {
    let note = |message: String| Note {
        kind: NoteKind::Info,
        place: format!("node {node}"),
        span: None,
        message,
        remedy: String::new(),
    };
    let own = facts.get("notes").and_then(Value::as_array);
    let one = |value: &Value| {
        let text = value.get("message").and_then(Value::as_str)?;
        let kind = if is_unread(value) { NoteKind::Warning } else { NoteKind::Info };
        Some(Note { kind, ..note(text.to_owned()) })
    };
    let mut all: Vec<Note> = own.into_iter().flatten().filter_map(one).collect();
    let distribution = facts.get("distribution").and_then(Value::as_str).unwrap_or_default();
    let processes = facts.get("processes").and_then(Value::as_array);
    let names: BTreeSet<_> = processes
        .into_iter()
        .flatten()
        .filter_map(|process| process.get("name")?.as_str())
        .collect();
    let files = facts.get("files").and_then(Value::as_object);
    let mut lists = files.into_iter().flat_map(|classes| classes.values().map(Value::as_array));
    if names.is_empty() && !lists.any(|list| list.is_some_and(|files| !files.is_empty())) {
        all.push(Note {
            kind: NoteKind::Unread,
            remedy: "Specify the root directory of a node with --root.".to_owned(),
            ..note("neither a component nor a file of a node was found".to_owned())
        });
    }
    for (program, sections) in [
        ("kube-apiserver", "1.2"),
        ("kube-controller-manager", "1.3"),
        ("kube-scheduler", "1.4"),
        ("etcd", "2"),
        ("kubelet", "4.2"),
    ] {
        if names.contains(program) {
            continue;
        }
        if facts.get("processesRead").and_then(Value::as_bool) != Some(true) {
            all.push(note(format!(
                "not all processes were read: it is not known whether {program} runs here"
            )));
            continue;
        }
        let why = match distribution {
            "k3s" => "k3s runs it in its own process, whose flags differ",
            "rke2" if program == "kubelet" => "RKE2 did not start it",
            "managed" if program != "kubelet" => "the provider operates the control plane",
            _ => "it is not a component of this node",
        };
        all.push(note(format!(
            "{program} does not run here: {why}; the controls of section {sections} do not apply"
        )));
    }
    all
}

fn list(mut documents: Vec<Value>) -> Value {
    match documents.len() {
        1 => documents.remove(0),
        _ => json!({ "apiVersion": "v1", "kind": "List", "items": documents }),
    }
}

fn collect(args: &CollectArgs) -> anyhow::Result<Outcome> {
    let mut nodes: BTreeMap<About, (Option<Timestamp>, Vec<Value>)> = BTreeMap::new();
    let mut incomplete = false;
    for path in &args.files {
        let bytes = bounded::bytes(path, MAX_FACTS)?;
        let (mut found, mut bad) = (false, 0);
        // A whole file may be one document over several lines.
        let whole: Option<Value> = serde_json::from_slice(&bytes).ok();
        let documents: Vec<Option<Value>> = match whole {
            Some(value) => vec![Some(value)],
            None => {
                let lines = bytes.split(|byte| *byte == b'\n');
                let lines = lines.filter(|line| !line.trim_ascii().is_empty());
                lines.map(|line| serde_json::from_slice(line).ok()).collect()
            }
        };
        let is_empty = documents.is_empty();
        for value in documents {
            let all = value.map(documents_of).unwrap_or_default();
            bad += usize::from(all.is_empty());
            for facts in all {
                // If a node occurs twice, its latest facts of each kind apply. Those without a time
                // count as the oldest.
                let Some((of, time, documents)) = facts else {
                    bad += 1;
                    continue;
                };
                found = true;
                if nodes.get(&of).is_none_or(|(old, _)| time >= *old) {
                    nodes.insert(of, (time, documents));
                }
            }
        }
        if bad > 0 || !found {
            incomplete = true;
            let why = match is_empty {
                true => "it is empty".to_owned(),
                false => {
                    let documents = count(bad, "document contains", "documents contain");
                    format!("{documents} no facts of a node")
                }
            };
            terminal::say("warning", &format!("{}: {why}", path.display()));
        }
    }
    if nodes.is_empty() {
        bail!(
            "no facts were found: `pavisade node audit --facts`, `pavisade integrity verify \
             --facts` and `pavisade integrity image --facts` print them"
        );
    }
    let (containers, of_nodes): (BTreeSet<_>, BTreeSet<_>) =
        nodes.keys().partition(|(_, kind)| *kind == kinds::CONTAINER_FACTS.kind);
    let of_nodes = of_nodes.iter().map(|(node, _)| node).collect::<BTreeSet<_>>().len();
    let mut said = format!("facts of {}", count(of_nodes, "node", "nodes"));
    if !containers.is_empty() {
        said += &format!(" and {}", count(containers.len(), "container", "containers"));
    }
    let items: Vec<Value> = nodes.into_values().flat_map(|(_, documents)| documents).collect();
    let all = json!({ "apiVersion": "v1", "kind": "List", "items": items });
    let text = serde_json::to_string_pretty(&all)? + "\n";
    crate::print(text.as_bytes())?;
    terminal::say("", &said);
    Ok(if incomplete { Outcome::Incomplete } else { Outcome::Clean })
}

/// Which node or container facts are about, as namespace and name, and their kind.
type About = ((String, String), &'static str);

/// Facts about one node or container: what they are about, when they were collected, and the documents.
type Facts = (About, Option<Timestamp>, Vec<Value>);

/// Returns the facts in a document, which may be a list of several; `None` for those without a name.
fn documents_of(value: Value) -> Vec<Option<Facts>> {
    const KINDS: [GroupKind; 3] =
        [kinds::NODE_FACTS, kinds::INTEGRITY_FACTS, kinds::CONTAINER_FACTS];
    let items = match value {
        Value::Object(mut fields) if fields.get("kind").is_some_and(|kind| kind == "List") => {
            match fields.remove("items") {
                Some(Value::Array(items)) => items,
                _ => Vec::new(),
            }
        }
        value => vec![value],
    };
    let text =
        |item: &Value, path: &str| item.pointer(path).and_then(Value::as_str).map(str::to_owned);
    let mut found: Vec<Option<Facts>> = Vec::new();
    let mut others = Vec::new();
    for item in items {
        let kind = item.get("kind").and_then(Value::as_str);
        let Some(of) = KINDS.iter().find(|of| kind == Some(of.kind)) else {
            others.push((found.len().saturating_sub(1), item));
            continue;
        };
        let about = text(&item, "/metadata/name")
            .map(|name| ((text(&item, "/metadata/namespace").unwrap_or_default(), name), of.kind));
        // Those of a node have `time`, and comparisons of files `verified`.
        let time = ["/time", "/verified"].into_iter().find_map(|field| text(&item, field));
        let time = time.and_then(|time| time.parse().ok());
        found.push(about.map(|about| (about, time, vec![item])));
    }
    // Configurations belong to the node that their label names.
    for (before, item) in others {
        let node = text(&item, "/metadata/labels/pavisade.dev~1from-node");
        let is_of = |facts: &Option<Facts>| {
            let Some((((_, name), kind), ..)) = facts else { return false };
            *kind == kinds::NODE_FACTS.kind && node.as_ref() == Some(name)
        };
        // A node may occur twice: then the nearest facts before it are its own.
        let at = match found.get(before).is_some_and(is_of) {
            true => before,
            false => found.iter().position(is_of).unwrap_or(before),
        };
        if let Some(Some((.., documents))) = found.get_mut(at) {
            documents.push(item);
        }
    }
    found
}
