//! What an image contains besides packages, found while its layers are streamed: secrets in files,
//! in the configuration and in the history, and security-relevant files of the root file system.
//!
//! An [`Inspector`] checks the small files of one layer and keeps what `secrets` finds in them,
//! never the values. [`finish`] has the resulting root file system: it knows which files were
//! removed, and which belong to a package of the distribution and are therefore public.

mod configuration;
mod kept;
mod notable;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, Read};
use std::sync::Arc;

use pavisade_model::{Confidence, FileId, LayerFile};
use pavisade_packages::Inventory;
use pavisade_secrets::file::{MAX_FILE, find_in_file, is_worth_reading};
use pavisade_snapshot::{Inspection, Secret, SecretPlace};

use crate::{Image, Kind, Tree};

/// The largest number of bytes of small files checked in one layer.
const MAX_READ: u64 = 1 << 30;
/// The largest number of secrets kept for one layer.
const MAX_SECRETS: usize = 1_000;
/// The largest `/etc/passwd` in bytes.
const MAX_PASSWD: u64 = 256 << 10;

/// The results for the files of one layer.
#[derive(Debug, Default)]
pub(crate) struct Inspector {
    found: Vec<Candidate>,
    /// The last one in the layer: later entries replace earlier ones.
    passwd: Option<(FileId, Vec<u8>)>,
    read: u64,
    buffer: Vec<u8>,
    /// Why results may be incomplete.
    gap: Option<Cow<'static, str>>,
}

/// A secret in a file.
#[derive(Debug)]
struct Candidate {
    id: FileId,
    path: Arc<str>,
    what: Cow<'static, str>,
    name: String,
    line: u32,
    confidence: Confidence,
    /// A hash of the lines that contain it, which distinguishes secrets of the same type and name.
    value: u64,
}

impl Inspector {
    /// Returns whether the content of a file is needed.
    pub(crate) fn wants(&self, file: &LayerFile<'_>) -> bool {
        let has_room = self.read < MAX_READ && self.found.len() < MAX_SECRETS;
        file.path == PASSWD && file.size <= MAX_PASSWD
            || has_room && is_worth_reading(file.path, file.size)
    }

    /// Checks a file and passes its bytes on to `also`.
    ///
    /// # Errors
    /// Reading fails.
    pub(crate) fn take(
        &mut self,
        file: &LayerFile<'_>,
        bytes: &mut dyn Read,
        also: impl FnOnce(&mut dyn Read) -> io::Result<()>,
    ) -> io::Result<()> {
        self.buffer.clear();
        bytes.take(MAX_FILE + 1).read_to_end(&mut self.buffer)?;
        if file.path == PASSWD {
            self.passwd = Some((file.id(), self.buffer.clone()));
        } else {
            self.look(file);
        }
        also(&mut self.buffer.as_slice())
    }

    fn look(&mut self, file: &LayerFile<'_>) {
        let hits = find_in_file(file.path, &self.buffer);
        if !hits.is_empty() {
            let path: Arc<str> = file.path.into();
            self.found.extend(hits.into_iter().map(|hit| Candidate {
                id: file.id(),
                path: path.clone(),
                what: hit.found.what().into(),
                name: hit.name.into_owned(),
                line: hit.line,
                confidence: hit.confidence,
                value: value(&self.buffer, hit.line),
            }));
        }
        self.read += file.size;
        if self.read >= MAX_READ {
            self.gap =
                Some("a layer has more than 1 GiB of small files: not all were scanned".into());
        } else if self.found.len() >= MAX_SECRETS {
            self.gap = Some("a layer has more than 1000 secrets: not all were reported".into());
        }
    }
}

const PASSWD: &str = "etc/passwd";

/// Combines the results of all layers.
pub(crate) fn finish(
    image: &Image,
    tree: &Tree,
    inventory: &Inventory,
    layers: Vec<Inspector>,
) -> Inspection {
    let mut inspection = Inspection::default();
    let (files, mut left, gap) = notable::find(tree, layers.iter().flat_map(|layer| &layer.found));
    inspection.files = files;
    inspection.gaps.extend(gap);
    inspection.gaps.extend(layers.iter().find_map(|layer| layer.gap.as_deref()).map(str::to_owned));
    let passwd = tree.file(PASSWD.as_bytes()).ok().flatten();
    let passwd =
        layers.iter().filter_map(|layer| layer.passwd.as_ref()).find(|(id, _)| Some(*id) == passwd);
    let passwd = passwd.map(|(_, text)| String::from_utf8_lossy(text).into_owned());
    let found: Vec<_> = layers.into_iter().flat_map(|layer| layer.found).collect();
    inspection.secrets = in_files(found, inventory, &mut left);
    if image.has_configuration() {
        configuration::read(image, passwd.as_deref().unwrap_or(""), &mut inspection);
    }
    inspection
}

