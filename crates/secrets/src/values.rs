//! Determines whether a value can be a secret: not a template, a path, a switch or a name.

use super::names::Role;
use super::weak::{is_default, is_guessable, is_method, is_weak};

/// The classification of a value under a sensitive name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Worth {
    /// A secret.
    Secret,
    /// A secret that is in common password lists.
    Guessable,
}

/// Returns whether a value is a secret of that role.
pub(super) fn worth(role: Role, value: &str) -> Option<Worth> {
    let value = value.trim();
    // `APP_KEY` of Laravel.
    let value = value.strip_prefix("base64:").unwrap_or(value);
    if !is_literal(value) || is_switch(value) || is_location(value) {
        return None;
    }
    let guessable = is_guessable(value);
    let secret = match role {
        Role::Password => guessable || is_password(value),
        // An application's key may be a word. With a hyphen, it is usually the name of a Secret.
        Role::Word => {
            // The name of one of several keys: `access_token`.
            let names_a_key = ["token", "key", "value"].iter().any(|end| value.ends_with(end));
            let chosen = is_password(value) && !value.contains('-') && !names_a_key;
            let chosen = chosen && !is_method(value);
            guessable || chosen || is_random_key(value)
        }
        Role::Key => guessable || is_weak(value) || is_random_key(value),
        Role::Weak => is_default(value) || is_weak(value) || is_random_key(value),
        Role::Token => is_random_key(value),
    };
    secret.then_some(if guessable { Worth::Guessable } else { Worth::Secret })
}

/// Whether a value in a Secret is a secret by its name, regardless of how it looks.
pub(super) fn is_filled_in(value: &str) -> bool {
    let value = value.trim();
    is_literal(value) && !is_switch(value) && !is_location(value)
}

/// Whether the password of a URL or of basic authentication is literal.
pub(super) fn is_literal_password(value: &str) -> bool {
    is_literal(value)
        && !["pass", "pwd", "passwd", "token", "passw", "test", "*"].contains(&value)
        && !(value.starts_with('[') && value.ends_with(']'))
        && value.len() <= 200
}

/// Whether the value is literal: not empty, a template, a reference, or a placeholder.
pub(super) fn is_literal(value: &str) -> bool {
    // Prefixes of templates and references.
    const TEMPLATES: [&str; 11] =
        ["$(", "${", "{{", "}}", "%(", "<", "$__", "#{", "$[", "[[", "(("];
    const REFERENCES: [&str; 21] = [
        "vault:",
        "ref+",
        "file:",
        "env:",
        "env.",
        "ENC[",
        "secret:",
        "secrets.",
        "arn:",
        "op://",
        "projects/",
        "@Microsoft.",
        "k8s:",
        "awssm:",
        "gcpsm:",
        "ssm:",
        "%{",
        "!vault",
        "valueFrom",
        "data:",
        "@@",
    ];
    let bytes = value.as_bytes();
    let (Some(&first), Some(&last)) = (bytes.first(), bytes.last()) else { return false };
    let shell = first == b'$'
        && bytes.get(1).is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_')
        && bytes[1..].iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_');
    let wrapped = (first == b'%' && last == b'%' || first == b'@' && last == b'@')
        && bytes.len() > 2
        || value.starts_with("__") && value.ends_with("__");
    // A password hash (crypt, bcrypt, Argon2) is not the password.
    let hash = first == b'$' && bytes.iter().filter(|b| **b == b'$').count() >= 3;
    !shell
        && !wrapped
        && !is_constant(value)
        && !hash
        && !TEMPLATES.iter().any(|t| value.contains(t))
        && !REFERENCES.iter().any(|r| value.starts_with(r))
        && !asks_to_be_filled(value)
}

/// Whether the value is a placeholder for the real one.
fn asks_to_be_filled(value: &str) -> bool {
    const ASKS: [&str; 16] = [
        "replace",
        "your_",
        "your-",
        "yourpass",
        "your ",
        "yoursecret",
        "todo",
        "fixme",
        "placeholder",
        "insert",
        "redacted",
        "fill-",
        "fill_",
        "xxx",
        "**",
        "...",
    ];
    let bytes = value.as_bytes();
    let one = bytes.first().is_some_and(|first| bytes.iter().all(|b| b == first));
    if one && !bytes[0].is_ascii_digit() || value.contains('…') {
        return true;
    }
    // Long values are not placeholders but may contain these words.
    value.len() <= 64 && {
        let lower = value.to_ascii_lowercase();
        ASKS.iter().any(|ask| lower.contains(ask)) || lower.starts_with("your")
    }
}

