//! Room for clusters: the programs of a node and of the control plane watch files with inotify,
//! and the kernel limits the instances of each user (inotify(7), `max_user_instances`). A kubelet
//! without an instance exits.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::clean;
use crate::shape::Shape;
use crate::state::{self, State};

/// Instances of the API server and the controllers, and of a node, as counted in
/// Kubernetes 1.37, with one to spare each.
const CONTROL_PLANE: usize = 14;
const NODE: usize = 11;
/// Instances left to other programs.
const OTHERS: usize = 12;
/// How long to wait until others need less.
const PATIENCE: Duration = Duration::from_secs(600);

/// Waits until a cluster of that shape has room, and removes unused shared clusters
/// until then. Holds the lock of the slots when it returns, so that the state of the new cluster
/// can be written before another process counts.
pub(crate) fn wait(shape: &Shape) -> anyhow::Result<state::Lock> {
    let limit = fs::read_to_string("/proc/sys/fs/inotify/max_user_instances");
    let limit = limit.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(usize::MAX);
    let start = Instant::now();
    let mut told = false;
    loop {
        let slots = state::lock("slots")?;
        let fits = taken()? + need(shape) <= limit.saturating_sub(OTHERS);
        // Then it starts anyway: if it fails, the error is clearer than a test that hangs.
        if fits || start.elapsed() > PATIENCE {
            return Ok(slots);
        }
        drop(slots);
        if !remove_unused()? {
            if !std::mem::replace(&mut told, true) {
                eprintln!("waiting until other clusters need fewer inotify instances");
            }
            sleep(Duration::from_millis(500));
        }
    }
}

fn need(shape: &Shape) -> usize {
    CONTROL_PLANE + NODE * usize::from(shape.nodes)
}

/// Instances of all clusters that run, also in part, or start.
fn taken() -> anyhow::Result<usize> {
    let mut taken = 0;
    for name in state::names()? {
        let Some(state) = State::read(&name).unwrap_or_default() else { continue };
        let runs = state.processes.values().any(|process| process.alive());
        if runs || state::try_lock(&name)?.is_none() {
            taken += need(&state.shape);
        }
    }
    Ok(taken)
}

/// Removes one shared cluster of tests that is not used or looked for.
fn remove_unused() -> anyhow::Result<bool> {
    for name in state::names()? {
        let is_shared = name.starts_with(Shape::SHARED)
            && State::read(&name).unwrap_or_default().is_some_and(|state| state.for_tests);
        if !is_shared {
            continue;
        }
        let Some(_lock) = state::try_lock(&name)? else { continue };
        let Some(_unused) = state::try_lock(&state::used(&name))? else { continue };
        clean::remove(&name)?;
        return Ok(true);
    }
    Ok(false)
}
