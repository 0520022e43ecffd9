//! `pavisade db`.

mod install;

use std::io::{Read as _, Write as _};
use std::iter;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use flate2::read::MultiGzDecoder;
use pavisade_packages::zip::Archive;
use pavisade_report::one_line;
use pavisade_scan::{Timestamp, day};
use pavisade_sources::{Progress as _, open_regular};
use pavisade_vulndb::{Builder, Database, Feed};

use crate::args::{DbArgs, DbCommand};
use crate::output::output;
use crate::progress::Spinner;
use crate::{Outcome, database, images, scan, terminal};

/// The largest advisory file in bytes, uncompressed.
const MAX_BYTES: u64 = 4 << 30;

/// The largest record of an archive in bytes.
const MAX_RECORD: usize = 16 << 20;

/// The deepest nesting of directories.
const MAX_DEPTH: usize = 32;

/// The extensions of advisory files.
const KINDS: [&str; 4] = ["json", "jsonl", "csv", "zip"];

pub(crate) fn run(args: &DbArgs) -> anyhow::Result<Outcome> {
    match &args.command {
        DbCommand::Build { paths, output, quiet } => {
            let file = match output {
                Some(file) => file.clone(),
                None => database::place()?,
            };
            build(paths, &file, *quiet)
        }
        DbCommand::Status { file } => match database::find(file.as_deref()) {
            Some(file) => status(&file),
            None => anyhow::bail!(database::MISSING),
        },
        DbCommand::Update { source, install, registry } => {
            install::update(source, install, registry)
        }
        DbCommand::Import { file, install } => install::import(file, install),
        DbCommand::Export { output, db } => install::export(output, db.as_deref()),
    }
}

fn build(paths: &[PathBuf], file: &Path, quiet: bool) -> anyhow::Result<Outcome> {
    let (mut builder, mut whole) = (Builder::default(), true);
    let mut not_read = |path: &Path, why: String| {
        whole = false;
        terminal::say("not read", &format!("{}: {why}", path.display()));
    };
    let files = files(paths, &mut not_read);
    scan::distinct(None, &files, iter::once(&file.to_owned()))?;
    // Fail before the work if the output cannot be written.
    let out = output(Some(file))?;
    let progress = Spinner::new(quiet);
    for path in files {
        progress.stage(&format!("Reading {}", path.display()));
        if let Err(error) = add(&mut builder, &path) {
            not_read(&path, format!("{error:#}"));
        }
    }
    progress.stage("Writing the database");
    let (bytes, report) = builder.finish().context("creating the database")?;
    progress.finish();
    out.put(&file.display().to_string(), |out| out.write_all(&bytes))?;
    if !quiet {
        let mut err = anstream::stderr();
        writeln!(
            err,
            "{} records read, {} kept, {} withdrawn; {} MiB in {}",
            report.records,
            report.kept,
            report.withdrawn,
            bytes.len().div_ceil(1 << 20),
            one_line(&file.display().to_string())
        )?;
        for (what, left_out) in &report.left_out {
            let example = one_line(&left_out.example);
            writeln!(err, "skipped: {what}: {} ({example})", left_out.count)?;
        }
    }
    if report.damaged > 0 {
        let what = format!(
            "{} records or files are damaged and missing from the database",
            report.damaged
        );
        terminal::say("not read", &what);
    }
    Ok(if whole && report.damaged == 0 { Outcome::Clean } else { Outcome::Incomplete })
}

/// Returns the given files and those in the given directories, in order.
fn files(paths: &[PathBuf], not_read: &mut impl FnMut(&Path, String)) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let before = files.len();
        let whole = below(path, 0, &mut files, not_read);
        if whole && files.len() == before {
            not_read(path, "it contains no advisories".to_owned());
        }
    }
    files
}

/// Adds the files below a directory in order, without following links. Returns whether all
/// directories could be read.
fn below(
    folder: &Path,
    depth: usize,
    files: &mut Vec<PathBuf>,
    not_read: &mut impl FnMut(&Path, String),
) -> bool {
    if depth > MAX_DEPTH {
        not_read(folder, format!("it is nested deeper than {MAX_DEPTH} directories"));
        return false;
    }
    let inside = match images::inside(folder, |path| !path.is_symlink()) {
        Ok(inside) => inside,
        Err(error) => {
            not_read(folder, error.to_string());
            return false;
        }
    };
    let mut whole = true;
    for path in inside {
        if path.is_dir() {
            whole &= below(&path, depth + 1, files, not_read);
        } else if path.is_file() && kind(&path).is_some() {
            files.push(path);
        }
    }
    whole
}

/// Returns the extension that gives the format, ignoring that of the compression.
fn kind(file: &Path) -> Option<&str> {
    let name = file.file_name()?.to_str()?;
    let name = name.strip_suffix(".zst").or_else(|| name.strip_suffix(".gz")).unwrap_or(name);
    let (_, ending) = name.rsplit_once('.')?;
    KINDS.into_iter().find(|known| *known == ending)
}

