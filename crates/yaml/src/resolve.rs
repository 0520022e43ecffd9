//! Resolution of plain scalars: YAML 1.1 as in go-yaml v2, then Go's JSON.

/// A resolved plain scalar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Resolved {
    Null,
    Bool(bool),
    /// An integer beyond `i64` becomes a float, as in kubectl's JSON.
    Number(Number),
    /// `.nan`, `.inf`: not representable in JSON.
    NotFinite(f64),
    Text,
}

/// A number as kubectl would send it: an integer if it fits in Go's `int64`, otherwise a float.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// A signed 64-bit integer.
    Int(i64),
    /// Any other number. Always finite.
    Float(f64),
}

impl Number {
    /// Returns the number as `f64`, rounded if necessary.
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Int(i) => i as f64,
            Self::Float(f) => f,
        }
    }

    /// Go formats a float as JSON and parses it again: `1e3` becomes the integer 1000.
    pub(crate) fn from_float(value: f64) -> Self {
        let text = Self::Float(value).to_string();
        text.parse().map_or(Self::Float(value), Self::Int)
    }
}

impl std::fmt::Display for Number {
    /// Formats the number like Go's `encoding/json`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Self::Int(i) => write!(f, "{i}"),
            Self::Float(v) if v != 0.0 && !(1e-6..1e21).contains(&v.abs()) => {
                let text = format!("{v:e}");
                match text.split_once("e-") {
                    Some(_) => f.write_str(&text),
                    None => f.write_str(&text.replace('e', "e+")),
                }
            }
            Self::Float(v) => write!(f, "{v}"),
        }
    }
}

/// Resolves `text` without quotes or tag.
pub(crate) fn plain(text: &str) -> Resolved {
    let Some(&first) = text.as_bytes().first() else { return Resolved::Null };
    match first {
        b'+' | b'-' | b'0'..=b'9' => word(text).unwrap_or_else(|| number(text)),
        b'.' => word(text).unwrap_or_else(|| match is_float(text) {
            true => float(text).map_or(Resolved::Text, Resolved::Number),
            false => Resolved::Text,
        }),
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~' => {
            word(text).unwrap_or(Resolved::Text)
        }
        _ => Resolved::Text,
    }
}

fn word(text: &str) -> Option<Resolved> {
    Some(match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Resolved::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Resolved::Bool(false)
        }
        "~" | "null" | "Null" | "NULL" => Resolved::Null,
        ".nan" | ".NaN" | ".NAN" => Resolved::NotFinite(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            Resolved::NotFinite(f64::INFINITY)
        }
        "-.inf" | "-.Inf" | "-.INF" => Resolved::NotFinite(f64::NEG_INFINITY),
        _ => return None,
    })
}

fn number(text: &str) -> Resolved {
    let stripped: String;
    let text = if text.contains('_') {
        stripped = text.replace('_', "");
        &stripped
    } else {
        text
    };
    let integer = integer(text)
        .or_else(|| is_float(text).then(|| float(text)).flatten().or_else(|| binary_quirk(text)));
    integer.map_or(Resolved::Text, Resolved::Number)
}

/// Go's `ParseInt(text, 0, 64)`, then `ParseUint`: prefixes `0x`, `0o`, `0b`, and `0` for octal.
fn integer(text: &str) -> Option<Number> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let value = i128::from_str_radix(digits, radix).ok()?;
    let signed = if negative { -value } else { value };
    if let Ok(int) = i64::try_from(signed) {
        return Some(Number::Int(int));
    }
    // `ParseUint` does not accept a sign. JSON then turns what `int64` cannot hold into a float.
    let unsigned = !text.starts_with(['-', '+']) && u64::try_from(value).is_ok();
    unsigned.then(|| Number::from_float(value as f64))
}

