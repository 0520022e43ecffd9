//! Determines where new lines after a block go: after the comments that belong to the block.

use std::ops::Range;

use super::Text;
use crate::doc::{Kind, Value};

impl Text<'_> {
    /// Inserts lines at a column, after the last value of a block.
    pub(super) fn after(
        &self,
        last: Value<'_>,
        column: usize,
        lines: &[String],
    ) -> (Range<usize>, String) {
        if let Some(start) = self.behind_kept_lines(last) {
            let text = lines.iter().flat_map(|line| [line, self.line_end]).collect();
            return (start..start, text);
        }
        let at = self.line_stop(self.behind_comments(last, column));
        (at..at, lines.iter().flat_map(|line| [self.line_end, line]).collect())
    }

    /// Returns the start of the line after a text that keeps its blank lines (`|+`).
    fn behind_kept_lines(&self, last: Value<'_>) -> Option<usize> {
        let mut leaf = last;
        while let Some(inside) = leaf.entries().map(|(_, v)| v).chain(leaf.items()).last() {
            leaf = inside;
        }
        let span = leaf.span();
        let text = self.text.get(span.start as usize..span.end as usize)?;
        let header = text.starts_with(['|', '>']).then(|| text.lines().next())??;
        let keeps = header.split('#').next()?.contains('+');
        (keeps && text.ends_with('\n')).then_some(span.end as usize)
    }

    /// Returns the end of a block at `column` with the last value `last`, including its comments.
    ///
    /// Comments with deeper indentation belong to it. Comments at its column do if the next line
    /// has less indentation, so that they cannot be about that line. Before a sibling, only
    /// commented-out list elements do.
    fn behind_comments(&self, last: Value<'_>, column: usize) -> usize {
        let end = self.end(last);
        let mut own = end;
        let (mut apart, mut off) = (false, false);
        let mut line = self.next_line(end);
        let in_list = last.parent().is_some_and(|around| around.kind() == Kind::Sequence)
            || last.kind() == Kind::Sequence
                && !self.is_flow(last)
                && self.column(self.start(last)) == column;
        // In the first column, a comment may be about the next document.
        let next = self.column_of_next(line);
        let further_out = column > 0 && next.is_none_or(|next| next < column);
        while line < self.text.len() {
            let stop = self.line_stop(line);
            let text = self.text[line..stop].trim_start();
            let indent = stop - line - text.len();
            match text.strip_prefix('#') {
                None if text.is_empty() => apart = true,
                None => break,
                Some(said) => {
                    let element = said.trim_start().starts_with("- ");
                    off = indent == column && (element || off && said.starts_with("  "));
                    let equal = indent == column && !apart && (further_out || in_list && off);
                    if indent <= column && !equal {
                        break;
                    }
                    (own, apart) = (stop, false);
                }
            }
            line = self.next_line(line);
        }
        own
    }

    /// Returns the end of the last comment after a line with deeper indentation than a column.
    pub(super) fn behind_inner_comments(&self, at: usize, column: usize) -> usize {
        let mut own = self.line_stop(at);
        let mut line = self.next_line(at);
        while line < self.text.len() {
            let stop = self.line_stop(line);
            let text = self.text[line..stop].trim_start();
            if !text.starts_with('#') || stop - line - text.len() <= column {
                break;
            }
            own = stop;
            line = self.next_line(line);
        }
        own
    }

    /// Returns the column of the next line that is not a comment.
    fn column_of_next(&self, from: usize) -> Option<usize> {
        let said = self.text[from..].lines().find(|line| {
            let line = line.trim_start();
            !line.is_empty() && !line.starts_with('#')
        })?;
        Some(said.len() - said.trim_start().len())
    }
}
