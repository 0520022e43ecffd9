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
    entry::<identity::cluster_admin_binding::ClusterAdminBinding>(),
    entry::<identity::node_proxy_permission::NodeProxyPermission>(),
    entry::<identity::wildcard_permission::WildcardPermission>(),
    entry::<identity::secret_read_permission::SecretReadPermission>(),
    entry::<identity::escalation_permission::EscalationPermission>(),
    entry::<identity::pod_exec_permission::PodExecPermission>(),
    entry::<identity::anonymous_binding::AnonymousBinding>(),
    entry::<identity::authenticated_binding::AuthenticatedBinding>(),
    entry::<identity::token_automount::TokenAutomount>(),
    entry::<identity::default_account_binding::DefaultAccountBinding>(),
    entry::<identity::token_creation_permission::TokenCreationPermission>(),
    entry::<identity::certificate_approval_permission::CertificateApprovalPermission>(),
    entry::<identity::webhook_configuration_permission::WebhookConfigurationPermission>(),
    entry::<identity::dangling_role_binding::DanglingRoleBinding>(),
    entry::<identity::long_lived_token::LongLivedToken>(),
    entry::<identity::workload_creation_permission::WorkloadCreationPermission>(),
    entry::<network::unrestricted_ingress::UnrestrictedIngress>(),
    entry::<supply::missing_signature_policy::MissingSignaturePolicy>(),
    entry::<storage::plaintext_etcd::PlaintextEtcd>(),
    entry::<storage::unencrypted_storage_class::UnencryptedStorageClass>(),
];
