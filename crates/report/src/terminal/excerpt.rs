//! The source line of a finding, prepared for display.

use std::ops::Range;

use pavisade_yaml::Source;

use crate::mask;
use crate::region::Regions;
use crate::text::{TAB, char_width, is_hidden, stand_in};

/// Maximum number of bytes read before and after the span: a line may have megabytes.
const REACH: usize = 2048;

/// A line with the columns to underline.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Excerpt {
    /// The line number.
    pub line: u32,
    /// The text for display.
    pub text: String,
    /// The columns to underline, from 0.
    pub mark: Range<usize>,
    /// Whether the span continues below.
    pub more: bool,
}

impl Excerpt {
    /// Creates an excerpt of the first line of `span`, which is `line`, at most `room` columns
    /// wide. If `secret`, its value is masked.
    pub(crate) fn new(
        regions: &Regions,
        source: &Source,
        line: u32,
        span: &Range<u32>,
        secret: bool,
        room: usize,
    ) -> Option<Self> {
        let (start, text) = source.line(line)?;
        let from = floor(text, span.start.checked_sub(start)? as usize);
        let to = floor(text, (span.end.max(span.start) - start) as usize);
        let rest = source.text().get(start as usize + text.len()..span.end as usize);
        let more = rest.is_some_and(|rest| !rest.trim().is_empty());
        let (mut text, mut span) =
            mask::secrets(text, start as usize, &regions.secrets(source), from..to);
        if secret {
            (text, span) = mask::line(&text, span);
        }
        let (text, mark) = fit(&text, span, room.max(16));
        Some(Self { line, text, mark, more })
    }
}

/// Returns the part of a line around a span that fits, cleaned, and the columns of the span in it.
fn fit(line: &str, span: Range<usize>, room: usize) -> (String, Range<usize>) {
    let (mut from, mut to) =
        (floor(line, span.start.saturating_sub(REACH)), floor(line, span.start + REACH));
    if has_neighbours(&line[from..to]) {
        let quote = usize::from(line[..span.start].ends_with(['"', '\'']));
        (from, to) = (floor(line, span.start - quote), floor(line, to.min(span.end)));
    }
    let (cut_left, cut_right) = (!line[..from].trim().is_empty(), !line[to..].trim().is_empty());

    let (mut cells, mut column, mut mark) = (Vec::new(), 0, None::<Range<usize>>);
    for (at, c) in line[from..to].char_indices() {
        let (shown, columns) = match c {
            '\t' => (' ', TAB - column % TAB),
            c if is_hidden(c) => (stand_in(c), 1),
            c => (c, char_width(c)),
        };
        if span.contains(&(from + at)) {
            let end = column + columns;
            mark = Some(mark.map_or(column, |m| m.start)..end);
        }
        cells.push((column, columns, shown));
        column += columns;
    }
    let mark = mark.unwrap_or(column..column + 1);
    window(&cells, column, mark, room, (cut_left, cut_right))
}

