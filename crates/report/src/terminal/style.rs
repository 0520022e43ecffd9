//! The colors of the output.

use anstyle::{AnsiColor, Effects, Style};
use pavisade_model::{NoteKind, Severity};

/// Line numbers, arrows and bars.
pub const FRAME: Style = AnsiColor::BrightBlue.on_default().effects(Effects::BOLD);
/// Less important text.
pub const DIM: Style = Style::new().effects(Effects::DIMMED);
/// The most important text after the severity.
pub const STRONG: Style = Style::new().effects(Effects::BOLD);
/// Unknown results.
pub const UNKNOWN: Style = AnsiColor::Magenta.on_default().effects(Effects::BOLD);
/// Success.
pub const GOOD: Style = AnsiColor::Green.on_default().effects(Effects::BOLD);
/// Advice.
pub const HELP: Style = AnsiColor::Cyan.on_default().effects(Effects::BOLD);
/// Plain text.
pub const PLAIN: Style = Style::new();

/// Returns the style of a severity.
pub const fn severity(severity: Severity) -> Style {
    match severity {
        Severity::Critical => AnsiColor::BrightRed.on_default().effects(Effects::BOLD),
        Severity::High => AnsiColor::Red.on_default().effects(Effects::BOLD),
        Severity::Medium => AnsiColor::Yellow.on_default(),
        Severity::Low | Severity::Unknown => AnsiColor::Cyan.on_default(),
    }
}

/// Returns the style of a kind of note.
pub const fn note(kind: NoteKind) -> Style {
    match kind {
        NoteKind::Unread => AnsiColor::Red.on_default().effects(Effects::BOLD),
        NoteKind::Warning => AnsiColor::Yellow.on_default().effects(Effects::BOLD),
        NoteKind::Drift => AnsiColor::Magenta.on_default().effects(Effects::BOLD),
        NoteKind::Unjudged => AnsiColor::Cyan.on_default().effects(Effects::BOLD),
        NoteKind::Info => AnsiColor::Green.on_default(),
    }
}

/// Returns the text in a style, if colors are used.
pub(crate) fn paint(color: bool, style: Style, text: &str) -> String {
    if color && style != PLAIN && !text.is_empty() {
        format!("{style}{text}{style:#}")
    } else {
        text.to_owned()
    }
}
