//! Floods `pavisade integrity watch` with changes: each is reported, or it says that it may have missed
//! some, its memory stays bounded, and it goes on afterwards.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;
use std::{fs, thread};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::kill::program;
use crate::bench::memory_of;

/// Changes in a full run.
pub(super) const FULL: u32 = 100_000;
/// How much memory a flood may need, in kB: the events of one read, the directories and processes that
/// are remembered, and files that wait to be closed.
const MORE_MEMORY: u64 = 32 << 10;
/// Longer than `watch` waits until it reports again that it missed something.
const SILENCE: Duration = Duration::from_secs(12);
const QUEUE: &str = "/proc/sys/fs/fanotify/max_queued_events";

/// A separate file system, so that no other program's changes are in the queue.
pub(super) struct Disk(pub(super) tempfile::TempDir);

impl Disk {
    /// Mounts it. `None` if a partial run cannot.
    pub(super) fn new(is_full: bool) -> anyhow::Result<Option<Self>> {
        match Self::mounted() {
            Ok(disk) => Ok(Some(disk)),
            Err(error) if !is_full => {
                println!("skipped: {error}");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn mounted() -> anyhow::Result<Self> {
        let disk = Self(tempfile::tempdir()?);
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=1g", "tmpfs"]).arg(disk.0.path());
        ensure!(mount.status()?.success(), "tmpfs cannot be mounted");
        fs::create_dir(disk.0.path().join("tree"))?;
        Ok(disk)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

/// A running watch, and the lines that it prints.
struct Watch {
    child: Child,
    lines: Receiver<Value>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Watch {
    fn start(root: &Path) -> anyhow::Result<Self> {
        let mut command = Command::new(program()?);
        command.args(["integrity", "watch", "/tree", "-f", "json", "--root"]).arg(root);
        let mut child = command.stdout(Stdio::piped()).stdin(Stdio::null()).spawn()?;
        let out = BufReader::new(child.stdout.take().context("it has no output")?);
        let (send, lines) = channel();
        thread::spawn(move || {
            let lines = out.lines().map_while(Result::ok);
            lines
                .filter_map(|line| serde_json::from_str(&line).ok())
                .all(|one| send.send(one).is_ok())
        });
        let watch = Self { child, lines };
        let first = watch.lines.recv_timeout(Duration::from_secs(60));
        ensure!(first.is_ok_and(|line| line["kind"] == "started"), "the watch did not start");
        Ok(watch)
    }

    fn signal(&self, name: &str) -> anyhow::Result<()> {
        let id = self.child.id().to_string();
        ensure!(Command::new("kill").args([name, &id]).status()?.success(), "kill {name}");
        Ok(())
    }

    /// The most memory that it needed so far, in kB.
    fn memory(&self) -> anyhow::Result<u64> {
        let memory = memory_of(self.child.id());
        ensure!(memory > 0, "the memory of the watch cannot be read");
        Ok(memory / 1024)
    }

    /// Reads until nothing is printed for [`SILENCE`]: the paths, and how often it missed something.
    fn read(&self) -> anyhow::Result<(HashSet<String>, usize)> {
        let (mut paths, mut missed) = (HashSet::new(), 0);
        loop {
            match self.lines.recv_timeout(SILENCE) {
                Ok(line) if line["kind"] == "missed" => missed += 1,
                Ok(line) => paths.extend(line["path"].as_str().map(str::to_owned)),
                Err(RecvTimeoutError::Timeout) => return Ok((paths, missed)),
                Err(RecvTimeoutError::Disconnected) => anyhow::bail!("the watch ended"),
            }
        }
    }
}

fn write(root: &Path, kind: &str, count: u32) -> anyhow::Result<()> {
    for number in 0..count {
        fs::write(root.join(format!("tree/{kind}{number}")), "x")?;
    }
    Ok(())
}

pub(super) fn run(count: u32, _: u64) -> anyhow::Result<()> {
    let Some(disk) = Disk::new(count >= FULL)? else { return Ok(()) };
    let root = disk.0.path();
    let watch = Watch::start(root)?;
    let before = watch.memory()?;

    // While it reads: what is lost must be reported.
    write(root, "a", count)?;
    let (paths, missed) = watch.read()?;
    println!(
        "{count} changes while it reads: {} reported, missed told {missed} times",
        paths.len()
    );
    ensure!(missed > 0 || paths.len() == count as usize, "changes were lost without a report");

    // While it is stopped, more than the queue of the kernel holds.
    let queue: u32 = fs::read_to_string(QUEUE)?.trim().parse().context(QUEUE)?;
    let more = count.max(queue.saturating_add(5000));
    watch.signal("-STOP")?;
    write(root, "b", more)?;
    watch.signal("-CONT")?;
    let (paths, missed) = watch.read()?;
    println!(
        "{more} changes while it is stopped: {} reported, missed told {missed} times",
        paths.len()
    );
    ensure!(missed > 0, "the queue of {queue} events overflowed, and it did not say so");

    // It goes on.
    write(root, "c", 1)?;
    let (paths, missed) = watch.read()?;
    ensure!(paths.contains("/tree/c0") && missed == 0, "it does not go on: {paths:?}, {missed}");
    let memory = watch.memory()?;
    println!("memory: {before} kB before, {memory} kB at most");
    ensure!(memory < before + MORE_MEMORY, "the flood needs {} kB", memory - before);
    Ok(())
}
