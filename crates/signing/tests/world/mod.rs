//! A certificate authority, a certificate log, transparency logs and a timestamp authority with real
//! keys, made here: what they sign can be bent in one place at a time.

mod certificates;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pavisade_signing::Hash;
use serde_json::{Value, json};

pub(crate) use certificates::{Cert, Pair, SERVER, STAMP};
use certificates::{el, name, oid, seq, time};

/// When all of it happens: 2026-01-01, in seconds.
pub(crate) const NOW: i64 = 1_767_225_600;

pub(crate) const IDENTITY: &str = "https://git.example/acme/app/release.yml@refs/tags/v1";
pub(crate) const ISSUER: &str = "https://login.example";

pub(crate) fn b64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub(crate) fn sha256(bytes: &[u8]) -> Vec<u8> {
    Hash::Sha256.of(bytes)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What is made, where it can be bent.
#[derive(Clone)]
pub(crate) struct Spec {
    /// Whether a statement is signed, and not the artifact.
    pub(crate) statement: bool,
    /// Whether a key signs, and not the holder of a certificate.
    pub(crate) key: bool,
    /// Rekor 2.
    pub(crate) second: bool,
    pub(crate) log: bool,
    pub(crate) stamp: bool,
    pub(crate) kind: &'static str,
    pub(crate) leaf: Cert,
    pub(crate) ca: Cert,
    pub(crate) tsa: Cert,
    /// Who signs in place of whom should.
    pub(crate) forged: Forged,
    pub(crate) sct: bool,
    pub(crate) sct_time: i64,
    pub(crate) sct_log: bool,
    pub(crate) log_time: i64,
    pub(crate) stamp_time: i64,
    pub(crate) stamp_over: Option<Vec<u8>>,
    pub(crate) stamp_digest: bool,
    pub(crate) stamp_names: bool,
    pub(crate) stamp_content: bool,
    pub(crate) stamp_status: u8,
    pub(crate) stamp_version: u8,
    pub(crate) origin: String,
    pub(crate) named: String,
    pub(crate) hint: bool,
    pub(crate) checkpoint_size: u64,
    pub(crate) checkpoint_root: bool,
    pub(crate) subject: String,
    pub(crate) statement_type: &'static str,
    pub(crate) predicate_type: &'static str,
    /// What is done to the body of the log entry before the log signs it.
    pub(crate) entry: Entry,
    /// Whether a certificate between the authority and the leaf issues the leaf.
    pub(crate) between: bool,
    pub(crate) valid_ca: (i64, i64),
    pub(crate) valid_log: (i64, i64),
    pub(crate) valid_ct: (i64, i64),
    pub(crate) valid_tsa: (i64, i64),
}

pub(crate) type Entry = Arc<dyn Fn(&mut Value) + Send + Sync>;

/// A signature that somebody else makes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Forged {
    Nothing,
    Leaf,
    Signature,
    Promise,
    Checkpoint,
    Stamp,
    Sct,
    Tsa,
}

pub(crate) const ARTIFACT: &[u8] = b"the artifact\n";
const ALWAYS: (i64, i64) = (NOW - 86_400, NOW + 86_400);

impl Default for Spec {
    fn default() -> Self {
        Self {
            statement: true,
            key: false,
            second: false,
            log: true,
            stamp: true,
            kind: "application/vnd.in-toto+json",
            leaf: Cert::leaf(),
            ca: Cert::authority(),
            tsa: Cert::stamp(),
            forged: Forged::Nothing,
            sct: true,
            sct_time: NOW,
            sct_log: true,
            log_time: NOW,
            stamp_time: NOW,
            stamp_over: None,
            stamp_digest: true,
            stamp_names: true,
            stamp_content: true,
            stamp_status: 0,
            stamp_version: 1,
            origin: String::new(),
            named: String::new(),
            hint: true,
            checkpoint_size: 3,
            checkpoint_root: true,
            subject: hex(&sha256(ARTIFACT)),
            statement_type: "https://in-toto.io/Statement/v1",
            predicate_type: "https://slsa.dev/provenance/v1",
            entry: Arc::new(|_| ()),
            between: false,
            valid_ca: ALWAYS,
            valid_log: ALWAYS,
            valid_ct: ALWAYS,
            valid_tsa: ALWAYS,
        }
    }
}

