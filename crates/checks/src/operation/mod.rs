//! Audit and operation of the cluster.

mod admission;
pub(crate) mod always_admit;
mod audit;
pub(crate) mod fail_open_webhook;
pub(crate) mod kubelet_version_skew;
mod kubernetes_advisories;
pub(crate) mod missing_audit_log;
pub(crate) mod missing_node_restriction;
pub(crate) mod profiling_endpoint;
pub(crate) mod removed_api_version;
pub(crate) mod secret_in_audit_log;
pub(crate) mod shared_controller_credentials;
pub(crate) mod unrotated_kubelet_certificate;
pub(crate) mod unseen_text;
pub(crate) mod useless_audit_policy;
mod version;
pub(crate) mod vulnerable_kubernetes_version;
