//! Maven's order: the "Version Order Specification" of its POM reference, as implemented in Maven
//! 3.0 to 3.8.
//!
//! This order is not total in any implementation: it trims zeros before a hyphen but not before a
//! dot, so that `1.0.rc < 1 < 1-1 < 1.0.rc`. It is implemented like this because advisories are
//! written for it. Where the specification pads `.qualifier` with a zero, `ComparableVersion` uses
//! the qualifier of a release, and so does this module.

use std::cmp::Ordering;

use super::number::{Number, digits};

/// The significant tokens.
#[derive(Debug, Clone)]
pub(super) struct Maven<'a>(Vec<Token<'a>>);

/// In ascending order. A missing token is the qualifier of a release, or a zero if the other
/// version has a number after a dot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Token<'a> {
    /// A qualifier after a dot.
    DotWord(Word),
    /// A qualifier after a hyphen or after digits.
    HyphenWord(Word),
    /// A number after a hyphen or after letters.
    Hyphen(Number<'a>),
    /// A number after a dot, or the first one.
    Dot(Number<'a>),
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Word {
    /// The index in [`KNOWN`].
    Known(usize),
    Other(String),
}

const KNOWN: [&str; 7] = ["alpha", "beta", "milestone", "rc", "snapshot", "", "sp"];
const RELEASE: Word = Word::Known(5);

super::ordered!(Maven, |a, b| {
    let longest = a.0.len().max(b.0.len());
    let pairs = (0..longest).map(|at| match (a.0.get(at), b.0.get(at)) {
        (Some(a), Some(b)) => a.cmp(b),
        (Some(a), None) => beside_nothing(a),
        (None, Some(b)) => beside_nothing(b).reverse(),
        (None, None) => Ordering::Equal,
    });
    pairs.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
});

fn beside_nothing(token: &Token<'_>) -> Ordering {
    match token {
        Token::Dot(number) => number.cmp(&Number::ZERO),
        Token::Hyphen(_) => Ordering::Greater,
        Token::DotWord(word) | Token::HyphenWord(word) => word.cmp(&RELEASE),
    }
}

impl<'a> Maven<'a> {
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let mut tokens: Vec<Token<'a>> = Vec::new();
        let mut rest = text.trim();
        // An unexpanded property is not a version.
        let odd = |c: char| c.is_whitespace() || c.is_control() || "${}".contains(c);
        if rest.is_empty() || rest.contains(odd) {
            return None;
        }
        let mut hyphen = false;
        loop {
            let (number, behind) = digits(rest);
            let numeric = !number.is_empty() || rest.is_empty() || rest.starts_with(['.', '-']);
            if numeric {
                if hyphen {
                    trim(&mut tokens);
                }
                let number = Number::of(number);
                tokens.push(if hyphen { Token::Hyphen(number) } else { Token::Dot(number) });
                rest = behind;
            } else {
                let end = rest.find(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
                let (word, behind) = rest.split_at(end.unwrap_or(rest.len()));
                let word = qualifier(word, behind.starts_with(|c: char| c.is_ascii_digit()));
                if hyphen {
                    trim(&mut tokens);
                }
                tokens.push(if hyphen { Token::HyphenWord(word) } else { Token::DotWord(word) });
                rest = behind;
            }
            match rest.chars().next() {
                None => break,
                Some('.') => (hyphen, rest) = (false, &rest[1..]),
                Some('-') => (hyphen, rest) = (true, &rest[1..]),
                // A transition between digits and letters.
                Some(_) => hyphen = true,
            }
        }
        trim(&mut tokens);
        Some(Self(tokens))
    }
}

fn qualifier(word: &str, before_digit: bool) -> Word {
    let word = word.to_lowercase();
    let known = match word.as_str() {
        "a" if before_digit => "alpha",
        "b" if before_digit => "beta",
        "m" if before_digit => "milestone",
        "cr" => "rc",
        "ga" | "final" | "release" => "",
        other => other,
    };
    match KNOWN.iter().position(|name| *name == known) {
        Some(place) => Word::Known(place),
        None => Word::Other(word),
    }
}

fn trim(tokens: &mut Vec<Token<'_>>) {
    let nothing = |token: &Token<'_>| match token {
        Token::Hyphen(number) | Token::Dot(number) => number.is_zero(),
        Token::DotWord(word) | Token::HyphenWord(word) => *word == RELEASE,
    };
    while tokens.last().is_some_and(nothing) {
        tokens.pop();
    }
}
