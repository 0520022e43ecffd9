//! `pavisade db`.

use std::io::{Read as _, Write as _};
use std::iter;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use pavisade_report::one_line;
use pavisade_sources::{Progress as _, open_regular};
use pavisade_vulndb::{Builder, Feed};

use crate::args::{DbArgs, DbCommand};
use crate::output::output;
use crate::progress::Spinner;
use crate::{Outcome, database, images, scan, terminal};

/// Bytes of one file of advisories, unpacked.
const MAX_BYTES: u64 = 4 << 30;

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
    // Fail on what cannot be written before the work, not after it.
    let out = output(Some(file))?;
    let progress = Spinner::new(quiet);
    for path in files {
        progress.stage(&format!("Reading {}", path.display()));
        if let Err(error) = add(&mut builder, &path) {
            not_read(&path, format!("{error:#}"));
        }
    }
    progress.stage("Writing the database");
    let (bytes, report) = builder.finish().context("making the database")?;
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
            writeln!(err, "left out: {what}: {} ({example})", left_out.count)?;
        }
    }
    Ok(if whole { Outcome::Clean } else { Outcome::Incomplete })
}

/// The files that are given, and those in folders that are given, in order.
fn files(paths: &[PathBuf], not_read: &mut impl FnMut(&Path, String)) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        match images::inside(path, |file| file.is_file() && kind(file).is_some()) {
            Ok(inside) if inside.is_empty() => not_read(path, "it holds no advisories".to_owned()),
            Ok(inside) => files.extend(inside),
            Err(error) => not_read(path, error.to_string()),
        }
    }
    files
}

/// The ending that says what a file holds, that of its packing aside.
fn kind(file: &Path) -> Option<&str> {
    let name = file.file_name()?.to_str()?;
    let name = name.strip_suffix(".zst").unwrap_or(name);
    let (_, ending) = name.rsplit_once('.')?;
    ["json", "jsonl", "csv"].into_iter().find(|known| *known == ending)
}

fn add(builder: &mut Builder, file: &Path) -> anyhow::Result<()> {
    let mut bytes = Vec::new();
    let from = open_regular(file)?;
    if file.extension().is_some_and(|ending| ending == "zst") {
        let mut decoder = zstd::Decoder::new(from)?;
        decoder.window_log_max(27)?;
        decoder.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    } else {
        from.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    }
    anyhow::ensure!(bytes.len() as u64 <= MAX_BYTES, "it is larger than 4 GiB");
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let name = name.split('.').next().unwrap_or_default();
    let feed = Feed { name, licence: "" };
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(4096)]).into_owned();
    match kind(file) {
        Some("csv") => builder.epss(feed, std::str::from_utf8(&bytes).context("it is not UTF-8")?),
        Some("jsonl") if is_scores(&head) => builder.scores(feed, &bytes),
        Some("jsonl") => builder.records(feed, &bytes),
        Some("json") if head.contains("\"catalogVersion\"") => builder.exploited(feed, &bytes),
        Some("json") => builder.record(feed, &bytes),
        _ => anyhow::bail!("its name ends in none of json, jsonl, csv, and these with .zst"),
    }
    Ok(())
}

/// Whether lines are scores by CVE, and no records.
fn is_scores(head: &str) -> bool {
    let line = head.lines().next().unwrap_or("");
    line.contains("\"severity\"")
        && !line.contains("\"modified\"")
        && !line.contains("\"affected\"")
}

fn status(file: &Path) -> anyhow::Result<Outcome> {
    let bytes = database::read(file)?;
    let database = database::open(file, &bytes)?;
    let (packages, advisories) = database.size();
    let mut out = anstream::stdout();
    writeln!(out, "{advisories} advisories about {packages} packages")?;
    writeln!(out, "in {}", one_line(&file.display().to_string()))?;
    let feeds = database.feeds().context("reading the feeds")?;
    let width = feeds.iter().map(|feed| one_line(feed.name).len()).max().unwrap_or(0).max(4);
    writeln!(out, "{:width$}  {:>8}  NEWEST", "FEED", "RECORDS")?;
    for feed in feeds {
        let (name, newest) = (one_line(feed.name), one_line(feed.newest));
        writeln!(out, "{name:width$}  {:>8}  {newest}", feed.records)?;
    }
    Ok(Outcome::Clean)
}
