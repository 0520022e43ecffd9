//! `pavisade image` and `pavisade sbom`.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read};
use std::path::Path;

use anyhow::{Context as _, bail};
use pavisade_model::{Note, NoteKind};
use pavisade_oci::{
    self as oci, Candidate, Image, Limits, Platform, Refusal, Remote, Store, inventory,
};
use pavisade_packages::Inventory;
use pavisade_packages::inventory::{Options, diff};
use pavisade_packages::sbom::{self, SbomError};
use pavisade_report::{Gained, Layout, Sbom, image_diff};
use pavisade_scan::Timestamp;
use pavisade_snapshot::Inspection;
use pavisade_sources::Progress as _;

use crate::args::{Choose, ImageArgs, ImageCommand, ImageFormat, SbomArgs, SbomFormat};
use crate::output::{Output, named, output, place};
use crate::progress::Spinner;
use crate::registry::{self, Meant, Remotes};
use crate::{Outcome, database, terminal};

pub(crate) mod statements;
mod upgrades;
mod vulnerable;

pub(crate) fn run(args: &ImageArgs) -> anyhow::Result<Outcome> {
    if let Some(command) = &args.command {
        return compare(command);
    }
    let Some(image) = &args.image else { bail!("specify an image") };
    if let Some(database) = vulnerable::database(args)? {
        return vulnerable::run(args, image, &database);
    }
    let file = named(args.output.as_deref());
    let about = about()?;
    let out = target(file, image)?;
    let options = pavisade_report::Options {
        color: terminal::color(args.color, file.is_some()),
        width: terminal::width(args.width),
        full: args.full,
        ..pavisade_report::Options::default()
    };
    let sought = Sought { choose: &args.choose, remotes: &Remotes::new(&args.registry)? };
    let with = Options { files: args.files };
    let found = tell_read(sought, args.quiet, image, || inspect(image, sought, with))?;
    let Some((found, inspection)) = found else { return Ok(Outcome::Incomplete) };
    out.put(&place(file), |out| {
        let format = match args.format {
            ImageFormat::Table => pavisade_report::ImageFormat::Table,
            ImageFormat::Tree => pavisade_report::ImageFormat::Tree,
            ImageFormat::Json => pavisade_report::ImageFormat::Json,
            _ => {
                let format = pavisade_report::SbomFormat::CycloneDx;
                return pavisade_report::sbom(&found, format, &about, out);
            }
        };
        pavisade_report::image(&found, inspection.as_ref(), format, &options, out)
    })?;
    if args.format == ImageFormat::Cyclonedx && !args.quiet {
        tell(&found.notes);
    }
    if args.format == ImageFormat::Table && !args.quiet && !args.vulnerable.packages {
        terminal::say("", &format!("vulnerabilities were not checked: {}", database::MISSING));
    }
    Ok(outcome(found))
}

fn compare(command: &ImageCommand) -> anyhow::Result<Outcome> {
    let ImageCommand::Diff { before, after, choose, registry, db, json, color, quiet } = command;
    let standard = Path::new("-");
    if before == standard && after == standard {
        bail!("standard input can be used for only one image: specify a file for the other");
    }
    let sought = Sought { choose, remotes: &Remotes::new(registry)? };
    let (Some(old), Some(new)) = (
        read(before, sought, Options::default(), *quiet)?,
        read(after, sought, Options::default(), *quiet)?,
    ) else {
        return Ok(Outcome::Incomplete);
    };
    let difference = diff(&old, &new);
    let judged = match database::find(db.as_deref()) {
        Some(file) => Some(vulnerable::judge_both(&file, [&old, &new])?),
        None => None,
    };
    let gained = judged.as_ref().map(|[old, new]| Gained::of(old, new));
    let mut unread = Vec::new();
    // The notes of the comparison include what was not read.
    let notes = match &judged {
        Some([old, new]) => [&old.notes, &new.notes],
        None => [&old.notes, &new.notes],
    };
    for (notes, path) in notes.into_iter().zip([before, after]) {
        let named = notes.iter().cloned().map(|mut note| {
            note.place = format!("{}: {}", path.display(), note.place);
            note
        });
        unread.extend(named);
    }
    let layout = if *json { Layout::Json } else { Layout::Terminal };
    let options = pavisade_report::Options {
        color: terminal::color(*color, false),
        width: terminal::width(None),
        ..pavisade_report::Options::default()
    };
    output(None)?.put(&place(None), |out| {
        image_diff(&difference, gained.as_ref(), &unread, layout, &options, out)
    })?;
    Ok(if !unread.is_empty() {
        Outcome::Incomplete
    } else if difference.changes.is_empty()
        && gained.is_none_or(|gained| gained.gained.len() + gained.lost.len() == 0)
    {
        Outcome::Clean
    } else {
        Outcome::Findings
    })
}

