//! The rules that are loaded, and what they need of the kernel.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use pavisade_rules::{EventTypes, OURS, Options, Rule, RuleFile, RuleSet, load};
use pavisade_sensor::{CALLS, has_field, is_of_pod};

use crate::args::RuleArgs;

/// The largest rule file in bytes.
const MAX_BYTES: u64 = 16 << 20;

/// Types of events that are not system calls.
const OTHERS: &[&str] = &["execve", "execveat", "procexit"];

/// Loads the rules over system calls. `pods` is whether the API server is asked for pods.
///
/// # Errors
/// A file cannot be read, or a rule is wrong.
pub(crate) fn loaded(args: &RuleArgs, pods: bool) -> anyhow::Result<RuleSet> {
    let mut texts = Vec::new();
    for file in &args.rules {
        texts.push((file.display().to_string(), text(file)?));
    }
    let given = texts.iter().map(|(name, text)| RuleFile { name, text });
    let ours = OURS.iter().copied().filter(|_| !args.only_these_rules);
    let files: Vec<_> = ours.chain(given).collect();
    let loaded = load(&files, &Options::default());
    for message in &loaded.errors {
        crate::say(&format!("error: {message}"));
    }
    if !loaded.errors.is_empty() {
        bail!("{} errors in rules; `pavisade runtime rules check` shows more", loaded.errors.len());
    }
    let set = RuleSet::new(&loaded.rules, "syscall");
    for rule in set.rules() {
        for doubt in doubts(rule, pods) {
            crate::say(&format!("warning: {}:{}: {}: {doubt}", rule.file, rule.line, rule.name));
        }
    }
    Ok(set)
}

/// Why a rule finds less than it says.
fn doubts(rule: &Rule, pods: bool) -> Vec<String> {
    let mut doubts = Vec::new();
    let fields = |lacks: &dyn Fn(u16) -> bool| {
        let fields = rule.filter.fields.iter().filter(|field| lacks(field.slot));
        let fields: BTreeSet<_> = fields.map(|field| field.name.as_str()).collect();
        fields.into_iter().collect::<Vec<_>>().join(", ")
    };
    let missing = fields(&|slot| !has_field(slot));
    if !missing.is_empty() {
        doubts.push(format!("the sensor has no values for {missing}"));
    }
    let missing = fields(&|slot| is_of_pod(slot) && !pods);
    if !missing.is_empty() {
        doubts.push(format!("there are no values for {missing} without --pods"));
    }
    match &rule.event_types {
        EventTypes::Only(types) => {
            let is_known =
                |name: &str| CALLS.iter().any(|call| call.name == name) || OTHERS.contains(&name);
            if !types.iter().any(|name| is_known(name)) {
                let types = types.iter().cloned().collect::<Vec<_>>().join(", ");
                doubts.push(format!("the sensor reports none of its events ({types})"));
            }
        }
        EventTypes::Except(_) => {
            doubts.push("it does not say for which events, so that all are observed".to_owned());
        }
    }
    doubts
}

/// Whether a rule can hold for events of a type.
pub(crate) fn needs(set: &RuleSet, name: &str) -> bool {
    set.rules().iter().any(|rule| rule.event_types.contains(name))
}

/// Reads a file of rules or policies.
pub(crate) fn text(path: &Path) -> anyhow::Result<String> {
    let reading = || format!("reading {}", path.display());
    let mut text = String::new();
    let file = File::open(path).with_context(reading)?;
    file.take(MAX_BYTES + 1).read_to_string(&mut text).with_context(reading)?;
    if text.len() as u64 > MAX_BYTES {
        bail!("{}: it is larger than {MAX_BYTES} bytes", reading());
    }
    Ok(text)
}
