//! Debian's order: deb-version(7), as implemented in dpkg's `parseversion.c` and `version.c`.

use std::cmp::Ordering;

use super::number::{Number, digits, take};

/// The version of a Debian package.
#[derive(Debug, Clone)]
pub(super) struct Deb<'a> {
    epoch: Number<'a>,
    upstream: &'a str,
    revision: &'a str,
}

super::ordered!(Deb, |a, b| {
    let by_part = |a: &str, b: &str| compare(a, b);
    let epoch = a.epoch.cmp(&b.epoch);
    epoch
        .then_with(|| by_part(a.upstream, b.upstream))
        .then_with(|| by_part(a.revision, b.revision))
});

impl<'a> Deb<'a> {
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let text = text.trim();
        let (epoch, rest) = match text.split_once(':') {
            Some((epoch, rest)) => (Number::read(epoch)?, rest),
            None => (Number::ZERO, text),
        };
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, "0"));
        let simple = |c: char| c.is_ascii_alphanumeric() || ".+~".contains(c);
        let well = !upstream.is_empty()
            && upstream.chars().all(|c| simple(c) || ":-_".contains(c))
            && !revision.is_empty()
            && revision.chars().all(|c| simple(c) || c == '_');
        well.then_some(Self { epoch, upstream, revision })
    }
}

/// Ranks characters: a tilde, the end, letters, everything else.
fn rank(c: Option<char>) -> u32 {
    match c {
        Some('~') => 0,
        None => 1,
        Some(c) if c.is_ascii_digit() => 1,
        Some(c) if c.is_ascii_alphabetic() => u32::from(c),
        Some(c) => u32::from(c) + 256,
    }
}

/// Compares alternating text and numbers.
fn compare(mut a: &str, mut b: &str) -> Ordering {
    while !a.is_empty() || !b.is_empty() {
        let (text_a, rest_a) = take(a, |c| !c.is_ascii_digit());
        let (text_b, rest_b) = take(b, |c| !c.is_ascii_digit());
        let (mut of_a, mut of_b) = (text_a.chars(), text_b.chars());
        loop {
            let (next_a, next_b) = (of_a.next(), of_b.next());
            match rank(next_a).cmp(&rank(next_b)) {
                Ordering::Equal => {}
                other => return other,
            }
            if next_a.is_none() && next_b.is_none() {
                break;
            }
        }
        let ((number_a, rest_a), (number_b, rest_b)) = (digits(rest_a), digits(rest_b));
        match Number::of(number_a).cmp(&Number::of(number_b)) {
            Ordering::Equal => (a, b) = (rest_a, rest_b),
            other => return other,
        }
    }
    Ordering::Equal
}
