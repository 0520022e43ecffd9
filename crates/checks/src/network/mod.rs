//! What reaches what, and whether it is encrypted.

mod address;
pub(crate) mod allow_all_policy;
pub(crate) mod etcd_without_client_authentication;
pub(crate) mod exposed_load_balancer;
pub(crate) mod exposed_node_port;
pub(crate) mod external_ips;
pub(crate) mod gateway_without_tls;
pub(crate) mod ingress_snippet;
pub(crate) mod ingress_without_tls;
pub(crate) mod insecure_api_port;
mod kubelet;
pub(crate) mod kubelet_read_only_port;
mod load_balancer;
pub(crate) mod metadata_reachable;
mod operator;
mod pod_index;
mod policy;
mod policy_index;
mod route;
pub(crate) mod route_without_tls;
mod rule;
pub(crate) mod unrestricted_egress;
pub(crate) mod unrestricted_ingress;
pub(crate) mod unverified_kubelet;
pub(crate) mod vacuous_policy;
pub(crate) mod weak_tls_version;
pub(crate) mod webhook_skips_tls_verification;
