//! Runtime rules in the catalog: the table below that of the checks, and the explanation of a rule.

use std::io::{self, Write};

use pavisade_model::Rule;

use super::{Card, Detail, Layout, fact, section};
use crate::terminal::Page;
use crate::terminal::style::{self, DIM, HELP, PLAIN, STRONG};
use crate::text::cut;
use crate::{Options, guard};

/// A runtime rule: alerts refer to it as findings refer to the rule of a check.
#[derive(Debug, Clone)]
pub struct RuntimeRule {
    /// The rule. Its name and title are the name in rule files.
    pub rule: Rule,
    /// Techniques of MITRE ATT&CK: `T1609`.
    pub techniques: Vec<String>,
    /// The source of its events: `syscall`, `k8s_audit`.
    pub source: String,
    /// The types of its events; empty if it does not limit them.
    pub events: String,
}

impl RuntimeRule {
    /// Whether it has this ID or name, ignoring case.
    pub fn is_called(&self, word: &str) -> bool {
        self.rule.id.eq_ignore_ascii_case(word) || self.rule.name.eq_ignore_ascii_case(word)
    }

    pub(super) fn card(&self) -> Card<'_> {
        Card {
            techniques: self.techniques.iter().map(String::as_str).collect(),
            source: &self.source,
            ..Card::new(&self.rule, "event")
        }
    }

    fn row(&self) -> [String; 4] {
        let Rule { id, severity, .. } = &self.rule;
        let techniques = self.techniques.join(",");
        [id.to_string(), severity.name().to_owned(), techniques, self.source.clone()]
    }
}

/// Writes the table of runtime rules.
pub(super) fn table(rules: &[RuntimeRule], page: &mut Page<'_>) {
    if rules.is_empty() {
        return;
    }
    let heads = ["ID", "SEVERITY", "TECHNIQUE", "EVENTS"];
    let rows: Vec<_> = rules.iter().map(RuntimeRule::row).collect();
    let of = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths: Vec<_> = (0..4).map(|column| of(column).max(heads[column].len())).collect();
    for (head, max) in heads.iter().zip(&widths) {
        page.put(DIM, head).gap(max - head.len() + 2);
    }
    page.put(DIM, "RUNTIME RULE").end();
    let used = widths.iter().map(|width| width + 2).sum::<usize>();
    for (row, rule) in rows.iter().zip(rules) {
        for (column, (cell, max)) in row.iter().zip(&widths).enumerate() {
            let style = match column {
                0 => STRONG,
                1 => style::severity(rule.rule.severity),
                _ => PLAIN,
            };
            page.put(style, cell).gap(max - cell.len() + 2);
        }
        let titles = page.width.saturating_sub(used).max(20);
        page.put(PLAIN, &cut(&rule.rule.title, titles)).end();
    }
}

/// Writes the explanation of a runtime rule.
///
/// # Errors
/// Writing to `out` fails.
pub fn runtime_explain(
    rule: &RuntimeRule,
    layout: Layout,
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    let own = &rule.rule;
    if layout == Layout::Json {
        let detail = Detail { why: own.why.trim(), advice: own.advice.trim(), ..Detail::default() };
        return guard::write(&Card { detail: Some(detail), ..rule.card() }, out);
    }
    let mut page = Page::new(options, out);
    let page = &mut page;
    let severity = own.severity.name();
    page.put(style::severity(own.severity), &format!("{severity}[{}]", own.id));
    page.put(PLAIN, " ").put(STRONG, &own.name).end();
    page.end();
    fact(page, "area", own.area.name());
    fact(page, "technique", &rule.techniques.join(", "));
    fact(page, "source", &rule.source);
    fact(page, "events", &rule.events);
    section(page, STRONG, "Why", &own.why);
    section(page, HELP, "Response", &own.advice);
    page.end();
    let more = format!("`pavisade runtime rules explain {}` shows the condition.", own.id);
    page.wrapped(PLAIN, &more, 0, 0);
    page.flush()
}
