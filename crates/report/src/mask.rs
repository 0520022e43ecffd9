//! Masks secret values in the source lines of findings.

use std::ops::Range;

use pavisade_model::{Finding, Subject};
pub(crate) use pavisade_secrets::MASK;

/// Maximum length of a key that is kept.
const MAX_KEY: usize = 128;

/// Whether the source of a finding may contain a secret.
pub(crate) fn is_secret(finding: &Finding) -> bool {
    let of_secrets = match &finding.subject {
        // A kubeconfig is a `Config` of the core group.
        Subject::Object { group, kind, .. } => {
            group.is_empty() && matches!(&**kind, "Secret" | "Config")
        }
        _ => false,
    };
    of_secrets || finding.rule.secret
}

/// Returns a line with its value masked, and the span in it. A line without a key is masked
/// completely. Booleans are not secret.
pub(crate) fn line(line: &str, span: Range<usize>) -> (String, Range<usize>) {
    let kept = kept(line);
    if line[..kept].trim_end().ends_with(':') && matches!(line[kept..].trim(), "true" | "false") {
        return (line.to_owned(), span);
    }
    let blank = if line[..kept].ends_with(':') { " " } else { "" };
    let masked = format!("{}{blank}{MASK}", &line[..kept]);
    let start = if span.start < kept { span.start } else { kept };
    let end = masked.len();
    (masked, start..end)
}

/// Returns a line with its secrets masked, and the span in it. `secrets` are ranges in the whole
/// text, in which the line starts at `start`.
pub(crate) fn secrets(
    line: &str,
    start: usize,
    secrets: &[Range<usize>],
    span: Range<usize>,
) -> (String, Range<usize>) {
    let end = start + line.len();
    let first = secrets.partition_point(|secret| secret.end <= start);
    let here = secrets[first..].iter().take_while(|secret| secret.start < end);
    let (mut masked, mut from, mut shown) = (String::with_capacity(line.len()), 0, span.clone());
    for secret in here {
        let (left, right) = (secret.start.max(start) - start, secret.end.min(end) - start);
        masked.push_str(&line[from..left]);
        let at = masked.len();
        masked.push_str(MASK);
        let moved = |old: usize, inside: usize| match old {
            old if old <= left => None,
            old if old < right => Some(inside),
            old => Some(masked.len() + old - right),
        };
        shown.start = moved(span.start, at).unwrap_or(shown.start);
        shown.end = moved(span.end, masked.len()).unwrap_or(shown.end);
        from = right;
    }
    masked.push_str(&line[from..]);
    (masked, shown)
}

/// Returns the length of the part of a line that is not secret: indentation, list dashes and one
/// key.
fn kept(line: &str) -> usize {
    let bare = line.trim_start_matches([' ', '\t']);
    let mut rest = bare;
    while let Some(after) = rest.strip_prefix("- ") {
        rest = after.trim_start_matches(' ');
    }
    let start = line.len() - rest.len();
    let key = key(rest).or_else(|| flag(rest)).or_else(|| instruction(rest));
    start + key.unwrap_or(0)
}

/// Returns the length of `name: `, with optional quotes, and the header of a block scalar.
fn key(text: &str) -> Option<usize> {
    let (quote, inner) = match text.as_bytes().first()? {
        b'"' => (Some('"'), &text[1..]),
        b'\'' => (Some('\''), &text[1..]),
        _ => (None, text),
    };
    let length = inner.find(|c: char| !is_key_char(c)).filter(|n| (1..=MAX_KEY).contains(n))?;
    let mut rest = &inner[length..];
    if let Some(quote) = quote {
        rest = rest.strip_prefix(quote)?;
    }
    let rest = rest.strip_prefix(':')?;
    if !rest.is_empty() && !rest.starts_with([' ', '\t']) {
        return None;
    }
    Some(text.len() - rest.trim_start_matches([' ', '\t']).len())
}

/// Returns the length of `--name=`, with optional quotes.
fn flag(text: &str) -> Option<usize> {
    let inner = text.trim_start_matches(['"', '\'']);
    let name = inner.trim_start_matches('-');
    if name.len() == inner.len() {
        return None;
    }
    let length = name.find(|c: char| !is_key_char(c)).filter(|n| (1..=MAX_KEY).contains(n))?;
    let rest = name[length..].strip_prefix('=')?;
    Some(text.len() - rest.len())
}

/// Returns the length of `ENV NAME=` and `ARG NAME=` of a Dockerfile.
fn instruction(text: &str) -> Option<usize> {
    let word = text.get(..4).filter(|w| matches!(&*w.to_ascii_uppercase(), "ENV " | "ARG "))?;
    let rest = text[word.len()..].trim_start_matches(' ');
    let length = rest.find(|c: char| !is_key_char(c)).filter(|n| (1..=MAX_KEY).contains(n))?;
    let rest = rest[length..].strip_prefix(['=', ' '])?;
    Some(text.len() - rest.len())
}

fn is_key_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '$')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_moves_with_what_is_masked_before_it() {
        let text = "x\nurl: http://me:hunter2@h b: true\n";
        let (start, line) = (2, text.lines().nth(1).unwrap());
        let hidden = std::slice::from_ref(&(14..24));
        for (needle, expect) in [
            ("true", "true"),
            ("url", "url"),
            ("hunter2", "••••"),
            ("http://me:hunter2@h", "http://••••@h"),
            ("ter2@h", "••••@h"),
        ] {
            let at = line.find(needle).unwrap();
            let (masked, span) = secrets(line, start, hidden, at..at + needle.len());
            assert_eq!(masked, "url: http://••••@h b: true");
            assert_eq!(&masked[span], expect);
        }
    }

    #[test]
    fn keys_stay_and_values_go() {
        for (text, expect) in [
            ("    value: hunter2", "    value: ••••"),
            ("  - - password:   \"hunter2\" # hunter2", "  - - password:   ••••"),
            ("\"token\": \"hunter2\",", "\"token\": ••••"),
            ("- --password=hunter2", "- --password=••••"),
            ("- \"--password=hunter2\"", "- \"--password=••••"),
            ("ENV DB_PASSWORD=hunter2", "ENV DB_PASSWORD=••••"),
            ("ENV DB_PASSWORD hunter2", "ENV DB_PASSWORD ••••"),
            ("{\"data\": {\"password\": \"hunter2\"}}", "••••"),
            ("  hunter2", "  ••••"),
            ("- hunter2", "- ••••"),
            ("postgres://me:hunter2@db", "••••"),
            ("key:", "key: ••••"),
            ("    insecure-skip-tls-verify: true", "    insecure-skip-tls-verify: true"),
            ("true", "••••"),
            ("", "••••"),
        ] {
            let (masked, span) = line(text, 0..text.len());
            assert_eq!(masked, expect);
            assert!(masked.get(span).is_some());
            assert!(!masked.contains("hunter2"));
        }
    }
}
