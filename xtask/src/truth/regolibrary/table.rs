//! The mapping of kubescape's rules to checks, `regolibrary.toml`.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context as _, ensure};
use pavisade_model::Finding;
use serde::Deserialize;

/// The mapped rules; a rule that is missing is not mapped yet.
pub(super) struct Table {
    pub(super) rules: BTreeMap<String, Rule>,
}

/// The mapping of a rule: checks, or the reason why there are none.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Rule {
    /// Why no check can judge it.
    pub(super) ruled_out: Option<String>,
    /// The names of checks; what any of them fails, fails.
    pub(super) checks: Vec<String>,
    /// Only what all of them fail counts, for a rule that requires one of several things.
    pub(super) all: bool,
    /// Their parameters by check name.
    pub(super) parameters: HashMap<String, serde_json::Value>,
    /// Whether its cases are judged as a live cluster instead of files, for a rule about running
    /// nodes.
    pub(super) live: bool,
    /// Only findings whose path or message contains one of these count, for a rule about one of
    /// several fields of the check.
    only: BTreeMap<String, Vec<String>>,
    /// The kinds of the objects that fail, if the rule reports another one: see `subject.rs`.
    pub(super) failed: Option<Vec<String>>,
    /// Whether the objects of an alert fail together, so that the check reports only one of them.
    pub(super) one_of: bool,
    /// The settings of a rule (`postureControlInputs` in `data.json`) and the corresponding
    /// `check.parameter`.
    inputs: BTreeMap<String, String>,
    /// Why a case is judged differently, by its name.
    pub(super) differs: BTreeMap<String, String>,
}

impl Table {
    pub(super) fn read() -> anyhow::Result<Self> {
        Self::parse(include_str!("../regolibrary.toml")).context("reading regolibrary.toml")
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let rules: BTreeMap<String, Rule> = toml::from_str(text)?;
        for (name, rule) in &rules {
            ensure!(
                rule.ruled_out.is_some() == rule.checks.is_empty(),
                "{name}: a rule is either mapped or ruled out"
            );
        }
        Ok(Self { rules })
    }
}

impl Rule {
    /// Returns whether a finding is in the scope of the rule.
    pub(super) fn concerns(&self, path: &str, finding: &Finding) -> bool {
        let holds = |part: &String| path.contains(&**part) || finding.message.contains(&**part);
        self.only.get(&*finding.rule.name).is_none_or(|only| only.iter().any(holds))
    }

    /// Copies the settings of a case into the parameters of checks.
    pub(super) fn take_inputs(
        &self,
        data: &serde_json::Value,
        parameters: &mut HashMap<String, serde_json::Value>,
    ) {
        let inputs = data.get("postureControlInputs").unwrap_or(data);
        for (input, to) in &self.inputs {
            let (Some(value), Some((check, parameter))) = (inputs.get(input), to.split_once('.'))
            else {
                continue;
            };
            let entry = parameters.entry(check.to_owned()).or_insert_with(|| serde_json::json!({}));
            // Appended to the parameters of the table.
            match (entry[parameter].as_array_mut(), value.as_array()) {
                (Some(list), Some(more)) => list.extend(more.iter().cloned()),
                _ => entry[parameter] = value.clone(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_mapped_or_ruled_out() {
        for (text, good) in [
            ("[a]\nchecks = [\"host-port\"]\n", true),
            ("[a]\nruled-out = \"a list, no defect\"\n", true),
            ("[a]\n", false),
            ("[a]\nchecks = [\"host-port\"]\nruled-out = \"no\"\n", false),
            ("[a]\nchekcs = [\"host-port\"]\n", false),
        ] {
            assert_eq!(Table::parse(text).is_ok(), good, "{text}");
        }
    }

    #[test]
    fn the_table_names_checks_that_exist() {
        let catalog = pavisade_checks::Catalog::builtin();
        for (name, rule) in Table::read().unwrap().rules {
            let named = rule.inputs.values().filter_map(|to| to.split_once('.')).map(|(c, _)| c);
            let named = named.chain(rule.parameters.keys().map(String::as_str));
            let named = named.chain(rule.only.keys().map(String::as_str));
            for check in named.chain(rule.checks.iter().map(String::as_str)) {
                assert!(catalog.named(check).is_some(), "{name}: {check}");
            }
        }
    }
}
