//! Paths of this checkout and of the read-only data directory next to it, and file functions for
//! tasks.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// Returns the root of this checkout.
pub(crate) fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

/// Returns `../shared/PATH`; `None`, with a message, if it does not exist.
pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    let full = root().join("../shared").join(path);
    if !full.exists() {
        println!("skipped: ../shared/{path} is not here");
        return None;
    }
    Some(full)
}

/// Returns the manifest corpus: the given directory, or that of `../shared`, unpacked into
/// `unpacked`. `None`, with a message, if it does not exist.
pub(crate) fn corpus(given: Option<&Path>, unpacked: &Path) -> anyhow::Result<Option<PathBuf>> {
    if let Some(folder) = given {
        return Ok(Some(folder.to_owned()));
    }
    let Some(archive) = shared("data/manifests/corpus.tar.zst") else { return Ok(None) };
    unpack(&archive, unpacked)?;
    Ok(Some(unpacked.join("corpus")))
}

/// Unpacks a `.tar.zst` into an existing directory.
pub(crate) fn unpack(archive: &Path, into: &Path) -> anyhow::Result<()> {
    let unpack = || tar::Archive::new(zstd::Decoder::new(File::open(archive)?)?).unpack(into);
    unpack().with_context(|| format!("unpacking {}", archive.display()))
}

/// Returns the values of a zstd-compressed file with one JSON value per line.
pub(crate) fn json_lines(path: &Path) -> anyhow::Result<Vec<serde_json::Value>> {
    let mut text = String::new();
    let mut decoder = zstd::Decoder::new(File::open(path)?)?;
    decoder.window_log_max(27)?;
    decoder.read_to_string(&mut text)?;
    let lines = text.split('\n').filter(|line| !line.is_empty());
    lines.map(|line| Ok(serde_json::from_str(line)?)).collect()
}

/// Returns the first 16 hex digits.
pub(crate) fn hex16(bytes: &[u8]) -> String {
    bytes.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the sorted files below a directory with one of the extensions, as relative paths with
/// `/`. Links are not followed.
pub(crate) fn files(folder: &Path, extensions: &[&str]) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder_here) = open.pop() {
        let entries = fs::read_dir(&folder_here)
            .with_context(|| format!("listing {}", folder_here.display()))?;
        for entry in entries {
            let entry = entry?;
            let path = entry.path();
            let wanted = |end: &OsStr| extensions.iter().any(|want| end == *want);
            if entry.file_type()?.is_dir() {
                open.push(path);
            } else if entry.file_type()?.is_file() && path.extension().is_some_and(wanted) {
                found.push(path.strip_prefix(folder)?.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    found.sort();
    Ok(found)
}
