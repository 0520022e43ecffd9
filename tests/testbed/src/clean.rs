//! Removing a cluster completely, whoever started it and however that one ended.
//!
//! Order: nodes, controllers, API server, and only when that is gone etcd: an API
//! server without etcd lingers for a minute.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::Context as _;

use crate::node;
use crate::process::{self, Process};
use crate::shape::check_name;
use crate::state::{self, Remains};

/// Stops a cluster and removes everything of it. Fine where there is nothing.
pub fn down(name: &str) -> anyhow::Result<()> {
    check_name(name)?;
    let _lock = state::lock(name)?;
    remove(name)
}

/// The same, for who has the lock already.
pub(crate) fn remove(name: &str) -> anyhow::Result<()> {
    let folder = state::folder(name)?;
    let mut failed = Vec::new();
    let mut note = |result: anyhow::Result<()>| failed.extend(result.err());
    // Where it is damaged, processes and mounts are still found by the folder.
    let remains = Remains::read(name).unwrap_or_default();
    let recorded = remains.processes.iter();
    let mut recorded: Vec<(&str, Process)> =
        recorded.map(|(name, process)| (name.as_str(), *process)).collect();
    recorded.sort_by_key(|(name, _)| turn(name));
    for (_, process) in recorded {
        note(process.kill());
    }
    for process in process::marked(&folder) {
        note(process.kill());
    }
    note(node::remove(name, &remains));
    note(unmount_below(&folder));
    // A folder that still has mounts in it is not emptied: they may be the machine's.
    if failed.is_empty() {
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != ErrorKind::NotFound => failed
                .push(anyhow::Error::new(error).context(format!("removing {}", folder.display()))),
            _ => {}
        }
    }
    match failed.into_iter().reduce(|all, next| anyhow::anyhow!("{all:#}; {next:#}")) {
        Some(error) => Err(error).with_context(|| format!("cluster {name} is not wholly removed")),
        None => Ok(()),
    }
}

/// The order in which processes end. With a node's first process goes all of the node.
fn turn(name: &str) -> u8 {
    match name {
        "etcd" => 4,
        "kube-apiserver" => 3,
        "kube-controller-manager" | "kube-scheduler" => 2,
        _ if name.ends_with("-init") => 0,
        _ => 1,
    }
}

/// Unmounts what is mounted in the folder, the latest first.
fn unmount_below(folder: &Path) -> anyhow::Result<()> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").context("reading the mounts")?;
    for point in points(&mounts, folder).iter().rev() {
        node::run("umount", &["--lazy", point])?;
    }
    Ok(())
}

/// The mount points of a `mountinfo` (proc_pid_mountinfo(5)) at or below a folder.
pub(crate) fn points(mounts: &str, folder: &Path) -> Vec<String> {
    let points = mounts.lines().filter_map(|line| line.split(' ').nth(4));
    let points = points.map(|point| point.replace("\\040", " "));
    points.filter(|point| Path::new(point).starts_with(folder)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_mounts_of_the_folder_are_touched() {
        let mounts = "22 1 254:0 / / rw - ext4 /dev/vda rw\n\
                      40 22 0:30 / /c/a rw - tmpfs tmpfs rw\n\
                      41 22 0:31 / /c/ab rw - tmpfs tmpfs rw\n\
                      42 40 0:32 / /c/a/x\\040y rw shared:1 - overlay overlay rw\n";
        assert_eq!(points(mounts, Path::new("/c/a")), ["/c/a", "/c/a/x y"]);
    }

    #[test]
    fn etcd_ends_after_the_api_server_and_that_after_nodes() {
        let right = ["node-1-init", "node-1-kubelet", "kube-scheduler", "kube-apiserver", "etcd"];
        let mut names = right;
        names.reverse();
        names.sort_by_key(|name| turn(name));
        assert_eq!(names, right);
    }
}
