//! Vulnerabilities of one image for terminals: the data used, one line per advisory and package
//! with the most urgent first, and suggested upgrades.

mod data;
pub mod json;
mod rows;
mod upgrades;

use std::io::{self, Write};

use pavisade_judgement::{Date, Judgement, Priority};
use pavisade_model::{NoteKind, Severity};
use pavisade_packages::Inventory;

pub use data::{Data, DataFeed};
pub use rows::By;
pub use upgrades::Upgrade;

use crate::terminal::style::{self, DIM, GOOD, PLAIN, STRONG};
use crate::terminal::{self, Page, notes};
use crate::text::{count, number};
use crate::{Options, image};

/// The data about an image.
#[derive(Debug)]
pub struct Vulnerable<'a> {
    /// The content of the image.
    pub inventory: &'a Inventory,
    /// The findings.
    pub judgement: &'a Judgement,
    /// The vulnerability data used.
    pub data: &'a Data,
    /// Suggested upgrades, most useful first.
    pub upgrades: &'a [Upgrade],
    /// The current date.
    pub today: Date,
    /// How lines are grouped.
    pub by: By,
    /// Whether all upgrades are shown by layer.
    pub suggest: bool,
    /// Vulnerabilities without a known fix that were excluded on request.
    pub left_out: LeftOut,
}

/// The numbers of vulnerabilities excluded because no fix is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Those for which there is no fix.
    pub without_fix: usize,
    /// Those for which it is not known whether there is a fix.
    pub fix_unknown: usize,
}

impl LeftOut {
    /// Returns a sentence about them. `None` if there are none.
    pub fn sentence(self) -> Option<String> {
        let Self { without_fix, fix_unknown } = self;
        let of = |number: usize, what: &str| {
            let vulnerabilities = count(number, "vulnerability", "vulnerabilities");
            (number > 0).then(|| format!("{vulnerabilities} {what}"))
        };
        let parts: Vec<_> = of(without_fix, "without a fix")
            .into_iter()
            .chain(of(fix_unknown, "of which it is not known whether there is a fix"))
            .collect();
        (!parts.is_empty()).then(|| format!("left out: {}", parts.join(", ")))
    }
}

/// Writes the vulnerabilities of an image.
///
/// # Errors
/// Writing to `out` fails.
pub fn vulnerabilities(
    told: &Vulnerable<'_>,
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    let Vulnerable { inventory, judgement, data, today, .. } = told;
    let mut page = Page::new(options, out);
    image::head(&mut page, inventory, |page| data::head(page, data, *today));
    let rows = rows::rows(judgement, inventory);
    rows::write(&mut page, &rows, told.by, inventory)?;
    if options.show_excepted {
        terminal::let_through(&mut page, judgement);
    }
    notes(&mut page, &judgement.notes, false);
    summary(&mut page, &rows, told);
    upgrades::write(&mut page, told.upgrades, inventory, told.suggest);
    page.flush()
}

fn summary(page: &mut Page<'_>, rows: &[rows::Row<'_>], told: &Vulnerable<'_>) {
    let packages = count(told.inventory.packages.len(), "package", "packages");
    if rows.is_empty() {
        let Judgement { notes, excepted, dismissed, .. } = told.judgement;
        let whole = notes.is_empty() && excepted.is_empty() && dismissed.is_empty();
        let (style, none) = match told.left_out == LeftOut::default() {
            true if whole => (GOOD, "no known vulnerability"),
            true => (STRONG, "no known vulnerability"),
            false => (STRONG, "no vulnerability with a known fix"),
        };
        let unread = notes.iter().any(|note| note.kind == NoteKind::Unread);
        let in_what = if unread { "what was matched of " } else { "" };
        page.put(style, none).put(PLAIN, &format!(" in {in_what}{packages}"));
    } else {
        let found = count(rows.len(), "vulnerability", "vulnerabilities");
        page.put(STRONG, &found).put(PLAIN, &format!(" in {packages}: "));
        let severities = Severity::ALL.map(|severity| {
            let number = rows.iter().filter(|row| row.finding.severity == severity).count();
            (style::severity(severity), number, severity.label())
        });
        list(page, &severities);
        page.put(PLAIN, "; priority ");
        let priorities = Priority::ALL.map(|priority| {
            let number = rows.iter().filter(|row| row.ranked.priority == priority).count();
            (rows::style_of(priority), number, priority.name())
        });
        list(page, &priorities);
    }
    let Judgement { excepted, dismissed, .. } = told.judgement;
    for (number_of, what) in [
        (dismissed.len(), "not affected or fixed by VEX statements"),
        (excepted.len(), "excepted"),
        (told.left_out.without_fix, "without a fix not shown"),
        (told.left_out.fix_unknown, "not shown, as it is not known whether there is a fix"),
    ] {
        if number_of > 0 {
            page.put(DIM, &format!("; {} {what}", number(number_of)));
        }
    }
    page.end();
}

fn list(page: &mut Page<'_>, counts: &[(anstyle::Style, usize, &str)]) {
    let there = counts.iter().filter(|(_, number, _)| *number > 0);
    for (at, (style, count, word)) in there.enumerate() {
        page.put(PLAIN, if at == 0 { "" } else { ", " });
        page.put(*style, &format!("{} {word}", number(*count)));
    }
}

#[cfg(test)]
pub(crate) mod tests;
