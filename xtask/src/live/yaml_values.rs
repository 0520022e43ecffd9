//! `yaml-values`: compares how the API server and Pavisade read the documents of the corpus.
//!
//! Each document is sent unchanged with `dryRun=All`, so the API server parses the YAML itself.
//! `pavisade-drift`, which knows the server's defaults, compares what it would store.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::Path;

use anyhow::{Context as _, ensure};
use pavisade_drift::Mode;
use pavisade_yaml::{Doc, Source, objects, read};
use serde_json::{Value, json};

use super::Bench;
use super::api::{Answer, Call};
use crate::shared::{corpus, files};

/// The minimum number of documents that the server must accept.
const LEAST: usize = 2500;

/// A document of the corpus.
pub(super) struct Document {
    /// Its file and line.
    pub(super) place: String,
    /// The text as in the file.
    pub(super) text: String,
    doc: Doc,
    group: String,
    kind: String,
    /// The API path to create it.
    pub(super) path: String,
}

/// Compares; fails on any difference.
pub(super) fn run(bench: &Bench<'_>) -> anyhow::Result<()> {
    let Some(documents) = documents(bench)? else { return Ok(()) };
    let calls = documents.iter().map(|of| Call::post_yaml(&of.path, of.text.clone()));
    let answers = bench.api.send_all(calls.collect())?;
    let (mut accepted, mut differing, mut dropped) = (0, Vec::new(), 0);
    let mut refused = BTreeMap::<u16, usize>::new();
    for (document, answer) in documents.iter().zip(&answers) {
        if answer.status != 201 {
            *refused.entry(answer.status).or_default() += 1;
            continue;
        }
        accepted += 1;
        let (differences, unknown) = compare(document, answer)?;
        dropped += unknown;
        if !differences.is_empty() {
            differing.push(format!("{}: {}", document.place, differences.join("; ")));
        }
    }
    differing.iter().for_each(|difference| println!("{difference}"));
    println!(
        "sent {}, refused (by status) {refused:?}; fields that the kinds do not have: {dropped}",
        documents.len()
    );
    println!("agreed {} of {accepted}", accepted - differing.len());
    ensure!(accepted >= LEAST, "fewer than {LEAST} documents were accepted");
    ensure!(differing.is_empty(), "{} documents are stored otherwise", differing.len());
    Ok(())
}

/// Returns the documents of the corpus with kinds that the server serves, without duplicates, and
/// creates their namespaces. `None` if the corpus is missing.
pub(super) fn documents(bench: &Bench<'_>) -> anyhow::Result<Option<Vec<Document>>> {
    let unpacked = tempfile::tempdir()?;
    let Some(corpus) = corpus(None, unpacked.path())? else { return Ok(None) };
    let resources = resources(bench)?;
    let (mut documents, mut namespaces, mut seen) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    for file in files(&corpus, &["yaml", "yml", "json"])? {
        for document in of_file(&corpus, &file, &resources, &mut namespaces)? {
            if seen.insert(document.text.clone()) {
                documents.push(document);
            }
        }
    }
    let made = namespaces.iter().map(|name| {
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        Call::post("/api/v1/namespaces", &namespace)
    });
    // Some exist already, and some have invalid names.
    bench.api.send_all(made.collect())?;
    Ok(Some(documents))
}

/// Returns the documents of a file that contain one object of a served kind.
fn of_file(
    corpus: &Path,
    file: &str,
    resources: &HashMap<(String, String), Resource>,
    namespaces: &mut BTreeSet<String>,
) -> anyhow::Result<Vec<Document>> {
    let Ok(text) = fs::read_to_string(corpus.join(file)) else { return Ok(Vec::new()) };
    let read = read(&Source::new(file, text.as_str()));
    let mut found = Vec::new();
    for (index, doc) in read.docs[..read.sent].iter().enumerate() {
        let objects = objects(doc.root());
        let [object] = &objects.sent[..] else { continue };
        let key = (object.api_version.to_owned(), object.kind.to_owned());
        let group = object.api_version.rsplit_once('/').map_or("", |(group, _)| group);
        let alone = object.value.span() == doc.root().span();
        let Some(resource) = resources.get(&key).filter(|_| alone) else { continue };
        if !pavisade_drift::defaults_known(group, object.kind) {
            continue;
        }
        let namespace = object.value.get("metadata").and_then(|of| of.str("namespace"));
        let namespace = namespace.filter(|name| !name.is_empty()).unwrap_or("default");
        if !namespace.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            continue;
        }
        if resource.namespaced {
            namespaces.insert(namespace.to_owned());
        }
        let start = line_of(&text, usize::try_from(doc.root().span().start)?);
        let end = match read.docs.get(index + 1) {
            Some(next) => usize::try_from(next.root().span().start)?,
            None => text.len(),
        };
        let mut own = until_marker(&text[start..end]).to_owned();
        // kubectl reads by line and terminates the last one.
        if !own.ends_with('\n') {
            own.push('\n');
        }
        found.push(Document {
            place: format!("{file}:{}", text[..start].lines().count() + 1),
            text: own,
            doc: doc.clone(),
            group: group.to_owned(),
            kind: object.kind.to_owned(),
            path: resource.path(namespace),
        });
    }
    Ok(found)
}

