//! Images for `scan`: reads the images that are given or that objects use, and matches them against
//! the vulnerability database.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pavisade_config::SignatureRule;
use pavisade_images::Wants;
use pavisade_model::{Note, NoteKind};
use pavisade_oci::{Limits, Platform, Store};
use pavisade_packages::Inventory;
use pavisade_packages::inventory::Options;
use pavisade_scan::Timestamp;
use pavisade_signing::TrustRoot;
use pavisade_snapshot::{Facts, Image, Images, Inspection, Snapshot};
use pavisade_sources::Progress as _;
use pavisade_vulndb::Matcher;

use crate::args::{self, Choose};
use crate::compare::{Comparing, canonical};
use crate::database;
use crate::image::{self, Sought};
use crate::progress::Spinner;
use crate::registry::{self, Remotes};
use crate::signatures::Judging;
use crate::terminal;

/// Returns the snapshot with the requested images and their vulnerabilities.
///
/// # Errors
/// The database cannot be read.
pub(crate) fn add(
    args: &args::Images,
    rules: &[SignatureRule],
    snapshot: Snapshot,
    progress: &Spinner,
) -> anyhow::Result<(Snapshot, Vec<Inventory>)> {
    if !args.asked() {
        return Ok((snapshot, Vec::new()));
    }
    let file = database::find(args.db.as_deref());
    if file.is_none() && !args.packages.is_empty() {
        anyhow::bail!(database::MISSING);
    }
    let bytes = file.map(|file| anyhow::Ok((database::read(&file)?, file))).transpose()?;
    let opened = bytes.as_ref().map(|(bytes, file)| database::open(file, bytes)).transpose()?;
    let mut matcher = opened.map(Matcher::new);
    let remotes = Remotes::new(&args.registry)?;
    let mut reading = Reading {
        comparing: Comparing::new(matcher.as_mut()),
        keeps: args.keep,
        kept: Vec::new(),
        remotes: &remotes,
        platform: args.platform.as_ref(),
    };
    // With the place where each of them was read.
    let mut images: Vec<(Image, PathBuf)> = Vec::new();
    let (mut missing, mut nowhere) = (Vec::new(), Vec::new());
    for path in &args.given {
        progress.stage(&format!("Reading {}", path.display()));
        match reading.image(path, None, None) {
            Some(image) => images.push((image, path.clone())),
            None => missing.push((path.display().to_string().into(), UNREADABLE.to_owned())),
        }
    }
    for path in &args.packages {
        progress.stage(&format!("Reading {}", path.display()));
        let found = image::sources(path).map(|found| (found, None));
        match reading.judged(path, found, None) {
            Some(tree) => images.push((tree, path.clone())),
            None => missing.push((path.display().to_string().into(), UNREADABLE.to_owned())),
        }
    }
    let references = images.iter().flat_map(|(image, _)| &image.references).cloned();
    let given: HashSet<Arc<str>> = references.collect();
    if args.of_objects() {
        progress.stage("Looking for images");
        let there = reading.there(&args.sources);
        let wants = Wants::of(&snapshot);
        reading.tell_unclear(&wants);
        let wanted = wants.images();
        let count = wanted.len();
        for (number, reference) in (1..).zip(wanted.into_keys()) {
            let reference: Arc<str> = reference.into();
            if given.contains(&reference) {
                continue;
            }
            let (path, name) = match there.get(&*reference) {
                Some((path, name)) => (path.clone(), name.clone()),
                None if args.named => (registry::path(&reference), None),
                None => {
                    nowhere.push(reference);
                    continue;
                }
            };
            progress.stage(&format!("Reading {reference} ({number} of {count})"));
            match reading.image(&path, name, Some(&reference)) {
                Some(image) => images.push((image, path)),
                None => missing.push((reference, UNREADABLE.to_owned())),
            }
        }
    } else if !args.given.is_empty() {
        let wants = Wants::of(&snapshot);
        let other = wants.images().into_keys().filter(|reference| !given.contains(*reference));
        let other: Vec<Arc<str>> = other.map(Into::into).collect();
        reading.comparing.notes.extend(not_given(&other));
        let why = |reference| (reference, "it was not specified".to_owned());
        missing.extend(other.into_iter().map(why));
    }
    if !rules.is_empty() {
        progress.stage("Looking for signatures");
        let judging = Judging {
            rules,
            remotes: &remotes,
            platform: args.platform.as_ref(),
            root: TrustRoot::public(),
            now: Timestamp::now(),
        };
        for (image, place) in images.iter_mut().filter(|(image, _)| !image.source_tree) {
            image.signature = judging.of(image, place);
        }
    }
    if let Some(problem) = remotes.problem() {
        terminal::say("not kept", problem);
    }
    let (mut notes, kept) = (reading.comparing.notes, reading.kept);
    notes.extend(not_had(&nowhere));
    let why = "none of the given sources contains it";
    missing.extend(nowhere.into_iter().map(|reference| (reference, why.to_owned())));
    let images = images.into_iter().map(|(image, _)| image).collect();
    let images = Some(Arc::new(Images::new(images, missing)));
    Ok((snapshot.with_facts(Facts { images }).with_notes(notes), kept))
}

