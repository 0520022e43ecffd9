//! The VEX documents of a command line.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use pavisade_sources::open_regular;
use pavisade_vex::{Document, MAX_BYTES};

/// Reads the documents.
///
/// # Errors
/// A document cannot be read or is not valid.
pub(crate) fn documents(files: &[PathBuf]) -> anyhow::Result<Vec<Document>> {
    files.iter().map(|file| document(file)).collect()
}

fn document(file: &Path) -> anyhow::Result<Document> {
    let shown = file.display().to_string();
    let read = || {
        let mut bytes = Vec::new();
        open_regular(file)?.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
        anyhow::Ok(pavisade_vex::read(&shown, &bytes)?)
    };
    read().with_context(|| format!("--vex {shown}"))
}
