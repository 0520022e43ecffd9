//! Active probes: what an attacker would do, to canaries that are removed afterwards.

mod canary_admin_role;
mod canary_certificate_request;
mod canary_ephemeral_container;
mod canary_exec;
mod canary_external_ip;
mod canary_host_path_pod;
mod canary_privileged_pod;
mod canary_secret_read;
mod canary_token_issued;
mod canary_webhook;
mod host_path_read;
mod inside;
mod log_symlink_followed;
mod node_proxy_access;
mod node_proxy_run;
mod revert;
mod run;
mod running;
mod running_pods;
mod segmentation_not_enforced;
mod segments;
mod session;
mod step;

pub(crate) use canary_admin_role::CanaryAdminRole;
pub(crate) use canary_certificate_request::CanaryCertificateRequest;
pub(crate) use canary_ephemeral_container::CanaryEphemeralContainer;
pub(crate) use canary_exec::CanaryExec;
pub(crate) use canary_external_ip::CanaryExternalIp;
pub(crate) use canary_host_path_pod::CanaryHostPathPod;
pub(crate) use canary_privileged_pod::CanaryPrivilegedPod;
pub(crate) use canary_secret_read::CanarySecretRead;
pub(crate) use canary_token_issued::CanaryTokenIssued;
pub(crate) use canary_webhook::CanaryWebhook;
pub(crate) use node_proxy_access::NodeProxyAccess;

pub(crate) use host_path_read::registered as host_path_read;
pub use inside::{CLUSTER_DNS, IN_POD, Inside, cluster_dns, in_pod};
pub(crate) use log_symlink_followed::registered as log_link;
pub(crate) use node_proxy_run::registered as node_proxy_run;
pub use revert::{created, labelled, remove, settled};
pub use run::active;
pub use running::Running;
pub use running_pods::RunningPods;
pub(crate) use segmentation_not_enforced::registered as segmentation;
pub use segments::{SEGMENTATION, Segments, segments};
pub use step::{Canary, EXPIRES, LABEL, STORED_WITHIN, Step};
