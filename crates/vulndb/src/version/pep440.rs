//! Python's order: PEP 440 as implemented by `packaging` 26. Other texts (`trunk`, `1.0-final`),
//! which still occur in advisories and old packages, precede all valid versions and are ordered
//! like in setuptools (`LegacyVersion` of `packaging` 21).

use std::cmp::Ordering;

use super::number::{Number, digits, padded, take};

/// The version of a Python package.
#[derive(Debug, Clone)]
pub(super) enum Pep440<'a> {
    Legacy(Vec<String>),
    Version(Parts<'a>),
}

/// The parts of a PEP 440 version.
#[derive(Debug, Clone)]
pub(super) struct Parts<'a> {
    epoch: Number<'a>,
    release: Vec<Number<'a>>,
    /// `a`, `b` or `rc` with its number.
    pre: Option<(u8, Number<'a>)>,
    post: Option<Number<'a>>,
    dev: Option<Number<'a>>,
    local: Vec<Local<'a>>,
}

/// A word in a local version precedes all numbers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Local<'a> {
    Word(String),
    Number(Number<'a>),
}

/// The order of prereleases: development versions come before them, the release after them.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Pre<'a> {
    InDevelopment,
    Some(u8, Number<'a>),
    Release,
}

super::ordered!(Pep440, |a, b| match (a, b) {
    (Pep440::Legacy(a), Pep440::Legacy(b)) => a.cmp(b),
    (Pep440::Legacy(_), Pep440::Version(_)) => Ordering::Less,
    (Pep440::Version(_), Pep440::Legacy(_)) => Ordering::Greater,
    (Pep440::Version(a), Pep440::Version(b)) => compare(a, b),
});

fn compare(a: &Parts<'_>, b: &Parts<'_>) -> Ordering {
    let numbers = a.epoch.cmp(&b.epoch).then_with(|| padded(&a.release, &b.release));
    let dev = || match (a.dev, b.dev) {
        (Some(a), Some(b)) => a.cmp(&b),
        (a, b) => b.is_some().cmp(&a.is_some()),
    };
    let pre = numbers.then_with(|| pre(a).cmp(&pre(b)));
    pre.then_with(|| a.post.cmp(&b.post)).then_with(dev).then_with(|| a.local.cmp(&b.local))
}

fn pre<'a>(parts: &Parts<'a>) -> Pre<'a> {
    match parts.pre {
        Some((letter, number)) => Pre::Some(letter, number),
        None if parts.post.is_none() && parts.dev.is_some() => Pre::InDevelopment,
        None => Pre::Release,
    }
}

impl<'a> Pep440<'a> {
    pub(super) fn is_legacy(&self) -> bool {
        matches!(self, Self::Legacy(_))
    }

    pub(super) fn read(text: &'a str) -> Option<Self> {
        let text = text.trim();
        match Parts::read(text) {
            Some(parts) => Some(Self::Version(parts)),
            None => legacy(text).map(Self::Legacy),
        }
    }
}

const PRE: [(&str, u8); 8] = [
    ("alpha", b'a'),
    ("a", b'a'),
    ("beta", b'b'),
    ("b", b'b'),
    ("preview", b'c'),
    ("pre", b'c'),
    ("rc", b'c'),
    ("c", b'c'),
];

impl<'a> Parts<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let (public, local) = match text.split_once('+') {
            Some((public, local)) => (public, Some(local)),
            None => (text, None),
        };
        let mut rest = public.strip_prefix(['v', 'V']).unwrap_or(public);
        let mut epoch = Number::ZERO;
        if let Some((number, behind)) = rest.split_once('!') {
            (epoch, rest) = (Number::read(number)?, behind);
        }
        let mut release = Vec::new();
        loop {
            let (number, behind) = digits(rest);
            release.push(Number::read(number)?);
            rest = behind;
            let next =
                behind.strip_prefix('.').filter(|t| t.starts_with(|c: char| c.is_ascii_digit()));
            match next {
                Some(next) => rest = next,
                None => break,
            }
        }
        let mut parts =
            Self { epoch, release, pre: None, post: None, dev: None, local: Vec::new() };
        if let Some((letter, number, behind)) = part(rest, &PRE) {
            parts.pre = Some((letter, number));
            rest = behind;
        }
        let dash = rest.strip_prefix('-').map(digits).filter(|(number, _)| !number.is_empty());
        if let Some((number, behind)) = dash {
            (parts.post, rest) = (Some(Number::of(number)), behind);
        } else if let Some((_, number, behind)) = part(rest, &[("post", 0), ("rev", 0), ("r", 0)]) {
            (parts.post, rest) = (Some(number), behind);
        }
        if let Some((_, number, behind)) = part(rest, &[("dev", 0)]) {
            (parts.dev, rest) = (Some(number), behind);
        }
        if let Some(local) = local {
            for word in local.split(['.', '-', '_']) {
                parts.local.push(match Number::read(word) {
                    Some(number) => Local::Number(number),
                    None if word.is_empty() => return None,
                    None if !word.chars().all(|c| c.is_ascii_alphanumeric()) => return None,
                    None => Local::Word(word.to_ascii_lowercase()),
                });
            }
        }
        rest.is_empty().then_some(parts)
    }
}

/// Reads a known word and its number, and returns the rest.
fn part<'a>(text: &'a str, known: &[(&str, u8)]) -> Option<(u8, Number<'a>, &'a str)> {
    let begin = text.strip_prefix(['.', '-', '_']).unwrap_or(text);
    let fits = |word: &str| begin.get(..word.len()).is_some_and(|t| t.eq_ignore_ascii_case(word));
    let (word, letter) = known.iter().find(|(word, _)| fits(word))?;
    let rest = begin.get(word.len()..)?;
    let (number, behind) = digits(rest.strip_prefix(['.', '-', '_']).unwrap_or(rest));
    Some(match number.is_empty() {
        true => (*letter, Number::ZERO, rest),
        false => (*letter, Number::of(number), behind),
    })
}

/// Returns the parts of a text as compared by setuptools.
fn legacy(text: &str) -> Option<Vec<String>> {
    if !text.contains(|c: char| c.is_ascii_alphanumeric()) || text.contains(char::is_whitespace) {
        return None;
    }
    let lower = text.to_lowercase();
    let mut parts: Vec<String> = Vec::new();
    let mut rest = lower.as_str();
    loop {
        let (part, behind) = match rest.chars().next() {
            None => ("final", ""),
            Some(c) if c.is_ascii_digit() => digits(rest),
            Some(c) if c.is_ascii_lowercase() => take(rest, |c| c.is_ascii_lowercase()),
            Some('.') => ("", &rest[1..]),
            Some('-') => ("final-", &rest[1..]),
            Some(_) => {
                let other = |c: char| {
                    !c.is_ascii_digit() && !c.is_ascii_lowercase() && c != '.' && c != '-'
                };
                take(rest, other)
            }
        };
        let ended = rest.is_empty();
        rest = behind;
        let part = match part {
            "pre" | "preview" | "rc" => "c",
            "dev" => "@",
            other => other,
        };
        if part.starts_with(|c: char| c.is_ascii_digit()) {
            parts.push(format!("{part:0>8}"));
        } else if !part.is_empty() {
            let part = format!("*{part}");
            if part.as_str() < "*final" {
                while parts.last().is_some_and(|last| last == "*final-") {
                    parts.pop();
                }
            }
            while parts.last().is_some_and(|last| last == "00000000") {
                parts.pop();
            }
            parts.push(part);
        }
        if ended {
            return Some(parts);
        }
    }
}
