//! Reads SBOMs that describe an image.
//!
//! The formats are CycloneDX 1.2 to 1.7 and SPDX 2.2 and 2.3 as JSON. Information that neither
//! format covers is read from properties and comments written by Pavisade and, where unambiguous,
//! by Syft and Trivy. An invalid component becomes a note; the others are read.
//!
//! Out of scope: writing (`report`), other formats (XML, tag-value, SPDX 3).

mod cyclonedx;
mod spdx;

use std::collections::BTreeMap;

use pavisade_model::{Note, NoteKind};
use serde_json::Value;

use crate::inventory::{Found, Inventory, Layer, Place};
use crate::{Kind, Package, Purl, SourcePackage};

/// The largest document in bytes.
pub const MAX_BYTES: u64 = 256 << 20;

/// Why a document is not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SbomError {
    /// It is not JSON.
    #[error("it is not valid JSON: {0}")]
    Json(String),
    /// It is JSON but not an SBOM.
    #[error("it is neither CycloneDX nor SPDX: it has neither `bomFormat` nor `spdxVersion`")]
    Other,
    /// An unsupported encoding.
    #[error("{0} is not supported: convert it to {1}")]
    Form(&'static str, &'static str),
    /// An unsupported version.
    #[error("{format} {found} is not supported; supported versions are {known}")]
    Version {
        /// The format.
        format: &'static str,
        /// The version of the document.
        found: String,
        /// The supported versions.
        known: &'static str,
    },
    /// It violates its format.
    #[error("it is not valid {0}: {1}")]
    Invalid(&'static str, String),
}

const XML: SbomError = SbomError::Form("CycloneDX in XML", "JSON");
const TAGS: SbomError = SbomError::Form("SPDX as tag-value", "JSON");

/// Returns whether the first bytes are those of a document instead of an archive.
pub fn is_document(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head).trim_ascii_start();
    head.starts_with(b"{") || is_xml(head) || head.starts_with(b"SPDXVersion:")
}

fn is_xml(head: &[u8]) -> bool {
    [&b"<?xml"[..], b"<bom"].iter().any(|mark| head.starts_with(mark))
}

/// Reads a document.
///
/// # Errors
/// It is not an SBOM, or its version is not supported.
pub fn read(bytes: &[u8]) -> Result<Inventory, SbomError> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    if is_xml(bytes.trim_ascii_start()) {
        return Err(XML);
    }
    if bytes.trim_ascii_start().starts_with(b"SPDXVersion:") {
        return Err(TAGS);
    }
    let document: Value =
        serde_json::from_slice(bytes).map_err(|error| SbomError::Json(error.to_string()))?;
    let has = |field: &str| document.get(field).is_some();
    let mut inventory = if has("bomFormat") {
        cyclonedx::read(document)?
    } else if has("spdxVersion") {
        spdx::read(document)?
    } else if has("@graph") {
        return Err(SbomError::Form("SPDX 3", "SPDX 2.3"));
    } else {
        return Err(SbomError::Other);
    };
    only_distributions_own(&mut inventory);
    inventory.sort();
    Ok(inventory)
}

/// Keeps only owners that are distribution packages, since their advisories cover what they
/// install. Some tools also write that a package contains another one that it merely depends on.
fn only_distributions_own(inventory: &mut Inventory) {
    let of_system: Vec<_> =
        inventory.packages.iter().map(|found| found.package.kind.is_of_system()).collect();
    for (found, itself) in inventory.packages.iter_mut().zip(&of_system) {
        let owns = |owner: &usize| !itself && of_system.get(*owner) == Some(&true);
        found.owner = found.owner.filter(owns);
    }
}

/// Returns a string field, or an empty string.
fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// Returns the elements of a list field.
fn list<'a>(value: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    value.get(field).and_then(Value::as_array).into_iter().flatten()
}

/// Named values in order; names may repeat.
#[derive(Debug, Default)]
struct Said<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Said<'a> {
    fn all<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'a str> + 's {
        self.0.iter().filter(move |(found, _)| *found == name).map(|(_, value)| *value)
    }

    /// Returns the first value of any of these names.
    fn first(&self, names: &[&str]) -> &'a str {
        names.iter().find_map(|name| self.all(name).next()).unwrap_or_default()
    }

    /// Returns the values of names like `before:0:after`, by number.
    fn numbered(&self, before: &str, after: &str) -> BTreeMap<u16, &'a str> {
        let number = |name: &str| name.strip_prefix(before)?.strip_suffix(after)?.parse().ok();
        let named = self.0.iter().filter_map(|(name, value)| Some((number(name)?, *value)));
        named.collect()
    }

    /// Returns the layers of an image.
    fn layers(&self) -> Vec<Layer> {
        let of = |field: &str| self.numbered("pavisade:layer:", &format!(":{field}"));
        let (digests, ids, instructions) = (of("digest"), of("diff-id"), of("instruction"));
        let (packed, bytes) = (of("packed"), of("bytes"));
        let all = [&digests, &ids, &instructions, &packed, &bytes];
        let count = all
            .iter()
            .filter_map(|map| map.keys().last())
            .max()
            .map_or(0, |last| last.saturating_add(1));
        let text = |map: &BTreeMap<u16, &str>, number: u16| {
            map.get(&number).copied().unwrap_or_default().to_owned()
        };
        let layers = (0..count).map(|number| Layer {
            digest: text(&digests, number),
            diff_id: text(&ids, number),
            instruction: text(&instructions, number),
            packed: text(&packed, number).parse().ok(),
            bytes: text(&bytes, number).parse().unwrap_or_default(),
        });
        let layers: Vec<_> = layers.collect();
        if !layers.is_empty() {
            return layers;
        }
        // Trivy lists all layers in order.
        let ids = self.all("aquasecurity:trivy:DiffID");
        ids.map(|id| Layer { diff_id: id.to_owned(), ..Layer::default() }).collect()
    }
}

