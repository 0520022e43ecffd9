//! `fixes`: what the API server accepts before a fix, it accepts after it.
//!
//! Each document of the corpus that the server accepts (`dryRun=All`) gets every fix of every
//! check, including risky ones, and is sent again.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use anyhow::ensure;
use pavisade_checks::CheckSet;
use pavisade_judgement::fix;
use pavisade_model::KubernetesVersion;
use pavisade_scan::{Timestamp, judge};
use pavisade_snapshot::{Object, Snapshot, WorldKind, WorldParts};
use pavisade_yaml::{Source, objects, read};

use super::Bench;
use super::api::Call;
use super::yaml_values::{Document, documents};

/// Compares; fails on any object that the server no longer accepts.
pub(super) fn run(bench: &Bench<'_>) -> anyhow::Result<()> {
    let Some(documents) = documents(bench)? else { return Ok(()) };
    let checks = CheckSet::all(KubernetesVersion::LATEST).with_fixes();
    let (mut fixed, mut by_check, mut left) = (Vec::new(), BTreeMap::new(), 0);
    for document in &documents {
        let (text, names, refused) = with_fixes(document, &checks);
        left += refused;
        if text != document.text {
            for name in &names {
                *by_check.entry(name.clone()).or_insert(0_usize) += 1;
            }
            fixed.push((document, text, names));
        }
    }
    let before = fixed.iter().map(|(of, ..)| Call::post_yaml(&of.path, of.text.clone()));
    let before = bench.api.send_all(before.collect())?;
    let after = fixed.iter().map(|(of, text, _)| Call::post_yaml(&of.path, text.clone()));
    let after = bench.api.send_all(after.collect())?;
    let (mut agreed, mut of) = (0, 0);
    for (((document, _, names), before), after) in fixed.iter().zip(&before).zip(&after) {
        if before.status != 201 {
            continue;
        }
        of += 1;
        if after.status == 201 {
            agreed += 1;
        } else {
            println!("{}: {names:?}: {}", document.place, after.message());
        }
    }
    println!("fixes made, by check: {by_check:?}; refused by the editor: {left}");
    println!("agreed {agreed} of {of}");
    ensure!(agreed == of, "{} fixed objects are refused", of - agreed);
    Ok(())
}

/// Returns the document with all fixes, the checks that made them, and the number of fixes that the
/// editor rejected.
fn with_fixes(
    document: &Document,
    checks: &CheckSet,
) -> (String, BTreeSet<Cow<'static, str>>, usize) {
    let source = Source::new(document.place.as_str(), document.text.as_str());
    let read = read(&source);
    let found = read.docs.iter().flat_map(|doc| objects(doc.root()).sent);
    let found = found.map(|of| Object::new(of.value, of.api_version, of.kind)).collect();
    let parts = WorldParts::files("document", WorldKind::Files, found);
    let judgement = judge(&Snapshot::new(vec![parts], Vec::new()), checks, Timestamp::now());
    match fix(&judgement.findings).into_iter().next() {
        Some(fixed) => {
            let names = fixed.made.iter().map(|finding| finding.rule.name.clone()).collect();
            (fixed.text, names, fixed.refused.len())
        }
        None => (document.text.clone(), BTreeSet::new(), 0),
    }
}
