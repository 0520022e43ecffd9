//! No meaning is parsed from texts: if every message and advice is replaced, results and the states
//! of controls stay the same except for the texts.
//!
//! The input is that of the checks' own tests, as files and as clusters of which some kinds were
//! not read, with pods of an owner.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use pavisade_checks::{Catalog, CheckSet};
use pavisade_compliance::{AssessedControl, Framework, assess, builtin};
use pavisade_model::{Cause, KubernetesVersion, kinds};
use pavisade_report::comply::{ComplyFormat, comply};
use pavisade_report::{Format, Options, write};
use pavisade_scan::{Honour, Terms, Timestamp, judge_on};
use pavisade_snapshot::{Coverage, Object, Snapshot, WorldKind, WorldParts};
use pavisade_yaml::{Source, objects, read, to_json};
use serde_json::{Value, json};

/// Keys of texts in results and assessments.
const TEXTS: [&str; 4] = ["message", "fix", "advice", "reason"];

/// Frameworks that refer to parts of checks, programs and whole checks.
fn frameworks() -> Vec<&'static Framework> {
    let few = ["cis-1.12", "nsa-cisa"];
    let found: Vec<_> = builtin().iter().filter(|f| few.contains(&f.id.as_str())).collect();
    assert_eq!(found.len(), few.len());
    found
}

/// Returns the findings of these checks and the states of controls, as JSON.
fn results(snapshot: &Snapshot, set: &CheckSet) -> Vec<Value> {
    let terms = Terms { honour: Honour::Everybody, ..Terms::default() };
    let judgement = judge_on(snapshot, set, &terms, Timestamp::UNIX_EPOCH);
    let options = Options::default();
    let mut results = Vec::new();
    for format in [Format::JsonV1, Format::Json] {
        let mut out = Vec::new();
        write(format, &judgement, &options, &mut out).unwrap();
        results.push(parsed(&out));
    }
    for framework in frameworks() {
        let assessments = [assess(framework, &judgement, set.catalog().rules())];
        let mut out = Vec::new();
        comply(ComplyFormat::Json, &judgement, &assessments, &options, &mut out).unwrap();
        results.push(parsed(&out));
        results.push(assessments[0].controls.iter().flat_map(evidence).collect());
    }
    results
}

/// Returns the data behind a control's state that the documents do not list in full.
fn evidence(control: &AssessedControl<'_>) -> Vec<Value> {
    let of_check = control.evidence.iter().map(|evidence| {
        let found = evidence.findings.iter().chain(&evidence.excepted);
        let found: Vec<_> = found.map(|f| (f.subject.label(), &f.stable_path)).collect();
        json!([control.control.id, *evidence.rule.id, format!("{:?}", evidence.tally), found])
    });
    of_check.collect()
}

fn parsed(bytes: &[u8]) -> Value {
    let mut value = serde_json::from_slice(bytes).unwrap();
    strip(&mut value);
    value
}

fn strip(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|key, _| !TEXTS.contains(&key.as_str()));
            map.values_mut().for_each(strip);
        }
        Value::Array(list) => list.iter_mut().for_each(strip),
        _ => {}
    }
}

/// Returns the first difference between two results.
fn difference(one: &Value, other: &Value, at: &str) -> Option<String> {
    match (one, other) {
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
            a.iter().find_map(|(key, a)| difference(a, &b[key], &format!("{at}.{key}")))
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let mut pairs = a.iter().zip(b).enumerate();
            pairs.find_map(|(i, (a, b))| difference(a, b, &format!("{at}[{i}]")))
        }
        _ => (one != other).then(|| format!("{at}: {one:.300} is {other:.300}")),
    }
}

/// Returns the YAML in the checks' tests, by file.
fn cases() -> Vec<Vec<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../checks/tests");
    let (mut files, mut folders): (Vec<PathBuf>, _) = (Vec::new(), vec![root]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "md") {
                files.push(path);
            }
        }
    }
    files.sort();
    let blocks = |file: &PathBuf| {
        let text = fs::read_to_string(file).unwrap();
        let blocks = text.split("\n```yaml").skip(1);
        let blocks = blocks.filter_map(|block| block.split_once('\n')?.1.split("\n```").next());
        blocks.map(str::to_owned).collect::<Vec<_>>()
    };
    files.iter().map(blocks).collect()
}

