//! Signing: statements and bundles (version 0.3).

use jiff::Timestamp;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::evidence::pre_authentication;
use crate::hash::Hash;
use crate::key::PublicKey;
use crate::result::Why;
use crate::secret::{SecretError, SecretKey};
use crate::statement::IN_TOTO;
use crate::text::{to_base64, unhex};

/// The media type of a bundle.
pub const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
/// The type of a statement that says nothing but that somebody signed (cosign 3).
pub const SIGN: &str = "https://sigstore.dev/cosign/sign/v1";

/// Kinds of statements by the names that people use for them.
pub const PREDICATES: [(&str, &str); 8] = [
    ("slsa", "https://slsa.dev/provenance/v1"),
    ("slsa02", "https://slsa.dev/provenance/v0.2"),
    ("cyclonedx", "https://cyclonedx.org/bom"),
    ("spdx", "https://spdx.dev/Document"),
    ("vuln", "https://cosign.sigstore.dev/attestation/vuln/v1"),
    ("openvex", "https://openvex.dev/ns"),
    ("vsa", "https://slsa.dev/verification_summary/v1"),
    ("sign", SIGN),
];

/// The URI of a kind of statement that is named, or is one.
pub fn predicate_type(name: &str) -> Option<String> {
    let known = PREDICATES.iter().find(|(known, _)| *known == name);
    let uri = known.map(|(_, uri)| (*uri).to_owned());
    uri.or_else(|| name.contains("://").then(|| name.to_owned()))
}

/// A statement about what has that digest (in-toto, version 1). `None` where it is no digest.
pub fn statement(
    name: &str,
    digest: &str,
    predicate_type: &str,
    predicate: &Value,
) -> Option<Vec<u8>> {
    let (algorithm, digits) = digest.split_once(':')?;
    let mut subject = json!({"digest": {algorithm: digits}});
    if !name.is_empty() {
        subject["name"] = name.into();
    }
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [subject],
        "predicateType": predicate_type,
        "predicate": predicate,
    });
    Some(statement.to_string().into_bytes())
}

/// What is signed.
#[derive(Debug, Clone, Copy)]
pub enum ToSign<'a> {
    /// A file.
    Bytes(&'a [u8]),
    /// A statement, as JSON.
    Statement(&'a [u8]),
}

impl<'a> ToSign<'a> {
    /// The bytes that the signature is over.
    pub fn message(self) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes.to_vec(),
            Self::Statement(payload) => pre_authentication(IN_TOTO, payload),
        }
    }
}

