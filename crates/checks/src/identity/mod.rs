//! Who may do what, and who is who.

mod cel;
mod claims;
mod email;
mod issuer;
mod kubeconfig;
mod lifetime;

pub(crate) mod always_allow_authorization;
pub(crate) mod anonymous_api_access;
pub(crate) mod kubeconfig_credential;
pub(crate) mod kubeconfig_skips_tls_verification;
pub(crate) mod kubelet_always_allow;
pub(crate) mod kubelet_anonymous_access;
pub(crate) mod mfa_not_provable;
pub(crate) mod static_credential_file;
pub(crate) mod unverified_email_claim;
