//! Semantic versions (semver.org 2.0.0) and variants.
//!
//! A `v` prefix and fewer than three numbers are accepted too, since advisories contain `0` and Go
//! uses `v1.2.3`. Numbers have any length. Go pseudo-versions are prereleases, and `+incompatible`
//! is build metadata.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::Order;
use super::number::{Number, digits, padded, take};

/// The numbers, the prerelease identifiers and, for pub, the build metadata.
#[derive(Debug, Clone)]
pub(super) struct Semver<'a> {
    numbers: Vec<Number<'a>>,
    before: Vec<Part<'a>>,
    build: Vec<Part<'a>>,
}

/// Numbers precede text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Part<'a> {
    Number(Number<'a>),
    Text(Cow<'a, str>),
}

super::ordered!(Semver, |a, b| {
    let numbers = padded(&a.numbers, &b.numbers);
    let before = || match (a.before.is_empty(), b.before.is_empty()) {
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        _ => a.before.cmp(&b.before),
    };
    numbers.then_with(before).then_with(|| a.build.cmp(&b.build))
});

impl<'a> Semver<'a> {
    pub(super) fn read(order: Order, text: &'a str) -> Option<Self> {
        let text = text.trim();
        let text = match order {
            Order::Go => text.strip_prefix("go").unwrap_or(text),
            _ => text,
        };
        let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
        let (text, build) = match text.split_once('+') {
            Some((text, build)) => (text, Some(build)),
            None => (text, None),
        };
        let (core, before) = match text.split_once('-') {
            Some((core, before)) => (core, Some(before)),
            None => (text, None),
        };
        let mut parts = Vec::new();
        let mut numbers = Vec::new();
        let most = if order == Order::Nuget { 4 } else { 3 };
        for number in core.split('.') {
            let (number, behind) = digits(number);
            numbers.push(Number::read(number)?);
            if !behind.is_empty() {
                // The Go distribution writes `1.20rc1` for `1.20.0-rc.1`.
                let (word, count) = take(behind, |c| c.is_ascii_alphabetic());
                let at_end = before.is_none() && core.ends_with(behind) && !word.is_empty();
                if order != Order::Go || !at_end {
                    return None;
                }
                parts = vec![Part::Text(word.into()), Part::Number(Number::read(count)?)];
            }
        }
        if numbers.len() > most {
            return None;
        }
        if let Some(before) = before {
            parts = identifiers(order, before)?;
        }
        // Build metadata is parsed for validation; only pub orders it.
        let build = build.map_or(Some(Vec::new()), |build| identifiers(order, build))?;
        let build = if order == Order::Pub { build } else { Vec::new() };
        Some(Self { numbers, before: parts, build })
    }
}

fn identifiers(order: Order, text: &str) -> Option<Vec<Part<'_>>> {
    text.split('.').map(|part| identifier(order, part)).collect()
}

fn identifier(order: Order, part: &str) -> Option<Part<'_>> {
    if let Some(number) = Number::read(part) {
        return Some(Part::Number(number));
    }
    let well = !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    well.then(|| match order {
        Order::Nuget => Part::Text(part.to_ascii_lowercase().into()),
        _ => Part::Text(part.into()),
    })
}
