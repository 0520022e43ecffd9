//! Runs `helm` and `kustomize` so that they can neither reach out nor go on for ever.

use std::ffi::OsString;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::complaint::brief;
use crate::file::size;

/// Bytes of a program's complaints that are kept.
const MAX_COMPLAINT: u64 = 64 << 10;
/// An address where nothing listens: whatever asks for the network is refused at once.
const NOWHERE: &str = "http://127.0.0.1:9";

/// Starts programs; their home is an empty folder that lives as long as this.
#[derive(Debug)]
pub(crate) struct Programs {
    time: Duration,
    bytes: u64,
    home: OnceLock<Result<TempDir, String>>,
}

impl Programs {
    pub(crate) fn new(time: Duration, bytes: u64) -> Self {
        Self { time, bytes, home: OnceLock::new() }
    }

    fn home(&self) -> Result<&Path, String> {
        let make = || {
            let made = tempfile::Builder::new().prefix("pavisade-home-").tempdir();
            made.map_err(|error| format!("no temporary folder could be made: {error}"))
        };
        self.home.get_or_init(make).as_ref().map(TempDir::path).map_err(Clone::clone)
    }

    /// What a program prints.
    ///
    /// # Errors
    /// Why there is nothing, in words for a note.
    pub(crate) fn run(&self, program: &Path, arguments: &[OsString]) -> Result<String, String> {
        let named = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut child = self
            .command(program, arguments)?
            .spawn()
            .map_err(|error| format!("{} could not be started: {error}", program.display()))?;
        let complaint = collect(child.stderr.take(), MAX_COMPLAINT);
        let output = collect(child.stdout.take(), self.bytes + 1);
        let output = match output.recv_timeout(self.time) {
            Ok(output) => output,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                end(&mut child);
                return Err(format!("{named} took longer than {} s", self.time.as_secs()));
            }
        };
        let output = match output {
            Ok(bytes) if bytes.len() as u64 > self.bytes => {
                end(&mut child);
                return Err(format!("{named} printed more than {}", size(self.bytes)));
            }
            Ok(bytes) => bytes,
            Err(error) => {
                end(&mut child);
                return Err(format!("the output of {named} could not be read: {error}"));
            }
        };
        // Its output has ended; a program that lives on after that is not waited for.
        let complaint = complaint.recv_timeout(Duration::from_secs(2)).unwrap_or(Ok(Vec::new()));
        let Some(status) = wait(&mut child) else {
            return Err(format!("{named} did not end"));
        };
        if !status.success() {
            let complaint = complaint.unwrap_or_default();
            // Its home has another name in each run.
            let complaint = String::from_utf8_lossy(&complaint);
            let home = self.home()?.display().to_string();
            return Err(match brief(&complaint.replace(&home, "~")) {
                text if text.is_empty() => format!("{named} ended with {status}"),
                text => format!("{named}: {text}"),
            });
        }
        String::from_utf8(output).map_err(|_| format!("{named} printed what is not UTF-8"))
    }

    fn command(&self, program: &Path, arguments: &[OsString]) -> Result<Command, String> {
        let home = self.home()?;
        let place = |name: &str| -> PathBuf { home.join(name) };
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(home)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .env_clear()
            .env("HOME", home)
            .env("TMPDIR", home)
            // No git, no plugin, no exec function can be found.
            .env("PATH", place("bin"))
            .env("KUBECONFIG", place("kubeconfig"))
            .env("NO_COLOR", "1")
            .env("LC_ALL", "C");
        for name in ["XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "HELM_CONFIG_HOME"] {
            command.env(name, place(name));
        }
        for name in ["HELM_CACHE_HOME", "HELM_DATA_HOME", "HELM_PLUGINS", "KUSTOMIZE_PLUGIN_HOME"] {
            command.env(name, place(name));
        }
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"] {
            command.env(name, NOWHERE);
        }
        Ok(command)
    }
}

/// Reads a pipe to its end or limit on a thread of its own.
fn collect(
    pipe: Option<impl Read + Send + 'static>,
    limit: u64,
) -> mpsc::Receiver<io::Result<Vec<u8>>> {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = pipe.map_or(Ok(0), |pipe| pipe.take(limit).read_to_end(&mut bytes));
        let _ = send.send(read.map(|_| bytes));
    });
    receive
}

fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// The status of a program whose output has ended: at most two seconds are given.
fn wait(child: &mut Child) -> Option<std::process::ExitStatus> {
    for _ in 0..400 {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        thread::sleep(Duration::from_millis(5));
    }
    end(child);
    None
}
