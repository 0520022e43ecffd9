//! Processes that outlive us: started apart, known by pid and start time, so that a
//! pid that was given to somebody else meanwhile is never touched.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, WaitOptions};
use serde::{Deserialize, Serialize};

/// The environment variable by which every process of a cluster is known, also when
/// its starter died before it wrote the pid down. Its value is the cluster's folder.
pub(crate) const MARK: &str = "PAVISADE_TESTBED";

/// A process as it was when we started it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Process {
    pub(crate) pid: i32,
    /// Clock ticks after boot (`/proc/PID/stat`, field 22).
    pub(crate) started: u64,
}

/// What is started, and again after it was killed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Launch {
    pub(crate) program: String,
    pub(crate) args: Vec<String>,
}

/// Starts a program in a process group of its own, its output in a log.
pub(crate) fn start(launch: &Launch, mark: &Path, log: &Path) -> anyhow::Result<Process> {
    let out = File::options().create(true).append(true).open(log);
    let out = out.with_context(|| format!("opening {}", log.display()))?;
    let child = Command::new(&launch.program)
        .args(&launch.args)
        .env(MARK, mark)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(out.try_clone()?)
        .stderr(out)
        .process_group(0)
        .spawn()
        .with_context(|| format!("starting {}", launch.program))?;
    let pid = i32::try_from(child.id())?;
    match seen(pid) {
        Some(Seen { started, .. }) => Ok(Process { pid, started }),
        None => bail!("{} ended at once: see {}", launch.program, log.display()),
    }
}

impl Process {
    /// Whether it runs; one that ended and was not waited for does not.
    pub(crate) fn alive(self) -> bool {
        if let Some(pid) = Pid::from_raw(self.pid) {
            // Ours are reaped by it, others' are refused.
            let _ = rustix::process::waitpid(Some(pid), WaitOptions::NOHANG);
        }
        seen(self.pid).is_some_and(|seen| seen.started == self.started && !seen.ended)
    }

    /// Sends a signal, unless the pid is another process's by now.
    #[cfg(target_os = "linux")]
    fn signal(self, signal: Signal) -> anyhow::Result<()> {
        use rustix::process::{PidfdFlags, pidfd_open, pidfd_send_signal};

        let pid = Pid::from_raw(self.pid).with_context(|| format!("pid {}", self.pid))?;
        // The descriptor holds on to the process; what is read after it was opened
        // is about the same process.
        let Ok(held) = pidfd_open(pid, PidfdFlags::empty()) else { return Ok(()) };
        if !self.alive() {
            return Ok(());
        }
        match pidfd_send_signal(held, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(error).with_context(|| format!("signalling process {}", self.pid)),
        }
    }

    /// There are clusters on Linux only; the other chores run elsewhere too.
    #[cfg(not(target_os = "linux"))]
    fn signal(self, _: Signal) -> anyhow::Result<()> {
        bail!("signalling process {}: only on Linux", self.pid)
    }

    /// Ends it and waits until it is gone.
    pub(crate) fn kill(self) -> anyhow::Result<()> {
        self.signal(Signal::KILL)?;
        if !self.gone_within(Duration::from_secs(10)) {
            bail!("process {} is still there 10 s after it was killed", self.pid);
        }
        Ok(())
    }

    fn gone_within(self, patience: Duration) -> bool {
        let start = Instant::now();
        while self.alive() {
            if start.elapsed() > patience {
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        true
    }
}

/// The processes of this machine that carry the mark of a cluster's folder.
pub(crate) fn marked(folder: &Path) -> Vec<Process> {
    let want = format!("{MARK}={}", folder.display());
    let marked = pids().filter_map(|pid| {
        let started = seen(pid)?.started;
        let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
        let mut variables = environment.split(|byte| *byte == 0);
        variables.any(|variable| variable == want.as_bytes()).then_some(Process { pid, started })
    });
    marked.filter(|process| process.alive()).collect()
}

/// The first child of a process, if it has one.
pub(crate) fn child_of(parent: Process) -> Option<Process> {
    let child = |pid: i32| {
        let seen = seen(pid)?;
        let process = Process { pid, started: seen.started };
        (seen.parent == parent.pid && !seen.ended).then_some(process)
    };
    pids().find_map(child).filter(|_| parent.alive())
}

fn pids() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

struct Seen {
    parent: i32,
    started: u64,
    ended: bool,
}

/// Reads `/proc/PID/stat` (proc_pid_stat(5)); nothing where there is no such process.
fn seen(pid: i32) -> Option<Seen> {
    parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The second field is the program's name in brackets and may hold anything.
fn parse(stat: &str) -> Option<Seen> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    let ended = matches!(fields.next()?, "Z" | "X");
    let parent = fields.next()?.parse().ok()?;
    // While other threads end, they keep the sockets of the process open.
    let threads: u32 = fields.nth(15)?.parse().ok()?;
    Some(Seen { parent, started: fields.nth(1)?.parse().ok()?, ended: ended && threads <= 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper(folder: &Path) -> Process {
        let launch = Launch { program: "sleep".to_owned(), args: vec!["600".to_owned()] };
        start(&launch, folder, &folder.join("log")).unwrap()
    }

    #[test]
    fn the_start_time_is_the_22nd_field_whatever_the_name() {
        for name in ["sh", "a b", "x) S 1 (y"] {
            let rest: Vec<String> = (4..=52).map(|field| field.to_string()).collect();
            let seen = parse(&format!("7 ({name}) S {}", rest.join(" "))).unwrap();
            assert_eq!((seen.parent, seen.started, seen.ended), (4, 22, false), "{name}");
        }
    }

    /// A port was still in use after the process that it belonged to seemed to have ended.
    #[test]
    fn a_process_has_not_ended_while_its_threads_end() {
        let ended = |state: &str, threads: u32| {
            let fields = (4..=52).map(|field: u32| if field == 20 { threads } else { field });
            let rest: Vec<String> = fields.map(|field| field.to_string()).collect();
            parse(&format!("7 (sh) {state} {}", rest.join(" "))).unwrap().ended
        };
        assert!(ended("Z", 1) && ended("Z", 0) && ended("X", 0));
        assert!(!ended("Z", 12) && !ended("S", 1));
    }

    #[test]
    fn a_process_is_known_until_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let process = sleeper(folder.path());
        assert!(process.alive());
        process.kill().unwrap();
        assert!(!process.alive());
    }

    #[test]
    fn a_pid_of_another_start_time_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let process = sleeper(folder.path());
        let reused = Process { started: process.started - 1, ..process };
        reused.kill().unwrap();
        assert!(process.alive(), "another process with its pid was killed");
        process.kill().unwrap();
    }

    #[test]
    fn what_was_never_written_down_is_found_by_its_mark() {
        let folder = tempfile::tempdir().unwrap();
        let process = sleeper(folder.path());
        // Between fork and exec the environment is still ours.
        let start = Instant::now();
        while marked(folder.path()).is_empty() && start.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(marked(folder.path()), [process]);
        assert!(marked(&folder.path().join("other")).is_empty());
        process.kill().unwrap();
        assert!(marked(folder.path()).is_empty());
    }
}
