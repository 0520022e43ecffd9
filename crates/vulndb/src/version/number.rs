//! Decimal numbers of any length, as they stand in versions.

use std::cmp::Ordering;

/// Digits without leading zeros; zero is the empty text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number<'a>(&'a str);

impl<'a> Number<'a> {
    pub(super) const ZERO: Self = Self("");

    /// What these digits say.
    pub(super) fn of(digits: &'a str) -> Self {
        Self(digits.trim_start_matches('0'))
    }

    /// All of a text; nothing where it is no number.
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

/// A text behind its longest beginning of such characters, and that beginning.
pub(super) fn take(text: &str, wanted: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|c| !wanted(c)).unwrap_or(text.len());
    text.split_at(end)
}

/// The digits at the beginning of a text, and the rest.
pub(super) fn digits(text: &str) -> (&str, &str) {
    take(text, |c| c.is_ascii_digit())
}

/// Lists of numbers, the shorter one filled up with zeros.
pub(super) fn padded(a: &[Number<'_>], b: &[Number<'_>]) -> Ordering {
    let longest = a.len().max(b.len());
    let mut order = Ordering::Equal;
    for place in 0..longest {
        let zero = Number::ZERO;
        order = order.then(a.get(place).unwrap_or(&zero).cmp(b.get(place).unwrap_or(&zero)));
    }
    order
}
