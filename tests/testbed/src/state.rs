//! What is known about a cluster: one folder `pavisade/clusters/NAME` in the user's
//! cache, with `state.json`, certificates, kubeconfigs, data and logs.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, bail};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::process::{Launch, Process};
use crate::shape::Shape;
use crate::{certs, tools};

/// Everything that `down` must know, and what finds a running cluster again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) name: String,
    pub(crate) shape: Shape,
    /// Whether tests started it, and not a person.
    #[serde(default)]
    pub(crate) for_tests: bool,
    /// Which of the private test networks it has.
    pub(crate) slot: u8,
    pub(crate) ports: Ports,
    pub(crate) tools: Tools,
    /// By name, as `etcd` or `node-1-kubelet`.
    pub(crate) processes: BTreeMap<String, Process>,
    pub(crate) launches: BTreeMap<String, Launch>,
    /// Network links of this machine.
    pub(crate) links: Vec<String>,
    /// Paths below the roots of the control groups.
    pub(crate) cgroups: Vec<String>,
    /// Kernel settings that a node changes, as they were before.
    pub(crate) sysctls: BTreeMap<String, String>,
    /// Seconds from nothing to ready; nothing while it starts.
    pub(crate) ready_after: Option<f64>,
}

/// What must be removed, read from `state.json` whichever version of us wrote it: the
/// rest of the file may have changed its form since.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Remains {
    pub(crate) for_tests: bool,
    pub(crate) processes: BTreeMap<String, Process>,
    pub(crate) links: Vec<String>,
    pub(crate) cgroups: Vec<String>,
    pub(crate) sysctls: BTreeMap<String, String>,
}

/// Ports on 127.0.0.1.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Ports {
    pub(crate) api: u16,
    pub(crate) etcd: u16,
    pub(crate) etcd_peer: u16,
}

/// Folders of programs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Tools {
    pub(crate) kubectl: PathBuf,
    pub(crate) etcd: PathBuf,
    pub(crate) kubernetes: PathBuf,
    /// Where there are nodes.
    pub(crate) node: Option<NodeTools>,
}

/// Folders of programs that only nodes need.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct NodeTools {
    pub(crate) containerd: PathBuf,
    pub(crate) runc: PathBuf,
    pub(crate) testbed: PathBuf,
}

/// The folder of all clusters.
pub(crate) fn clusters() -> anyhow::Result<PathBuf> {
    Ok(tools::cache()?.join("clusters"))
}

/// The folder of one.
pub(crate) fn folder(name: &str) -> anyhow::Result<PathBuf> {
    Ok(clusters()?.join(name))
}

/// The names of clusters that left something behind, running or not.
pub(crate) fn names() -> anyhow::Result<Vec<String>> {
    let clusters = clusters()?;
    let entries = match fs::read_dir(&clusters) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(error).with_context(|| format!("listing {}", clusters.display()));
        }
    };
    let folders = entries.flatten().filter(|entry| entry.path().is_dir());
    let mut names: Vec<String> =
        folders.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    Ok(names)
}

/// Held while a cluster is started, stopped or looked for, or used; also across processes.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// Waits until the lock of that name is free, and takes it.
pub(crate) fn lock(name: &str) -> anyhow::Result<Lock> {
    with_file(name, |file| file.lock().map(|()| true)).map(|(lock, _)| lock)
}

/// Takes the lock of that name if it is free.
pub(crate) fn try_lock(name: &str) -> anyhow::Result<Option<Lock>> {
    let take = |file: &File| match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    };
    with_file(name, take).map(|(lock, taken)| taken.then_some(lock))
}

/// Marks a cluster as used for as long as the value lives; several may use one.
pub(crate) fn mark_used(name: &str) -> anyhow::Result<Lock> {
    with_file(&used(name), |file| file.lock_shared().map(|()| true)).map(|(lock, _)| lock)
}

/// The name of the lock that users of a cluster share.
pub(crate) fn used(name: &str) -> String {
    format!("{name}.used")
}

fn with_file(
    name: &str,
    take: impl FnOnce(&File) -> std::io::Result<bool>,
) -> anyhow::Result<(Lock, bool)> {
    let clusters = clusters()?;
    let path = clusters.join(format!("{name}.lock"));
    let lock = || {
        fs::create_dir_all(&clusters)?;
        // The file stays: were it removed, two could hold locks of one name.
        let file = File::options().create(true).append(true).open(&path)?;
        let taken = take(&file)?;
        Ok::<_, std::io::Error>((Lock { _file: file }, taken))
    };
    lock().with_context(|| format!("locking {}", path.display()))
}

