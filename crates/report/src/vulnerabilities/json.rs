//! Suggested upgrades: the JSON document `pavisade.dev/upgrades/v1`.
//!
//! Within a version, fields may be added, but none is removed or changes its meaning.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use pavisade_model::Severity;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::Serialize;

use super::{Upgrade, Vulnerable};
use crate::image::instruction;
use crate::json::{Note, Severities, Tool};

/// The value of `schema`.
pub const SCHEMA: &str = "pavisade.dev/upgrades/v1";

/// Returns the JSON schema of the document.
pub fn schema() -> Schema {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<Document<'static>>()
}

/// Suggested upgrades for an image.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "Result of `pavisade image --suggest -f json`")]
struct Document<'a> {
    /// `pavisade.dev/upgrades/v1`.
    schema: &'static str,
    /// The program that created it.
    tool: Tool,
    /// The name of the image, or its path.
    name: &'a str,
    /// Whether it is a source tree with lock files and manifests.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    source_tree: bool,
    /// The digest of the image; absent if it has none.
    #[serde(skip_serializing_if = "str::is_empty")]
    digest: &'a str,
    /// The vulnerability database.
    database: Database<'a>,
    /// The number of vulnerabilities found, counted once per package.
    found: usize,
    /// The number of them that the upgrades fix.
    fixed: usize,
    /// The layers with upgrades, bottom first.
    layers: Vec<Layer<'a>>,
    /// What could not be read.
    notes: Vec<Note<'a>>,
}

/// A vulnerability database.
#[derive(Debug, Serialize, JsonSchema)]
struct Database<'a> {
    /// Its file.
    place: &'a str,
    /// The number of its advisories.
    advisories: usize,
}

/// A layer, and its upgrades.
#[derive(Debug, Serialize, JsonSchema)]
struct Layer<'a> {
    /// Its index, from 0; absent if it is not known which layer added the packages.
    #[serde(skip_serializing_if = "Option::is_none")]
    layer: Option<u16>,
    /// The digest of its blob.
    #[serde(skip_serializing_if = "str::is_empty")]
    digest: &'a str,
    /// The instruction that created it, with secrets masked.
    #[serde(skip_serializing_if = "String::is_empty")]
    instruction: String,
    /// Upgrades, ordered by the urgency and number of vulnerabilities they fix.
    upgrades: Vec<One<'a>>,
}

/// An upgrade of a package, or of all packages built from one source.
#[derive(Debug, Serialize, JsonSchema)]
struct One<'a> {
    /// The ecosystem: the type of its package URL.
    r#type: &'a str,
    /// The package, or the source package.
    name: &'a str,
    /// The installed version.
    installed: &'a str,
    /// The version to upgrade to: the lowest that fixes everything that can be fixed.
    to: &'a str,
    /// The packages, if their names differ.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    packages: &'a [String],
    /// IDs of the vulnerabilities that it fixes.
    fixes: &'a BTreeSet<String>,
    /// Their severities.
    severities: Severities,
    /// The number of them with the priority `now`.
    now: usize,
    /// The number of known vulnerabilities that remain in the version to upgrade to.
    remaining: usize,
}

/// Writes the document.
///
/// # Errors
/// Writing to `out` fails.
pub fn upgrades(told: &Vulnerable<'_>, out: &mut dyn Write) -> io::Result<()> {
    let Vulnerable { inventory, judgement, data, upgrades, .. } = told;
    let mut by_layer: BTreeMap<Option<u16>, Vec<One<'_>>> = BTreeMap::new();
    for upgrade in *upgrades {
        by_layer.entry(upgrade.layer).or_default().push(one(upgrade));
    }
    let mut layers = Vec::new();
    for (number, upgrades) in by_layer {
        let layer = inventory.layer(number);
        layers.push(Layer {
            layer: number,
            digest: layer.map_or("", |layer| &layer.digest),
            instruction: layer.map_or_else(String::new, instruction),
            upgrades,
        });
    }
    // Packages of unknown layers come last.
    layers.sort_by_key(|layer| (layer.layer.is_none(), layer.layer));
    let found = judgement.findings.iter().filter(|finding| finding.vulnerability.is_some());
    let document = Document {
        schema: SCHEMA,
        tool: Tool { name: "pavisade", version: env!("CARGO_PKG_VERSION") },
        name: &inventory.name,
        source_tree: inventory.source_tree,
        digest: &inventory.digest,
        database: Database { place: &data.place, advisories: data.advisories },
        found: found.count(),
        fixed: upgrades.iter().map(|upgrade| upgrade.lines).sum(),
        layers,
        notes: judgement.notes.iter().map(Note::from).collect(),
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    out.write_all(b"\n")
}

fn one(upgrade: &Upgrade) -> One<'_> {
    let of = |severity| upgrade.severities.get(&severity).copied().unwrap_or_default();
    One {
        r#type: &upgrade.ecosystem,
        name: &upgrade.name,
        installed: &upgrade.installed,
        to: &upgrade.to,
        packages: &upgrade.packages,
        fixes: &upgrade.ids,
        severities: Severities {
            critical: of(Severity::Critical),
            high: of(Severity::High),
            medium: of(Severity::Medium),
            low: of(Severity::Low),
            unknown: of(Severity::Unknown),
        },
        now: upgrade.now,
        remaining: upgrade.left,
    }
}
