//! SPDX 2.2 and 2.3, JSON.

use std::collections::HashMap;

use serde_json::Value;

use super::{Said, SbomError, incomplete, list, note, package, purl, text};
use crate::Distribution;
use crate::inventory::{Inventory, Place};

const VERSIONS: [&str; 2] = ["SPDX-2.2", "SPDX-2.3"];
/// Values that mean unknown or none.
const NOTHING: [&str; 3] = ["", "NOASSERTION", "NONE"];

pub(super) fn read(document: Value) -> Result<Inventory, SbomError> {
    let version = text(&document, "spdxVersion");
    if !VERSIONS.contains(&version) {
        return Err(SbomError::Version {
            format: "SPDX",
            found: version.trim_start_matches("SPDX-").to_owned(),
            known: "2.2 and 2.3",
        });
    }
    for field in ["packages", "relationships", "hasExtractedLicensingInfos"] {
        if document.get(field).is_some_and(|value| !value.is_array()) {
            return Err(SbomError::Invalid("SPDX", format!("`{field}` is not a list")));
        }
    }
    let own: HashMap<_, _> = list(&document, "hasExtractedLicensingInfos")
        .map(|own| (text(own, "licenseId"), text(own, "name")))
        .collect();
    let described = described(&document);
    let mut inventory =
        Inventory { name: text(&document, "name").to_owned(), ..Inventory::default() };
    let mut numbers = HashMap::new();
    for (found, number) in list(&document, "packages").zip(0_usize..) {
        let place = format!("packages[{number}]");
        let (id, name) = (text(found, "SPDXID"), text(found, "name"));
        if name.is_empty() {
            inventory.notes.push(note(&place, "a package without a name".to_owned()));
            continue;
        }
        let purpose = text(found, "primaryPackagePurpose");
        let is_image = described.contains(&id) && is_image(found, purpose);
        if is_image {
            image(found, &mut inventory);
        } else if purpose == "OPERATING-SYSTEM" || purpose == "OPERATING_SYSTEM" {
            inventory.distribution.get_or_insert(distribution(found));
        } else {
            numbers.insert(id, inventory.packages.len());
            read_package(found, &place, &own, &mut inventory);
        }
    }
    for relation in list(&document, "relationships") {
        let end = |field: &str| numbers.get(text(relation, field)).copied();
        if let ("CONTAINS", Some(owner), Some(owned)) =
            (text(relation, "relationshipType"), end("spdxElementId"), end("relatedSpdxElement"))
        {
            inventory.packages[owned].owner = Some(owner);
        }
    }
    if text(&document, "comment").starts_with("Incomplete:") {
        inventory.notes.push(incomplete());
    }
    Ok(inventory)
}

/// Returns the subject of the document.
fn described(document: &Value) -> Vec<&str> {
    let named = list(document, "documentDescribes").filter_map(Value::as_str);
    let related = list(document, "relationships").filter_map(|relation| {
        let ends = (text(relation, "spdxElementId"), text(relation, "relatedSpdxElement"));
        match (text(relation, "relationshipType"), ends) {
            ("DESCRIBES", ("SPDXRef-DOCUMENT", id))
            | ("DESCRIBED_BY", (id, "SPDXRef-DOCUMENT")) => Some(id),
            _ => None,
        }
    });
    named.chain(related).collect()
}

/// Returns whether the subject contains packages instead of being one of them.
fn is_image(found: &Value, purpose: &str) -> bool {
    let written = purl_of(found);
    match purpose {
        "CONTAINER" | "FILE" | "SOURCE" | "ARCHIVE" => true,
        _ => {
            written.is_empty()
                || written.starts_with("pkg:oci/")
                || written.starts_with("pkg:docker/")
        }
    }
}

