//! Converts error output of programs for notes: only the reason, identical in every run.

use std::borrow::Cow;

/// Joins the last lines of error output, where tools put the reason.
pub(crate) fn brief(text: &str) -> String {
    let lines: Vec<_> = text
        .lines()
        .map(|line| unstamped(line.trim()))
        .filter(|line| !line.is_empty() && !line.starts_with("Use --debug"))
        .filter(|line| !["warning", "level=warn", "#"].iter().any(|word| begins(line, word)))
        .map(|line| line.strip_prefix("Error: ").unwrap_or(line))
        .map(|line| line.strip_prefix("error: ").unwrap_or(line))
        .map(unwrapped)
        .collect();
    lines[lines.len().saturating_sub(4)..].join("; ")
}

/// Returns the end of a long message.
pub(crate) fn tail(message: &str) -> String {
    const LENGTH: usize = 500;
    match message.char_indices().rev().nth(LENGTH) {
        Some((at, _)) => format!("… {}", &message[at..]),
        None => message.to_owned(),
    }
}

fn begins(line: &str, word: &str) -> bool {
    line.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
}

/// Removes the prefix of a logger from a line: time, process, level, source location.
fn unstamped(line: &str) -> &str {
    klog(line).or_else(|| slog(line)).or_else(|| log(line)).unwrap_or(line)
}

/// Unwraps a structured message of kubectl: `"command failed" err="reason"`.
fn unwrapped(line: &str) -> Cow<'_, str> {
    let inside = line.strip_prefix("\"command failed\" err=\"").and_then(|l| l.strip_suffix('"'));
    inside.map_or(line.into(), |text| text.replace("\\n", "; ").replace("\\\"", "\"").into())
}

/// klog: `E1125 22:17:26.123456   12345 file.go:12] reason`.
fn klog(line: &str) -> Option<&str> {
    let rest = line.strip_prefix(['I', 'W', 'E', 'F'])?;
    let rest = of_form(rest, "dddd dd:dd:dd.dddddd")?.trim_start();
    let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix(' ')?;
    let (place, reason) = rest.split_once(']')?;
    let (_, number) = place.rsplit_once(':')?;
    let is_place = !place.contains(' ') && number.bytes().all(|b| b.is_ascii_digit());
    is_place.then(|| reason.trim_start())
}

/// slog as text: `time=2026-11-25T22:17:26.123Z level=ERROR msg=reason`. The level is kept, because
/// it identifies warnings.
fn slog(line: &str) -> Option<&str> {
    let (time, rest) = line.strip_prefix("time=")?.split_once(' ')?;
    of_form(time.trim_start_matches('"'), "dddd-dd-ddTdd:dd:dd")?;
    Some(rest.trim_start())
}

/// Go's log: `2026/11/25 22:17:26 reason`.
fn log(line: &str) -> Option<&str> {
    let rest = of_form(line, "dddd/dd/dd dd:dd:dd")?;
    let micro = rest.strip_prefix('.').map(|r| r.trim_start_matches(|c: char| c.is_ascii_digit()));
    micro.unwrap_or(rest).strip_prefix(' ').map(str::trim_start)
}

/// Returns the text after a pattern in which `d` is a digit.
fn of_form<'a>(text: &'a str, form: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(form.len())?;
    let fits = |(b, form): (u8, u8)| if form == b'd' { b.is_ascii_digit() } else { b == form };
    head.bytes().zip(form.bytes()).all(fits).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_the_same_in_every_run() {
        #[rustfmt::skip]
        let cases = [
            ("E1125 22:17:26.123456   12345 file.go:12] no such file", "no such file"),
            ("F1125 22:17:26.123456       1 a_b-c.go:1234]reason [a] b", "reason [a] b"),
            ("W0102 03:04:05.000000 7 x.go:1] Warning: deprecated\nError: bad", "bad"),
            (
                "E1125 22:17:26.1 1 a.go:9] x\nE1125 22:17:26.123456 7 run.go:72] \"command failed\" err=\"no \\\"a\\\"\\nin b\"",
                "E1125 22:17:26.1 1 a.go:9] x; no \"a\"; in b",
            ),
            ("2026/11/25 22:17:26 well: it fails", "well: it fails"),
            ("2026/11/25 22:17:26.123456 it fails", "it fails"),
            ("2026/11/25 22:17:26 Warning: old\nit fails", "it fails"),
            ("time=2026-11-25T22:17:26.123Z level=ERROR msg=\"it fails\"", "level=ERROR msg=\"it fails\""),
            ("time=2026-11-25T22:17:26.123+01:00 level=WARN msg=old\nError: it fails", "it fails"),
            ("error: accumulating resources", "accumulating resources"),
            // Similar text is kept.
            ("E1125 is no image", "E1125 is no image"),
            ("Error: E1125 22:17:26.123456 at noon", "E1125 22:17:26.123456 at noon"),
            ("E1125 22:17:26.123456 12345 two words] x", "E1125 22:17:26.123456 12345 two words] x"),
            ("time=soon level=ERROR", "time=soon level=ERROR"),
            ("2026/11/25: ü", "2026/11/25: ü"),
            ("E112ü 22", "E112ü 22"),
            ("", ""),
        ];
        for (text, expect) in cases {
            assert_eq!(brief(text), expect, "{text}");
        }
    }
}
