//! Secrets that are recognized by their format alone, anywhere in a text.

use std::sync::LazyLock;

use memchr::{memchr, memmem};

use super::base64;
use super::forms::{ALL as FORMS, Forms, is_random, url_safe};
use super::values::is_literal_password;

/// A token found in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    /// The offset of its start.
    pub(super) at: usize,
    /// The name, with an article.
    pub(super) what: &'static str,
    /// Whether the format is unique to one issuer's tokens.
    pub(super) issued: bool,
}

const fn dotted(b: u8) -> bool {
    url_safe(b) || b == b'.'
}

const ANY: usize = usize::MAX;

/// The name of a URL with a password.
pub(super) const URL: &str = "a password in a URL";

/// The prefix of Square's tokens, which also occurs in certificates.
const IN_BASE64: &[u8] = b"EAAA";
/// `-----BEGIN` in base64, as in kubeconfigs.
const ENCODED_KEY: &[u8] = b"LS0tLS1CRUdJTi";

/// Finds all tokens in a text, in one pass over its words and some fast searches.
pub(super) fn find(text: &str, found: &mut dyn FnMut(Token)) {
    let bytes = text.as_bytes();
    let forms = &*FORMS;
    let mut before = b' ';
    for (at, pair) in bytes.windows(2).enumerate() {
        if forms.starts(pair[0], pair[1])
            && !url_safe(before)
            && !(matches!(before, b'+' | b'/' | b'\n') && bytes[at..].starts_with(IN_BASE64))
            && let Some(what) = word(&bytes[at..], forms)
        {
            let issued = !is_general(what);
            found(Token { at, what, issued });
        }
        before = pair[0];
    }
    for (finder, sign, what, check) in &*PHRASES {
        if memchr(*sign, bytes).is_none() {
            continue;
        }
        let hits = finder.find_iter(bytes).filter(|&at| check(text, at));
        hits.for_each(|at| found(Token { at, what, issued: false }));
    }
}

/// The text to search for, its rarest byte, the name of the token, and a test for a match at an
/// offset.
type Phrase = (memmem::Finder<'static>, u8, &'static str, fn(&str, usize) -> bool);

/// Tokens that are not single words. The searchers are built once, since that takes longer than
/// scanning a typical text.
static PHRASES: LazyLock<[Phrase; 12]> = LazyLock::new(|| {
    let phrase =
        |needle: &'static str, sign, what, check| (memmem::Finder::new(needle), sign, what, check);
    [
        phrase("-----BEGIN ", b'G', "a private key", is_private_key as fn(&str, usize) -> bool),
        phrase("://", b'/', URL, is_url_password),
        phrase("AccountKey=", b'=', "an Azure storage key", is_azure_key),
        phrase("hooks.slack.com/", b'/', "a Slack webhook", is_slack_webhook),
        phrase(".webhook.office.com/webhookb2/", b'2', "a Teams webhook", is_teams_webhook),
        phrase(".atlasv1.", b'.', "a Terraform token", is_terraform_token),
        phrase("_mmk", b'k', "a MaxMind key", is_maxmind_key),
        phrase("Q~", b'~', "an Azure client secret", is_azure_secret),
        phrase(":A", b':', "a Telegram token", is_telegram_token),
        phrase("asic ", b'c', "basic authentication with a password", is_basic),
        phrase("earer ", b'r', "a bearer token", is_bearer),
        phrase("@tcp(", b'@', "a password in a database URL", is_go_dsn),
    ]
});

/// Whether tests and documentation contain tokens of that kind.
fn is_general(what: &str) -> bool {
    matches!(what, KEY_IN_BASE64 | SIGNED)
}

const KEY_IN_BASE64: &str = "a private key in base64";
const SIGNED: &str = "a signed token (JWT)";

/// Returns the name of the token that a word is.
fn word(rest: &[u8], forms: &Forms) -> Option<&'static str> {
    if rest.starts_with(ENCODED_KEY) {
        return is_encoded_key(rest).then_some(KEY_IN_BASE64);
    }
    if rest.starts_with(b"eyJ") {
        return is_jwt(rest).then_some(SIGNED);
    }
    if rest.starts_with(b"ZXlK") {
        return is_encoded_jwt(rest).then_some(SIGNED);
    }
    forms.find(rest)
}

