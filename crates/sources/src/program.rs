//! Runs `helm` and `kustomize` without network access and with limits.
//!
//! Each program runs in its own process group, with a shell that waits for the end of its standard
//! input. This is a pipe that closes when this process ends, for whatever reason. The shell then
//! kills the group. If the system allows it, the program runs in an empty network namespace.
//! Otherwise only unreachable proxies keep it from the network, which do not apply to addresses of
//! this machine.

use std::ffi::OsString;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::complaint::brief;
use crate::note::size;
use crate::temporary::Temporary;
use crate::{Limits, Tools};

/// Maximum size of a program's error output that is kept, in bytes.
const MAX_COMPLAINT: u64 = 64 << 10;
/// An unreachable proxy address: requests fail immediately.
const NOWHERE: &str = "http://127.0.0.1:9";
/// Its arguments are the memory limit in KiB, and the program with its arguments.
#[cfg(unix)]
const SCRIPT: &str = r#"exec 3<&0
{ read -r line; kill -KILL 0; } <&3 >/dev/null 2>&1 3<&- &
ulimit -v "$1" 2>/dev/null
shift
exec "$@" </dev/null 3<&-"#;

/// Runs programs. Their home is an empty directory that is removed with this value.
#[derive(Debug)]
pub(crate) struct Programs {
    limits: Limits,
    unshare: Option<PathBuf>,
    isolation: OnceLock<Vec<OsString>>,
    /// The start time of the first program.
    start: OnceLock<Instant>,
    home: OnceLock<Result<TempDir, String>>,
    temporary: Temporary,
}

impl Programs {
    pub(crate) fn new(limits: Limits, tools: &Tools) -> Self {
        Self {
            limits,
            unshare: tools.unshare.clone(),
            isolation: OnceLock::new(),
            start: OnceLock::new(),
            home: OnceLock::new(),
            temporary: Temporary::default(),
        }
    }

    /// Returns where temporary directories are created.
    pub(crate) fn temporary(&self) -> &Temporary {
        &self.temporary
    }

    fn home(&self) -> Result<&Path, String> {
        let home = self.home.get_or_init(|| self.temporary.folder("home-"));
        home.as_ref().map(TempDir::path).map_err(Clone::clone)
    }

    /// Runs a program and returns its output.
    ///
    /// # Errors
    /// The reason why it failed, as text for a note.
    pub(crate) fn run(&self, program: &Path, arguments: &[OsString]) -> Result<String, String> {
        let Limits { tool_time, tool_bytes, tool_memory, render_time, .. } = self.limits;
        let named = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let left = self.time_left();
        let late = || {
            let seconds = render_time.as_secs();
            format!("rendering all charts and kustomizations took longer than {seconds} s")
        };
        if left.is_zero() {
            return Err(late());
        }
        let mut running = Running(
            self.command(program, arguments)?
                .spawn()
                .map_err(|error| format!("{} could not be started: {error}", program.display()))?,
        );
        let complaint = collect(running.0.stderr.take(), MAX_COMPLAINT);
        let output = collect(running.0.stdout.take(), tool_bytes + 1);
        let output = match output.recv_timeout(tool_time.min(left)) {
            Ok(Ok(bytes)) if bytes.len() as u64 > tool_bytes => {
                return Err(format!("{named} printed more than {}", size(tool_bytes)));
            }
            Ok(Ok(bytes)) => bytes,
            Ok(Err(error)) => {
                return Err(format!("the output of {named} could not be read: {error}"));
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                return Err(match left < tool_time {
                    true => late(),
                    false => format!("{named} took longer than {} s", tool_time.as_secs()),
                });
            }
        };
        // The output has ended. Do not wait for a program that continues to run.
        let complaint = complaint.recv_timeout(Duration::from_secs(2)).unwrap_or(Ok(Vec::new()));
        let Some(status) = running.wait() else {
            return Err(format!("{named} did not terminate"));
        };
        if !status.success() {
            let complaint = complaint.unwrap_or_default();
            let complaint = String::from_utf8_lossy(&complaint);
            // Go prints this before its stack traces.
            if complaint.contains("out of memory") || complaint.contains("cannot allocate memory") {
                return Err(format!("{named} needed more than {} of memory", size(tool_memory)));
            }
            // The path of its home differs in each run.
            let home = self.home()?.display().to_string();
            return Err(match brief(&complaint.replace(&home, "~")) {
                text if text.is_empty() => format!("{named} exited with {status}"),
                text => format!("{named}: {text}"),
            });
        }
        String::from_utf8(output).map_err(|_| format!("the output of {named} is not valid UTF-8"))
    }

