//! What there is: every cluster of this user and how it is.

use std::fs;
use std::path::PathBuf;

use serde::Serialize;

use crate::process;
use crate::state::{self, Remains, State};

/// How a cluster is.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// Its name.
    pub name: String,
    /// Whether it was ready and all its processes still run.
    pub running: bool,
    /// Whether tests started it, and not a person; in doubt it is a person's.
    pub for_tests: bool,
    /// How many nodes it has.
    pub nodes: u8,
    /// The administrator's kubeconfig.
    pub kubeconfig: PathBuf,
    /// Names of processes that ended by themselves.
    pub ended: Vec<String>,
    /// Resident memory of its processes, pods aside, in MiB.
    pub memory_mib: u64,
    /// Seconds from nothing to ready; absent where it never was.
    pub ready_after: Option<f64>,
}

/// Every cluster that left something behind, by name.
pub fn all() -> anyhow::Result<Vec<Status>> {
    let mut all = Vec::new();
    for name in state::names()? {
        let folder = state::folder(&name)?;
        let state = State::read(&name).unwrap_or_default();
        let processes = state.iter().flat_map(|state| &state.processes);
        let ended = processes.filter(|(_, process)| !process.alive());
        let ended: Vec<String> = ended.map(|(name, _)| name.clone()).collect();
        let ready_after = state.as_ref().and_then(|state| state.ready_after);
        let resident = process::marked(&folder).iter().filter_map(|process| kib(process.pid)).sum();
        let resident: u64 = resident;
        all.push(Status {
            running: ready_after.is_some() && ended.is_empty(),
            for_tests: Remains::read(&name).unwrap_or_default().for_tests,
            name,
            nodes: state.as_ref().map_or(0, |state| state.shape.nodes),
            kubeconfig: folder.join("admin.kubeconfig"),
            ended,
            memory_mib: resident / 1024,
            ready_after,
        });
    }
    Ok(all)
}

fn kib(pid: i32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}
