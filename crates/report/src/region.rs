//! Lines and columns of spans.

use std::ops::Range;

use pavisade_yaml::Source;

/// A place in a text: from 1, columns count characters, the end is past the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Region {
    pub line: u32,
    pub column: u32,
    pub end_line: u32,
    pub end_column: u32,
}

impl Region {
    /// Where `span` stands, blanks and line ends at its end left out.
    pub(crate) fn new(source: &Source, span: &Range<u32>) -> Self {
        let text = source.text();
        let inside = text.get(span.start as usize..span.end as usize).unwrap_or("");
        let end = span.start + inside.trim_end().len() as u32;
        let (line, column) = source.line_column(span.start);
        let (end_line, end_column) = source.line_column(end.max(span.start));
        Self { line, column, end_line, end_column }
    }
}
