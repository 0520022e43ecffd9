//! What a verification says: who signed what, and when, or which step refused it. There is no third
//! answer.

use std::fmt;

use jiff::Timestamp;

use crate::key::KeyKind;

/// A signature that holds, over content that is known. Only a verification makes it.
#[derive(Debug, Clone)]
pub struct Verified {
    pub(crate) digest: String,
    pub(crate) content: Content,
    pub(crate) signer: Signer,
    pub(crate) form: Form,
    pub(crate) times: Vec<Clock>,
    pub(crate) logs: Vec<Logged>,
    pub(crate) steps: Vec<Step>,
}

impl Verified {
    /// The digest of what was signed: `sha256:…`.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// What was signed.
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// Who signed it.
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// How the signature is written.
    pub fn form(&self) -> Form {
        self.form
    }

    /// When it was signed, and by whose clock.
    pub fn times(&self) -> &[Clock] {
        &self.times
    }

    /// The transparency logs that hold it.
    pub fn logs(&self) -> &[Logged] {
        &self.logs
    }

    /// What was verified, in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }
}

/// A container image with at least one signature that holds and that the policy accepts.
#[derive(Debug, Clone)]
pub struct VerifiedImage {
    digest: String,
    signatures: Vec<Verified>,
}

impl VerifiedImage {
    /// An image is verified where one of its signatures or attestations is, over its own digest.
    /// `None` where none is.
    pub fn of(digest: &str, signatures: Vec<Verified>) -> Option<Self> {
        let signatures: Vec<_> =
            signatures.into_iter().filter(|one| one.digest == digest).collect();
        (!signatures.is_empty()).then(|| Self { digest: digest.to_owned(), signatures })
    }

    /// The digest of its manifest.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// What was verified; at least one.
    pub fn signatures(&self) -> &[Verified] {
        &self.signatures
    }
}

/// What a signature is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// The artifact itself.
    Artifact,
    /// The digest of an image and nothing else (cosign's "simple signing").
    Image {
        /// What the image was called when it was signed; the signature vouches for it.
        name: Option<String>,
    },
    /// A statement about the artifact (in-toto).
    Statement {
        /// Which kind of statement: the URI of its predicate type.
        predicate_type: String,
        /// The whole statement, as JSON.
        payload: Vec<u8>,
    },
}

/// How a signature is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A Sigstore bundle, version 0.1.
    Bundle01,
    /// A Sigstore bundle, version 0.2.
    Bundle02,
    /// A Sigstore bundle, version 0.3.
    Bundle03,
    /// What cosign wrote before version 3: annotations of a manifest's layer.
    Legacy,
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bundle01 => "Sigstore bundle 0.1",
            Self::Bundle02 => "Sigstore bundle 0.2",
            Self::Bundle03 => "Sigstore bundle 0.3",
            Self::Legacy => "cosign signature (before version 3)",
        })
    }
}

/// Who signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signer {
    /// The holder of a key that the policy names.
    Key {
        /// The digest of the key.
        fingerprint: String,
        /// Which kind it is of.
        kind: KeyKind,
    },
    /// Whom a certificate authority of the trust root identified.
    Identity(Box<Identity>),
}

/// What a certificate says of who signed (Fulcio's "Certificate Specification").
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// The URI, e-mail address or name.
    pub subject: String,
    /// Who identified them: the URL of an OpenID Connect provider.
    pub issuer: String,
    /// The repository of the source: a URL.
    pub repository: Option<String>,
    /// The workflow that ran: a URL with a reference.
    pub workflow: Option<String>,
    /// The branch or tag.
    pub reference: Option<String>,
    /// The commit.
    pub commit: Option<String>,
    /// What started it: `push`.
    pub trigger: Option<String>,
    /// `github-hosted` or `self-hosted`.
    pub runner: Option<String>,
    /// The run of the workflow: a URL.
    pub run: Option<String>,
    /// The certificate authority.
    pub authority: String,
}

/// A time that somebody else than the signer vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clock {
    /// The time.
    pub at: Timestamp,
    /// Whose clock it was: the URL of a log, or the name of a timestamp authority.
    pub by: String,
    /// Whether it is a timestamp authority and not a log.
    pub is_authority: bool,
}

/// A place in a transparency log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// The URL of the log.
    pub log: String,
    /// The number of the entry, as the log signed it: in its promise, else in its tree.
    pub index: u64,
}

/// Something that was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The signature is written in this form.
    Form(Form),
    /// A timestamp authority vouches for a time.
    Timestamp(Clock),
    /// The certificate leads to an authority of the trust root, at each time that counts.
    Chain {
        /// The authority.
        authority: String,
        /// When the certificate was valid.
        from: Timestamp,
        /// Until when.
        until: Timestamp,
    },
    /// A certificate log saw the certificate.
    Sct {
        /// The log.
        log: String,
    },
    /// The policy accepts who signed.
    Accepted {
        /// The rule of the policy, from 0.
        rule: usize,
    },
    /// The log holds the entry: its tree leads to a root that the log signed.
    Inclusion(Logged),
    /// The log promised to hold the entry, with a time.
    Promise(Clock),
    /// A timestamp of an authority that the trust root does not know was not used.
    UnknownAuthority,
    /// An entry of a log that the trust root does not know was not looked at, as the policy allows.
    UnknownLog,
    /// The entry of the log is about this signature, key and content.
    Entry {
        /// `hashedrekord 0.0.1`.
        kind: String,
    },
    /// The signature is that of the key, over this digest.
    Signature {
        /// Which kind of key.
        kind: KeyKind,
        /// The digest of what was signed.
        digest: String,
    },
    /// Nobody but the signer vouches for a time, as the policy allows for keys.
    NoTime,
}

