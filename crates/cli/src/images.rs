//! Images for `scan`: what is in those that were given or that objects name, and which advisories of
//! a database are about it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::bail;
use pavisade_images::reference::Reference;
use pavisade_images::{Naming, Wants, wants};
use pavisade_model::{Note, NoteKind};
use pavisade_oci::{Limits, Platform, Store};
use pavisade_packages::inventory::{Found, Options};
use pavisade_packages::{Distribution, Inventory};
use pavisade_report::instruction;
use pavisade_snapshot::{Facts, Image, Images, Layer, Matches, Package, Packages, Snapshot};
use pavisade_sources::Progress as _;
use pavisade_vulndb::{Ecosystem, Matcher, Target, of_distribution, of_purl_type};

use crate::args::{self, Choose};
use crate::database;
use crate::image;
use crate::progress::Spinner;

/// The picture with the images that were asked for, and their vulnerabilities.
///
/// # Errors
/// The database cannot be read.
pub(crate) fn add(
    args: &args::Images,
    snapshot: Snapshot,
    progress: &Spinner,
) -> anyhow::Result<(Snapshot, Vec<Inventory>)> {
    if !args.asked() {
        return Ok((snapshot, Vec::new()));
    }
    let Some(file) = database::find(args.db.as_deref()) else { bail!(database::MISSING) };
    let bytes = database::read(&file)?;
    let mut matcher = Matcher::new(database::open(&file, &bytes)?);
    let mut reading = Reading::new(&mut matcher);
    reading.keeps = args.keep;
    let mut images = Vec::new();
    for path in &args.given {
        progress.stage(&format!("Reading {}", path.display()));
        images.extend(reading.image(path, &Choose::default(), None));
    }
    let (mut missing, mut nowhere) = (Vec::new(), Vec::new());
    if !args.sources.is_empty() {
        progress.stage("Looking for images");
        let there = reading.there(&args.sources);
        let Wants { images: wanted, unclear } = wants(&snapshot);
        reading.tell_unclear(&unclear);
        for want in wanted {
            let reference: Arc<str> = want.reference.as_str().into();
            if images.iter().any(|image| image.references.contains(&reference)) {
                continue;
            }
            let Some((path, name)) = there.get(&*want.reference) else {
                nowhere.push(reference);
                continue;
            };
            progress.stage(&format!("Reading {}", want.reference));
            let choose = Choose { name: name.clone(), ..Choose::default() };
            match reading.image(path, &choose, Some(&reference)) {
                Some(image) => images.push(image),
                None => missing.push((reference, "it could not be read".to_owned())),
            }
        }
    }
    let (mut notes, kept) = (reading.notes, reading.kept);
    notes.extend(not_had(&nowhere));
    let why = "it is in none of the given sources";
    missing.extend(nowhere.into_iter().map(|reference| (reference, why.to_owned())));
    let images = Some(Arc::new(Images::new(images, missing)));
    Ok((snapshot.with_facts(Facts { images }).with_notes(notes), kept))
}

/// The files of a folder that may be meant, in order.
pub(crate) fn inside(folder: &Path, is_meant: impl Fn(&Path) -> bool) -> io::Result<Vec<PathBuf>> {
    let paths = fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = paths.collect::<io::Result<Vec<_>>>()?;
    paths.retain(|path| is_meant(path));
    paths.sort();
    Ok(paths)
}

/// That images which objects name are in no source.
fn not_had(missing: &[Arc<str>]) -> Option<Note> {
    /// Images that are named.
    const SHOWN: usize = 3;
    let first = missing.first()?;
    let names: Vec<_> = missing.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    let more = match missing.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(Note {
        kind: NoteKind::Unread,
        place: first.to_string(),
        span: None,
        message: format!("not looked at: {}{more}", names.join(", ")),
        remedy: "Add the archives of these images with --image-source.".to_owned(),
    })
}

/// Reads images and compares what is in them.
pub(crate) struct Reading<'a, 'd> {
    pub notes: Vec<Note>,
    /// Feeds with a record about a package that was compared.
    pub used: BTreeSet<String>,
    /// Whether what was read is kept.
    keeps: bool,
    kept: Vec<Inventory>,
    matcher: &'a mut Matcher<'d>,
}

