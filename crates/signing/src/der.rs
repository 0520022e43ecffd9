//! DER (X.690): what certificates, keys and timestamps are written in. Lengths must be definite and
//! as short as possible, and tags small; everything else is refused.

/// Bytes that are not DER of the expected form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not valid DER")]
pub(crate) struct Malformed;

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OID: u8 = 0x06;
pub(crate) const UTF8_STRING: u8 = 0x0c;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// One element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    pub(crate) value: &'a [u8],
    /// With tag and length.
    pub(crate) whole: &'a [u8],
}

impl<'a> Element<'a> {
    /// What is in it.
    pub(crate) fn inner(self) -> Reader<'a> {
        Reader(self.value)
    }

    /// The bytes of a BIT STRING that has whole bytes.
    pub(crate) fn bits(self) -> Result<&'a [u8], Malformed> {
        match (self.tag, self.value.split_first()) {
            (BIT_STRING, Some((0, bytes))) => Ok(bytes),
            _ => Err(Malformed),
        }
    }
}

/// Elements one after another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn next(&mut self) -> Result<Element<'a>, Malformed> {
        let (&tag, rest) = self.0.split_first().ok_or(Malformed)?;
        if tag & 0x1f == 0x1f {
            return Err(Malformed);
        }
        let (&first, rest) = rest.split_first().ok_or(Malformed)?;
        let (length, rest) = if first < 0x80 {
            (usize::from(first), rest)
        } else {
            let count = usize::from(first & 0x7f);
            if count == 0 || count > 4 || rest.len() < count || rest[0] == 0 {
                return Err(Malformed);
            }
            let length = rest[..count].iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
            if length < 0x80 {
                return Err(Malformed);
            }
            (length, &rest[count..])
        };
        let value = rest.get(..length).ok_or(Malformed)?;
        let whole = &self.0[..self.0.len() - rest.len() + length];
        self.0 = &rest[length..];
        Ok(Element { tag, value, whole })
    }

    pub(crate) fn expect(&mut self, tag: u8) -> Result<Element<'a>, Malformed> {
        let mut next = *self;
        let element = next.next()?;
        if element.tag != tag {
            return Err(Malformed);
        }
        *self = next;
        Ok(element)
    }

    /// The next element where it has that tag.
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<Element<'a>>, Malformed> {
        match self.0.first() {
            Some(found) if *found == tag => self.next().map(Some),
            _ => Ok(None),
        }
    }

    /// Nothing may follow.
    pub(crate) fn end(self) -> Result<(), Malformed> {
        if self.0.is_empty() { Ok(()) } else { Err(Malformed) }
    }
}

/// The one element that the bytes are.
pub(crate) fn only(bytes: &[u8], tag: u8) -> Result<Element<'_>, Malformed> {
    let mut reader = Reader::new(bytes);
    let element = reader.expect(tag)?;
    reader.end()?;
    Ok(element)
}

/// An element with that content.
pub(crate) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    // All at once: a private key in it is not left behind where a vector was before it grew.
    let mut bytes = Vec::with_capacity(length + 10);
    bytes.push(tag);
    if length < 0x80 {
        bytes.push(u8::try_from(length).unwrap_or(0x7f));
    } else {
        let big = length.to_be_bytes();
        let zeros = big.iter().take_while(|byte| **byte == 0).count();
        bytes.push(0x80 | u8::try_from(big.len() - zeros).unwrap_or(8));
        bytes.extend_from_slice(&big[zeros..]);
    }
    for part in parts {
        bytes.extend_from_slice(part);
    }
    bytes
}

/// A small number that is not negative.
pub(crate) fn small(element: Element<'_>) -> Result<u64, Malformed> {
    match element.value {
        [] => Err(Malformed),
        [first, ..] if *first >= 0x80 => Err(Malformed),
        bytes if bytes.len() > 8 => Err(Malformed),
        bytes => Ok(bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))),
    }
}

/// A time as certificates and timestamps write it, in seconds; fractions are cut off.
pub(crate) fn time(element: Element<'_>) -> Result<jiff::Timestamp, Malformed> {
    let text = std::str::from_utf8(element.value).map_err(|_| Malformed)?;
    let text = text.strip_suffix('Z').ok_or(Malformed)?;
    let text = text.split_once('.').map_or(text, |(whole, _)| whole);
    let (year, rest) = match element.tag {
        UTC_TIME if text.len() == 12 => {
            let year: i16 = digits(text, 0, 2)?;
            (if year < 50 { 2000 + year } else { 1900 + year }, 2)
        }
        GENERALIZED_TIME if text.len() == 14 => (digits(text, 0, 4)?, 4),
        _ => return Err(Malformed),
    };
    let part = |at: usize| digits::<i8>(text, rest + at, rest + at + 2);
    let date =
        jiff::civil::DateTime::new(year, part(0)?, part(2)?, part(4)?, part(6)?, part(8)?, 0);
    let date = date.map_err(|_| Malformed)?;
    jiff::tz::TimeZone::UTC.to_timestamp(date).map_err(|_| Malformed)
}

fn digits<T: std::str::FromStr>(text: &str, from: usize, to: usize) -> Result<T, Malformed> {
    let part = text.get(from..to).ok_or(Malformed)?;
    if !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Malformed);
    }
    part.parse().map_err(|_| Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_form_of_a_length() {
        for (bytes, good) in [
            (&[0x04, 0x01, 0x00][..], true),
            (&[0x04, 0x81, 0x01, 0x00], false),
            (&[0x04, 0x80, 0x00, 0x00], false),
            (&[0x04, 0x02, 0x00], false),
            (&[0x1f, 0x01, 0x00], false),
            (&[0x04, 0x82, 0x00, 0x80], false),
            (&[], false),
        ] {
            assert_eq!(Reader::new(bytes).next().is_ok(), good, "{bytes:?}");
        }
        let long = element(OCTET_STRING, &[&[7; 300]]);
        assert_eq!(only(&long, OCTET_STRING).unwrap().value, [7; 300]);
    }

    #[test]
    fn times_have_a_zone() {
        let read = |tag, text: &str| {
            let bytes = element(tag, &[text.as_bytes()]);
            time(only(&bytes, tag).unwrap()).map(|time| time.to_string())
        };
        assert_eq!(read(UTC_TIME, "241216184256Z").unwrap(), "2024-12-16T18:42:56Z");
        assert_eq!(read(GENERALIZED_TIME, "20510101000000Z").unwrap(), "2051-01-01T00:00:00Z");
        assert_eq!(read(GENERALIZED_TIME, "20250101000000.25Z").unwrap(), "2025-01-01T00:00:00Z");
        for (tag, text) in [
            (UTC_TIME, "2412161842Z"),
            (UTC_TIME, "241216184256+0100"),
            (UTC_TIME, "241316184256Z"),
            (GENERALIZED_TIME, "+0510101000000Z"),
        ] {
            assert!(read(tag, text).is_err(), "{text}");
        }
    }
}
