//! Explains why a vulnerability is or is not reported for an image.

use std::io::{self, Write};

use pavisade_judgement::{Excepted, Ranked};
use pavisade_model::{Finding, FixState, Note};
use pavisade_vulndb::{Because, Bound, Explained, Known, Until, Verdict};

use crate::terminal::Page;
use crate::terminal::style::{self, DIM, GOOD, PLAIN, STRONG, UNKNOWN};
use crate::text::{clean, count, cut};
use crate::{Options, priority, summary};

/// Maximum number of packages listed that are not installed.
const NAMED: usize = 6;

/// The data about an advisory id and an image.
#[derive(Debug)]
pub struct Explanation<'a> {
    /// The requested id.
    pub id: &'a str,
    /// The name of the image as given by the user.
    pub image: &'a str,
    /// The name of the database as given by the user.
    pub database: &'a str,
    /// The records of the id in the database.
    pub known: &'a Known,
    /// Packages of the image that records apply to, or that have the same name.
    pub cases: Vec<Case<'a>>,
    /// What was not read or compared, so that something may be missing.
    pub notes: &'a [Note],
}

/// A package of the image.
#[derive(Debug)]
pub struct Case<'a> {
    /// The ecosystem, that of its advisories if known.
    pub ecosystem: String,
    /// The name.
    pub name: &'a str,
    /// The version.
    pub version: &'a str,
    /// Its location, and the package that installed it.
    pub place: String,
    /// The outcome.
    pub outcome: Outcome<'a>,
    /// The result for each record.
    pub records: Vec<Explained>,
}

