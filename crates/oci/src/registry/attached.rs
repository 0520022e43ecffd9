//! Finds the signatures and attestations of an image wherever tools store them.
//!
//! Four places are queried and the results combined: the referrers API, its fallback tag
//! (`sha256-<digest>`; OCI distribution specification 1.1), and cosign's tags `.sig` and `.att`.
//! Because some registries return wrong or no types and annotations in lists, every manifest is
//! read and selected by the media types of its layers. Contents are not verified here, and the
//! location of a signature proves nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

use serde::Deserialize;

use super::{Cause, Repository, failed, http};
use crate::digest::Checked;
use crate::document::{Document, parse};
use crate::manifest::{Descriptor, Form, Index};
use crate::{Digest, Refusal};

/// The largest list, manifest and attachment in bytes.
const MAX_LIST: u64 = 8 << 20;
const MAX_MANIFEST: u64 = 4 << 20;
const MAX_BYTES: u64 = 32 << 20;
/// The largest number of pages of the referrers API, of manifests read, and of attachments.
const MAX_PAGES: usize = 16;
const MAX_MANIFESTS: usize = 256;
const MAX_ATTACHED: usize = 512;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Something attached to an image.
#[derive(Debug, Clone)]
pub struct Attached {
    /// The media type of the layer.
    pub media_type: String,
    /// The content.
    pub bytes: Vec<u8>,
    /// The annotations of the layer.
    pub annotations: BTreeMap<String, String>,
    /// The digest of the manifest that contains it.
    pub manifest: Digest,
    /// Where the manifest was found, for display.
    pub place: String,
}

#[derive(Deserialize)]
struct List {
    #[serde(default)]
    manifests: Option<Vec<Descriptor>>,
}

impl Document for List {
    const FIELDS: &'static [&'static str] = Index::FIELDS;
}

/// Returns whether a layer of this media type may hold a signature.
pub(crate) fn is_signature(media_type: &str) -> bool {
    media_type.starts_with("application/vnd.dev.sigstore.bundle")
        || media_type == "application/vnd.dev.cosign.simplesigning.v1+json"
        || media_type == "application/vnd.dsse.envelope.v1+json"
}

impl Repository {
    /// Returns everything attached to the image with that digest.
    ///
    /// # Errors
    /// A place cannot be queried, or its answer is invalid or too large. A missing place is not an
    /// error.
    pub(crate) fn attached(&self, digest: &Digest) -> Result<Vec<Attached>, Refusal> {
        let tag = digest.to_string().replacen(':', "-", 1);
        let mut manifests: Vec<(Digest, String)> = Vec::new();
        for descriptor in self.referrers(digest)? {
            manifests.push((descriptor.digest, "referrers API".to_owned()));
        }
        for name in [tag.clone(), format!("{tag}.sig"), format!("{tag}.att")] {
            let Some((text, found)) = self.optional(&name)? else { continue };
            match Form::read(&text, &format!("the manifest `{name}`"))? {
                Form::Index(index) => {
                    let all = index.manifests.into_iter();
                    manifests.extend(all.map(|one| (one.digest, format!("tag {name}"))));
                }
                Form::Manifest(_) => manifests.push((found, format!("tag {name}"))),
            }
        }
        let (mut seen, mut attached) = (BTreeSet::new(), Vec::new());
        for (manifest, place) in manifests {
            if !seen.insert(manifest.clone()) {
                continue;
            }
            if seen.len() > MAX_MANIFESTS {
                let what = format!("the list of what is attached to {digest}");
                return Err(Refusal::TooLarge { what, limit: MAX_MANIFESTS as u64 });
            }
            self.layers(&manifest, &place, &mut attached)?;
            if attached.len() > MAX_ATTACHED {
                let what = format!("what is attached to {digest}");
                return Err(Refusal::TooLarge { what, limit: MAX_ATTACHED as u64 });
            }
        }
        Ok(attached)
    }

