//! Reads files and standard input up to a size limit.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use pavisade_sources::open_regular;

/// Reads a regular file, or standard input for `-`.
///
/// # Errors
/// The input cannot be read, or is larger than `limit` bytes.
pub(crate) fn bytes(path: &Path, limit: u64) -> anyhow::Result<Vec<u8>> {
    let shown = || format!("reading {}", path.display());
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        std::io::stdin().take(limit + 1).read_to_end(&mut bytes).with_context(shown)?;
    } else {
        let file = open_regular(path).with_context(shown)?;
        file.take(limit + 1).read_to_end(&mut bytes).with_context(shown)?;
    }
    if bytes.len() as u64 > limit {
        bail!("{}: it is larger than {limit} bytes", shown());
    }
    Ok(bytes)
}

/// The same as [`bytes`], for text.
///
/// # Errors
/// Those of [`bytes`], or the input is not UTF-8.
pub(crate) fn text(path: &Path, limit: u64) -> anyhow::Result<String> {
    String::from_utf8(bytes(path, limit)?)
        .with_context(|| format!("reading {}: it is not UTF-8", path.display()))
}
