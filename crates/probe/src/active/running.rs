//! What is tried with a canary pod that runs on a node.

/// What the first pod writes to its log: its name.
pub(super) const NAME: &str = "/proc/sys/kernel/hostname";

/// What is tried with a canary pod that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Running {
    /// A link in place of its log.
    Link,
    /// Its log, read by a pod with a host path.
    HostPath,
    /// A command in it, by the kubelet.
    NodeProxy,
}