impl Remains {
    /// What is written down; nothing where nothing is.
    pub(crate) fn read(name: &str) -> anyhow::Result<Self> {
        Ok(read(name)?.unwrap_or_default())
    }
}

fn read<T: DeserializeOwned>(name: &str) -> anyhow::Result<Option<T>> {
    let path = folder(name)?.join("state.json");
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("reading {}", path.display())),
    };
    let read = serde_json::from_str(&text);
    read.map(Some).with_context(|| format!("reading {}", path.display()))
}

impl State {
    pub(crate) fn folder(&self) -> anyhow::Result<PathBuf> {
        folder(&self.name)
    }

    /// What is written down of a cluster, if anything.
    pub(crate) fn read(name: &str) -> anyhow::Result<Option<Self>> {
        read(name)
    }

    /// Written beside and renamed: a reader never sees half of it.
    pub(crate) fn write(&self) -> anyhow::Result<()> {
        let folder = self.folder()?;
        let (path, beside) = (folder.join("state.json"), folder.join(".state.json"));
        certs::write(&beside, &serde_json::to_string_pretty(self)?)?;
        fs::rename(&beside, &path).with_context(|| format!("writing {}", path.display()))
    }

    /// Starts a process and writes it down.
    pub(crate) fn start(&mut self, name: &str, launch: Launch) -> anyhow::Result<Process> {
        let folder = self.folder()?;
        let process = crate::process::start(&launch, &folder, &self.log(name)?)?;
        self.processes.insert(name.to_owned(), process);
        self.launches.insert(name.to_owned(), launch);
        self.write()?;
        Ok(process)
    }

    pub(crate) fn log(&self, name: &str) -> anyhow::Result<PathBuf> {
        Ok(self.folder()?.join("logs").join(format!("{name}.log")))
    }

    /// Fails with the end of the log of a process that is not there any more.
    pub(crate) fn all_alive(&self) -> anyhow::Result<()> {
        for (name, process) in &self.processes {
            if !process.alive() {
                let log = self.log(name)?;
                bail!("{name} ended; {} ends with:\n{}", log.display(), tail(&log));
            }
        }
        Ok(())
    }
}

/// The last lines of a log.
pub(crate) fn tail(log: &Path) -> String {
    let text = fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let text = text.unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}

impl Ports {
    /// Ports that nobody has now. Somebody may take one before we do: then the
    /// program that wanted it ends, and its log says so.
    pub(crate) fn free() -> anyhow::Result<Self> {
        let [api, etcd, etcd_peer] = free_ports()?;
        Ok(Self { api, etcd, etcd_peer })
    }
}

/// Returns ports of loopback that are free now. They are below those that the kernel assigns to
/// connections (`ip_local_port_range`) and below the node ports of Services.
pub fn free_ports<const N: usize>() -> anyhow::Result<[u16; N]> {
    const FIRST: u32 = 15_000;
    const COUNT: u32 = 15_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let mut found = [0; N];
    let mut left = COUNT;
    for port in &mut found {
        loop {
            left = left.checked_sub(1).context("no port of 127.0.0.1 is free")?;
            // Processes begin at different places.
            let next =
                std::process::id().wrapping_mul(97) % COUNT + NEXT.fetch_add(1, Ordering::Relaxed);
            *port = u16::try_from(FIRST + next % COUNT)?;
            if TcpListener::bind(("127.0.0.1", *port)).is_ok() {
                break;
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_must_be_removed_is_read_whoever_wrote_it() {
        let text = r#"{"newer": {}, "shape": {"strange": 1}, "for_tests": true, "links": ["pavisade0"],
            "processes": {"etcd": {"pid": 7, "started": 8}}, "cgroups": ["pavisade-a-1"],
            "sysctls": {"kernel/panic": "1"}}"#;
        assert!(serde_json::from_str::<State>(text).is_err());
        let remains: Remains = serde_json::from_str(text).unwrap();
        assert_eq!(remains.processes["etcd"], Process { pid: 7, started: 8 });
        assert!(remains.for_tests);
        assert_eq!(remains.links, ["pavisade0"]);
        assert_eq!(remains.cgroups, ["pavisade-a-1"]);
        assert_eq!(remains.sysctls["kernel/panic"], "1");
    }
}
