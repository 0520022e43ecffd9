//! Composer's order: PHP's `version_compare`, with words in any letter case.

use std::cmp::Ordering;

use super::number::{Number, digits, take};

/// Alternating numbers and words.
#[derive(Debug, Clone)]
pub(super) struct Packagist<'a>(Vec<(Rank, Number<'a>)>);

/// In the order of `version_compare`: unknown words, known words, a release, a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Other,
    Dev,
    Alpha,
    Beta,
    Candidate,
    End,
    Number,
    Patch,
}

super::ordered!(Packagist, |a, b| {
    let end = (Rank::End, Number::ZERO);
    let longest = a.0.len().max(b.0.len());
    let pairs = (0..longest).map(|at| (a.0.get(at).unwrap_or(&end), b.0.get(at).unwrap_or(&end)));
    pairs.map(|(a, b)| a.cmp(b)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
});

impl<'a> Packagist<'a> {
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let mut rest = text.trim();
        if rest.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return None;
        }
        rest = rest.strip_prefix(['v', 'V']).unwrap_or(rest);
        let mut parts = Vec::new();
        while let Some(first) = rest.chars().next() {
            if first.is_ascii_digit() {
                let (number, behind) = digits(rest);
                parts.push((Rank::Number, Number::of(number)));
                rest = behind;
            } else if ".-_+#".contains(first) {
                // `#` stands for an omitted number.
                rest = &rest[1..];
            } else {
                let (word, behind) = take(rest, |c| !c.is_ascii_digit() && !".-_+#".contains(c));
                parts.push((rank(&word.to_ascii_lowercase()), Number::ZERO));
                rest = behind;
            }
        }
        (!parts.is_empty()).then_some(Self(parts))
    }
}

fn rank(word: &str) -> Rank {
    let known = [
        ("dev", Rank::Dev),
        ("a", Rank::Alpha),
        ("b", Rank::Beta),
        ("rc", Rank::Candidate),
        ("p", Rank::Patch),
    ];
    let known = known.into_iter().find(|(begin, _)| word.starts_with(begin));
    known.map_or(Rank::Other, |(_, rank)| rank)
}
