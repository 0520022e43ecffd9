//! Example values in place of real secrets.

use pavisade_yaml::Value;

use super::weak::is_guessable;

/// Whether an entry of a Secret looks like an example: `my-password`, `test-token`, or its own
/// name. It may be in use, so this proves nothing.
pub fn is_stand_in(name: &str, value: &str) -> bool {
    const FIRST: [&str; 10] =
        ["my", "some", "a", "the", "example", "sample", "dummy", "fake", "mock", "test"];
    const REST: [&str; 12] = [
        "password",
        "passwd",
        "passphrase",
        "pass",
        "token",
        "secret",
        "key",
        "api",
        "access",
        "client",
        "bearer",
        "auth",
    ];
    let value = value.trim();
    if value.len() > 64 {
        return false;
    }
    if value.eq_ignore_ascii_case(name) && !is_guessable(value) {
        return true;
    }
    let lower = value.to_ascii_lowercase();
    let mut words = lower.split(['-', '_', ' ']);
    let first = words.next().unwrap_or("");
    let mut rest = words.peekable();
    FIRST.contains(&first) && rest.peek().is_some() && rest.all(|word| REST.contains(&word))
}

/// Whether a text says that a value must be replaced.
pub fn asks_for_another(text: &str) -> bool {
    const ASKS: [&str; 6] =
        ["replace with", "replace this", "be replaced", "fill in", "fill this", "your own"];
    let lower = text.to_ascii_lowercase();
    ASKS.iter().any(|ask| lower.contains(ask))
}

/// Whether a comment within a value, on its last line or directly above it says that it must be
/// replaced. The value may be in use, so this only lowers confidence.
pub fn has_asking_comment(value: Value<'_>) -> bool {
    let (doc, span) = (value.doc(), value.span());
    let source = doc.source();
    let (first, last) = (source.line_at(span.start), source.line_at(span.end));
    let is_comment =
        |line: &u32| source.line(*line).is_some_and(|(_, text)| text.trim_start().starts_with('#'));
    let from = (1..first).rev().take_while(is_comment).last().unwrap_or(first);
    doc.comments()
        .filter(|comment| (from..=last).contains(&source.line_at(comment.start)))
        .filter_map(|comment| source.text().get(comment.start as usize..comment.end as usize))
        .any(asks_for_another)
}

#[cfg(test)]
mod tests {
    use super::is_stand_in;

    #[test]
    fn examples_are_told_from_passwords() {
        for (name, value) in [
            ("password", "my-password"),
            ("token", "test-token"),
            ("token", "token"),
            ("apiKey", "MY_API_KEY"),
            ("clientSecret", "example client secret"),
        ] {
            assert!(is_stand_in(name, value), "{name}: {value}");
        }
        for (name, value) in [
            ("password", "password"),
            ("password", "my-dog"),
            ("password", "my"),
            ("password", "mypassword"),
            ("token", "test-token-7f3a"),
            ("password", "super-secret-password"),
            ("password", ""),
        ] {
            assert!(!is_stand_in(name, value), "{name}: {value}");
        }
    }
}
