//! Why a registry did not give what was asked for.

/// What went wrong with a registry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// What kind of fault it is.
    pub cause: Cause,
    /// What is wrong, for people.
    pub message: String,
    /// What to do about it; empty where nothing is known.
    pub remedy: String,
}

/// Kinds of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// No connection, or one that ended too often.
    Unreachable,
    /// TLS: a certificate that is not trusted, or no TLS at all.
    Tls,
    /// Credentials are missing or do not suffice.
    Denied,
    /// There is no such repository, image or blob.
    Absent,
    /// It asks to come back later, too often or for too long.
    Busy,
    /// It sends less than the least, or nothing.
    Slow,
    /// A redirect that is not followed.
    Redirect,
    /// What it answers is not what registries answer.
    Answer,
    /// An option of ours is wrong.
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

/// A text of others, short and on one line.
pub(super) fn brief(text: &str) -> String {
    /// Characters that are shown.
    const SHOWN: usize = 200;
    let words: Vec<_> = text.split_whitespace().collect();
    let line: String = words.join(" ").chars().filter(|c| !c.is_control()).collect();
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