/// Returns the index of the layer with a digest.
fn layer_of(layers: &[Layer], digest: &str) -> Option<u16> {
    let is =
        |layer: &Layer| !digest.is_empty() && (layer.digest == digest || layer.diff_id == digest);
    layers.iter().position(is).and_then(|number| number.try_into().ok())
}

/// Builds a package from its URL and other values. Some tools write the scope of a name only in the
/// URL.
fn package(purl: Option<Purl>, said: &Said<'_>, group: &str, name: &str, version: &str) -> Found {
    let kind = match (said.first(&["pavisade:type"]), &purl) {
        ("", Some(purl)) => Kind::of(purl.kind()),
        (kind, _) => Kind::of(kind),
    };
    let qualifier =
        |key: &str| purl.as_ref().and_then(|purl| purl.qualifier(key)).unwrap_or_default();
    let group = match &purl {
        Some(purl) if group.is_empty() && name == purl.name() => purl.namespace(),
        _ => group,
    };
    let either =
        |one: &str, other: &str| if one.is_empty() { other.to_owned() } else { one.to_owned() };
    let url_version = purl.as_ref().map(Purl::version).unwrap_or_default();
    let mut version = either(version, url_version);
    let source = source(said, qualifier("upstream"), &version);
    // A URL has the epoch as a qualifier.
    let epoch = qualifier("epoch");
    if kind == Kind::Rpm && !matches!(epoch, "" | "0") && !version.contains(':') {
        version = format!("{epoch}:{version}");
    }
    let package = Package {
        kind,
        name: whole_name(kind, group, name),
        architecture: either(said.first(&["pavisade:architecture"]), qualifier("arch")),
        source,
        files: said.all("pavisade:file").map(str::to_owned).collect(),
        groups: said.all("pavisade:group").map(str::to_owned).collect(),
        commit: said.first(&["pavisade:commit"]).to_owned(),
        bound: said.first(&["pavisade:bound"]) == "true",
        version,
        ..Package::default()
    };
    Found { package, purl, ..Found::default() }
}

/// Returns a name with its scope, as written in its ecosystem.
fn whole_name(kind: Kind, group: &str, name: &str) -> String {
    let is_whole = group.is_empty() || name.starts_with(&format!("{group}/"));
    match kind {
        _ if is_whole || kind.is_of_system() => name.to_owned(),
        Kind::Maven => format!("{group}:{name}"),
        _ => format!("{group}/{name}"),
    }
}

/// Returns the source package.
fn source(said: &Said<'_>, upstream: &str, version: &str) -> Option<SourcePackage> {
    // Syft writes the file name of the rpm source package.
    let file = crate::rpm::source(upstream);
    let (name, of_url) = match &file {
        Some(file) => (file.name.as_str(), file.version.as_str()),
        None => upstream.split_once('@').unwrap_or((upstream, version)),
    };
    let own =
        said.first(&["pavisade:source:name", "aquasecurity:trivy:SrcName", "syft:metadata:source"]);
    let own_version = match said.first(&["pavisade:source:version", "syft:metadata:sourceVersion"])
    {
        "" => trivy_version(said),
        version => version.to_owned(),
    };
    let (name, found) = match own {
        "" => (name, of_url.to_owned()),
        own if own_version.is_empty() => (own, version.to_owned()),
        own => (own, own_version),
    };
    (!name.is_empty()).then(|| SourcePackage { name: name.to_owned(), version: found })
}

/// Joins the parts of a Debian version, which Trivy writes separately.
fn trivy_version(said: &Said<'_>) -> String {
    let [epoch, version, release] = ["SrcEpoch", "SrcVersion", "SrcRelease"]
        .map(|part| said.all(&format!("aquasecurity:trivy:{part}")).next().unwrap_or_default());
    let epoch = if epoch.is_empty() { String::new() } else { format!("{epoch}:") };
    let release = if release.is_empty() { String::new() } else { format!("-{release}") };
    if version.is_empty() { String::new() } else { format!("{epoch}{version}{release}") }
}

/// Returns the locations of a package as written by Syft and Trivy.
fn places_of_others(said: &Said<'_>, layers: &[Layer]) -> Vec<Place> {
    let path = |path: &str| path.trim_start_matches('/').to_owned();
    let digests = said.numbered("syft:location:", ":layerID");
    let of_syft = said.numbered("syft:location:", ":path").into_iter().map(|(number, at)| Place {
        path: path(at),
        layer: digests.get(&number).and_then(|digest| layer_of(layers, digest)),
    });
    let layer = said.first(&["aquasecurity:trivy:LayerDiffID", "aquasecurity:trivy:LayerDigest"]);
    let of_trivy = said
        .all("aquasecurity:trivy:FilePath")
        .map(|at| Place { path: path(at), layer: layer_of(layers, layer) });
    of_syft.chain(of_trivy).collect()
}

/// Parses a package URL; an invalid one becomes a note.
fn purl(written: &str, place: &str, notes: &mut Vec<Note>) -> Option<Purl> {
    if written.is_empty() {
        return None;
    }
    written.parse().map_err(|error| notes.push(note(place, format!("`{written}`: {error}")))).ok()
}

fn note(place: &str, message: String) -> Note {
    Note {
        kind: NoteKind::Unread,
        place: place.to_owned(),
        span: None,
        message,
        remedy: String::new(),
    }
}

/// Returns the note for a document that does not claim to be complete.
fn incomplete() -> Note {
    note("the SBOM", "it is marked as incomplete: a part of the image could not be read".to_owned())
}

#[cfg(test)]
mod tests;
