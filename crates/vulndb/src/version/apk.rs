//! The two apk orders: `version.c` of apk-tools 2.10 and of apk-tools 3.0.
//!
//! Both split a version into tokens and compare them one by one. If one version ends first, the
//! other is newer, unless it continues with a prerelease suffix. They differ in numbers with
//! leading zeros, digits after a letter (accepted only by 2), and hashes (accepted only by 3). A
//! version that `apk version --check` rejects is invalid.

use std::cmp::Ordering;

use super::number::{Number, digits, take};

const BEFORE: [&str; 4] = ["alpha", "beta", "pre", "rc"];
const BEHIND: [&str; 5] = ["cvs", "svn", "git", "hg", "p"];

/// In the order of apk-tools: the version that ends first is older, so the end comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// apk-tools 2: a number that may have leading zeros. apk-tools 3: the first number.
    First,
    Digit,
    Letter,
    Suffix,
    SuffixNumber,
    Hash,
    Revision,
    End,
}

#[derive(Debug, Clone, Copy)]
struct Token<'a> {
    kind: Kind,
    /// A letter, a suffix (negative for prereleases), or minus the number of leading zeros.
    small: i32,
    number: Number<'a>,
    /// The part that is compared as text.
    text: &'a str,
}

impl<'a> Token<'a> {
    fn number(kind: Kind, text: &'a str) -> Self {
        Self { kind, small: 0, number: Number::of(text), text }
    }

    fn small(kind: Kind, small: i32) -> Self {
        Self { kind, small, number: Number::ZERO, text: "" }
    }
}

const END: Token<'static> = Token { kind: Kind::End, small: 0, number: Number::ZERO, text: "" };

/// A version of apk-tools 2.
#[derive(Debug, Clone)]
pub(super) struct Two<'a>(Vec<Token<'a>>);

super::ordered!(Two, |a, b| {
    walk(&a.0, &b.0, |a, b| a.small.cmp(&b.small).then(a.number.cmp(&b.number)))
});

/// A version of apk-tools 3.
#[derive(Debug, Clone)]
pub(super) struct Three<'a>(Vec<Token<'a>>);

super::ordered!(Three, |a, b| {
    walk(&a.0, &b.0, |a, b| match a.kind {
        Kind::Digit if a.text.starts_with('0') || b.text.starts_with('0') => a.text.cmp(b.text),
        Kind::Hash => a.text.cmp(b.text),
        _ => a.small.cmp(&b.small).then(a.number.cmp(&b.number)),
    })
});

fn walk(
    a: &[Token<'_>],
    b: &[Token<'_>],
    compare: impl Fn(&Token<'_>, &Token<'_>) -> Ordering,
) -> Ordering {
    for at in 0..=a.len().max(b.len()) {
        let (a, b) = (a.get(at).unwrap_or(&END), b.get(at).unwrap_or(&END));
        if a.kind == b.kind {
            match compare(a, b) {
                Ordering::Equal => continue,
                other => return other,
            }
        }
        let precedes = |token: &Token<'_>| token.kind == Kind::Suffix && token.small < 0;
        return match (precedes(a), precedes(b)) {
            (true, _) => Ordering::Less,
            (_, true) => Ordering::Greater,
            _ => b.kind.cmp(&a.kind),
        };
    }
    Ordering::Equal
}

/// Reads a suffix and returns the rest. The first match is used, as in apk-tools 2.
fn suffix(text: &str) -> Option<(i32, &str)> {
    let places = (-4..0).chain(0..5);
    let mut known = BEFORE.iter().chain(&BEHIND).zip(places);
    known.find_map(|(word, place)| Some((place, text.strip_prefix(word)?)))
}

impl<'a> Two<'a> {
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let mut tokens = Vec::new();
        let mut rest = text;
        let mut kind = Kind::Digit;
        while kind != Kind::End {
            let mut next = None;
            match kind {
                Kind::First if rest.starts_with('0') => {
                    let (zeros, behind) = take(rest, |c| c == '0');
                    tokens.push(Token::small(kind, -i32::try_from(zeros.len()).ok()?));
                    (rest, next) = (behind, Some(Kind::Digit));
                }
                Kind::Letter => {
                    tokens.push(Token::small(kind, i32::from(*rest.as_bytes().first()?)));
                    rest = rest.get(1..)?;
                }
                Kind::Suffix => {
                    let (place, behind) = suffix(rest)?;
                    tokens.push(Token::small(kind, place));
                    rest = behind;
                }
                _ => {
                    let (number, behind) = digits(rest);
                    tokens.push(Token::number(kind, number));
                    rest = behind;
                }
            }
            kind = match next {
                _ if rest.is_empty() => Kind::End,
                Some(next) => next,
                None => following(kind, &mut rest)?,
            };
        }
        Some(Self(tokens))
    }
}

/// Returns the type of the next token from the previous one and the next character.
fn following(kind: Kind, rest: &mut &str) -> Option<Kind> {
    let first = rest.chars().next()?;
    let digit = first.is_ascii_digit();
    let next = match kind {
        Kind::First | Kind::Digit if first.is_ascii_lowercase() => return Some(Kind::Letter),
        Kind::Letter if digit => return Some(Kind::Digit),
        Kind::Suffix if digit => return Some(Kind::SuffixNumber),
        _ => match first {
            '.' => Kind::First,
            '_' => Kind::Suffix,
            '-' if rest.starts_with("-r") => Kind::Revision,
            _ => return None,
        },
    };
    *rest = rest.get(if next == Kind::Revision { 2 } else { 1 }..)?;
    let back =
        matches!((next, kind), (Kind::First, Kind::Digit) | (Kind::Suffix, Kind::SuffixNumber));
    (next >= kind || back).then_some(next)
}

impl<'a> Three<'a> {
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let (number, mut rest) = digits(text);
        Number::read(number)?;
        let mut tokens = vec![Token::number(Kind::First, number)];
        let mut kind = Kind::First;
        while let Some(first) = rest.chars().next() {
            let behind = rest.get(first.len_utf8()..)?;
            let number = |kind, text: &'a str| {
                let (number, behind) = digits(text);
                (!number.is_empty()).then(|| (Token::number(kind, number), behind))
            };
            let (token, behind) = match first {
                'a'..='z' if kind <= Kind::Digit => {
                    (Token::small(Kind::Letter, i32::try_from(u32::from(first)).ok()?), behind)
                }
                '.' if kind <= Kind::Digit => number(Kind::Digit, behind)?,
                '0'..='9' if kind == Kind::Suffix => number(Kind::SuffixNumber, rest)?,
                '_' if kind <= Kind::SuffixNumber => {
                    let (word, behind) = take(behind, |c| c.is_ascii_lowercase());
                    let (place, more) = suffix(word)?;
                    // `pre` is not `p`; no other suffix starts with another one.
                    more.is_empty().then(|| (Token::small(Kind::Suffix, place), behind))?
                }
                '~' if kind < Kind::Hash => {
                    let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
                    let (text, behind) = take(behind, hex);
                    let token = Token { kind: Kind::Hash, small: 0, number: Number::ZERO, text };
                    (!text.is_empty()).then_some((token, behind))?
                }
                '-' if kind < Kind::Revision => number(Kind::Revision, behind.strip_prefix('r')?)?,
                _ => return None,
            };
            (kind, rest) = (token.kind, behind);
            tokens.push(token);
        }
        Some(Self(tokens))
    }
}