/// go-yaml tries `0b` a second time and accepts a sign after it.
fn binary_quirk(text: &str) -> Option<Number> {
    let (negative, digits) = match text.strip_prefix("0b") {
        Some(digits) => (false, digits),
        None => (true, text.strip_prefix("-0b")?),
    };
    if negative && digits.starts_with(['-', '+']) {
        return None;
    }
    let value = i64::from_str_radix(digits, 2).ok()?;
    Some(Number::Int(if negative { -value } else { value }))
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let mantissa_fits = match mantissa.split_once('.') {
        Some(("", fraction)) => !fraction.is_empty() && digits(fraction),
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => !mantissa.is_empty() && digits(mantissa),
    };
    let exponent_fits = exponent.is_none_or(|e| {
        let e = e.strip_prefix(['-', '+']).unwrap_or(e);
        !e.is_empty() && digits(e)
    });
    mantissa_fits && exponent_fits
}

/// Parses a float. `None` if it is out of range: go-yaml then keeps the text.
fn float(text: &str) -> Option<Number> {
    text.parse::<f64>().ok().filter(|v| v.is_finite()).map(Number::from_float)
}

/// Converts a key that is not a string to one, like sigs.k8s.io/yaml (`014` becomes `12`). `None`
/// if it cannot be a key.
pub(crate) fn key_text(resolved: Resolved, text: &str) -> Option<String> {
    Some(match resolved {
        Resolved::Null => return None,
        Resolved::Bool(b) => b.to_string(),
        Resolved::NotFinite(v) if v.is_nan() => ".nan".into(),
        Resolved::NotFinite(v) => if v > 0.0 { ".inf" } else { "-.inf" }.into(),
        Resolved::Text => text.into(),
        Resolved::Number(_) => {
            let plain = text.replace('_', "");
            match integer(&plain).or_else(|| binary_quirk(&plain)) {
                Some(Number::Int(i)) => i.to_string(),
                // The conversion does not support keys of type uint64.
                Some(Number::Float(_)) => return None,
                None => go_g32(plain.parse().ok()?),
            }
        }
    })
}

/// Whether the text is valid for `!!int`.
pub(crate) fn is_integer(text: &str) -> bool {
    let plain = text.replace('_', "");
    integer(&plain).or_else(|| binary_quirk(&plain)).is_some()
}

/// Whether the text is valid for `!!timestamp`: approximately the date forms of go-yaml.
pub(crate) fn is_timestamp(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 8 && bytes[..4].iter().all(u8::is_ascii_digit) && bytes[4] == b'-'
}

/// Go's `FormatFloat(v, 'g', -1, 32)`.
fn go_g32(value: f64) -> String {
    let value = value as f32;
    if value.is_infinite() {
        return if value > 0.0 { ".inf" } else { "-.inf" }.into();
    }
    let text = format!("{value:e}");
    let Some((mantissa, exponent)) = text.split_once('e') else { return text };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    // For the shortest form, Go chooses the notation as for six digits.
    if value != 0.0 && !(-4..6).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.abs());
    }
    format!("{value}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_mean_what_kubectl_says() {
        let int = |i| Resolved::Number(Number::Int(i));
        let table = [
            ("014", int(12)),
            ("0o14", int(12)),
            ("0b101", int(5)),
            ("-0b101", int(-5)),
            ("0x1F", int(31)),
            ("1__0", int(10)),
            ("1_", int(1)),
            ("08", int(8)),
            ("1.0", int(1)),
            ("1e3", int(1000)),
            (".5", Resolved::Number(Number::Float(0.5))),
            ("1e400", Resolved::Text),
            ("1:30", Resolved::Text),
            ("tRue", Resolved::Text),
            ("0xfg", Resolved::Text),
            ("off", Resolved::Bool(false)),
            ("~", Resolved::Null),
            ("", Resolved::Null),
        ];
        for (text, expected) in table {
            assert_eq!(plain(text), expected, "{text}");
        }
    }

    #[test]
    fn floats_are_printed_as_go_prints_them() {
        assert_eq!(Number::Float(18446744073709551616.0).to_string(), "18446744073709552000");
        assert_eq!(Number::Float(1e21).to_string(), "1e+21");
        assert_eq!(Number::Float(1.5e-7).to_string(), "1.5e-7");
    }
}
