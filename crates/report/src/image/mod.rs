//! The content of an image, for terminals and as JSON.

mod diff;
mod gained;
mod inspection;
mod json;
mod table;
mod tree;

use std::borrow::Cow;
use std::io::{self, Write};

use pavisade_packages::Inventory;
use pavisade_packages::inventory::{Found, Layer};
use pavisade_secrets::mask;
use pavisade_snapshot::Inspection;

pub use diff::image_diff;
pub use gained::Gained;
pub use json::{SCHEMA, schema};
pub(crate) use table::head;
pub(crate) use tree::name as layer_name;

use crate::{Options, guard};

/// The format of an inventory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageFormat {
    /// Packages by ecosystem.
    Table,
    /// Packages by layer.
    Tree,
    /// The JSON document.
    Json,
}

/// Writes the content of an image: its packages, and other content if known.
///
/// # Errors
/// Writing to `out` fails.
pub fn image(
    inventory: &Inventory,
    inspection: Option<&Inspection>,
    format: ImageFormat,
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        ImageFormat::Table => table::write(inventory, inspection, options, out),
        ImageFormat::Tree => tree::write(inventory, options, out),
        ImageFormat::Json => guard::write(&json::document(inventory, inspection), out),
    }
}

/// Returns the instruction that created a layer, without what BuildKit and Docker add. Secrets in
/// it are masked.
pub fn instruction(layer: &Layer) -> String {
    let text = layer.instruction.trim();
    let text = text.strip_suffix("# buildkit").unwrap_or(text).trim_end();
    let text = match text.strip_prefix("/bin/sh -c #(nop)") {
        Some(rest) => Cow::Borrowed(rest.trim_start()),
        None => match text.strip_prefix("/bin/sh -c ") {
            Some(command) => Cow::Owned(format!("RUN {}", command.trim_start())),
            None => Cow::Borrowed(text),
        },
    };
    let words: Vec<_> = text.split_whitespace().collect();
    mask(&words.join(" ")).into_owned()
}

/// Returns the digest for display.
pub(crate) fn digest(layer: &Layer) -> &str {
    if layer.digest.is_empty() { &layer.diff_id } else { &layer.digest }
}

/// Returns the start of a digest for display.
fn short(digest: &str) -> &str {
    let end = digest.find(':').map_or(0, |colon| colon + 1) + 12;
    digest.get(..end).unwrap_or(digest)
}

/// Returns the licenses for display: an expression, or as declared.
fn licence(found: &Found) -> String {
    found.licence().unwrap_or_else(|| found.package.licences.join(", "))
}

/// Formats a size in bytes.
fn size(bytes: u64) -> String {
    let (unit, name) = match bytes {
        0..1_000 => return format!("{bytes} B"),
        1_000..1_000_000 => (1_000, "kB"),
        1_000_000..1_000_000_000 => (1_000_000, "MB"),
        _ => (1_000_000_000, "GB"),
    };
    let tenths = bytes.saturating_mul(10) / unit;
    if tenths < 100 {
        format!("{}.{} {name}", tenths / 10, tenths % 10)
    } else {
        format!("{} {name}", tenths / 10)
    }
}

#[cfg(test)]
pub(crate) mod tests;
