//! `regolibrary`: compares the rules of kubescape's library with the checks, case by case.
//!
//! A case is `RULE/test/CASE/{input/*, expected.json, data.json?}`. `regolibrary.toml` maps each
//! rule to checks, or states why there are none. A case of a mapped rule agrees if the objects that
//! fail in its `expected.json` are those for which the mapped checks fail; unknown verdicts do not
//! count as failures. `subject.rs` identifies objects, and `host.rs` converts the objects of
//! kubescape's sensor to files that checks read.
//!
//! The input of a case is a reduced cluster: a rule that says "no policy covers this pod" has seen
//! every policy of its case, so kinds count as complete. If the namespace of an object is missing,
//! it is `default`, as in kubescape's rules.

mod host;
mod subject;
mod table;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::Path;

use anyhow::{Context as _, ensure};
use pavisade_checks::{Catalog, CheckSet};
use pavisade_model::{KubernetesVersion, State};
use pavisade_scan::{Timestamp, judge};
use pavisade_snapshot::{Coverage, Object, Snapshot, WorldKind, WorldParts};
use pavisade_yaml::{Kind, Source, Value, objects, read, to_json};

use self::host::Unwrapped;
use self::subject::Key;
use self::table::{Rule, Table};
use super::Outcome;
use crate::shared::files;

/// The number of rules by result.
#[derive(Default)]
struct Counts {
    mapped: usize,
    ruled_out: usize,
    unmapped: Vec<String>,
    explained: usize,
    /// Cases that are listed as differences but agree.
    stale: Vec<String>,
}

/// Runs the suite on a directory of rules.
pub(super) fn run(dir: &Path) -> anyhow::Result<Outcome> {
    let table = Table::read()?;
    let mut outcome = Outcome::default();
    let mut counts = Counts::default();
    for rule in folders(dir)? {
        if !dir.join(&rule).join("test").is_dir() {
            continue;
        }
        match table.rules.get(&rule) {
            Some(known) if known.ruled_out.is_some() => {
                counts.ruled_out += 1;
                outcome.left_out += folders(&dir.join(&rule).join("test"))?.len();
            }
            Some(mapped) => {
                counts.mapped += 1;
                compare(dir, &rule, mapped, &mut outcome, &mut counts)?;
            }
            None => {
                outcome.left_out += folders(&dir.join(&rule).join("test"))?.len();
                counts.unmapped.push(rule);
            }
        }
    }
    let Counts { mapped, ruled_out, unmapped, explained, stale } = counts;
    for rule in &unmapped {
        println!("not mapped: {rule}");
    }
    for case in &stale {
        println!("explained as a disagreement, but agrees: {case}");
    }
    println!("rules: {mapped} mapped, {ruled_out} ruled out, {} not mapped", unmapped.len());
    println!(
        "cases: {} of mapped rules; {} disagree, {explained} of them with the reason",
        outcome.total,
        outcome.disagreements.len()
    );
    Ok(outcome)
}

