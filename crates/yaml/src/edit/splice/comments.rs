//! Where new lines go below a block: behind the comments that belong to it.

use std::ops::Range;

use super::Text;
use crate::doc::{Kind, Value};

impl Text<'_> {
    /// Lines at a column, below a block's last value.
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

    /// The start of the line behind a text that keeps its blank lines (`|+`).
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

    /// The last byte that belongs to a block whose last value that is and which stands at a column.
    ///
    /// Comments that are moved further in do. Those at its column do where they cannot be about
    /// what comes next, which stands further out; in front of a neighbour, only elements of a list
    /// that somebody turned off.
    fn behind_comments(&self, last: Value<'_>, column: usize) -> usize {
        let end = self.end(last);
        let mut own = end;
        let (mut apart, mut off) = (false, false);
        let mut line = self.next_line(end);
        let in_list = last.parent().is_some_and(|around| around.kind() == Kind::Sequence)
            || last.kind() == Kind::Sequence
                && !self.is_flow(last)
                && self.column(self.start(last)) == column;
        // At the first column a comment may be about the next document.
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

    /// The column of the next line that is no comment.
    fn column_of_next(&self, from: usize) -> Option<usize> {
        let said = self.text[from..].lines().find(|line| {
            let line = line.trim_start();
            !line.is_empty() && !line.starts_with('#')
        })?;
        Some(said.len() - said.trim_start().len())
    }
}
