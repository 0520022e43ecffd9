//! Whose signatures are accepted, and what must come with them.

use regex::{Regex, RegexBuilder};

use crate::key::PublicKey;
use crate::result::Identity;

/// What is asked of a signature.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Who may have signed; one of them is enough, and without any nothing is accepted.
    pub accept: Vec<Accept>,
    /// Whether the signature must be in a transparency log of the trust root.
    pub log: bool,
    /// Whether a certificate log of the trust root must have recorded the certificate.
    pub certificate_log: bool,
    /// What a signer must have signed.
    pub contents: Contents,
}

/// What counts of that which an accepted signer has signed. A statement may also say that something is
/// wrong with an artifact (vulnerabilities, a failed audit), so that it approves nothing unless its
/// type is named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Contents {
    /// Signatures alone: of the artifact, of an image's digest, or a statement that says nothing else.
    #[default]
    Signatures,
    /// Statements of these types; signatures only where their type ([`crate::SIGN`]) is one of them.
    Types(Vec<String>),
    /// All: for callers that judge the content themselves.
    Any,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            accept: Vec::new(),
            log: true,
            certificate_log: true,
            contents: Contents::Signatures,
        }
    }
}

/// Somebody who may have signed.
#[derive(Debug, Clone)]
pub enum Accept {
    /// The holder of a key.
    Key(PublicKey),
    /// Whom somebody identified; all that is given must match.
    Identity {
        /// The URI or e-mail address in the certificate.
        subject: Match,
        /// The URL of who identified them.
        issuer: Match,
        /// The URL of the repository.
        repository: Option<Match>,
        /// The workflow that ran.
        workflow: Option<Match>,
        /// The branch or tag.
        reference: Option<Match>,
    },
}

impl Accept {
    pub(crate) fn takes(&self, identity: &Identity) -> bool {
        let optional = |wanted: &Option<Match>, found: &Option<String>| match (wanted, found) {
            (None, _) => true,
            (Some(wanted), Some(found)) => wanted.takes(found),
            (Some(_), None) => false,
        };
        match self {
            Self::Key(_) => false,
            Self::Identity { subject, issuer, repository, workflow, reference } => {
                subject.takes(&identity.subject)
                    && issuer.takes(&identity.issuer)
                    && optional(repository, &identity.repository)
                    && optional(workflow, &identity.workflow)
                    && optional(reference, &identity.reference)
            }
        }
    }
}

/// A text that is asked for.
#[derive(Debug, Clone)]
pub enum Match {
    /// This one.
    Exact(String),
    /// One that the whole expression matches.
    Pattern(Regex),
}

/// Why an expression is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a regular expression: {1}")]
pub struct PatternError(String, String);

impl Match {
    /// A regular expression that must match from the first character to the last.
    ///
    /// # Errors
    /// It is none, or too large.
    pub fn pattern(text: &str) -> Result<Self, PatternError> {
        // Alone first: `a)|(b` is none, though it would be one in parentheses.
        let alone = RegexBuilder::new(text).size_limit(1 << 20).build();
        let whole = alone.and_then(|_| {
            RegexBuilder::new(&format!(r"\A(?:{text})\z")).size_limit(1 << 20).build()
        });
        match whole {
            Ok(regex) => Ok(Self::Pattern(regex)),
            Err(error) => {
                let error = error.to_string();
                let last = error.lines().last().unwrap_or_default();
                Err(PatternError(text.to_owned(), last.trim_start_matches("error: ").to_owned()))
            }
        }
    }

    pub(crate) fn takes(&self, text: &str) -> bool {
        // What a certificate does not say matches nothing, not even `.*`.
        if text.is_empty() {
            return false;
        }
        match self {
            Self::Exact(wanted) => wanted == text,
            Self::Pattern(regex) => regex.is_match(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_match_from_end_to_end() {
        for (pattern, text, expect) in [
            ("https://github.com/acme/.*", "https://github.com/acme/app", true),
            ("github.com/acme", "https://github.com/acme/app", false),
            ("a|b", "ab", false),
            ("a|b", "b", true),
            (".*@acme.example", "eve@acme.example.evil.example", false),
            ("^a$", "a", true),
            (".*", "", false),
            ("a", "a\nb", false),
            ("(?m)^a$", "a\nb", false),
        ] {
            assert_eq!(Match::pattern(pattern).unwrap().takes(text), expect, "{pattern} {text}");
        }
        assert!(!Match::Exact("a".into()).takes("A"));
        for wrong in ["(", "a)|(b", "[", "(?:.{1000}){1000}"] {
            assert!(Match::pattern(wrong).is_err(), "{wrong}");
        }
    }
}
