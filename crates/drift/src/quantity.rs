//! Resource quantities with the semantics of apimachinery's `resource.Quantity`: `1000m` equals
//! `1`.

use std::cmp::Ordering;

/// Maximum number of digits. No resource has that many, but hostile input may.
const MAX_DIGITS: usize = 400;
/// The exponent of the smallest unit, 10⁻⁹. Smaller parts are rounded up.
const NANO: i64 = -9;

/// A quantity: sign, digits without leading and trailing zeros, and the power of ten of the last
/// digit. Two quantities are equal if they are the same amount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Quantity {
    negative: bool,
    digits: Vec<u8>,
    exponent: i64,
}

enum Suffix {
    Decimal(i64),
    Binary(u32),
}

impl Quantity {
    /// Parses a quantity. `None` if the API server would reject it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (negative, rest) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, suffix) = rest.split_at(end);
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        // A quantity without digits is zero in Kubernetes: `.`, `m`.
        if part.contains('.') || whole.len() + part.len() > MAX_DIGITS {
            return None;
        }
        let mut digits: Vec<u8> = whole.bytes().chain(part.bytes()).map(|b| b - b'0').collect();
        let mut exponent = -(part.len() as i64);
        let suffix = suffix_of(suffix)?;
        match suffix {
            Suffix::Decimal(power) => exponent = exponent.checked_add(power)?,
            Suffix::Binary(power) => (0..power / 10).for_each(|_| times_1024(&mut digits)),
        }
        let mut quantity = Self { negative, digits, exponent };
        quantity.trim();
        quantity.round_up(NANO);
        if matches!(suffix, Suffix::Binary(_)) {
            quantity.cap();
        }
        Some(quantity)
    }

    /// Rounds away from zero to thousandths, as the API server does in resource lists.
    pub(crate) fn in_milli(mut self) -> Self {
        self.round_up(-3);
        self
    }

    /// Whether the quantity is zero.
    pub(crate) fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    fn trim(&mut self) {
        let zeros = self.digits.iter().take_while(|&&digit| digit == 0).count();
        self.digits.drain(..zeros);
        while self.digits.last() == Some(&0) {
            self.digits.pop();
            self.exponent += 1;
        }
        if self.digits.is_empty() {
            (self.negative, self.exponent) = (false, 0);
        }
    }

    /// Rounds away from zero to a multiple of ten to the power of `place`.
    fn round_up(&mut self, place: i64) {
        if self.digits.is_empty() || self.exponent >= place {
            return;
        }
        let cut = usize::try_from(place - self.exponent).unwrap_or(usize::MAX);
        self.digits.truncate(self.digits.len().saturating_sub(cut));
        self.exponent = place;
        // The last digit was not zero, so something was cut off.
        let mut at = self.digits.len();
        loop {
            let Some(before) = at.checked_sub(1) else {
                self.digits.insert(0, 1);
                break;
            };
            at = before;
            self.digits[at] += 1;
            if self.digits[at] < 10 {
                break;
            }
            self.digits[at] = 0;
        }
        self.trim();
    }

    /// Caps binary quantities at the largest 64-bit integer.
    fn cap(&mut self) {
        let max: Vec<u8> = i64::MAX.to_string().bytes().map(|b| b - b'0').collect();
        let mine = self.digits.len() as i64 + self.exponent;
        let order = mine.cmp(&(max.len() as i64)).then_with(|| self.digits.cmp(&max));
        if order == Ordering::Greater {
            (self.digits, self.exponent) = (max, 0);
            self.trim();
        }
    }
}

fn suffix_of(text: &str) -> Option<Suffix> {
    Some(match text {
        "n" => Suffix::Decimal(-9),
        "u" => Suffix::Decimal(-6),
        "m" => Suffix::Decimal(-3),
        "" => Suffix::Decimal(0),
        "k" => Suffix::Decimal(3),
        "M" => Suffix::Decimal(6),
        "G" => Suffix::Decimal(9),
        "T" => Suffix::Decimal(12),
        "P" => Suffix::Decimal(15),
        "E" => Suffix::Decimal(18),
        "Ki" => Suffix::Binary(10),
        "Mi" => Suffix::Binary(20),
        "Gi" => Suffix::Binary(30),
        "Ti" => Suffix::Binary(40),
        "Pi" => Suffix::Binary(50),
        "Ei" => Suffix::Binary(60),
        _ => {
            let power = text.strip_prefix(['e', 'E'])?;
            // Go uses 32 bits for the exponent. The API server rejects values far beyond.
            Suffix::Decimal(i64::from(power.parse::<i32>().ok()?))
        }
    })
}

fn times_1024(digits: &mut Vec<u8>) {
    let mut carry = 0_u32;
    for digit in digits.iter_mut().rev() {
        let product = u32::from(*digit) * 1024 + carry;
        *digit = (product % 10) as u8;
        carry = product / 10;
    }
    while carry > 0 {
        digits.insert(0, (carry % 10) as u8);
        carry /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_amount_is_equal() {
        for (one, other) in [
            ("1000m", "1"),
            ("0.5", "500m"),
            (".5", "500m"),
            ("1.", "1"),
            ("1Gi", "1024Mi"),
            ("1.5Gi", "1536Mi"),
            ("1e3", "1k"),
            ("1E3", "1k"),
            ("12e-1", "1200m"),
            ("1E", "1000P"),
            ("1Ki", "1024"),
            ("0001", "1"),
            ("+1", "1"),
            ("-0", "0"),
            ("0Gi", "0"),
            (".", "0"),
            ("m", "0"),
            ("1000000n", "1m"),
            ("0.1n", "1n"),
            ("1.9u", "1900n"),
            ("0.9999999999", "1"),
            ("16Ei", "9223372036854775807"),
            ("100000000000000000000Ki", "9223372036854775807"),
            ("0.1Ki", "102400m"),
        ] {
            let read = |text: &str| Quantity::parse(text).unwrap();
            assert_eq!(read(one), read(other), "{one} {other}");
        }
    }

    #[test]
    fn another_amount_is_not() {
        for (one, other) in [
            ("1", "1m"),
            ("1Gi", "1G"),
            ("1M", "1m"),
            ("-1", "1"),
            ("1E", "1Ei"),
            ("10E", "9223372036854775807"),
            ("1n", "2n"),
        ] {
            assert_ne!(Quantity::parse(one), Quantity::parse(other), "{one} {other}");
        }
    }

    #[test]
    fn what_the_api_server_refuses_is_nothing() {
        for text in ["", "1K", "1ki", "1mi", "1 Gi", "1.2.3", "1e", "1e+", "1b"] {
            assert_eq!(Quantity::parse(text), None, "{text}");
        }
    }

    #[test]
    fn lists_of_resources_are_kept_in_thousandths() {
        let milli = |text: &str| Quantity::parse(text).unwrap().in_milli();
        assert_eq!(milli("100u"), milli("1m"));
        assert_eq!(milli("1.0001"), milli("1001m"));
        assert_ne!(milli("2m"), milli("1m"));
    }

    #[test]
    fn a_hostile_quantity_costs_nothing() {
        assert_eq!(Quantity::parse(&"9".repeat(100_000)), None);
        assert!(Quantity::parse("1e2147483647").is_some());
        assert_eq!(Quantity::parse("1e-2147483648"), Quantity::parse("1n"));
        assert_eq!(Quantity::parse("1e99999999999"), None);
    }
}
