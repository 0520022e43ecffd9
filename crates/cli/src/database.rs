//! Locates and opens the vulnerability database.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use pavisade_judgement::Date;
use pavisade_mapped::Mapped;
use pavisade_report::vulnerabilities::{Data, DataFeed};
use pavisade_sources::open_regular;
use pavisade_vulndb::Database;

/// The error for a missing database, with advice.
pub(crate) const MISSING: &str = "there is no vulnerability database: create one from advisory \
                                  files (OSV records, EPSS, the CISA catalog) with `pavisade db \
                                  build PATH…`, or specify one with --db or PAVISADE_DB";

/// The environment variable with its path.
const VARIABLE: &str = "PAVISADE_DB";

/// Returns the given database, or the one at the default path if it exists.
pub(crate) fn find(named: Option<&Path>) -> Option<PathBuf> {
    if let Some(named) = named {
        return Some(named.to_owned());
    }
    match set(VARIABLE) {
        Some(file) => Some(file.into()),
        None => usual().filter(|file| file.exists()),
    }
}

/// Returns the default path for writing a database, and creates its directory.
///
/// # Errors
/// There is no data directory for the user, or it cannot be created.
pub(crate) fn place() -> anyhow::Result<PathBuf> {
    let file = set(VARIABLE).map(PathBuf::from).or_else(usual);
    let file = file.context("there is no directory for the database: specify a file with -o")?;
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
    }
    Ok(file)
}

/// Returns the path in the user's data directory (XDG Base Directory Specification; on Windows, the
/// local application data).
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

/// Maps the file.
pub(crate) fn read(file: &Path) -> anyhow::Result<Mapped> {
    let map = || Mapped::of(&open_regular(file)?);
    map().with_context(|| format!("reading the database {}", file.display()))
}

/// Opens a database and checks its header.
pub(crate) fn open<'a>(file: &Path, bytes: &'a [u8]) -> anyhow::Result<Database<'a>> {
    Database::open(bytes).with_context(|| {
        format!(
            "{} is not a database that this version supports: create it with `pavisade db build`",
            file.display()
        )
    })
}

/// Returns the details of a database for reports.
///
/// # Errors
/// The database is damaged.
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
