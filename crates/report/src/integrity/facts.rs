//! The facts about the files of a node, as a document of the kind `IntegrityFacts` on one line, which
//! `scan` and `comply` read.

use std::io::{self, Write};

use pavisade_integrity::{Basis, Node, Signed, Verdict, escaped};
use serde_json::{Value, json};

use super::{Integrity, Source, words};
use crate::guard;

/// The largest number of changes, and of unknown paths, that are listed. The rest is counted.
const MAX_LISTED: usize = 1000;

/// Writes the facts of a comparison with a baseline. `verified` is the time of the comparison, as RFC
/// 3339.
///
/// # Errors
/// Writing to `out` fails.
pub fn facts(of: &Integrity<'_>, verified: &str, out: &mut dyn Write) -> io::Result<()> {
    let Source::Baseline { version, signed, is_newest } = of.source else { return Ok(()) };
    let header = &version.header;
    let paths = |list: &[Box<[u8]>]| list.iter().map(|path| escaped(path)).collect::<Vec<_>>();
    let presets: Vec<_> = header.scope.presets().map(|preset| preset.name).collect();
    let (unexpected, expected) = of.counts();
    let by_records = of.those(true).filter(|(_, explained)| {
        matches!(explained.verdict, Verdict::Expected(Basis::NodeRecords))
    });
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
    let document = json!({
        "verified": verified,
        "strict": of.strict,
        "baseline": {
            "version": header.version,
            "made": header.made,
            "digest": version.digest.to_string(),
            "key": version.key,
            "signed": signed == Signed::ByKey,
            "newest": is_newest,
        },
        "covers": {
            "presets": presets,
            "paths": paths(&header.scope.paths),
            "exclude": paths(&header.scope.exclude),
            "oneFileSystem": header.scope.one_file_system,
        },
        "unexpected": unexpected,
        "expected": expected,
        "expectedByRecords": by_records.count(),
        "unknown": of.compared.doubts.len(),
        "unchanged": of.compared.equal,
        "trusted": of.compared.trusted,
        "changes": changes.collect::<Vec<_>>(),
        "unknownPaths": doubts.collect::<Vec<_>>(),
    });
    put(&header.node, document, out)
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
