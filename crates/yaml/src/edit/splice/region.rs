//! The range that an edit may read or change.

use std::ops::Range;

use super::Text;
use crate::doc::Kind;
use crate::edit::Step;

impl Text<'_> {
    /// Returns the bytes that an edit at a path depends on. Edits with disjoint ranges can be
    /// applied in any order.
    ///
    /// The range is the collection in which something is added, removed or replaced: in flow style
    /// its own text; in a block its lines, from its key to the next line that is not a comment.
    pub(in crate::edit) fn region(&self, path: &[Step]) -> Range<usize> {
        let (at, rest) = self.nearest(path);
        let is_collection = matches!(at.kind(), Kind::Mapping | Kind::Sequence);
        let inside = match at.parent() {
            Some(parent) if !is_collection || rest.is_empty() => parent,
            _ => at,
        };
        let start = self.start(inside);
        let from = self.key_start(inside).map_or(start, |key| key.min(start));
        let end = self.end(inside).max(start);
        if self.is_flow(inside) && inside.parent().is_some_and(|around| self.is_flow(around)) {
            return from..end.max(from + 1);
        }
        self.line_start(from)..self.skip_comments(self.next_line(end)).max(from + 1)
    }

    /// Returns the start of the first line that is not blank or a comment.
    fn skip_comments(&self, mut line: usize) -> usize {
        while line < self.text.len() {
            let next = self.next_line(line);
            let text = self.text[line..next].trim_start();
            if !text.is_empty() && !text.starts_with('#') {
                break;
            }
            line = next;
        }
        line
    }
}
