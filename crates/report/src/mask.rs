//! Secrets stay secret: the lines of findings about them are shown without their values.

use std::borrow::Cow;
use std::ops::Range;

use pavisade_model::{Finding, Subject};

/// What stands for a value.
pub(crate) const MASK: &str = "••••";

/// The longest key that is kept.
const MAX_KEY: usize = 128;

/// Whether the source of a finding may hold a secret.
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

/// A line with its value masked, and where the span stands in it. What is no key is masked; a
/// boolean is no secret.
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

/// A line in which no address shows the login that stands in it, each byte of which is masked: a
/// span keeps its place. Templates are none.
pub(crate) fn logins(line: &str) -> Cow<'_, str> {
    let mut masked: Option<Vec<u8>> = None;
    let mut from = 0;
    while let Some(at) = line.get(from..).and_then(|rest| rest.find("://")) {
        let start = from + at + 3;
        let rest = &line[start..];
        let end = rest.find(|c: char| c.is_whitespace() || "/?#\"'`<>,;".contains(c));
        let authority = &rest[..end.unwrap_or(rest.len())];
        if let Some(login) = authority.rfind('@').filter(|at| *at > 0)
            && !authority[..login].contains(['$', '{'])
        {
            let bytes = masked.get_or_insert_with(|| line.as_bytes().to_vec());
            bytes[start..start + login].fill(b'*');
        }
        from = start;
    }
    // Whole characters became stars.
    masked.and_then(|bytes| String::from_utf8(bytes).ok()).map_or(Cow::from(line), Cow::from)
}

/// Bytes at the start of a line that are no secret: indent, list dashes and one key.
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

/// `name: `, quoted or not, and the mark of a block scalar's start.
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

/// `--name=`, quoted or not.
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

/// `ENV NAME=` and `ARG NAME=` of a Dockerfile.
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
    fn an_address_keeps_its_place_and_loses_its_login() {
        for (text, expect) in [
            ("url: http://me:hunter2@db:80/a@b", "url: http://**********@db:80/a@b"),
            ("a://t@h b://u:p%40@i", "a://*@h b://******@i"),
            ("http://mé@h", "http://***@h"),
            ("http://$(USER):$(PASSWORD)@h", "http://$(USER):$(PASSWORD)@h"),
            ("https://h/a@b", "https://h/a@b"),
            ("://@h", "://@h"),
            ("a://", "a://"),
        ] {
            let shown = logins(text);
            assert_eq!((&*shown, shown.len()), (expect, text.len()));
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
