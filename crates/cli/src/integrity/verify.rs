//! `pavisade integrity verify`.

use std::collections::HashMap;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, bail};
use pavisade_files::{Options as Reading, collect, proofs, records, rehash};
use pavisade_integrity::{
    Baseline, Bound, Facts, MAX_BYTES, Node, Scope, compare, digest_list, escaped, explain, needs,
    packages, read,
};
use pavisade_report::Options;
use pavisade_report::integrity::{self, Integrity, IntegrityFormat as Format, Source};
use pavisade_scan::Timestamp;

use super::{expected, pinned, public_keys};
use crate::args::integrity::{IntegrityFormat, ShownArgs, TrustArgs, VerifyBaselineArgs};
use crate::output::{Output, named, output, place};
use crate::terminal::{color, width};
use crate::{Outcome, bounded, is_broken_pipe, terminal};

/// The largest list of digests in bytes.
const MAX_LIST: u64 = 64 << 20;
/// The largest file with a digest in bytes.
const MAX_DIGEST: u64 = 1 << 20;

pub(super) fn run(args: &VerifyBaselineArgs) -> anyhow::Result<Outcome> {
    let Some(seconds) = args.every else { return once(args) };
    loop {
        if let Err(error) = once(args) {
            if is_broken_pipe(&error) {
                return Ok(Outcome::Clean);
            }
            terminal::say("error", &format!("{error:#}"));
        }
        sleep(Duration::from_secs(seconds.max(1)));
    }
}

fn once(args: &VerifyBaselineArgs) -> anyhow::Result<Outcome> {
    let node = args.node.found()?;
    let bound = bound(&args.trust, node.clone())?;
    let is_newest = bound.expect.is_some();
    let baseline = match accepted(&args.baseline, &bound) {
        Ok(accepted) => accepted,
        Err(error) => {
            let file = named(args.shown.output.as_deref());
            let why = format!("{error:#}");
            if args.facts {
                let now = Timestamp::now().to_string();
                output(file)?
                    .put(&place(file), |out| integrity::refused_facts(&node, &why, &now, out))?;
            } else if args.shown.format == IntegrityFormat::Json {
                output(file)?.put(&place(file), |out| integrity::refused(&why, out))?;
            }
            return Err(error);
        }
    };
    let mut facts = Facts { lists: lists(args)?, ..Facts::default() };
    let out = output(named(args.shown.output.as_deref()))?;
    args.node.be_idle();
    let (root, header) = (&args.node.root, &baseline.newest().header);
    let rate = args.node.rate();
    let collected = args.node.shown(|count| {
        let options = Reading {
            algorithm: header.algorithm,
            rate: rate.as_ref(),
            trust: args.trust_ctime.then_some(&*baseline.entries),
            packages: None,
            progress: Some(count),
        };
        collect(root, &header.scope, &options)
    });
    let collected = collected.with_context(|| format!("reading {}", root.display()))?;
    let compared = compare(&baseline.entries, &collected.entries, &collected.gaps);
    if !compared.changes.is_empty() {
        facts.records = records(root);
        facts.before = packages(&baseline.entries);
        let proven = proofs(root, &compared.changes, &collected.entries, &baseline.entries);
        (facts.issued, facts.keys, facts.local) = (proven.issued, proven.keys, proven.local);
        facts.now = Timestamp::now().as_second();
        facts.digests = rehash(root, &needs(&compared, &facts), &collected.entries)
            .with_context(|| format!("reading {}", root.display()))?;
        if let Some(reference) = &args.reference {
            let paths = compared.changes.iter().map(|change| change.path().into()).collect();
            let scope = Scope { paths, ..Scope::default() };
            let options = Reading { algorithm: header.algorithm, ..Reading::default() };
            let trusted = collect(reference, &scope, &options)
                .with_context(|| format!("reading {}", reference.display()))?;
            facts.reference =
                trusted.entries.into_iter().map(|entry| (entry.path.clone(), entry)).collect();
        }
    }
    let explained = explain(&compared, &facts);
    let mut notes = Vec::new();
    if !is_newest {
        notes.push(format!(
            "an older baseline with a valid signature would have been accepted: --expect {} refuses it",
            baseline.newest().digest
        ));
    }
    if collected.entries.is_empty() && baseline.entries.is_empty() {
        notes.push(format!(
            "nothing was compared, because none of the paths exists below {}, now or in the baseline",
            root.display()
        ));
    }
    if compared.trusted > 0 {
        notes.push(format!(
            "{} files were not read, because their inode, size and times are those of the baseline",
            compared.trusted
        ));
    }
    if collected.has_overlay {
        notes.push("inodes and numbers of hard links are not compared on overlayfs".to_owned());
    }
    for left_out in &collected.unstored {
        notes.push(format!("{} is left out: {}", escaped(&left_out.path), left_out.why));
    }
    notes.extend(facts.records.problems.iter().map(|why| format!("records of packages: {why}")));
    let result = Integrity {
        source: Source::Baseline {
            version: baseline.newest(),
            signed: baseline.signed(),
            is_newest,
        },
        compared: &compared,
        explained: &explained,
        strict: args.strict,
        notes: &notes,
    };
    if args.facts {
        let place = place(named(args.shown.output.as_deref()));
        let now = Timestamp::now().to_string();
        out.put(&place, |out| integrity::facts(&result, &now, out))?;
        return Ok(outcome(&result));
    }
    shown(&result, out, &args.shown)
}

