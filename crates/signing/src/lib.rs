//! Signatures over artifacts: who built this, and is it proven?
//!
//! Bytes, a trust root, a policy and the time go in; [`verify`] gives [`Verified`] or [`Refused`], and
//! there is no third answer: what is unknown, missing or not supported refuses. [`Evidence`] is one
//! signature with all that comes with it, whether it was written as a Sigstore bundle or as cosign
//! wrote it before version 3. No socket, no file, no clock.
//!
//! The engine is our own on `aws-lc-rs`. The plan was `sigstore-verify` 0.15, which judges the shared
//! conformance cases rightly; but it reads the clock itself, knows neither identities by expressions
//! nor the older form nor signatures of keys without a log, refuses base64 that is wrapped, and tells
//! no step that held. What was left of it would have been less than what was needed around it.
//!
//! Not here: where signatures are found (`oci`), what users read (`report`), Ed25519ph, and detached
//! certificate timestamps.

mod bundle;
mod certificate;
mod chain;
mod checkpoint;
mod der;
mod entry;
mod evidence;
mod hash;
mod identity;
mod issued;
mod key;
mod legacy;
mod merkle;
mod policy;
mod public;
mod result;
mod root;
mod sct;
mod secret;
mod sign;
mod statement;
mod text;
mod timestamp;
mod verify;

pub use evidence::Evidence;
pub use hash::{Artifact, Hash};
pub use issued::Issued;
pub use key::{KeyError, KeyKind, PublicKey};
pub use legacy::{ENVELOPE, SIMPLE_SIGNING};
pub use policy::{Accept, Contents, Match, PatternError, Policy};
pub use result::{
    Clock, Content, Form, Identity, Logged, Refused, Signer, Stage, Step, Verified, VerifiedImage,
    Why,
};
pub use root::{PUBLIC_DATE, TrustRoot};
pub use secret::{KeyForm, MAX_KEY_BYTES, SecretError, SecretKey};
pub use sign::{
    BUNDLE, PREDICATES, SIGN, SignedBy, ToSign, Witnesses, bundle, certificate_answer,
    certificate_request, log_answer, log_request, predicate_type, sign, statement,
    timestamp_request, vulnerability_predicate,
};
pub use verify::verify;
pub use zeroize::Zeroizing;
