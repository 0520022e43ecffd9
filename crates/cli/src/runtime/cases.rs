//! `pavisade runtime rules test`: events with the rules that must alert for them.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use pavisade_report::one_line;
use pavisade_rules::{AuditEvent, Event, Options, Recorded, RuleSet, Scratch};
use pavisade_yaml::{Kind, Source, Value, read};

use super::{MAX_BYTES, Text, loaded, tell_errors};
use crate::args::runtime::TestArgs;
use crate::{Outcome, bounded, terminal};

pub(super) fn run(args: &TestArgs) -> anyhow::Result<Outcome> {
    let mut out = Text::default();
    let mut counts = Counts::default();
    for file in &args.files {
        // One file or test that is wrong hides no other.
        if let Err(why) = tested(file, &mut out, &mut counts) {
            counts.wrong += 1;
            terminal::say("error", &format!("{why:#}"));
        }
    }
    let Counts { passed, failed, wrong } = counts;
    let wrong_too = if wrong > 0 { format!(", {wrong} could not run") } else { String::new() };
    out.line(format_args!("{passed} passed, {failed} failed{wrong_too}"));
    out.print()?;
    if passed + failed + wrong == 0 {
        bail!("no tests");
    }
    Ok(match (failed, wrong) {
        (_, 1..) => Outcome::Usage,
        (0, 0) => Outcome::Clean,
        _ => Outcome::Findings,
    })
}

#[derive(Default)]
struct Counts {
    passed: usize,
    failed: usize,
    /// Tests and files that could not run.
    wrong: usize,
}

/// Runs the tests of a file.
///
/// # Errors
/// None of them could run.
fn tested(file: &Path, out: &mut Text, counts: &mut Counts) -> anyhow::Result<()> {
    let name = file.display().to_string();
    let source = Source::new(&*name, &bounded::text(file, MAX_BYTES)?);
    let documents = read(&source);
    let [doc] = &documents.docs[..] else { bail!("{name}: not one YAML document") };
    if let Some(note) = documents.notes.first() {
        bail!("{name}: {}", one_line(&note.message));
    }
    let sets = rule_sets(file, doc.root()).with_context(|| name.clone())?;
    let Some(sets) = sets else { bail!("{name}: its rules are wrong") };
    let tests = doc.root().get("tests").filter(|tests| tests.kind() == Kind::Sequence);
    let Some(tests) = tests else { bail!("{name}: no list `tests`") };
    for (number, test) in (1..).zip(tests.items()) {
        let title = test.str("name").map_or_else(|| format!("test {number}"), str::to_owned);
        let title = one_line(&title);
        let (expected, got) = match judged(test, &sets) {
            Ok(both) => both,
            Err(why) => {
                counts.wrong += 1;
                terminal::say("error", &format!("{name}: {title}: {why:#}"));
                continue;
            }
        };
        if expected == got {
            counts.passed += 1;
            out.line(format_args!("ok      {title}"));
            continue;
        }
        counts.failed += 1;
        let list = |names: &[String]| match names {
            [] => "no alert".to_owned(),
            names => one_line(&names.join(", ")),
        };
        out.line(format_args!("FAILED  {title}"));
        out.line(format_args!("        expected {}", list(&expected)));
        out.line(format_args!("        got      {}", list(&got)));
    }
    Ok(())
}

struct Sets {
    syscall: RuleSet,
    audit: RuleSet,
}

/// The rules that a test file names, by source; nothing where some are wrong, which was told.
fn rule_sets(file: &Path, root: Value<'_>) -> anyhow::Result<Option<Sets>> {
    let folder = file.parent().unwrap_or(Path::new(""));
    known(root, &["rules", "only-these-rules", "tests"])?;
    let rules = texts(root, "rules")?.into_iter().flatten().map(|rule| folder.join(rule));
    let rules: Vec<PathBuf> = rules.collect();
    let only = match root.get("only-these-rules") {
        None => false,
        Some(only) => only.as_bool().context("`only-these-rules` is true or false")?,
    };
    let loaded = loaded(&rules, !only, &Options::default())?;
    if tell_errors(&loaded) {
        return Ok(None);
    }
    let of = |source| RuleSet::new(&loaded.rules, source);
    Ok(Some(Sets { syscall: of("syscall"), audit: of("k8s_audit") }))
}

/// A list of texts; nothing where there is no such key.
///
/// # Errors
/// It is something else, which must not pass for an empty list.
fn texts<'v>(of: Value<'v>, key: &str) -> anyhow::Result<Option<Vec<&'v str>>> {
    let Some(list) = of.get(key) else { return Ok(None) };
    let texts = list.items().map(|text| text.as_str()).collect::<Option<Vec<_>>>();
    let texts = texts.filter(|_| list.kind() == Kind::Sequence);
    texts.with_context(|| format!("`{key}` is not a list of texts")).map(Some)
}

/// # Errors
/// There is another key, which would have no effect.
fn known(of: Value<'_>, keys: &[&str]) -> anyhow::Result<()> {
    match of.entries().find(|(key, _)| !keys.contains(key)) {
        Some((other, _)) => bail!("unknown key {other:?}; known are {}", keys.join(", ")),
        None => Ok(()),
    }
}

/// The rules that must alert and those that do, both in the order of their names.
fn judged(test: Value<'_>, sets: &Sets) -> anyhow::Result<(Vec<String>, Vec<String>)> {
    known(test, &["name", "event", "audit", "alerts"])?;
    let Some(alerts) = texts(test, "alerts")? else { bail!("no list `alerts`") };
    let mut expected: Vec<_> = alerts.into_iter().map(str::to_owned).collect();
    let mut scratch = Scratch::default();
    let mut names = |set: &RuleSet, event: &dyn Event| -> Vec<String> {
        set.matching(event, &mut scratch).map(|rule| rule.name.clone()).collect()
    };
    let mut got = match (test.get("event"), test.get("audit")) {
        (Some(event), None) => names(&sets.syscall, &Recorded::read(event)?),
        (None, Some(event)) => {
            let (events, others) = AuditEvent::all(event);
            let ([event], 0) = (&events[..], others) else {
                bail!("`audit` is not an audit event")
            };
            names(&sets.audit, event)
        }
        _ => bail!("a test has either `event` or `audit`"),
    };
    let known = |name: &String| {
        let mut rules = sets.syscall.rules().iter().chain(sets.audit.rules());
        rules.any(|rule| rule.name == *name)
    };
    if let Some(unknown) = expected.iter().find(|name| !known(name)) {
        bail!("no enabled rule is called {unknown:?}");
    }
    expected.sort_unstable();
    got.sort_unstable();
    Ok((expected, got))
}