pub(super) fn outcome(result: &Integrity<'_>) -> Outcome {
    match (result.counts().0, result.compared.doubts.is_empty()) {
        (_, false) => Outcome::Incomplete,
        (0, true) => Outcome::Clean,
        _ => Outcome::Findings,
    }
}

/// Writes a result and returns the outcome.
pub(super) fn shown(
    result: &Integrity<'_>,
    out: Output,
    args: &ShownArgs,
) -> anyhow::Result<Outcome> {
    let file = named(args.output.as_deref());
    let options = Options {
        color: color(args.color, file.is_some()),
        width: width(None),
        full: args.full,
        ..Options::default()
    };
    let format = match args.format {
        IntegrityFormat::Table => Format::Table,
        IntegrityFormat::Json => Format::Json,
        IntegrityFormat::Sarif => Format::Sarif,
    };
    out.put(&place(file), |out| integrity::integrity(result, format, &options, out))?;
    Ok(outcome(result))
}

/// Returns what the baseline must satisfy.
fn bound(args: &TrustArgs, node: Node) -> anyhow::Result<Bound> {
    let keys = public_keys(&args.keys)?;
    let expect = match (&args.expect, &args.expect_file, &args.expect_config_map) {
        (Some(text), ..) => Some(expected(text)?),
        (None, Some(file), _) => Some(expected(bounded::text(file, MAX_DIGEST)?.trim())?),
        (None, None, Some(place)) => Some(pinned::expected(place, &node.name, &args.server)?),
        (None, None, None) => None,
    };
    Ok(Bound { keys, expect, node: Some(node) })
}

fn accepted(file: &Path, bound: &Bound) -> anyhow::Result<Baseline> {
    let bytes = bounded::bytes(file, MAX_BYTES)?;
    read(&bytes, bound).with_context(|| format!("{} is refused", file.display()))
}

fn lists(
    args: &VerifyBaselineArgs,
) -> anyhow::Result<HashMap<pavisade_integrity::Digest, Vec<(String, String)>>> {
    let mut lists: HashMap<_, Vec<_>> = HashMap::new();
    for file in &args.digests {
        let text = bounded::text(file, MAX_LIST)?;
        let all = match digest_list(&text) {
            Ok(all) => all,
            Err(line) => bail!(
                "{}:{line}: must be a SHA-256 digest and a file name, as sha256sum writes them",
                file.display()
            ),
        };
        for (digest, name) in all {
            lists.entry(digest).or_default().push((name, file.display().to_string()));
        }
    }
    Ok(lists)
}