/// Whether a line contains several values, some of which may be unrelated secrets: one line of JSON
/// may be a whole cluster.
pub(crate) fn has_neighbours(line: &str) -> bool {
    const ANYWHERE: [&str; 5] = ["password", "passwd", "secret", "token", "credential"];
    const ALONE: [&str; 3] = ["value", "data", "key"];
    let bare = line.trim_start_matches([' ', '-']);
    // A rule of RBAC may refer to `secrets` but contains none.
    if ["apiGroups:", "resources:", "verbs:"].iter().any(|key| bare.starts_with(key))
        && !line.contains('{')
    {
        return false;
    }
    let lower = line.to_ascii_lowercase();
    let alone = |word: &&str| {
        let begins = |at: usize| !lower[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
        lower.match_indices(*word).any(|(at, _)| begins(at))
    };
    line.contains(['{', '['])
        && (ANYWHERE.iter().any(|word| lower.contains(word)) || ALONE.iter().any(alone))
}

/// Returns the columns `left..right` of the cells, with `…` where text is omitted.
fn window(
    cells: &[(usize, usize, char)],
    total: usize,
    mark: Range<usize>,
    room: usize,
    (cut_left, cut_right): (bool, bool),
) -> (String, Range<usize>) {
    let ends = usize::from(cut_left) + usize::from(cut_right);
    let (mut left, mut right) = (0, total);
    if total + ends > room {
        let inner = room - 2;
        let marked = mark.len().min(inner);
        // A third of the remaining width is before the span.
        let before = (inner - marked) / 3;
        left = if mark.start + marked <= inner { 0 } else { mark.start - before };
        left = left.min(total.saturating_sub(inner));
        right = (left + inner).min(total);
    }
    let (cut_left, cut_right) = (cut_left || left > 0, cut_right || right < total);

    let mut text = String::new();
    if cut_left {
        text.push('…');
    }
    let shift = usize::from(cut_left);
    for &(column, columns, shown) in cells {
        if column < left || column + columns > right {
            // If a wide character is cut, its columns are left blank.
            let outside = column + columns <= left || column >= right;
            let inside = (column + columns).min(right).saturating_sub(column.max(left));
            text.extend(std::iter::repeat_n(' ', if outside { 0 } else { inside }));
        } else if shown == ' ' {
            text.extend(std::iter::repeat_n(' ', columns));
        } else {
            text.push(shown);
        }
    }
    if cut_right {
        text.push('…');
    }
    let start = mark.start.clamp(left, right.max(left)) - left + shift;
    let end = mark.end.clamp(left, right.max(left)) - left + shift;
    (text.trim_end().to_owned(), start..end.max(start + 1))
}

fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, needle: &str, room: usize, expect: &str) {
        let source = Source::new("f", text);
        let start = text.find(needle).unwrap() as u32;
        let span = start..start + needle.len() as u32;
        let excerpt = Excerpt::new(
            &Regions::new(&[]),
            &source,
            source.line_column(span.start).0,
            &span,
            false,
            room,
        )
        .unwrap();
        let mark = " ".repeat(excerpt.mark.start) + &"^".repeat(excerpt.mark.len());
        assert_eq!(format!("{}\n{mark}", excerpt.text), expect);
    }

    #[test]
    fn spans_are_underlined_in_columns() {
        check("a: b\n", "b", 40, "a: b\n   ^");
        check("\ta: b\r\n", "b", 40, "    a: b\n       ^");
        check("宽: 宽宽 # c\n", "宽宽", 40, "宽: 宽宽 # c\n    ^^^^");
        check("a: \u{1b}[2Jb\n", "b", 40, "a: ␛[2Jb\n       ^");
        check("a:\n  b\n  c\n", "b\n  c", 40, "  b\n  ^");
    }

    #[test]
    fn long_lines_are_cut_around_the_span() {
        let long = format!("key: {} needle {}", "x".repeat(100), "y".repeat(100));
        check(&long, "needle", 32, "…xxxxxxx needle yyyyyyyyyyyyyyy…\n         ^^^^^^");
        check(&long, "key", 32, "key: xxxxxxxxxxxxxxxxxxxxxxxxx…\n^^^");
        let wide = format!("a: {}", "宽".repeat(100));
        let source = Source::new("f", wide.as_str());
        for room in 16..40 {
            for start in [3, 30, 150, 297] {
                let excerpt =
                    Excerpt::new(&Regions::new(&[]), &source, 1, &(start..start + 9), false, room)
                        .unwrap();
                assert!(crate::text::width(&excerpt.text) <= room, "{room} {excerpt:?}");
                assert!(excerpt.mark.end <= room, "{room} {excerpt:?}");
            }
        }
        let huge = format!("{{\"a\":\"{}\",\"n\":true}}", "z".repeat(3_000_000));
        check(&huge, "true", 20, "…zzzzzzz\",\"n\":true}\n              ^^^^");
        let json = "{\"password\":\"hunter2\",\"n\":true}";
        let rule = "    resources: [nodes/proxy, secrets]";
        check(
            rule,
            "nodes/proxy",
            40,
            "    resources: [nodes/proxy, secrets]\n                ^^^^^^^^^^^",
        );
        let args = "    args: [--password, hunter2, -v]";
        check(args, "-v", 40, "…-v…\n ^^");
        check(json, "n\":true", 40, "…\"n\":true…\n  ^^^^^^^");
    }

    #[test]
    fn any_span_is_shown() {
        let text = "\u{feff}a: {\"宽\": 'b', key: \u{301}\t\"c\"}\r\n\n  - é: |\n      x\u{1b}\n";
        let source = Source::new("f", text);
        for start in 0..=text.len() as u32 + 1 {
            for end in start..=text.len() as u32 + 1 {
                for (room, secret) in [(16, false), (20, true), (80, false)] {
                    let line = source.line_column(start).0;
                    let Some(excerpt) = Excerpt::new(
                        &Regions::new(&[]),
                        &source,
                        line,
                        &(start..end),
                        secret,
                        room,
                    ) else {
                        continue;
                    };
                    assert!(crate::text::width(&excerpt.text) <= room, "{excerpt:?}");
                    assert!(excerpt.mark.end <= room, "{start}..{end} {excerpt:?}");
                    assert!(!excerpt.mark.is_empty());
                }
            }
        }
    }

    #[test]
    fn a_secret_keeps_its_key_only() {
        let text = "data:\n  password: aHVudGVyMg==\n";
        let source = Source::new("f", text);
        let excerpt = Excerpt::new(&Regions::new(&[]), &source, 2, &(8..30), true, 40).unwrap();
        assert_eq!(excerpt.text, "  password: ••••");
        assert_eq!(excerpt.mark, 2..16);
    }
}
