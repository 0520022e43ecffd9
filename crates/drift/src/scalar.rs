//! Scalars that the API server normalizes: times, bytes.

use std::borrow::Cow;

use pavisade_yaml::{Kind, Number, Value};

/// Parses a time of RFC 3339 with any time zone to seconds since 1970 and microseconds.
pub(crate) fn time(text: &str) -> Option<(i64, u32)> {
    let number = |range: std::ops::Range<usize>| {
        let digits = text.get(range)?;
        digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse::<i64>().ok())?
    };
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if !marks.iter().all(|&(at, mark)| text.as_bytes().get(at) == Some(&mark)) {
        return None;
    }
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let rest = text.get(19..)?;
    let (part, zone) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())),
        None => ("", rest),
    };
    let micros = (0..6).fold(0, |sum, at| {
        sum * 10 + part.as_bytes().get(at).map_or(0, |digit| u32::from(digit - b'0'))
    });
    let offset = match (zone.as_bytes(), zone.get(1..3), zone.get(4..6)) {
        (b"Z", ..) => 0,
        ([sign @ (b'+' | b'-'), _, _, b':', _, _], Some(hours), Some(minutes)) => {
            let minutes = hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?;
            if *sign == b'-' { -minutes } else { minutes }
        }
        _ => return None,
    };
    let days = days_since_1970(year, month, day);
    Some((days * 86_400 + hour * 3_600 + (minute - offset) * 60 + second, micros))
}

/// Returns the days since January 1, 1970 in the Gregorian calendar.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    // If years begin in March, the leap day is at the end.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * year + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468
}

/// Returns base64 without line breaks, which Go's decoder ignores.
pub(crate) fn base64(text: &str) -> Cow<'_, str> {
    if !text.contains(['\n', '\r']) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace(['\n', '\r'], ""))
}

/// Whether it is standard base64 with padding, as an API server writes it.
pub(crate) fn is_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    let letters = body.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/');
    letters && text.len().is_multiple_of(4) && text.len() - body.len() <= 2
}

/// Returns the standard base64 of some bytes.
pub(crate) fn to_base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let three = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            if at > chunk.len() {
                out.push('=');
            } else {
                out.push(char::from(LETTERS[(three >> (18 - 6 * at) & 63) as usize]));
            }
        }
    }
    out
}

/// Whether two scalars, or two empty collections, are the same JSON.
pub(crate) fn same(one: Value<'_>, other: Value<'_>) -> bool {
    match (one.as_number(), other.as_number()) {
        (Some(Number::Int(one)), Some(Number::Int(other))) => one == other,
        (Some(one), Some(other)) => one.as_f64() == other.as_f64(),
        (None, None) if is_scalar(one) && is_scalar(other) => {
            one.kind() == other.kind()
                && one.as_str() == other.as_str()
                && one.as_bool() == other.as_bool()
        }
        _ => false,
    }
}

/// Whether it is neither a list nor a map.
pub(crate) fn is_scalar(value: Value<'_>) -> bool {
    !matches!(value.kind(), Kind::Sequence | Kind::Mapping)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_equal_in_every_zone() {
        assert_eq!(time("1970-01-01T00:00:00Z"), Some((0, 0)));
        assert_eq!(time("2024-02-29T12:00:00Z"), Some((1_709_208_000, 0)));
        assert_eq!(time("2024-02-29T14:00:00.5+02:00"), Some((1_709_208_000, 500_000)));
        assert_eq!(time("2024-02-29T11:30:00-00:30"), Some((1_709_208_000, 0)));
        for text in ["", "2024-02-29", "2024-02-29T12:00:00", "2024-02-29T12:00:00+2", "é"] {
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn base64_is_the_standard_one() {
        for (text, expect) in [("", ""), ("a", "YQ=="), ("ab", "YWI="), ("abc", "YWJj")] {
            assert_eq!(to_base64(text.as_bytes()), expect);
            assert!(is_base64(expect));
        }
        assert_eq!(to_base64(&[0xff, 0xef, 0xbf]), "/++/");
        for text in ["a", "<redacted>", "ab=c", "a===", "YQ=\n"] {
            assert!(!is_base64(text), "{text}");
        }
        assert_eq!(base64("YW\nJj\r\n"), "YWJj");
    }
}
