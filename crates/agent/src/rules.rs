//! The rules that are loaded, and what they need of the kernel.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use pavisade_rules::{
    Accepted, Code, EventTypes, Exceptions, OURS, Options, Rule, RuleFile, RuleSet, load,
};
use pavisade_sensor::{CALLS, has_field, is_of_names, is_of_pod};
use pavisade_yaml::{Source, Value, read};

use crate::args::RuleArgs;

/// The largest rule file in bytes.
const MAX_BYTES: u64 = 16 << 20;

/// Types of events that are not system calls.
const OTHERS: &[&str] = &["execve", "execveat", "procexit", "dns"];

/// Loads the rules over system calls, and the exceptions for alerts. `pods` is whether the API
/// server is asked for pods.
///
/// # Errors
/// A file cannot be read, or a rule or an exception is wrong.
pub(crate) fn loaded(args: &RuleArgs, pods: bool) -> anyhow::Result<(RuleSet, Exceptions)> {
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
    // A rule that is left out must not look as if it had found nothing.
    let left_out = |code| matches!(code, Code::UnknownSource | Code::UnknownFilter);
    for skipped in loaded.warnings.iter().filter(|warning| left_out(warning.code)) {
        crate::say(&format!("skipped: {skipped}"));
    }
    let set = RuleSet::new(&loaded.rules, "syscall");
    for rule in set.rules() {
        for doubt in doubts(rule, pods) {
            crate::say(&format!("warning: {}:{}: {}: {doubt}", rule.file, rule.line, rule.name));
        }
    }
    Ok((set, exceptions(args, &loaded.rules)?))
}

/// Reads the exceptions for alerts; those for findings in the same files are for scans.
fn exceptions(args: &RuleArgs, rules: &[Rule]) -> anyhow::Result<Exceptions> {
    let (mut all, mut wrong) = (Vec::new(), Vec::new());
    for file in &args.exceptions {
        let source = Source::new(file.display().to_string(), text(file)?);
        let documents = read(&source);
        for note in &documents.notes {
            let line = source.line_at(note.span.0);
            wrong.push(format!("{}:{line}: {}", source.name(), note.message));
        }
        let roots = documents.docs.iter().filter_map(|doc| doc.root().get("exceptions"));
        for item in roots.flat_map(Value::items).filter(|item| Accepted::is_one(*item)) {
            match Accepted::read(item) {
                Ok(one) => all.push(one),
                Err(faults) => wrong.extend(faults.iter().map(|fault| {
                    let line = source.line_at(fault.at.span().start);
                    format!("{}:{line}: {}", source.name(), fault.message)
                })),
            }
        }
    }
    let (exceptions, unknown) = Exceptions::new(&all, rules);
    wrong.extend(unknown);
    for message in &wrong {
        crate::say(&format!("error: {message}"));
    }
    if !wrong.is_empty() {
        bail!("{} wrong exceptions for alerts", wrong.len());
    }
    Ok(exceptions)
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

/// Whether a rule asks for names: those that name servers are asked for, or those of connections.
pub(crate) fn needs_names(set: &RuleSet) -> bool {
    let asks = |rule: &Rule| rule.filter.fields.iter().any(|field| is_of_names(field.slot));
    needs(set, "dns") || set.rules().iter().any(asks)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_are_those_of_a_policy_file_and_wrong_ones_end_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("policy.yaml");
        let with = |text: &str| {
            std::fs::write(&file, text).unwrap();
            let exceptions = vec![file.clone()];
            loaded(&RuleArgs { rules: Vec::new(), only_these_rules: false, exceptions }, false)
        };
        let of_scan = "{checks: [host-port], reason: ports, until: 2999-12-31}";
        let right = "{rules: [PV-R101], reason: tests, until: 2999-12-31}";
        assert!(with(&format!("disable: [host-port]\nexceptions: [{of_scan}, {right}]\n")).is_ok());
        for wrong in [
            "{rules: [PV-R101], until: 2999-12-31}",
            "{rules: [PV-R999], reason: tests, until: 2999-12-31}",
            "{rules: [PV-R101], condition: ka.verb = get, reason: tests, until: 2999-12-31}",
        ] {
            let error = with(&format!("exceptions: [{of_scan}, {right}, {wrong}]\n")).unwrap_err();
            assert!(error.to_string().contains("1 wrong exceptions"), "{wrong}: {error}");
        }
        assert!(with("exceptions: [").is_err());
        std::fs::remove_file(&file).unwrap();
        let exceptions = vec![file.clone()];
        let args = RuleArgs { rules: Vec::new(), only_these_rules: false, exceptions };
        assert!(loaded(&args, false).unwrap_err().to_string().contains("policy.yaml"));
    }
}
