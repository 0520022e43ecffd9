//! Everything that users read and programs parse: terminal, JSON, SARIF, and the pages about checks.
//!
//! It takes values and writes text. It opens nothing and asks nothing: colour, width and what is
//! known about frameworks come in as [`Options`].
//!
//! Not here: what is found (`checks`, `scan`), when colour is right (the faces).

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};

use pavisade_scan::Judgement;

mod baseline;
pub mod comply;
mod fixes;
#[cfg(test)]
mod fixture;
mod guard;
pub mod json;
mod mask;
mod pages;
mod region;
mod sarif;
mod snapshots;
mod terminal;
mod text;

pub use baseline::baseline;
pub use comply::{ComplyFormat, comply, framework_explain, frameworks_list, topics_list};
pub use fixes::{Again, Fixes, fixes, fixes_diff};
pub use mask::SECRET_CHECKS;
pub use pages::{Layout, check_explain, checks_list};
pub use snapshots::{snapshot_diff, snapshot_info};
pub use terminal::{problems, style};

/// A text for a terminal: on one line, hidden characters made visible.
pub fn one_line(text: &str) -> String {
    text::clean(text).into_owned()
}

/// How a result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Terminal,
    /// Our own versioned document: [`json`].
    Json,
    /// SARIF 2.1.0.
    Sarif,
}

impl Format {
    /// All, in the order in which help texts name them.
    pub const ALL: [Self; 3] = [Self::Terminal, Self::Json, Self::Sarif];

    /// The lower-case word of command lines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Terminal => "terminal",
            Self::Json => "json",
            Self::Sarif => "sarif",
        }
    }
}

/// How to show a result.
#[derive(Debug, Clone)]
pub struct Options {
    /// Terminal: with colours.
    pub color: bool,
    /// Terminal: columns that there are. Less than 40 counts as 40.
    pub width: usize,
    /// Terminal: findings of one check that are shown with their source.
    pub per_check: usize,
    /// Terminal: further places of one check that are listed.
    pub places: usize,
    /// Terminal: every place with its source, every unknown and every note.
    pub full: bool,
    /// Terminal: what exceptions let through.
    pub show_excepted: bool,
    /// Terminal: what the user's configuration turns off, in a few words; empty where there is none.
    pub configuration: String,
    /// Controls by check id (`cis-1.12/5.2.1`); empty where nobody asked.
    pub frameworks: BTreeMap<String, Vec<String>>,
    /// SARIF: what file names are made relative to, where they begin with it.
    pub root: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            color: false,
            width: 100,
            per_check: 1,
            places: 8,
            full: false,
            show_excepted: false,
            configuration: String::new(),
            frameworks: BTreeMap::new(),
            root: None,
        }
    }
}

/// Writes a result.
///
/// # Errors
/// `out` does not take it.
pub fn write(
    format: Format,
    judgement: &Judgement,
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 16, out);
    match format {
        Format::Terminal => terminal::write(judgement, options, &mut out)?,
        Format::Json => {
            guard::write(&json::Document::new(judgement, options), &mut out)?;
        }
        Format::Sarif => guard::write(&sarif::log(judgement, options), &mut out)?,
    }
    out.flush()
}
