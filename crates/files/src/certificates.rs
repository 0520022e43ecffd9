//! Certificates in files, and who issued those that changed.

use std::collections::HashMap;
use std::path::Path;

use memchr::memmem;
use pavisade_integrity::{Certificate, Change, Entry};
use pavisade_signing::{Issued, SecretKey};
use rustix::fs::OFlags;
use x509_cert::der::Decode as _;
use x509_cert::name::Name;

use crate::hash::{CHUNK, Hasher, hash_file};
use crate::resolve;

const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// Returns the first certificate in the content of a file.
pub(crate) fn first(content: &[u8]) -> Option<Box<Certificate>> {
    memmem::find(content, BEGIN)?;
    let text = String::from_utf8_lossy(content);
    let first = Issued::all(&text).into_iter().next()?;
    let name = |der: &[u8]| Name::from_der(der).map(|name| name.to_string()).ok();
    let (not_before, not_after) = first.validity();
    Some(Box::new(Certificate {
        subject: name(first.subject())?,
        issuer: name(first.issuer())?,
        not_before,
        not_after,
    }))
}

/// What proves that changed certificates and keys are expected.
#[derive(Debug, Default)]
pub struct Proofs {
    /// Changed files, and the unchanged file with the certificate that issued theirs.
    pub issued: HashMap<Box<[u8]>, Box<[u8]>>,
    /// Changed files with a private key, and the changed file with its certificate.
    pub keys: HashMap<Box<[u8]>, Box<[u8]>>,
}

/// Verifies the certificates in changed files with those in unchanged files.
pub fn proofs(root: &Path, changes: &[Change], is: &[Entry], was: &[Entry]) -> Proofs {
    let mut proofs = Proofs::default();
    let changed: Vec<&Entry> = changes.iter().filter_map(|change| change.is.as_ref()).collect();
    let new: Vec<_> = changed
        .iter()
        .filter(|entry| entry.certificate.is_some())
        .filter_map(|entry| Some((*entry, Issued::all(&content(root, entry)?).into_iter().next()?)))
        .collect();
    if new.is_empty() {
        return proofs;
    }
    let unchanged = is.iter().filter(|entry| {
        entry.certificate.is_some()
            && was
                .binary_search_by(|other| other.path.cmp(&entry.path))
                .is_ok_and(|at| was[at].content == entry.content)
    });
    let authorities: Vec<_> =
        unchanged.filter_map(|entry| Some((entry, Issued::all(&content(root, entry)?)))).collect();
    for (entry, certificate) in &new {
        let by =
            authorities.iter().find(|(_, all)| all.iter().any(|one| certificate.is_issued_by(one)));
        if let Some((by, _)) = by {
            proofs.issued.insert(entry.path.clone(), by.path.clone());
        }
    }
    for entry in
        changed.iter().filter(|entry| entry.certificate.is_none() && entry.size < CHUNK as u64)
    {
        let Some(text) = content(root, entry).filter(|text| text.contains("PRIVATE KEY-----"))
        else {
            continue;
        };
        let Ok(key) = SecretKey::from_pem(&text, || None) else { continue };
        let of = new.iter().find(|(_, certificate)| certificate.spki() == key.public().spki());
        if let Some((certificate, _)) = of {
            proofs.keys.insert(entry.path.clone(), certificate.path.clone());
        }
    }
    proofs
}

/// Returns the content of a small file if it is still that of its entry.
fn content(root: &Path, entry: &Entry) -> Option<String> {
    let digest = entry.digest()?;
    let root =
        rustix::fs::open(root, OFlags::PATH | OFlags::DIRECTORY, rustix::fs::Mode::empty()).ok()?;
    let file = resolve::open(
        std::os::fd::AsFd::as_fd(&root),
        &entry.path,
        OFlags::RDONLY | OFlags::NONBLOCK,
    )
    .ok()?;
    let mut buffer = vec![0; CHUNK];
    let mut hashers = [Hasher::new(digest.algorithm)];
    let length = hash_file(&file, &mut hashers, &mut buffer, None).ok()?;
    let [hasher] = hashers;
    (hasher.finish()? == digest).then_some(())?;
    buffer.truncate(usize::try_from(length).ok().filter(|length| *length <= CHUNK)?);
    String::from_utf8(buffer).ok()
}
