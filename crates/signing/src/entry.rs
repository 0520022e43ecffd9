//! What an entry of a transparency log says, and whether it is about a signature: `hashedrekord`,
//! `dsse` and `intoto`, in the forms of Rekor 1 (0.0.1) and Rekor 2 (0.0.2).

use serde::Deserialize;
use serde_json::Value;

use crate::evidence::{Entry, Signed, pre_authentication};
use crate::hash::{Artifact, Hash};
use crate::key::PublicKey;
use crate::result::Why;
use crate::text::{base64, pem, unhex};

/// Whose signature it is.
pub(crate) enum Verifier<'a> {
    Certificate(&'a [u8]),
    Key(&'a PublicKey),
}

impl Verifier<'_> {
    fn is_pem(&self, text: &str) -> bool {
        let blocks = pem(text);
        let [(label, bytes)] = &blocks[..] else { return false };
        match self {
            Self::Certificate(der) => *label == "CERTIFICATE" && bytes == der,
            Self::Key(key) => *label == "PUBLIC KEY" && bytes == key.spki(),
        }
    }

    fn is_encoded_pem(&self, encoded: &str) -> bool {
        let text = base64(encoded).and_then(|bytes| String::from_utf8(bytes).ok());
        text.is_some_and(|text| self.is_pem(&text))
    }

    /// The form of Rekor 2.
    fn is_verifier(&self, verifier: &Value) -> bool {
        let raw = |name: &str| verifier.get(name)?.get("rawBytes")?.as_str().and_then(base64);
        match self {
            Self::Certificate(der) => raw("x509Certificate").is_some_and(|raw| raw == *der),
            Self::Key(key) => raw("publicKey").is_some_and(|raw| raw == key.spki()),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    api_version: String,
    kind: String,
    spec: Value,
}

const SIGNATURE: Why = Why::EntryOfOther("another signature");
const KEY: Why = Why::EntryOfOther("another certificate or key");
const CONTENT: Why = Why::EntryOfOther("another content");

/// Whether the entry is about this signature, by this signer, over this content. The kind of the entry.
pub(crate) fn verify(
    entry: &Entry,
    signed: &Signed,
    artifact: &Artifact<'_>,
    verifier: &Verifier<'_>,
) -> Result<String, Why> {
    let body: Body = serde_json::from_slice(&entry.body)
        .map_err(|error| Why::Document("the log entry", error.to_string()))?;
    let kind = format!("{} {}", body.kind, body.api_version);
    if let Some((name, version)) = &entry.kind
        && (*name != body.kind || *version != body.api_version)
    {
        return Err(Why::EntryOfOther("another kind of entry than the bundle says"));
    }
    let found = match (&*body.kind, &*body.api_version) {
        ("hashedrekord", "0.0.1") => hashed_1(&body.spec, signed, artifact, verifier),
        ("hashedrekord", "0.0.2") => hashed_2(&body.spec, signed, artifact, verifier),
        ("dsse", "0.0.1") => dsse_1(&body.spec, signed, verifier),
        ("dsse", "0.0.2") => dsse_2(&body.spec, signed, verifier),
        ("intoto", "0.0.1") => intoto_1(&body.spec, signed, verifier),
        ("intoto", "0.0.2") => intoto_2(&body.spec, signed, verifier),
        _ => return Err(Why::EntryKind(kind)),
    };
    // A field that is missing matches nothing.
    match found.unwrap_or(Err(Why::Document("the log entry", "a field is missing".to_owned()))) {
        Ok(()) => Ok(kind),
        Err(why) => Err(why),
    }
}

type Found = Option<Result<(), Why>>;

fn text<'a>(value: &'a Value, path: &[&str]) -> Option<&'a str> {
    path.iter().try_fold(value, |value, name| value.get(name))?.as_str()
}

/// The one element of a list.
fn only<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    match &value.get(name)?.as_array()?[..] {
        [one] => Some(one),
        _ => None,
    }
}

fn all(is_content: bool, is_signature: bool, is_key: bool) -> Result<(), Why> {
    match (is_content, is_signature, is_key) {
        (false, ..) => Err(CONTENT),
        (_, false, _) => Err(SIGNATURE),
        (.., false) => Err(KEY),
        _ => Ok(()),
    }
}