/// Who a bundle says has signed.
#[derive(Debug, Clone, Copy)]
pub enum SignedBy<'a> {
    /// A key.
    Key(&'a PublicKey),
    /// The holder of a certificate (DER).
    Certificate(&'a [u8]),
}

/// What others say of a signature.
#[derive(Debug, Clone, Default)]
pub struct Witnesses {
    /// Entries of transparency logs, as bundles have them.
    pub entries: Vec<Value>,
    /// Responses of timestamp authorities.
    pub timestamps: Vec<Vec<u8>>,
}

/// Signs, without anybody who bears witness.
///
/// # Errors
/// The key cannot sign.
pub fn sign(key: &SecretKey, what: ToSign<'_>) -> Result<Vec<u8>, SecretError> {
    key.sign(&what.message())
}

/// A bundle.
pub fn bundle(
    what: ToSign<'_>,
    signature: &[u8],
    by: SignedBy<'_>,
    witnesses: &Witnesses,
) -> Value {
    let mut material = match by {
        SignedBy::Key(key) => json!({"publicKey": {"hint": key.hint()}}),
        SignedBy::Certificate(der) => json!({"certificate": {"rawBytes": to_base64(der)}}),
    };
    material["tlogEntries"] = witnesses.entries.clone().into();
    if !witnesses.timestamps.is_empty() {
        let tokens = witnesses.timestamps.iter();
        let tokens: Vec<_> =
            tokens.map(|token| json!({"signedTimestamp": to_base64(token)})).collect();
        material["timestampVerificationData"] = json!({"rfc3161Timestamps": tokens});
    }
    let mut bundle = json!({"mediaType": BUNDLE, "verificationMaterial": material});
    match what {
        ToSign::Bytes(bytes) => {
            bundle["messageSignature"] = json!({
                "messageDigest": {
                    "algorithm": "SHA2_256",
                    "digest": to_base64(&Hash::Sha256.of(bytes)),
                },
                "signature": to_base64(signature),
            });
        }
        ToSign::Statement(payload) => {
            bundle["dsseEnvelope"] = json!({
                "payload": to_base64(payload),
                "payloadType": IN_TOTO,
                "signatures": [{"sig": to_base64(signature)}],
            });
        }
    }
    bundle
}

/// A request for a timestamp over a signature (RFC 3161), with the authority's certificate in the
/// answer.
pub fn timestamp_request(signature: &[u8]) -> Vec<u8> {
    use crate::der::{INTEGER, OCTET_STRING, SEQUENCE, element};
    const SHA256: &[u8] =
        &[0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00];
    let digest = element(OCTET_STRING, &[&Hash::Sha256.of(signature)]);
    let imprint = element(SEQUENCE, &[SHA256, &digest]);
    element(SEQUENCE, &[&element(INTEGER, &[&[1]]), &imprint, &[1, 1, 0xff]])
}

/// What is asked of Fulcio: a certificate for the key, for whom the token identifies. The second part
/// is a signature over the token's subject, which proves that the key is held.
///
/// # Errors
/// The token is not of the form of a JSON web token, or the key cannot sign.
pub fn certificate_request(key: &SecretKey, token: &str) -> Result<Zeroizing<String>, Why> {
    let wrong = |what: &str| Why::Document("the identity token", what.to_owned());
    let claims = token.split('.').nth(1).and_then(crate::text::base64);
    let claims: Value = claims
        .and_then(|claims| serde_json::from_slice(&claims).ok())
        .ok_or_else(|| wrong("it is not a JSON web token"))?;
    let of = |name: &str| claims.get(name).and_then(Value::as_str);
    let subject = of("email").or_else(|| of("sub")).ok_or_else(|| wrong("it names nobody"))?;
    let proof = key.sign(subject.as_bytes()).map_err(|error| wrong(&error.to_string()))?;
    let is_plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'=');
    if !token.bytes().all(is_plain) {
        return Err(wrong("it is not a JSON web token"));
    }
    let asked = json!({
        "publicKey": {"algorithm": "ECDSA", "content": key.public().to_pem()},
        "proofOfPossession": to_base64(&proof),
    })
    .to_string();
    // By hand, so that the token is nowhere but in a text that is wiped.
    let mut text = Zeroizing::new(String::with_capacity(token.len() + asked.len() + 100));
    for part in [
        r#"{"credentials":{"oidcIdentityToken":""#,
        token,
        r#""},"publicKeyRequest":"#,
        &asked,
        "}",
    ] {
        text.push_str(part);
    }
    Ok(text)
}

/// The certificate in Fulcio's answer (DER), that of the signer.
pub fn certificate_answer(answer: &[u8]) -> Result<Vec<u8>, Why> {
    let wrong = |what: String| Why::Document("the answer of the certificate authority", what);
    let answer: Value = serde_json::from_slice(answer).map_err(|error| wrong(error.to_string()))?;
    let chain = answer
        .get("signedCertificateEmbeddedSct")
        .or_else(|| answer.get("signedCertificateDetachedSct"))
        .and_then(|signed| signed.get("chain")?.get("certificates")?.as_array());
    let first = chain.and_then(|chain| chain.first()?.as_str());
    let first = first.ok_or_else(|| wrong("it holds no certificate".to_owned()))?;
    let blocks = crate::text::pem(first);
    let (_, der) = blocks.into_iter().next().ok_or_else(|| wrong("it is not PEM".to_owned()))?;
    Ok(der)
}

