//! Inventories as SBOMs: CycloneDX 1.6 and SPDX 2.3.
//!
//! The same inventory gives the same bytes: nothing depends on time or randomness. Data that the
//! formats do not support (layers, the package that installed another one) is in properties and
//! comments with names that begin with `pavisade:`, which `packages::sbom` reads.

mod cyclonedx;
mod spdx;
mod vulnerable;

use std::io::{self, Write};

use pavisade_judgement::Judgement;
use pavisade_packages::Inventory;
use sha2::{Digest as _, Sha256};

use crate::guard;

/// The format of an SBOM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SbomFormat {
    /// CycloneDX 1.6, JSON.
    CycloneDx,
    /// SPDX 2.3, JSON.
    Spdx,
}

/// Additional data of a document.
#[derive(Debug, Clone, Default)]
pub struct Sbom {
    /// The creation time (RFC 3339), if it should be included.
    pub made: Option<String>,
}

/// Writes an inventory as an SBOM.
///
/// # Errors
/// Writing to `out` fails.
pub fn sbom(
    inventory: &Inventory,
    format: SbomFormat,
    about: &Sbom,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        SbomFormat::CycloneDx => cyclonedx::write(inventory, None, about, out),
        SbomFormat::Spdx => spdx::write(inventory, about, out),
    }
}

/// Writes an inventory as CycloneDX, with its vulnerabilities.
///
/// # Errors
/// Writing to `out` fails.
pub fn sbom_with(
    inventory: &Inventory,
    judgement: &Judgement,
    about: &Sbom,
    out: &mut dyn Write,
) -> io::Result<()> {
    cyclonedx::write(inventory, Some(judgement), about, out)
}

/// A property of a CycloneDX component or vulnerability.
#[derive(serde::Serialize)]
struct Property {
    name: String,
    value: String,
}

/// Derives a UUID from the content of a document (RFC 9562, version 8).
fn uuid(document: &impl serde::Serialize) -> io::Result<String> {
    let mut text = Vec::new();
    guard::write(document, &mut text)?;
    let mut bytes: [u8; 32] = Sha256::digest(&text).into();
    bytes[6] = bytes[6] & 0x0F | 0x80;
    bytes[8] = bytes[8] & 0x3F | 0x80;
    let hex: String = bytes[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    let (a, b, c, d, e) = (&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]);
    Ok(format!("{a}-{b}-{c}-{d}-{e}"))
}

/// The parts of an image's name: `registry.example.com/team/app:1.2`.
struct Reference<'a> {
    /// The name without the tag. Empty if there is none.
    repository: &'a str,
    tag: &'a str,
}

impl<'a> Reference<'a> {
    fn of(name: &'a str) -> Self {
        let name = name.split_once('@').map_or(name, |(name, _)| name);
        match name.rsplit_once(':') {
            // A colon before the last slash introduces a port, not a tag.
            Some((repository, tag)) if !tag.contains('/') => Self { repository, tag },
            _ => Self { repository: name, tag: "" },
        }
    }
}

/// Returns the package URL of an image. `None` if it has no digest.
pub(crate) fn image_purl(inventory: &Inventory) -> Option<String> {
    let Reference { repository, tag } = Reference::of(&inventory.name);
    let name = repository.rsplit('/').next().unwrap_or_default();
    if inventory.digest.is_empty() {
        return None;
    }
    let mut qualifiers = Vec::new();
    let mut qualifier = |key: &str, value: &str| {
        if !value.is_empty() {
            qualifiers.push((key.to_owned(), value.to_owned()));
        }
    };
    qualifier("arch", inventory.platform.split('/').nth(1).unwrap_or_default());
    qualifier("tag", tag);
    if repository.contains('/') {
        qualifier("repository_url", repository);
    }
    pavisade_packages::Purl::new("oci", "", name, &inventory.digest, qualifiers, "")
        .ok()
        .map(|purl| purl.to_string())
}

#[cfg(test)]
mod tests;
