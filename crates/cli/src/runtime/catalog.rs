//! The runtime rules of Pavisade in the catalog of checks.

use pavisade_model::{Area, Audience, Confidence, Fixable, Glob, Rule, Severity, Together};
use pavisade_report::RuntimeRule;
use pavisade_rules::{Card, EventTypes, OURS, Options, Priority, load};

/// Returns the rules, in the order of their IDs.
pub(crate) fn rules() -> Vec<RuntimeRule> {
    let loaded = load(OURS, &Options::default());
    loaded.rules.iter().filter_map(|rule| Some(entry(rule, rule.card()?))).collect()
}

/// Whether a word of `--check` selects a rule: its ID, name, area, severity, a pattern, or `runtime`.
pub(crate) fn is_meant(rule: &RuntimeRule, word: &str) -> bool {
    let Rule { id, name, severity, area, .. } = &rule.rule;
    let is = |text: &str| text.eq_ignore_ascii_case(word);
    if let Some(least) = word.strip_prefix("severity:") {
        return least.parse::<Severity>().is_ok_and(|least| *severity >= least);
    }
    let pattern = word.contains(['*', '?']).then(|| Glob::new(&word.to_lowercase()).ok()).flatten();
    let fits = |text: &str| pattern.as_ref().is_some_and(|p| p.matches(&text.to_lowercase()));
    is("runtime") || rule.is_called(word) || is(area.name()) || fits(id) || fits(name)
}

fn entry(rule: &pavisade_rules::Rule, card: Card<'_>) -> RuntimeRule {
    let of_tag = |tag: &String| Area::ALL.into_iter().find(|area| area.name() == tag);
    let events = match &rule.event_types {
        EventTypes::Only(types) => types.iter().cloned().collect::<Vec<_>>().join(", "),
        EventTypes::Except(_) => String::new(),
    };
    RuntimeRule {
        rule: Rule {
            id: card.id.to_owned().into(),
            name: rule.name.clone().into(),
            title: rule.name.clone().into(),
            why: card.why.to_owned().into(),
            advice: card.response.to_owned().into(),
            severity: severity(rule.priority),
            confidence: Confidence::Medium,
            audience: Audience::Everyone,
            area: rule.tags.iter().find_map(of_tag).unwrap_or(Area::Container),
            fixable: Fixable::Never,
            secret: false,
            parts: Vec::new().into(),
            together: Together::Object,
        },
        techniques: card.techniques.into_iter().map(str::to_owned).collect(),
        source: rule.source.clone(),
        events: if rule.source == "syscall" { events } else { String::new() },
    }
}

fn severity(priority: Priority) -> Severity {
    match priority {
        Priority::Emergency | Priority::Alert | Priority::Critical => Severity::Critical,
        Priority::Error => Severity::High,
        Priority::Warning => Severity::Medium,
        Priority::Notice | Priority::Informational | Priority::Debug => Severity::Low,
    }
}
