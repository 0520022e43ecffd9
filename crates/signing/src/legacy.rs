//! Signatures as cosign wrote them before version 3: a layer of a manifest holds what is signed (a
//! text of the form "simple signing", or a DSSE envelope), and its annotations hold the rest.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::bundle::{Bytes, Envelope, Number};
use crate::certificate::Certificate;
use crate::evidence::{Entry, Evidence, Material, Signed};
use crate::result::{Form, Why};
use crate::text::{base64, pem, unhex};

const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
const CHAIN: &str = "dev.sigstore.cosign/chain";
const BUNDLE: &str = "dev.sigstore.cosign/bundle";
const TIMESTAMP: &str = "dev.sigstore.cosign/rfc3161timestamp";

/// Of a text about an image.
pub const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// Of a DSSE envelope.
pub const ENVELOPE: &str = "application/vnd.dsse.envelope.v1+json";

const MAX_CERTIFICATES: usize = 16;

#[derive(Deserialize)]
struct Logged {
    #[serde(rename = "SignedEntryTimestamp")]
    promise: Bytes,
    #[serde(rename = "Payload")]
    payload: Payload,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    body: Bytes,
    integrated_time: Number,
    log_index: Number,
    #[serde(rename = "logID")]
    log_id: String,
}

#[derive(Deserialize)]
struct Token {
    #[serde(rename = "SignedRFC3161Timestamp")]
    token: Bytes,
}

impl Evidence {
    /// Reads a layer of a manifest of signatures (`sha256-….sig`) or attestations (`sha256-….att`).
    ///
    /// # Errors
    /// It is none, or broken.
    pub fn legacy(
        media_type: &str,
        payload: &[u8],
        annotations: &BTreeMap<String, String>,
    ) -> Result<Self, Why> {
        let of =
            |key: &str| annotations.get(key).map(String::as_str).filter(|text| !text.is_empty());
        let wrong = |what| move |error: serde_json::Error| Why::Document(what, error.to_string());
        let content = match media_type {
            SIMPLE_SIGNING => {
                let signature = of(SIGNATURE).ok_or(Why::Missing("the signature"))?;
                let signature = base64(signature).filter(|bytes| !bytes.is_empty());
                let signature = signature
                    .ok_or_else(|| Why::Document("the signature", "invalid base64".to_owned()))?;
                Signed::Simple { payload: payload.to_vec(), signature }
            }
            ENVELOPE => {
                let envelope: Envelope =
                    serde_json::from_slice(payload).map_err(wrong("the envelope"))?;
                envelope.signed(Some(payload.to_vec()))?
            }
            other => return Err(Why::UnknownForm(other.chars().take(100).collect())),
        };
        let material = match of(CERTIFICATE) {
            Some(leaf) => {
                let all = format!("{leaf}\n{}", of(CHAIN).unwrap_or_default());
                let blocks = pem(&all);
                if blocks.len() > MAX_CERTIFICATES {
                    return Err(Why::TooMany("certificates", MAX_CERTIFICATES));
                }
                let read = |(_, bytes): &(&str, Vec<u8>)| Certificate::read(bytes);
                let all: Vec<_> = blocks
                    .iter()
                    .map(read)
                    .collect::<Result<_, _>>()
                    .map_err(|error| Why::Document("the certificate", error.to_string()))?;
                if all.is_empty() {
                    return Err(Why::Missing("the certificate"));
                }
                Material::Certificates(all)
            }
            None => Material::Key(None),
        };
        let entries = match of(BUNDLE) {
            Some(text) => {
                let logged: Logged = serde_json::from_str(text).map_err(wrong("the log entry"))?;
                let bad = |what: &str| Why::Document("the log entry", what.to_owned());
                let time = i64::try_from(logged.payload.integrated_time.0);
                vec![Entry {
                    log_id: unhex(&logged.payload.log_id)
                        .ok_or_else(|| bad("the log has no valid id"))?,
                    index: logged.payload.log_index.0,
                    time: Some(time.map_err(|_| bad("its time is too large"))?),
                    kind: None,
                    body: logged.payload.body.0,
                    promise: Some(logged.promise.0),
                    proof: None,
                }]
            }
            None => Vec::new(),
        };
        let timestamps = match of(TIMESTAMP) {
            Some(text) => {
                let token: Token = serde_json::from_str(text).map_err(wrong("the timestamp"))?;
                vec![token.token.0]
            }
            None => Vec::new(),
        };
        Ok(Self { form: Form::Legacy, content, material, entries, timestamps })
    }
}

/// What a text of the form "simple signing" is about.
#[derive(Deserialize)]
pub(crate) struct Simple {
    pub(crate) critical: Critical,
}

#[derive(Deserialize)]
pub(crate) struct Critical {
    #[serde(default)]
    pub(crate) identity: Named,
    pub(crate) image: Image,
    #[serde(rename = "type")]
    pub(crate) kind: String,
}

#[derive(Deserialize, Default)]
pub(crate) struct Named {
    #[serde(default, rename = "docker-reference")]
    pub(crate) reference: String,
}

#[derive(Deserialize)]
pub(crate) struct Image {
    #[serde(rename = "docker-manifest-digest")]
    pub(crate) digest: String,
}
