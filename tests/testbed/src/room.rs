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
        let Some(_locks) = unused(&name)? else { continue };
        clean::remove(&name)?;
        return Ok(true);
    }
    Ok(false)
}

/// Locks a cluster that is not used or looked for. `None` if it is.
fn unused(name: &str) -> anyhow::Result<Option<[state::Lock; 2]>> {
    let Some(lock) = state::try_lock(name)? else { return Ok(None) };
    Ok(state::try_lock(&state::used(name))?.map(|used| [lock, used]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Removes the files of the locks of a test.
    struct Files(String);

    impl Drop for Files {
        fn drop(&mut self) {
            let Ok(clusters) = state::clusters() else { return };
            for name in [self.0.clone(), state::used(&self.0)] {
                let _ = fs::remove_file(clusters.join(format!("{name}.lock")));
            }
        }
    }

    #[test]
    fn a_cluster_is_unused_after_its_last_user() {
        let files = Files(format!("room-test-{}", std::process::id()));
        let name = &*files.0;
        let is_unused = || unused(name).unwrap().is_some();
        assert!(is_unused());
        let users = [state::mark_used(name).unwrap(), state::mark_used(name).unwrap()];
        assert!(!is_unused());
        let [first, second] = users;
        drop(first);
        assert!(!is_unused());
        drop(second);
        assert!(is_unused());
        // Another process looks for it, and will use it.
        let looking = state::try_lock(name).unwrap().unwrap();
        assert!(!is_unused());
        drop(looking);
        // While it is removed, it cannot be found.
        let removing = unused(name).unwrap();
        assert!(removing.is_some() && state::try_lock(name).unwrap().is_none());
    }

    #[test]
    fn nodes_need_more_room() {
        let of = |nodes| need(&Shape { nodes, ..Shape::default() });
        assert_eq!(of(2) - of(1), of(1) - of(0));
        assert!(of(0) > 0 && of(1) > of(0));
    }
}
