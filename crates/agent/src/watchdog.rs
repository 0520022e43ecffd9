//! Kills the agent if it does not answer permission events of fanotify any more.
//!
//! While the agent is stopped, for example by a signal or a debugger, each program that starts in a container
//! with such a policy waits for it. The watchdog is a separate process, so that it runs when the agent does
//! not. It gets a byte through a pipe at least twice a second; after two seconds without one it ends the agent,
//! and the kernel lets the programs start. It does the same if the other end was closed and the agent still
//! runs: then only the thread that answers has ended.

use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use anyhow::Context as _;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{PidfdFlags, Signal, getppid, pidfd_open, pidfd_send_signal};

/// How long the agent may be silent.
const PATIENCE: Timespec = Timespec { tv_sec: 2, tv_nsec: 0 };

/// Starts the watchdog, which watches this process through the returned end of the pipe.
pub(crate) fn start() -> anyhow::Result<OwnedFd> {
    let (read, write) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)
        .context("making a pipe for the watchdog")?;
    // A full pipe means that the watchdog itself is stopped: the agent must not wait for it.
    rustix::io::ioctl_fionbio(&write, true).context("making a pipe for the watchdog")?;
    Command::new("/proc/self/exe")
        .arg("watchdog")
        .stdin(Stdio::from(read))
        // What stops a terminal's group of processes must not stop both.
        .process_group(0)
        .spawn()
        .context("starting the watchdog")?;
    Ok(write)
}

pub(crate) fn run() -> anyhow::Result<()> {
    let parent = getppid().context("the agent has ended")?;
    let agent = pidfd_open(parent, PidfdFlags::empty()).context("opening the agent")?;
    if getppid() != Some(parent) {
        return Ok(());
    }
    let stdin = std::io::stdin();
    let mut bytes = [0; 64];
    loop {
        let mut waits = [PollFd::new(&stdin, PollFlags::IN)];
        match poll(&mut waits, Some(&PATIENCE)) {
            Ok(0) => {
                pidfd_send_signal(&agent, Signal::KILL).context("ending the agent")?;
                crate::say(
                    "the agent did not answer for two seconds and was killed: programs of containers \
                     were waiting for it",
                );
                return Ok(());
            }
            Ok(_) => match rustix::io::read(&stdin, &mut bytes) {
                Ok(0) => return end_if_it_runs(&agent),
                Ok(_) | Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
                Err(error) => return Err(error).context("listening to the agent"),
            },
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error).context("listening to the agent"),
        }
    }
}

/// Ends an agent that has closed its end of the pipe and does not end by itself.
fn end_if_it_runs(agent: &OwnedFd) -> anyhow::Result<()> {
    // A process that has ended can be read.
    let ended = poll(&mut [PollFd::new(agent, PollFlags::IN)], Some(&PATIENCE));
    if ended == Ok(1) {
        return Ok(());
    }
    match pidfd_send_signal(agent, Signal::KILL) {
        Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(error) => Err(error).context("ending the agent"),
        Ok(()) => {
            crate::say("the agent did not answer any more and was killed");
            Ok(())
        }
    }
}