pub(crate) fn sbom(args: &SbomArgs) -> anyhow::Result<Outcome> {
    let file = named(args.output.as_deref());
    let about = about()?;
    let out = target(file, &args.image)?;
    let options = Options { files: args.files };
    let sought = Sought { choose: &args.choose, remotes: &Remotes::new(&args.registry)? };
    let Some(found) = read(&args.image, sought, options, args.quiet)? else {
        return Ok(Outcome::Incomplete);
    };
    let format = match args.format {
        SbomFormat::Cyclonedx => pavisade_report::SbomFormat::CycloneDx,
        SbomFormat::SpdxJson => pavisade_report::SbomFormat::Spdx,
    };
    out.put(&place(file), |out| pavisade_report::sbom(&found, format, &about, out))?;
    if !args.quiet {
        tell(&found.notes);
    }
    Ok(outcome(found))
}

/// Returns the output, which must not be the image itself.
fn target(file: Option<&Path>, image: &Path) -> anyhow::Result<Output> {
    let same = |file: &Path| {
        let real = |path: &Path| std::fs::canonicalize(path).ok();
        real(file).is_some_and(|file| file.is_file() && real(image) == Some(file))
    };
    match file {
        Some(file) if same(file) => {
            bail!("{} is the image: the result would overwrite it", file.display())
        }
        file => output(file),
    }
}

/// Selects an image, with access to registries.
#[derive(Clone, Copy)]
pub(crate) struct Sought<'a> {
    pub choose: &'a Choose,
    pub remotes: &'a Remotes,
}

/// Reads the packages of an image; `None` if it cannot be read, which is reported.
fn read(
    path: &Path,
    sought: Sought<'_>,
    options: Options,
    quiet: bool,
) -> anyhow::Result<Option<Inventory>> {
    tell_read(sought, quiet, path, || open(path, sought, options))
}

/// Calls `read`; `None` if it fails, which is reported.
fn tell_read<T>(
    sought: Sought<'_>,
    quiet: bool,
    path: &Path,
    open: impl FnOnce() -> Result<T, Fault>,
) -> anyhow::Result<Option<T>> {
    let progress = Spinner::new(quiet);
    progress.stage("Reading the image");
    let found = open();
    progress.finish();
    if let Some(problem) = sought.remotes.problem()
        && !quiet
    {
        terminal::say("not kept", problem);
    }
    match found {
        Ok(found) => Ok(Some(found)),
        Err(Fault::Choice(text)) => bail!(text),
        Err(Fault::Refused(refusal)) => {
            let remedy = match Meant::of(path) {
                Meant::Path if path != Path::new("-") && !path.exists() => {
                    "; a name with the extension of a file is a reference only if it starts with \
                     docker://"
                }
                _ => "",
            };
            terminal::say("error", &format!("{}{remedy}", told(&refusal)));
            Ok(None)
        }
        Err(Fault::Document(error)) => {
            terminal::say("error", &format!("{}: {error}", path.display()));
            Ok(None)
        }
    }
}

/// Why there is no inventory.
pub(crate) enum Fault {
    /// The command line does not select a single image.
    Choice(String),
    Refused(Refusal),
    Document(SbomError),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Choice(text) => f.write_str(text),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Document(error) => error.fmt(f),
        }
    }
}

