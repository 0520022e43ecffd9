//! Sigstore bundles, versions 0.1 to 0.3 (protobuf-specs, `sigstore_bundle.proto`), as JSON.

use serde::{Deserialize, Deserializer};

use crate::certificate::Certificate;
use crate::evidence::{Entry, Evidence, Material, Proof, Signed};
use crate::hash::Hash;
use crate::result::{Form, Why};
use crate::text::base64;

/// Bytes of a bundle.
const MAX_BYTES: usize = 32 << 20;
/// Entries, timestamps and certificates.
const MAX_ENTRIES: usize = 32;
const MAX_TIMESTAMPS: usize = 32;
const MAX_CERTIFICATES: usize = 16;
const MAX_PATH: usize = 64;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    media_type: String,
    verification_material: Verification,
    message_signature: Option<MessageSignature>,
    dsse_envelope: Option<Envelope>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Verification {
    x509_certificate_chain: Option<Chain>,
    certificate: Option<Raw>,
    public_key: Option<Hint>,
    #[serde(default, deserialize_with = "nullable")]
    tlog_entries: Vec<LogEntry>,
    #[serde(default, deserialize_with = "nullable")]
    timestamp_verification_data: Timestamps,
}

fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    from: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

#[derive(Deserialize)]
struct Chain {
    certificates: Vec<Raw>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    raw_bytes: Bytes,
}