    /// Returns the remaining time for all programs, counted from the first start.
    #[expect(clippy::disallowed_methods, reason = "a limit of time, which changes no verdict")]
    fn time_left(&self) -> Duration {
        let start = self.start.get_or_init(Instant::now);
        self.limits.render_time.saturating_sub(start.elapsed())
    }

    fn command(&self, program: &Path, arguments: &[OsString]) -> Result<Command, String> {
        let home = self.home()?;
        let place = |name: &str| -> PathBuf { home.join(name) };
        let mut command = self.bounded(program);
        command
            .args(arguments)
            .current_dir(home)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .env_clear()
            .env("HOME", home)
            .env("TMPDIR", home)
            // An empty `PATH`: no git, plugin, or exec function can be found.
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

    #[cfg(unix)]
    fn bounded(&self, program: &Path) -> Command {
        use std::os::unix::process::CommandExt as _;
        let mut command = Command::new("/bin/sh");
        command.args(["-c", SCRIPT, "sh", &(self.limits.tool_memory >> 10).to_string()]);
        command.args(self.isolation()).arg(program);
        command.process_group(0).stdin(Stdio::piped());
        command
    }

    #[cfg(not(unix))]
    fn bounded(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.stdin(Stdio::null());
        command
    }

    /// Returns the command prefix that isolates a program from the network. A privileged user needs
    /// no user namespace, in which files of other users could not be read.
    fn isolation(&self) -> &[OsString] {
        self.isolation.get_or_init(|| {
            let Some(unshare) = &self.unshare else { return Vec::new() };
            let words = |option: &str| -> Vec<OsString> {
                vec![unshare.into(), option.into(), "--".into()]
            };
            let works = |words: &Vec<OsString>| {
                let mut command = Command::new(&words[0]);
                command.args(&words[1..]).args(["/bin/sh", "-c", ":"]).env_clear();
                command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
                command.status().is_ok_and(|status| status.success())
            };
            ["-n", "-rn"].map(words).into_iter().find(works).unwrap_or_default()
        })
    }

    /// Whether programs have no network access at all.
    pub(crate) fn is_isolated(&self) -> bool {
        !self.isolation().is_empty()
    }
}

/// Reads a pipe on a separate thread, to its end or limit. Data beyond the limit is read and
/// dropped, since writing to a closed pipe would terminate the program.
fn collect(
    pipe: Option<impl Read + Send + 'static>,
    limit: u64,
) -> mpsc::Receiver<io::Result<Vec<u8>>> {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let Some(mut pipe) = pipe else { return drop(send.send(Ok(Vec::new()))) };
        let mut bytes = Vec::new();
        let read = pipe.by_ref().take(limit).read_to_end(&mut bytes);
        let _ = send.send(read.map(|_| bytes));
        let _ = io::copy(&mut pipe, &mut io::sink());
    });
    receive
}

/// A running program. Dropping it terminates it and all processes it started.
struct Running(Child);

impl Running {
    /// Returns the status of a program whose output has ended, waiting at most two seconds.
    fn wait(&mut self) -> Option<ExitStatus> {
        for _ in 0..400 {
            if let Ok(Some(status)) = self.0.try_wait() {
                return Some(status);
            }
            thread::sleep(Duration::from_millis(5));
        }
        None
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The PID still belongs to the group: the shell in it waits for its standard input.
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
