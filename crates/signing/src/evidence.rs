//! A signature with all that comes with it, in one form for all ways in which it may be written.

use crate::certificate::Certificate;
use crate::result::Form;
use crate::text::hex;

/// What a bundle, or the annotations of a legacy signature, hold.
#[derive(Debug, Clone)]
pub struct Evidence {
    pub(crate) form: Form,
    pub(crate) content: Signed,
    pub(crate) material: Material,
    pub(crate) entries: Vec<Entry>,
    pub(crate) timestamps: Vec<Vec<u8>>,
}

/// What is signed, and the signature.
#[derive(Debug, Clone)]
pub(crate) enum Signed {
    /// The artifact.
    Message { signature: Vec<u8> },
    /// A text about an image, which is here (cosign's "simple signing").
    Simple { payload: Vec<u8>, signature: Vec<u8> },
    /// A DSSE envelope.
    Envelope {
        kind: String,
        payload: Vec<u8>,
        signature: Vec<u8>,
        /// The envelope as it was written, where that is known.
        written: Option<Vec<u8>>,
    },
}

impl Signed {
    pub(crate) fn signature(&self) -> &[u8] {
        match self {
            Self::Message { signature }
            | Self::Simple { signature, .. }
            | Self::Envelope { signature, .. } => signature,
        }
    }
}

/// Whose signature it is said to be.
#[derive(Debug, Clone)]
pub(crate) enum Material {
    /// The first one is the signer's.
    Certificates(Vec<Certificate>),
    /// A key; what it is named by.
    Key(Option<String>),
}

/// An entry of a transparency log.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) log_id: Vec<u8>,
    pub(crate) index: u64,
    pub(crate) time: Option<i64>,
    pub(crate) kind: Option<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// A signature over body, index, log and time.
    pub(crate) promise: Option<Vec<u8>>,
    pub(crate) proof: Option<Proof>,
}

impl Entry {
    /// What the promise is a signature over (Rekor's "signed entry timestamp"; RFC 8785 for objects
    /// of this form).
    pub(crate) fn promised(&self) -> String {
        format!(
            r#"{{"body":"{}","integratedTime":{},"logID":"{}","logIndex":{}}}"#,
            crate::text::to_base64(&self.body),
            self.time.unwrap_or_default(),
            hex(&self.log_id),
            self.index
        )
    }
}

/// The proof that the entry is in the log's tree.
#[derive(Debug, Clone)]
pub(crate) struct Proof {
    pub(crate) index: u64,
    pub(crate) size: u64,
    pub(crate) root: Vec<u8>,
    pub(crate) path: Vec<Vec<u8>>,
    pub(crate) checkpoint: String,
}

/// The bytes that a DSSE envelope's signature is over.
pub(crate) fn pre_authentication(kind: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}
