//! The JSON document `pavisade.dev/image/v1`.
//!
//! Within a version, fields may be added, but none is removed or changes its meaning.

use pavisade_packages::Inventory;
use pavisade_packages::inventory::{self, Found};
use pavisade_snapshot::Inspection;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::Serialize;

use super::inspection::{Configuration, NotableFile, Secret, files, secrets};
use super::instruction;
use crate::json::{Note, Tool};

/// The value of `schema`.
pub const SCHEMA: &str = "pavisade.dev/image/v1";

/// Returns the JSON schema of the document.
pub fn schema() -> Schema {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<Document<'static>>()
}

/// The content of an image.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "Result of `pavisade image`")]
pub(super) struct Document<'a> {
    /// `pavisade.dev/image/v1`.
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
    /// Its platform: `linux/amd64`.
    #[serde(skip_serializing_if = "str::is_empty")]
    platform: &'a str,
    /// When it was created (RFC 3339).
    #[serde(skip_serializing_if = "str::is_empty")]
    created: &'a str,
    /// The distribution.
    #[serde(skip_serializing_if = "Option::is_none")]
    distribution: Option<Distribution<'a>>,
    /// The layers, bottom first.
    layers: Vec<Layer<'a>>,
    /// The packages, by ecosystem, name and version.
    packages: Vec<Package<'a>>,
    /// How its containers are started; absent if this is not known, as for SBOMs.
    #[serde(skip_serializing_if = "Option::is_none")]
    configuration: Option<Configuration<'a>>,
    /// Security-relevant files; absent if they are not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<Vec<NotableFile<'a>>>,
    /// Secrets in its layers, its configuration and its history; absent if they were not searched.
    #[serde(skip_serializing_if = "Option::is_none")]
    secrets: Option<Vec<Secret<'a>>>,
    /// What could not be read.
    notes: Vec<Note<'a>>,
}

/// A distribution, from `os-release`.
#[derive(Debug, Serialize, JsonSchema)]
struct Distribution<'a> {
    /// `debian`, `alpine`.
    id: &'a str,
    /// Its version; absent for rolling releases.
    #[serde(skip_serializing_if = "str::is_empty")]
    version: &'a str,
    /// The codename of its version.
    #[serde(skip_serializing_if = "str::is_empty")]
    codename: &'a str,
    /// Its display name.
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
    /// The last day on which it gets security fixes; absent if not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    support_until: Option<&'static str>,
}

/// A layer.
#[derive(Debug, Serialize, JsonSchema)]
struct Layer<'a> {
    /// The digest of its blob.
    #[serde(skip_serializing_if = "str::is_empty")]
    digest: &'a str,
    /// The digest of its uncompressed bytes.
    #[serde(skip_serializing_if = "str::is_empty")]
    diff_id: &'a str,
    /// The instruction that created it, with secrets masked.
    #[serde(skip_serializing_if = "String::is_empty")]
    instruction: String,
    /// Compressed size in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    packed: Option<u64>,
    /// Uncompressed size in bytes.
    bytes: u64,
}

/// A package.
#[derive(Debug, Serialize, JsonSchema)]
struct Package<'a> {
    /// Its identifier in this document: the package URL if it is unique.
    reference: &'a str,
    /// Its ecosystem: the type of its package URL.
    r#type: &'a str,
    /// Its name as its ecosystem writes it.
    name: &'a str,
    /// Its version.
    version: &'a str,
    /// Its architecture, if its database contains one.
    #[serde(skip_serializing_if = "str::is_empty")]
    architecture: &'a str,
    /// Its package URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    purl: Option<String>,
    /// Its source package, if that has another name or version.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<Source<'a>>,
    /// Its licenses as an SPDX expression, if all of them are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    licence: Option<String>,
    /// Its licenses as declared.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    licences: &'a [String],
    /// The layer that added it, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    layer: Option<u16>,
    /// The distribution package that installed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<&'a str>,
    /// Its groups in the lock file (`dev`, `optional`, an extra); none for production.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    groups: &'a [String],
    /// The files that mention it.
    places: Vec<Place<'a>>,
    /// Its files, with `--files`.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    files: &'a [String],
}

/// A source package.
#[derive(Debug, Serialize, JsonSchema)]
struct Source<'a> {
    /// Its name.
    name: &'a str,
    /// Its version.
    version: &'a str,
}

/// A file that mentions a package.
#[derive(Debug, Serialize, JsonSchema)]
struct Place<'a> {
    /// The path, without a leading slash.
    path: &'a str,
    /// The layer that added the package, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    layer: Option<u16>,
}

pub(super) fn document<'a>(
    inventory: &'a Inventory,
    inspection: Option<&'a Inspection>,
) -> impl Serialize + 'a {
    Whole { inventory, inspection, references: inventory.references() }
}

/// An inventory with the identifiers of its packages, which the document borrows.
struct Whole<'a> {
    inventory: &'a Inventory,
    inspection: Option<&'a Inspection>,
    references: Vec<String>,
}

impl Serialize for Whole<'_> {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Self { inventory, inspection, references } = self;
        let packages = inventory.packages.iter().zip(references);
        Document {
            schema: SCHEMA,
            tool: Tool { name: "pavisade", version: env!("CARGO_PKG_VERSION") },
            name: &inventory.name,
            source_tree: inventory.source_tree,
            digest: &inventory.digest,
            platform: &inventory.platform,
            created: &inventory.created,
            distribution: inventory.distribution.as_ref().map(|found| Distribution {
                id: &found.id,
                version: &found.version,
                codename: &found.codename,
                name: &found.name,
                support_until: pavisade_images::support(&found.id, &found.version)
                    .map(|support| support.until),
            }),
            layers: inventory.layers.iter().map(layer).collect(),
            packages: packages.map(|(found, name)| package(found, name, references)).collect(),
            configuration: inspection
                .and_then(|found| found.configuration.as_ref())
                .map(Configuration::from),
            files: inspection.map(files),
            secrets: inspection.map(secrets),
            notes: inventory.notes.iter().map(Note::from).collect(),
        }
        .serialize(to)
    }
}

fn layer(layer: &inventory::Layer) -> Layer<'_> {
    Layer {
        digest: &layer.digest,
        diff_id: &layer.diff_id,
        instruction: instruction(layer),
        packed: layer.packed,
        bytes: layer.bytes,
    }
}

fn package<'a>(found: &'a Found, reference: &'a str, references: &'a [String]) -> Package<'a> {
    let package = &found.package;
    let places = found.places.iter().map(|place| Place { path: &place.path, layer: place.layer });
    Package {
        reference,
        r#type: found.ecosystem(),
        name: &package.name,
        version: &package.version,
        architecture: &package.architecture,
        purl: found.purl.as_ref().map(ToString::to_string),
        source: package.source.as_ref().map(|s| Source { name: &s.name, version: &s.version }),
        licence: found.licence(),
        licences: &package.licences,
        layer: found.layer(),
        owner: found.owner.and_then(|owner| references.get(owner)).map(String::as_str),
        groups: &package.groups,
        places: places.collect(),
        files: &package.files,
    }
}
