//! Vulnerabilities of one image, for people: one line an advisory and package, the most urgent
//! first, below what they were compared with and above what to upgrade.

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

/// All that is told of an image.
#[derive(Debug)]
pub struct Vulnerable<'a> {
    /// What is in the image.
    pub inventory: &'a Inventory,
    /// What was found.
    pub judgement: &'a Judgement,
    /// What its packages were compared with.
    pub data: &'a Data,
    /// What to upgrade, the most useful first.
    pub upgrades: &'a [Upgrade],
    /// The day.
    pub today: Date,
    /// How lines are put together.
    pub by: By,
    /// Whether all upgrades are told, layer by layer.
    pub suggest: bool,
    /// Vulnerabilities without a known fix that were asked to be left out.
    pub left_out: LeftOut,
}

/// Vulnerabilities that are left out, since no fix of them is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Those of which it is known that there is none.
    pub without_fix: usize,
    /// Those of which nobody says whether there is one.
    pub fix_unknown: usize,
}

impl LeftOut {
    /// That they are, as a sentence; nothing where none are.
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

/// Writes what is told of an image.
///
/// # Errors
/// `out` does not take it.
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