/// Whether it is a signed token in base64: nothing else is JSON encoded twice with a dot.
fn is_encoded_jwt(rest: &[u8]) -> bool {
    let length = run(rest, |b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'), 8000);
    let encoded = std::str::from_utf8(&rest[..length / 4 * 4]).unwrap_or("");
    let decoded = base64::decode(encoded).unwrap_or_default();
    let mut parts = decoded.split(|b| *b == b'.');
    let mut is_json = || {
        let part = std::str::from_utf8(parts.next().unwrap_or_default()).unwrap_or_default();
        base64::decode(part).is_some_and(|json| json.starts_with(b"{\""))
    };
    is_json() && is_json()
}

/// Returns the number of leading bytes in an alphabet, up to `most`. Bounded, so that hostile text
/// with many prefixes is not read to its end for each.
fn run(bytes: &[u8], alphabet: impl Fn(u8) -> bool, most: usize) -> usize {
    let bytes = &bytes[..bytes.len().min(most.saturating_add(1))];
    bytes.iter().position(|&b| !alphabet(b)).unwrap_or(bytes.len())
}

/// Three parts: the first two are JSON (RFC 7519), the third is a signature.
fn is_jwt(rest: &[u8]) -> bool {
    let part = |rest: &[u8], most| {
        let length = run(rest, url_safe, most);
        std::str::from_utf8(&rest[..length]).unwrap_or("").to_owned()
    };
    let header = part(rest, 2000);
    let decoded = base64::decode(&header).unwrap_or_default();
    // Every header contains the algorithm.
    if !decoded.starts_with(b"{\"") || memmem::find(&decoded, b"\"alg\"").is_none() {
        return false;
    }
    let Some(rest) = rest[header.len()..].strip_prefix(b".") else { return false };
    let payload = part(rest, 8000);
    let Some(rest) = rest[payload.len()..].strip_prefix(b".") else { return false };
    let signature = run(rest, url_safe, 2000);
    // The token on the front page of jwt.io is used in many examples.
    let famous = payload.starts_with("eyJzdWIiOiIxMjM0NTY3ODkw");
    let json = base64::decode(&payload).is_some_and(|d| d.starts_with(b"{\""));
    signature >= 20 && json && !famous
}

/// Matches `-----BEGIN … PRIVATE KEY-----` with a body. Encrypted keys are not reported.
fn is_private_key(text: &str, at: usize) -> bool {
    let rest = text.get(at + "-----BEGIN ".len()..).unwrap_or("");
    let head = rest.get(..50).unwrap_or(rest);
    let Some((label, _)) = head.split_once("-----") else { return false };
    if !label.ends_with("PRIVATE KEY") && label != "PGP PRIVATE KEY BLOCK"
        || label.starts_with("ENCRYPTED")
    {
        return false;
    }
    let body = &rest.as_bytes()[label.len()..rest.len().min(1024)];
    let body = String::from_utf8_lossy(body);
    let body = body.split("-----END").next().unwrap_or("");
    if body.contains("ENCRYPTED") || body.contains("...") {
        return false;
    }
    // In JSON, line ends are `\n`.
    let is_body = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=');
    let key = body.as_bytes().iter().filter(|b| is_body(b)).take(80);
    let key: Vec<u8> = key.copied().collect();
    key.len() >= 40 && super::values::distinct(&key) >= 15 && is_key_body(label, body)
}

/// Whether the body begins like keys with its label: DER with a sequence, OpenSSH with its magic
/// string. Fake keys in examples do not.
fn is_key_body(label: &str, body: &str) -> bool {
    let begins = match label {
        // With headers, or in a tool's own format.
        _ if body.contains(':') => return true,
        "OPENSSH PRIVATE KEY" => "b3BlbnNzaC1rZXktdjE",
        "PRIVATE KEY" | "RSA PRIVATE KEY" | "EC PRIVATE KEY" | "DSA PRIVATE KEY" => "M",
        _ => return true,
    };
    // Separators of lines in JSON and in code. No key begins with `n` or `r`.
    let between = |c: char| !c.is_ascii_alphanumeric() || matches!(c, 'n' | 'r' | 't');
    body.trim_start_matches(between).starts_with(begins)
}

fn is_encoded_key(rest: &[u8]) -> bool {
    let is_base64 = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=');
    // The beginning is sufficient. Four characters encode three bytes.
    let length = run(rest, is_base64, 399);
    let encoded = std::str::from_utf8(&rest[..length / 4 * 4]).unwrap_or("");
    let text = base64::decode(encoded).and_then(|bytes| String::from_utf8(bytes).ok());
    text.is_some_and(|text| is_private_key(&text, 0))
}

/// Matches `user:password@tcp(host:3306)/name` of Go's MySQL driver.
fn is_go_dsn(text: &str, at: usize) -> bool {
    let head = String::from_utf8_lossy(&text.as_bytes()[at.saturating_sub(256)..at]);
    let start = head.rfind(|c: char| c.is_whitespace() || "\"'`=/".contains(c));
    let user_info = head.get(start.map_or(0, |i| i + 1)..).and_then(|u| u.split_once(':'));
    user_info.is_some_and(|(user, password)| {
        !user.contains(['$', '{', '%']) && is_literal_password(password) && !password.contains('$')
    })
}

/// Matches `scheme://user:password@host`.
fn is_url_password(text: &str, at: usize) -> bool {
    let bytes = text.as_bytes();
    if !at.checked_sub(1).is_some_and(|i| bytes[i].is_ascii_alphanumeric()) {
        return false;
    }
    let rest = &text[at + 3..];
    let end = rest.find(|c: char| c.is_whitespace() || "/?#\"'`<>,;\\|".contains(c));
    let authority = &rest[..end.unwrap_or(rest.len())];
    let Some((user_info, host)) = authority.rsplit_once('@') else { return false };
    let Some((_, password)) = user_info.split_once(':') else { return false };
    // Host names reserved for examples (RFC 2606).
    let name = host.split(':').next().unwrap_or(host);
    let example = ["example.com", "example.org", "example.net", ".example"];
    !host.is_empty()
        && !example.iter().any(|end| name.ends_with(end))
        && host.bytes().all(|b| dotted(b) || matches!(b, b':' | b'[' | b']' | b'$' | b'(' | b')'))
        && is_literal_password(password)
        && !user_info.contains(['$', '{', '*'])
        && !["%s", "%v", "%d"].iter().any(|verb| user_info.contains(verb))
}

fn is_azure_key(text: &str, at: usize) -> bool {
    let tail = &text.as_bytes()[at + "AccountKey=".len()..];
    let length = run(tail, |b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'), 86);
    // The key of the storage emulator is public: learn.microsoft.com, Azurite.
    length == 86 && tail[length..].starts_with(b"==") && !tail.starts_with(b"Eby8vdM02xNOcqFl")
}

fn is_slack_webhook(text: &str, at: usize) -> bool {
    let tail = &text[at + "hooks.slack.com/".len()..];
    let kinds = ["services/", "workflows/", "triggers/"];
    let Some(tail) = kinds.iter().find_map(|kind| tail.strip_prefix(kind)) else { return false };
    let length = run(tail.as_bytes(), |b| b.is_ascii_alphanumeric() || b"+/".contains(&b), ANY);
    let rest = &tail[..length];
    let mut parts = rest.split('/');
    let (team, channel, key) = (parts.next(), parts.next(), parts.next());
    let is_whole = match (team, channel, key) {
        (Some(team), Some(channel), Some(key)) if team.starts_with('T') => {
            let is_named = team.len() >= 9 && channel.starts_with(['B', 'A', 'F']);
            is_named && key.len() >= 20 && is_random(key.as_bytes()) && is_random(team.as_bytes())
        }
        _ => false,
    };
    is_whole || (43..=56).contains(&length) && is_random(rest.as_bytes())
}

/// The ids of a group, a tenant and a hook.
fn is_teams_webhook(text: &str, at: usize) -> bool {
    let tail = &text.as_bytes()[at + ".webhook.office.com/webhookb2/".len()..];
    let length = run(tail, |b| url_safe(b) || matches!(b, b'@' | b'/'), 400);
    length >= 120 && is_random(&tail[..length])
}

/// `….atlasv1.…`: Terraform Cloud.
fn is_terraform_token(text: &str, at: usize) -> bool {
    let bytes = text.as_bytes();
    let head = before(bytes, at, |b| b.is_ascii_alphanumeric());
    let tail = &bytes[at + ".atlasv1.".len()..];
    let tail = &tail[..run(tail, |b| url_safe(b) || b == b'=', 70)];
    head.len() >= 14 && tail.len() >= 60 && is_random(tail)
}

/// Six characters, 29, and `mmk`.
fn is_maxmind_key(text: &str, at: usize) -> bool {
    let bytes = text.as_bytes();
    let key = before(bytes, at, |b| b.is_ascii_alphanumeric());
    let head = at.checked_sub(key.len() + 1).filter(|sign| bytes[*sign] == b'_');
    let head = head.map(|sign| before(bytes, sign, |b| b.is_ascii_alphanumeric()).len());
    let ends = bytes.get(at + "_mmk".len()).is_none_or(|&b| !url_safe(b));
    key.len() == 29 && head == Some(6) && ends && is_random(key)
}

/// Three characters, a digit, `Q~` and 31 to 34 characters: a client secret of Entra ID.
fn is_azure_secret(text: &str, at: usize) -> bool {
    let bytes = text.as_bytes();
    let is_part = |b: u8| dotted(b) || b == b'~';
    let head = before(bytes, at, is_part);
    let tail = &bytes[at + 2..];
    let tail = &tail[..run(tail, is_part, 34)];
    head.len() == 4 && head[3].is_ascii_digit() && tail.len() >= 31 && is_random(tail)
}

/// A number, and 35 characters of which the first is an `A`.
fn is_telegram_token(text: &str, at: usize) -> bool {
    let bytes = text.as_bytes();
    let number = before(bytes, at, |b| b.is_ascii_alphanumeric());
    let tail = &bytes[at + 1..];
    let tail = &tail[..run(tail, url_safe, 35)];
    (5..=16).contains(&number.len())
        && number.iter().all(u8::is_ascii_digit)
        && tail.len() == 35
        && is_random(tail)
}

/// Returns the bytes directly before an offset that are in an alphabet, at most 64.
fn before(bytes: &[u8], at: usize, alphabet: impl Fn(u8) -> bool) -> &[u8] {
    let head = &bytes[at.saturating_sub(64)..at];
    let length = head.iter().rev().take_while(|b| alphabet(**b)).count();
    &head[head.len() - length..]
}

/// `Authorization: Basic …` (RFC 7617).
fn is_basic(text: &str, at: usize) -> bool {
    if !at.checked_sub(1).is_some_and(|i| matches!(text.as_bytes()[i], b'b' | b'B')) {
        return false;
    }
    let tail = &text.as_bytes()[at + 5..];
    let length = run(tail, |b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='), ANY);
    is_user_and_password(&text[at + 5..at + 5 + length])
}

/// `Authorization: Bearer …` (RFC 6750).
fn is_bearer(text: &str, at: usize) -> bool {
    if !at.checked_sub(1).is_some_and(|i| matches!(text.as_bytes()[i], b'b' | b'B')) {
        return false;
    }
    let tail = &text[at + "earer ".len()..];
    let is_token = |b| dotted(b) || matches!(b, b'~' | b'+' | b'/' | b'=');
    let token = &tail[..run(tail.as_bytes(), is_token, ANY)];
    token.len() >= 20 && super::values::is_literal(token) && super::values::looks_random(token)
}

/// Whether it is the base64 of `user:password`.
pub(super) fn is_user_and_password(encoded: &str) -> bool {
    encoded.len() >= 8
        && base64::decode(encoded).and_then(|bytes| String::from_utf8(bytes).ok()).is_some_and(
            |text| {
                text.split_once(':').is_some_and(|(user, password)| {
                    !user.is_empty()
                        && text.chars().all(|c| !c.is_control())
                        && is_literal_password(password)
                })
            },
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn what(text: &str) -> Vec<&'static str> {
        let mut found = Vec::new();
        find(text, &mut |token| found.push(token.what));
        found
    }

    const RANDOM: &str = "q7Zr0kPn2VxY8sTdL4wJb6MhC1eFgA9uRvX5tQ3iKoSzDyNcBm7Hp0";

    #[test]
    fn formats_are_known() {
        // Assembled here, because repository hosts reject text that looks like real tokens.
        let cases = [
            (format!("AKIA{}", "Q3ZR7KPN2VXY6STD"), "an AWS access key"),
            (format!("ghp_{}", &RANDOM[..36]), "a GitHub token"),
            (format!("x=glpat-{};", &RANDOM[..20]), "a GitLab token"),
            (format!("\"AIza{}\"", &RANDOM[..35]), "a Google API key"),
            (format!("sk_live_{}", &RANDOM[..24]), "a Stripe key"),
            (format!("npm_{}", &RANDOM[..36]), "an npm token"),
            (format!("SG.{}.{}", &RANDOM[..22], &RANDOM[..43]), "a SendGrid key"),
            (format!("AccountKey={}{}==", RANDOM, &RANDOM[..32]), "an Azure storage key"),
            (
                format!(
                    "https://hooks.slack.com/services/T{}/B{}/{}",
                    &RANDOM[..9],
                    &RANDOM[9..18],
                    &RANDOM[..24]
                ),
                "a Slack webhook",
            ),
            ("postgres://me:hunter2@db:5432/a".into(), URL),
            ("https://me:p%40ss@h.internal/".into(), URL),
            (
                "Authorization: Basic bWU6aHVudGVyMg==".into(),
                "basic authentication with a password",
            ),
            (format!("authorization: bearer {}", &RANDOM[..32]), "a bearer token"),
            ("me:hunter2@tcp(db:3306)/a".into(), "a password in a database URL"),
            (
                format!(
                    "-----BEGIN RSA PRIVATE KEY-----\nMIIE{RANDOM}\n-----END RSA PRIVATE KEY-----"
                ),
                "a private key",
            ),
            (
                format!("-----BEGIN PRIVATE KEY-----\\nMIIE{RANDOM}\\n-----END PRIVATE KEY-----"),
                "a private key",
            ),
            (
                "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrdWJlcm5ldGVzIn0.c2lnbmF0dXJlLW9mLWEtdG9rZW4"
                    .into(),
                "a signed token (JWT)",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(what(&text), [expected], "{text}");
        }
    }

    #[test]
    fn examples_templates_and_parts_of_longer_words_are_none() {
        for text in [
            "AKIAIOSFODNN7EXAMPLE",
            "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "ghp_short",
            "SKILLS",
            "sk-button-primary",
            "https://user:password@db.example.com/",
            "https://$USER:$PASSWORD@db/",
            "https://%s:%s@db/",
            "https://user@db:5432/",
            "https://db:5432/a@b",
            "image: ghcr.io/a/b:1@sha256:abc",
            "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA\n",
            "-----BEGIN RSA PRIVATE KEY-----\nYcE2CgWILk+uiVNseHnOU2frG7k2RJZtdDo8GNI6pQWFlwU/\n",
            "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA\n",
            "Basic authentication",
            "a bearer tokenReviewAuthenticator",
            "$(USER):$(PASSWORD)@tcp(db:3306)/a",
            "eyJhbGciOiJub25lIn0.eyJpc3MiOiJrdWJlcm5ldGVzIn0.",
            "-----BEGIN CERTIFICATE-----\nEAAAq7Zr0kPn2VxY8sTdL4wJb6MhC1e\n",
            "x.makeKubeConfigController1 = s.makeKubeConfigController1",
        ] {
            assert_eq!(what(text), <[&str; 0]>::default(), "{text}");
        }
    }
}