/// The outcome for a vulnerability in a package.
#[derive(Debug)]
pub enum Outcome<'a> {
    /// It is reported.
    Reported(&'a Finding),
    /// A VEX statement dismisses it.
    Dismissed(&'a Finding),
    /// An exception covers it.
    Excepted(&'a Excepted),
    /// The package is part of another one, for which the distribution's advisories are used.
    Owned(String),
    /// Records apply to this name only in other ecosystems or releases.
    Elsewhere(Vec<String>),
    /// The database has no advisories for the ecosystem.
    NoAdvisories,
    /// No record applies to this version.
    NotAffected,
    /// It could not be determined.
    Undecided,
}

/// Writes an explanation.
///
/// # Errors
/// Writing to `out` fails.
pub fn explained(told: &Explanation<'_>, options: &Options, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page::new(options, out);
    image(&mut page, told);
    crate::terminal::notes(&mut page, told.notes, false);
    page.flush()
}

/// Writes explanations of an id for several images, and the images that were not read with the
/// reasons. Notes are written once at the end.
///
/// # Errors
/// Writing to `out` fails.
pub fn explained_all(
    told: &[Explanation<'_>],
    (id, unread): (&str, &[(&str, &str)]),
    notes: &[Note],
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut page = Page::new(options, out);
    for one in told {
        image(&mut page, one);
    }
    for (name, why) in unread {
        page.put(STRONG, id).put(PLAIN, " in ").put(STRONG, &clean(name)).end();
        page.put(UNKNOWN, "unknown").put(PLAIN, ": ");
        let text = format!("the image was not scanned: {}", clean(why));
        page.wrapped(PLAIN, &text, 9, 2);
        page.end();
    }
    if told.is_empty() && unread.is_empty() {
        page.put(STRONG, id).put(PLAIN, ": ").put(UNKNOWN, "unknown");
        page.put(PLAIN, ": no image was scanned").end();
    }
    crate::terminal::notes(&mut page, notes, false);
    page.flush()
}

fn image(page: &mut Page<'_>, told: &Explanation<'_>) {
    let Explanation { id, image, known, cases, .. } = told;
    page.put(STRONG, id).put(PLAIN, " in ").put(STRONG, image).end();
    head(page, known);
    for case in cases {
        one(page, case);
    }
    if cases.is_empty() {
        absent(page, told);
    }
}

fn head(page: &mut Page<'_>, known: &Known) {
    let title = known.records.iter().map(|record| record.title.trim()).find(|t| !t.is_empty());
    if let Some(title) = title {
        let title = cut(&clean(title), 300).into_owned();
        page.wrapped(PLAIN, &title, 0, 0);
    }
    for record in &known.records {
        let mut text = format!("record {} of the feed {}", record.id, record.feed);
        if !record.aliases.is_empty() {
            text = format!("{text}, also {}", record.aliases.join(", "));
        }
        if !record.url.is_empty() {
            text = format!("{text}: {}", record.url);
        }
        page.wrapped(DIM, &text, 0, 2);
    }
    for (record, time) in &known.withdrawn {
        let day = time.get(..10).unwrap_or(time);
        let text =
            format!("record {record} was withdrawn by its publisher on {day}, so it is ignored");
        page.wrapped(DIM, &text, 0, 2);
    }
    page.end();
}

fn one(page: &mut Page<'_>, case: &Case<'_>) {
    let (style, word) = match &case.outcome {
        Outcome::Reported(finding) => (style::severity(finding.severity), "reported"),
        Outcome::Dismissed(_) => (GOOD, "dismissed"),
        Outcome::Excepted(_) => (DIM, "excepted"),
        Outcome::Undecided | Outcome::NoAdvisories => (UNKNOWN, "unknown"),
        Outcome::Owned(_) | Outcome::Elsewhere(_) | Outcome::NotAffected => (GOOD, "not reported"),
    };
    page.put(style, word).put(PLAIN, ": ");
    page.put(STRONG, &format!("{} {}", case.name, case.version));
    page.put(PLAIN, &format!(" ({})", case.ecosystem)).end();
    row(page, "in", &case.place);
    match &case.outcome {
        Outcome::Owned(owner) => {
            let text =
                format!("it is part of {owner}, for which the advisories of its vendor apply");
            row(page, "because", &text);
        }
        Outcome::Elsewhere(ecosystems) => {
            let text = format!(
                "no record of it is about this package in {}, but about it in {}",
                case.ecosystem,
                ecosystems.join(", ")
            );
            row(page, "because", &text);
        }
        Outcome::NoAdvisories => {
            let text = format!("the database has no advisories for {}", case.ecosystem);
            row(page, "because", &text);
        }
        _ => {}
    }
    for record in &case.records {
        self::record(page, record);
    }
    match &case.outcome {
        Outcome::Reported(finding) => {
            said(page, finding);
            if let Some(ranked) = Ranked::of(finding) {
                let parts: Vec<_> = ranked.parts.iter().map(priority::part).collect();
                let text = format!("{}: {}", ranked.priority.name(), parts.join("; "));
                row(page, "priority", &text);
            }
        }
        Outcome::Dismissed(finding) => said(page, finding),
        Outcome::Excepted(excepted) => {
            let exception = &excepted.exception;
            let text = format!("{}: {}", exception.place, summary::exception(exception));
            row(page, "exception", &text);
        }
        _ => {}
    }
    page.end();
}

/// Writes the VEX statement.
fn said(page: &mut Page<'_>, finding: &Finding) {
    let found = finding.vulnerability.as_deref();
    if let Some(statement) = found.and_then(|found| found.statement.as_deref()) {
        let text = format!("{}: {}", statement.place, priority::statement(statement));
        row(page, "VEX", &text);
    }
}

fn row(page: &mut Page<'_>, label: &str, text: &str) {
    if !text.is_empty() {
        page.gap(2).put(DIM, label).gap(10_usize.saturating_sub(label.len()));
        page.wrapped(PLAIN, &cut(&clean(text), 2000), 12, 12);
    }
}

fn record(page: &mut Page<'_>, record: &Explained) {
    row(page, "record", &format!("{} of the feed {}", record.record, record.feed));
    row(page, "range", &ranges(record));
    if !record.state.is_empty() {
        row(page, "vendor", record.state);
    }
    row(page, "compared", &compared(record));
}

fn ranges(record: &Explained) -> String {
    let event = |(bound, version): &(Bound, String)| match bound {
        Bound::Introduced if version == "0" => "from the first version".to_owned(),
        Bound::Introduced => format!("from {version}"),
        Bound::Fixed => format!("fixed in {version}"),
        Bound::LastAffected => format!("up to {version}"),
    };
    let mut texts: Vec<_> = record
        .ranges
        .iter()
        .map(|range| range.iter().map(event).collect::<Vec<_>>().join(", "))
        .collect();
    if record.listed > 0 {
        texts.push(count(record.listed, "version is listed", "versions are listed"));
    }
    texts.join("; or ")
}

fn compared(record: &Explained) -> String {
    let Explained { package, version, .. } = record;
    let what = format!("{package} {version}");
    let order =
        record.order.map_or_else(String::new, |order| format!(" by the order of {}", order.name()));
    match &record.verdict {
        Verdict::Affected(because, fix) => {
            let why = match because {
                Because::Listed => "is one of the listed versions".to_owned(),
                Because::Range { introduced, until } => {
                    let from = match introduced.as_str() {
                        "0" => String::new(),
                        from => format!("is not before {from} and "),
                    };
                    match until {
                        Until::Fixed(fixed) => format!("{from}is before {fixed}"),
                        Until::Last(last) => format!("{from}is not after {last}"),
                        Until::Open => format!("{from}no version is fixed"),
                    }
                }
            };
            let fix = match fix {
                FixState::Fixed(_) | FixState::Unknown => "",
                FixState::NotFixed => "; there is no fix yet",
                FixState::WontFix => "; the vendor will not fix it",
            };
            format!("{what} {why}{order}: affected{fix}")
        }
        Verdict::Outside if record.ranges.is_empty() => {
            format!("{what} is none of the listed versions: not affected")
        }
        Verdict::Outside => format!("{what} is not in any range{order}: not affected"),
        Verdict::NotAffected => format!("{what}: the vendor states that it is not affected"),
        Verdict::Undecided(why) => format!("{what} could not be compared: {why}"),
    }
}

/// Explains why no package of the image is affected, as far as it was read.
fn absent(page: &mut Page<'_>, told: &Explanation<'_>) {
    let Explanation { known, database, notes, .. } = told;
    let proven = !known.records.is_empty() && notes.is_empty();
    page.put(if proven { GOOD } else { UNKNOWN }, "not reported").put(PLAIN, ": ");
    let text = match (known.records.is_empty(), known.withdrawn.is_empty()) {
        (true, false) => "all records of it were withdrawn".to_owned(),
        (true, true) => format!(
            "no record in {database} has this ID. It may be misspelled, newer than the data, or \
             from a feed that is not in the database (`pavisade db status` lists the feeds)"
        ),
        _ => {
            let names = known.packages.iter().take(NAMED);
            let names: Vec<_> = names.map(|(of, name)| format!("{name} ({of})")).collect();
            let more = match known.packages.len().saturating_sub(NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!(
                "none of the packages in its records is in the image: {}{more}",
                names.join(", ")
            )
        }
    };
    page.wrapped(PLAIN, &text, 14, 2);
}
