//! Pods and what runs in them.

mod field;
mod node_path;
mod root;
mod sensitive_path;

pub(crate) mod added_capability;
pub(crate) mod custom_selinux_option;
pub(crate) mod escape_capability;
pub(crate) mod host_namespace;
pub(crate) mod host_path_volume;
pub(crate) mod host_port;
pub(crate) mod host_probe;
pub(crate) mod host_user_namespace;
pub(crate) mod non_default_proc_mount;
pub(crate) mod privilege_escalation;
pub(crate) mod privileged_container;
pub(crate) mod root_user;
pub(crate) mod root_user_possible;
pub(crate) mod runtime_socket_mount;
pub(crate) mod sensitive_host_path;
pub(crate) mod shared_process_namespace;
pub(crate) mod unconfined_apparmor;
pub(crate) mod unconfined_seccomp;
pub(crate) mod undropped_capability;
pub(crate) mod unmasked_proc;
pub(crate) mod unrestricted_volume_type;
pub(crate) mod unsafe_sysctl;
pub(crate) mod unset_seccomp;
pub(crate) mod windows_host_process;
