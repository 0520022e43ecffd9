//! PV-P137.

use pavisade_macros::check;

use super::judged;
use crate::probe::PodProbe;
use crate::{PodFacts, Verdict};

/// Container with directories of its node
///
/// ## Why
/// A directory of the node can contain credentials, and a writable one lets the container change
/// what the node runs.
///
/// ## Fix
/// Use an `emptyDir` or a `PersistentVolumeClaim`.
#[check(id = "PV-P137", severity = High, scope = World)]
pub(crate) struct PodHostPath {}

impl PodProbe for PodHostPath {
    const TECHNIQUES: &'static [&'static str] = &["T1611"];
    const OWASP: &'static str = "K01";

    fn judge(facts: &PodFacts) -> Verdict {
        const RUNTIME: [&str; 4] = ["/kubelet/pods/", "/containerd/", "/containers/", "/docker/"];
        judged(facts.mounts.as_ref(), "the mounts", |mounts| {
            // Only directories of the node are parts of a file system other than its root.
            let disk = ["ext4", "xfs", "btrfs", "ext3"];
            let host = mounts.iter().find(|mount| {
                disk.contains(&mount.kind.as_str())
                    && mount.point != "/"
                    && !RUNTIME.iter().any(|part| mount.root.contains(part))
            })?;
            let how = if host.writable { "writable" } else { "read-only" };
            let message = format!("a directory of the node is mounted at {} ({how})", host.point);
            Some((message, format!("{} of the node", host.root)))
        })
    }
}