/// Returns the secrets in files that belong to no package of the distribution, each once, in the
/// lowest layer.
fn in_files(
    found: Vec<Candidate>,
    inventory: &Inventory,
    left: &mut HashSet<FileId>,
) -> Vec<Secret> {
    if found.is_empty() {
        return Vec::new();
    }
    let owned = owned(inventory);
    // A public file is recorded by the hash of its value.
    let mut once: BTreeMap<_, Result<(Candidate, bool), u64>> = BTreeMap::new();
    let mut nth: HashMap<_, u32> = HashMap::new();
    for candidate in found {
        let removed = !left.contains(&candidate.id);
        // The second secret of a type in one file is separate from the first.
        let (what, name) = (candidate.what.clone(), candidate.name.clone());
        let count = nth.entry((candidate.id, what.clone(), name.clone())).or_default();
        *count += 1;
        let key = (candidate.path.clone(), what, name, *count);
        // Layers come in order: a later one replaces the file with one that has the same secret.
        match once.get_mut(&key) {
            Some(Ok((_, everywhere))) => *everywhere &= removed,
            Some(Err(public)) if *public == candidate.value => {}
            _ => {
                let is_public = is_public(&candidate, &owned);
                let value = candidate.value;
                once.insert(key, if is_public { Err(value) } else { Ok((candidate, removed)) });
            }
        }
    }
    let mut all: Vec<_> = once.into_values().flatten().collect();
    all.sort_by(|(a, _), (b, _)| (&a.path, a.line, &a.what).cmp(&(&b.path, b.line, &b.what)));
    let secret = |(found, removed): (Candidate, bool)| Secret {
        what: (*found.what).into(),
        name: found.name,
        place: SecretPlace::File {
            path: found.path,
            layer: Some(found.id.layer.into()),
            line: found.line,
            removed,
        },
        confidence: found.confidence,
    };
    all.into_iter().map(secret).collect()
}

/// Returns the newest layer in which a distribution package installed each file, by path hash.
fn owned(inventory: &Inventory) -> HashMap<u64, u16> {
    let system = inventory.packages.iter().filter(|found| found.package.kind.is_of_system());
    let mut owned = HashMap::new();
    for found in system {
        let layer = found.layer().unwrap_or(0);
        for path in &found.package.files {
            let newest = owned.entry(hash(path)).or_insert(layer);
            *newest = layer.max(*newest);
        }
    }
    owned
}

/// Returns whether a file is public: a package installed it, and no later layer changed it.
/// Something that has the format of a credential in a configuration file was put there by the same
/// instruction.
fn is_public(candidate: &Candidate, owned: &HashMap<u64, u16>) -> bool {
    let by_form = candidate.confidence == Confidence::High && candidate.name.is_empty();
    let newest = owned.get(&hash(&candidate.path));
    newest.is_some_and(|layer| candidate.id.layer <= *layer)
        && !(by_form && candidate.path.starts_with("etc/"))
}

/// Hashes the lines that contain a secret: all lines of a key, otherwise those that may contain its
/// name and value.
fn value(text: &[u8], line: u32) -> u64 {
    const MOST: usize = 200;
    let lines = text.split(|byte| *byte == b'\n').skip(line.saturating_sub(1) as usize);
    let holds = |line: &[u8], part: &[u8]| line.windows(part.len()).any(|found| found == part);
    let (mut hasher, mut is_key) = (DefaultHasher::new(), false);
    for (at, line) in lines.take(MOST).enumerate() {
        is_key |= at == 0 && holds(line, b"-----BEGIN ");
        if at > 2 && !is_key {
            break;
        }
        line.hash(&mut hasher);
        if is_key && holds(line, b"-----END ") {
            break;
        }
    }
    hasher.finish()
}

/// Hashes a path; `/bin` may be a link to `/usr/bin`.
fn hash(path: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    path.strip_prefix("usr/").unwrap_or(path).hash(&mut hasher);
    hasher.finish()
}

/// Returns the ID of a regular file.
fn file_id(kind: Kind) -> Option<FileId> {
    match kind {
        Kind::File(id) => Some(id),
        Kind::Folder | Kind::Link | Kind::Other => None,
    }
}

#[cfg(test)]
mod tests;