/// What is asked of Rekor 1: an entry for a signature.
pub fn log_request(what: ToSign<'_>, signature: &[u8], by: SignedBy<'_>) -> Value {
    let pem = match by {
        SignedBy::Key(key) => key.to_pem(),
        SignedBy::Certificate(der) => crate::text::to_pem("CERTIFICATE", der),
    };
    let verifier = to_base64(pem.as_bytes());
    match what {
        ToSign::Bytes(bytes) => json!({
            "apiVersion": "0.0.1",
            "kind": "hashedrekord",
            "spec": {
                "data": {"hash": {
                    "algorithm": "sha256",
                    "value": crate::text::hex(&Hash::Sha256.of(bytes)),
                }},
                "signature": {
                    "content": to_base64(signature),
                    "publicKey": {"content": verifier},
                },
            },
        }),
        ToSign::Statement(payload) => {
            let envelope = json!({
                "payloadType": IN_TOTO,
                "payload": to_base64(payload),
                "signatures": [{"sig": to_base64(signature)}],
            });
            json!({
                "apiVersion": "0.0.1",
                "kind": "dsse",
                "spec": {"proposedContent": {
                    "envelope": envelope.to_string(),
                    "verifiers": [verifier],
                }},
            })
        }
    }
}

/// The entry in Rekor 1's answer, as bundles have it.
///
/// # Errors
/// It is not the answer of a log.
pub fn log_answer(answer: &[u8]) -> Result<Value, Why> {
    let wrong = |what: &str| Why::Document("the answer of the transparency log", what.to_owned());
    let answer: Value =
        serde_json::from_slice(answer).map_err(|error| wrong(&error.to_string()))?;
    let entry = answer.as_object().and_then(|all| all.values().next());
    let read = |entry: &Value| -> Option<Value> {
        let hex = |value: &Value| Some(to_base64(&unhex(value.as_str()?)?));
        let body = entry.get("body")?.as_str()?;
        let decoded: Value = serde_json::from_slice(&crate::text::base64(body)?).ok()?;
        let proof = entry.get("verification")?.get("inclusionProof")?;
        let hashes =
            proof.get("hashes")?.as_array()?.iter().map(hex).collect::<Option<Vec<_>>>()?;
        let promise = entry.get("verification")?.get("signedEntryTimestamp")?;
        Some(json!({
            "logIndex": entry.get("logIndex")?.as_u64()?.to_string(),
            "logId": {"keyId": hex(entry.get("logID")?)?},
            "kindVersion": {
                "kind": decoded.get("kind")?,
                "version": decoded.get("apiVersion")?,
            },
            "integratedTime": entry.get("integratedTime")?.as_u64()?.to_string(),
            "inclusionPromise": {"signedEntryTimestamp": promise},
            "inclusionProof": {
                "logIndex": proof.get("logIndex")?.as_u64()?.to_string(),
                "rootHash": hex(proof.get("rootHash")?)?,
                "treeSize": proof.get("treeSize")?.as_u64()?.to_string(),
                "hashes": hashes,
                "checkpoint": {"envelope": proof.get("checkpoint")?},
            },
            "canonicalizedBody": body,
        }))
    };
    entry.and_then(read).ok_or_else(|| wrong("it is not an entry with its proof"))
}

/// What scanners say of an image (cosign's "vulnerability scan record"): `result` is their own report.
pub fn vulnerability_predicate(result: &Value, database: Option<&str>, at: Timestamp) -> Value {
    json!({
        "invocation": {"parameters": null, "uri": "", "event_id": "", "builder.id": ""},
        "scanner": {
            "uri": "https://github.com/pavisade/pavisade",
            "version": env!("CARGO_PKG_VERSION"),
            "db": {"uri": "", "version": database.unwrap_or_default()},
            "result": result,
        },
        "metadata": {"scanStartedOn": at.to_string(), "scanFinishedOn": at.to_string()},
    })
}
