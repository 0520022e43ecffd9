//! `falco-filters`: the filter language and rule files beside Falco's own tests.
//!
//! Each file of the suite is judged by a module of its own; its README says what a case holds
//! and which ones the suite itself doubts.

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
    let parts: [(&str, Judge); 7] = [
        ("parse", parse::syntax),
        ("escape", parse::escaping),
        ("compile", judge::compiling),
        ("eval", judge::evaluating),
        ("evttypes", judge::types),
        ("format", format::formatting),
        ("ruleload", rules::loading),
    ];
    for (name, judge) in parts {
        let (agreed, total) = (outcome.agreed, outcome.total);
        judge(&folder.join(format!("{name}.jsonl")), &mut outcome)?;
        println!("{name}: {} of {}", outcome.agreed - agreed, outcome.total - total);
    }
    let (agreed, total) = (outcome.agreed, outcome.total);
    rules::published(&folder.join("rules"), &mut outcome)?;
    let audit = (outcome.agreed, outcome.total);
    audit::detecting(&folder.join("k8saudit"), &mut outcome)?;
    println!("k8saudit: {} of {}", outcome.agreed - audit.0, outcome.total - audit.1);
    let (agreed, total) = (agreed + outcome.agreed - audit.0, total + outcome.total - audit.1);
    println!("rules: {} of {}", outcome.agreed - agreed, outcome.total - total);
    Ok(outcome)
}

/// The cases of a file, one a line.
fn cases<T: DeserializeOwned>(file: &Path) -> anyhow::Result<Vec<T>> {
    let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let read = |line| {
        // The depth limits of the suite's own cases are for our parser, not for this one.
        serde_json::from_str(line).with_context(|| format!("{}: {line:.80}", file.display()))
    };
    text.lines().filter(|line| !line.is_empty()).map(read).collect()
}