pub(crate) struct World {
    ca: Pair,
    ct: Pair,
    log: Pair,
    second: Ed25519KeyPair,
    tsa: Pair,
    pub(crate) signer: Pair,
    between: Pair,
    pub(crate) other: Pair,
    /// Certificates that were made: with ECDSA a second one of the same content is another.
    made: Mutex<BTreeMap<Vec<u8>, Vec<u8>>>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            ca: Pair::new(),
            ct: Pair::new(),
            log: Pair::new(),
            second: Ed25519KeyPair::generate().unwrap(),
            tsa: Pair::new(),
            signer: Pair::new(),
            between: Pair::new(),
            other: Pair::new(),
            made: Mutex::default(),
        }
    }

    fn second_spki(&self) -> Vec<u8> {
        let bits = el(3, &[&[0], self.second.public_key().as_ref()]);
        seq(&[&seq(&[&oid(&[0x2b, 0x65, 0x70])]), &bits])
    }

    fn second_id(&self) -> Vec<u8> {
        sha256(&[b"log.example\n\x01", self.second.public_key().as_ref()].concat())
    }

    fn by<'a>(&'a self, spec: &Spec, forged: Forged, own: &'a Pair) -> &'a Pair {
        if spec.forged == forged { &self.other } else { own }
    }

    pub(crate) fn root(&self, spec: &Spec) -> Value {
        let at = |seconds: i64| jiff::Timestamp::from_second(seconds).unwrap().to_string();
        let range = |(from, until): (i64, i64)| json!({"start": at(from), "end": at(until)});
        let log = |url: &str, spki: &[u8], id: &[u8], valid| {
            json!({
                "baseUrl": url, "hashAlgorithm": "SHA2_256",
                "publicKey": {"rawBytes": b64(spki), "keyDetails": "x", "validFor": range(valid)},
                "logId": {"keyId": b64(id)},
            })
        };
        let ca = spec.ca.signed(&self.ca.spki(), None, &self.ca);
        let authority = |uri: &str, der: &[u8], valid| {
            json!({
                "subject": {}, "uri": uri, "validFor": range(valid),
                "certChain": {"certificates": [{"rawBytes": b64(der)}]},
            })
        };
        let logs = [
            log(
                "https://rekor.example",
                &self.log.spki(),
                &sha256(&self.log.spki()),
                spec.valid_log,
            ),
            log("https://log.example", &self.second_spki(), &self.second_id(), spec.valid_log),
        ];
        let ct = self.ct.spki();
        json!({
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": logs,
            "certificateAuthorities": [authority("https://ca.example", &ca, spec.valid_ca)],
            "ctlogs": [log("https://ct.example", &ct, &sha256(&ct), spec.valid_ct)],
            "timestampAuthorities": [authority("https://tsa.example", &ca, spec.valid_tsa)],
        })
    }

    pub(crate) fn certificate(&self, spec: &Spec, spki: &[u8]) -> Vec<u8> {
        let own = if spec.between { &self.between } else { &self.ca };
        let ca = self.by(spec, Forged::Leaf, own);
        if !spec.sct {
            return spec.leaf.signed(spki, None, ca);
        }
        let tbs = spec.leaf.tbs(spki, None);
        let mut message = vec![0, 0];
        let millis = (spec.sct_time * 1000).to_be_bytes();
        message.extend(millis);
        message.extend([0, 1]);
        message.extend(sha256(&own.spki()));
        message.extend(&(tbs.len() as u32).to_be_bytes()[1..]);
        message.extend(&tbs);
        message.extend([0, 0]);
        let signature = self.by(spec, Forged::Sct, &self.ct).sign(&message);
        let id = if spec.sct_log { sha256(&self.ct.spki()) } else { vec![5; 32] };
        let mut sct = vec![0];
        sct.extend(id);
        sct.extend(millis);
        sct.extend([0, 0, 4, 3]);
        sct.extend((signature.len() as u16).to_be_bytes());
        sct.extend(signature);
        let mut list = ((sct.len() + 2) as u16).to_be_bytes().to_vec();
        list.extend((sct.len() as u16).to_be_bytes());
        list.extend(sct);
        spec.leaf.signed(spki, Some(&list), ca)
    }

    /// The certificate between the authority and the leaf, for one key or another.
    pub(crate) fn between(&self, spec: &Spec, own: bool) -> Vec<u8> {
        let cert = Cert { subject: "between", serial: 5, ..spec.ca.clone() };
        let key = if own { &self.between } else { &self.other };
        cert.signed(&key.spki(), None, &self.ca)
    }

    /// A certificate of the timestamp authority, of its own key or another.
    pub(crate) fn stamper(&self, spec: &Spec, own: bool) -> Vec<u8> {
        let (key, cert) = match own {
            true => (self.tsa.spki(), spec.tsa.clone()),
            false => (self.other.spki(), Cert { serial: 33, ..spec.tsa.clone() }),
        };
        let mut made = self.made.lock().unwrap();
        let new = || cert.signed(&key, None, &self.ca);
        made.entry(cert.tbs(&key, None)).or_insert_with(new).clone()
    }

    pub(crate) fn stamp(&self, spec: &Spec, digest: &[u8]) -> Vec<u8> {
        let sha = seq(&[&oid(&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1])]);
        let imprint = seq(&[&sha, &el(4, &[digest])]);
        let policy = oid(&[0x2b, 6, 1]);
        let version = [spec.stamp_version];
        let info = seq(&[
            &el(2, &[&version]),
            &policy,
            &imprint,
            &el(2, &[&[1]]),
            &time(0x18, spec.stamp_time),
        ]);
        let leaf = match spec.forged {
            Forged::Tsa => spec.tsa.signed(&self.tsa.spki(), None, &self.other),
            _ => self.stamper(spec, true),
        };
        let pkcs9 =
            |last: &[u8]| oid(&[&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9][..], last].concat());
        let tst = pkcs9(&[0x10, 1, 4]);
        let attribute = |name: Vec<u8>, value: &[u8]| seq(&[&name, &el(0x31, &[value])]);
        let data = oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1]);
        let digest = if spec.stamp_digest { sha256(&info) } else { vec![0; 32] };
        let named = if spec.stamp_names { sha256(&leaf) } else { vec![0; 32] };
        let attributes = [
            attribute(pkcs9(&[3]), if spec.stamp_content { &tst } else { &data }),
            attribute(pkcs9(&[4]), &el(4, &[&digest])),
            attribute(pkcs9(&[0x10, 2, 0x2f]), &seq(&[&seq(&[&seq(&[&el(4, &[&named])])])])),
        ]
        .concat();
        let signature = self.by(spec, Forged::Stamp, &self.tsa).sign(&el(0x31, &[&attributes]));
        let signer = seq(&[
            &el(2, &[&[1]]),
            &seq(&[&name(spec.tsa.issuer), &el(2, &[&[spec.tsa.serial]])]),
            &sha,
            &el(0xa0, &[&attributes]),
            &seq(&[&oid(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2])]),
            &el(4, &[&signature]),
        ]);
        let content = seq(&[&tst, &el(0xa0, &[&el(4, &[&info])])]);
        let signed = seq(&[
            &el(2, &[&[3]]),
            &el(0x31, &[&sha]),
            &content,
            &el(0xa0, &[&leaf]),
            &el(0x31, &[&signer]),
        ]);
        let kind = oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2]);
        let status = seq(&[&el(2, &[&[spec.stamp_status]])]);
        seq(&[&status, &seq(&[&kind, &el(0xa0, &[&signed])])])
    }

    /// An entry of a log, as bundles have it.
    pub(crate) fn entry(&self, spec: &Spec, body: &Value) -> Value {
        let text = body.to_string();
        let leaf = |bytes: &[u8]| sha256(&[&[0], bytes].concat());
        let node = |a: &[u8], b: &[u8]| sha256(&[&[1], a, b].concat());
        let (first, own, last) = (leaf(b"first"), leaf(text.as_bytes()), leaf(b"last"));
        let root = node(&node(&first, &own), &last);
        let (host, id) = match spec.second {
            true => ("log.example", self.second_id()),
            false => ("rekor.example", sha256(&self.log.spki())),
        };
        let or = |text: &str, other: String| if text.is_empty() { other } else { text.to_owned() };
        let tree = if spec.second { host.to_owned() } else { format!("{host} - 42") };
        let said = if spec.checkpoint_root { b64(&root) } else { b64(&own) };
        let note = format!("{}\n{}\n{said}\n", or(&spec.origin, tree), spec.checkpoint_size);
        let signature = match spec.second {
            true if spec.forged == Forged::Checkpoint => {
                Ed25519KeyPair::generate().unwrap().sign(note.as_bytes()).as_ref().to_vec()
            }
            true => self.second.sign(note.as_bytes()).as_ref().to_vec(),
            false => self.by(spec, Forged::Checkpoint, &self.log).sign(note.as_bytes()),
        };
        let hint = if spec.hint { id[..4].to_vec() } else { vec![1, 2, 3, 4] };
        let line = b64(&[hint, signature].concat());
        let named = or(&spec.named, host.to_owned());
        let mut entry = json!({
            "logIndex": "1001",
            "logId": {"keyId": b64(&id)},
            "kindVersion": {"kind": body["kind"], "version": body["apiVersion"]},
            "inclusionProof": {
                "logIndex": "1", "rootHash": b64(&root), "treeSize": "3",
                "hashes": [b64(&first), b64(&last)],
                "checkpoint": {"envelope": format!("{note}\n\u{2014} {named} {line}\n")},
            },
            "canonicalizedBody": b64(text.as_bytes()),
        });
        if !spec.second {
            let promised = format!(
                r#"{{"body":"{}","integratedTime":{},"logID":"{}","logIndex":1001}}"#,
                b64(text.as_bytes()),
                spec.log_time,
                hex(&id)
            );
            let promise = self.by(spec, Forged::Promise, &self.log).sign(promised.as_bytes());
            entry["integratedTime"] = spec.log_time.to_string().into();
            entry["inclusionPromise"] = json!({"signedEntryTimestamp": b64(&promise)});
        }
        entry
    }

    pub(crate) fn bundle(&self, spec: &Spec) -> Value {
        let certificate = self.certificate(spec, &self.signer.spki());
        let statement = json!({
            "_type": spec.statement_type,
            "subject": [{"name": "app", "digest": {"sha256": spec.subject}}],
            "predicateType": spec.predicate_type,
            "predicate": {"a": 1},
        });
        let payload = statement.to_string();
        let message = match spec.statement {
            true => format!("DSSEv1 {} {} {} {payload}", spec.kind.len(), spec.kind, payload.len())
                .into_bytes(),
            false => ARTIFACT.to_vec(),
        };
        let signature = self.by(spec, Forged::Signature, &self.signer).sign(&message);
        let label = if spec.key { "PUBLIC KEY" } else { "CERTIFICATE" };
        let der = if spec.key { self.signer.spki() } else { certificate.clone() };
        let pem = format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", b64(&der));
        let raw = json!({"rawBytes": b64(&der)});
        let verifier = match spec.key {
            true => json!({"keyDetails": "x", "publicKey": raw}),
            false => json!({"keyDetails": "x", "x509Certificate": raw}),
        };
        let mut body = match (spec.second, spec.statement) {
            (true, _) => json!({
                "apiVersion": "0.0.2", "kind": "hashedrekord",
                "spec": {"hashedRekordV002": {
                    "data": {"algorithm": "SHA2_256", "digest": b64(&sha256(&message))},
                    "signature": {"content": b64(&signature), "verifier": verifier},
                }},
            }),
            (false, true) => json!({
                "apiVersion": "0.0.1", "kind": "dsse",
                "spec": {
                    "envelopeHash": {"algorithm": "sha256", "value": "00"},
                    "payloadHash": {
                        "algorithm": "sha256", "value": hex(&sha256(payload.as_bytes())),
                    },
                    "signatures": [
                        {"signature": b64(&signature), "verifier": b64(pem.as_bytes())},
                    ],
                },
            }),
            (false, false) => json!({
                "apiVersion": "0.0.1", "kind": "hashedrekord",
                "spec": {
                    "data": {"hash": {"algorithm": "sha256", "value": hex(&sha256(&message))}},
                    "signature": {
                        "content": b64(&signature),
                        "publicKey": {"content": b64(pem.as_bytes())},
                    },
                },
            }),
        };
        (spec.entry)(&mut body);
        let mut material = match spec.key {
            true => json!({"publicKey": {"hint": b64(&sha256(&self.signer.spki()))}}),
            false => json!({"certificate": {"rawBytes": b64(&certificate)}}),
        };
        material["tlogEntries"] =
            if spec.log { json!([self.entry(spec, &body)]) } else { json!([]) };
        if spec.stamp {
            let over = spec.stamp_over.as_ref().unwrap_or(&signature);
            let token = self.stamp(spec, &sha256(over));
            material["timestampVerificationData"] =
                json!({"rfc3161Timestamps": [{"signedTimestamp": b64(&token)}]});
        }
        let mut bundle = json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": material,
        });
        if spec.statement {
            bundle["dsseEnvelope"] = json!({
                "payload": b64(payload.as_bytes()), "payloadType": spec.kind,
                "signatures": [{"sig": b64(&signature)}],
            });
        } else {
            bundle["messageSignature"] = json!({
                "messageDigest": {"algorithm": "SHA2_256", "digest": b64(&sha256(ARTIFACT))},
                "signature": b64(&signature),
            });
        }
        bundle
    }

    /// An image's signature as cosign wrote it before version 3: what is signed, and its annotations.
    pub(crate) fn legacy(&self, spec: &Spec, payload: &[u8]) -> BTreeMap<String, String> {
        let certificate = self.certificate(spec, &self.signer.spki());
        let signature = self.by(spec, Forged::Signature, &self.signer).sign(payload);
        let mut annotations = BTreeMap::new();
        annotations.insert("dev.cosignproject.cosign/signature".to_owned(), b64(&signature));
        let label = if spec.key { "PUBLIC KEY" } else { "CERTIFICATE" };
        let der = if spec.key { self.signer.spki() } else { certificate };
        let pem = format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", b64(&der));
        if !spec.key {
            annotations.insert("dev.sigstore.cosign/certificate".to_owned(), pem.clone());
        }
        if spec.log {
            let body = json!({
                "apiVersion": "0.0.1", "kind": "hashedrekord",
                "spec": {
                    "data": {"hash": {"algorithm": "sha256", "value": hex(&sha256(payload))}},
                    "signature": {
                        "content": b64(&signature),
                        "publicKey": {"content": b64(pem.as_bytes())},
                    },
                },
            });
            let entry = self.entry(spec, &body);
            let bundle = json!({
                "SignedEntryTimestamp": entry["inclusionPromise"]["signedEntryTimestamp"],
                "Payload": {
                    "body": entry["canonicalizedBody"],
                    "integratedTime": spec.log_time,
                    "logIndex": 1001,
                    "logID": hex(&sha256(&self.log.spki())),
                },
            });
            annotations.insert("dev.sigstore.cosign/bundle".to_owned(), bundle.to_string());
        }
        if spec.stamp {
            let token = self.stamp(spec, &sha256(&signature));
            let text = json!({"SignedRFC3161Timestamp": b64(&token)}).to_string();
            annotations.insert("dev.sigstore.cosign/rfc3161timestamp".to_owned(), text);
        }
        annotations
    }
}
