//! Durations as Go writes them.

/// Parses a duration in the format of Go's `time.ParseDuration` to nanoseconds: `1h30m`, `-1.5s`.
///
/// `None` if Go refuses it, also because it is longer than 292 years.
#[must_use]
pub fn duration(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut sum = 0_i128;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(end);
        let end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let unit: i128 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return None,
        };
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && part.is_empty() || part.contains('.') {
            return None;
        }
        let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        sum = sum.checked_add(whole.checked_mul(unit)?)?;
        let mut scale = unit;
        for digit in part.bytes() {
            sum = sum.checked_add(i128::from(digit - b'0') * scale / 10)?;
            scale /= 10;
        }
        rest = after;
    }
    i64::try_from(if negative { -sum } else { sum }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_gos() {
        for (text, expect) in [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("0s", Some(0)),
            ("1h", Some(3_600_000_000_000)),
            ("60m", Some(3_600_000_000_000)),
            ("1h0m0s", Some(3_600_000_000_000)),
            ("-1.5s", Some(-1_500_000_000)),
            ("+.25ms", Some(250_000)),
            ("1.s", Some(1_000_000_000)),
            ("2µs", Some(2_000)),
            ("2562047h47m16.854775807s", Some(i64::MAX)),
            ("2562047h47m16.854775808s", None),
            ("9999999999999999999999999999999999999999h", None),
            ("", None),
            ("-", None),
            ("1", None),
            ("1d", None),
            ("1 s", None),
            ("abc1s", None),
            ("1s2", None),
            (".s", None),
            ("1.2.3s", None),
        ] {
            assert_eq!(duration(text), expect, "{text}");
        }
    }
}