impl<'a, 'd> Reading<'a, 'd> {
    pub(crate) fn new(matcher: &'a mut Matcher<'d>) -> Self {
        let (notes, used, kept) = (Vec::new(), BTreeSet::new(), Vec::new());
        Self { notes, used, keeps: false, kept, matcher }
    }

    fn note(&mut self, place: &str, message: impl Into<String>, remedy: &str) {
        let (place, message, remedy) = (place.to_owned(), message.into(), remedy.to_owned());
        self.notes.push(Note { kind: NoteKind::Unread, place, span: None, message, remedy });
    }

    /// Which images there are, by canonical reference: the file, and what it calls the image.
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
                match names(&file) {
                    Ok(names) => {
                        for (reference, name) in names {
                            there.entry(reference).or_insert_with(|| (file.clone(), name));
                        }
                    }
                    Err(why) => {
                        let place = file.display().to_string();
                        self.note(&place, why, "Only archives, layouts and SBOMs hold images.");
                    }
                }
            }
        }
        there
    }

    /// An image with its vulnerabilities; `None` where it cannot be read, which is told.
    fn image(
        &mut self,
        path: &Path,
        choose: &Choose,
        reference: Option<&Arc<str>>,
    ) -> Option<Image> {
        let found = match image::open(path, choose, Options { files: false }) {
            Ok(found) => found,
            Err(fault) => {
                self.note(&path.display().to_string(), fault.to_string(), "");
                return None;
            }
        };
        let image = self.compare(&found, reference);
        if self.keeps {
            let name = image.name.to_string();
            self.kept.push(Inventory { name, ..found });
        }
        Some(image)
    }

    /// The image of an inventory, with its vulnerabilities.
    pub(crate) fn compare(&mut self, found: &Inventory, reference: Option<&Arc<str>>) -> Image {
        self.notes.extend(found.notes.iter().cloned());
        let name = reference.map_or(&*found.name, |reference| &**reference).to_owned();
        // The name of a file or folder alone is not one that objects can mean.
        let own = || canonical(&found.name).filter(|_| found.name.contains(['/', ':']));
        let reference = reference.cloned().or_else(|| own().map(Into::into));
        let (mut packages, mut matches) = (Packages::default(), Matches::default());
        let mut apart = Apart::default();
        for (at, one) in found.packages.iter().enumerate() {
            let purl = one.purl.as_ref().map(ToString::to_string).unwrap_or_default();
            packages.push(row(one, &purl));
            // What a distribution brought, its own advisories judge.
            if one.owner.is_some() {
                continue;
            }
            self.find(found, one, at as u32, &mut matches, &mut apart);
        }
        self.tell(&name, apart);
        let layer = |layer: &pavisade_packages::inventory::Layer| Layer {
            digest: layer.digest.as_str().into(),
            instruction: instruction(layer),
        };
        Image {
            name: name.into(),
            digest: found.digest.as_str().into(),
            references: reference.into_iter().collect(),
            platform: found.platform.clone(),
            layers: found.layers.iter().map(layer).collect(),
            packages,
            gaps: found.notes.iter().map(|note| note.message.clone()).collect(),
            matches: Some(matches),
        }
    }

    fn find(
        &mut self,
        image: &Inventory,
        found: &Found,
        at: u32,
        matches: &mut Matches,
        apart: &mut Apart,
    ) {
        let Some(ecosystem) = ecosystem(found, image.distribution.as_ref()) else {
            *apart.unknown.entry(found.ecosystem().to_owned()).or_default() += 1;
            return;
        };
        let package = &found.package;
        match self.matcher.covers(&ecosystem) {
            Ok(true) => {}
            Ok(false) => {
                *apart.unknown.entry(ecosystem.as_str().to_owned()).or_default() += 1;
                return;
            }
            Err(error) => {
                apart.undecided.push((package.name.clone(), error.to_string()));
                return;
            }
        }
        match self.matcher.find(target(package, &ecosystem)) {
            Ok(answer) => {
                apart
                    .undecided
                    .extend(answer.undecided.into_iter().map(|record| (record.record, record.why)));
                for hit in answer.hits {
                    let feeds = hit.reasons.into_iter().map(|reason| reason.feed);
                    self.used.extend(feeds);
                    matches.push(at, hit.advisory, hit.fix, hit.severity);
                }
            }
            Err(error) => apart.undecided.push((package.name.clone(), error.to_string())),
        }
    }

    fn tell_unclear(&mut self, unclear: &[(Naming<'_>, String)]) {
        let Some((first, why)) = unclear.first() else { return };
        let count = unclear.len();
        let images = if count == 1 { "image was" } else { "images were" };
        let message = format!("{count} {images} not looked at, since {why}");
        let remedy = "Scan what is rendered, or give the images with --image.";
        self.note(first.world.name(), message, remedy);
    }

    fn tell(&mut self, name: &str, apart: Apart) {
        for (ecosystem, count) in apart.unknown {
            let packages = if count == 1 { "package was" } else { "packages were" };
            let message = format!(
                "{count} {packages} compared with nothing: the database has no advisories for \
                 `{ecosystem}`"
            );
            self.note(name, message, "Add a feed for it to the database (`pavisade db build`).");
        }
        if let Some((record, why)) = apart.undecided.first() {
            let count = apart.undecided.len();
            let message =
                format!("{count} advisories could not be decided, such as {record}: {why}");
            self.note(name, message, "");
        }
    }
}

/// What is said beside the matches.
#[derive(Default)]
struct Apart {
    /// Packages of ecosystems that the database does not know.
    unknown: BTreeMap<String, usize>,
    /// Advisories that could not be decided, and why.
    undecided: Vec<(String, String)>,
}

/// What the database is asked about a package.
pub(crate) fn target<'t>(
    package: &'t pavisade_packages::Package,
    ecosystem: &'t Ecosystem,
) -> Target<'t> {
    let source = package.source.as_ref().map(|s| (s.name.as_str(), s.version.as_str()));
    Target { ecosystem, name: &package.name, version: &package.version, source }
}

