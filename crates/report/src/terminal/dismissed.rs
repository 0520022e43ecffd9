//! Vulnerabilities dismissed by VEX statements, on request.

use pavisade_model::Finding;

use super::page::{Page, place, subject};
use super::style::{DIM, STRONG};
use crate::priority;
use crate::text::{count, cut};

/// Maximum number of vulnerabilities by default.
const SHOWN: usize = 20;

/// Writes the section. Returns whether everything was shown.
pub(super) fn section(page: &mut Page<'_>, dismissed: &[Finding]) -> bool {
    let told = if page.options.full { dismissed.len() } else { dismissed.len().min(SHOWN) };
    for finding in &dismissed[..told] {
        let Some(found) = finding.vulnerability.as_deref() else { continue };
        let Some(statement) = &found.statement else { continue };
        let rule = &finding.rule;
        page.header(DIM, &format!("dismissed[{}]", rule.id), (&rule.name, &found.advisory.id));
        page.arrow(1, &place(page, finding), &subject(finding, false, false));
        let label = format!("{}:", statement.place);
        page.remark(1, (STRONG, &label), &cut(&priority::statement(statement), 1000));
        page.end();
    }
    if told < dismissed.len() {
        let more = count(dismissed.len() - told, "more", "more");
        page.put(DIM, &format!("… and {more} dismissed by VEX statements")).end();
        page.end();
    }
    told == dismissed.len()
}