fn image(found: &Value, inventory: &mut Inventory) {
    let said = lines(text(found, "comment"));
    text(found, "name").clone_into(&mut inventory.name);
    let version = text(found, "versionInfo");
    let checksum = list(found, "checksums").find(|sum| text(sum, "algorithm") == "SHA256");
    inventory.digest = match checksum.map(|sum| text(sum, "checksumValue")) {
        _ if version.starts_with("sha256:") => version.to_owned(),
        Some(hex) if !hex.is_empty() => format!("sha256:{hex}"),
        _ => String::new(),
    };
    inventory.platform = said.first(&["pavisade:platform"]).to_owned();
    inventory.created = said.first(&["pavisade:created"]).to_owned();
    inventory.source_tree = said.first(&["pavisade:source-tree"]) == "true";
    inventory.layers = said.layers();
}

fn distribution(found: &Value) -> Distribution {
    let said = lines(text(found, "comment"));
    Distribution {
        id: text(found, "name").to_ascii_lowercase(),
        version: text(found, "versionInfo").to_owned(),
        name: said.first(&["pavisade:name"]).to_owned(),
        codename: said.first(&["pavisade:codename"]).to_owned(),
        like: said.first(&["pavisade:like"]).split_whitespace().map(str::to_owned).collect(),
    }
}

fn read_package(found: &Value, place: &str, own: &HashMap<&str, &str>, inventory: &mut Inventory) {
    let said = lines(text(found, "comment"));
    let purl = purl(purl_of(found), place, &mut inventory.notes);
    let version = Some(text(found, "versionInfo")).filter(|version| !NOTHING.contains(version));
    let mut package = package(purl, &said, "", text(found, "name"), version.unwrap_or_default());
    package.package.licences = licences(found, &said, own);
    package.places = said.all("pavisade:place").map(place_of).collect();
    if package.places.is_empty() {
        // Syft: "acquired package info from DPKG DB: /var/lib/dpkg/status, /x".
        let info = text(found, "sourceInfo").strip_prefix("acquired package info from ");
        let paths = info.and_then(|info| info.split_once(": ")).map(|(_, paths)| paths);
        let paths = paths.into_iter().flat_map(|paths| paths.split(", "));
        let place =
            |path: &str| Place { path: path.trim_start_matches('/').to_owned(), layer: None };
        package.places = paths.map(place).collect();
    }
    inventory.packages.push(package);
}

fn purl_of(found: &Value) -> &str {
    let is_purl = |external: &&Value| text(external, "referenceType").ends_with("purl");
    list(found, "externalRefs")
        .find(is_purl)
        .map(|purl| text(purl, "referenceLocator"))
        .unwrap_or_default()
}

/// Parses `3 usr/lib/x`: a layer index and a path.
fn place_of(line: &str) -> Place {
    let numbered =
        line.split_once(' ').and_then(|(number, path)| Some((number.parse().ok()?, path)));
    match numbered {
        Some((layer, path)) => Place { path: path.to_owned(), layer: Some(layer) },
        None => Place { path: line.to_owned(), layer: None },
    }
}

fn licences(found: &Value, said: &Said<'_>, own: &HashMap<&str, &str>) -> Vec<String> {
    let declared: Vec<_> = said.all("pavisade:licence").map(str::to_owned).collect();
    if !declared.is_empty() {
        return declared;
    }
    let fields = ["licenseDeclared", "licenseConcluded"].map(|field| text(found, field));
    let Some(expression) = fields.into_iter().find(|field| !NOTHING.contains(field)) else {
        return Vec::new();
    };
    if !expression.contains("LicenseRef-") {
        return vec![expression.to_owned()];
    }
    let named =
        |id: &str| own.get(id).filter(|name| !name.is_empty()).map_or(id, |name| name).to_owned();
    expression.split(" AND ").map(|part| named(part.trim())).collect()
}

/// Returns the lines `pavisade:name value` of a comment.
fn lines(comment: &str) -> Said<'_> {
    let lines = comment.lines().filter(|line| line.starts_with("pavisade:"));
    Said(lines.filter_map(|line| line.split_once(' ')).collect())
}