/// The ecosystem whose advisories judge a package.
pub(crate) fn ecosystem(found: &Found, distribution: Option<&Distribution>) -> Option<Ecosystem> {
    if found.package.kind.is_of_system() {
        // A system in a folder of the image is of its own distribution.
        let named = found.purl.as_ref().and_then(|purl| purl.qualifier("distro"));
        let own = named.and_then(|named| named.rsplit_once('-'));
        if let Some(own) = own.and_then(|(id, version)| of_distribution(id, version)) {
            return Some(own);
        }
        let distribution = distribution?;
        return of_distribution(&distribution.id, &distribution.version);
    }
    of_purl_type(found.ecosystem())
}

fn row<'a>(found: &'a Found, purl: &'a str) -> Package<'a> {
    Package {
        name: &found.package.name,
        version: &found.package.version,
        purl,
        path: found.places.first().map_or("", |place| &place.path),
        layer: found.layer().map(u32::from),
    }
}

/// Whether a file of a folder of images may be one.
fn is_candidate(file: &Path) -> bool {
    const ENDINGS: [&str; 6] = ["tar", "gz", "tgz", "zst", "tzst", "json"];
    file.join("oci-layout").is_file()
        || file.is_file()
            && file.extension().is_some_and(|end| ENDINGS.iter().any(|known| end == *known))
}

/// Canonical references of the images in a file, each with its name there.
fn names(file: &Path) -> Result<Vec<(String, Option<String>)>, String> {
    if file.extension().is_some_and(|ending| ending == "json") {
        let found = image::open(file, &Choose::default(), Options { files: false });
        let found = found.map_err(|fault| fault.to_string())?;
        return Ok(canonical(&found.name).map(|name| (name, None)).into_iter().collect());
    }
    let store = Store::open(file, Limits::default()).map_err(|refusal| refusal.to_string())?;
    let candidates = store.candidates(&Platform::here()).map_err(|refusal| refusal.to_string())?;
    let names = candidates.iter().flat_map(|candidate| &candidate.names);
    // A layout names its images by their tags alone: its folder says the rest.
    let named = |name: &String| Some((canonical(&image::name(name, file))?, Some(name.clone())));
    Ok(names.filter_map(named).collect())
}

fn canonical(name: &str) -> Option<String> {
    Reference::parse(name).map(Reference::canonical)
}
