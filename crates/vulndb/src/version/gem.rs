//! RubyGems' order: `Gem::Version`.

use std::cmp::Ordering;

use super::number::{Number, digits, take};

/// The segments without insignificant zeros.
#[derive(Debug, Clone)]
pub(super) struct Gem<'a>(Vec<Segment<'a>>);

/// Text precedes all numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Segment<'a> {
    Text(&'a str),
    Number(Number<'a>),
}

super::ordered!(Gem, |a, b| {
    let zero = Segment::Number(Number::ZERO);
    let longest = a.0.len().max(b.0.len());
    let pairs = (0..longest).map(|at| (a.0.get(at).unwrap_or(&zero), b.0.get(at).unwrap_or(&zero)));
    pairs.map(|(a, b)| a.cmp(b)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
});

impl<'a> Gem<'a> {
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let text = text.trim();
        let well = text.starts_with(|c: char| c.is_ascii_digit())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c))
            && !text.contains("..")
            && !text.ends_with('.');
        if !well {
            return None;
        }
        let mut segments = Vec::new();
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            let (segment, behind) = match next {
                // Stands for `1.0.pre.1`.
                '-' => ("pre", &rest[1..]),
                '.' => ("", &rest[1..]),
                c if c.is_ascii_digit() => digits(rest),
                _ => take(rest, |c| c.is_ascii_alphabetic()),
            };
            rest = behind;
            match Number::read(segment) {
                Some(number) => segments.push(Segment::Number(number)),
                None if segment.is_empty() => {}
                None => {
                    // Zeros before the first text are insignificant, like those at the end.
                    if !segments.iter().any(|s| matches!(s, Segment::Text(_))) {
                        trim(&mut segments);
                    }
                    segments.push(Segment::Text(segment));
                }
            }
        }
        trim(&mut segments);
        Some(Self(segments))
    }
}

fn trim(segments: &mut Vec<Segment<'_>>) {
    while segments.last() == Some(&Segment::Number(Number::ZERO)) {
        segments.pop();
    }
}
