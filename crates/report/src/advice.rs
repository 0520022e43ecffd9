//! Advice on fixing a finding.

use pavisade_model::{Finding, Fixable, Location, Rule, State};
use pavisade_yaml::Origin;

use crate::text::number;

/// Returns how to fix it (Markdown): the finding's advice, or that of its check.
pub(crate) fn text(finding: &Finding) -> &str {
    if finding.advice.is_empty() { &finding.rule.advice } else { &finding.advice }
}

/// Returns that `pavisade fix` can fix it, for findings in source files.
pub(crate) fn by_program(finding: &Finding) -> Option<String> {
    of_group(&[finding])
}

/// Returns that `pavisade fix` can fix all or some findings of a check.
pub(crate) fn of_group(group: &[&Finding]) -> Option<String> {
    let able = group.iter().filter(|finding| is_able(finding)).count();
    let first = group.first().filter(|_| able > 0)?;
    let all = match group.len() == able {
        true => String::new(),
        false => format!(" in {} of {} places", number(able), number(group.len())),
    };
    let (command, caution) = command(&first.rule)?;
    Some(format!("{command} can fix this{all}{caution}"))
}

/// Returns that `pavisade fix` can fix all or some findings of a check in general.
pub(crate) fn of_check(rule: &Rule) -> Option<String> {
    let (command, caution) = command(rule)?;
    Some(format!("{command} can fix this in some or all places{caution}"))
}

fn command(rule: &Rule) -> Option<(&'static str, &'static str)> {
    match rule.fixable {
        Fixable::Never => None,
        Fixable::Safely => Some(("`pavisade fix`", "")),
        Fixable::Riskily => Some(("`pavisade fix --risky`", "; review the diff first")),
    }
}

/// Returns how `pavisade fix` fixes this finding.
pub(crate) fn fixable(finding: &Finding) -> Fixable {
    if is_able(finding) { finding.rule.fixable } else { Fixable::Never }
}

fn is_able(finding: &Finding) -> bool {
    let written = match &finding.location {
        // Not rendered, piped or packed texts.
        Location::Text { source, .. } => *source.origin() == Origin::File,
        Location::Field { .. } | Location::Layer { .. } | Location::None => false,
    };
    written && finding.state == State::Fails && finding.fix.is_some()
}
