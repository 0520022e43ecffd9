//! What etcd stores, by decrypting it: values are read through etcd's own API, and opened with the keys
//! of the test, as `k8s.io/apiserver/pkg/storage/value/encrypt` does. Nothing of `storage` is used.

use std::collections::BTreeMap;
use std::path::Path;

use aws_lc_rs::cipher::{AES_256, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use poly1305::Poly1305;
use poly1305::universal_hash::KeyInit as _;
use salsa20::XSalsa20;
use salsa20::cipher::{KeyIvInit as _, StreamCipher as _};
use serde_json::{Value, json};

use super::kms::{self, Plugin};

/// A client of etcd.
pub(crate) struct Etcd {
    client: reqwest::blocking::Client,
    url: String,
}

impl Etcd {
    /// Connects with the certificates of the API server in a folder.
    pub(crate) fn new(url: &str, pki: &Path) -> Self {
        let read = |name: &str| std::fs::read(pki.join(name)).unwrap();
        let mut identity = read("apiserver-etcd-client.crt");
        identity.extend(read("apiserver-etcd-client.key"));
        let client = reqwest::blocking::Client::builder()
            .no_proxy()
            .tls_certs_only(reqwest::Certificate::from_pem_bundle(&read("etcd-ca.crt")).unwrap())
            .identity(reqwest::Identity::from_pem(&identity).unwrap())
            .build()
            .unwrap();
        Self { client, url: url.to_owned() }
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let answer = self.client.post(format!("{}{path}", self.url)).body(body.to_string());
        let text = answer.send().unwrap().error_for_status().unwrap().text().unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// All Secrets: key and value.
    fn secrets(&self) -> Vec<(String, Vec<u8>)> {
        let (from, to) =
            (STANDARD.encode("/registry/secrets/"), STANDARD.encode("/registry/secrets0"));
        let all = self.post("/v3/kv/range", &json!({ "key": from, "range_end": to }));
        let bytes =
            |item: &Value, name: &str| STANDARD.decode(item[name].as_str().unwrap()).unwrap();
        let items = all["kvs"].as_array().unwrap().iter();
        items
            .map(|item| (String::from_utf8(bytes(item, "key")).unwrap(), bytes(item, "value")))
            .collect()
    }
}

/// The keys of the test.
pub(crate) struct Keys<'a> {
    pub(crate) aescbc: &'a [u8; 32],
    pub(crate) secretbox: &'a [u8; 32],
    pub(crate) kms: &'a Plugin,
}

/// Returns how many Secrets were decrypted with each key, by the form that a result shows.
pub(crate) fn decrypted(etcd: &Etcd, keys: &Keys<'_>) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for (key, value) in etcd.secrets() {
        let (form, plain) = opened(&key, &value, keys);
        // Kubernetes' protobuf of a Secret.
        let is_secret =
            plain.starts_with(b"k8s\0") && plain.windows(6).any(|part| part == b"Secret");
        assert!(is_secret, "{key} ({form}) does not decrypt to a Secret");
        *counts.entry(form).or_default() += 1;
    }
    counts
}

fn opened(key: &str, value: &[u8], keys: &Keys<'_>) -> (String, Vec<u8>) {
    if let Some(sealed) = value.strip_prefix(b"k8s:enc:aescbc:v1:key1:") {
        return ("aescbc key1".to_owned(), cbc(keys.aescbc, sealed));
    }
    if let Some(sealed) = value.strip_prefix(b"k8s:enc:secretbox:v1:key2:") {
        return ("secretbox key2".to_owned(), secretbox(keys.secretbox, sealed));
    }
    if let Some(message) = value.strip_prefix(b"k8s:enc:kms:v2:tests:") {
        let id = String::from_utf8(kms::bytes(message, 2)).unwrap();
        let seed = keys.kms.decrypt(&id, &kms::bytes(message, 3)).unwrap();
        assert_eq!(kms::bytes(message, 5), [1], "the source of keys is HKDF with extended nonces");
        let data = kms::bytes(message, 1);
        let (info, sealed) = data.split_at(32);
        let okm = [info];
        let mut derived = [0; 32];
        let prk = Prk::new_less_safe(HKDF_SHA256, &seed);
        prk.expand(&okm, HKDF_SHA256).unwrap().fill(&mut derived).unwrap();
        let plain = kms::open(&derived, key.as_bytes(), sealed);
        return (format!("kms v2 tests, key id {id}"), plain.unwrap());
    }
    ("plain text (protobuf)".to_owned(), value.to_vec())
}

fn cbc(key: &[u8; 32], sealed: &[u8]) -> Vec<u8> {
    let (iv, sealed) = sealed.split_at(16);
    let key = UnboundCipherKey::new(&AES_256, key).unwrap();
    let iv: [u8; 16] = iv.try_into().unwrap();
    let mut plain = sealed.to_vec();
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(key).unwrap();
    key.decrypt(&mut plain, DecryptionContext::Iv128(iv.into())).unwrap().to_vec()
}

fn secretbox(key: &[u8; 32], sealed: &[u8]) -> Vec<u8> {
    let (nonce, sealed) = sealed.split_at(24);
    let (tag, sealed) = sealed.split_at(16);
    let nonce: [u8; 24] = nonce.try_into().unwrap();
    // The first 32 bytes of the stream are the key of the authenticator.
    let mut bytes = [&[0; 32], sealed].concat();
    XSalsa20::new(key.into(), (&nonce).into()).apply_keystream(&mut bytes);
    let (one_time, plain) = bytes.split_at(32);
    let one_time: &[u8; 32] = one_time.try_into().unwrap();
    assert_eq!(Poly1305::new(one_time.into()).compute_unpadded(sealed).as_slice(), tag);
    plain.to_vec()
}
