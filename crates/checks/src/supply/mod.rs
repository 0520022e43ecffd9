//! Images and where they come from.

pub(crate) mod cached_private_image;
mod dockerfile;
pub(crate) mod dockerfile_root_user;
pub(crate) mod dockerfile_unpinned_base;
pub(crate) mod end_of_life_distribution;
pub(crate) mod end_of_life_image;
mod image;
pub(crate) mod image_package_manager;
pub(crate) mod image_runs_as_root;
pub(crate) mod image_setuid_program;
pub(crate) mod image_shell;
pub(crate) mod image_world_writable_file;
pub(crate) mod missing_signature_policy;
pub(crate) mod mixed_image_versions;
pub(crate) mod mutable_image_tag;
pub(crate) mod release;
pub(crate) mod retired_registry;
pub(crate) mod secret_in_build_history;
pub(crate) mod secret_in_image;
pub(crate) mod secret_in_image_configuration;
mod signature;
pub(crate) mod stale_image_possible;
pub(crate) mod unpinned_image;
pub(crate) mod untrusted_registry;
pub(crate) mod vulnerable_component;
pub(crate) mod vulnerable_package;
