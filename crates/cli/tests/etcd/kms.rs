//! A KMS plugin of version 2 for tests: gRPC over a Unix socket, and AES-256-GCM.
//!
//! The messages are those of `k8s.io/kms/apis/v2`. A ciphertext is a nonce and the result of AES, and the
//! key id names the key, so [`Plugin::decrypt`] can read everything that the plugin wrote.

use std::path::Path;
use std::sync::{Arc, Mutex};

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use http::{HeaderMap, Request, Response};
use tokio::net::UnixListener;

/// A key and its id.
type Key = (String, [u8; 32]);

/// The keys; the last one encrypts.
#[derive(Clone, Default)]
pub(crate) struct Plugin(Arc<Mutex<Vec<Key>>>);

impl Plugin {
    /// Serves the plugin until the test ends.
    pub(crate) fn serve(&self, socket: &Path) {
        let (plugin, socket) = (self.clone(), socket.to_owned());
        let (ready, waiting) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.unwrap();
            runtime.block_on(async {
                let listener = UnixListener::bind(&socket).unwrap();
                ready.send(()).unwrap();
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(connection(stream, plugin.clone()));
                }
            });
        });
        waiting.recv().unwrap();
    }

    /// Adds a key, with which all further values are encrypted.
    pub(crate) fn rotate(&self, id: &str) {
        let mut key = [0; 32];
        aws_lc_rs::rand::fill(&mut key).unwrap();
        self.0.lock().unwrap().push((id.to_owned(), key));
    }

    /// Decrypts what the plugin encrypted with a key.
    pub(crate) fn decrypt(&self, id: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let keys = self.0.lock().unwrap();
        let (_, key) = keys.iter().find(|(known, _)| known == id)?;
        open(key, &[], sealed)
    }

    fn encrypt(&self, plain: &[u8]) -> (String, Vec<u8>) {
        let keys = self.0.lock().unwrap();
        let (id, key) = keys.last().unwrap();
        let key = RandomizedNonceKey::new(&AES_256_GCM, key).unwrap();
        let mut sealed = plain.to_vec();
        let nonce = key.seal_in_place_append_tag(Aad::empty(), &mut sealed).unwrap();
        (id.clone(), [&nonce.as_ref()[..], &sealed].concat())
    }

    /// Answers a request of a method.
    fn answer(&self, method: &str, request: &[u8]) -> Option<Vec<u8>> {
        let id = || self.0.lock().unwrap().last().unwrap().0.clone();
        Some(match method {
            "/v2.KeyManagementService/Status" => {
                [field(1, b"v2"), field(2, b"ok"), field(3, id().as_bytes())].concat()
            }
            "/v2.KeyManagementService/Encrypt" => {
                let (id, sealed) = self.encrypt(&bytes(request, 1));
                [field(1, &sealed), field(2, id.as_bytes())].concat()
            }
            "/v2.KeyManagementService/Decrypt" => {
                let id = String::from_utf8(bytes(request, 3)).ok()?;
                field(1, &self.decrypt(&id, &bytes(request, 1))?)
            }
            _ => return None,
        })
    }
}

/// Opens AES-256-GCM: a nonce, the ciphertext and the tag.
pub(crate) fn open(key: &[u8], context: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN)?;
    let key = RandomizedNonceKey::new(&AES_256_GCM, key).ok()?;
    let mut plain = sealed.to_vec();
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let length = key.open_in_place(nonce, Aad::from(context), &mut plain).ok()?.len();
    plain.truncate(length);
    Some(plain)
}

async fn connection(stream: tokio::net::UnixStream, plugin: Plugin) {
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    while let Some(Ok((request, respond))) = connection.accept().await {
        tokio::spawn(call(request, respond, plugin.clone()));
    }
}

async fn call(
    request: Request<h2::RecvStream>,
    mut respond: h2::server::SendResponse<hyper::body::Bytes>,
    plugin: Plugin,
) {
    let (head, mut body) = request.into_parts();
    let mut message = Vec::new();
    while let Some(Ok(part)) = body.data().await {
        let _ = body.flow_control().release_capacity(part.len());
        message.extend(part);
    }
    // A byte for compression and four for the length.
    let answer = plugin.answer(head.uri.path(), message.get(5..).unwrap_or_default());
    let response = Response::builder().header("content-type", "application/grpc").body(()).unwrap();
    let Ok(mut out) = respond.send_response(response, false) else { return };
    let mut trailers = HeaderMap::new();
    let status = if answer.is_some() { "0" } else { "13" };
    trailers.insert("grpc-status", status.parse().unwrap());
    if let Some(answer) = answer {
        let length = u32::try_from(answer.len()).unwrap().to_be_bytes();
        let _ = out.send_data([&[0], &length[..], &answer].concat().into(), false);
    }
    let _ = out.send_trailers(trailers);
}

/// Writes a field of bytes.
fn field(number: u8, value: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    let mut length = value.len();
    while length >= 0x80 {
        out.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend(value);
    out
}

/// Returns the last field of bytes with a number; empty if there is none.
pub(crate) fn bytes(message: &[u8], wanted: u64) -> Vec<u8> {
    fn number(rest: &mut &[u8]) -> u64 {
        let (mut value, mut shift) = (0, 0);
        while let Some((first, after)) = rest.split_first() {
            *rest = after;
            value |= u64::from(first & 0x7f) << shift;
            shift += 7;
            if first & 0x80 == 0 {
                break;
            }
        }
        value
    }
    let (mut rest, mut found) = (message, Vec::new());
    while !rest.is_empty() {
        let tag = number(&mut rest);
        let length = number(&mut rest) as usize;
        if tag & 7 == 2 {
            let (value, after) = rest.split_at(length);
            rest = after;
            if tag >> 3 == wanted {
                found = value.to_vec();
            }
        } else if tag >> 3 == wanted {
            found = vec![length as u8];
        }
    }
    found
}