#[derive(Deserialize)]
struct Hint {
    #[serde(default)]
    hint: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Timestamps {
    #[serde(default)]
    rfc3161_timestamps: Vec<Token>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Token {
    signed_timestamp: Bytes,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogEntry {
    log_index: Number,
    log_id: LogId,
    kind_version: Option<KindVersion>,
    #[serde(default)]
    integrated_time: Option<Number>,
    inclusion_promise: Option<Promise>,
    inclusion_proof: Option<InclusionProof>,
    canonicalized_body: Bytes,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogId {
    key_id: Bytes,
}

#[derive(Deserialize)]
struct KindVersion {
    kind: String,
    version: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Promise {
    signed_entry_timestamp: Bytes,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InclusionProof {
    /// Left out where it is zero.
    #[serde(default)]
    log_index: Number,
    root_hash: Bytes,
    tree_size: Number,
    #[serde(default)]
    hashes: Vec<Bytes>,
    checkpoint: Option<Note>,
}

#[derive(Deserialize)]
struct Note {
    envelope: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MessageSignature {
    message_digest: Option<MessageDigest>,
    signature: Bytes,
}

#[derive(Deserialize)]
struct MessageDigest {
    #[serde(default, deserialize_with = "Hash::read")]
    algorithm: Option<Hash>,
    digest: Bytes,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Envelope {
    pub(crate) payload_type: String,
    pub(crate) payload: Bytes,
    pub(crate) signatures: Vec<EnvelopeSignature>,
}

#[derive(Deserialize)]
pub(crate) struct EnvelopeSignature {
    pub(crate) sig: Bytes,
}

impl Envelope {
    /// Exactly one signature: who signed must be one answer.
    pub(crate) fn signed(self, written: Option<Vec<u8>>) -> Result<Signed, Why> {
        let count = self.signatures.len();
        let mut signatures = self.signatures.into_iter();
        match (signatures.next(), count) {
            (Some(signature), 1) => Ok(Signed::Envelope {
                kind: self.payload_type,
                payload: self.payload.0,
                signature: signature.sig.0,
                written,
            }),
            _ => Err(Why::Signatures(count)),
        }
    }
}

/// Bytes as base64.
#[derive(Default)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        base64(&text).map(Self).ok_or_else(|| serde::de::Error::custom("invalid base64"))
    }
}

/// A number that is not negative, as a text (protocol buffers' 64 bits) or as it is.
#[derive(Default, Clone, Copy)]
pub(crate) struct Number(pub(crate) u64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Number(u64),
            Text(String),
        }
        let wrong = || serde::de::Error::custom("not a number that is zero or more");
        match Form::deserialize(from) {
            Ok(Form::Number(number)) => Ok(Self(number)),
            Ok(Form::Text(text)) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                text.parse().map(Self).map_err(|_| wrong())
            }
            _ => Err(wrong()),
        }
    }
}

impl Evidence {
    /// Reads a bundle.
    ///
    /// # Errors
    /// It is none, of a version that is not known, or not what its version asks for.
    pub fn bundle(bytes: &[u8]) -> Result<Self, Why> {
        if bytes.len() > MAX_BYTES {
            return Err(Why::TooMany("bytes", MAX_BYTES));
        }
        let document: Document = serde_json::from_slice(bytes)
            .map_err(|error| Why::Document("the bundle", error.to_string()))?;
        let form = form(&document.media_type)?;
        let Verification {
            x509_certificate_chain,
            certificate,
            public_key,
            tlog_entries,
            timestamp_verification_data,
        } = document.verification_material;
        let raw = match (x509_certificate_chain, certificate, public_key) {
            (Some(chain), None, None) if form != Form::Bundle03 => Ok(chain.certificates),
            // The specification asks for a leaf alone; a chain of one is that.
            (Some(chain), None, None) if chain.certificates.len() == 1 => Ok(chain.certificates),
            (None, Some(leaf), None) => Ok(vec![leaf]),
            (None, None, Some(key)) => Err(key.hint),
            (None, None, None) => return Err(Why::Missing("the certificate or key")),
            _ => {
                let why = "it has more than one certificate or key".to_owned();
                return Err(Why::Document("the bundle", why));
            }
        };
        let material = match raw {
            Ok(raw) => Material::Certificates(certificates(raw)?),
            Err(hint) => Material::Key(Some(hint).filter(|hint| !hint.is_empty())),
        };
        let content = match (document.message_signature, document.dsse_envelope) {
            (Some(message), None) => {
                // The digest in the bundle is no proof of anything; one that is broken is a lie.
                let digest = message.message_digest;
                if digest
                    .is_some_and(|digest| digest.algorithm.is_none() || digest.digest.0.is_empty())
                {
                    let why = "the digest of the message has no known algorithm".to_owned();
                    return Err(Why::Document("the bundle", why));
                }
                Signed::Message { signature: message.signature.0 }
            }
            (None, Some(envelope)) => envelope.signed(None)?,
            (None, None) => return Err(Why::Missing("the signature")),
            (Some(_), Some(_)) => {
                let why = "it has both a message signature and an envelope".to_owned();
                return Err(Why::Document("the bundle", why));
            }
        };
        if content.signature().is_empty() {
            return Err(Why::Missing("the signature"));
        }
        let timestamps = timestamp_verification_data.rfc3161_timestamps;
        if timestamps.len() > MAX_TIMESTAMPS {
            return Err(Why::TooMany("timestamps", MAX_TIMESTAMPS));
        }
        if tlog_entries.len() > MAX_ENTRIES {
            return Err(Why::TooMany("log entries", MAX_ENTRIES));
        }
        let entries = tlog_entries.into_iter().map(|entry| self::entry(entry, form));
        Ok(Self {
            form,
            content,
            material,
            entries: entries.collect::<Result<_, _>>()?,
            timestamps: timestamps.into_iter().map(|token| token.signed_timestamp.0).collect(),
        })
    }
}

fn form(media_type: &str) -> Result<Form, Why> {
    Ok(match media_type {
        "application/vnd.dev.sigstore.bundle+json;version=0.1" => Form::Bundle01,
        "application/vnd.dev.sigstore.bundle+json;version=0.2" => Form::Bundle02,
        "application/vnd.dev.sigstore.bundle+json;version=0.3"
        | "application/vnd.dev.sigstore.bundle.v0.3+json" => Form::Bundle03,
        other => return Err(Why::UnknownForm(other.chars().take(100).collect())),
    })
}

fn certificates(raw: Vec<Raw>) -> Result<Vec<Certificate>, Why> {
    if raw.is_empty() {
        return Err(Why::Missing("the certificate"));
    }
    if raw.len() > MAX_CERTIFICATES {
        return Err(Why::TooMany("certificates", MAX_CERTIFICATES));
    }
    let read = |raw: Raw| Certificate::read(&raw.raw_bytes.0);
    let all: Result<_, _> = raw.into_iter().map(read).collect();
    all.map_err(|error| Why::Document("the certificate", error.to_string()))
}

fn entry(entry: LogEntry, form: Form) -> Result<Entry, Why> {
    let proof = match entry.inclusion_proof {
        Some(InclusionProof { hashes, .. }) if hashes.len() > MAX_PATH => {
            return Err(Why::TooMany("hashes in a proof", MAX_PATH));
        }
        Some(proof) => match proof.checkpoint {
            Some(note) => Some(Proof {
                index: proof.log_index.0,
                size: proof.tree_size.0,
                root: proof.root_hash.0,
                path: proof.hashes.into_iter().map(|hash| hash.0).collect(),
                checkpoint: note.envelope,
            }),
            // Version 0.1 allowed for proofs that nobody signed.
            None if form == Form::Bundle01 => None,
            None => return Err(Why::Missing("the checkpoint of the proof")),
        },
        None => None,
    };
    let promise = entry.inclusion_promise.map(|promise| promise.signed_entry_timestamp.0);
    if proof.is_none() && form != Form::Bundle01 {
        return Err(Why::Missing("the proof that the log holds the entry"));
    }
    if proof.is_none() && promise.is_none() {
        return Err(Why::Missing("the proof or promise that the log holds the entry"));
    }
    let time = entry.integrated_time.map(|time| i64::try_from(time.0)).transpose();
    let wrong = |what: &str| Why::Document("the log entry", what.to_owned());
    Ok(Entry {
        log_id: entry.log_id.key_id.0,
        index: entry.log_index.0,
        time: time.map_err(|_| wrong("its time is too large"))?.filter(|time| *time > 0),
        kind: entry.kind_version.map(|kind| (kind.kind, kind.version)),
        body: entry.canonicalized_body.0,
        promise,
        proof,
    })
}
