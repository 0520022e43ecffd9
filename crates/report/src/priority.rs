//! Formatting of the inputs of a priority, and of VEX statements.

use pavisade_judgement::Part;
use pavisade_model::{FixState, Statement};

/// Formats an input of a priority, as part of a sentence.
pub(crate) fn part(part: &Part) -> String {
    match part {
        Part::Malicious => "the package is malicious".to_owned(),
        Part::Exploited(entry) => {
            let by = if entry.ransomware { ", also by ransomware" } else { "" };
            format!("known to be exploited since {}{by} (CISA)", entry.added)
        }
        Part::Epss(epss) => format!(
            "{:.1} % likely to be exploited within 30 days (EPSS)",
            epss.probability * 100.0
        ),
        Part::Severity(severity, None) => format!("severity {}", severity.name()),
        Part::Severity(severity, Some(score)) => {
            let (number, source) = (score.score, &score.source);
            let version = score.vector.split('/').next().filter(|v| v.starts_with("CVSS:"));
            let version = version.unwrap_or("CVSS:2.0").replace(':', " ");
            format!("severity {}: {version} {number:.1} by {source}", severity.name())
        }
        Part::Fix(FixState::Fixed(version)) => format!("fixed in {version}"),
        Part::Fix(FixState::NotFixed) => "no fix yet".to_owned(),
        Part::Fix(FixState::WontFix) => "its vendor will not fix it".to_owned(),
        Part::Fix(FixState::Unknown) => "it is not known whether there is a fix".to_owned(),
        Part::Exposed(why) => format!("exposed: {why}"),
        Part::Privileged(why) => format!("privileged: {why}"),
    }
}

/// Formats a statement: `not_affected (vulnerable_code_not_present): we removed it`.
pub(crate) fn statement(statement: &Statement) -> String {
    let Statement { status, justification, text, author, .. } = statement;
    let mut said = status.name().to_owned();
    if !justification.is_empty() {
        said = format!("{said} ({justification})");
    }
    if !author.is_empty() {
        said = format!("{said} by {author}");
    }
    if text.is_empty() { said } else { format!("{said}: {text}") }
}
