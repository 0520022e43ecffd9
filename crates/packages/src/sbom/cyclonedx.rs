//! CycloneDX 1.2 to 1.7, JSON (ECMA-424).

use std::collections::HashMap;

use serde_json::Value;

use super::{
    Said, SbomError, incomplete, layer_of, list, note, package, places_of_others, purl, text,
};
use crate::Distribution;
use crate::inventory::{Inventory, Layer, Place};

const VERSIONS: [&str; 6] = ["1.2", "1.3", "1.4", "1.5", "1.6", "1.7"];
/// The deepest nesting of components.
const MAX_DEPTH: usize = 32;

pub(super) fn read(document: Value) -> Result<Inventory, SbomError> {
    if text(&document, "bomFormat") != "CycloneDX" {
        return Err(SbomError::Other);
    }
    let version = text(&document, "specVersion");
    if !VERSIONS.contains(&version) {
        return Err(SbomError::Version {
            format: "CycloneDX",
            found: version.to_owned(),
            known: "1.2 to 1.7",
        });
    }
    for field in ["components", "compositions"] {
        if document.get(field).is_some_and(|value| !value.is_array()) {
            return Err(SbomError::Invalid("CycloneDX", format!("`{field}` is not a list")));
        }
    }
    let mut inventory = Inventory::default();
    let root = document.pointer("/metadata/component").unwrap_or(&Value::Null);
    image(root, &mut inventory);
    let mut reading = Reading { inventory, references: HashMap::new(), owners: Vec::new() };
    for (component, number) in list(&document, "components").zip(0_usize..) {
        reading.component(component, &format!("components[{number}]"), 0);
    }
    // Components of the described subject count as well.
    for (component, number) in list(root, "components").zip(0_usize..) {
        reading.component(component, &format!("metadata.component.components[{number}]"), 0);
    }
    let Reading { mut inventory, references, owners } = reading;
    for (owned, owner) in owners {
        match references.get(&owner) {
            Some(owner) => inventory.packages[owned].owner = Some(*owner),
            None => {
                inventory.notes.push(note("the SBOM", format!("there is no component `{owner}`")))
            }
        }
    }
    let reference = text(root, "bom-ref");
    let is_partial = |composition: &Value| {
        text(composition, "aggregate").starts_with("incomplete")
            && list(composition, "assemblies").any(|assembly| assembly.as_str() == Some(reference))
    };
    if list(&document, "compositions").any(is_partial) {
        inventory.notes.push(incomplete());
    }
    Ok(inventory)
}

/// Reads the subject of the document.
fn image(root: &Value, inventory: &mut Inventory) {
    let said = properties(root);
    let (group, name, version) = (text(root, "group"), text(root, "name"), text(root, "version"));
    inventory.name = if group.is_empty() { name.to_owned() } else { format!("{group}/{name}") };
    let purl = purl(text(root, "purl"), "metadata.component", &mut inventory.notes);
    let of_url = purl.as_ref().filter(|purl| purl.kind() == "oci").map(|purl| purl.version());
    let digest =
        [version, of_url.unwrap_or_default()].into_iter().find(|text| text.starts_with("sha256:"));
    inventory.digest = digest.unwrap_or_default().to_owned();
    inventory.platform = said.first(&["pavisade:platform"]).to_owned();
    inventory.created = said.first(&["pavisade:created"]).to_owned();
    inventory.source_tree = said.first(&["pavisade:source-tree"]) == "true";
    inventory.layers = said.layers();
}

struct Reading {
    inventory: Inventory,
    /// The indexes of packages by reference.
    references: HashMap<String, usize>,
    /// Packages with the references of their owners.
    owners: Vec<(usize, String)>,
}

impl Reading {
    fn component(&mut self, component: &Value, place: &str, depth: usize) {
        let notes = &mut self.inventory.notes;
        if depth > MAX_DEPTH {
            notes.push(note(place, "components are nested too deeply".to_owned()));
            return;
        }
        let name = text(component, "name");
        let kind = text(component, "type");
        if !component.is_object() || name.is_empty() {
            notes.push(note(place, "a component without a name".to_owned()));
        } else if kind == "operating-system" {
            let said = properties(component);
            let found = Distribution {
                id: name.to_ascii_lowercase(),
                version: text(component, "version").to_owned(),
                name: text(component, "description").to_owned(),
                codename: said.first(&["pavisade:codename"]).to_owned(),
                like: said
                    .first(&["pavisade:like"])
                    .split_whitespace()
                    .map(str::to_owned)
                    .collect(),
            };
            self.inventory.distribution.get_or_insert(found);
        } else if is_file_of_trivy(component, kind) {
            // Its packages are separate components.
        } else if matches!(kind, "library" | "framework" | "application" | "platform")
            || component.get("purl").is_some()
        {
            self.package(component, place);
        }
        for (inner, number) in list(component, "components").zip(0_usize..) {
            self.component(inner, &format!("{place}.components[{number}]"), depth + 1);
        }
    }

    fn package(&mut self, component: &Value, place: &str) {
        let said = properties(component);
        let Inventory { layers, notes, packages, .. } = &mut self.inventory;
        let purl = purl(text(component, "purl"), place, notes);
        let (group, name) = (text(component, "group"), text(component, "name"));
        let mut found = package(purl, &said, group, name, text(component, "version"));
        found.package.licences = said.all("pavisade:licence").map(str::to_owned).collect();
        if found.package.licences.is_empty() {
            found.package.licences = licences(component);
        }
        found.places = places(component, layers);
        if found.places.is_empty() {
            found.places = places_of_others(&said, layers);
        }
        let number = packages.len();
        let owner = said.first(&["pavisade:owner"]);
        if !owner.is_empty() {
            self.owners.push((number, owner.to_owned()));
        }
        let reference = text(component, "bom-ref");
        if !reference.is_empty() {
            self.references.entry(reference.to_owned()).or_insert(number);
        }
        packages.push(found);
    }
}

/// Returns whether a component is a lock file or archive that Trivy lists, instead of a package.
fn is_file_of_trivy(component: &Value, kind: &str) -> bool {
    let has_class = || !properties(component).first(&["aquasecurity:trivy:Class"]).is_empty();
    kind == "application" && component.get("purl").is_none() && has_class()
}

fn properties(component: &Value) -> Said<'_> {
    let pairs = list(component, "properties");
    Said(pairs.map(|property| (text(property, "name"), text(property, "value"))).collect())
}

fn licences(component: &Value) -> Vec<String> {
    let one = |choice: &Value| {
        let licence = choice.get("license").unwrap_or(&Value::Null);
        let names = [text(choice, "expression"), text(licence, "id"), text(licence, "name")];
        names.into_iter().find(|name| !name.is_empty()).map(str::to_owned)
    };
    list(component, "licenses").filter_map(one).collect()
}

/// Returns the locations of a component and the layer, which is stated as text next to each.
fn places(component: &Value, layers: &[Layer]) -> Vec<Place> {
    let evidence = component.get("evidence").unwrap_or(&Value::Null);
    let place = |occurrence: &Value| {
        let path = text(occurrence, "location").trim_start_matches('/').to_owned();
        let mut words = text(occurrence, "additionalContext").split(' ');
        let number =
            words.next().filter(|word| *word == "layer").and_then(|_| words.next()?.parse().ok());
        let digest = words.next().unwrap_or_default();
        let layer = match number {
            Some(number) if usize::from(number) < layers.len() => Some(number),
            _ => layer_of(layers, digest),
        };
        (!path.is_empty()).then_some(Place { path, layer })
    };
    list(evidence, "occurrences").filter_map(place).collect()
}