/// Whether a digest is that of what the signature is over.
fn is_digest(signed: &Signed, artifact: &Artifact<'_>, hash: Hash, digest: &[u8]) -> bool {
    match signed {
        Signed::Message { .. } => artifact.hashed(hash).is_some_and(|found| found == digest),
        Signed::Simple { payload, .. } => hash.of(payload) == digest,
        Signed::Envelope { kind, payload, .. } => {
            hash.of(&pre_authentication(kind, payload)) == digest
        }
    }
}

fn hashed_1(
    spec: &Value,
    signed: &Signed,
    artifact: &Artifact<'_>,
    verifier: &Verifier<'_>,
) -> Found {
    let hash = Hash::named(text(spec, &["data", "hash", "algorithm"])?)?;
    let digest = unhex(text(spec, &["data", "hash", "value"])?)?;
    let signature = base64(text(spec, &["signature", "content"])?)?;
    let key = text(spec, &["signature", "publicKey", "content"])?;
    Some(all(
        is_digest(signed, artifact, hash, &digest),
        signature == signed.signature(),
        verifier.is_encoded_pem(key),
    ))
}

fn hashed_2(
    spec: &Value,
    signed: &Signed,
    artifact: &Artifact<'_>,
    verifier: &Verifier<'_>,
) -> Found {
    let spec = spec.get("hashedRekordV002")?;
    let hash = Hash::named(text(spec, &["data", "algorithm"])?)?;
    let digest = base64(text(spec, &["data", "digest"])?)?;
    let signature = base64(text(spec, &["signature", "content"])?)?;
    Some(all(
        is_digest(signed, artifact, hash, &digest),
        signature == signed.signature(),
        verifier.is_verifier(spec.get("signature")?.get("verifier")?),
    ))
}

fn dsse_1(spec: &Value, signed: &Signed, verifier: &Verifier<'_>) -> Found {
    let Signed::Envelope { payload, signature, .. } = signed else { return Some(Err(CONTENT)) };
    let hash = Hash::named(text(spec, &["payloadHash", "algorithm"])?)?;
    let digest = unhex(text(spec, &["payloadHash", "value"])?)?;
    let one = only(spec, "signatures")?;
    Some(all(
        hash.of(payload) == digest,
        base64(text(one, &["signature"])?)? == *signature,
        verifier.is_encoded_pem(text(one, &["verifier"])?),
    ))
}

fn dsse_2(spec: &Value, signed: &Signed, verifier: &Verifier<'_>) -> Found {
    let Signed::Envelope { payload, signature, .. } = signed else { return Some(Err(CONTENT)) };
    let spec = spec.get("dsseV002")?;
    let hash = Hash::named(text(spec, &["payloadHash", "algorithm"])?)?;
    let digest = base64(text(spec, &["payloadHash", "digest"])?)?;
    let one = only(spec, "signatures")?;
    Some(all(
        hash.of(payload) == digest,
        base64(text(one, &["content"])?)? == *signature,
        verifier.is_verifier(one.get("verifier")?),
    ))
}

/// Such an entry has the digest of the whole envelope alone, so the envelope must be here as it was
/// written.
fn intoto_1(spec: &Value, signed: &Signed, verifier: &Verifier<'_>) -> Found {
    let Signed::Envelope { written, .. } = signed else { return Some(Err(CONTENT)) };
    let Some(written) = written else {
        return Some(Err(Why::EntryKind("intoto 0.0.1".to_owned())));
    };
    let hash = Hash::named(text(spec, &["content", "hash", "algorithm"])?)?;
    let digest = unhex(text(spec, &["content", "hash", "value"])?)?;
    Some(all(
        hash.of(written) == digest,
        true,
        verifier.is_encoded_pem(text(spec, &["publicKey"])?),
    ))
}

fn intoto_2(spec: &Value, signed: &Signed, verifier: &Verifier<'_>) -> Found {
    let Signed::Envelope { kind, payload, signature, .. } = signed else {
        return Some(Err(CONTENT));
    };
    let content = spec.get("content")?;
    let hash = Hash::named(text(content, &["payloadHash", "algorithm"])?)?;
    let digest = unhex(text(content, &["payloadHash", "value"])?)?;
    let envelope = content.get("envelope")?;
    let one = only(envelope, "signatures")?;
    // Rekor encodes the signature twice.
    let once = base64(text(one, &["sig"])?)?;
    let twice = std::str::from_utf8(&once).ok().and_then(base64);
    Some(all(
        hash.of(payload) == digest && text(envelope, &["payloadType"])? == kind,
        twice.as_ref().unwrap_or(&once) == signature,
        verifier.is_encoded_pem(text(one, &["publicKey"])?),
    ))
}
