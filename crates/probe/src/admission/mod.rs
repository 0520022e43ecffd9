//! Probes of admission, by dry runs of pods that must be rejected.

mod capable_pod_admitted;
mod escalating_pod_admitted;
mod host_ipc_pod_admitted;
mod host_network_pod_admitted;
mod host_path_pod_admitted;
mod host_pid_pod_admitted;
mod host_port_pod_admitted;
mod latest_tag_admitted;
mod privileged_pod_admitted;
mod root_pod_admitted;
mod run;
mod unconfined_pod_admitted;
mod unknown_registry_admitted;
mod unsafe_sysctl_admitted;
mod unsigned_image_admitted;

pub(crate) use capable_pod_admitted::CapablePodAdmitted;
pub(crate) use escalating_pod_admitted::EscalatingPodAdmitted;
pub(crate) use host_ipc_pod_admitted::HostIpcPodAdmitted;
pub(crate) use host_network_pod_admitted::HostNetworkPodAdmitted;
pub(crate) use host_path_pod_admitted::HostPathPodAdmitted;
pub(crate) use host_pid_pod_admitted::HostPidPodAdmitted;
pub(crate) use host_port_pod_admitted::HostPortPodAdmitted;
pub(crate) use latest_tag_admitted::LatestTagAdmitted;
pub(crate) use privileged_pod_admitted::PrivilegedPodAdmitted;
pub(crate) use root_pod_admitted::RootPodAdmitted;
pub(crate) use unconfined_pod_admitted::UnconfinedPodAdmitted;
pub(crate) use unknown_registry_admitted::UnknownRegistryAdmitted;
pub(crate) use unsafe_sysctl_admitted::UnsafeSysctlAdmitted;
pub(crate) use unsigned_image_admitted::UnsignedImageAdmitted;

pub use run::{dry_runs, restricted};