/// Returns the start of the line that a document starts in, if nothing precedes it on that line.
fn line_of(text: &str, start: usize) -> usize {
    let line = text[..start].rfind('\n').map_or(0, |at| at + 1);
    if text[line..start].trim().is_empty() { line } else { start }
}

/// Removes the line that ends the document, and everything after it.
fn until_marker(text: &str) -> &str {
    let marker = text.find("\n---").or_else(|| text.find("\n...\n"));
    &text[..marker.map_or(text.len(), |at| at + 1)]
}

/// Returns the differences apart from defaults, and the number of unknown fields.
fn compare(document: &Document, answer: &Answer) -> anyhow::Result<(Vec<String>, usize)> {
    let stored = read(&Source::new("stored", answer.body.to_string()));
    let stored = stored.docs.first().context("the answer is no document")?;
    let (group, kind) = (document.group.as_str(), document.kind.as_str());
    let drift =
        pavisade_drift::drift(document.doc.root(), stored.root(), group, kind, Mode::Written);
    let (known, unknown): (Vec<_>, Vec<_>) =
        drift.differences.into_iter().partition(|difference| difference.known_field);
    let shown = known.iter().map(|of| format!("{}: {:?} -> {:?}", of.path, of.written, of.stored));
    Ok((shown.collect(), unknown.len()))
}

/// A resource of the API server.
struct Resource {
    /// The path of its group and version: `/apis/apps/v1`.
    root: String,
    name: String,
    namespaced: bool,
}

impl Resource {
    fn path(&self, namespace: &str) -> String {
        let Self { root, name, namespaced } = self;
        let inside = if *namespaced { format!("/namespaces/{namespace}") } else { String::new() };
        format!("{root}{inside}/{name}?dryRun=All&fieldValidation=Ignore")
    }
}

/// Returns the resources that can be created, by `apiVersion` and kind.
fn resources(bench: &Bench<'_>) -> anyhow::Result<HashMap<(String, String), Resource>> {
    let listed = |value: &Value, field: &str| value[field].as_array().cloned().unwrap_or_default();
    let text = |value: &Value, field: &str| value[field].as_str().unwrap_or_default().to_owned();
    let mut versions = vec!["v1".to_owned()];
    for group in listed(&bench.api.send(Call::get("/apis"))?.body, "groups") {
        versions.extend(listed(&group, "versions").iter().map(|of| text(of, "groupVersion")));
    }
    let root = |version: &String| {
        format!("/{}/{version}", if version.contains('/') { "apis" } else { "api" })
    };
    let answers = bench.api.send_all(versions.iter().map(|of| Call::get(root(of))).collect())?;
    let mut resources = HashMap::new();
    for (version, answer) in versions.iter().zip(&answers) {
        for of in listed(&answer.body, "resources") {
            let (name, kind) = (text(&of, "name"), text(&of, "kind"));
            // A subresource such as `pods/status` is created differently.
            if !name.contains('/') {
                let namespaced = of["namespaced"] == true;
                let resource = Resource { root: root(version), name, namespaced };
                resources.insert((version.clone(), kind), resource);
            }
        }
    }
    ensure!(!resources.is_empty(), "discovery names no resources");
    Ok(resources)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_begins_with_its_line() {
        for (text, start, wanted) in [("a: b", 0, 0), ("---\n  a: b", 6, 4), ("--- {a: b}", 4, 4)] {
            assert_eq!(line_of(text, start), wanted, "{text:?}");
        }
    }

    #[test]
    fn a_document_ends_before_its_marker() {
        for (text, wanted) in [
            ("a: |\n  b\n", "a: |\n  b\n"),
            ("a: |\n  b\n---\n", "a: |\n  b\n"),
            ("a: |\n  b\n--- # c\n", "a: |\n  b\n"),
            ("a: |+\n  b\n\n---\n", "a: |+\n  b\n\n"),
            ("a: b\n...\n", "a: b\n"),
            ("a: |\n  ---\n", "a: |\n  ---\n"),
        ] {
            assert_eq!(until_marker(text), wanted, "{text:?}");
        }
    }
}
