//! One line per advisory and package.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::io;

use anstyle::Style;
use pavisade_judgement::{Judgement, Part, Priority, Ranked};
use pavisade_model::{Finding, FixState, State, Subject, Vulnerability};
use pavisade_packages::Inventory;

use crate::image::{instruction, layer_name};
use crate::terminal::Page;
use crate::terminal::style::{self, DIM, PLAIN, STRONG, UNKNOWN};
use crate::text::{clean, count, cut, width};

/// Maximum number of lines by default.
const SHOWN: usize = 100;
/// Maximum width of a cell.
const WIDEST: usize = 30;

/// How lines are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum By {
    /// In one table, most urgent first.
    #[default]
    Priority,
    /// By the layer that added the package.
    Layer,
    /// By package.
    Package,
}

/// A line.
pub(super) struct Row<'a> {
    pub finding: &'a Finding,
    pub ranked: Ranked,
    found: &'a Vulnerability,
    name: &'a str,
    version: &'a str,
    layer: Option<u16>,
}

/// Returns the failures, most urgent first.
pub(super) fn rows<'a>(judgement: &'a Judgement, inventory: &Inventory) -> Vec<Row<'a>> {
    let mut layers = HashMap::new();
    for found in &inventory.packages {
        let purl = found.purl.as_ref().map(ToString::to_string).unwrap_or_default();
        let key = (found.package.name.as_str(), found.package.version.as_str(), purl);
        layers.entry(key).or_insert(found.layer());
    }
    let row = |finding: &'a Finding| {
        let found = finding.vulnerability.as_deref()?;
        let Subject::Package { name, version, purl, .. } = &finding.subject else { return None };
        let layer = layers.get(&(&**name, &**version, purl.to_string())).copied().flatten();
        let ranked = Ranked::of(finding)?;
        Some(Row { finding, ranked, found, name, version, layer })
    };
    let mut rows: Vec<_> = judgement.of_state(State::Fails).filter_map(row).collect();
    rows.sort_by(|a, b| {
        let key = |row: &Row<'_>| {
            let fixed = row.found.fix.version().is_some();
            (Reverse(row.ranked.priority), Reverse(row.finding.severity), !fixed)
        };
        let probability = |row: &Row<'_>| row.found.advisory.epss.map_or(0.0, |e| e.probability);
        let name = |row: &Row<'a>| (row.name, row.found.advisory.id.as_str(), row.version);
        key(a)
            .cmp(&key(b))
            .then(probability(b).total_cmp(&probability(a)))
            .then_with(|| name(a).cmp(&name(b)))
    });
    rows
}

/// Returns the color of a priority.
pub(super) fn style_of(priority: Priority) -> Style {
    use pavisade_model::Severity::{Critical, Low, Medium};
    match priority {
        Priority::Now => style::severity(Critical),
        Priority::Soon => style::severity(Medium),
        Priority::Later => style::severity(Low),
        Priority::Unknown => UNKNOWN,
    }
}

