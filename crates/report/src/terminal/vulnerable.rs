//! Vulnerabilities of images: one line per image, package and fix.

use std::cmp::Reverse;
use std::collections::HashMap;

use pavisade_judgement::{Priority, Ranked};
use pavisade_model::{Finding, FixState, Severity, Subject};

use super::page::Page;
use super::style::{self, DIM, FRAME, HELP, PLAIN, STRONG};
use crate::place::workloads;
use crate::text::{clean, count, cut, first_paragraph, first_sentence, width};

/// Maximum number of packages of an image by default.
const ROWS: usize = 12;
/// Maximum number of advisories listed for a package.
const NAMED: usize = 3;
/// Maximum width of a package with its versions.
const WIDEST: usize = 60;

/// The vulnerabilities of a package at a version that one upgrade fixes, or that have no fix.
struct Row<'a> {
    findings: Vec<&'a Finding>,
    priority: Priority,
    severity: Severity,
    text: String,
}

/// Writes vulnerabilities by image. Returns whether everything was shown.
pub(super) fn section(page: &mut Page<'_>, findings: &[&Finding], explain: bool) -> bool {
    let mut images: Vec<Vec<&Finding>> = Vec::new();
    let mut places = HashMap::new();
    for finding in findings {
        let at = *places.entry(finding.subject.whole()).or_insert(images.len());
        if at == images.len() {
            images.push(Vec::new());
        }
        images[at].push(finding);
    }
    let mut told_all = true;
    for image in &images {
        told_all &= one(page, image, explain);
    }
    told_all
}

fn one(page: &mut Page<'_>, findings: &[&Finding], explain: bool) -> bool {
    let Some(first) = findings.first() else { return true };
    let rule = &first.rule;
    let rows = rows(findings);
    let vulnerabilities = count(findings.len(), "vulnerability", "vulnerabilities");
    let worst = findings.iter().map(|finding| finding.severity).max().unwrap_or(first.severity);
    let label = format!("{}[{}]", worst.label(), rule.id);
    let image = cut(&clean(&first.subject.whole().label()), 200).into_owned();
    page.header(
        style::severity(worst),
        &label,
        (&rule.name, &format!("{vulnerabilities} in {image}")),
    );
    page.remark(0, (STRONG, "in:"), &workloads(first));
    let told = if page.options.full || rows.len() <= ROWS + 1 { rows.len() } else { ROWS };
    let widest = rows[..told].iter().map(|row| width(&row.text)).max().unwrap_or(0).min(WIDEST);
    for row in &rows[..told] {
        line(page, row, widest);
    }
    if told < rows.len() {
        let rest = rows[told..].iter().map(|row| row.findings.len()).sum();
        let rest = count(rest, "vulnerability", "vulnerabilities");
        let more = count(rows.len() - told, "more line", "more lines");
        page.put(FRAME, "  | ").put(DIM, &format!("… and {more} with {rest}")).end();
    }
    if explain {
        page.remark(0, (STRONG, "why:"), &first_sentence(&rule.why));
        page.remark(0, (HELP, "fix:"), &first_paragraph(&rule.advice));
    }
    page.end();
    told == rows.len()
}

/// Groups by package, version and fix, most urgent first.
fn rows<'a>(findings: &[&'a Finding]) -> Vec<Row<'a>> {
    let mut rows: Vec<Row<'a>> = Vec::new();
    let mut places = HashMap::new();
    for finding in findings {
        let Some(found) = finding.vulnerability.as_deref() else { continue };
        let Subject::Package { name, version, .. } = &finding.subject else { continue };
        let fix = match &found.fix {
            FixState::Fixed(fixed) => format!("→ {fixed}"),
            FixState::NotFixed => "(no fix yet)".to_owned(),
            FixState::WontFix => "(will not fix)".to_owned(),
            FixState::Unknown => "(no fix known)".to_owned(),
        };
        let text = clean(&format!("{name} {version} {fix}")).into_owned();
        let priority = Ranked::of(finding).map_or(Priority::Unknown, |ranked| ranked.priority);
        let at = *places.entry(text.clone()).or_insert(rows.len());
        if at == rows.len() {
            rows.push(Row { findings: Vec::new(), priority, severity: finding.severity, text });
        }
        let row = &mut rows[at];
        row.findings.push(finding);
        row.priority = row.priority.max(priority);
        row.severity = row.severity.max(finding.severity);
    }
    let order = |row: &Row<'_>| (row.priority, row.severity, row.findings.len());
    rows.sort_by_key(|row| Reverse(order(row)));
    rows
}

fn line(page: &mut Page<'_>, row: &Row<'_>, widest: usize) {
    let text = cut(&row.text, widest);
    page.put(FRAME, "  | ")
        .put(style::severity(row.severity), &format!("{:8}", row.severity.label()));
    page.put(PLAIN, " ").put(PLAIN, &text).gap(widest - width(&text) + 2);
    let mut named: Vec<_> = row
        .findings
        .iter()
        .filter_map(|finding| {
            let found = finding.vulnerability.as_deref()?;
            let ranked = Ranked::of(finding).map(|ranked| ranked.priority);
            Some((Reverse((ranked, finding.severity)), found))
        })
        .collect();
    named
        .sort_by(|(a, one), (b, two)| a.cmp(b).then_with(|| one.advisory.id.cmp(&two.advisory.id)));
    let mut ids: Vec<_> = named
        .iter()
        .take(NAMED)
        .map(|(_, found)| match found.advisory.exploited {
            Some(_) => format!("{} (KEV)", found.advisory.id),
            None => found.advisory.id.clone(),
        })
        .collect();
    if named.len() > NAMED {
        ids.push(format!("{} more", named.len() - NAMED));
    }
    let used = 4 + 9 + widest + 2;
    page.wrapped(DIM, &ids.join(", "), used, used);
}
