//! The memory of the agent on a full node: many containers, each with its own control group, the
//! state that a runtime keeps, and processes that start programs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::json;

use super::Agent;
use crate::bench::{mb, memory_of};

/// Containers, and processes in each.
const CONTAINERS: usize = 500;
const PROCESSES: usize = 4;

pub(super) fn run(program: &Path) -> anyhow::Result<()> {
    let mounts = fs::read_to_string("/proc/self/mountinfo")?;
    let second = mounts.lines().find(|line| line.contains(" - cgroup2 "));
    let Some(root) = second.and_then(|line| line.split(' ').nth(4)) else {
        println!(
            "skipped: memory with {CONTAINERS} containers: control groups of version 2 are not mounted"
        );
        return Ok(());
    };
    let states = tempfile::tempdir()?;
    let mut full = Full {
        root: Path::new(root).join(format!("pavisade-bench-{}", std::process::id())),
        groups: Vec::new(),
        processes: Vec::new(),
    };
    fs::create_dir(&full.root)?;
    for number in 0..CONTAINERS {
        let id = format!("{number:064x}");
        full.groups.push(full.root.join(&id));
        fs::create_dir(full.root.join(&id))?;
        let folder = states.path().join(&id);
        fs::create_dir(&folder)?;
        fs::write(folder.join("config.json"), state(number).to_string())?;
    }
    let folder = states.path().to_str().context("the temporary folder is not UTF-8")?.to_owned();
    let agent = Agent::start(program, &["--state", &folder])?;
    let before = memory_of(agent.child.id());
    let seen = agent.figures.sum("pavisade_events_total")?;
    for group in full.groups.iter().flat_map(|group| [group; PROCESSES]) {
        let enter =
            "echo $$ > \"$1/cgroup.procs\" && cat /etc/passwd > /dev/null && exec sleep 600";
        full.processes.push(Command::new("sh").args(["-c", enter, "sh"]).arg(group).spawn()?);
    }
    thread::sleep(Duration::from_secs(2));
    let (memory, maps) = (memory_of(agent.child.id()), maps_of(agent.child.id())?);
    ensure!(memory > 0, "the memory of the agent cannot be read");
    println!(
        "{CONTAINERS} containers with {PROCESSES} processes, {:.0} events, {:.0} processes known: \
         {:.0} MB resident at most ({:.0} MB before), and {:.0} MB of maps in the kernel",
        agent.figures.sum("pavisade_events_total")? - seen,
        agent.figures.sum("pavisade_processes")?,
        mb(memory),
        mb(before),
        mb(maps),
    );
    Ok(())
}

/// What a runtime writes about a container, with the usual mounts and variables.
fn state(number: usize) -> serde_json::Value {
    let mount = |at: usize| {
        json!({"destination": format!("/mnt/{at}"), "type": "bind",
               "source": format!("/var/lib/kubelet/pods/{number}/volumes/{at}"),
               "options": ["rbind", "rprivate", "ro"]})
    };
    let variable = |at: usize| format!("SERVICE_{at}_PORT=tcp://10.0.{at}.1:443");
    json!({
        "ociVersion": "1.2.1",
        "annotations": {
            "io.kubernetes.cri.container-type": "container",
            "io.kubernetes.cri.container-name": "web",
            "io.kubernetes.cri.image-name": "registry.example/shop/web:1.2",
            "io.kubernetes.cri.sandbox-id": format!("{:064x}", number + 10_000),
            "io.kubernetes.cri.sandbox-name": format!("web-{number}"),
            "io.kubernetes.cri.sandbox-namespace": "shop",
            "io.kubernetes.cri.sandbox-uid": format!("uid-{number}"),
        },
        "process": {"env": (0..100).map(variable).collect::<Vec<_>>()},
        "mounts": (0..40).map(mount).collect::<Vec<_>>(),
        "linux": {"cgroupsPath": format!("/kubepods/pod{number}/{number:064x}")},
    })
}

/// The bytes of the maps that a process has in the kernel.
fn maps_of(process: u32) -> anyhow::Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(format!("/proc/{process}/fdinfo"))? {
        let text = fs::read_to_string(entry?.path()).unwrap_or_default();
        let value = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().parse::<u64>().ok()
        };
        // Programs have the second line, but not the first.
        sum += value("map_type:").and_then(|_| value("memlock:")).unwrap_or(0);
    }
    Ok(sum)
}

/// Everything that must end with the measurement.
struct Full {
    root: PathBuf,
    groups: Vec<PathBuf>,
    processes: Vec<Child>,
}

impl Drop for Full {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
        for group in self.groups.iter().chain([&self.root]) {
            let _ = fs::remove_dir(group);
        }
    }
}
