//! The facts about the files of a node or a container, as a document of the kind `IntegrityFacts` or
//! `ContainerFacts` on one line, which `scan` and `comply` read.

use std::io::{self, Write};

use pavisade_integrity::{Basis, Node, Verdict, escaped};
use serde_json::{Value, json};

use super::{Integrity, Source, baseline, words};
use crate::guard;

/// The largest number of changes, and of unknown paths, that are listed. The rest is counted.
const MAX_LISTED: usize = 1000;

/// A container whose files are compared with its image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// The namespace of its pod.
    pub namespace: String,
    /// The name of its pod.
    pub pod: String,
    /// Its name in the pod.
    pub name: String,
}

/// Writes the facts of a comparison with a baseline. `verified` is the time of the comparison, as RFC
/// 3339.
///
/// # Errors
/// Writing to `out` fails.
pub fn facts(of: &Integrity<'_>, verified: &str, out: &mut dyn Write) -> io::Result<()> {
    let Source::Baseline { version, signed, is_newest } = of.source else { return Ok(()) };
    let header = &version.header;
    let presets: Vec<_> = header.scope.presets().map(|preset| preset.name).collect();
    let by_records = of.those(true).filter(|(_, explained)| {
        matches!(explained.verdict, Verdict::Expected(Basis::NodeRecords))
    });
    let mut document = compared(of, verified);
    document["baseline"] = baseline(version, signed, is_newest);
    document["covers"] = json!({
        "presets": presets,
        "paths": paths(&header.scope.paths),
        "exclude": paths(&header.scope.exclude),
        "oneFileSystem": header.scope.one_file_system,
    });
    document["expectedByRecords"] = json!(by_records.count());
    document["trusted"] = json!(of.compared.trusted);
    put(&header.node, document, out)
}

/// The paths of an image that were not compared.
#[derive(Debug, Clone, Copy)]
pub struct LeftOut<'a> {
    /// Those that were excluded.
    pub exclude: &'a [Box<[u8]>],
    /// The mount points in the container that hide files of the image.
    pub mounted: &'a [Box<[u8]>],
}

/// Writes the facts of a comparison of a container with an image. `verified` is the time at which it
/// began, as RFC 3339.
///
/// # Errors
/// Writing to `out` fails.
pub fn container_facts(
    of: &Integrity<'_>,
    container: &Container,
    left_out: LeftOut<'_>,
    verified: &str,
    out: &mut dyn Write,
) -> io::Result<()> {
    let Source::Image { name, digest, other_digests, .. } = of.source else { return Ok(()) };
    let mut document = compared(of, verified);
    document["apiVersion"] = json!("pavisade.dev/v1");
    document["kind"] = json!("ContainerFacts");
    // A name of a pod can contain dots too, but no name of a container does.
    let unique = format!("{}.{}", container.pod, container.name);
    document["metadata"] = json!({ "name": unique, "namespace": container.namespace });
    document["pod"] = json!(container.pod);
    document["container"] = json!(container.name);
    document["image"] = json!({ "name": name, "digest": digest, "otherDigests": other_digests });
    document["exclude"] = json!(paths(left_out.exclude));
    document["mounted"] = json!(paths(left_out.mounted));
    guard::line(&document, out)
}

fn paths(list: &[Box<[u8]>]) -> Vec<String> {
    list.iter().map(|path| escaped(path)).collect()
}

/// Returns what differs, and how much does not.
fn compared(of: &Integrity<'_>, verified: &str) -> Value {
    let (unexpected, expected) = of.counts();
    let changes = of.those(false).take(MAX_LISTED).map(|(change, explained)| {
        json!({
            "path": escaped(change.path()),
            "change": change.kind.name(),
            "gainsRights": change.gains_rights(),
            "details": words::lines(change, explained, of.strict),
        })
    });
    let doubts = of.compared.doubts.iter().take(MAX_LISTED);
    let doubts = doubts.map(|doubt| json!({ "path": escaped(&doubt.path), "why": doubt.why }));
    json!({
        "verified": verified,
        "strict": of.strict,
        "unexpected": unexpected,
        "expected": expected,
        "unknown": of.compared.doubts.len(),
        "unchanged": of.compared.equal,
        "changes": changes.collect::<Vec<_>>(),
        "unknownPaths": doubts.collect::<Vec<_>>(),
    })
}

/// Writes the facts of a node whose baseline was refused.
///
/// # Errors
/// Writing to `out` fails.
pub fn refused_facts(
    node: &Node,
    why: &str,
    verified: &str,
    out: &mut dyn Write,
) -> io::Result<()> {
    put(node, json!({ "verified": verified, "refused": why }), out)
}

fn put(node: &Node, mut document: Value, out: &mut dyn Write) -> io::Result<()> {
    let name = if node.name.is_empty() { &node.machine_id } else { &node.name };
    document["apiVersion"] = json!("pavisade.dev/v1");
    document["kind"] = json!("IntegrityFacts");
    document["metadata"] = json!({ "name": name });
    document["machineId"] = json!(node.machine_id);
    guard::line(&document, out)
}
