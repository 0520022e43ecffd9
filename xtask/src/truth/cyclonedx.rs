//! `cyclonedx`: public documents are read and written back without loss of what is modelled.
//!
//! A case is a component of a document. Its group and name, version, package URL and licences must
//! be in what was read, in the CycloneDX 1.6 and SPDX 2.3 documents written from it, and in what is
//! read from those. Documents without components (most VEX documents) are one case each: they must
//! be read without a note. The suite has versions 1.2 to 1.4; each document is also read as if it
//! had a later version, since the format of components is the same.
//!
//! Left out: what an inventory does not contain (hashes, descriptions, authors, external
//! references, dependencies, vulnerabilities).

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use pavisade_packages::{Inventory, Purl, sbom};
use pavisade_report::{Sbom, SbomFormat};
use serde_json::{Value, json};

use super::Outcome;
use crate::shared::files;

/// A name, version, package URL and licences.
type Row = (String, String, String, Vec<String>);

pub(super) fn run(folder: &Path) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    for file in files(folder, &["json"])? {
        let text = fs::read_to_string(folder.join(&file))?;
        let document: Value = serde_json::from_str(&text).with_context(|| file.clone())?;
        let own = document["specVersion"].as_str().unwrap_or_default().to_owned();
        for version in [&own, "1.5", "1.6", "1.7"] {
            let mut document = document.clone();
            document["specVersion"] = json!(version);
            let name = format!("{file} as {version}");
            match sbom::read(document.to_string().as_bytes()) {
                Ok(found) => compare(&mut outcome, &name, &document, &found)?,
                Err(error) => outcome.count(false, || format!("{name}: {error}")),
            }
        }
    }
    Ok(outcome)
}

fn compare(
    outcome: &mut Outcome,
    name: &str,
    document: &Value,
    found: &Inventory,
) -> anyhow::Result<()> {
    let wanted: Vec<_> = document["components"].as_array().into_iter().flatten().map(row).collect();
    if wanted.is_empty() {
        let clean = found.packages.is_empty() && found.notes.is_empty();
        outcome.count(clean, || format!("{name}: {:?}", found.notes));
        return Ok(());
    }
    let mut sets = vec![("read", rows(found))];
    for (format, said) in [(SbomFormat::CycloneDx, "CycloneDX"), (SbomFormat::Spdx, "SPDX")] {
        let mut written = Vec::new();
        pavisade_report::sbom(found, format, &Sbom::default(), &mut written)?;
        let again = sbom::read(&written).with_context(|| format!("{name}, written as {said}"))?;
        sets.push((said, rows(&again)));
    }
    for row in wanted {
        let missing = sets.iter().find(|(_, rows)| !rows.contains(&row)).map(|(said, _)| *said);
        outcome.count(missing.is_none(), || {
            format!("{name}: {row:?} is missing: {}", missing.unwrap_or_default())
        });
    }
    Ok(())
}

/// Returns the row of a component.
fn row(component: &Value) -> Row {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let licences = component["licenses"].as_array().into_iter().flatten().map(|choice| {
        let licence = &choice["license"];
        let said = [&choice["expression"], &licence["id"], &licence["name"]];
        said.into_iter().find(|said| said.is_string()).map(text).unwrap_or_default()
    });
    let (group, name) = (text(&component["group"]), text(&component["name"]));
    let purl = text(&component["purl"]);
    // Each ecosystem joins groups and names differently.
    let name = match &*group {
        "" => name,
        _ if purl.starts_with("pkg:maven/") => format!("{group}:{name}"),
        _ => format!("{group}/{name}"),
    };
    // Normalize the package URL: some leave the `@` of scopes unencoded.
    let purl = purl.parse::<Purl>().map_or(purl, |purl| purl.to_string());
    (name, text(&component["version"]), purl, licences.collect())
}

fn rows(inventory: &Inventory) -> BTreeSet<Row> {
    let row = |found: &pavisade_packages::inventory::Found| {
        let purl = found.purl.as_ref().map(Purl::to_string).unwrap_or_default();
        let package = &found.package;
        (package.name.clone(), package.version.clone(), purl, package.licences.clone())
    };
    inventory.packages.iter().map(row).collect()
}
