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
mod inside;
mod node_proxy_access;
mod revert;
mod run;
mod segmentation_not_enforced;
mod segments;
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

pub use inside::{CLUSTER_DNS, IN_POD, Inside, cluster_dns, in_pod};
pub use revert::{created, labelled, remove, settled};
pub use run::active;
pub(crate) use segmentation_not_enforced::registered as segmentation;
pub use segments::{SEGMENTATION, Segments, segments};
pub use step::{Canary, EXPIRES, LABEL, STORED_WITHIN, Step};
