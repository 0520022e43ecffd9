//! Exceptions: alerts that are accepted until a date, for a reason.
//!
//! Unlike the exceptions in a rule, which change its condition, these are in the file with the
//! exceptions for findings (`.pavisade.yaml` or a policy file). They end: afterwards the alert is
//! shown again, with the date. Macros and lists of rule files are not available in their conditions.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use pavisade_yaml::{Kind, Value};

use crate::compile::Filter;
use crate::field::Fields;
use crate::filter::parse;
use crate::load::Rule;
use crate::value::Event;

/// The fields of an exception.
const FIELDS: [&str; 4] = ["rules", "condition", "reason", "until"];

/// The longest condition in bytes.
const MAX_CONDITION: usize = 16 << 10;

/// An exception for alerts.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// The names or IDs of the rules, in lower case.
    pub rules: Vec<String>,
    /// Which events it covers; without one, all.
    condition: Option<Filter>,
    /// The last day on which it applies (UTC).
    pub until: Date,
    /// The reason.
    pub reason: String,
    /// The file and line.
    pub place: String,
}

/// An error in an exception, at a value.
#[derive(Clone, Debug)]
pub struct Wrong<'v> {
    /// The value.
    pub at: Value<'v>,
    /// What is wrong.
    pub message: String,
    /// What to do; may be empty.
    pub remedy: &'static str,
}

/// Returns the day of a time (UTC), by which exceptions end.
pub fn day(of: Timestamp) -> Date {
    of.to_zoned(TimeZone::UTC).date()
}

impl Accepted {
    /// Whether an entry of the list `exceptions` is for alerts, not for findings.
    pub fn is_one(item: Value<'_>) -> bool {
        item.get("rules").is_some()
    }

    /// Reads an entry.
    ///
    /// # Errors
    /// All that is wrong with it. Such an exception must not apply.
    pub fn read(item: Value<'_>) -> Result<Self, Vec<Wrong<'_>>> {
        let mut wrong = Vec::new();
        let mut say = |at, message: String, remedy| wrong.push(Wrong { at, message, remedy });
        let (mut rules, mut condition) = (Vec::new(), None);
        let (mut reason, mut until) = (None, None);
        for (field, value) in item.entries() {
            if !FIELDS.contains(&field) {
                let message = format!("an exception with `rules` has no field `{field}`");
                say(value, message, "It has `rules`, `condition`, `reason` and `until`.");
                continue;
            }
            if field == "rules" {
                let names: Option<Vec<_>> =
                    value.items().map(|name| Some(name.as_str()?.trim().to_lowercase())).collect();
                match names.filter(|names| value.kind() == Kind::Sequence && !names.is_empty()) {
                    Some(names) => rules = names,
                    None => say(value, "this must be a list of rules".to_owned(), ""),
                }
                continue;
            }
            let Some(text) = value.as_str().map(str::trim).filter(|text| !text.is_empty()) else {
                say(value, format!("`{field}` must be a text that is not empty"), "");
                continue;
            };
            match field {
                "reason" => reason = Some(text.to_owned()),
                "until" => match text.parse::<Date>() {
                    Ok(date) => until = Some(date),
                    Err(_) => say(value, format!("`{text}` is not a date"), "Use `2027-01-31`."),
                },
                _ => match compiled(text) {
                    Ok(filter) => condition = Some(filter),
                    Err(why) => {
                        let remedy = "Write it as in a rule, without macros and lists.";
                        say(value, format!("the condition cannot be read: {why}"), remedy);
                    }
                },
            }
        }
        for (field, message) in [
            ("reason", "an exception needs a `reason`"),
            ("until", "an exception needs an end date: `until`"),
        ] {
            if item.get(field).is_none() {
                say(item, message.to_owned(), "");
            }
        }
        match (until, reason) {
            (Some(until), Some(reason)) if wrong.is_empty() => {
                let source = item.doc().source();
                let line = source.line_at(item.span().start);
                let place = format!("{}:{line}", source.name());
                Ok(Self { rules, condition, until, reason, place })
            }
            _ => Err(wrong),
        }
    }

    fn names(&self, rule: &Rule) -> bool {
        self.rules.iter().any(|word| is_called(rule, word))
    }
}

/// Whether a word in lower case is the name or the ID of a rule.
fn is_called(rule: &Rule, word: &str) -> bool {
    rule.name.to_lowercase() == word || rule.id().is_some_and(|id| id.eq_ignore_ascii_case(word))
}

fn compiled(text: &str) -> Result<Filter, String> {
    if text.len() > MAX_CONDITION {
        return Err(format!("it is longer than {MAX_CONDITION} bytes"));
    }
    let expr = parse(text).map_err(|error| error.message)?;
    Filter::compile(&expr, Fields::known()).map_err(|error| error.message)
}

/// Exceptions by rule.
#[derive(Clone, Debug, Default)]
pub struct Exceptions {
    /// By the name of the rule; the one that ends last is first.
    by_rule: HashMap<String, Vec<Accepted>>,
}

impl Exceptions {
    /// Assigns exceptions to rules. `rules` are those of all sources, so that a name that none of
    /// them has is an error. Also returns what is wrong with exceptions, which then do not apply.
    pub fn new(all: &[Accepted], rules: &[Rule]) -> (Self, Vec<String>) {
        let (mut exceptions, mut wrong) = (Self::default(), Vec::new());
        for one in all {
            let mut is_clear = true;
            for word in &one.rules {
                let called: Vec<_> = rules.iter().filter(|rule| is_called(rule, word)).collect();
                match called[..] {
                    [] => wrong.push(format!("{}: no rule is called {word:?}", one.place)),
                    [_] => {}
                    // Any rule can have any tag, so also the ID of another one.
                    _ => {
                        is_clear = false;
                        let names: Vec<_> =
                            called.iter().map(|rule| format!("{:?}", rule.name)).collect();
                        let place = &one.place;
                        wrong.push(format!(
                            "{place}: {word:?} names several rules, so the exception does not apply: {}",
                            names.join(", ")
                        ));
                    }
                }
            }
            if !is_clear {
                continue;
            }
            for rule in rules.iter().filter(|rule| one.names(rule)) {
                let foreign = one.foreign(rule);
                if foreign.is_empty() {
                    exceptions.by_rule.entry(rule.name.clone()).or_default().push(one.clone());
                    continue;
                }
                let fields = foreign.into_iter().collect::<Vec<_>>().join(", ");
                wrong.push(format!(
                    "{}: events of the rule {:?} have no {fields}, so the exception would never apply",
                    one.place, rule.name
                ));
            }
        }
        for of_rule in exceptions.by_rule.values_mut() {
            of_rule.sort_by_key(|one| std::cmp::Reverse(one.until));
        }
        (exceptions, wrong)
    }

