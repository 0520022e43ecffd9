//! Decimal numbers of any length in versions.

use std::cmp::Ordering;

/// Digits without leading zeros; zero is the empty string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number<'a>(&'a str);

impl<'a> Number<'a> {
    pub(super) const ZERO: Self = Self("");

    /// Returns the number with these digits.
    pub(super) fn of(digits: &'a str) -> Self {
        Self(digits.trim_start_matches('0'))
    }

    /// Parses a whole text; `None` if it is not a number.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| Self::of(text))
    }

    pub(super) fn is_zero(self) -> bool {
        self.0.is_empty()
    }
}

impl Ord for Number<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.cmp(other.0))
    }
}

impl PartialOrd for Number<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Splits off the longest prefix of matching characters.
pub(super) fn take(text: &str, wanted: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|c| !wanted(c)).unwrap_or(text.len());
    text.split_at(end)
}

/// Splits off the leading digits.
pub(super) fn digits(text: &str) -> (&str, &str) {
    take(text, |c| c.is_ascii_digit())
}

/// Compares lists of numbers, padding the shorter one with zeros.
pub(super) fn padded(a: &[Number<'_>], b: &[Number<'_>]) -> Ordering {
    let longest = a.len().max(b.len());
    let mut order = Ordering::Equal;
    for place in 0..longest {
        let zero = Number::ZERO;
        order = order.then(a.get(place).unwrap_or(&zero).cmp(b.get(place).unwrap_or(&zero)));
    }
    order
}
