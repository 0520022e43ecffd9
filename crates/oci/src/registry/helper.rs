//! Credential helpers: `docker-credential-NAME` (github.com/docker/docker-credential-helpers).

use std::ffi::OsStr;
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// A helper may prompt the user.
const TIME: Duration = Duration::from_secs(60);
const MAX_BYTES: u64 = 1 << 20;

/// Returns the JSON output of a helper for a registry, or `None` if it has no entry.
///
/// # Errors
/// Why the helper failed.
pub(super) fn get(
    name: &str,
    server: &str,
    path: Option<&OsStr>,
) -> Result<Option<Vec<u8>>, String> {
    let program = format!("docker-credential-{name}");
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || !name.chars().all(plain) {
        return Err(format!("`{name}` is not the name of a credential helper"));
    }
    let Some(file) = find(&program, path) else {
        return Err(format!("the credential helper {program} is not in PATH"));
    };
    let (status, output) = run(&file, server, TIME).map_err(|why| format!("{program} {why}"))?;
    let text = String::from_utf8_lossy(&output);
    if status {
        return Ok(Some(output));
    }
    // The protocol sends this message to standard output.
    if text.contains("credentials not found") {
        return Ok(None);
    }
    Err(format!("{program} failed: {}", super::fault::brief(&text)))
}

/// Relative directories are ignored, so that no program from the scanned files is started.
fn find(program: &str, path: Option<&OsStr>) -> Option<PathBuf> {
    let names = [program.to_owned(), format!("{program}{}", std::env::consts::EXE_SUFFIX)];
    let folders = std::env::split_paths(path?).filter(|folder| folder.is_absolute());
    let files = folders.flat_map(|folder| names.clone().map(|name| folder.join(name)));
    files.into_iter().find(|file| file.is_file())
}

fn run(file: &Path, server: &str, time: Duration) -> Result<(bool, Vec<u8>), String> {
    let mut command = Command::new(file);
    command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt as _;
        command.process_group(0);
    }
    let started = command.spawn().map_err(|error| format!("could not be started: {error}"))?;
    let mut running = Running(started);
    if let Some(mut input) = running.0.stdin.take() {
        // The helper may exit without reading its input.
        let _ = input.write_all(server.as_bytes());
    }
    let (send, receive) = mpsc::channel();
    let output = running.0.stdout.take();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = output.map(|from| from.take(MAX_BYTES).read_to_end(&mut bytes));
        let _ = send.send(read.transpose().map(|_| bytes));
    });
    let late = || format!("took longer than {} s", time.as_secs());
    let output = receive.recv_timeout(time).map_err(|_| late())?;
    let output = output.map_err(|error| error.to_string())?;
    for _ in 0..400 {
        if let Ok(Some(status)) = running.0.try_wait() {
            return Ok((status.success(), output));
        }
        thread::sleep(Duration::from_millis(5));
    }
    Err("did not terminate".to_owned())
}

/// A child process that is killed with its process group on drop.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(Some(_)) = self.0.try_wait() {
            return;
        }
        #[cfg(unix)]
        if let Ok(number) = i32::try_from(self.0.id())
            && let Some(group) = rustix::process::Pid::from_raw(number)
        {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::registry::tests::script;

    #[test]
    fn a_helper_that_does_not_end_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let file = script(folder.path(), "slow", "sleep 60 & sleep 60");
        let ended = run(&file, "a.example", Duration::from_millis(200));
        assert!(ended.unwrap_err().contains("took longer"));
    }

    #[test]
    fn helpers_are_found_in_absolute_folders_alone() {
        let folder = tempfile::tempdir().unwrap();
        script(folder.path(), "docker-credential-a", "read -r line; echo \"$1 $line\"");
        let path = Some(folder.path().as_os_str());
        assert_eq!(get("a", "r.example", path).unwrap().unwrap(), b"get r.example\n");
        for (name, path) in [("b", path), ("../a", path), ("a", Some(OsStr::new(".")))] {
            assert!(get(name, "r.example", path).is_err(), "{name}");
        }
        script(folder.path(), "docker-credential-c", "echo credentials not found; exit 1");
        assert_eq!(get("c", "r.example", path), Ok(None));
        script(folder.path(), "docker-credential-d", "echo locked; exit 1");
        assert!(get("d", "r.example", path).unwrap_err().contains("locked"));
    }
}
