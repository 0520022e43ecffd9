//! `falco-filters`: compares the filter language and rule files with Falco's own tests.
//!
//! Each file of the suite has its own module. Its README describes the fields of a case and the
//! cases that the suite itself considers doubtful.

mod audit;
mod format;
mod judge;
mod parse;
mod rules;

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use serde::de::DeserializeOwned;

use super::Outcome;

/// Judges the cases of a file.
type Judge = fn(&Path, &mut Outcome) -> anyhow::Result<()>;

pub(super) fn run(folder: &Path) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    let parts: [(&str, Judge); 10] = [
        ("parse.jsonl", parse::syntax),
        ("escape.jsonl", parse::escaping),
        ("compile.jsonl", judge::compiling),
        ("eval.jsonl", judge::evaluating),
        ("transform.jsonl", judge::transforming),
        ("evttypes.jsonl", judge::types),
        ("format.jsonl", format::formatting),
        ("ruleload.jsonl", rules::loading),
        ("rules", rules::published),
        ("k8saudit", audit::detecting),
    ];
    for (name, judge) in parts {
        let Outcome { agreed, total, left_out, .. } = outcome;
        judge(&folder.join(name), &mut outcome)?;
        println!(
            "{name}: {} of {}, {} left out",
            outcome.agreed - agreed,
            outcome.total - total,
            outcome.left_out - left_out
        );
    }
    // cgroup containers are not implemented yet, and plugin versions are not compared.
    for name in ["cgroup.jsonl", "misc.jsonl"] {
        let count = cases::<serde_json::Value>(&folder.join(name))?.len();
        println!("{name}: 0 of 0, {count} left out: nothing of ours does this");
        outcome.left_out += count;
    }
    Ok(outcome)
}

/// Returns the cases of a file, one per line.
fn cases<T: DeserializeOwned>(file: &Path) -> anyhow::Result<Vec<T>> {
    let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let read = |line| {
        serde_json::from_str(line).with_context(|| format!("{}: {line:.80}", file.display()))
    };
    text.lines().filter(|line| !line.is_empty()).map(read).collect()
}
