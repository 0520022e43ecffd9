//! Every check, a line each, ordered by id.

use pavisade_model::Meta;
use schemars::{JsonSchema, Schema, schema_for};
use serde::de::DeserializeOwned;

use crate::set::{AnyCheck, build};
use crate::{Check, container, identity, network, operation, storage, supply};

/// A check as the registry knows it.
pub struct Entry {
    /// What it says about itself.
    pub meta: &'static Meta,
    /// The JSON schema of its parameters.
    pub schema: fn() -> Schema,
    pub(crate) build: fn(&serde_json::Value) -> Result<Box<dyn AnyCheck>, String>,
}

const fn entry<C: Check + DeserializeOwned + JsonSchema + 'static>() -> Entry {
    Entry { meta: const { &C::META }, schema: || schema_for!(C), build: build::<C> }
}

/// Every check there is.
pub const fn registry() -> &'static [Entry] {
    REGISTRY
}

static REGISTRY: &[Entry] = &[
    entry::<container::privileged_container::PrivilegedContainer>(),
    entry::<identity::mfa_not_provable::MfaNotProvable>(),
    entry::<identity::anonymous_api_access::AnonymousApiAccess>(),
    entry::<identity::always_allow_authorization::AlwaysAllowAuthorization>(),
    entry::<identity::static_credential_file::StaticCredentialFile>(),
    entry::<identity::kubelet_anonymous_access::KubeletAnonymousAccess>(),
    entry::<identity::kubelet_always_allow::KubeletAlwaysAllow>(),
    entry::<identity::kubeconfig_credential::KubeconfigCredential>(),
    entry::<identity::unverified_email_claim::UnverifiedEmailClaim>(),
    entry::<identity::kubeconfig_skips_tls_verification::KubeconfigSkipsTlsVerification>(),
    entry::<network::unrestricted_ingress::UnrestrictedIngress>(),
    entry::<supply::missing_signature_policy::MissingSignaturePolicy>(),
    entry::<storage::plaintext_etcd::PlaintextEtcd>(),
    entry::<storage::weak_etcd_encryption::WeakEtcdEncryption>(),
    entry::<storage::missing_etcd_encryption::MissingEtcdEncryption>(),
    entry::<storage::unencrypted_storage_class::UnencryptedStorageClass>(),
    entry::<operation::missing_audit_log::MissingAuditLog>(),
    entry::<operation::useless_audit_policy::UselessAuditPolicy>(),
    entry::<operation::secret_in_audit_log::SecretInAuditLog>(),
    entry::<operation::fail_open_webhook::FailOpenWebhook>(),
    entry::<operation::missing_node_restriction::MissingNodeRestriction>(),
    entry::<operation::always_admit::AlwaysAdmit>(),
    entry::<operation::profiling_endpoint::ProfilingEndpoint>(),
    entry::<operation::shared_controller_credentials::SharedControllerCredentials>(),
    entry::<operation::unrotated_kubelet_certificate::UnrotatedKubeletCertificate>(),
];