fn folders(dir: &Path) -> anyhow::Result<Vec<String>> {
    let entries = fs::read_dir(dir).with_context(|| format!("listing {}", dir.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn compare(
    dir: &Path,
    name: &str,
    rule: &Rule,
    outcome: &mut Outcome,
    counts: &mut Counts,
) -> anyhow::Result<()> {
    let tests = dir.join(name).join("test");
    for case in folders(&tests)? {
        let label = format!("{name}/{case}");
        let folder = tests.join(&case);
        if !folder.join("expected.json").is_file() {
            continue;
        }
        let (want, got) = match one(&folder, rule) {
            Ok(found) => found,
            Err(error) => {
                outcome.count(false, || format!("{label}\n  cannot be judged: {error:#}"));
                continue;
            }
        };
        let agreed = subject::same(&want, &got, rule.one_of);
        let why = rule.differs.get(&case);
        match (agreed, why) {
            (true, Some(_)) => counts.stale.push(label.clone()),
            (false, Some(_)) => counts.explained += 1,
            _ => {}
        }
        outcome.count(agreed, || {
            let why = why.map_or("not explained", String::as_str);
            format!("{label}\n  want {}\n  got  {}\n  {why}", show(&want.concat()), show(&got))
        });
    }
    Ok(())
}

fn show(keys: &[Key]) -> String {
    let shown: BTreeSet<_> = keys.iter().map(Key::to_string).collect();
    let shown: Vec<_> = shown.into_iter().collect();
    if shown.is_empty() { "nothing".to_owned() } else { shown.join(", ") }
}

/// Returns the expected and the actual failures of one case.
fn one(folder: &Path, rule: &Rule) -> anyhow::Result<(Vec<Vec<Key>>, Vec<Key>)> {
    let expected = json(&folder.join("expected.json"))?;
    let want = subject::failed(&expected, rule.failed.as_deref());
    let mut parameters = rule.parameters.clone();
    let data = folder.join("data.json");
    if data.is_file() {
        rule.take_inputs(&json(&data)?, &mut parameters);
    }
    let wanted =
        |meta: &pavisade_model::Meta| rule.checks.iter().any(|check| *check == meta.rule.name);
    let checks = CheckSet::new(&Catalog::builtin(), KubernetesVersion::LATEST, wanted, &parameters)
        .map_err(|error| anyhow::anyhow!("{}: {}", error.check, error.message))?;
    ensure!(checks.metas().len() == rule.checks.len(), "a check of {:?} is unknown", rule.checks);
    let mut got = Vec::new();
    for (parts, origins) in worlds(folder, rule.live)? {
        let judgement = judge(&Snapshot::new(vec![parts], Vec::new()), &checks, now());
        let mut by_key: BTreeMap<Key, BTreeSet<&str>> = BTreeMap::new();
        for finding in
            judgement.of_state(State::Fails).filter(|f| rule.concerns(f.location.field(), f))
        {
            let Some(key) = Key::of(&finding.subject) else { continue };
            let key = origins.get(&key).cloned().unwrap_or(key);
            by_key.entry(key).or_default().insert(&finding.rule.name);
        }
        let least = if rule.all { rule.checks.len() } else { 1 };
        got.extend(by_key.into_iter().filter(|(_, by)| by.len() >= least).map(|(key, _)| key));
    }
    got.sort();
    got.dedup();
    Ok((want, got))
}

fn json(path: &Path) -> anyhow::Result<serde_json::Value> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    // Some files are empty: nothing fails.
    if text.trim().is_empty() {
        return Ok(serde_json::Value::Null);
    }
    serde_json::from_str(&text).with_context(|| format!("reading {}", path.display()))
}

/// Returns the fixed time at which cases are judged, because some checks depend on end-of-support
/// dates.
fn now() -> Timestamp {
    Timestamp::from_second(1_790_000_000).unwrap_or(Timestamp::UNIX_EPOCH)
}

type Origins = HashMap<Key, Key>;

/// Returns the worlds of a case. Inputs contain variants of an object under one name, of which a
/// world keeps one, and several kubelets, each with its own flags and file. So each variant and
/// each kubelet gets its own world, together with everything else.
fn worlds(folder: &Path, live: bool) -> anyhow::Result<Vec<(WorldParts, Origins)>> {
    let (mut plain, mut hosts): (Vec<Object>, Vec<Unwrapped>) = (Vec::new(), Vec::new());
    let input = folder.join("input");
    if input.is_dir() {
        for file in files(&input, &["yaml", "yml", "json"])? {
            let bytes = fs::read(input.join(&file)).with_context(|| format!("reading {file}"))?;
            let text = String::from_utf8_lossy(&bytes);
            for doc in &read(&Source::new(&*file, text)).docs {
                take(doc.root(), &mut plain, &mut hosts);
            }
        }
    }
    let mut variants: HashMap<_, Vec<Object>> = HashMap::new();
    for object in plain {
        let name = object.at(&["metadata", "name"]).map(|_| object.id().clone());
        let id = name.unwrap_or_else(|| {
            // Objects without a name are not variants of each other.
            let place = format!("{}:{}", object.doc().source().name(), object.value().span().start);
            pavisade_snapshot::ObjectId { name: place.into(), ..object.id().clone() }
        });
        variants.entry(id).or_default().push(object);
    }
    let most = variants.values().map(Vec::len).max().unwrap_or(0).max(hosts.len()).max(1);
    let world = |turn: usize| {
        let mut objects: Vec<_> =
            variants.values().map(|of| of[turn.min(of.len() - 1)].clone()).collect();
        let mut origins = Origins::new();
        if let Some(host) = hosts.get(turn.min(hosts.len().saturating_sub(1))) {
            objects.extend(host.objects.iter().cloned());
            let keys = host.objects.iter().filter_map(|o| Key::of(&o.subject(None)));
            // Files are identified by their kind on both sides.
            origins.extend(keys.filter(|key| !key.is_file()).map(|key| (key, host.origin.clone())));
        }
        let kind = if live { WorldKind::Cluster } else { WorldKind::Files };
        let parts = WorldParts::files("case", kind, objects);
        (WorldParts { default_coverage: Coverage::Complete, ..parts }, origins)
    };
    Ok((0..most).map(world).collect())
}

/// Adds the objects of a document, which may also be a plain list of objects.
fn take(root: Value<'_>, plain: &mut Vec<Object>, hosts: &mut Vec<Unwrapped>) {
    if root.kind() == Kind::Sequence {
        root.items().for_each(|item| take(item, plain, hosts));
        return;
    }
    for found in objects(root).sent {
        match host::unwrap(found.value, found.api_version, found.kind) {
            Some(unwrapped) => hosts.push(unwrapped),
            None => plain.push(placed(found)),
        }
    }
}

/// Kinds in the inputs that have no namespace.
const WITHOUT_NAMESPACE: [&str; 22] = [
    "APIService",
    "CSIDriver",
    "CSINode",
    "CertificateSigningRequest",
    "CiliumClusterwideNetworkPolicy",
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "IngressClass",
    "MutatingAdmissionPolicy",
    "MutatingWebhookConfiguration",
    "Namespace",
    "Node",
    "PersistentVolume",
    "PodSecurityPolicy",
    "PriorityClass",
    "RuntimeClass",
    "StorageClass",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
    "VolumeAttachment",
];

/// Returns an object, in the namespace `default` if it needs one and states none.
fn placed(found: pavisade_yaml::Object<'_>) -> Object {
    let whole = Object::new(found.value, found.api_version, found.kind);
    let named = found.value.at(&["metadata", "name"]).is_some();
    if !named || !whole.namespace().is_empty() || WITHOUT_NAMESPACE.contains(&found.kind) {
        return whole;
    }
    let Ok(mut json) = serde_json::from_str::<serde_json::Value>(&to_json(found.value)) else {
        return whole;
    };
    json["metadata"]["namespace"] = "default".into();
    let name = found.value.doc().source().name();
    let documents = read(&Source::new(name, json.to_string()));
    let filled = documents.docs.first().map(|doc| doc.root());
    filled.map_or(whole, |root| Object::new(root, found.api_version, found.kind))
}
