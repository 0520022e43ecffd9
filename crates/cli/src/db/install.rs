//! Installs a database from a URL or file: verifies it and replaces the current one atomically,
//! keeping the previous one next to it.

use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use anyhow::{Context as _, bail, ensure};
use pavisade_mapped::Mapped;
use pavisade_oci::{Digest, Refusal};
use pavisade_report::one_line;
use pavisade_scan::{Timestamp, day};
use pavisade_sources::{Progress as _, open_regular};
use pavisade_vulndb::{Database, Newest};

use super::newest;
use crate::args::{self, Install};
use crate::image::told;
use crate::output::{named, output, place};
use crate::progress::Spinner;
use crate::{Outcome, database, registry, terminal};

/// The largest database in bytes.
const MAX_BYTES: u64 = 2 << 30;
/// The largest digest file in bytes.
const MAX_DIGEST: u64 = 4 << 10;

pub(super) fn update(
    source: &str,
    install: &Install,
    access: &args::Registry,
) -> anyhow::Result<Outcome> {
    let digest = install.sha256.as_deref().map(digest).transpose()?;
    let registries = registry::registries(access)?;
    let progress = Spinner::new(false);
    progress.stage(&format!("Downloading {source}"));
    let (bytes, digest) = if source.starts_with("https://") || source.starts_with("http://") {
        let digest = match digest {
            Some(digest) => digest,
            None => {
                let beside = format!("{source}.sha256");
                let text = registries.download(&beside, MAX_DIGEST).map_err(refused).with_context(
                    || {
                        format!(
                            "{source} can be used only with its digest, from --sha256 or {beside}"
                        )
                    },
                )?;
                let text = String::from_utf8_lossy(&text);
                let word = text.split_whitespace().next().unwrap_or_default();
                self::digest(word).with_context(|| format!("reading {beside}"))?
            }
        };
        (registries.download(source, MAX_BYTES).map_err(refused)?, Some(digest))
    } else {
        let reference = source.strip_prefix("docker://").unwrap_or(source);
        let remote = registry::remote(reference).with_context(|| {
            format!("`{}` is neither an https URL nor an image reference", one_line(source))
        })?;
        (registries.artifact(&remote, MAX_BYTES).map_err(refused)?, digest)
    };
    progress.finish();
    put(&bytes, digest.as_ref(), install, source)
}

pub(super) fn import(file: &Path, install: &Install) -> anyhow::Result<Outcome> {
    let digest = install.sha256.as_deref().map(digest).transpose()?;
    let read = || -> io::Result<Vec<u8>> {
        let from: Box<dyn Read> = match named(Some(file)) {
            Some(file) => Box::new(open_regular(file)?),
            None => Box::new(io::stdin().lock()),
        };
        let mut bytes = Vec::new();
        from.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let from = match named(Some(file)) {
        Some(file) => file.display().to_string(),
        None => "standard input".to_owned(),
    };
    let bytes = read().with_context(|| format!("reading {from}"))?;
    ensure!(bytes.len() as u64 <= MAX_BYTES, "{from} is larger than 2 GiB");
    put(&bytes, digest.as_ref(), install, &from)
}

pub(super) fn export(to: &Path, db: Option<&Path>) -> anyhow::Result<Outcome> {
    let Some(file) = database::find(db) else { bail!(database::MISSING) };
    let bytes = database::read(&file)?;
    check(&bytes, &file.display().to_string())?;
    let to = named(Some(to));
    output(to)?.put(&place(to), |out| out.write_all(&bytes))?;
    let digest = Digest::of(&bytes);
    writeln!(anstream::stderr(), "{digest} {}", one_line(&place(to)))?;
    Ok(Outcome::Clean)
}

/// Installs a database after all checks have passed.
fn put(
    bytes: &[u8],
    digest: Option<&Digest>,
    install: &Install,
    from: &str,
) -> anyhow::Result<Outcome> {
    let found = Digest::of(bytes);
    if let Some(digest) = digest
        && *digest != found
    {
        bail!("{from} has the digest {found} instead of {digest}: nothing was changed");
    }
    let database = check(bytes, from)?;
    let file = match &install.db {
        Some(file) => file.clone(),
        None => database::place()?,
    };
    let said = |what: &str| {
        let (_, advisories) = database.size();
        let newest = newest(&database).map_or(String::new(), |newest| format!(", {newest}"));
        terminal::say("database", &format!("{what}: {advisories} advisories{newest}"));
    };
    let shown = one_line(&file.display().to_string());
    if let Some(before) = before(&file)? {
        if *before == *bytes {
            said(&format!("{shown} is already up to date"));
            return Ok(Outcome::Clean);
        }
        if let Ok(old) = Database::open(&before) {
            let today = day(Timestamp::now());
            // A damaged database is always replaced.
            let (old, new) = (old.newest(today).ok().flatten(), database.newest(today)?);
            if old > new && !install.allow_older {
                bail!(
                    "{from} is older ({}) than {shown} ({}): nothing was changed; use \
                     --allow-older to install it",
                    one_line(time(new)),
                    one_line(time(old))
                );
            }
        }
        let previous = previous(&file);
        output(Some(&previous))?
            .put(&previous.display().to_string(), |out| out.write_all(&before))?;
    }
    output(Some(&file))?.put(&shown, |out| out.write_all(bytes))?;
    said(&shown);
    Ok(Outcome::Clean)
}

/// Returns the time of the newest advisory for display.
fn time(newest: Option<Newest<'_>>) -> &str {
    newest.map_or("no date", |newest| newest.time)
}

/// Opens a database and checks it completely.
fn check<'a>(bytes: &'a [u8], from: &str) -> anyhow::Result<Database<'a>> {
    let open = || {
        let database = Database::open(bytes)?;
        database.check()?;
        Ok::<_, pavisade_vulndb::DatabaseError>(database)
    };
    open().with_context(|| format!("{} cannot be used", one_line(from)))
}

/// Reads the current file.
fn before(file: &Path) -> anyhow::Result<Option<Mapped>> {
    let is_there = file.try_exists().with_context(|| format!("reading {}", file.display()))?;
    is_there.then(|| database::read(file)).transpose()
}

fn previous(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".previous");
    name.into()
}

fn digest(text: &str) -> anyhow::Result<Digest> {
    let digits = text.strip_prefix("sha256:").unwrap_or(text).to_ascii_lowercase();
    Digest::from_str(&format!("sha256:{digits}"))
        .with_context(|| format!("`{}` is not a SHA-256 digest", one_line(text)))
}

fn refused(refusal: Refusal) -> anyhow::Error {
    anyhow::anyhow!(told(&refusal))
}