/// Common values of settings, whatever their names.
pub(super) fn is_switch(value: &str) -> bool {
    const WORDS: [&str; 46] = [
        "true",
        "false",
        "yes",
        "no",
        "on",
        "off",
        "none",
        "null",
        "nil",
        "undefined",
        "default",
        "auto",
        "enabled",
        "disabled",
        "required",
        "optional",
        "string",
        "str",
        "text",
        "bytes",
        "object",
        "integer",
        "number",
        "boolean",
        "bool",
        "any",
        "header",
        "cookie",
        "query",
        "file",
        "env",
        "vault",
        "kubernetes",
        "static",
        "jwt",
        "bearer",
        "basic",
        "plain",
        "oauth2",
        "oidc",
        "always",
        "never",
        "unset",
        "n/a",
        "empty",
        "inherit",
    ];
    WORDS.iter().any(|w| value.eq_ignore_ascii_case(w))
}

/// Whether the value is a location: a path, a file, an address.
fn is_location(value: &str) -> bool {
    const ENDINGS: [&str; 22] = [
        ".pem",
        ".key",
        ".crt",
        ".cert",
        ".cer",
        ".json",
        ".yaml",
        ".yml",
        ".txt",
        ".jks",
        ".p12",
        ".pfx",
        ".conf",
        ".cfg",
        ".ini",
        ".properties",
        ".env",
        ".toml",
        ".xml",
        ".sh",
        ".py",
        ".token",
    ];
    let path = value.starts_with(['/', '~'])
        || value.starts_with("./")
        || value.starts_with("../")
        || value.get(1..3) == Some(":\\");
    path || value.contains("://") || ENDINGS.iter().any(|e| value.ends_with(e))
}

/// Whether the value can be a password: one word, not code, not the name of a constant or a class.
fn is_password(value: &str) -> bool {
    let bytes = value.as_bytes();
    (3..=256).contains(&value.len())
        && bytes.iter().all(u8::is_ascii_graphic)
        && !is_code(value)
        && !is_qualified(value)
        && !bytes.iter().all(|b| b.is_ascii_digit() || *b == b'.')
        // The name of the Secret, or a key in it.
        && !["-secret", "-secrets", "-credentials", "-creds", "-password", "-auth", "-passwd"]
            .iter()
            .any(|end| value.ends_with(end))
}

