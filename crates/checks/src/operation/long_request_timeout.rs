//! PV-O040.

use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Check, Claim, Component, Cx, OnComponent, Verdict};

/// Long request timeout
///
/// ## Why
/// Every open request uses memory and a slot in the queue. With a timeout of several minutes, a few
/// slow clients can use up both.
///
/// ## Fix
/// Remove `--request-timeout`, which defaults to one minute, or set it to at most five minutes.
#[check(
    id = "PV-O040",
    severity = Low,
    audience = Strict,
    scope = Object,
    programs = [ApiServer],
    fixable = Safely
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LongRequestTimeout {}

impl Check for LongRequestTimeout {
    type On = OnComponent;

    fn check<'a>(&self, server: Component<'a>, _: &Cx<'a>) -> Verdict<'a> {
        server.judged("kube-apiserver", judge)
    }
}

/// The maximum in seconds.
const MOST: f64 = 300.0;

fn judge(server: Component<'_>) -> Result<Verdict<'_>, Claim<'_>> {
    const FLAG: &str = "request-timeout";
    let Some(timeout) = server.known(FLAG)? else { return Ok(Verdict::Holds) };
    let Some(seconds) = seconds(&timeout.value) else {
        let why = format!("`--{FLAG}={}` is not a duration", timeout.value);
        return Err(Claim::unknown(server.place(FLAG), why));
    };
    if seconds <= MOST {
        return Ok(Verdict::Holds);
    }
    let message = format!("a request can stay open for `{}`", timeout.value);
    let claim = Claim::fails(server.place(FLAG), message);
    Ok(claim.changes(server.remove_flag(FLAG)).into())
}

/// Parses a duration like Go's `time.ParseDuration`, as far as needed for flags: `1h10m`, `90s`,
/// `1.5h`.
fn seconds(text: &str) -> Option<f64> {
    if text == "0" {
        return Some(0.0);
    }
    let (mut rest, mut sum) = (text, 0.0);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let (unit, factor) = [("ms", 0.001), ("h", 3600.0), ("m", 60.0), ("s", 1.0)]
            .into_iter()
            .find(|(unit, _)| rest.starts_with(unit))?;
        rest = &rest[unit.len()..];
        sum += number * factor;
    }
    (!text.is_empty()).then_some(sum)
}

#[cfg(test)]
mod tests {
    #[test]
    fn durations_are_read_as_go_reads_them() {
        for (text, expected) in [
            ("0", Some(0.0)),
            ("300s", Some(300.0)),
            ("1h10m", Some(4200.0)),
            ("1.5h", Some(5400.0)),
            ("500ms", Some(0.5)),
            ("", None),
            ("5", None),
            ("5d", None),
        ] {
            assert_eq!(super::seconds(text), expected, "{text}");
        }
    }
}
