//! The records of an extended header (POSIX `pax`, "Extended Header"): length, key and value.
//!
//! As in Go's reader, the last record of a key counts, and an empty value falls back to the plain
//! header.

use std::io;

use super::header::wrong;

/// The records that change how an entry is read.
#[derive(Debug, Default)]
pub(super) struct Records {
    pub(super) path: Option<Vec<u8>>,
    pub(super) target: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) sparse: Sparse,
}

/// Records of sparse files (GNU tar, "Storing Sparse Files").
#[derive(Debug, Default)]
pub(super) struct Sparse {
    pub(super) major: Vec<u8>,
    pub(super) minor: Vec<u8>,
    pub(super) name: Vec<u8>,
    pub(super) size: Vec<u8>,
    pub(super) real_size: Vec<u8>,
    pub(super) count: Vec<u8>,
    pub(super) map: Vec<u8>,
}

impl Records {
    /// # Errors
    /// A record is malformed, or its value is not valid for the key.
    pub(super) fn read(mut text: &[u8]) -> io::Result<Self> {
        let mut records = Self::default();
        let (mut numbers, mut size) = (Vec::new(), None);
        // The last value of a key counts, so only that one must be valid.
        let mut checked: [(&[u8], &[u8]); 5] =
            [(b"uid", b""), (b"gid", b""), (b"mtime", b""), (b"atime", b""), (b"ctime", b"")];
        while !text.is_empty() {
            let (key, value) = record(&mut text)?;
            let Sparse { major, minor, name, size: whole, real_size, count, map } =
                &mut records.sparse;
            let own = |value: &[u8]| (!value.is_empty()).then(|| value.to_vec());
            match key {
                b"path" => records.path = own(value),
                b"linkpath" => records.target = own(value),
                b"size" => size = own(value),
                b"GNU.sparse.major" => *major = value.to_vec(),
                b"GNU.sparse.minor" => *minor = value.to_vec(),
                b"GNU.sparse.name" => *name = value.to_vec(),
                b"GNU.sparse.size" => *whole = value.to_vec(),
                b"GNU.sparse.realsize" => *real_size = value.to_vec(),
                b"GNU.sparse.numblocks" => *count = value.to_vec(),
                b"GNU.sparse.map" => *map = value.to_vec(),
                // Version 0.0 repeats the two keys alternately.
                b"GNU.sparse.offset" | b"GNU.sparse.numbytes" => {
                    let is_offset = key == b"GNU.sparse.offset";
                    if (numbers.len() % 2 == 0) != is_offset || value.contains(&b',') {
                        return Err(wrong("a map of a sparse file that is out of order"));
                    }
                    numbers.push(value);
                }
                _ => {
                    if let Some(slot) = checked.iter_mut().find(|(name, _)| *name == key) {
                        slot.1 = value;
                    }
                }
            }
        }
        if !numbers.is_empty() {
            records.sparse.map = numbers.join(&b',');
        }
        let is_valid = |(key, value): &(&[u8], &[u8])| {
            value.is_empty()
                || if key.ends_with(b"id") { decimal(value).is_some() } else { is_time(value) }
        };
        if !checked.iter().all(is_valid) {
            return Err(wrong("a record of an extended header with a value that is not a number"));
        }
        if let Some(size) = size {
            let size = decimal(&size).and_then(|size| u64::try_from(size).ok());
            records.size = Some(size.ok_or_else(|| wrong("a size that is not a number"))?);
        }
        Ok(records)
    }
}

/// Splits the first record off: `LENGTH KEY=VALUE\n`, where the length covers the whole record.
fn record<'a>(text: &mut &'a [u8]) -> io::Result<(&'a [u8], &'a [u8])> {
    let cut = || wrong("an extended header with a truncated record");
    let blank = text.iter().take(20).position(|byte| *byte == b' ').ok_or_else(cut)?;
    let length = decimal(&text[..blank]).and_then(|length| usize::try_from(length).ok());
    let length = length.filter(|length| *length > blank + 1).ok_or_else(cut)?;
    let (whole, rest) = text.split_at_checked(length).ok_or_else(cut)?;
    let inner = whole[blank + 1..].strip_suffix(b"\n").ok_or_else(cut)?;
    let equals = inner.iter().position(|byte| *byte == b'=').ok_or_else(cut)?;
    let (key, value) = (&inner[..equals], &inner[equals + 1..]);
    let is_text = matches!(key, b"path" | b"linkpath" | b"uname" | b"gname");
    if key.is_empty() || key.contains(&0) || is_text && value.contains(&0) {
        return Err(wrong("an extended header with a record that contains a NUL or has no key"));
    }
    *text = rest;
    Ok((key, value))
}

/// Parses a decimal number like Go.
pub(super) fn decimal(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Returns whether a value is a time: seconds with an optional fraction.
fn is_time(value: &[u8]) -> bool {
    let mut parts = value.splitn(2, |byte| *byte == b'.');
    let whole = parts.next().unwrap_or_default();
    decimal(whole).is_some() && parts.next().is_none_or(|part| part.iter().all(u8::is_ascii_digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(records: &[(&str, &str)]) -> Vec<u8> {
        let mut text = Vec::new();
        for (key, value) in records {
            text.extend(crate::testing::record(key.as_bytes(), value.as_bytes()));
        }
        text
    }

    #[test]
    fn the_last_record_of_a_key_counts_and_an_empty_one_says_nothing() {
        let read = |records: &[(&str, &str)]| Records::read(&text(records)).unwrap();
        let records = read(&[("path", "a"), ("size", "1"), ("path", "b"), ("size", "22")]);
        assert_eq!((records.path.as_deref(), records.size), (Some(&b"b"[..]), Some(22)));
        let records = read(&[("path", "a"), ("path", ""), ("linkpath", "x")]);
        assert_eq!((records.path, records.target.as_deref()), (None, Some(&b"x"[..])));
        // A number that is overridden need not be valid.
        assert_eq!(
            read(&[("mtime", "x"), ("mtime", "1.5"), ("size", "x"), ("size", "")]).size,
            None
        );
        assert_eq!(read(&[("LIBARCHIVE.xattr.a=b", "c")]).path, None);
    }

    #[test]
    fn broken_records_are_refused() {
        for broken in [
            &b"5 a=b"[..],
            b"7 a=b\n",
            b"99999999999999999999999 a=b\n",
            b"6 a=bx",
            b"4 =\n",
            b"5 =b\n",
            b"6 abc\n",
            b"x a=b\n",
            b"-6 a=b\n",
            b"0 ",
            b"a",
            b"9 path=\0\n",
            b"7 a\0=b\n",
        ] {
            assert!(Records::read(broken).is_err(), "{}", broken.escape_ascii());
        }
        for (key, value) in [
            ("size", "-1"),
            ("size", "1x"),
            ("size", "99999999999999999999"),
            ("uid", "root"),
            ("mtime", "1.2.3"),
            ("mtime", ".5"),
            ("GNU.sparse.numbytes", "1"),
            ("GNU.sparse.offset", "1,2"),
        ] {
            assert!(Records::read(&text(&[(key, value)])).is_err(), "{key}={value}");
        }
    }
}
