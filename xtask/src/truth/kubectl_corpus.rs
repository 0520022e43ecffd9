//! `kubectl-corpus`: compares every file of the manifest corpus with what kubectl makes of it.
//!
//! kubectl's answers are stored as digests in `tests/kubectl-values.tsv`, which `cargo xtask
//! kubectl-values` writes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context as _;

use super::Outcome;
use crate::kubectl::digest;
use crate::ours::as_kubectl;
use crate::shared::{files, root};

/// Runs the suite on a directory of manifests.
pub(super) fn run(dir: &Path) -> anyhow::Result<Outcome> {
    let path = root().join("tests/kubectl-values.tsv");
    let kept = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let truth: BTreeMap<&str, Kept<'_>> = kept.lines().filter_map(Kept::read).collect();
    let mut outcome = Outcome::default();
    for file in files(dir, &["yaml", "yml", "json"])? {
        let Some(want) = truth.get(file.as_str()) else {
            outcome.count(false, || format!("{file}: kubectl was not asked about it"));
            continue;
        };
        let bytes = fs::read(dir.join(&file)).with_context(|| format!("reading {file}"))?;
        let ours = as_kubectl(&String::from_utf8_lossy(&bytes))?;
        let got = (ours.objects.len().to_string(), ours.refused, digest(ours.objects));
        let agreed =
            (got.0.as_str(), got.1, got.2.as_str()) == (want.sent, want.refused, want.digest);
        outcome.count(agreed, || format!("{file}\n  want {want:?}\n  got  {got:?}"));
    }
    Ok(outcome)
}

#[derive(Debug)]
struct Kept<'a> {
    sent: &'a str,
    refused: bool,
    digest: &'a str,
}

impl<'a> Kept<'a> {
    fn read(line: &'a str) -> Option<(&'a str, Self)> {
        let words: Vec<_> = line.split('\t').collect();
        match words[..] {
            [file, sent, digest] => Some((file, Self { sent, refused: false, digest })),
            [file, "refused", sent, digest, _] => {
                Some((file, Self { sent, refused: true, digest }))
            }
            _ => None,
        }
    }
}
