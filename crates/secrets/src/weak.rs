//! Secrets chosen by people instead of generated: `hunter2`, `minio123`.

/// Whether it is a common password that cannot be a name: `secretKey: password` refers to a key in
/// a Secret.
pub(super) fn is_default(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    is_guessable(value)
        && ["change", "super", "passw0rd", "letmein", "qwerty", "p@ss"]
            .iter()
            .any(|word| lower.contains(word))
}

/// Whether it is the name of an algorithm, encoding or id: a word and a number.
pub(super) fn is_method(value: &str) -> bool {
    const WORDS: [&str; 22] = [
        "aes", "argon", "base", "blake", "client", "cluster", "cp", "ecdsa", "ed", "es", "hs",
        "http", "iso", "key", "md", "node", "oauth", "ps", "rs", "rsa", "sha", "utf",
    ];
    let lower = value.to_ascii_lowercase();
    WORDS.contains(&lower.trim_end_matches(|c: char| c.is_ascii_digit()))
}

/// Whether it is a word with digits, as people choose for tokens: `hunter2`, `minio123`. With
/// hyphens and the like, it is a name.
pub(super) fn is_weak(value: &str) -> bool {
    let bytes = value.as_bytes();
    (6..=64).contains(&bytes.len())
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"!@#%^&*+?".contains(b))
        && bytes.iter().any(u8::is_ascii_digit)
        && bytes.iter().filter(|b| b.is_ascii_alphabetic()).count() >= 3
        && !is_method(value)
}

/// Whether it is a common password.
pub(super) fn is_guessable(value: &str) -> bool {
    const WORDS: [&str; 54] = [
        "password",
        "passw0rd",
        "p@ssw0rd",
        "p@ssword",
        "pass",
        "pwd",
        "passwd",
        "pa55word",
        "changeme",
        "change-me",
        "change_me",
        "changeit",
        "changethis",
        "change-this",
        "change_this",
        "admin",
        "adminadmin",
        "administrator",
        "root",
        "rootpassword",
        "rootpass",
        "toor",
        "secret",
        "supersecret",
        "super-secret",
        "super_secret",
        "test",
        "testing",
        "testpassword",
        "test-password",
        "guest",
        "user",
        "username",
        "postgres",
        "postgresql",
        "mysql",
        "mongo",
        "mongodb",
        "redis",
        "rabbitmq",
        "minio",
        "minioadmin",
        "grafana",
        "elastic",
        "keycloak",
        "example",
        "example-password",
        "demo",
        "foobar",
        "letmein",
        "qwerty",
        "welcome",
        "dev",
        "mypassword",
    ];
    // `Password1!`, `CHANGEME0000`.
    let word = value.trim_end_matches(|c: char| c.is_ascii_digit() || c == '!');
    WORDS.iter().any(|w| value.eq_ignore_ascii_case(w) || word.eq_ignore_ascii_case(w))
        || (4..=10).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_digit())
}
