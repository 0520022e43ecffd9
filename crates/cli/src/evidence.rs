//! What was found attached to images, kept in the user's cache folder by the images' digests.
//!
//! Signatures are kept, never verdicts: they are verified again each time, by the trust root, policy
//! and time of that run, so that nobody who can write to the folder can make an image verified. If none
//! of those that are kept is accepted, the registry is asked.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pavisade_oci::Attached;
use serde_json::{Value, json};

use crate::registry;

/// What is attached to an image.
pub(crate) struct Found {
    /// Of its manifest or index.
    pub digest: String,
    pub attached: Vec<Attached>,
    /// Why there may be more: sentence parts.
    pub gaps: Vec<String>,
    pub looked: &'static str,
}

/// Bytes of a file of the cache.
const MAX_BYTES: u64 = 64 << 20;

fn file(digest: &str) -> Option<PathBuf> {
    let name = digest.strip_prefix("sha256:")?;
    let is_name = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_name.then_some(registry::cache_folder()?.join("signatures").join(format!("{name}.json")))
}

/// What is kept of an image.
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

/// Keeps it, where there is a folder for that. One that cannot be kept is fetched again.
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
    // Beside and renamed, so that nobody reads half of it.
    let Ok(mut beside) = tempfile::NamedTempFile::new_in(folder) else { return };
    if std::io::Write::write_all(&mut beside, text.as_bytes()).is_ok() {
        let _ = beside.persist(file);
    }
}
