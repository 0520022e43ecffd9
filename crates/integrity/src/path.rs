//! Paths as text. A path is bytes; a baseline and a terminal are text.

use std::fmt::Write as _;

/// Returns a path as text on one line. Bytes that are not printable UTF-8, and backslashes, become
/// `\xNN`, so that two paths never have the same text.
pub fn escaped(path: &[u8]) -> String {
    let mut text = String::with_capacity(path.len());
    for chunk in path.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character == '\\' || character.is_control() || is_hidden(character) {
                let mut bytes = [0; 4];
                for byte in character.encode_utf8(&mut bytes).bytes() {
                    push(&mut text, byte);
                }
            } else {
                text.push(character);
            }
        }
        for byte in chunk.invalid() {
            push(&mut text, *byte);
        }
    }
    text
}

/// Returns whether a path is a place or below it.
pub fn is_in(place: &[u8], path: &[u8]) -> bool {
    let rest = path.strip_prefix(place);
    rest.is_some_and(|rest| rest.is_empty() || rest[0] == b'/' || place == b"/")
}

/// Returns whether a pattern matches a path or a directory above it. `*` matches within one name.
pub fn matches(pattern: &[u8], path: &[u8]) -> bool {
    let mut names = path.split(|byte| *byte == b'/');
    pattern
        .split(|byte| *byte == b'/')
        .all(|part| names.next().is_some_and(|name| name_matches(part, name)))
}

fn name_matches(pattern: &[u8], name: &[u8]) -> bool {
    let mut parts = pattern.split(|byte| *byte == b'*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        if part.is_empty() {
            continue;
        }
        let at = rest.windows(part.len()).position(|window| window == part);
        let Some(at) = at else { return false };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    rest.ends_with(last)
}

/// Returns the path of a text that [`escaped`] wrote; `None` for any other text.
pub fn unescaped(text: &str) -> Option<Box<[u8]>> {
    if !text.contains('\\') {
        return (escaped(text.as_bytes()) == text).then(|| text.as_bytes().into());
    }
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        if *first != b'\\' {
            bytes.push(*first);
            rest = after;
            continue;
        }
        let (code, after) = after.split_at_checked(3)?;
        let code = std::str::from_utf8(code.strip_prefix(b"x")?).ok()?;
        bytes.push(u8::from_str_radix(code, 16).ok()?);
        rest = after;
    }
    // One path has one text: a second spelling could hide a duplicate.
    (escaped(&bytes) == text).then(|| bytes.into())
}

fn push(text: &mut String, byte: u8) {
    // Writing to a string cannot fail.
    let _ = write!(text, "\\x{byte:02x}");
}

/// Returns whether a character changes how the text around it is shown. A test of `report` shows that
/// all characters that it hides are among them.
fn is_hidden(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn below_is_by_whole_names() {
        for (place, path, expect) in [
            ("/a", "/a", true),
            ("/a", "/a/b", true),
            ("/a", "/ab", false),
            ("/a/b", "/a", false),
            ("/", "/a", true),
        ] {
            assert_eq!(is_in(place.as_bytes(), path.as_bytes()), expect, "{place} {path}");
        }
    }

    #[test]
    fn patterns_match_whole_names() {
        for (pattern, path, expect) in [
            ("/a", "/a", true),
            ("/a", "/a/b", true),
            ("/a", "/ab", false),
            ("/a/*.log", "/a/x.log", true),
            ("/a/*.log", "/a/x.log/y", true),
            ("/a/*.log", "/a/b/x.log", false),
            ("/*/c*e*", "/b/cdef", true),
            ("/a/b", "/a", false),
            ("/a/x*x", "/a/x", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), path.as_bytes()), expect, "{pattern} {path}");
        }
    }

    #[test]
    fn every_path_has_one_text() {
        for (path, text) in [
            (&b"/etc/passwd"[..], "/etc/passwd"),
            (b"/a\nb", r"/a\x0ab"),
            (b"/a\\x0ab", r"/a\x5cx0ab"),
            (b"/\xff\xfe", r"/\xff\xfe"),
            ("/é".as_bytes(), "/é"),
            ("/a\u{202e}b".as_bytes(), r"/a\xe2\x80\xaeb"),
        ] {
            assert_eq!(escaped(path), text);
            assert_eq!(unescaped(text).unwrap().as_ref(), path);
        }
        for text in [r"/\x41", r"/\xFF", r"/\x4", "/\\", "/a\nb", r"/\x+1"] {
            assert_eq!(unescaped(text), None, "{text}");
        }
    }
}
