//! Differences between two images.

use std::io::{self, Write};

use pavisade_model::Note;
use pavisade_packages::inventory::{Change, Difference};
use serde::Serialize;

use super::gained::{self, Gained, Row};
use crate::terminal::style::{self, DIM, PLAIN, STRONG};
use crate::terminal::{Page, notes};
use crate::text::number;
use crate::{Layout, Options, guard, json};

#[derive(Serialize)]
struct Document<'a> {
    changes: Vec<Changed<'a>>,
    same: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    vulnerabilities: Option<Vulnerabilities<'a>>,
    notes: Vec<json::Note<'a>>,
}

#[derive(Serialize)]
struct Vulnerabilities<'a> {
    gained: Vec<Row<'a>>,
    lost: Vec<Row<'a>>,
    same: usize,
}

#[derive(Serialize)]
struct Changed<'a> {
    change: &'static str,
    r#type: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    architecture: &'a str,
    before: &'a [String],
    after: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    layer: Option<u16>,
}

/// Writes the differences between two images with the notes of both, and the added and removed
/// vulnerabilities if they were requested.
///
/// # Errors
/// Writing to `out` fails.
pub fn image_diff(
    difference: &Difference,
    gained: Option<&Gained<'_>>,
    unread: &[Note],
    layout: Layout,
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    let Difference { changes, same } = difference;
    let words = |change: &Change| match (change.before.is_empty(), change.after.is_empty()) {
        (true, _) => ("added", "+", style::GOOD),
        (_, true) => ("removed", "-", style::UNKNOWN),
        _ => ("changed", "~", STRONG),
    };
    if layout == Layout::Json {
        let changes = changes.iter().map(|change| Changed {
            change: words(change).0,
            r#type: &change.ecosystem,
            name: &change.name,
            architecture: &change.architecture,
            before: &change.before,
            after: &change.after,
            layer: change.layer,
        });
        let notes = unread.iter().map(json::Note::from).collect();
        let vulnerabilities = gained.map(|gained| Vulnerabilities {
            gained: gained::rows(&gained.gained),
            lost: gained::rows(&gained.lost),
            same: gained.same,
        });
        let document = Document { changes: changes.collect(), same: *same, vulnerabilities, notes };
        return guard::write(&document, out);
    }
    let mut page = Page::new(options, out);
    for change in changes {
        let (_, sign, style) = words(change);
        page.put(style, sign).put(DIM, &format!(" {} ", change.ecosystem)).put(PLAIN, &change.name);
        let versions = |versions: &[String]| versions.join(", ");
        let (before, after) = (versions(&change.before), versions(&change.after));
        let text = match (&*before, &*after) {
            ("", one) | (one, "") => format!(" {one}"),
            (before, after) => format!(" {before} → {after}"),
        };
        page.put(PLAIN, &text);
        if let Some(layer) = change.layer {
            page.put(DIM, &format!(" (layer {layer})"));
        }
        page.end();
        page.flush()?;
    }
    if !changes.is_empty() {
        page.end();
    }
    if let Some(gained) = gained {
        gained::write(&mut page, gained);
    }
    notes(&mut page, unread, false);
    let count =
        |word: &str| number(changes.iter().filter(|change| words(change).0 == word).count());
    let [added, removed, changed] = ["added", "removed", "changed"].map(count);
    let summary =
        format!("{added} added, {removed} removed, {changed} changed, {} the same", number(*same));
    page.put(STRONG, &summary).end();
    if let Some(Gained { gained, lost, same }) = gained {
        let [gained, lost, same] = [gained.len(), lost.len(), *same].map(number);
        let summary = format!("vulnerabilities: {gained} added, {lost} removed, {same} unchanged");
        page.put(STRONG, &summary).end();
    }
    page.flush()
}
