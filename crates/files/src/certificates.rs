//! Certificates in files, and who issued those that changed.

use std::collections::{HashMap, HashSet};
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem;
use pavisade_integrity::{Certificate, Change, ChangeKind, Digest, Entry, Kind};
use pavisade_signing::{Issued, SecretKey};
use rustix::fs::OFlags;
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::BasicConstraints;
use x509_cert::name::Name;

use crate::hash::{CHUNK, Hasher, hash_file};
use crate::resolve;

const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
const CERTIFICATE: &str = "CERTIFICATE";
const PRIVATE_KEY: &str = "PRIVATE KEY";
/// The most PEM blocks that are read from one file.
const MAX_BLOCKS: usize = 512;

/// A PEM block.
struct Block<'a> {
    label: &'a str,
    text: &'a str,
    der: Vec<u8>,
}

/// Reads the PEM block at the start of a text.
fn block(text: &str) -> Option<Block<'_>> {
    let (label, after) = text.strip_prefix("-----BEGIN ")?.split_once("-----")?;
    let is_plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == ' ';
    if !label.chars().all(is_plain) {
        return None;
    }
    let end = format!("-----END {label}-----");
    let at = after.find(&end)?;
    let body = after.get(..at)?.chars().filter(|c| !c.is_ascii_whitespace());
    let der = STANDARD.decode(body.collect::<String>()).ok()?;
    let text = text.get(..text.len() - after.len() + at + end.len())?;
    Some(Block { label, text, der })
}

/// Returns the blocks of a text that contains nothing else but white space.
fn only_blocks(text: &str) -> Option<Vec<Block<'_>>> {
    let (mut all, mut rest) = (Vec::new(), text.trim_ascii());
    while !rest.is_empty() {
        let block = block(rest).filter(|_| all.len() < MAX_BLOCKS)?;
        rest = rest.get(block.text.len()..)?.trim_ascii_start();
        all.push(block);
    }
    Some(all)
}

/// Returns the certificates anywhere in a text.
fn certificates(text: &str) -> impl Iterator<Item = (Issued, Block<'_>)> {
    let starts = memmem::find_iter(text.as_bytes(), BEGIN).take(MAX_BLOCKS);
    starts.filter_map(|at| {
        let block = block(text.get(at..)?)?;
        Some((Issued::read(&block.der)?, block))
    })
}

/// Returns the first certificate in the content of a file.
pub(crate) fn first(content: &[u8]) -> Option<Box<Certificate>> {
    memmem::find(content, BEGIN)?;
    let text = String::from_utf8_lossy(content);
    let (first, block) = certificates(&text).next()?;
    let name = |der: &[u8]| Name::from_der(der).map(|name| name.to_string()).ok();
    let (not_before, not_after) = first.validity();
    Some(Box::new(Certificate {
        subject: name(first.subject())?,
        issuer: name(first.issuer())?,
        not_before,
        not_after,
        profile: profile(&block.der).map_or_else(String::new, |digest| digest.to_string()),
    }))
}

/// Returns a digest of what a certificate allows: all extensions but those that a renewal changes.
fn profile(der: &[u8]) -> Option<Digest> {
    // The identifier of the key, and the timestamps of logs.
    const CHANGING: [&str; 2] = ["2.5.29.14", "1.3.6.1.4.1.11129.2.4.2"];
    let certificate = x509_cert::Certificate::from_der(der).ok()?;
    let mut all: Vec<_> = certificate
        .tbs_certificate()
        .extensions()
        .into_iter()
        .flatten()
        .map(|one| (one.extn_id.to_string(), one.critical, one.extn_value.as_bytes()))
        .filter(|(id, ..)| !CHANGING.contains(&id.as_str()))
        .collect();
    all.sort();
    let mut bytes = Vec::new();
    for (id, critical, value) in all {
        bytes.extend_from_slice(format!("{id} {critical} {}\n", value.len()).as_bytes());
        bytes.extend_from_slice(value);
    }
    Some(Digest::sha256(&bytes))
}