/// Writes the lines, up to a limit unless all were requested.
pub(super) fn write(
    page: &mut Page<'_>,
    rows: &[Row<'_>],
    by: By,
    inventory: &Inventory,
) -> io::Result<()> {
    let shown = if page.options.full { rows.len() } else { SHOWN };
    let (told, rest) = rows.split_at(rows.len().min(shown));
    if by == By::Priority {
        table(page, &told.iter().collect::<Vec<_>>(), &HEADS);
    }
    let mut groups: BTreeMap<(usize, String), Vec<&Row<'_>>> = BTreeMap::new();
    for (at, row) in told.iter().enumerate().filter(|_| by != By::Priority) {
        let title = match by {
            By::Package => {
                let ecosystem = ecosystem(row.finding);
                format!("{} {} {ecosystem}", row.name, row.version).trim_end().to_owned()
            }
            _ => layer_title(inventory, row.layer),
        };
        // Layers are ordered from the bottom, packages by their most urgent line.
        let place = match by {
            By::Layer => row.layer.map_or(usize::MAX, usize::from),
            _ => {
                let known = groups.keys().find(|(_, known)| *known == title);
                known.map_or(at, |(place, _)| *place)
            }
        };
        groups.entry((place, title)).or_default().push(row);
    }
    for ((_, title), rows) in &groups {
        let room = page.width.saturating_sub(12);
        page.put(STRONG, &cut(&clean(title), room)).put(DIM, &format!(" ({})", rows.len())).end();
        table(page, rows, if by == By::Package { &HEADS_OF_PACKAGE } else { &HEADS });
        page.flush()?;
    }
    if !rest.is_empty() {
        let more = count(rest.len(), "more line", "more lines");
        let text = format!("… and {more}, less urgent than these; `--full` shows all");
        page.put(DIM, &text).end();
        page.end();
    }
    page.flush()
}

pub(super) fn layer_title(inventory: &Inventory, layer: Option<u16>) -> String {
    match (layer, inventory.layer(layer)) {
        (Some(number), Some(layer)) if !instruction(layer).is_empty() => layer_name(number, layer),
        (Some(number), Some(_)) => format!("layer {number}"),
        _ => "in an unknown layer".to_owned(),
    }
}

fn ecosystem(finding: &Finding) -> &str {
    let Subject::Package { purl, .. } = &finding.subject else { return "" };
    purl.strip_prefix("pkg:").and_then(|rest| rest.split('/').next()).unwrap_or("")
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Head {
    Priority,
    Severity,
    Advisory,
    Package,
    Installed,
    Fix,
}

const HEADS: [Head; 6] =
    [Head::Priority, Head::Severity, Head::Advisory, Head::Package, Head::Installed, Head::Fix];
const HEADS_OF_PACKAGE: [Head; 4] = [Head::Priority, Head::Severity, Head::Advisory, Head::Fix];

impl Head {
    fn text(self) -> &'static str {
        match self {
            Self::Priority => "PRIORITY",
            Self::Severity => "SEVERITY",
            Self::Advisory => "ADVISORY",
            Self::Package => "PACKAGE",
            Self::Installed => "INSTALLED",
            Self::Fix => "FIXED IN",
        }
    }

    fn cell(self, row: &Row<'_>) -> String {
        let text = match self {
            Self::Priority => row.ranked.priority.name(),
            Self::Severity => row.finding.severity.label(),
            Self::Advisory => &row.found.advisory.id,
            Self::Package => row.name,
            Self::Installed => row.version,
            Self::Fix => state(&row.found.fix),
        };
        clean(text).into_owned()
    }

    fn style(self, row: &Row<'_>) -> Style {
        match self {
            Self::Priority => style_of(row.ranked.priority),
            Self::Severity => style::severity(row.finding.severity),
            Self::Fix if row.found.fix.version().is_none() => DIM,
            _ => PLAIN,
        }
    }
}

/// Returns the fixed version, or the fix state.
fn state(fix: &FixState) -> &str {
    match fix {
        FixState::Fixed(version) => version,
        FixState::NotFixed => "(no fix yet)",
        FixState::WontFix => "(will not fix)",
        FixState::Unknown => "(unknown)",
    }
}

fn table(page: &mut Page<'_>, rows: &[&Row<'_>], heads: &[Head]) {
    if rows.is_empty() {
        return;
    }
    let cells: Vec<Vec<String>> =
        rows.iter().map(|row| heads.iter().map(|head| head.cell(row)).collect()).collect();
    let mut widths: Vec<_> = heads.iter().map(|head| head.text().len()).collect();
    for cells in &cells {
        for (widest, cell) in widths.iter_mut().zip(cells) {
            *widest = (*widest).max(width(cell).min(WIDEST));
        }
    }
    for (head, widest) in heads.iter().zip(&widths) {
        page.put(DIM, head.text()).gap(widest - head.text().len() + 2);
    }
    page.put(DIM, "MARKS").end();
    let used: usize = widths.iter().map(|widest| widest + 2).sum();
    for (row, cells) in rows.iter().zip(&cells) {
        for ((head, cell), widest) in heads.iter().zip(cells).zip(&widths) {
            let shown = cut(cell, *widest);
            page.put(head.style(row), &shown).gap(widest - width(&shown) + 2);
        }
        let marks = marks(row);
        page.put(STRONG, &marks);
        let between = if marks.is_empty() { 0 } else { 2 };
        let room = page.width.saturating_sub(used + width(&marks) + between);
        let title = row.found.advisory.title.trim();
        if room >= 20 && !title.is_empty() {
            page.gap(between).put(DIM, &cut(&clean(title), room));
        }
        page.end();
    }
    page.end();
}

/// Returns what makes it urgent in addition to its severity.
fn marks(row: &Row<'_>) -> String {
    let mut marks = Vec::new();
    for part in &row.ranked.parts {
        marks.push(match part {
            Part::Malicious => "malicious".to_owned(),
            Part::Exploited(entry) if entry.ransomware => "KEV ransomware".to_owned(),
            Part::Exploited(_) => "KEV".to_owned(),
            Part::Epss(epss) if epss.probability >= 0.01 => {
                format!("EPSS {:.0}%", epss.probability * 100.0)
            }
            Part::Exposed(_) => "exposed".to_owned(),
            Part::Privileged(_) => "privileged".to_owned(),
            Part::Epss(_) | Part::Severity(..) | Part::Fix(_) => continue,
        });
    }
    if let Some(statement) = &row.found.statement {
        marks.push(format!("VEX {}", statement.status.name()));
    }
    marks.join(", ")
}
