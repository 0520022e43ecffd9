//! `ruleload.jsonl`, and the published rule files.
//!
//! Not compared: the verdict of Falco's JSON schema, captures, and options that select rules by
//! name, tag or priority, which Pavisade does not have. Such cases must still load.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use pavisade_rules::{Loaded, Options, RuleFile, load};
use serde::Deserialize;

use super::{Outcome, cases};

#[derive(Deserialize)]
struct Case {
    id: String,
    rules: Vec<String>,
    loads: bool,
    #[serde(default)]
    errors: Vec<String>,
    #[serde(default)]
    warnings: Vec<String>,
    #[serde(default)]
    no_warnings: Vec<String>,
    has_warnings: Option<bool>,
    #[serde(default)]
    expect_errors: Vec<Expected>,
    #[serde(default)]
    expect_warnings: Vec<Expected>,
    #[serde(default)]
    compiled_condition: BTreeMap<String, String>,
    n_rules: Option<usize>,
    /// The fields of the only rule: `condition`, `output`, `description`, `priority`.
    #[serde(default)]
    info: BTreeMap<String, serde_json::Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Expected {
    code: Option<String>,
    item_type: Option<String>,
    item_name: Option<String>,
    message: Option<String>,
}

pub(super) fn loading(file: &Path, outcome: &mut Outcome) -> anyhow::Result<()> {
    for case in cases::<Case>(file)? {
        let wrong = wrong(&case);
        outcome.count(wrong.is_empty(), || format!("{}:\n  {}", case.id, wrong.join("\n  ")));
    }
    Ok(())
}

fn load_texts(texts: &[String]) -> Loaded {
    let files: Vec<_> = texts.iter().map(|text| RuleFile { name: "rules", text }).collect();
    load(&files, &Options::default())
}

fn wrong(case: &Case) -> Vec<String> {
    let got = load_texts(&case.rules);
    let mut wrong = Vec::new();
    if got.errors.is_empty() != case.loads {
        let errors: Vec<_> = got.errors.iter().map(ToString::to_string).collect();
        wrong.push(format!("loads: want {}, got {errors:?}", case.loads));
    }
    let texts = |messages: &[pavisade_rules::Message]| -> Vec<String> {
        messages.iter().map(|message| message.text.clone()).collect()
    };
    let (errors, warnings) = (texts(&got.errors), texts(&got.warnings));
    for (what, wanted, all) in
        [("error", &case.errors, &errors), ("warning", &case.warnings, &warnings)]
    {
        for want in wanted {
            if !all.iter().any(|text| text.contains(want)) {
                wrong.push(format!("{what}: want {want:?}, got {all:?}"));
            }
        }
    }
    for unwanted in &case.no_warnings {
        if warnings.iter().any(|text| text.contains(unwanted)) {
            wrong.push(format!("warning: {unwanted:?} is not wanted"));
        }
    }
    if case.has_warnings.is_some_and(|has| has == warnings.is_empty()) {
        wrong.push(format!("has warnings: want {:?}, got {warnings:?}", case.has_warnings));
    }
    for (expected, all) in
        [(&case.expect_errors, &got.errors), (&case.expect_warnings, &got.warnings)]
    {
        for want in expected {
            if !all.iter().any(|message| is(message, want)) {
                wrong.push(format!("want {want:?}, got {all:?}"));
            }
        }
    }
    for (name, want) in &case.compiled_condition {
        let rule = got.rules.iter().find(|rule| rule.name == *name);
        let compiled = rule.map(|rule| &rule.compiled);
        if compiled != Some(want) {
            wrong.push(format!("{name}: want {want}\n  got  {compiled:?}"));
        }
    }
    for (key, want) in &case.info {
        let Some(rule) = got.rules.first() else { continue };
        let said = match key.as_str() {
            "condition" => rule.condition.as_str(),
            "output" => rule.output.as_str(),
            "description" => rule.description.as_str(),
            "priority" => rule.priority.name(),
            _ => continue,
        };
        if want.as_str() != Some(said) {
            wrong.push(format!("{key}: want {want}, got {said:?}"));
        }
    }
    if let Some(want) = case.n_rules {
        let count = got.rules.iter().filter(|rule| rule.enabled).count();
        if count != want {
            wrong.push(format!("rules: want {want}, got {count}"));
        }
    }
    wrong
}

/// The text of YAML errors comes from the parser; codes for unused items are combined into one.
fn is(message: &pavisade_rules::Message, want: &Expected) -> bool {
    let code = message.code.name();
    let same_code = want.code.as_deref().is_none_or(|want| want.starts_with(code));
    let item = message.item.name();
    let same_item = want.item_type.as_deref().is_none_or(|want| want.starts_with(item));
    same_code
        && same_item
        && want.item_name.as_ref().is_none_or(|want| message.name == *want)
        && (code == "LOAD_ERR_YAML_PARSE"
            || want.message.as_ref().is_none_or(|want| message.text.contains(want)))
}

/// Loads each published file, after any files that it needs.
pub(super) fn published(folder: &Path, outcome: &mut Outcome) -> anyhow::Result<()> {
    let read = |path: &str| fs::read_to_string(folder.join(path));
    let base = read("rules/falco_rules.yaml")?;
    for (name, texts) in [
        ("falco_rules", vec![base.clone()]),
        ("falco-incubating_rules", vec![read("rules/falco-incubating_rules.yaml")?]),
        ("falco-sandbox_rules", vec![read("rules/falco-sandbox_rules.yaml")?]),
        ("application_rules", vec![base.clone(), read("archive/application_rules.yaml")?]),
        ("falco-deprecated_rules", vec![read("archive/falco-deprecated_rules.yaml")?]),
        ("k8s_audit_rules", vec![read("plugins/k8s_audit_rules.yaml")?]),
    ] {
        let got = load_texts(&texts);
        let errors: Vec<_> = got.errors.iter().map(ToString::to_string).collect();
        println!("  {name}: {} rules, {} warnings", got.rules.len(), got.warnings.len());
        outcome.count(errors.is_empty() && !got.rules.is_empty(), || {
            format!("{name}: {}", errors.join("\n  "))
        });
    }
    Ok(())
}