fn objects_of(text: &str) -> Vec<Object> {
    let docs = read(&Source::new("case.yaml", text)).docs;
    let found = docs.iter().flat_map(|doc| objects(doc.root()).sent);
    found.map(|o| Object::new(o.value, o.api_version, o.kind)).collect()
}

/// Returns workloads of one file's cases, each as the owner of the pods of the next one.
fn owned(found: &[Object]) -> Vec<Object> {
    let pods = found.iter().filter_map(|object| Some((object, object.pods().next()?)));
    let specs: Vec<Value> = pods
        .filter_map(|(_, pod)| serde_json::from_str(&to_json(pod.spec())).ok())
        .take(3)
        .collect();
    let pairs = specs.iter().zip(specs.iter().cycle().skip(1)).enumerate();
    let texts = pairs.flat_map(|(i, (own, other))| {
        let (name, labels) = (format!("owner-{i}"), json!({"app": "x"}));
        let owner = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": name, "namespace": "made"},
            "spec": {"template": {"metadata": {"labels": labels}, "spec": own}},
        });
        let pod = |spec: &Value, end: &str| {
            let by = json!([{
                "apiVersion": "apps/v1", "kind": "Deployment", "name": name, "controller": true,
            }]);
            json!({
                "apiVersion": "v1", "kind": "Pod", "status": {"phase": "Running"},
                "metadata": {
                    "name": format!("{name}-{end}"), "namespace": "made", "labels": labels,
                    "ownerReferences": by,
                },
                "spec": spec,
            })
        };
        [owner, pod(own, "a"), pod(other, "b"), pod(other, "c")]
    });
    texts.flat_map(|text| objects_of(&text.to_string())).collect()
}

/// Returns a cluster with these objects. In some clusters every third kind was not read, for
/// different reasons.
fn cluster(index: usize, objects: Vec<Object>) -> WorldParts {
    let mut parts = WorldParts::cluster(format!("cluster-{index}"));
    parts.default_coverage = Coverage::Complete;
    for (i, kind) in kinds::ALL.iter().enumerate() {
        if index % 2 == 1 && (i + index / 2).is_multiple_of(3) {
            let key = (kind.group.to_owned(), kind.kind.to_owned());
            let cause = match i % 4 {
                0 => Cause::NotAsked,
                1 => Cause::BrokeOff { after: 3, why: "it went away".to_owned() },
                _ => Cause::Forbidden { resource: kind.full_resource() },
            };
            parts.coverage.insert(key.clone(), Coverage::Unread);
            parts.causes.insert(key, cause);
        }
    }
    parts.objects = objects;
    parts
}

/// Returns a snapshot of everything: the cases of each file as files, or as a cluster.
fn picture() -> Snapshot {
    let mut worlds = Vec::new();
    for (index, blocks) in cases().into_iter().enumerate() {
        let mut all = objects_of(&blocks.join("\n---\n"));
        if index % 3 == 0 {
            worlds.push(WorldParts::files(format!("{index}"), WorldKind::Files, all.clone()));
        } else {
            all.extend(owned(&all));
            worlds.push(cluster(index, all));
        }
    }
    Snapshot::new(worlds, Vec::new())
}

#[test]
fn results_without_words_are_the_same_but_for_their_texts() {
    let snapshot = picture();
    let set = || {
        CheckSet::new(&Catalog::builtin(), KubernetesVersion::LATEST, |_| true, &HashMap::new())
            .map_err(|error| error.message)
            .unwrap()
    };
    let (with, without) = (results(&snapshot, &set()), results(&snapshot, &set().wordless()));
    assert_eq!(with.len(), 2 + 2 * frameworks().len());
    let findings = with[0]["findings"].as_array().unwrap().len();
    assert!(findings > 20_000, "{findings} findings are few");
    for (index, (one, other)) in with.iter().zip(&without).enumerate() {
        assert_eq!(difference(one, other, &format!("result {index}")), None);
    }
}
