//! Mount namespaces: which one a process is in, and where the files of the node are.

use std::fmt::Display;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::{fs, io};

/// Returns the number of the mount namespace of a process. `process` is a PID or `self`.
pub(crate) fn mount_namespace(process: impl Display) -> io::Result<u64> {
    Ok(fs::metadata(format!("/proc/{process}/ns/mnt"))?.ino())
}

/// Where the files of the node are, if this process is in a container with the processes of the node.
pub(crate) fn node_root() -> Option<PathBuf> {
    let differs = mount_namespace(1).ok()? != mount_namespace("self").ok()?;
    differs.then(|| "/proc/1/root".into())
}
