//! Notes from reading, with unread input first.

use std::collections::HashMap;

use pavisade_model::{Note, NoteKind};

use super::page::Page;
use super::style::{self, DIM, HELP};
use crate::text::{clean, count, cut, unbroken};

/// Maximum number of distinct notes of a kind by default.
const MESSAGES: usize = 8;
/// Maximum number of places of a note by default.
const PLACES: usize = 3;

/// Returns the label of a kind of note.
pub(super) fn label(kind: NoteKind) -> &'static str {
    match kind {
        NoteKind::Unread => "not read",
        NoteKind::Warning => "warning",
        NoteKind::Drift => "drift",
        NoteKind::Unjudged => "not checked",
        NoteKind::Info => "note",
    }
}

/// Writes the section. Returns whether everything was shown.
///
/// If `alone`, there is nothing else to show, so informational notes are shown too.
pub(crate) fn section(page: &mut Page<'_>, notes: &[Note], alone: bool) -> bool {
    let mut told_all = true;
    for kind in NoteKind::ALL {
        told_all &= of_kind(page, notes, kind, alone);
    }
    told_all
}

fn of_kind(page: &mut Page<'_>, notes: &[Note], kind: NoteKind, alone: bool) -> bool {
    let mut groups: Vec<Vec<&Note>> = Vec::new();
    let mut by_text = HashMap::new();
    for note in notes.iter().filter(|note| note.kind == kind) {
        let at = *by_text.entry((&note.message, &note.remedy)).or_insert(groups.len());
        if at == groups.len() {
            groups.push(Vec::new());
        }
        groups[at].push(note);
    }
    let full = page.options.full;
    // Skipped input is shown only on request.
    if kind == NoteKind::Info && !full && !alone {
        return groups.is_empty();
    }
    let told = if full || groups.len() <= MESSAGES + 1 { groups.len() } else { MESSAGES };
    let mut told_all = told == groups.len();
    for group in &groups[..told] {
        told_all &= message(page, group, kind);
    }
    if told < groups.len() {
        let more = count(groups.len() - told, "more message", "more messages");
        page.put(DIM, &format!("… and {more} of this kind ({})", label(kind))).end();
        page.end();
    }
    told_all
}

fn message(page: &mut Page<'_>, group: &[&Note], kind: NoteKind) -> bool {
    let Some(first) = group.first() else { return true };
    let mut text = cut(&first.message, 1500).into_owned();
    if group.len() > 1 {
        let places = unbroken(&count(group.len(), "place", "places"));
        text = format!("{text} ({places})");
    }
    page.header(style::note(kind), label(kind), ("", &text));
    let told = if page.options.full || group.len() <= PLACES + 1 { group.len() } else { PLACES };
    for note in &group[..told] {
        page.arrow(1, &place(note), "");
    }
    if told < group.len() {
        let more = count(group.len() - told, "more place", "more places");
        page.gap(5).put(DIM, &format!("… and {more}")).end();
    }
    page.remark(1, (HELP, "help:"), &first.remedy);
    page.end();
    told == group.len()
}

fn place(note: &Note) -> String {
    let name = clean(&note.place);
    match &note.span {
        Some((source, start, _)) => {
            let (line, column) = source.line_column(*start);
            format!("{name}:{line}:{column}")
        }
        None => name.into_owned(),
    }
}
