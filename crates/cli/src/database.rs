//! Where the database of vulnerabilities is.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use pavisade_judgement::Date;
use pavisade_report::vulnerabilities::{Data, DataFeed};
use pavisade_sources::open_regular;
use pavisade_vulndb::Database;

/// That there is none, and how to get one.
pub(crate) const MISSING: &str = "there is no vulnerability database: create one from advisory \
                                  files (OSV records, EPSS, the CISA catalog) with `pavisade db \
                                  build PATH…`, or specify one with --db or PAVISADE_DB";

/// The variable that names it.
const VARIABLE: &str = "PAVISADE_DB";

/// The database that is named, or the one in its usual place if that exists.
pub(crate) fn find(named: Option<&Path>) -> Option<PathBuf> {
    if let Some(named) = named {
        return Some(named.to_owned());
    }
    match set(VARIABLE) {
        Some(file) => Some(file.into()),
        None => usual().filter(|file| file.exists()),
    }
}

/// Where a database is written that nobody gave a place; its folder is made.
///
/// # Errors
/// The user has no folder for data, or it cannot be made.
pub(crate) fn place() -> anyhow::Result<PathBuf> {
    let file = set(VARIABLE).map(PathBuf::from).or_else(usual);
    let file = file.context("there is no directory for the database: specify a file with -o")?;
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
    }
    Ok(file)
}

/// In the user's data folder (XDG Base Directory Specification; on Windows the local one).
fn usual() -> Option<PathBuf> {
    let absolute = |name| set(name).map(PathBuf::from).filter(|folder| folder.is_absolute());
    let data = absolute("XDG_DATA_HOME")
        .or_else(|| absolute("LOCALAPPDATA").filter(|_| cfg!(windows)))
        .or_else(|| Some(absolute("HOME")?.join(".local/share")))?;
    Some(data.join("pavisade").join("vulnerabilities.db"))
}

fn set(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

/// Its bytes.
pub(crate) fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    let read = || {
        let mut bytes = Vec::new();
        open_regular(file)?.read_to_end(&mut bytes)?;
        io::Result::Ok(bytes)
    };
    read().with_context(|| format!("reading the database {}", file.display()))
}

/// A database, whose header is right.
pub(crate) fn open<'a>(file: &Path, bytes: &'a [u8]) -> anyhow::Result<Database<'a>> {
    Database::open(bytes).with_context(|| {
        format!(
            "{} is not a database that this version supports: create it with `pavisade db build`",
            file.display()
        )
    })
}

/// What is told of it.
///
/// # Errors
/// It is damaged.
pub(crate) fn data(
    file: &Path,
    database: &Database<'_>,
    today: Date,
    used: impl Fn(&str) -> bool,
) -> anyhow::Result<Data> {
    let damaged = "reading the feeds of the database";
    let feeds = database.feeds().context(damaged)?;
    let feed = |feed: &pavisade_vulndb::FeedStatus<'_>| DataFeed {
        name: feed.name.to_owned(),
        day: feed.day(today),
        used: used(feed.name),
    };
    Ok(Data {
        place: file.display().to_string(),
        advisories: database.size().1,
        newest: database.newest(today).context(damaged)?.map(|newest| newest.day),
        feeds: feeds.iter().map(feed).collect(),
    })
}
