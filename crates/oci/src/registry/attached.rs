//! Finds the signatures and attestations of an image wherever tools store them.
//!
//! Four places are queried and the results combined: the referrers API, its fallback tag
//! (`sha256-<digest>`; OCI distribution specification 1.1), and cosign's tags `.sig` and `.att`.
//! What a list says of an entry is not relied upon (types and annotations are missing or wrong in
//! some registries), so every manifest is read and chosen by the types of its layers. What they hold
//! is not looked at here, and proves nothing by its place.
//!
//! What is listed and could not be read is a gap: where there is one, nobody can say that an image is
//! not signed. Anybody who may push can cause one, so that it hides nothing that was found beside it.

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

/// All that was found attached to an image.
#[derive(Debug, Clone, Default)]
pub struct Attachments {
    /// What was found.
    pub found: Vec<Attached>,
    /// Why there may be more: sentence parts. Empty where the list is complete.
    pub gaps: Vec<String>,
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
    /// The registry does not answer. What is not there is no error, and what cannot be read is a gap.
    pub(crate) fn attached(&self, digest: &Digest) -> Result<Attachments, Refusal> {
        let tag = digest.to_string().replacen(':', "-", 1);
        let mut manifests: Vec<(Digest, String)> = Vec::new();
        let mut all = Attachments::default();
        for descriptor in self.referrers(digest, &mut all.gaps)? {
            manifests.push((descriptor.digest, "referrers API".to_owned()));
        }
        for name in [tag.clone(), format!("{tag}.sig"), format!("{tag}.att")] {
            let (text, found) = match self.optional(&name) {
                Ok(Some(found)) => found,
                Ok(None) => continue,
                Err(refusal) if is_away(&refusal) => return Err(refusal),
                Err(refusal) => {
                    all.gaps.push(refusal.to_string());
                    continue;
                }
            };
            match Form::read(&text, &format!("the manifest `{name}`")) {
                Ok(Form::Index(index)) => {
                    let all = index.manifests.into_iter();
                    manifests.extend(all.map(|one| (one.digest, format!("tag {name}"))));
                }
                Ok(Form::Manifest(_)) => manifests.push((found, format!("tag {name}"))),
                Err(refusal) => all.gaps.push(refusal.to_string()),
            }
        }
        let mut seen = BTreeSet::new();
        for (manifest, place) in manifests {
            if !seen.insert(manifest.clone()) {
                continue;
            }
            if seen.len() > MAX_MANIFESTS {
                all.gaps.push(format!("more than {MAX_MANIFESTS} manifests are attached"));
                break;
            }
            match self.layers(&manifest, &place, &mut all.found) {
                Ok(true) => {}
                Ok(false) => all.gaps.push(format!("{manifest} is listed and missing ({place})")),
                Err(refusal) if is_away(&refusal) => return Err(refusal),
                Err(refusal) => all.gaps.push(refusal.to_string()),
            }
            if all.found.len() > MAX_ATTACHED {
                all.gaps.push(format!("more than {MAX_ATTACHED} signatures are attached"));
                break;
            }
        }
        Ok(all)
    }

    /// Whether the referrers API lists a manifest of an image.
    pub(super) fn lists(&self, digest: &Digest, manifest: &Digest) -> Result<bool, Refusal> {
        let listed = self.referrers(digest, &mut Vec::new())?;
        Ok(listed.iter().any(|one| one.digest == *manifest))
    }

    /// What is in one manifest; `false` where it is not there.
    fn layers(
        &self,
        manifest: &Digest,
        place: &str,
        into: &mut Vec<Attached>,
    ) -> Result<bool, Refusal> {
        let Some((text, _)) = self.optional(&manifest.to_string())? else { return Ok(false) };
        let Form::Manifest(read) = Form::read(&text, &format!("the manifest {manifest}"))? else {
            return Ok(true);
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
        Ok(true)
    }

    /// The list of the referrers API; empty where the registry has none.
    fn referrers(
        &self,
        digest: &Digest,
        gaps: &mut Vec<String>,
    ) -> Result<Vec<Descriptor>, Refusal> {
        let (mut all, mut rest) = (Vec::new(), format!("referrers/{digest}"));
        let incomplete = |why: &str| format!("the list of referrers is incomplete: {why}");
        for page in 0..MAX_PAGES {
            let answer = match self.registries.get(&self.endpoint, &rest, &[INDEX], None) {
                Ok(answer) => answer,
                // Registries without that API answer in several ways, but have no second page.
                Err(fault) if page == 0 && matches!(fault.cause, Cause::Absent | Cause::Answer) => {
                    return Ok(all);
                }
                Err(fault) if is_gone(fault.cause) => return Err(fault.into()),
                Err(fault) => {
                    gaps.push(incomplete(&fault.message));
                    return Ok(all);
                }
            };
            let kind = http::text(answer.headers(), reqwest::header::CONTENT_TYPE);
            let mut is_list = kind.is_some_and(|kind| kind.starts_with(INDEX));
            let next = next(answer.headers());
            let what = format!("the referrers of {digest}");
            let patience = &self.registries.access().patience;
            let list = match http::body(answer, MAX_LIST, patience) {
                Ok(Some(text)) => {
                    is_list |= text.trim_ascii_start().starts_with(b"{");
                    parse::<List>(&text, &what).map_err(|error| error.to_string())
                }
                Ok(None) => {
                    gaps.push(incomplete(&format!("it has more than {MAX_LIST} bytes")));
                    return Ok(all);
                }
                Err(error) => {
                    gaps.push(incomplete(&error.to_string()));
                    return Ok(all);
                }
            };
            match list {
                Ok(list) => all.extend(list.manifests.unwrap_or_default()),
                // Some answer with a page for people.
                Err(_) if page == 0 && !is_list => return Ok(all),
                Err(why) => {
                    gaps.push(incomplete(&why));
                    return Ok(all);
                }
            }
            match next {
                Next::Page(query) => rest = format!("referrers/{digest}?{query}"),
                Next::End => return Ok(all),
                Next::Unclear => {
                    gaps.push(incomplete("the address of its next page is not valid"));
                    return Ok(all);
                }
            }
        }
        gaps.push(incomplete(&format!("it has more than {MAX_PAGES} pages")));
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

fn is_away(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::Registry(fault) if is_gone(fault.cause))
}

/// Whether nothing more is to be had of the registry.
fn is_gone(cause: Cause) -> bool {
    matches!(cause, Cause::Unreachable | Cause::Tls | Cause::Denied | Cause::Access)
}

/// Whether a list has another page.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    End,
    /// By this query.
    Page(String),
    /// There is one, and it is not said in a way that can be asked for.
    Unclear,
}

/// The query of the next page (RFC 8288): `<…?n=1&last=b>; rel="next"`. Its address is not followed,
/// so that no registry can send us elsewhere.
fn next(headers: &reqwest::header::HeaderMap) -> Next {
    for value in headers.get_all(reqwest::header::LINK) {
        let Ok(link) = value.to_str() else { return Next::Unclear };
        let plain = link.to_ascii_lowercase().replace([' ', '"', '\''], "");
        if !plain.contains("rel=next") {
            continue;
        }
        let query = || {
            let (address, rest) = link.trim_start().strip_prefix('<')?.split_once('>')?;
            // Where one header has more than one link, it is not clear which is the next page.
            let (_, query) = address.split_once('?').filter(|_| !rest.contains('<'))?;
            query.bytes().all(|byte| byte.is_ascii_graphic()).then(|| query.to_owned())
        };
        return query().map_or(Next::Unclear, Next::Page);
    }
    Next::End
}
