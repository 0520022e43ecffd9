//! Writing and signing versions.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pavisade_signing::{SecretError, SecretKey};
use serde::Serialize;

use super::lines::{EndLine, EntryLine, HeaderLine};
use super::read::{message, newest};
use super::{Baseline, Header, Node, Refused, Scope};
use crate::{Algorithm, Digest, Entry};

/// What a version will contain.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The node.
    pub node: Node,
    /// The time, as RFC 3339.
    pub made: String,
    /// The hash of contents.
    pub algorithm: Algorithm,
    /// What is covered.
    pub scope: Scope,
    /// All entries, sorted by path.
    pub entries: Vec<Entry>,
}

impl Draft {
    /// Returns the bytes of a new baseline without a signature.
    pub fn first(&self) -> Vec<u8> {
        let mut out = Vec::new();
        line(&mut out, &HeaderLine::of(&self.header(1), None));
        for entry in &self.entries {
            line(&mut out, &EntryLine::of(entry));
        }
        end(out)
    }

    /// Returns the bytes to append to a baseline, without a signature; `None` if nothing changed.
    pub fn next(&self, before: &Baseline) -> Option<Vec<u8>> {
        let newest = before.newest();
        let version = newest.header.version.checked_add(1)?;
        let header = self.header(version);
        let mut out = Vec::new();
        line(&mut out, &HeaderLine::of(&header, Some(before.whole)));
        let empty = out.len();
        // Digests of another hash cannot be compared, so a reader forgets all earlier entries.
        let same_hash = newest.header.algorithm == self.algorithm;
        let old = if same_hash { before.entries.as_slice() } else { &[] };
        let (mut old, mut new) = (old.iter().peekable(), self.entries.iter().peekable());
        loop {
            match (old.peek(), new.peek()) {
                (None, None) => break,
                (Some(gone), None) => {
                    line(&mut out, &EntryLine::gone(&gone.path));
                    old.next();
                }
                (Some(gone), Some(there)) if gone.path < there.path => {
                    line(&mut out, &EntryLine::gone(&gone.path));
                    old.next();
                }
                (Some(was), Some(is)) if was.path == is.path => {
                    if was != is {
                        line(&mut out, &EntryLine::of(is));
                    }
                    old.next();
                    new.next();
                }
                (_, Some(added)) => {
                    line(&mut out, &EntryLine::of(added));
                    new.next();
                }
            }
        }
        let same = out.len() == empty
            && Header { version, made: self.made.clone(), ..newest.header.clone() } == header;
        (!same).then(|| end(out))
    }

    fn header(&self, version: u32) -> Header {
        Header {
            version,
            node: self.node.clone(),
            made: self.made.clone(),
            algorithm: self.algorithm,
            scope: self.scope.clone(),
        }
    }
}

fn line(out: &mut Vec<u8>, value: &impl Serialize) {
    // Neither writing to memory nor these types can fail.
    let _ = serde_json::to_writer(&mut *out, value);
    out.push(b'\n');
}

/// Adds an end without a signature.
fn end(mut body: Vec<u8>) -> Vec<u8> {
    let end = Digest::sha256(&body).to_string();
    line(&mut body, &EndLine { end, key: None, signature: None });
    body
}

/// Signs the newest version of a baseline in place of an earlier signature.
///
/// # Errors
/// The bytes are not a baseline, or the key cannot sign.
pub fn sign(bytes: &[u8], key: &SecretKey) -> Result<Result<Vec<u8>, SecretError>, Refused> {
    let (body, digest) = newest(bytes)?;
    let signature = match key.sign(&message(&digest)) {
        Ok(signature) => signature,
        Err(error) => return Ok(Err(error)),
    };
    let mut out = bytes.get(..body).unwrap_or_default().to_vec();
    let key = Some(key.public().fingerprint());
    let signature = Some(STANDARD.encode(signature));
    line(&mut out, &EndLine { end: digest.to_string(), key, signature });
    Ok(Ok(out))
}
