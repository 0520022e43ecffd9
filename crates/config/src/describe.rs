//! Describes the effects of a configuration on the report.

use pavisade_checks::Catalog;
use pavisade_model::{Glob, Severity};

use crate::Config;

/// Maximum number of names listed.
const NAMES: usize = 10;

impl Config {
    /// Returns what the configuration excludes or weakens, one clause each. Empty if nothing.
    pub fn restrictions(&self, catalog: &Catalog) -> Vec<String> {
        let mut all = Vec::new();
        let mut say = |clause: String| all.push(clause);
        if !self.disable.is_empty() {
            say(format!("disables {}", names(self.disable.iter().map(|rule| &*rule.name))));
        }
        if !self.frameworks.is_empty() {
            let words: Vec<_> = self.frameworks.iter().map(|(word, _)| word.as_str()).collect();
            say(format!("runs only checks that are mapped to {}", words.join(", ")));
        }
        self.of_reading().into_iter().for_each(&mut say);
        let lowered = self.severities.iter().filter_map(|(id, severity)| {
            let rule = catalog.named(id)?.rule();
            (*severity < rule.severity).then_some(&*rule.name)
        });
        let lowered: Vec<_> = lowered.collect();
        if !lowered.is_empty() {
            say(format!("lowers the severity of {}", names(lowered.into_iter())));
        }
        if !self.parameters.is_empty() {
            let mut checks: Vec<_> = self.parameters.keys().map(String::as_str).collect();
            checks.sort_unstable();
            say(format!("sets parameters of {}", names(checks.into_iter())));
        }
        match self.fail_on {
            None | Some(Some(Severity::Low)) => {}
            Some(None) => say("never fails".to_owned()),
            Some(Some(severity)) => say(format!("fails only on {} or higher", severity.name())),
        }
        match self.exceptions.count() {
            0 => {}
            1 => say("contains an exception".to_owned()),
            n => say(format!("contains {n} exceptions")),
        }
        all
    }

    /// Returns the [`Config::restrictions`] on which files are read.
    pub fn of_reading(&self) -> Vec<String> {
        let lists = [("reads only", &self.include), ("excludes", &self.exclude)];
        let lists = lists.into_iter().filter(|(_, globs)| !globs.is_empty());
        let clause = |(verb, globs): (&str, &Vec<Glob>)| {
            format!("{verb} {}", names(globs.iter().map(Glob::text)))
        };
        lists.map(clause).collect()
    }
}

fn names<'a>(all: impl Iterator<Item = &'a str>) -> String {
    let all: Vec<_> = all.map(|name| format!("`{name}`")).collect();
    match all.len() > NAMES {
        true => format!("{} and {} more", all[..NAMES].join(", "), all.len() - NAMES),
        false => all.join(", "),
    }
}

impl Config {
    /// Summarizes [`Config::restrictions`] as counts.
    pub fn short(&self) -> String {
        let mut parts = Vec::new();
        let mut count = |n: usize, one: &str, many: &str| match n {
            0 => {}
            1 => parts.push(one.to_owned()),
            n => parts.push(format!("{n} {many}")),
        };
        count(self.disable.len(), "a check off", "checks off");
        count(self.frameworks.len(), "one framework", "frameworks");
        count(self.include.len() + self.exclude.len(), "a path pattern", "path patterns");
        count(self.severities.len(), "a severity", "severities");
        count(self.parameters.len(), "parameters of a check", "checks' parameters");
        count(self.exceptions.count(), "an exception", "exceptions");
        match self.fail_on {
            None | Some(Some(Severity::Low)) => {}
            Some(None) => parts.push("never failing".to_owned()),
            Some(Some(severity)) => parts.push(format!("failing on {} or higher", severity.name())),
        }
        match parts.is_empty() {
            true => "disables nothing".to_owned(),
            false => format!("sets {}", parts.join(", ")),
        }
    }
}
