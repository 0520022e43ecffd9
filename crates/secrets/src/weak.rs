//! Secrets that people make up where a generator should: `hunter2`, `minio123`.

use super::values::is_guessable;

/// Passwords that are tried first and are no name of anything: `secretKey: password` names a key of
/// a Secret.
pub(super) fn is_default(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    is_guessable(value)
        && ["change", "super", "passw0rd", "letmein", "qwerty", "p@ss"]
            .iter()
            .any(|word| lower.contains(word))
}

/// Algorithms, encodings and ids: a word and a number.
pub(super) fn is_method(value: &str) -> bool {
    const WORDS: [&str; 22] = [
        "aes", "argon", "base", "blake", "client", "cluster", "cp", "ecdsa", "ed", "es", "hs",
        "http", "iso", "key", "md", "node", "oauth", "ps", "rs", "rsa", "sha", "utf",
    ];
    let lower = value.to_ascii_lowercase();
    WORDS.contains(&lower.trim_end_matches(|c: char| c.is_ascii_digit()))
}

/// Whether it is a word with digits in it, as people make tokens up: `hunter2`, `minio123`. With
/// hyphens and the like it is a name.
pub(super) fn is_weak(value: &str) -> bool {
    let bytes = value.as_bytes();
    (6..=64).contains(&bytes.len())
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"!@#%^&*+?".contains(b))
        && bytes.iter().any(u8::is_ascii_digit)
        && bytes.iter().filter(|b| b.is_ascii_alphabetic()).count() >= 3
        && !is_method(value)
}
