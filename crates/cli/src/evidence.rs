//! Caches signatures and attestations of images by image digest in the user's cache directory.
//!
//! Only signatures are cached, never results: each run verifies them with its own trust root,
//! policy and time, so write access to the directory cannot make an image verified. If no cached
//! signature is accepted, the registry is queried.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pavisade_oci::Attached;
use serde_json::{Value, json};

use crate::registry;

/// The signatures and attestations of an image.
pub(crate) struct Found {
    /// The digest of the manifest or index.
    pub digest: String,
    pub attached: Vec<Attached>,
    /// Why there may be more: sentence parts.
    pub gaps: Vec<String>,
    pub looked: &'static str,
}

/// The largest cache file in bytes.
const MAX_BYTES: u64 = 64 << 20;

fn file(digest: &str) -> Option<PathBuf> {
    let name = digest.strip_prefix("sha256:")?;
    let is_name = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_name.then_some(registry::cache_folder()?.join("signatures").join(format!("{name}.json")))
}

/// Reads the cache entry of an image.
pub(crate) fn read(digest: &str) -> Option<Found> {
    let file = file(digest)?;
    if fs::metadata(&file).ok()?.len() > MAX_BYTES {
        return None;
    }
    let all: Vec<Value> = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
    let one = |value: &Value| -> Option<Attached> {
        let text = |name: &str| value.get(name)?.as_str().map(str::to_owned);
        let annotations: BTreeMap<String, String> =
            serde_json::from_value(value.get("annotations")?.clone()).ok()?;
        Some(Attached {
            media_type: text("mediaType")?,
            bytes: STANDARD.decode(text("bytes")?).ok()?,
            annotations,
            manifest: text("manifest")?.parse().ok()?,
            place: text("place")?,
        })
    };
    let attached = all.iter().map(one).collect::<Option<_>>()?;
    Some(Found { digest: digest.to_owned(), attached, gaps: Vec::new(), looked: "the cache" })
}

/// Writes a cache entry, if possible; otherwise the signatures are fetched again.
pub(crate) fn keep(found: &Found) {
    let Some(file) = file(&found.digest) else { return };
    if found.attached.is_empty() {
        return;
    }
    let all: Vec<_> = found
        .attached
        .iter()
        .map(|one| {
            json!({
                "mediaType": one.media_type,
                "bytes": STANDARD.encode(&one.bytes),
                "annotations": one.annotations,
                "manifest": one.manifest.to_string(),
                "place": one.place,
            })
        })
        .collect();
    let text = Value::from(all).to_string();
    let Some(folder) = file.parent() else { return };
    if text.len() as u64 > MAX_BYTES || fs::create_dir_all(folder).is_err() {
        return;
    }
    // Write a temporary file and rename it, so that no reader sees a partial file.
    let Ok(mut beside) = tempfile::NamedTempFile::new_in(folder) else { return };
    if std::io::Write::write_all(&mut beside, text.as_bytes()).is_ok() {
        let _ = beside.persist(file);
    }
}
