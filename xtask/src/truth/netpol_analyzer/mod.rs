//! `netpol-analyzer`: compares connections with those of np-guard's analyzer in its four output
//! formats.
//!
//! A question is a directory of manifests (two for a difference) with the options in the file name;
//! all formats of a question count once and must agree. The analyzer assumes what Pavisade does
//! not: labels that were not read are absent, an `ipBlock` matches no pods, pods on the host
//! network are like others, and objects without a namespace are in `default`. The suite runs under
//! the same assumptions.

mod answer;
mod ours;
mod table;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::Outcome;
use crate::shared::files;
use answer::Question;

/// Directories about unsupported networks, by the prefix of their names.
const OUT_OF_SCOPE: [(&str, &str); 5] = [
    ("udn_", "UserDefinedNetwork"),
    ("cudn_", "ClusterUserDefinedNetwork"),
    ("nad_", "NetworkAttachmentDefinition and MultiNetworkPolicy"),
    ("vm_example", "VirtualMachine"),
    ("virtual_machines_example", "VirtualMachine"),
];

/// Answers that contradict the manifests.
const CONTRADICTED: [(&str, &str); 2] = [
    (
        "document_with_syntax_error_connlist_output",
        "nothing behind a broken document is read there; kubectl and we read the others",
    ),
    (
        "exposure_test_with_different_rules_2_with_matching_pod_exposure_output",
        "a pod with app=x meets `app Exists` too, so rules of both allow it, as the table of \
         connections in the same answer says",
    ),
];

/// The number of questions that are out of scope or contradicted; fixed, so that none is dropped
/// silently.
const LEFT_OUT: usize = 36;

pub(super) fn run(folder: &Path) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut questions: BTreeMap<(String, String), Vec<PathBuf>> = BTreeMap::new();
    for file in files(&folder.join("expected"), &["txt", "csv", "md", "json"])? {
        let (part, name) = file.split_once('/').context("a file in no folder")?;
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        // The outputs of the command line repeat other questions.
        let part = if part == "cli" { "connlist" } else { part };
        let key = (part.to_owned(), stem.to_owned());
        questions.entry(key).or_default().push(folder.join("expected").join(&file));
    }
    let tests: Vec<String> = fs::read_dir(folder.join("tests"))?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<anyhow::Result<_>>()?;
    let mut left_out: BTreeMap<&str, usize> = BTreeMap::new();
    for ((part, stem), files) in questions {
        let question = Question::read(&part, &stem, &tests).with_context(|| stem.clone())?;
        let out = OUT_OF_SCOPE
            .iter()
            .find(|(start, _)| question.folders.iter().any(|folder| folder.starts_with(start)));
        if let Some((_, why)) = out {
            *left_out.entry(why).or_default() += 1;
            outcome.left_out += 1;
            continue;
        }
        if let Some((_, why)) = CONTRADICTED.iter().find(|(name, _)| *name == stem) {
            println!("{stem}: {why}");
            outcome.left_out += 1;
            continue;
        }
        let said = ours::answer(folder, &question).with_context(|| stem.clone())?;
        let mut wrong = Vec::new();
        for file in &files {
            let text = fs::read_to_string(file)?;
            let ending = file.extension().and_then(|e| e.to_str()).unwrap_or("");
            let wanted = answer::read(&question, ending, &text)
                .with_context(|| format!("reading {}", file.display()))?;
            for line in said.differs(&wanted, &question) {
                wrong.push(format!("  {ending}: {line}"));
            }
        }
        outcome.count(wrong.is_empty(), || {
            let shown: Vec<_> = wrong.iter().take(12).cloned().collect();
            format!("{stem}: {} differences\n{}", wrong.len(), shown.join("\n"))
        });
    }
    for (why, count) in &left_out {
        println!("out of scope: {count} questions about {why}");
    }
    if outcome.left_out != LEFT_OUT {
        anyhow::bail!("{} questions are left out, not {LEFT_OUT}", outcome.left_out);
    }
    Ok(outcome)
}
