//! Temporary directories that are removed when the run ends, for whatever reason.
//!
//! All directories of a run are in one. A shell waits for the end of its standard input, a pipe
//! that closes when this process ends, and then removes the directory. This works after Ctrl-C, an
//! abort and SIGKILL. If the shell is killed too, a later run removes what is left.

use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::path::Path;
use std::process::Child;
use std::sync::OnceLock;
use std::time::Duration;

use tempfile::{Builder, TempDir};

/// The prefix of the names of all directories, followed by the PID of the process.
const PREFIX: &str = "pavisade-";
/// Younger directories are not removed even if their process does not exist: it may be in another
/// container that shares the temporary directory but not the PIDs.
const OLD: Duration = Duration::from_hours(1);

/// The temporary directories of a run.
#[derive(Debug, Default)]
pub(crate) struct Temporary {
    base: OnceLock<Result<Base, String>>,
}

/// Fields are dropped in this order, so that the shell finds nothing to remove.
#[derive(Debug)]
struct Base {
    folder: TempDir,
    _warden: Option<Warden>,
}

impl Temporary {
    /// Creates a directory.
    ///
    /// # Errors
    /// The reason why it could not be created, as text for a note.
    pub(crate) fn folder(&self, name: &str) -> Result<TempDir, String> {
        let base = self.base.get_or_init(base).as_ref().map_err(Clone::clone)?;
        Builder::new().prefix(name).tempdir_in(base.folder.path()).map_err(why)
    }
}

fn base() -> Result<Base, String> {
    let prefix = format!("{PREFIX}{}-", std::process::id());
    let folder = Builder::new().prefix(&prefix).tempdir().map_err(why)?;
    if let (Some(around), Ok(own)) = (folder.path().parent(), fs::metadata(folder.path())) {
        remove_stale(around, &own);
    }
    let _warden = Warden::start(folder.path());
    Ok(Base { folder, _warden })
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn why(error: std::io::Error) -> String {
    format!("could not create a temporary directory: {error}")
}

/// Removes directories left by earlier runs of this user. The age is relative to our own new
/// directory, which needs no clock.
fn remove_stale(around: &Path, own: &Metadata) {
    let Ok(entries) = fs::read_dir(around) else { return };
    for entry in entries.filter_map(Result::ok) {
        // For a link, this is the metadata of the link itself.
        let Ok(metadata) = entry.metadata() else { continue };
        let age = own.modified().and_then(|now| {
            let made = metadata.modified()?;
            Ok(now.duration_since(made).unwrap_or_default())
        });
        let stale = metadata.is_dir()
            && same_user(own, &metadata)
            && age.is_ok_and(|age| age > OLD)
            && process(&entry.file_name()).is_some_and(has_ended);
        if stale {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Returns the PID of the process that created a directory.
fn process(name: &OsStr) -> Option<i32> {
    let (number, _) = name.to_str()?.strip_prefix(PREFIX)?.split_once('-')?;
    number.parse().ok().filter(|number| *number > 0)
}

#[cfg(unix)]
fn same_user(own: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    own.uid() == other.uid()
}

#[cfg(unix)]
fn has_ended(process: i32) -> bool {
    let pid = rustix::process::Pid::from_raw(process);
    let alive = pid.map(rustix::process::test_kill_process);
    alive == Some(Err(rustix::io::Errno::SRCH))
}

#[cfg(not(unix))]
fn same_user(_: &Metadata, _: &Metadata) -> bool {
    false
}

#[cfg(not(unix))]
fn has_ended(_: i32) -> bool {
    false
}

/// The shell that removes the directory when this process ends. It has its own process group, so
/// that signals of a terminal do not reach it.
#[derive(Debug)]
struct Warden(Child);

impl Warden {
    #[cfg(unix)]
    fn start(folder: &Path) -> Option<Self> {
        use std::os::unix::process::CommandExt as _;
        use std::process::{Command, Stdio};
        // Remove it twice: programs that end at the same moment may still write.
        const SCRIPT: &str = r#"trap '' HUP INT TERM
read -r line
if [ -e "$1" ]; then rm -rf -- "$1"; sleep 1; rm -rf -- "$1"; fi"#;
        let mut command = Command::new("/bin/sh");
        command.args(["-c", SCRIPT, "sh"]).arg(folder).current_dir("/").process_group(0);
        command.env_clear().env("PATH", "/usr/bin:/bin");
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().ok().map(Self)
    }

    #[cfg(not(unix))]
    fn start(_: &Path) -> Option<Self> {
        None
    }
}

impl Drop for Warden {
    fn drop(&mut self) {
        // This closes its standard input first.
        let _ = self.0.wait();
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn folders_of_killed_runs_are_removed_and_nothing_else() {
        let around = tempfile::tempdir().unwrap();
        let ended = {
            let mut child = Command::new("/bin/sh").args(["-c", ":"]).spawn().unwrap();
            child.wait().unwrap();
            child.id()
        };
        let living = std::process::id();
        let folders = [
            (format!("pavisade-{ended}-a"), true, false),
            (format!("pavisade-{ended}-young"), false, true),
            (format!("pavisade-{living}-a"), true, true),
            ("pavisade-home-a".to_owned(), true, true),
            (format!("other-{ended}-a"), true, true),
            ("pavisade-0-a".to_owned(), true, true),
            ("pavisade--1-a".to_owned(), true, true),
        ];
        let own = tempfile::tempdir().unwrap();
        let own = fs::metadata(own.path()).unwrap();
        let hours = own.modified().unwrap() - Duration::from_hours(2);
        for (name, old, _) in &folders {
            let folder = around.path().join(name);
            fs::create_dir(&folder).unwrap();
            fs::write(folder.join("x"), "").unwrap();
            if *old {
                fs::File::open(&folder).unwrap().set_modified(hours).unwrap();
            }
        }
        let link = around.path().join(format!("pavisade-{ended}-link"));
        std::os::unix::fs::symlink(around.path().join("other"), &link).unwrap();
        remove_stale(around.path(), &own);
        for (name, _, stays) in &folders {
            assert_eq!(around.path().join(name).exists(), *stays, "{name}");
        }
        assert!(link.is_symlink());
    }
}
