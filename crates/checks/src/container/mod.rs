//! Pods and what runs in them.

pub(crate) mod privileged_container;
pub(crate) mod secret_as_env;
pub(crate) mod secret_in_args;
pub(crate) mod secret_in_config_map;
pub(crate) mod secret_in_env;
pub(crate) mod unlimited_memory;
pub(crate) mod unrestricted_namespace;
pub(crate) mod writable_root_filesystem;
