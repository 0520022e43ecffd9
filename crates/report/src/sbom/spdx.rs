//! SPDX 2.3, JSON.
//!
//! All fields except `primaryPackagePurpose` are also valid in version 2.2.

use std::io::{self, Write};

use pavisade_packages::inventory::Found;
use pavisade_packages::{Distribution, Inventory, Purl};
use serde::Serialize;

use super::{Sbom, image_purl, uuid};
use crate::guard;
use crate::image::{digest, instruction};

const NOTHING: &str = "NOASSERTION";
/// The creation time if none is given.
const NO_TIME: &str = "1970-01-01T00:00:00Z";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    spdx_version: &'static str,
    data_license: &'static str,
    #[serde(rename = "SPDXID")]
    id: &'static str,
    name: String,
    document_namespace: String,
    creation_info: Creation,
    #[serde(skip_serializing_if = "String::is_empty")]
    comment: String,
    packages: Vec<Package>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    has_extracted_licensing_infos: Vec<Extracted>,
    relationships: Vec<Relationship>,
}

#[derive(Serialize)]
struct Creation {
    created: String,
    creators: Vec<String>,
}

#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
struct Package {
    #[serde(rename = "SPDXID")]
    id: String,
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    version_info: String,
    download_location: &'static str,
    files_analyzed: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checksums: Vec<Checksum>,
    #[serde(skip_serializing_if = "String::is_empty")]
    source_info: String,
    license_concluded: &'static str,
    license_declared: String,
    copyright_text: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    comment: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    external_refs: Vec<External>,
    primary_package_purpose: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Checksum {
    algorithm: &'static str,
    checksum_value: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct External {
    reference_category: &'static str,
    reference_type: &'static str,
    reference_locator: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Extracted {
    license_id: String,
    name: String,
    extracted_text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Relationship {
    spdx_element_id: String,
    relationship_type: &'static str,
    related_spdx_element: String,
}

const IMAGE: &str = "SPDXRef-image";
const SYSTEM: &str = "SPDXRef-operating-system";

pub(super) fn write(inventory: &Inventory, about: &Sbom, out: &mut dyn Write) -> io::Result<()> {
    let mut own = Vec::new();
    let mut packages = vec![image(inventory)];
    let mut relationships = vec![relation("SPDXRef-DOCUMENT", "DESCRIBES", IMAGE)];
    if let Some(found) = &inventory.distribution {
        packages.push(distribution(found));
        relationships.push(relation(IMAGE, "CONTAINS", SYSTEM));
    }
    let references = inventory.references();
    for ((found, number), reference) in inventory.packages.iter().zip(0_usize..).zip(&references) {
        let id = id(number);
        relationships.push(relation(IMAGE, "CONTAINS", &id));
        if let Some(owner) = found.owner {
            relationships.push(relation(&self::id(owner), "CONTAINS", &id));
        }
        packages.push(package(found, id, reference, inventory, &mut own));
    }
    let incomplete = "Incomplete: a part of the image could not be read.";
    let made = about.made.clone().or_else(|| Some(inventory.created.clone()));
    let mut document = Document {
        spdx_version: "SPDX-2.3",
        data_license: "CC0-1.0",
        id: "SPDXRef-DOCUMENT",
        name: inventory.name.clone(),
        document_namespace: String::new(),
        creation_info: Creation {
            created: made.as_deref().and_then(seconds).unwrap_or_else(|| NO_TIME.to_owned()),
            creators: vec![format!("Tool: pavisade-{}", env!("CARGO_PKG_VERSION"))],
        },
        comment: if inventory.notes.is_empty() { String::new() } else { incomplete.to_owned() },
        packages,
        has_extracted_licensing_infos: own,
        relationships,
    };
    document.document_namespace = format!("https://pavisade.dev/spdx/{}", uuid(&document)?);
    guard::write(&document, out)
}

/// Returns a time in SPDX format: whole seconds, UTC.
fn seconds(time: &str) -> Option<String> {
    let bytes = time.as_bytes();
    let form = |text: &[u8]| {
        text.iter().zip(b"0000-00-00T00:00:00").all(|(byte, form)| match form {
            b'0' => byte.is_ascii_digit(),
            other => byte == other,
        })
    };
    let whole = bytes.get(..19).filter(|text| form(text))?;
    time.ends_with('Z').then(|| format!("{}Z", String::from_utf8_lossy(whole)))
}

fn id(number: usize) -> String {
    format!("SPDXRef-package-{number}")
}

fn relation(from: &str, kind: &'static str, to: &str) -> Relationship {
    Relationship {
        spdx_element_id: from.to_owned(),
        relationship_type: kind,
        related_spdx_element: to.to_owned(),
    }
}

fn purl_of(purl: Option<String>) -> Vec<External> {
    let external = |reference_locator| External {
        reference_category: "PACKAGE-MANAGER",
        reference_type: "purl",
        reference_locator,
    };
    purl.map(external).into_iter().collect()
}

fn plain(id: String, name: String, purpose: &'static str) -> Package {
    Package {
        id,
        name,
        download_location: NOTHING,
        license_concluded: NOTHING,
        license_declared: NOTHING.to_owned(),
        copyright_text: NOTHING,
        primary_package_purpose: purpose,
        ..Package::default()
    }
}

fn image(inventory: &Inventory) -> Package {
    let mut lines = Lines::default();
    lines.add("platform", &inventory.platform);
    lines.add("created", &inventory.created);
    lines.add("source-tree", if inventory.source_tree { "true" } else { "" });
    for (layer, number) in inventory.layers.iter().zip(0_usize..) {
        let mut of_layer = |name: &str, value: &str| {
            lines.add(&format!("layer:{number}:{name}"), value);
        };
        of_layer("digest", &layer.digest);
        of_layer("diff-id", &layer.diff_id);
        of_layer("instruction", &instruction(layer));
        of_layer("packed", &layer.packed.map(|bytes| bytes.to_string()).unwrap_or_default());
        of_layer("bytes", &if layer.bytes > 0 { layer.bytes.to_string() } else { String::new() });
    }
    let checksum = inventory
        .digest
        .strip_prefix("sha256:")
        .map(|hex| Checksum { algorithm: "SHA256", checksum_value: hex.to_owned() });
    let purpose = if inventory.source_tree { "SOURCE" } else { "CONTAINER" };
    Package {
        version_info: inventory.digest.clone(),
        checksums: checksum.into_iter().collect(),
        external_refs: purl_of(image_purl(inventory)),
        comment: lines.0,
        ..plain(IMAGE.to_owned(), inventory.name.clone(), purpose)
    }
}

fn distribution(found: &Distribution) -> Package {
    let mut lines = Lines::default();
    lines.add("name", &found.name);
    lines.add("codename", &found.codename);
    lines.add("like", &found.like.join(" "));
    Package {
        version_info: found.version.clone(),
        comment: lines.0,
        ..plain(SYSTEM.to_owned(), found.id.clone(), "OPERATING-SYSTEM")
    }
}

fn package(
    found: &Found,
    id: String,
    reference: &str,
    inventory: &Inventory,
    own: &mut Vec<Extracted>,
) -> Package {
    let package = &found.package;
    let mut lines = Lines::default();
    lines.add("type", found.ecosystem());
    lines.add("architecture", &package.architecture);
    if let Some(source) = &package.source {
        lines.add("source:name", &source.name);
        lines.add("source:version", &source.version);
    }
    let layer = inventory.layer(found.layer());
    lines.add("layer:digest", layer.map(digest).unwrap_or_default());
    lines.add("layer:instruction", &layer.map(instruction).unwrap_or_default());
    if found.purl.as_ref().map(Purl::to_string).as_deref() != Some(reference) {
        lines.add("reference", reference);
    }
    for place in &found.places {
        let layer = place.layer.map(|layer| format!("{layer} ")).unwrap_or_default();
        lines.add("place", &format!("{layer}{}", place.path));
    }
    for group in &package.groups {
        lines.add("group", group);
    }
    lines.add("commit", &package.commit);
    lines.add("bound", if package.bound { "true" } else { "" });
    for file in &package.files {
        lines.add("file", file);
    }
    for licence in &package.licences {
        lines.add("licence", licence);
    }
    let places: Vec<_> = found.places.iter().map(|place| place.path.as_str()).collect();
    Package {
        version_info: package.version.clone(),
        source_info: format!("found in {}", one_line(&places.join(", "))),
        license_declared: licence(found, own),
        external_refs: purl_of(found.purl.as_ref().map(Purl::to_string)),
        comment: lines.0,
        ..plain(id, package.name.clone(), "LIBRARY")
    }
}

/// Returns a license expression. Unknown licenses become references in the document.
fn licence(found: &Found, own: &mut Vec<Extracted>) -> String {
    // A reference is only valid in the document that defines it.
    if let Some(expression) = found.licence().filter(|found| !found.contains("LicenseRef-")) {
        return expression;
    }
    let names: Vec<_> = found.package.licences.iter().filter(|name| !name.is_empty()).collect();
    let mut reference = |name: &String| {
        let at = own.iter().position(|known| known.name == **name).unwrap_or_else(|| {
            own.push(Extracted {
                license_id: format!("LicenseRef-{}", own.len()),
                name: name.clone(),
                extracted_text: format!("The license declared by the package is: {name}"),
            });
            own.len() - 1
        });
        own.get(at).map(|known| known.license_id.clone()).unwrap_or_default()
    };
    let references: Vec<_> = names.into_iter().map(&mut reference).collect();
    if references.is_empty() { NOTHING.to_owned() } else { references.join(" AND ") }
}

/// A comment with lines `pavisade:name value`.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn add(&mut self, name: &str, value: &str) {
        if value.is_empty() {
            return;
        }
        if !self.0.is_empty() {
            self.0.push('\n');
        }
        self.0.push_str(&format!("pavisade:{name} {}", one_line(value)));
    }
}

fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}
