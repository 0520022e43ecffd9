//! CycloneDX 1.6 (ECMA-424), JSON.

use std::io::{self, Write};

use pavisade_judgement::Judgement;
use pavisade_packages::inventory::{Found, Layer};
use pavisade_packages::{Distribution, Inventory, Kind, Purl};
use serde::Serialize;

use super::vulnerable::{self, Vulnerability};
use super::{Property, Sbom, image_purl, uuid};
use crate::guard;
use crate::image::{digest, instruction};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bom {
    #[serde(rename = "$schema")]
    schema: &'static str,
    bom_format: &'static str,
    spec_version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    serial_number: Option<String>,
    version: u32,
    metadata: Metadata,
    components: Vec<Component>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    compositions: Vec<Composition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vulnerabilities: Option<Vec<Vulnerability>>,
}

#[derive(Serialize)]
struct Metadata {
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<String>,
    tools: Tools,
    component: Component,
}

#[derive(Serialize)]
struct Tools {
    components: Vec<Component>,
}

#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
struct Component {
    #[serde(rename = "bom-ref", skip_serializing_if = "String::is_empty")]
    reference: String,
    r#type: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    group: String,
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    version: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    licenses: Vec<Licence>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purl: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<Evidence>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    properties: Vec<Property>,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Licence {
    Expression(String),
    License { name: String },
}

#[derive(Serialize)]
struct Evidence {
    occurrences: Vec<Occurrence>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Occurrence {
    location: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    additional_context: String,
}

/// The completeness of a list.
#[derive(Serialize)]
struct Composition {
    aggregate: &'static str,
    assemblies: Vec<String>,
}

pub(super) fn write(
    inventory: &Inventory,
    judgement: Option<&Judgement>,
    about: &Sbom,
    out: &mut dyn Write,
) -> io::Result<()> {
    let image = image(inventory);
    // Unread content is missing here, so the list is marked as incomplete.
    let compositions = match inventory.notes.is_empty() {
        true => Vec::new(),
        false => {
            vec![Composition { aggregate: "incomplete", assemblies: vec![image.reference.clone()] }]
        }
    };
    let references = inventory.references();
    let system = inventory.distribution.iter().map(distribution);
    let packages = inventory.packages.iter().zip(&references);
    let packages = packages.map(|(found, name)| package(found, name, inventory, &references));
    let tool = Component {
        r#type: "application",
        name: "pavisade".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..Component::default()
    };
    let mut bom = Bom {
        schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
        bom_format: "CycloneDX",
        spec_version: "1.6",
        serial_number: None,
        version: 1,
        metadata: Metadata {
            timestamp: about.made.clone(),
            tools: Tools { components: vec![tool] },
            component: image,
        },
        components: system.chain(packages).collect(),
        compositions,
        vulnerabilities: judgement.map(|found| vulnerable::of(found, inventory, &references)),
    };
    bom.serial_number = Some(format!("urn:uuid:{}", uuid(&bom)?));
    guard::write(&bom, out)
}

/// Returns the component of the image.
fn image(inventory: &Inventory) -> Component {
    let purl = image_purl(inventory);
    let mut properties = Vec::new();
    property(&mut properties, "platform", &inventory.platform);
    property(&mut properties, "created", &inventory.created);
    property(&mut properties, "source-tree", if inventory.source_tree { "true" } else { "" });
    for (layer, number) in inventory.layers.iter().zip(0_usize..) {
        let mut of_layer = |name: &str, value: &str| {
            property(&mut properties, &format!("layer:{number}:{name}"), value);
        };
        of_layer("digest", &layer.digest);
        of_layer("diff-id", &layer.diff_id);
        of_layer("instruction", &instruction(layer));
        of_layer("packed", &layer.packed.map(|bytes| bytes.to_string()).unwrap_or_default());
        of_layer("bytes", &if layer.bytes > 0 { layer.bytes.to_string() } else { String::new() });
    }
    Component {
        reference: purl.clone().unwrap_or_else(|| "image".to_owned()),
        r#type: if inventory.source_tree { "application" } else { "container" },
        name: inventory.name.clone(),
        version: inventory.digest.clone(),
        purl,
        properties,
        ..Component::default()
    }
}

fn distribution(found: &Distribution) -> Component {
    let mut properties = Vec::new();
    property(&mut properties, "codename", &found.codename);
    property(&mut properties, "like", &found.like.join(" "));
    Component {
        reference: format!("os:{}@{}", found.id, found.version),
        r#type: "operating-system",
        name: found.id.clone(),
        version: found.version.clone(),
        description: found.name.clone(),
        properties,
        ..Component::default()
    }
}

fn package(
    found: &Found,
    reference: &str,
    inventory: &Inventory,
    references: &[String],
) -> Component {
    let package = &found.package;
    let mut properties = Vec::new();
    property(&mut properties, "type", found.ecosystem());
    property(&mut properties, "architecture", &package.architecture);
    if let Some(source) = &package.source {
        property(&mut properties, "source:name", &source.name);
        property(&mut properties, "source:version", &source.version);
    }
    let layer = inventory.layer(found.layer());
    property(&mut properties, "layer:digest", layer.map(digest).unwrap_or_default());
    property(&mut properties, "layer:instruction", &layer.map(instruction).unwrap_or_default());
    let owner = found.owner.and_then(|owner| references.get(owner));
    property(&mut properties, "owner", owner.map(String::as_str).unwrap_or_default());
    // The declared licenses, if the expression differs.
    let expression = found.licence();
    if expression.is_some() && expression.as_slice() != package.licences {
        for licence in &package.licences {
            property(&mut properties, "licence", licence);
        }
    }
    for group in &package.groups {
        property(&mut properties, "group", group);
    }
    property(&mut properties, "commit", &package.commit);
    property(&mut properties, "bound", if package.bound { "true" } else { "" });
    for file in &package.files {
        property(&mut properties, "file", file);
    }
    let occurrences = found.places.iter().map(|place| Occurrence {
        location: place.path.clone(),
        additional_context: match (place.layer, inventory.layer(place.layer)) {
            (Some(number), Some(layer)) => context(number, layer),
            _ => String::new(),
        },
    });
    let (group, name) = named(found);
    Component {
        reference: reference.to_owned(),
        r#type: "library",
        group,
        name,
        version: package.version.clone(),
        licenses: licences(found),
        purl: found.purl.as_ref().map(Purl::to_string),
        evidence: Some(Evidence { occurrences: occurrences.collect() }),
        properties,
        ..Component::default()
    }
}

/// Returns the layer of a location: its number, and its digest for display.
fn context(number: u16, layer: &Layer) -> String {
    format!("layer {number} {}", digest(layer)).trim_end().to_owned()
}

/// Returns scope or group and name separately, as in package URLs. Go modules have full names.
fn named(found: &Found) -> (String, String) {
    let name = &found.package.name;
    let parts = match found.package.kind {
        kind if kind.is_of_system() => None,
        Kind::Golang => None,
        Kind::Maven => name.rsplit_once(':'),
        _ => name.rsplit_once('/'),
    };
    let (group, name) = parts.unwrap_or(("", name));
    (group.to_owned(), name.to_owned())
}

/// Returns one expression if all licenses are known, otherwise their names.
fn licences(found: &Found) -> Vec<Licence> {
    match found.licence() {
        Some(expression) => vec![Licence::Expression(expression)],
        None => {
            let names = found.package.licences.iter().filter(|name| !name.is_empty());
            names.map(|name| Licence::License { name: name.clone() }).collect()
        }
    }
}

/// Adds a property, unless it is empty.
fn property(properties: &mut Vec<Property>, name: &str, value: &str) {
    if !value.is_empty() {
        let (name, value) = (format!("pavisade:{name}"), value.to_owned());
        properties.push(Property { name, value });
    }
}
