//! `pavisade probe plant`: replaces the log of a canary pod by a link to a file next to it, and puts
//! the log back when it is stopped.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};

use super::{runtime, serve};
use crate::args::probe::PlantArgs;
use crate::{Outcome, signals};

/// How long the link stays if nothing stops the program.
const TIME: Duration = Duration::from_secs(120);
/// The log of the container of the canary pod, and where it is kept.
const LOG: &str = "probe/0.log";
const KEPT: &str = "probe/0.log.kept";
const CANARY: &str = "canary.log";

pub(super) fn run(args: &PlantArgs) -> anyhow::Result<Outcome> {
    // A signal that arrives before the program waits for it would end it.
    runtime()?.block_on(async {
        let stopped = tokio::spawn(signals::stopped());
        tokio::task::yield_now().await;
        let planted = Planted::new(&args.folder, &args.on_node, &args.line)?;
        let _listener = serve::listen(args.port)?;
        let waited = tokio::time::timeout(TIME, stopped).await;
        planted.remove()?;
        match waited {
            Ok(stopped) => stopped.context("waiting for signals")?,
            Err(_) => Ok(()),
        }
    })?;
    Ok(Outcome::Clean)
}

/// A link in place of a log. What was made is removed when it is dropped.
struct Planted {
    folder: PathBuf,
    is_removed: bool,
}

impl Planted {
    fn new(folder: &Path, on_node: &Path, line: &str) -> anyhow::Result<Self> {
        let log = folder.join(LOG);
        let told = || format!("{}", log.display());
        if !fs::symlink_metadata(&log).with_context(told)?.is_file() {
            bail!("{} is not the log of a canary", told());
        }
        let planted = Self { folder: folder.to_owned(), is_removed: false };
        let canary = folder.join(CANARY);
        fs::write(&canary, format!("{line}\n")).with_context(|| canary.display().to_string())?;
        fs::rename(&log, folder.join(KEPT)).with_context(told)?;
        link(&on_node.join(CANARY), &log).with_context(told)?;
        Ok(planted)
    }

    fn remove(mut self) -> anyhow::Result<()> {
        self.is_removed = true;
        self.undo().context("removing the link")
    }

    fn undo(&self) -> std::io::Result<()> {
        let (log, kept) = (self.folder.join(LOG), self.folder.join(KEPT));
        let if_there = |done: std::io::Result<()>| match done {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            done => done,
        };
        if fs::symlink_metadata(&log).is_ok_and(|log| log.is_symlink()) {
            fs::remove_file(&log)?;
        }
        if_there(fs::rename(kept, log))?;
        if_there(fs::remove_file(self.folder.join(CANARY)))
    }
}

impl Drop for Planted {
    fn drop(&mut self) {
        if !self.is_removed {
            // The error that ends the program is more important.
            let _ = self.undo();
        }
    }
}

#[cfg(unix)]
fn link(to: &Path, at: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(to, at)
}

#[cfg(not(unix))]
fn link(_: &Path, _: &Path) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_was_there_is_put_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        fs::create_dir(path.join("probe")).unwrap();
        // Without the log of a canary, nothing is made.
        assert!(Planted::new(path, path, "x").is_err());
        assert_eq!(fs::read_dir(path).unwrap().count(), 1);
        fs::write(path.join(LOG), "log").unwrap();
        let planted = Planted::new(path, path, "canary").unwrap();
        assert_eq!(fs::read_to_string(path.join(LOG)).unwrap(), "canary\n");
        // A link that is already there belongs to another program.
        assert!(Planted::new(path, path, "x").is_err());
        planted.remove().unwrap();
        let names = |folder: &Path| {
            let all = fs::read_dir(folder).unwrap().flatten();
            all.map(|entry| entry.file_name().into_string().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(
            (names(path), names(&path.join("probe"))),
            (vec!["probe".into()], vec!["0.log".into()])
        );
        assert_eq!(fs::read_to_string(path.join(LOG)).unwrap(), "log");
        // Without `remove`, as after an error, the log is put back too.
        drop(Planted::new(path, path, "canary").unwrap());
        assert_eq!(fs::read_to_string(path.join(LOG)).unwrap(), "log");
        assert_eq!(names(path), ["probe"]);
    }
}
