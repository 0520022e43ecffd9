//! What is attached to an image: signatures and attestations, wherever programs have put them.
//!
//! Four places are asked, and all that is found counts: the referrers API, its fallback tag
//! (`sha256-<digest>`; OCI distribution specification 1.1), and cosign's tags `.sig` and `.att`.
//! What a list says of an entry is not relied upon (types and annotations are missing or wrong in
//! some registries), so every manifest is read and chosen by the types of its layers. What they hold
//! is not looked at here, and proves nothing by its place.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

use serde::Deserialize;

use super::{Cause, Repository, failed, http};
use crate::digest::Checked;
use crate::manifest::{Descriptor, Form, parse};
use crate::{Digest, Refusal};

/// Bytes of a list, of a manifest, and of what is attached.
const MAX_LIST: u64 = 8 << 20;
const MAX_MANIFEST: u64 = 4 << 20;
const MAX_BYTES: u64 = 32 << 20;
/// Pages of the referrers API, manifests that are read, and things that are attached.
const MAX_PAGES: usize = 16;
const MAX_MANIFESTS: usize = 256;
const MAX_ATTACHED: usize = 512;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Something that is attached to an image.
#[derive(Debug, Clone)]
pub struct Attached {
    /// What it is, by its layer's media type.
    pub media_type: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What its layer says besides.
    pub annotations: BTreeMap<String, String>,
    /// The digest of the manifest that has it.
    pub manifest: Digest,
    /// Where the manifest was found, as users may look for it.
    pub place: String,
}

#[derive(Deserialize)]
struct List {
    #[serde(default)]
    manifests: Option<Vec<Descriptor>>,
}

/// Whether a layer may hold a signature.
pub(crate) fn is_signature(media_type: &str) -> bool {
    media_type.starts_with("application/vnd.dev.sigstore.bundle")
        || media_type == "application/vnd.dev.cosign.simplesigning.v1+json"
        || media_type == "application/vnd.dsse.envelope.v1+json"
}

impl Repository {
    /// All that is attached to the image with that digest.
    ///
    /// # Errors
    /// A place could not be asked, or gave what is not to be read. What is not there is no error.
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
        // A list may name what was deleted since.
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

    /// The list of the referrers API; empty where the registry has none.
    fn referrers(&self, digest: &Digest) -> Result<Vec<Descriptor>, Refusal> {
        let (mut all, mut rest) = (Vec::new(), format!("referrers/{digest}"));
        for _ in 0..MAX_PAGES {
            let answer = match self.registries.get(&self.endpoint, &rest, &[INDEX], None) {
                Ok(answer) => answer,
                // Registries without that API answer in several ways.
                Err(fault) if matches!(fault.cause, Cause::Absent | Cause::Answer) => break,
                Err(fault) => return Err(fault.into()),
            };
            let next = next(answer.headers());
            let what = format!("the referrers of {digest}");
            let patience = &self.registries.access().patience;
            let text = http::body(answer, MAX_LIST, patience)
                .map_err(|error| Refusal::Io { what: what.clone(), error })?
                .ok_or(Refusal::TooLarge { what: what.clone(), limit: MAX_LIST })?;
            // Some answer with a page for people.
            let Ok(list) = parse::<List>(&text, &what) else { break };
            all.extend(list.manifests.unwrap_or_default());
            match next {
                Some(query) => rest = format!("referrers/{digest}?{query}"),
                None => break,
            }
        }
        Ok(all)
    }

    /// A manifest that may be missing, by its tag or digest.
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

    /// A blob that is kept in memory, checked.
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

/// The query of the next page (RFC 8288): `<…?n=1&last=b>; rel="next"`. Its address is not followed,
/// so that no registry can send us elsewhere.
fn next(headers: &reqwest::header::HeaderMap) -> Option<String> {
    let link = http::text(headers, reqwest::header::LINK)?;
    let (address, rest) = link.strip_prefix('<')?.split_once('>')?;
    let is_next = rest.contains("rel=\"next\"") || rest.contains("rel=next");
    let (_, query) = address.split_once('?').filter(|_| is_next)?;
    query.bytes().all(|byte| byte.is_ascii_graphic()).then(|| query.to_owned())
}
