//! The rpm order: `rpmvercmp.c` and the epoch of `parseEVR` (rpm 4.18).

use std::cmp::Ordering;

use super::number::{Number, digits, take};

/// Epoch, version and release.
#[derive(Debug, Clone)]
pub(super) struct Rpm<'a> {
    epoch: Number<'a>,
    version: &'a str,
    release: &'a str,
}

super::ordered!(Rpm, |a, b| {
    let epoch = a.epoch.cmp(&b.epoch);
    let version = epoch.then_with(|| compare(a.version, b.version));
    version.then_with(|| compare(a.release, b.release))
});

impl<'a> Rpm<'a> {
    pub(super) fn read(text: &'a str) -> Option<Self> {
        if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return None;
        }
        let (epoch, rest) = digits(text);
        // The epoch needs digits and a colon. A colon alone is an epoch too.
        let (epoch, rest) = match rest.strip_prefix(':') {
            Some(rest) => (Number::of(epoch), rest),
            None => (Number::ZERO, text),
        };
        let (version, release) = rest.rsplit_once('-').unwrap_or((rest, ""));
        (!version.is_empty()).then_some(Self { epoch, version, release })
    }
}

/// Compares segments of letters or digits; other characters only separate. A tilde precedes the
/// end; a caret follows it but precedes any further segment.
fn compare(mut a: &str, mut b: &str) -> Ordering {
    loop {
        let separates = |c: char| !c.is_ascii_alphanumeric() && c != '~' && c != '^';
        a = a.trim_start_matches(separates);
        b = b.trim_start_matches(separates);
        match (a.strip_prefix('~'), b.strip_prefix('~')) {
            (Some(rest_a), Some(rest_b)) => {
                (a, b) = (rest_a, rest_b);
                continue;
            }
            (Some(_), None) => return Ordering::Less,
            (None, Some(_)) => return Ordering::Greater,
            (None, None) => {}
        }
        match (a.strip_prefix('^'), b.strip_prefix('^')) {
            (Some(rest_a), Some(rest_b)) => {
                (a, b) = (rest_a, rest_b);
                continue;
            }
            (Some(_), None) if b.is_empty() => return Ordering::Greater,
            (Some(_), None) => return Ordering::Less,
            (None, Some(_)) if a.is_empty() => return Ordering::Less,
            (None, Some(_)) => return Ordering::Greater,
            (None, None) => {}
        }
        if a.is_empty() || b.is_empty() {
            return a.len().min(1).cmp(&b.len().min(1));
        }
        let numeric = a.starts_with(|c: char| c.is_ascii_digit());
        if numeric != b.starts_with(|c: char| c.is_ascii_digit()) {
            return if numeric { Ordering::Greater } else { Ordering::Less };
        }
        let of = |c: char| if numeric { c.is_ascii_digit() } else { c.is_ascii_alphabetic() };
        let ((segment_a, rest_a), (segment_b, rest_b)) = (take(a, of), take(b, of));
        let order = match numeric {
            true => Number::of(segment_a).cmp(&Number::of(segment_b)),
            false => segment_a.cmp(segment_b),
        };
        if order.is_ne() {
            return order;
        }
        (a, b) = (rest_a, rest_b);
    }
}