/// Returns whether a certificate cannot issue others.
fn is_leaf(der: &[u8]) -> bool {
    let Ok(certificate) = x509_cert::Certificate::from_der(der) else { return false };
    let extensions = certificate.tbs_certificate().extensions();
    extensions.into_iter().flatten().all(|one| {
        one.extn_id.to_string() != "2.5.29.19"
            || BasicConstraints::from_der(one.extn_value.as_bytes()).is_ok_and(|found| !found.ca)
    })
}

/// What proves that changed certificates and keys are expected.
#[derive(Debug, Default)]
pub struct Proofs {
    /// Changed files, and the unchanged file with the certificate that issued theirs.
    pub issued: HashMap<Box<[u8]>, Box<[u8]>>,
    /// Changed files with a private key, and the changed file with its certificate.
    pub keys: HashMap<Box<[u8]>, Box<[u8]>>,
    /// Those of the issuers whose private key seems to be on this node.
    pub local: HashSet<Box<[u8]>>,
}

/// Verifies the certificates in changed files with those in unchanged files.
///
/// A changed file must consist of PEM blocks: a leaf, certificates that unchanged files contain byte by
/// byte, and at most the key of the leaf.
pub fn proofs(root: &Path, changes: &[Change], is: &[Entry], was: &[Entry]) -> Proofs {
    let mut proofs = Proofs::default();
    let changed: Vec<&Entry> = changes
        .iter()
        .filter(|change| change.kind == ChangeKind::Changed)
        .filter(|change| change.was.as_ref().is_some_and(|was| was.kind == Kind::File))
        .filter_map(|change| change.is.as_ref().filter(|is| is.kind == Kind::File))
        .collect();
    if changed.iter().all(|entry| entry.certificate.is_none()) {
        return proofs;
    }
    let unchanged = is.iter().filter(|entry| {
        entry.certificate.is_some()
            && was
                .binary_search_by(|other| other.path.cmp(&entry.path))
                .is_ok_and(|at| was[at].content == entry.content)
    });
    let (mut authorities, mut known) = (Vec::new(), HashSet::new());
    for entry in unchanged {
        let Some(text) = content(root, entry) else { continue };
        for (certificate, block) in certificates(&text) {
            authorities.push((entry, certificate));
            known.insert(block.der);
        }
    }
    let (mut new, mut issuers) = (Vec::new(), Vec::new());
    for entry in changed.iter().filter(|entry| entry.certificate.is_some()) {
        let Some(leaf) = content(root, entry).and_then(|text| leaf(&text, &known)) else {
            continue;
        };
        if let Some((by, issuer)) = authorities.iter().find(|(_, one)| leaf.is_issued_by(one)) {
            proofs.issued.insert(entry.path.clone(), by.path.clone());
            issuers.push((*by, issuer));
            new.push((*entry, leaf));
        }
    }
    for entry in changed.iter().filter(|entry| entry.certificate.is_none()) {
        let Some(key) = content(root, entry).and_then(|text| {
            let all = only_blocks(&text).filter(|all| all.len() == 1)?;
            private(all.first()?)
        }) else {
            continue;
        };
        let of = new.iter().find(|(_, certificate)| certificate.spki() == key.public().spki());
        if let Some((certificate, _)) = of {
            proofs.keys.insert(entry.path.clone(), certificate.path.clone());
        }
    }
    proofs.local = local(root, is, &issuers);
    proofs
}

