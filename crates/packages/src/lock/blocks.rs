//! Lock files in TOML with a list of `[[package]]` tables.
//!
//! A parsed document takes fifty times its size, so the text is split before each `[[package]]` and
//! the pieces are parsed one by one. An invalid piece also does not affect the others.

use toml::de::{DeTable, DeValue};

use super::list::List;
use crate::contents::Problem;

const HEADER: &str = "[[package]]";
/// The largest piece in bytes. The largest packages have some hundred archives of a hundred bytes
/// each.
const MAX_PIECE: usize = 2 << 20;
/// The bytes of an invalid piece that are parsed as far as possible.
const MAX_FAULTY: usize = 64 << 10;

/// A package with the line of its name.
pub(super) struct Entry<'t, 'i> {
    pub(super) table: &'t DeTable<'i>,
    pub(super) line: u32,
}

/// Calls `each` with every package.
pub(super) fn packages(
    source: &str,
    list: &mut List,
    mut each: impl FnMut(&mut List, &Entry<'_, '_>),
) {
    for (piece, line) in pieces(source) {
        if piece.len() > MAX_PIECE {
            let message = format!("a table has more than {MAX_PIECE} bytes");
            list.problem(Problem::at(line, message));
            continue;
        }
        let line_at = |at: usize| {
            let before = piece.as_bytes().get(..at).unwrap_or_default();
            line + u32::try_from(memchr::memchr_iter(b'\n', before).count()).unwrap_or(u32::MAX)
        };
        let document = match DeTable::parse(piece) {
            Ok(document) => document.into_inner(),
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                let message = format!("not TOML: {}", error.message());
                list.problem(Problem::at(line_at(at), message));
                if piece.len() > MAX_FAULTY {
                    continue;
                }
                DeTable::parse_recoverable(piece).0.into_inner()
            }
        };
        for (start, table) in tables(&document, "package") {
            let name = table.keys().find(|key| key.get_ref() == "name");
            let at = name.map_or(start, |name| name.span().start);
            each(list, &Entry { table, line: line_at(at) });
        }
    }
}

/// Splits the text before each package header. Returns the pieces and their first lines.
fn pieces(source: &str) -> Vec<(&str, u32)> {
    let mut pieces = Vec::new();
    let mut first = (0, 1);
    let mut quotes = None;
    let mut at = 0;
    for (line, number) in source.split_inclusive('\n').zip(1..) {
        if quotes.is_none() && line.trim() == HEADER && at > 0 {
            pieces.push((&source[first.0..at], first.1));
            first = (at, number);
        }
        quotes = open_quotes(line, quotes);
        at += line.len();
    }
    pieces.push((&source[first.0..], first.1));
    pieces
}

/// Returns the delimiter of a multi-line string that is still open at the end of a line.
fn open_quotes(line: &str, mut open: Option<&'static str>) -> Option<&'static str> {
    let mut rest = line;
    loop {
        if let Some(quotes) = open {
            let Some((_, behind)) = rest.split_once(quotes) else { return open };
            rest = behind;
        }
        let at = rest.find(['"', '\'', '#'])?;
        rest = &rest[at..];
        open = ["\"\"\"", "'''"].into_iter().find(|quotes| rest.starts_with(quotes));
        if let Some(quotes) = open {
            rest = &rest[quotes.len()..];
            continue;
        }
        let quote = rest.as_bytes()[0];
        if quote == b'#' {
            return None;
        }
        // A string that ends on its line.
        let mut escaped = false;
        let end = rest.bytes().skip(1).position(|byte| {
            let is_end = byte == quote && !escaped;
            escaped = byte == b'\\' && quote == b'"' && !escaped;
            is_end
        })?;
        rest = &rest[end + 2..];
    }
}

/// Returns the tables of an array with their offsets.
pub(super) fn tables<'t, 'i>(
    table: &'t DeTable<'i>,
    key: &str,
) -> impl Iterator<Item = (usize, &'t DeTable<'i>)> {
    let array = table.get(key).and_then(|value| value.get_ref().as_array());
    let items = array.into_iter().flat_map(|array| array.iter());
    items.filter_map(|item| Some((item.span().start, item.get_ref().as_table()?)))
}

/// Returns a string of a table, or an empty one.
pub(super) fn text<'t>(table: &'t DeTable<'_>, key: &str) -> &'t str {
    table.get(key).and_then(|value| value.get_ref().as_str()).unwrap_or("")
}

/// Returns a nested table.
pub(super) fn inner<'t, 'i>(table: &'t DeTable<'i>, key: &str) -> Option<&'t DeTable<'i>> {
    table.get(key).map(|value| value.get_ref()).and_then(DeValue::as_table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_cut_outside_of_texts() {
        let source = "version = 1\n[[package]]\na = \"\"\"\n[[package]]\n\"\"\" # '''\n[[package]]\n\
                      b = '\"\"\"'\nc = \"\\\"\"\n  [[package]]\nd = '''x'''\n[[package]] # no\n";
        let lines: Vec<_> = pieces(source).into_iter().map(|(_, line)| line).collect();
        assert_eq!(lines, [1, 2, 6, 9]);
        assert_eq!(pieces("[[package]]\n").len(), 1);
        assert_eq!(pieces(""), [("", 1)]);
    }

    #[test]
    fn a_fault_stays_in_its_piece() {
        let source =
            "[[package]]\nname = \"a\"\nx = = 1\n\n[[package]]\nname = \"b\"\n[[package]]\n\"\n";
        let mut list = List::default();
        let mut names = Vec::new();
        packages(source, &mut list, |_, entry| {
            names.push((text(entry.table, "name").to_owned(), entry.line));
        });
        assert_eq!(names[..2], [("a".to_owned(), 2), ("b".to_owned(), 6)]);
        let lines: Vec<_> = list.into_contents().problems.iter().map(|p| p.line).collect();
        assert_eq!(lines, [Some(3), Some(8)]);
    }

    #[test]
    fn a_table_that_is_too_large_is_refused() {
        let source =
            format!("[[package]]\nname = \"{}\"\n[[package]]\nname = \"b\"\n", "a".repeat(3 << 20));
        let mut list = List::default();
        let mut count = 0;
        packages(&source, &mut list, |_, _| count += 1);
        assert_eq!((count, list.into_contents().problems.len()), (1, 1));
    }
}