/// A part of a verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// The form of the document.
    Form,
    /// Timestamps of authorities.
    Timestamp,
    /// The certificate, its authority and its time.
    Certificate,
    /// What certificate logs say.
    CertificateLog,
    /// Whether the policy accepts who signed.
    Policy,
    /// The proof that a log holds the entry.
    Log,
    /// What the entry of the log says.
    Entry,
    /// What the statement is about.
    Subject,
    /// The signature itself.
    Signature,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "form",
            Self::Timestamp => "timestamp",
            Self::Certificate => "certificate",
            Self::CertificateLog => "certificate log",
            Self::Policy => "policy",
            Self::Log => "transparency log",
            Self::Entry => "log entry",
            Self::Subject => "subject",
            Self::Signature => "signature",
        })
    }
}

/// A signature that is refused: at which stage, why, and what was verified before.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{why}")]
pub struct Refused {
    /// Where.
    pub stage: Stage,
    /// Why.
    pub why: Why,
    /// What held until then.
    pub steps: Vec<Step>,
    /// Who seems to have signed, which is not proven.
    pub claimed: Option<Box<Identity>>,
}

/// Why a signature is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// The document is broken.
    #[error("{0} is not valid: {1}")]
    Document(&'static str, String),
    /// A form that is not known.
    #[error("the bundle has the form `{0}`, which is not supported")]
    UnknownForm(String),
    /// What is needed is not there.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// More than the limit.
    #[error("it has more than {1} {0}")]
    TooMany(&'static str, usize),
    /// More than one signature over one envelope.
    #[error("the envelope has {0} signatures instead of one")]
    Signatures(usize),
    /// A timestamp of nobody that is known.
    #[error("the timestamp is not from a timestamp authority of the trust root")]
    UnknownAuthority,
    /// A timestamp that is broken.
    #[error("the timestamp is not valid: {0}")]
    Timestamp(&'static str),
    /// A timestamp over something else.
    #[error("the timestamp is for another signature")]
    TimestampOfOther,
    /// The authority was not valid then.
    #[error("the timestamp authority's certificate was not valid at {0}")]
    AuthorityExpired(Timestamp),
    /// A time after the present.
    #[error("it was signed at {0}, which is in the future")]
    Future(Timestamp),
    /// No time is vouched for.
    #[error(
        "nobody vouches for the time of signing: there is no timestamp and no log entry with a time"
    )]
    NoTime,
    /// The certificate is of nobody that is known.
    #[error("the certificate is not from a certificate authority of the trust root")]
    UnknownIssuer,
    /// It was signed when the certificate was not valid.
    #[error("it was signed at {at}, and the certificate was valid from {from} until {until}")]
    Expired {
        /// When it was signed.
        at: Timestamp,
        /// Since when the certificate was valid.
        from: Timestamp,
        /// Until when.
        until: Timestamp,
    },
    /// The authority was not valid then.
    #[error("the certificate authority was not valid at {0}")]
    IssuerExpired(Timestamp),
    /// The certificate is not for signing.
    #[error("the certificate is not for signing code")]
    Usage,
    /// A critical extension that is not known.
    #[error("the certificate has a critical extension that is not supported")]
    Extension,
    /// No certificate log of the trust root saw the certificate.
    #[error("no certificate log of the trust root has recorded the certificate: {0}")]
    NotInCertificateLog(&'static str),
    /// The policy asks for somebody else.
    #[error("the policy does not accept the {0}")]
    NotAccepted(String),
    /// There is a key in the policy, and the signature names another one.
    #[error("it is signed with the key {0}, which the policy does not name")]
    OtherKey(String),
    /// The policy has no key.
    #[error("it is signed with a key, and the policy names none")]
    NoKey,
    /// In no log.
    #[error("it is in no transparency log of the trust root")]
    NotLogged,
    /// The log's entry is of a log that is not known.
    #[error("the log entry is of a transparency log that the trust root does not know")]
    UnknownLog,
    /// The proof does not lead to the tree's root.
    #[error("the proof that the log holds the entry does not lead to its root")]
    Proof,
    /// The root is not signed by the log.
    #[error("the log's checkpoint is not valid: {0}")]
    Checkpoint(&'static str),
    /// The promise is not the log's.
    #[error("the log's promise is not signed by the log")]
    Promise,
    /// The entry is about something else.
    #[error("the log entry is about {0}")]
    EntryOfOther(&'static str),
    /// An entry of a kind that is not known.
    #[error("the log entry has the kind `{0}`, which is not supported")]
    EntryKind(String),
    /// A statement about something else.
    #[error("it is about {0}, not about {1}")]
    OtherSubject(String, String),
    /// Not a statement.
    #[error("the envelope holds `{0}`, and no in-toto statement")]
    NotAStatement(String),
    /// Another kind of statement than was asked for.
    #[error("it is a statement of the type `{0}`, which was not asked for")]
    OtherPredicate(String),
    /// A statement, where only signatures count.
    #[error(
        "it is not a signature but a statement of the type `{0}`, and the policy names no types"
    )]
    OnlyAStatement(String),
    /// A signature, where only statements count.
    #[error("it is a signature and not a statement of a type that was asked for")]
    NoStatement,
    /// Not the key's signature.
    #[error("the signature does not match")]
    Signature,
    /// Only the digest of the content is known.
    #[error("the signature cannot be checked by a digest of this kind: the content is needed")]
    NeedsContent,
}