impl Fault {
    /// Returns what to do about it; may be empty.
    pub(crate) fn remedy(&self) -> &str {
        match self {
            Self::Refused(refusal) => remedy(refusal),
            _ => "",
        }
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Reads the packages of an image.
pub(crate) fn open(path: &Path, sought: Sought<'_>, options: Options) -> Result<Inventory, Fault> {
    let read = |store: &Store, image: &Image| Ok((inventory(store, image, options)?, None));
    open_with(path, sought, read).map(|(found, _)| found)
}

/// The same with the inspection of the image, which an SBOM does not have.
pub(crate) fn inspect(
    path: &Path,
    sought: Sought<'_>,
    options: Options,
) -> Result<(Inventory, Option<Inspection>), Fault> {
    open_with(path, sought, |store, image| {
        let (inventory, inspection) = oci::inspect(store, image, options)?;
        Ok((inventory, Some(inspection)))
    })
}

/// Reads the packages in the lock files of a source tree.
pub(crate) fn sources(path: &Path) -> Result<Inventory, Fault> {
    let found = oci::source_tree(path, &Limits::default())?;
    let why = || format!("{} contains no supported lock file or manifest", path.display());
    let mut found = found.ok_or_else(|| Refusal::NotAnImage(why()))?;
    found.name = path.display().to_string();
    Ok(found)
}

fn open_with(
    path: &Path,
    sought: Sought<'_>,
    read: impl FnOnce(&Store, &Image) -> Result<(Inventory, Option<Inspection>), Refusal>,
) -> Result<(Inventory, Option<Inspection>), Fault> {
    let Sought { choose, remotes } = sought;
    let limits = Limits::default();
    // A directory with lock files is a source tree unless it contains files that only an image or a
    // system has. `docker://…` is never one, even if a directory `docker:` exists.
    if !registry::is_remote(path)
        && path.is_dir()
        && !oci::is_image_or_root(path)
        && let Ok(found) = sources(path)
    {
        return Ok((found, None));
    }
    let store = match Input::find(path)? {
        Input::Remote(remote) => remotes.store(remote),
        Input::Document(bytes) => {
            let mut found = sbom::read(&bytes).map_err(Fault::Document)?;
            if found.name.is_empty() {
                found.name = name("", path);
            }
            return Ok((found, None));
        }
        Input::Stream(from) if path == Path::new("-") => {
            Store::read("standard input", from, limits)?
        }
        Input::Stream(from) => Store::read(&path.display().to_string(), from, limits)?,
        Input::Path => Store::open(path, limits)?,
    };
    let image = selected(&store, choose, path)?;
    let (mut found, inspection) = read(&store, &image)?;
    found.name = name(&found.name, path);
    Ok((found, inspection))
}

/// Reads the files of an image, which an SBOM does not have.
#[cfg(target_os = "linux")]
pub(crate) fn with_files<T>(
    path: &Path,
    sought: Sought<'_>,
    read: impl FnOnce(&Store, &Image) -> Result<T, Refusal>,
) -> Result<T, Fault> {
    let limits = Limits::default();
    let store = match Input::find(path)? {
        Input::Remote(remote) => sought.remotes.store(remote),
        Input::Stream(from) => Store::read(&path.display().to_string(), from, limits)?,
        Input::Path => Store::open(path, limits)?,
        Input::Document(_) => {
            return Err(Fault::Choice(format!("{} is an SBOM, not an image", path.display())));
        }
    };
    let image = selected(&store, sought.choose, path)?;
    Ok(read(&store, &image)?)
}

fn selected(store: &Store, choose: &Choose, path: &Path) -> Result<Image, Fault> {
    let platform = choose.platform.clone().unwrap_or_else(Platform::here);
    let candidate = chosen(store.candidates(&platform)?, choose, path)?;
    Ok(store.image(&candidate, &platform, choose.platform.is_some())?)
}

/// The type of input at a path.
enum Input {
    /// An SBOM.
    Document(Vec<u8>),
    /// Standard input or a pipe that is not an SBOM.
    Stream(Box<dyn Read>),
    /// An image in a file or directory.
    Path,
    /// An image in a registry.
    Remote(Remote),
}

impl Input {
    fn find(path: &Path) -> Result<Self, Fault> {
        match Meant::of(path) {
            Meant::Path => {}
            Meant::Remote(remote) => return Ok(Self::Remote(remote)),
            Meant::Wrong(why) => return Err(Fault::Choice(why)),
        }
        let io = |error| Refusal::Io { what: path.display().to_string(), error };
        let is_standard = path == Path::new("-");
        let metadata = if is_standard { None } else { Some(path.metadata().map_err(io)?) };
        if metadata.as_ref().is_some_and(std::fs::Metadata::is_dir) {
            return Ok(Self::Path);
        }
        // A pipe can be read only once.
        let is_regular = metadata.is_some_and(|metadata| metadata.is_file());
        let from: Box<dyn Read> = match is_standard {
            true => Box::new(io::stdin().lock()),
            false => Box::new(File::open(path).map_err(io)?),
        };
        let mut from = BufReader::with_capacity(4096, from);
        if !sbom::is_document(from.fill_buf().map_err(io)?) {
            return Ok(if is_regular { Self::Path } else { Self::Stream(Box::new(from)) });
        }
        let mut bytes = Vec::new();
        from.take(sbom::MAX_BYTES + 1).read_to_end(&mut bytes).map_err(io)?;
        if bytes.len() as u64 > sbom::MAX_BYTES {
            let what = path.display().to_string();
            return Err(Refusal::TooLarge { what, limit: sbom::MAX_BYTES }.into());
        }
        Ok(Self::Document(bytes))
    }
}

/// Selects a single image.
pub(crate) fn chosen(
    mut candidates: Vec<Candidate>,
    choose: &Choose,
    path: &Path,
) -> Result<Candidate, Fault> {
    let digest = |candidate: &Candidate| {
        candidate.digest.as_ref().map(ToString::to_string).unwrap_or_default()
    };
    let known: Vec<_> = candidates
        .iter()
        .map(|candidate| match candidate.names.first() {
            None => digest(candidate),
            Some(name) => name.clone(),
        })
        .collect();
    if let Some(name) = &choose.name {
        candidates.retain(|candidate| candidate.is(name));
    }
    match (candidates.pop(), candidates.is_empty()) {
        (Some(one), true) => Ok(one),
        (None, _) if known.is_empty() => {
            Err(Refusal::NotAnImage(format!("{} contains no image", path.display())).into())
        }
        (None, _) => Err(Fault::Choice(format!(
            "{} contains no image with that name, but {}",
            path.display(),
            known.join(", ")
        ))),
        (Some(_), false) => Err(Fault::Choice(format!(
            "{} contains {} images: choose one with --name: {}",
            path.display(),
            known.len(),
            known.join(", ")
        ))),
    }
}

/// Returns the name of an image. Layouts name images only by tag.
pub(crate) fn name(found: &str, path: &Path) -> String {
    if found.contains(['/', ':']) {
        return found.to_owned();
    }
    let file = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let file = file.file_name().map(|name| name.to_string_lossy().into_owned());
    let file = match file {
        _ if path == Path::new("-") => "standard input".to_owned(),
        Some(file) => file,
        None => path.display().to_string(),
    };
    if found.is_empty() { file } else { format!("{file}:{found}") }
}

/// Returns the text of a refusal with advice.
pub(crate) fn told(refusal: &Refusal) -> String {
    match remedy(refusal) {
        "" => refusal.to_string(),
        remedy => format!("{refusal}; {remedy}"),
    }
}

/// Returns what to do about a refusal; may be empty.
fn remedy(refusal: &Refusal) -> &str {
    match refusal {
        Refusal::Platform { there, .. } if !there.is_empty() => "choose one with --platform",
        Refusal::Missing(_) => "export the image with all of its layers",
        Refusal::Io { error, .. } if error.kind() == io::ErrorKind::StorageFull => {
            "set TMPDIR to a directory with enough space"
        }
        Refusal::Io { error, .. } if error.kind() == io::ErrorKind::UnexpectedEof => {
            "the file is incomplete: copy or export it again"
        }
        Refusal::Registry(fault) => &fault.remedy,
        _ => "",
    }
}

fn about() -> anyhow::Result<Sbom> {
    Ok(Sbom { made: set_time()?.map(|time| time.to_string()) })
}

/// The time that documents name, where it is set by `SOURCE_DATE_EPOCH` (reproducible-builds.org).
///
/// # Errors
/// It is no time.
pub(crate) fn set_time() -> anyhow::Result<Option<Timestamp>> {
    let Some(set) = std::env::var_os("SOURCE_DATE_EPOCH").filter(|set| !set.is_empty()) else {
        return Ok(None);
    };
    let time = set.to_str().and_then(|text| text.parse().ok());
    let time = time.and_then(|seconds| Timestamp::from_second(seconds).ok());
    Ok(Some(time.context("SOURCE_DATE_EPOCH is not a number of seconds since 1970")?))
}

/// Reports notes on standard error, which machine-readable documents do not show.
fn tell(notes: &[Note]) {
    for note in notes.iter().filter(|note| note.kind == NoteKind::Unread) {
        terminal::say("not read", &format!("{}: {}", note.place, note.message));
    }
}

fn outcome(found: Inventory) -> Outcome {
    let outcome = if found.notes.is_empty() { Outcome::Clean } else { Outcome::Incomplete };
    // The process exit frees memory faster.
    std::mem::forget(found);
    outcome
}
