//! What a process can see of the container it runs in, read from `/proc`, `/sys` and `/dev`. Files are
//! opened to find out whether that is permitted; nothing is written to them.

use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::path::Path;

use super::Rights;

/// What is known about the container of this process. `None` is for what could not be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PodFacts {
    /// The effective capabilities, as bits.
    pub capabilities: Option<u64>,
    /// The mode of seccomp: 0 is none, 2 is a filter.
    pub seccomp: Option<u8>,
    /// Whether programs cannot gain privileges.
    pub no_new_privileges: Option<bool>,
    /// The effective user id, and whether it is the same on the node.
    pub user: Option<(u32, bool)>,
    /// The mounts.
    pub mounts: Option<Vec<Mount>>,
    /// The names of the block devices in `/dev`.
    pub block_devices: Option<Vec<String>>,
    /// The name of process 2: `kthreadd` belongs to the node. Empty if there is no process 2.
    pub second_process: Option<String>,
    /// Sockets of container runtimes.
    pub sockets: Vec<String>,
    /// Files of the kernel that can be opened for writing, with which an escape is known.
    pub writable: Vec<String>,
    /// Whether the token of a ServiceAccount is mounted.
    pub token: bool,
    /// What the token may do, or why that is not known. `None` if the API server was
    /// not asked.
    pub rights: Option<Result<Rights, String>>,
    /// The names of environment variables with secrets.
    pub secrets: Vec<String>,
}

/// A mount (proc_pid_mountinfo(5)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// The directory of the file system that is mounted.
    pub root: String,
    /// Where it is mounted.
    pub point: String,
    /// Whether it can be written to.
    pub writable: bool,
    /// The type of the file system.
    pub kind: String,
}

/// Where tokens are mounted.
const TOKEN: &str = "var/run/secrets/kubernetes.io/serviceaccount/token";
const SOCKETS: [&str; 6] = [
    "run/containerd/containerd.sock",
    "run/crio/crio.sock",
    "run/docker.sock",
    "var/run/docker.sock",
    "run/k3s/containerd/containerd.sock",
    "run/podman/podman.sock",
];

/// The namespace of the token, next to it.
const NAMESPACE: &str = "var/run/secrets/kubernetes.io/serviceaccount/namespace";

/// Returns the namespace of the container's token. `None` if there is no token.
pub fn own_namespace(root: &Path) -> Option<String> {
    let text = fs::read_to_string(root.join(NAMESPACE)).ok()?;
    Some(text.trim().to_owned())
}

impl PodFacts {
    /// Reads the facts. `root` is `/`, except in tests.
    pub fn read(root: &Path, environment: &[(String, String)]) -> Self {
        let text = |path: &str| fs::read_to_string(root.join(path)).ok();
        let status = text("proc/self/status").unwrap_or_default();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.strip_prefix(':').map(str::trim)
        };
        let mapped = text("proc/self/uid_map").map(|map| is_identity(&map));
        let user = field("Uid").and_then(|all| all.split_whitespace().nth(1)?.parse().ok());
        let mounts = text("proc/self/mountinfo").map(|text| mounts(&text));
        let mut writable = Vec::new();
        for path in ["proc/sys/kernel/core_pattern", "proc/sys/kernel/modprobe"] {
            writable.extend(opens(root, path).then(|| format!("/{path}")));
        }
        for mount in mounts.iter().flatten().filter(|mount| mount.kind == "cgroup") {
            let path = format!("{}/release_agent", mount.point.trim_start_matches('/'));
            writable.extend(opens(root, &path).then(|| format!("/{path}")));
        }
        let is_secret = |(name, value): &&(String, String)| {
            let line = format!("{name}={value}");
            // Shells set it to the working directory.
            let is_folder = name == "PWD" && value.starts_with('/');
            !value.is_empty()
                && !is_folder
                && matches!(pavisade_secrets::mask(&line), std::borrow::Cow::Owned(_))
        };
        Self {
            capabilities: field("CapEff").and_then(|bits| u64::from_str_radix(bits, 16).ok()),
            seccomp: field("Seccomp").and_then(|mode| mode.parse().ok()),
            no_new_privileges: field("NoNewPrivs").map(|value| value == "1"),
            user: user.zip(mapped),
            mounts,
            block_devices: block_devices(&root.join("dev")),
            second_process: second_process(root),
            sockets: SOCKETS
                .iter()
                .filter(|path| root.join(path).exists())
                .map(|path| format!("/{path}"))
                .collect(),
            writable,
            token: root.join(TOKEN).exists(),
            rights: None,
            secrets: environment.iter().filter(is_secret).map(|(name, _)| name.clone()).collect(),
        }
    }
}

fn second_process(root: &Path) -> Option<String> {
    match fs::read_to_string(root.join("proc/2/comm")) {
        Ok(name) => Some(name.trim().to_owned()),
        // Without `/proc`, nothing is known about processes.
        Err(error) if error.kind() == ErrorKind::NotFound => {
            root.join("proc/self/status").exists().then(String::new)
        }
        Err(_) => None,
    }
}

/// Whether user ids are the same outside.
fn is_identity(map: &str) -> bool {
    map.lines().next().is_some_and(|line| {
        let parts: Vec<_> = line.split_whitespace().collect();
        parts.len() == 3 && parts[0] == parts[1]
    })
}

/// Whether a file can be opened for writing. Nothing is written.
fn opens(root: &Path, path: &str) -> bool {
    OpenOptions::new().write(true).open(root.join(path)).is_ok()
}

fn mounts(text: &str) -> Vec<Mount> {
    let mount = |line: &str| {
        let (place, kind) = line.split_once(" - ")?;
        let parts: Vec<_> = place.split(' ').collect();
        Some(Mount {
            root: (*parts.get(3)?).to_owned(),
            point: (*parts.get(4)?).to_owned(),
            writable: parts.get(5)?.split(',').any(|option| option == "rw"),
            kind: kind.split(' ').next()?.to_owned(),
        })
    };
    text.lines().take(100_000).filter_map(mount).collect()
}

#[cfg(unix)]
fn block_devices(folder: &Path) -> Option<Vec<String>> {
    use std::os::unix::fs::FileTypeExt as _;
    let entries = fs::read_dir(folder).ok()?;
    let is_block =
        |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_block_device());
    let found = entries.flatten().filter(is_block);
    let mut names: Vec<_> =
        found.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    Some(names)
}

#[cfg(not(unix))]
fn block_devices(_: &Path) -> Option<Vec<String>> {
    None
}