/// Whether the value is the name of a setting or a placeholder: `DB_PASSWORD`, `UPDATE_ME`.
pub(super) fn is_constant(value: &str) -> bool {
    value.contains('_')
        && value.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

/// Whether the value contains a call, an index, or a member access.
fn is_code(value: &str) -> bool {
    value.contains(['(', '[', '{', '}', ']', ')']) && value.contains(['.', '\'', '"', '(', '['])
        || value
            .starts_with(['|', '>', '&', '*', '!', '"', '\'', '`', '[', '{', ',', ';', ')', ']'])
}

/// Matches `org.example.Class`, `spec.password`, `db.example.com:5432`.
fn is_qualified(value: &str) -> bool {
    let mut parts = value.split('.');
    value.contains('.')
        && parts.all(|part| {
            let name = part.split(':').next().unwrap_or(part);
            name.len() >= 2
                && name.bytes().all(|b| b.is_ascii_alphabetic() || matches!(b, b'_' | b'-'))
        })
}

/// Whether a value under the name of a key looks like one.
fn is_random_key(value: &str) -> bool {
    is_random(value, 8)
}

/// Whether a value looks randomly generated.
pub(super) fn looks_random(value: &str) -> bool {
    is_random(value, 12)
}

fn is_random(value: &str, shortest: usize) -> bool {
    let bytes = value.as_bytes();
    if !(shortest..=4096).contains(&bytes.len())
        || !value
            .trim_end_matches('=')
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+/_-.~!@#%^&*=:".contains(&b))
        || ["sha1:", "sha256:", "sha512:", "md5:"].iter().any(|kind| value.starts_with(kind))
        || is_qualified(value)
    {
        return false;
    }
    // Words separated by hyphens, dots and slashes are names. Parts of a random value are not
    // words.
    let parts = value.trim_end_matches('=').split(['-', '_', '.', '/', '@', ':', '=']);
    let random: usize = parts.filter(|part| !is_word(part)).map(str::len).sum();
    // Eight different characters have an entropy of three bits.
    let enough = (bytes.len() as f64).log2().min(3.5) * 0.85;
    random * 2 > bytes.len() && random >= 8 && entropy(bytes) >= enough
}

/// Whether it is a word, a number, a version, or an identifier in camel case.
fn is_word(part: &str) -> bool {
    let bytes = part.as_bytes();
    let letters = bytes.iter().filter(|b| b.is_ascii_alphabetic()).count();
    let digits = bytes.iter().filter(|b| b.is_ascii_digit()).count();
    if letters + digits < bytes.len() {
        return false;
    }
    // The number of changes between classes of characters: few in names, many in random values.
    let class = |b: u8| match b {
        b'0'..=b'9' => 0,
        b'a'..=b'z' => 1,
        _ => 2,
    };
    let changes = bytes.windows(2).filter(|w| class(w[0]) != class(w[1])).count();
    if digits == 0 {
        // Few capitals, and enough vowels.
        let vowels = bytes.iter().filter(|b| b"aeiouyAEIOUY".contains(b)).count();
        let humps = bytes.iter().filter(|b| b.is_ascii_uppercase()).count();
        let humps = if humps == letters { 0 } else { humps };
        return letters <= 3 || humps * 3 <= letters && vowels * 5 >= letters;
    }
    letters == 0 && digits < 10 || changes <= 1 && digits <= 4 || bytes.len() <= 4
}

/// Returns the number of distinct bytes.
pub(super) fn distinct(bytes: &[u8]) -> usize {
    let mut seen = [false; 256];
    bytes.iter().for_each(|&b| seen[b as usize] = true);
    seen.iter().filter(|s| **s).count()
}

/// Returns the Shannon entropy in bits per byte.
fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    bytes.iter().for_each(|&b| counts[b as usize] += 1);
    let total = bytes.len() as f64;
    let of = |count: &u32| {
        let share = f64::from(*count) / total;
        -share * share.log2()
    };
    counts.iter().filter(|c| **c > 0).map(of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_paths_and_names_are_no_secrets() {
        for value in [
            "",
            " ",
            "${X}",
            "$(X)",
            "$X",
            "{{ .Values.x }}",
            "<your password>",
            "%X%",
            "__X__",
            "xxxxxx",
            "****",
            "vault:secret/data/a#b",
            "ENC[AES256_GCM,data:x]",
            "true",
            "None",
            "/run/secrets/a",
            "./a",
            "a.pem",
            "https://a.example",
            "REPLACE_ME",
            "YOUR_PASSWORD",
            "DB_PASSWORD",
            "org.example.Plain",
            "os.environ['A']",
            "my-app-secret",
            "string",
            "$__file{/a}",
        ] {
            for role in [Role::Password, Role::Key, Role::Token] {
                assert_eq!(worth(role, value), None, "{value} as {role:?}");
            }
        }
        for value in ["my-token", "webhook-server-cert", "a.b.c", "MyAccessToken", "token-v2", "s3"]
        {
            assert_eq!(worth(Role::Token, value), None, "{value}");
        }
    }

    #[test]
    fn people_make_up_tokens_and_name_things() {
        for value in ["hunter2", "minio123", "Adm1nToken", "changeme", "supersecret"] {
            assert!(worth(Role::Weak, value).is_some(), "{value}");
        }
        for value in [
            "token",
            "password",
            "sha256",
            "rs256",
            "oauth2",
            "base64",
            "key1",
            "cluster01",
            "3600",
            "8080",
            "my-token",
            "test-token1",
            "app/config1",
            "github_app_id",
            "tls.key",
            "admin",
            "etcd-cluster-1",
            "Bearer",
            "x509",
        ] {
            assert_eq!(worth(Role::Weak, value), None, "{value}");
        }
        for value in ["/app", "/", "C:\\app", "~/a"] {
            assert_eq!(worth(Role::Password, value), None, "{value}");
        }
    }

    #[test]
    fn literals_are_secrets() {
        for value in ["hunter2", "correct-horse", "Sup3r!", "p$ss", "f00bar.baz1"] {
            assert_eq!(worth(Role::Password, value), Some(Worth::Secret), "{value}");
        }
        for value in ["password", "changeme", "Admin", "123456"] {
            assert_eq!(worth(Role::Password, value), Some(Worth::Guessable), "{value}");
        }
        for value in [
            "9f86d081884c7d659a2feaa0c55ad015",
            "3fa85f64-5717-4562-b3fc-2c963f66afa6",
            "abcdef.0123456789abcdef",
            "q7Zr0kPn2VxY8sTd",
            "wJalrXUtnFEMIK7MDENGbPxRfiCYzzKEYzzzzz",
            "base64:uZ3kV9tQ1xLm7wPb2rHs8yJd4cGf6nKauZ3kV9tQ1xI=",
        ] {
            assert_eq!(worth(Role::Token, value), Some(Worth::Secret), "{value}");
        }
    }
}
