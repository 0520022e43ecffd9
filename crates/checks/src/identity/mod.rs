//! Who may do what, and who is who.

mod access;
pub(crate) mod anonymous_binding;
pub(crate) mod authenticated_binding;
mod builtin;
pub(crate) mod certificate_approval_permission;
pub(crate) mod cluster_admin_binding;
pub(crate) mod dangling_role_binding;
pub(crate) mod default_account_binding;
pub(crate) mod escalation_permission;
pub(crate) mod long_lived_token;
pub(crate) mod node_proxy_permission;
pub(crate) mod pod_exec_permission;
mod power;
mod public;
mod rules;
pub(crate) mod secret_read_permission;
pub(crate) mod token_automount;
pub(crate) mod token_creation_permission;
pub(crate) mod webhook_configuration_permission;
pub(crate) mod wildcard_permission;
pub(crate) mod workload_creation_permission;
