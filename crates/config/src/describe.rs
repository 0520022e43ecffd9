//! What a configuration does to the report, in words.

use pavisade_model::Severity;

use crate::Config;

/// Names that are told of one list.
const NAMES: usize = 10;

impl Config {
    /// What it leaves out or weakens, a clause each; empty where it does neither.
    pub fn restrictions(&self) -> Vec<String> {
        let mut all = Vec::new();
        let mut say = |clause: String| all.push(clause);
        if !self.disable.is_empty() {
            say(format!("turns off {}", names(self.disable.iter().map(|meta| meta.name))));
        }
        if !self.frameworks.is_empty() {
            say(format!("runs only checks that serve {}", self.frameworks.join(", ")));
        }
        if !self.include.is_empty() {
            say(format!("reads only {}", names(self.include.iter().map(|glob| glob.text()))));
        }
        if !self.exclude.is_empty() {
            say(format!("leaves out {}", names(self.exclude.iter().map(|glob| glob.text()))));
        }
        let own = |id: &str| pavisade_checks::named(id).map(|entry| entry.meta);
        let lowered = self.severities.iter().filter_map(|(id, severity)| {
            own(id).filter(|meta| *severity < meta.severity).map(|meta| meta.name)
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
            Some(Some(severity)) => say(format!("fails on {} or worse only", severity.name())),
        }
        match self.exceptions.len() {
            0 => {}
            1 => say("holds an exception".to_owned()),
            n => say(format!("holds {n} exceptions")),
        }
        all
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
    /// [`Config::restrictions`] in a few words: how many of what.
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
        count(self.exceptions.len(), "an exception", "exceptions");
        match self.fail_on {
            None | Some(Some(Severity::Low)) => {}
            Some(None) => parts.push("never failing".to_owned()),
            Some(Some(severity)) => parts.push(format!("failing on {} or worse", severity.name())),
        }
        match parts.is_empty() {
            true => "turns nothing off".to_owned(),
            false => format!("sets {}", parts.join(", ")),
        }
    }
}
