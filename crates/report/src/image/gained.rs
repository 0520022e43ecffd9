//! Vulnerabilities that only one of two images has.

use std::collections::BTreeMap;

use pavisade_judgement::{Judgement, Priority, Ranked};
use pavisade_model::{Finding, State, Subject};
use serde::Serialize;

use crate::terminal::Page;
use crate::terminal::style::{self, DIM, PLAIN};

/// Added and removed vulnerabilities, highest severity first.
#[derive(Debug, Default)]
pub struct Gained<'a> {
    /// Vulnerabilities that only the later image has.
    pub gained: Vec<&'a Finding>,
    /// Vulnerabilities that only the earlier image has.
    pub lost: Vec<&'a Finding>,
    /// The number of vulnerabilities that both have.
    pub same: usize,
}

impl<'a> Gained<'a> {
    /// Compares two judgements. A vulnerability of a package is the same in any version of it.
    pub fn of(before: &'a Judgement, after: &'a Judgement) -> Self {
        let (before, after) = (by_key(before), by_key(after));
        let only = |one: &BTreeMap<Key<'_>, &'a Finding>, two: &BTreeMap<Key<'_>, &'a Finding>| {
            let mut only: Vec<_> = one
                .iter()
                .filter(|(key, _)| !two.contains_key(key))
                .map(|(_, finding)| *finding)
                .collect();
            only.sort_by_key(|finding| std::cmp::Reverse((priority(finding), finding.severity)));
            only
        };
        let same = after.keys().filter(|key| before.contains_key(key)).count();
        Self { gained: only(&after, &before), lost: only(&before, &after), same }
    }
}

/// Advisory, ecosystem and package.
type Key<'a> = (&'a str, &'a str, &'a str);

fn by_key(judgement: &Judgement) -> BTreeMap<Key<'_>, &Finding> {
    let of = |finding| Some((key(finding)?, finding));
    judgement.of_state(State::Fails).filter_map(of).collect()
}

fn key(finding: &Finding) -> Option<Key<'_>> {
    let found = finding.vulnerability.as_deref()?;
    let Subject::Package { name, purl, .. } = &finding.subject else { return None };
    let kind = purl.strip_prefix("pkg:").and_then(|rest| rest.split('/').next()).unwrap_or("");
    Some((&found.advisory.id, kind, name))
}

fn priority(finding: &Finding) -> Priority {
    Ranked::of(finding).map_or(Priority::Unknown, |ranked| ranked.priority)
}

#[derive(Serialize)]
pub(super) struct Row<'a> {
    id: &'a str,
    severity: &'static str,
    priority: &'static str,
    r#type: &'a str,
    name: &'a str,
    version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    fixed_version: Option<&'a str>,
}

impl<'a> Row<'a> {
    pub(super) fn of(finding: &'a Finding) -> Option<Self> {
        let (id, r#type, name) = key(finding)?;
        let Subject::Package { version, .. } = &finding.subject else { return None };
        let found = finding.vulnerability.as_deref()?;
        Some(Self {
            id,
            severity: finding.severity.name(),
            priority: priority(finding).name(),
            r#type,
            name,
            version,
            fixed_version: found.fix.version(),
        })
    }
}

pub(super) fn rows<'a>(findings: &[&'a Finding]) -> Vec<Row<'a>> {
    findings.iter().filter_map(|finding| Row::of(finding)).collect()
}

pub(super) fn write(page: &mut Page<'_>, gained: &Gained<'_>) {
    for (findings, sign, style) in
        [(&gained.gained, "+", style::UNKNOWN), (&gained.lost, "-", style::GOOD)]
    {
        for finding in findings {
            let Some(row) = Row::of(finding) else { continue };
            page.put(style, sign).put(PLAIN, " ");
            page.put(style::severity(finding.severity), finding.severity.label());
            page.put(PLAIN, &format!(" {} in ", row.id)).put(DIM, row.r#type).put(PLAIN, " ");
            page.put(PLAIN, &format!("{} {}", row.name, row.version));
            if let Some(fixed) = row.fixed_version {
                page.put(DIM, &format!(", fixed in {fixed}"));
            }
            page.end();
        }
    }
    if gained.gained.len() + gained.lost.len() > 0 {
        page.end();
    }
}
