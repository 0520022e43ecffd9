//! Text for a terminal: cleaning, measuring, wrapping, cutting.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Minimum length in bytes of a meaningful sentence.
const ENOUGH: usize = 48;

/// Width of a tab stop.
pub(crate) const TAB: usize = 4;

/// Whether a character controls a terminal, or hides or reorders text.
pub(crate) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// Returns the replacement for a hidden character, one column wide.
pub(crate) fn stand_in(c: char) -> char {
    match c {
        '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
        '\u{7f}' => '\u{2421}',
        _ => '\u{fffd}',
    }
}

/// Returns the text on one line, with hidden characters made visible.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let show = |c| match c {
        '\t' | '\n' => ' ',
        c if is_hidden(c) => stand_in(c),
        c => c,
    };
    Cow::Owned(text.chars().map(show).collect())
}

/// Returns the width of a text in columns.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// Returns the width of a character in columns.
pub(crate) fn char_width(c: char) -> usize {
    c.width().unwrap_or(0)
}

/// Returns the text, cut with `…` if it is wider than `max`.
pub(crate) fn cut(text: &str, max: usize) -> Cow<'_, str> {
    if text.len() <= max || width(text) <= max {
        return Cow::Borrowed(text);
    }
    let mut used = 0;
    let keep = text.chars().take_while(|c| {
        used += char_width(*c);
        used < max
    });
    Cow::Owned(keep.chain(['…']).collect())
}

/// Returns text that [`wrap`] keeps on one line.
pub(crate) fn unbroken(text: &str) -> String {
    text.replace(' ', "\u{a0}")
}

/// Wraps text at words: the first line is at most `first` columns wide, the others `rest`. Longer
/// words are broken. Returns at least one line.
pub(crate) fn wrap(text: &str, first: usize, rest: usize) -> Vec<String> {
    let rest = rest.max(8);
    let (mut lines, mut line, mut used, mut room) = (Vec::new(), String::new(), 0, first);
    for mut word in text.split([' ', '\n', '\t']).filter(|w| !w.is_empty()) {
        let gap = usize::from(!line.is_empty());
        if used + gap + width(word) > room && (!line.is_empty() || room < rest) {
            lines.push(std::mem::take(&mut line));
            (used, room) = (0, rest);
        }
        while width(word) > room.max(8) {
            let mut columns = 0;
            let end = word.char_indices().find(|(_, c)| {
                columns += char_width(*c);
                columns > room.max(8)
            });
            let (head, tail) = word.split_at(end.map_or(word.len(), |(at, _)| at));
            lines.push(head.to_owned());
            (word, room) = (tail, rest);
        }
        if !line.is_empty() {
            line.push(' ');
            used += 1;
        }
        line.push_str(word);
        used += width(word);
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    for line in &mut lines {
        *line = line.replace('\u{a0}', " ");
    }
    lines
}

/// Returns the first paragraph of a Markdown text, on one line.
pub(crate) fn first_paragraph(markdown: &str) -> String {
    let paragraph = markdown.trim().split("\n\n").next().unwrap_or("");
    paragraph.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the first sentence of a Markdown text, with the next one if it is very short.
pub(crate) fn first_sentence(markdown: &str) -> String {
    let mut paragraph = first_paragraph(markdown);
    let starts_one = |rest: &str| rest.starts_with(|c: char| c.is_uppercase() || c == '`');
    let mut ends = paragraph.match_indices(". ").map(|(at, _)| at + 1);
    let end = ends.find(|&end| end >= ENOUGH && starts_one(&paragraph[end + 1..]));
    paragraph.truncate(end.unwrap_or(paragraph.len()));
    paragraph
}

/// Returns `1 place`, `2 places`.
pub fn count(n: usize, one: &str, many: &str) -> String {
    format!("{} {}", number(n), if n == 1 { one } else { many })
}

/// Formats a number: `1,234`.
pub(crate) fn number(n: usize) -> String {
    let digits = n.to_string();
    let mut number = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            number.push(',');
        }
        number.push(digit);
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_wrapped_and_long_ones_broken() {
        assert_eq!(wrap("one two three", 7, 9), ["one two", "three"]);
        assert_eq!(wrap("", 7, 9), [""]);
        assert_eq!(wrap("abcdefghijkl mn", 10, 10), ["abcdefghij", "kl mn"]);
        assert_eq!(wrap("first", 2, 10), ["", "first"]);
        assert_eq!(wrap("宽宽宽宽宽 x", 8, 8), ["宽宽宽宽", "宽 x"]);
    }

    #[test]
    fn sentences_end_where_another_begins() {
        let text =
            "A sentence that has enough words to stand on its own, e.g. this one. And\nthat.";
        assert_eq!(first_sentence(text), text.split(" And").next().unwrap());
        assert_eq!(first_sentence("Only\none. `Two`.\n\nNot this."), "Only one. `Two`.");
    }

    #[test]
    fn what_drives_a_terminal_is_shown_instead() {
        assert_eq!(clean("a\u{1b}[31mb\u{202e}c\td"), "a␛[31mb\u{fffd}c d");
        assert_eq!(clean("plain"), "plain");
        assert_eq!(cut("宽宽宽", 5), "宽宽…");
        assert_eq!(count(1234567, "place", "places"), "1,234,567 places");
    }
}
