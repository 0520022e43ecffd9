//! Errors of registries.

/// Why a request to a registry failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// The type of the fault.
    pub cause: Cause,
    /// What is wrong, for display.
    pub message: String,
    /// What to do about it; may be empty.
    pub remedy: String,
}

/// Types of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// No connection, or it was lost too often.
    Unreachable,
    /// TLS failed: the certificate is not trusted, or the server does not speak TLS.
    Tls,
    /// Credentials are missing or insufficient.
    Denied,
    /// The repository, image or blob does not exist.
    Absent,
    /// The registry asked to retry later, too often or after too long a time.
    Busy,
    /// Data comes too slowly or not at all.
    Slow,
    /// The redirect is not allowed.
    Redirect,
    /// The response is invalid.
    Answer,
    /// The client configuration is invalid.
    Access,
}

impl Fault {
    pub(super) fn new(cause: Cause, message: impl Into<String>) -> Self {
        Self { cause, message: message.into(), remedy: String::new() }
    }

    pub(super) fn remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: remedy.into(), ..self }
    }
}

/// Shortens untrusted text to one line.
pub(super) fn brief(text: &str) -> String {
    /// The number of characters shown.
    const SHOWN: usize = 200;
    let words: Vec<_> = text.split_whitespace().collect();
    let line: String = words.join(" ").chars().filter(|c| !c.is_control()).collect();
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