    /// Whether there is an exception for a rule.
    pub fn are_for(&self, rule: &Rule) -> bool {
        self.by_rule.contains_key(&rule.name)
    }

    /// Returns the exception that covers the alert of a rule for an event. If it has ended, no other
    /// one that covers the alert applies either.
    pub fn of(&self, rule: &Rule, event: &dyn Event) -> Option<&Accepted> {
        let mut all = self.by_rule.get(&rule.name)?.iter();
        all.find(|one| one.condition.as_ref().is_none_or(|filter| filter.matches(event)))
    }
}

impl Accepted {
    /// Returns the fields of the condition that events of the rule do not have.
    fn foreign(&self, rule: &Rule) -> BTreeSet<&str> {
        let fields = self.condition.iter().flat_map(|filter| &filter.fields);
        let of_rule = |name: &str| match Fields::known().source(name) {
            Some("container") => rule.source == "syscall",
            // Fields of every event, such as `evt.type`, are in the table of system calls.
            Some("syscall") => rule.source == "syscall" || name.starts_with("evt."),
            Some(source) => source == rule.source,
            None => false,
        };
        fields.map(|field| field.name.as_str()).filter(|name| !of_rule(name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use pavisade_yaml::{Source, read};

    use super::*;
    use crate::load::{Options, RuleFile, load};
    use crate::recorded::Recorded;

    const RULES: &str = "
- rule: Shell
  desc: d
  condition: evt.type = execve and proc.name = bash
  output: o
  priority: NOTICE
  tags: [PV-R900]
- rule: Exec
  desc: d
  condition: ka.verb = create
  output: o
  priority: NOTICE
  source: k8s_audit
";

    fn rules() -> Vec<Rule> {
        let loaded = load(&[RuleFile { name: "r", text: RULES }], &Options::default());
        assert_eq!(loaded.errors, []);
        loaded.rules
    }

    fn all(text: &str) -> (Exceptions, Vec<String>) {
        let documents = read(&Source::new("p.yaml", text));
        let mut wrong = Vec::new();
        let mut all = Vec::new();
        for item in documents.docs[0].root().items() {
            match Accepted::read(item) {
                Ok(one) => all.push(one),
                Err(faults) => wrong.extend(faults.into_iter().map(|fault| fault.message)),
            }
        }
        let (exceptions, more) = Exceptions::new(&all, &rules());
        wrong.extend(more);
        (exceptions, wrong)
    }

    #[test]
    fn the_one_that_ends_last_and_covers_the_event_applies() {
        let text = "
- {rules: [shell], condition: proc.pname = sshd, reason: a, until: 2026-01-31}
- {rules: [PV-R900], condition: container.id = 3f6a, reason: b, until: 2027-01-31}
- {rules: [exec], reason: c, until: 2027-01-31}
";
        let (exceptions, wrong) = all(text);
        assert_eq!(wrong, Vec::<String>::new());
        let rules = rules();
        for (event, expected) in [
            (r#"{"evt.type": "execve", "proc.pname": "sshd"}"#, Some("a")),
            (r#"{"evt.type": "execve", "proc.pname": "sshd", "container.id": "3f6a"}"#, Some("b")),
            (r#"{"evt.type": "execve", "proc.pname": "runc"}"#, None),
            // What an event does not have is not what the exception asks for.
            (r#"{"evt.type": "execve"}"#, None),
        ] {
            let documents = read(&Source::new("e", event));
            let event = Recorded::read(documents.docs[0].root()).unwrap();
            let found = exceptions.of(&rules[0], &event).map(|one| one.reason.as_str());
            assert_eq!(found, expected, "{event:?}");
        }
    }

    /// A rule of someone else with the tag of ours, or with our ID as its name, is not accepted with it.
    #[test]
    fn a_word_that_names_several_rules_names_none() {
        for other in [
            "- {rule: Foreign, desc: d, condition: evt.type = execve, output: o, priority: NOTICE, tags: [PV-R900]}",
            "- {rule: pv-r900, desc: d, condition: evt.type = execve, output: o, priority: NOTICE}",
        ] {
            let text = format!("{RULES}{other}\n");
            let loaded = load(&[RuleFile { name: "r", text: &text }], &Options::default());
            assert_eq!(loaded.errors, []);
            let accepted = |words: &str| {
                let text = format!("[{{rules: {words}, reason: r, until: 2027-01-31}}]");
                let documents = read(&Source::new("p.yaml", &*text));
                let item = documents.docs[0].root().items().next().unwrap();
                Exceptions::new(&[Accepted::read(item).unwrap()], &loaded.rules)
            };
            let (exceptions, wrong) = accepted("[shell, PV-R900]");
            assert!(exceptions.by_rule.is_empty(), "{other}");
            assert!(wrong.len() == 1 && wrong[0].contains("names several rules"), "{wrong:?}");
            // By its own name, the rule is meant.
            let (exceptions, wrong) = accepted("[shell]");
            assert_eq!((exceptions.by_rule.len(), wrong), (1, vec![]), "{other}");
        }
    }

    #[test]
    fn what_is_wrong_with_an_exception_is_told_and_it_does_not_apply() {
        for (text, expected) in [
            ("[{rules: [shell], until: 2027-01-31}]", "needs a `reason`"),
            ("[{rules: [shell], reason: r}]", "needs an end date"),
            ("[{rules: [shell], reason: r, until: soon}]", "`soon` is not a date"),
            ("[{rules: [], reason: r, until: 2027-01-31}]", "a list of rules"),
            ("[{rules: shell, reason: r, until: 2027-01-31}]", "a list of rules"),
            ("[{rules: [shel], reason: r, until: 2027-01-31}]", "no rule is called \"shel\""),
            ("[{rules: [shell], reason: '', until: 2027-01-31}]", "`reason` must be a text"),
            (
                "[{rules: [shell], condition: proc.nam = a, reason: r, until: 2027-01-31}]",
                "nonexistent field proc.nam",
            ),
            (
                "[{rules: [shell], condition: spawned, reason: r, until: 2027-01-31}]",
                "the condition cannot be read",
            ),
            (
                "[{rules: [exec], condition: proc.name = a, reason: r, until: 2027-01-31}]",
                "have no proc.name",
            ),
            (
                "[{rules: [shell], checks: [a], reason: r, until: 2027-01-31}]",
                "has no field `checks`",
            ),
        ] {
            let (exceptions, wrong) = all(text);
            assert!(wrong.iter().any(|one| one.contains(expected)), "{text}: {wrong:?}");
            assert!(exceptions.by_rule.is_empty(), "{text}");
        }
    }
}
