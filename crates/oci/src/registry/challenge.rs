//! Parses `WWW-Authenticate` (RFC 9110, section 11.6.1), a server's authentication challenges.

/// One authentication challenge.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Challenge {
    /// The scheme in lower case.
    pub(super) scheme: String,
    parameters: Vec<(String, String)>,
}

impl Challenge {
    /// Returns the value of a parameter.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Parses all challenges of a header. Invalid parts are skipped.
    pub(super) fn read(header: &str) -> Vec<Self> {
        let mut found: Vec<Self> = Vec::new();
        let mut rest = Rest(header);
        while let Some(word) = rest.token() {
            if rest.eat('=')
                && let Some(challenge) = found.last_mut()
            {
                let value = rest.value();
                challenge.parameters.push((word.to_ascii_lowercase(), value));
            } else {
                found.push(Self { scheme: word.to_ascii_lowercase(), parameters: Vec::new() });
            }
        }
        found
    }
}

struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    /// Returns the next word, skipping separators before it.
    fn token(&mut self) -> Option<&'a str> {
        let is_word = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~/:".contains(c);
        let start = self.0.find(is_word)?;
        let text = &self.0[start..];
        let (word, rest) = text.split_at(text.find(|c| !is_word(c)).unwrap_or(text.len()));
        self.0 = rest;
        Some(word)
    }

    fn eat(&mut self, wanted: char) -> bool {
        let rest = self.0.trim_start().strip_prefix(wanted);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    /// Reads a quoted string or a word.
    fn value(&mut self) -> String {
        if !self.eat('"') {
            let text = self.0.trim_start();
            let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
            self.0 = &text[end..];
            return text[..end].to_owned();
        }
        let (mut value, mut escaped) = (String::new(), false);
        for (at, c) in self.0.char_indices() {
            match c {
                '\\' if !escaped => escaped = true,
                '"' if !escaped => {
                    self.0 = &self.0[at + 1..];
                    return value;
                }
                c => {
                    value.push(c);
                    escaped = false;
                }
            }
        }
        self.0 = "";
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_taken_apart() {
        let made = |scheme: &str, parameters: &[(&str, &str)]| Challenge {
            scheme: scheme.into(),
            parameters: parameters.iter().map(|(a, b)| ((*a).into(), (*b).into())).collect(),
        };
        let hub = r#"Bearer realm="https://auth.example/token",service="r.example",scope="repository:a/b:pull,push""#;
        let expect = made(
            "bearer",
            &[
                ("realm", "https://auth.example/token"),
                ("service", "r.example"),
                ("scope", "repository:a/b:pull,push"),
            ],
        );
        for (header, expect) in [
            (hub, vec![expect]),
            (r#"Basic realm="a \"b\", c""#, vec![made("basic", &[("realm", r#"a "b", c"#)])]),
            ("BASIC", vec![made("basic", &[])]),
            (
                r#"Basic realm="x", Bearer realm=https://a.example/t , service = "s""#,
                vec![
                    made("basic", &[("realm", "x")]),
                    made("bearer", &[("realm", "https://a.example/t"), ("service", "s")]),
                ],
            ),
            ("", vec![]),
            (r#"Bearer realm="never ends"#, vec![made("bearer", &[("realm", "never ends")])]),
        ] {
            assert_eq!(Challenge::read(header), expect, "{header}");
        }
    }
}
