//! `k8saudit`: evaluates rule files on audit events.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use pavisade_rules::{AuditEvent, Options, RuleFile, load};
use pavisade_yaml::Source;
use serde::Deserialize;

use super::{Outcome, cases};

#[derive(Deserialize)]
struct Case {
    id: String,
    rules: Vec<String>,
    events: String,
    detect: bool,
    detect_level: Option<String>,
    #[serde(default)]
    detect_counts: BTreeMap<String, usize>,
    /// Set if the file contains no audit event, which Falco reports.
    stderr_contains: Option<String>,
}

pub(super) fn detecting(folder: &Path, outcome: &mut Outcome) -> anyhow::Result<()> {
    for case in cases::<Case>(&folder.join("cases.jsonl"))? {
        let got = detections(folder, &case)?;
        let wrong = match &got {
            Err(_) => case.stderr_contains.is_none(),
            Ok(counts) => {
                let level = case.detect_level.as_deref().unwrap_or_default();
                let names: BTreeMap<_, _> =
                    counts.iter().map(|((name, _), count)| (name.clone(), *count)).collect();
                let at_level = counts.keys().any(|(_, priority)| same_level(priority, level));
                case.stderr_contains.is_some()
                    || counts.is_empty() == case.detect
                    || (case.detect && !level.is_empty() && !at_level)
                    || case.detect_counts.iter().any(|(name, want)| names.get(name) != Some(want))
            }
        };
        outcome.count(!wrong, || {
            let want = (case.detect, &case.detect_level, &case.detect_counts);
            format!("{}:\n  want {want:?}\n  got  {got:?}", case.id)
        });
    }
    Ok(())
}

fn same_level(priority: &str, level: &str) -> bool {
    priority.eq_ignore_ascii_case(level)
        || (priority == "Informational" && level.eq_ignore_ascii_case("info"))
}

type Counts = BTreeMap<(String, String), usize>;

fn detections(folder: &Path, case: &Case) -> anyhow::Result<Result<Counts, String>> {
    let mut texts = Vec::new();
    for rules in &case.rules {
        texts.push(fs::read_to_string(folder.join("rules").join(rules))?);
    }
    let files: Vec<_> =
        texts.iter().zip(&case.rules).map(|(text, name)| RuleFile { name, text }).collect();
    let loaded = load(&files, &Options { sources: &["k8s_audit"], ..Options::default() });
    if let Some(error) = loaded.errors.first() {
        return Ok(Err(error.to_string()));
    }
    let text = fs::read_to_string(folder.join(&case.events))?;
    let mut counts = Counts::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let source = Source::new(case.events.as_str(), line);
        for doc in &pavisade_yaml::read(&source).docs {
            let (events, others) = AuditEvent::all(doc.root());
            if others > 0 {
                return Ok(Err("not an audit event".to_owned()));
            }
            for event in events {
                for rule in loaded.rules.iter().filter(|rule| rule.enabled) {
                    if rule.filter.matches(&event) {
                        let priority = rule.priority.name().to_owned();
                        *counts.entry((rule.name.clone(), priority)).or_default() += 1;
                        // Falco raises one alert per event, for the first rule that matches.
                        break;
                    }
                }
            }
        }
    }
    Ok(Ok(counts))
}
