//! Decodes a file's bytes to text like kubectl.
//!
//! kubectl decodes UTF-16 if there is a byte-order mark. Anything else is treated as UTF-8, with
//! U+FFFD in place of invalid bytes. UTF-32, and UTF-16 without a mark, become text with NUL
//! characters, which YAML and JSON do not allow.

use memchr::{memchr2, memmem};

type Unit = fn([u8; 2]) -> u16;

const UTF16_MARKS: [([u8; 2], Unit); 2] =
    [([0xFF, 0xFE], u16::from_le_bytes), ([0xFE, 0xFF], u16::from_be_bytes)];
const UTF8_MARK: &[u8] = b"\xEF\xBB\xBF";

/// A decoded text.
pub(crate) struct Text {
    pub text: String,
    /// The offset of the first U+FFFD for invalid bytes.
    pub invalid: Option<u32>,
}

/// Decodes a file. The mark of UTF-16 is removed. That of UTF-8 is kept, so that offsets in the
/// text are offsets in the file.
pub(crate) fn decode(bytes: Vec<u8>) -> Text {
    for (mark, unit) in UTF16_MARKS {
        if let Some(rest) = bytes.strip_prefix(&mark) {
            return utf16(rest, unit);
        }
    }
    match String::from_utf8(bytes) {
        Ok(text) => Text { text, invalid: None },
        Err(error) => Text {
            text: String::from_utf8_lossy(error.as_bytes()).into_owned(),
            invalid: Some(error.utf8_error().valid_up_to() as u32),
        },
    }
}

fn utf16(bytes: &[u8], unit: Unit) -> Text {
    let mut text = String::with_capacity(bytes.len() / 2 + 1);
    let mut invalid = None;
    let (pairs, odd) = bytes.as_chunks();
    let units = pairs.iter().map(|pair| unit(*pair));
    // A trailing half unit is not a character.
    let half = (!odd.is_empty()).then_some(None);
    for decoded in char::decode_utf16(units).map(Result::ok).chain(half) {
        if decoded.is_none() {
            invalid.get_or_insert(text.len() as u32);
        }
        text.push(decoded.unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    Text { text, invalid }
}

/// Whether the text may contain a key or value with that spelling. If not, it contains neither the
/// word nor anything that could encode it: escapes, merges, tags, another encoding.
pub(crate) fn may_spell(bytes: &[u8], word: &str) -> bool {
    memmem::find(bytes, word.as_bytes()).is_some()
        || memchr2(b'\\', b'!', bytes).is_some()
        || memmem::find(bytes, b"<<").is_some()
        || bytes.starts_with(UTF8_MARK)
        || UTF16_MARKS.iter().any(|(mark, _)| bytes.starts_with(mark))
}

/// Whether a file looks binary: NUL bytes near its start.
pub(crate) fn looks_binary(bytes: &[u8]) -> bool {
    let utf16 = UTF16_MARKS.iter().any(|(mark, _)| bytes.starts_with(mark));
    !utf16 && bytes[..bytes.len().min(8192)].contains(&0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(units: impl Fn(u16) -> [u8; 2], text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(units).collect()
    }

    #[test]
    fn utf16_needs_its_mark() {
        let marked = "\u{feff}kind: é😀\n";
        for encoded in [bytes(u16::to_le_bytes, marked), bytes(u16::to_be_bytes, marked)] {
            let Text { text, invalid } = decode(encoded.clone());
            assert_eq!((text.as_str(), invalid), ("kind: é😀\n", None));
            assert!(may_spell(&encoded, "apiVersion") && !looks_binary(&encoded));
        }
        let bare = bytes(u16::to_le_bytes, "kind\n");
        assert!(looks_binary(&bare));
        assert_eq!(decode(bare).text, "k\0i\0n\0d\0\n\0");
    }

    #[test]
    fn what_is_not_valid_is_replaced_and_its_place_is_known() {
        let mut utf16 = bytes(u16::to_le_bytes, "\u{feff}é");
        utf16.extend([0x00, 0xD8, b'a']);
        for (bytes, expected, at) in
            [(utf16, "é\u{fffd}\u{fffd}", 2), (b"ab\xFF\xFFc".to_vec(), "ab\u{fffd}\u{fffd}c", 2)]
        {
            let Text { text, invalid } = decode(bytes);
            assert_eq!((text.as_str(), invalid), (expected, Some(at)));
        }
    }

    #[test]
    fn only_what_surely_lacks_a_word_is_passed_over() {
        for text in
            ["apiVersion: v1", r#""\x61piVersion": v1"#, "<<: *a", "!!binary a: b", "\u{feff}"]
        {
            assert!(may_spell(text.as_bytes(), "apiVersion"), "{text}");
        }
        assert!(!may_spell(b"image: nginx # < &a *a 'x' \"y\"\n", "apiVersion"));
    }
}
