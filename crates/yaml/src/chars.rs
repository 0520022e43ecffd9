//! Character classes of YAML 1.1 as in libyaml.

/// Returns the length of the line break at `at` in bytes, or 0. CR LF is one break. NEL, LS and PS
/// are breaks.
pub(crate) fn break_len(text: &[u8], at: usize) -> usize {
    match text.get(at) {
        Some(b'\n') => 1,
        Some(b'\r') => 1 + usize::from(text.get(at + 1) == Some(&b'\n')),
        Some(0xC2) if text.get(at + 1) == Some(&0x85) => 2,
        Some(0xE2)
            if text.get(at + 1) == Some(&0x80) && matches!(text.get(at + 2), Some(0xA8 | 0xA9)) =>
        {
            3
        }
        _ => 0,
    }
}

pub(crate) fn is_break_at(text: &[u8], at: usize) -> bool {
    match text.get(at) {
        Some(b'\n' | b'\r') => true,
        Some(0xC2 | 0xE2) => break_len(text, at) > 0,
        _ => false,
    }
}

/// Returns the offset of the end of the line: its break, or the end of the text.
pub(crate) fn line_end(text: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(&c) = text.get(at) {
        if matches!(c, b'\n' | b'\r' | 0xC2 | 0xE2) && is_break_at(text, at) {
            break;
        }
        at += 1;
    }
    at
}

/// Returns the number of leading spaces. Reads eight bytes at a time, since indentation is a large
/// part of YAML.
pub(crate) fn spaces(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(eight) = text[at..].first_chunk() {
        let others = u64::from_le_bytes(*eight) ^ u64::from_le_bytes([b' '; 8]);
        if others != 0 {
            return at + others.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    at + text[at..].iter().take_while(|c| **c == b' ').count()
}

pub(crate) fn is_blank(c: u8) -> bool {
    c == b' ' || c == b'\t'
}

/// Whether `at` is a blank, a line break or the end.
pub(crate) fn is_blankz(text: &[u8], at: usize) -> bool {
    match text.get(at) {
        None => true,
        Some(&c) => is_blank(c) || is_break_at(text, at),
    }
}

/// Returns the offset of the first character that YAML does not allow, if any.
pub(crate) fn forbidden(text: &[u8]) -> Option<usize> {
    let suspicious =
        |c: u8| (c < 0x20 && !matches!(c, 9 | 10 | 13)) || c == 0x7F || c == 0xC2 || c == 0xEF;
    // One vectorizable pass. The slow scan runs only if it finds something.
    let mut any = false;
    for chunk in text.chunks(64) {
        any |= chunk.iter().fold(false, |found, &c| found | suspicious(c));
    }
    if !any {
        return None;
    }
    text.iter().enumerate().filter(|(_, c)| suspicious(**c)).map(|(at, _)| at).find(
        |&at| match text[at] {
            0xC2 => matches!(text.get(at + 1), Some(0x80..=0x84 | 0x86..=0x9F)),
            0xEF => {
                text.get(at + 1) == Some(&0xBF) && matches!(text.get(at + 2), Some(0xBE | 0xBF))
            }
            _ => true,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_end_where_anything_else_begins() {
        for n in 0..40 {
            for rest in ["", "a", "\t ", "\n        ", "!", "\u{a0}", "  a  "] {
                let text = format!("{}{rest}", " ".repeat(n));
                let expect = text.bytes().take_while(|c| *c == b' ').count();
                assert_eq!(spaces(text.as_bytes()), expect, "{text:?}");
            }
        }
    }
}