/// Returns the first certificate of a renewed file if nothing else in it is new.
fn leaf(text: &str, known: &HashSet<Vec<u8>>) -> Option<Issued> {
    let (mut leaf, mut key): (Option<Issued>, Option<SecretKey>) = (None, None);
    for block in only_blocks(text)? {
        match block.label {
            CERTIFICATE if leaf.is_none() => {
                leaf = Some(Issued::read(&block.der).filter(|_| is_leaf(&block.der))?);
            }
            CERTIFICATE if known.contains(&block.der) => {}
            _ if key.is_none() => key = Some(private(&block)?),
            _ => return None,
        }
    }
    let leaf = leaf?;
    key.is_none_or(|key| key.public().spki() == leaf.spki()).then_some(leaf)
}

fn private(block: &Block<'_>) -> Option<SecretKey> {
    let is_key = block.label.ends_with(PRIVATE_KEY);
    is_key.then(|| SecretKey::from_pem(block.text, || None).ok())?
}

/// Returns the files of the issuers whose private key is on the node, or may be: beside them, or in
/// another file that is named like one. Anyone who has that key can renew any certificate.
fn local(root: &Path, is: &[Entry], issuers: &[(&Entry, &Issued)]) -> HashSet<Box<[u8]>> {
    let folder = |path: &[u8]| -> Vec<u8> {
        let at = path.iter().rposition(|byte| *byte == b'/').unwrap_or_default();
        path.get(..at).unwrap_or_default().to_vec()
    };
    let is_named_key = |path: &[u8]| path.ends_with(b".key") || path.ends_with(b"-key.pem");
    let (top, mut found) = (self::folder(root), HashSet::new());
    for (by, _) in issuers {
        // The key may be outside of what the baseline covers.
        let at = by.path.iter().rposition(|byte| *byte == b'.').unwrap_or(by.path.len());
        let stem = by.path.get(..at).unwrap_or_default();
        let exists = |end: &[u8]| {
            let path = [stem, end].concat();
            top.as_ref().is_some_and(|top| resolve::open(top.as_fd(), &path, OFlags::PATH).is_ok())
        };
        if exists(b".key") || exists(b"-key.pem") {
            found.insert(by.path.clone());
        }
    }
    let folders: HashSet<_> = issuers.iter().map(|(by, _)| folder(&by.path)).collect();
    if issuers.is_empty() {
        return found;
    }
    for entry in is.iter().filter(|entry| entry.kind == Kind::File) {
        let (here, is_named) = (folder(&entry.path), is_named_key(&entry.path));
        if !is_named && !entry.path.ends_with(b".pem") && !folders.contains(&here) {
            continue;
        }
        let text = content(root, entry);
        let key = match &text {
            Some(text) if !text.contains("PRIVATE KEY-----") => continue,
            Some(text) => SecretKey::from_pem(text, || None).ok(),
            None if is_named => None,
            None => continue,
        };
        for (by, issuer) in issuers {
            let is_its = match &key {
                Some(key) => key.public().spki() == issuer.spki(),
                // It is encrypted, or cannot be read.
                None => folder(&by.path) == here,
            };
            if is_its {
                found.insert(by.path.clone());
            }
        }
    }
    found
}

fn folder(root: &Path) -> Option<OwnedFd> {
    rustix::fs::open(root, OFlags::PATH | OFlags::DIRECTORY, rustix::fs::Mode::empty()).ok()
}

/// Returns the content of a small file if it is still that of its entry.
fn content(root: &Path, entry: &Entry) -> Option<String> {
    let digest = entry.digest()?;
    if entry.size > CHUNK as u64 {
        return None;
    }
    let (file, size) = resolve::open_file(folder(root)?.as_fd(), &entry.path).ok()?;
    if size != entry.size {
        return None;
    }
    let mut buffer = vec![0; CHUNK];
    let mut hashers = [Hasher::new(digest.algorithm)];
    let length = hash_file(&file, size, &mut hashers, &mut buffer, None).ok()?;
    let [hasher] = hashers;
    (hasher.finish()? == digest).then_some(())?;
    buffer.truncate(usize::try_from(length).ok().filter(|length| *length <= CHUNK)?);
    String::from_utf8(buffer).ok()
}