fn add(builder: &mut Builder, file: &Path) -> anyhow::Result<()> {
    let mut bytes = Vec::new();
    let from = open_regular(file)?;
    match file.extension().and_then(|ending| ending.to_str()) {
        Some("zst") => {
            let mut decoder = zstd::Decoder::new(from)?;
            decoder.window_log_max(27)?;
            decoder.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
        }
        Some("gz") => {
            MultiGzDecoder::new(from).take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
        }
        _ => {
            from.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
        }
    }
    anyhow::ensure!(bytes.len() as u64 <= MAX_BYTES, "it is larger than 4 GiB");
    let name = feed_name(file);
    let feed = Feed { name: &name, licence: "" };
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(4096)]).into_owned();
    match kind(file) {
        Some("zip") => archive(builder, feed, &bytes)?,
        Some("csv") => builder.epss(feed, std::str::from_utf8(&bytes).context("it is not UTF-8")?),
        Some("jsonl") if is_scores(&head) => builder.scores(feed, &bytes),
        Some("jsonl") => builder.records(feed, &bytes),
        Some("json") if head.contains("\"catalogVersion\"") => builder.exploited(feed, &bytes),
        Some("json") if head.contains("\"distroversion\"") => builder.alpine_secdb(feed, &bytes),
        Some("json") if is_tracker(&head) => builder.debian_tracker(feed, &bytes),
        Some("json") => builder.record(feed, &bytes),
        _ => {
            anyhow::bail!("its extension is none of json, jsonl, csv (also with .gz or .zst), zip")
        }
    }
    Ok(())
}

/// Returns the name of a file without its extensions. OSV's archives are all named `all.zip`, in a
/// directory for each ecosystem.
fn feed_name(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    // Alpine releases contain dots: `v3.18-main.json`.
    let mut name = &*name;
    while let Some((front, ending)) = name.rsplit_once('.')
        && !front.is_empty()
        && (ending == "gz" || ending == "zst" || KINDS.contains(&ending))
    {
        name = front;
    }
    let folder = file.parent().and_then(Path::file_name).map(|folder| folder.to_string_lossy());
    match (name, folder) {
        ("all", Some(folder)) => folder.into_owned(),
        _ => name.to_owned(),
    }
}

/// Reads OSV records from a zip archive with one file per record, as in OSV's bulk downloads.
fn archive(builder: &mut Builder, feed: Feed<'_>, bytes: &[u8]) -> anyhow::Result<()> {
    let archive = Archive::new(bytes)?;
    let (mut unread, mut read) = (None, 0u64);
    for entry in archive.entries() {
        // Entries after damage cannot be found.
        let entry = entry.context("the list of its files")?;
        let name = String::from_utf8_lossy(entry.name);
        if !name.ends_with(".json") {
            continue;
        }
        match archive.packed(&entry).and_then(|packed| packed.unpacked(MAX_RECORD)) {
            Ok(record) => {
                read += record.len() as u64;
                anyhow::ensure!(read <= MAX_BYTES, "it is larger than 4 GiB when it is unpacked");
                builder.record(feed, &record);
            }
            Err(error) => {
                let (count, _, _) = unread.get_or_insert((0, name.into_owned(), error));
                *count += 1;
            }
        }
    }
    match unread {
        None => Ok(()),
        Some((count, name, error)) => {
            anyhow::bail!("{count} of its files: {}: {error}", one_line(&name))
        }
    }
}

/// Returns whether this is Debian's tracker: releases by CVE by package.
fn is_tracker(head: &str) -> bool {
    head.contains("\"releases\"") && head.contains("\"CVE-") && !head.contains("\"affected\"")
}

/// Returns whether the lines are scores by CVE instead of records.
fn is_scores(head: &str) -> bool {
    let line = head.lines().next().unwrap_or("");
    line.contains("\"severity\"")
        && !line.contains("\"modified\"")
        && !line.contains("\"affected\"")
}

/// Returns the age of the database: later advisories are not found.
fn newest(database: &Database<'_>) -> Option<String> {
    let today = day(Timestamp::now());
    let newest = database.newest(today).ok()??.day;
    let ago = match today.since(newest).ok()?.get_days() {
        0 => "today".to_owned(),
        1 => "yesterday".to_owned(),
        days => format!("{days} days ago"),
    };
    Some(format!("newest advisory of {newest}, {ago}"))
}

fn status(file: &Path) -> anyhow::Result<Outcome> {
    let bytes = database::read(file)?;
    let database = database::open(file, &bytes)?;
    let (packages, advisories) = database.size();
    let mut out = anstream::stdout();
    writeln!(out, "{advisories} advisories about {packages} packages")?;
    writeln!(out, "in {}", one_line(&file.display().to_string()))?;
    if let Some(newest) = newest(&database) {
        writeln!(out, "{newest}")?;
    }
    let feeds = database.feeds().context("reading the feeds")?;
    let width = feeds.iter().map(|feed| one_line(feed.name).len()).max().unwrap_or(0).max(4);
    writeln!(out, "{:width$}  {:>8}  {:10}  {:6}  LICENSE", "FEED", "RECORDS", "NEWEST", "TRIED")?;
    for feed in &feeds {
        let name = one_line(feed.name);
        let newest = one_line(feed.newest.split('T').next().unwrap_or_default());
        let newest = if newest.is_empty() { "-" } else { &newest };
        let tried = if feed.tried { "yes" } else { "no" };
        let licences = one_line(&feed.licences.join(", "));
        writeln!(out, "{name:width$}  {:>8}  {newest:10}  {tried:6}  {licences}", feed.records)?;
    }
    if feeds.iter().any(|feed| !feed.tried) {
        writeln!(
            out,
            "TRIED no: support for this feed is based on documentation and was not tested with \
             real data"
        )?;
    }
    Ok(Outcome::Clean)
}
