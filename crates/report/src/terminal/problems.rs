//! Errors in a user's file, each with its source line.

use std::io::{self, Write};

use pavisade_model::Note;

use super::excerpt::Excerpt;
use super::page::Page;
use super::style::{self, FRAME, HELP, PLAIN};
use crate::Options;
use crate::text::clean;

/// Writes errors in the style of a compiler.
///
/// # Errors
/// Writing to `out` fails.
pub fn problems(notes: &[Note], options: &Options, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page::new(options, out);
    let style = style::note(pavisade_model::NoteKind::Unread);
    for note in notes {
        page.header(style, "error", ("", &note.message));
        let Some((source, start, end)) = &note.span else {
            page.arrow(1, &clean(&note.place), "");
            page.remark(1, (HELP, "help:"), &note.remedy);
            page.end();
            continue;
        };
        let (line, column) = source.line_column(*start);
        let digits = line.to_string().len();
        page.arrow(digits, &format!("{}:{line}:{column}", clean(&note.place)), "");
        let room = page.width - digits - 3;
        if let Some(excerpt) =
            Excerpt::new(&page.regions, source, line, &(*start..*end), false, room)
        {
            page.gap(digits + 1).put(FRAME, "|").end();
            page.put(FRAME, &format!("{line} |")).put(PLAIN, " ").put(PLAIN, &excerpt.text).end();
            page.gap(digits + 1).put(FRAME, "|").gap(excerpt.mark.start + 1);
            page.put(style, &"^".repeat(excerpt.mark.len())).end();
        }
        page.remark(digits, (HELP, "help:"), &note.remedy);
        page.end();
    }
    page.flush()
}