/// Returns the matching files of a directory in order.
pub(crate) fn inside(folder: &Path, is_meant: impl Fn(&Path) -> bool) -> io::Result<Vec<PathBuf>> {
    let paths = fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = paths.collect::<io::Result<Vec<_>>>()?;
    paths.retain(|path| is_meant(path));
    paths.sort();
    Ok(paths)
}

/// Converts a remedy to a sentence.
fn sentence(remedy: &str) -> String {
    let mut rest = remedy.chars();
    match rest.next() {
        // Options and command names keep their case.
        Some(first) if first.is_ascii_lowercase() => {
            format!("{}{}.", first.to_ascii_uppercase(), rest.as_str())
        }
        Some(_) => format!("{remedy}."),
        None => String::new(),
    }
}

/// Why an image with a note is missing.
const UNREADABLE: &str = "it could not be read";

/// Lists the first few image names.
fn names(images: &[Arc<str>]) -> String {
    /// The number of names shown.
    const SHOWN: usize = 3;
    let names: Vec<_> = images.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    match images.len().saturating_sub(SHOWN) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

/// Returns a note about images of objects that are in no source.
fn not_had(missing: &[Arc<str>]) -> Option<Note> {
    let first = missing.first()?;
    Some(Note {
        kind: NoteKind::Unread,
        place: first.to_string(),
        span: None,
        message: format!("not scanned: {}", names(missing)),
        remedy: "Add the archives of these images with --image-source, or pull them with --images."
            .to_owned(),
    })
}

/// Returns a note about images of objects that differ from the given ones.
fn not_given(other: &[Arc<str>]) -> Option<Note> {
    let first = other.first()?;
    let count = match other.len() {
        1 => "1 image that objects refer to was".to_owned(),
        count => format!("{count} images that objects refer to were"),
    };
    Some(Note {
        kind: NoteKind::Warning,
        place: first.to_string(),
        span: None,
        message: format!("{count} not scanned: {}", names(other)),
        remedy: "Pull them with --images, or add their archives with --image-source.".to_owned(),
    })
}

/// Reads and matches images.
struct Reading<'a, 'd> {
    comparing: Comparing<'a, 'd>,
    /// Whether inventories are kept.
    keeps: bool,
    kept: Vec<Inventory>,
    remotes: &'a Remotes,
    /// The requested platform, if any.
    platform: Option<&'a Platform>,
}

impl Reading<'_, '_> {
    fn note(&mut self, place: &str, message: impl Into<String>, remedy: &str) {
        self.comparing.note(place, message, remedy);
    }

    /// Returns the available images by canonical reference, with the file and their name in it.
    fn there(&mut self, sources: &[PathBuf]) -> HashMap<String, (PathBuf, Option<String>)> {
        let mut there = HashMap::new();
        for source in sources {
            let is_layout = source.join("oci-layout").is_file();
            let files = match source.is_dir() && !is_layout {
                true => inside(source, is_candidate),
                false => Ok(vec![source.clone()]),
            };
            let files = files.unwrap_or_else(|error| {
                self.note(&source.display().to_string(), error.to_string(), "");
                Vec::new()
            });
            for file in files {
                match self.names(&file) {
                    Ok(names) => {
                        for (reference, name) in names {
                            there.entry(reference).or_insert_with(|| (file.clone(), name));
                        }
                    }
                    Err(why) => {
                        let place = file.display().to_string();
                        self.note(&place, why, "Only archives, layouts and SBOMs contain images.");
                    }
                }
            }
        }
        there
    }

    /// Returns the canonical references of the images in a file, with their names in it.
    fn names(&self, file: &Path) -> Result<Vec<(String, Option<String>)>, String> {
        if file.extension().is_some_and(|ending| ending == "json") {
            let sought = Sought { choose: &Choose::default(), remotes: self.remotes };
            let found = image::open(file, sought, Options { files: false });
            let found = found.map_err(|fault| fault.to_string())?;
            return Ok(canonical(&found.name).map(|name| (name, None)).into_iter().collect());
        }
        let store = Store::open(file, Limits::default()).map_err(|refusal| refusal.to_string())?;
        let platform = self.platform.cloned().unwrap_or_else(Platform::here);
        let candidates = store.candidates(&platform).map_err(|refusal| refusal.to_string())?;
        let names = candidates.iter().flat_map(|candidate| &candidate.names);
        // A layout has only tags as names, so its directory name is used too.
        let named =
            |name: &String| Some((canonical(&image::name(name, file))?, Some(name.clone())));
        Ok(names.filter_map(named).collect())
    }

    /// Returns an image with its vulnerabilities; `None` if it cannot be read, which is reported.
    fn image(
        &mut self,
        path: &Path,
        name: Option<String>,
        reference: Option<&Arc<str>>,
    ) -> Option<Image> {
        let choose = &Choose { name, platform: self.platform.cloned() };
        let sought = Sought { choose, remotes: self.remotes };
        let opened = image::inspect(path, sought, Options { files: false });
        self.judged(path, opened, reference)
    }

    /// Reads an image and matches its packages.
    fn judged(
        &mut self,
        path: &Path,
        opened: Result<(Inventory, Option<Inspection>), image::Fault>,
        reference: Option<&Arc<str>>,
    ) -> Option<Image> {
        let (found, inspection) = match opened {
            Ok(opened) => opened,
            Err(fault) => {
                let place = match reference {
                    Some(reference) if registry::is_remote(path) => reference.to_string(),
                    _ => path.display().to_string(),
                };
                self.note(&place, fault.to_string(), &sentence(fault.remedy()));
                return None;
            }
        };
        let image = self.comparing.compare(&found, inspection, reference);
        if self.keeps {
            let name = image.name.to_string();
            self.kept.push(Inventory { name, ..found });
        }
        Some(image)
    }

    fn tell_unclear(&mut self, wants: &Wants<'_>) {
        let mut unclear = wants.unclear();
        let Some((world, why)) = unclear.next() else { return };
        let count = unclear.count() + 1;
        let images = if count == 1 { "image was" } else { "images were" };
        let message = format!("{count} {images} not scanned because {why}");
        let remedy = "Scan the rendered manifests, or specify the images with --image.";
        self.note(world.name(), message, remedy);
    }
}

/// Returns whether a file of an image directory may be an image.
fn is_candidate(file: &Path) -> bool {
    const ENDINGS: [&str; 6] = ["tar", "gz", "tgz", "zst", "tzst", "json"];
    file.join("oci-layout").is_file()
        || file.is_file()
            && file.extension().is_some_and(|end| ENDINGS.iter().any(|known| end == *known))
}
