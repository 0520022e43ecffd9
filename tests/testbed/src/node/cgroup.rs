//! A node's control groups: one group a node at the root of every hierarchy, for a
//! kubelet removes what it does not know in the group that it is given.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context as _;

/// Makes a group in every hierarchy.
pub(crate) fn make(name: &str) -> anyhow::Result<()> {
    for Hierarchy { root, second } in hierarchies()? {
        let group = root.join(name);
        fs::create_dir_all(&group).with_context(|| format!("creating {}", group.display()))?;
        // A group of the first version has no processors before it is given some; one
        // of the second gets only what its parent passes on.
        for file in ["cpuset.cpus", "cpuset.mems"] {
            if !second && let Ok(parents) = fs::read(root.join(file)) {
                let file = group.join(file);
                let given = fs::write(&file, parents);
                given.with_context(|| format!("writing {}", file.display()))?;
            }
        }
        if second && let Ok(all) = fs::read_to_string(root.join("cgroup.controllers")) {
            for controller in all.split_whitespace() {
                // One that is in use elsewhere cannot be passed on; the kubelet says
                // so if it is one that it needs.
                let _ = fs::write(root.join("cgroup.subtree_control"), format!("+{controller}"));
            }
        }
    }
    Ok(())
}

/// Removes a group and those in it, from every hierarchy.
pub(crate) fn remove(name: &str) -> anyhow::Result<()> {
    for Hierarchy { root, .. } in hierarchies()? {
        let group = root.join(name);
        let start = Instant::now();
        // A process that was killed a moment ago may still be counted.
        while let Err(error) = remove_tree(&group) {
            if start.elapsed() > Duration::from_secs(10) {
                return Err(error).with_context(|| format!("removing {}", group.display()));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    Ok(())
}

fn remove_tree(group: &Path) -> std::io::Result<()> {
    let entries = match fs::read_dir(group) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_tree(&entry.path())?;
        }
    }
    fs::remove_dir(group)
}

struct Hierarchy {
    root: PathBuf,
    /// Of the second version.
    second: bool,
}

fn hierarchies() -> anyhow::Result<Vec<Hierarchy>> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").context("reading the mounts")?;
    Ok(parse(&mounts))
}

/// The control groups in a `mountinfo` (proc_pid_mountinfo(5)).
fn parse(mounts: &str) -> Vec<Hierarchy> {
    let hierarchy = |line: &str| {
        let (place, kind) = line.split_once(" - ")?;
        let root = place.split(' ').nth(4)?;
        let second = match kind.split(' ').next()? {
            "cgroup" => false,
            "cgroup2" => true,
            _ => return None,
        };
        root.starts_with("/sys/").then(|| Hierarchy { root: root.into(), second })
    };
    mounts.lines().filter_map(hierarchy).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hierarchies_are_found_among_mounts() {
        let mounts = "22 1 254:0 / / rw - ext4 /dev/vda rw\n\
                      31 29 0:26 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n\
                      40 29 0:35 / /sys/fs/cgroup/unified rw shared:9 - cgroup2 cgroup2 rw\n";
        let found: Vec<_> = parse(mounts)
            .into_iter()
            .map(|hierarchy| (hierarchy.root.display().to_string(), hierarchy.second))
            .collect();
        assert_eq!(
            found,
            [("/sys/fs/cgroup/cpu".to_owned(), false), ("/sys/fs/cgroup/unified".to_owned(), true)]
        );
    }
}