    fn layers(
        &self,
        manifest: &Digest,
        place: &str,
        into: &mut Vec<Attached>,
    ) -> Result<(), Refusal> {
        // The list may contain a manifest that was deleted.
        let Some((text, _)) = self.optional(&manifest.to_string())? else { return Ok(()) };
        let Ok(Form::Manifest(read)) = Form::read(&text, &format!("the manifest {manifest}"))
        else {
            return Ok(());
        };
        for layer in read.layers {
            if !is_signature(&layer.media_type) {
                continue;
            }
            into.push(Attached {
                bytes: self.small(&layer)?,
                media_type: layer.media_type,
                annotations: layer.annotations.unwrap_or_default(),
                manifest: manifest.clone(),
                place: place.to_owned(),
            });
        }
        Ok(())
    }

    /// Returns the list of the referrers API; empty if the registry does not implement it.
    fn referrers(&self, digest: &Digest) -> Result<Vec<Descriptor>, Refusal> {
        let (mut all, mut rest) = (Vec::new(), format!("referrers/{digest}"));
        for _ in 0..MAX_PAGES {
            let answer = match self.registries.get(&self.endpoint, &rest, &[INDEX], None) {
                Ok(answer) => answer,
                // Registries without this API answer in different ways.
                Err(fault) if matches!(fault.cause, Cause::Absent | Cause::Answer) => break,
                Err(fault) => return Err(fault.into()),
            };
            let next = next(answer.headers());
            let what = format!("the referrers of {digest}");
            let patience = &self.registries.access().patience;
            let text = http::body(answer, MAX_LIST, patience)
                .map_err(|error| Refusal::Io { what: what.clone(), error })?
                .ok_or(Refusal::TooLarge { what: what.clone(), limit: MAX_LIST })?;
            // Some answer with an HTML page.
            let Ok(list) = parse::<List>(&text, &what) else { break };
            all.extend(list.manifests.unwrap_or_default());
            match next {
                Some(query) => rest = format!("referrers/{digest}?{query}"),
                None => break,
            }
        }
        Ok(all)
    }

    /// Returns a manifest by tag or digest, or `None` if it does not exist.
    pub(super) fn optional(&self, name: &str) -> Result<Option<(Vec<u8>, Digest)>, Refusal> {
        let wanted = match name.parse::<Digest>() {
            Ok(digest) => super::Wanted::Digest(digest),
            Err(_) => super::Wanted::Tag(name.to_owned()),
        };
        match self.manifest(&wanted, MAX_MANIFEST) {
            Ok(found) => Ok(Some(found)),
            Err(Refusal::Registry(fault)) if fault.cause == Cause::Absent => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// Reads a blob into memory and verifies its digest.
    fn small(&self, layer: &Descriptor) -> Result<Vec<u8>, Refusal> {
        let Descriptor { digest, size, .. } = layer;
        let what = format!("the blob {digest}");
        if *size > MAX_BYTES {
            return Err(Refusal::TooLarge { what, limit: MAX_BYTES });
        }
        let (blob, slot) = self.blob(digest, *size);
        let mut checked = Checked::new(blob, digest.clone());
        let mut bytes = Vec::new();
        let read = checked.read_to_end(&mut bytes).and_then(|_| checked.verify());
        match read {
            Ok((_, Ok(()))) => Ok(bytes),
            Ok((_, Err(found))) => Err(Refusal::Digest { what, wanted: digest.clone(), found }),
            Err(error) => Err(failed(&slot, Refusal::Io { what, error })),
        }
    }
}

/// Returns the query of the next page (RFC 8288): `<…?n=1&last=b>; rel="next"`. The rest of the URL
/// is ignored, so that a registry cannot redirect requests to another host.
fn next(headers: &reqwest::header::HeaderMap) -> Option<String> {
    let link = http::text(headers, reqwest::header::LINK)?;
    let (address, rest) = link.strip_prefix('<')?.split_once('>')?;
    let is_next = rest.contains("rel=\"next\"") || rest.contains("rel=next");
    let (_, query) = address.split_once('?').filter(|_| is_next)?;
    query.bytes().all(|byte| byte.is_ascii_graphic()).then(|| query.to_owned())
}
