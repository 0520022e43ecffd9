//! Every check, a line each, ordered by id.

use pavisade_model::{Meta, nearest};
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

impl Entry {
    /// Whether the check takes these parameters, an object of JSON.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn takes(&self, parameters: &serde_json::Value) -> Result<(), String> {
        (self.build)(parameters).map(drop)
    }
}

const fn entry<C: Check + DeserializeOwned + JsonSchema + 'static>() -> Entry {
    Entry { meta: const { &C::META }, schema: || schema_for!(C), build: build::<C> }
}

/// Every check there is.
pub const fn registry() -> &'static [Entry] {
    REGISTRY
}

/// The check of that id or name, in any case.
pub fn named(word: &str) -> Option<&'static Entry> {
    let is = |entry: &&Entry| {
        entry.meta.id.eq_ignore_ascii_case(word) || entry.meta.name.eq_ignore_ascii_case(word)
    };
    registry().iter().find(is)
}

/// The id or name that a misspelt word most likely means.
pub fn similar(word: &str) -> Option<&'static str> {
    nearest(word, registry().iter().flat_map(|entry| [entry.meta.id, entry.meta.name]))
}

static REGISTRY: &[Entry] = &[
    entry::<container::privileged_container::PrivilegedContainer>(),
    entry::<container::host_namespace::HostNamespace>(),
    entry::<container::host_path_volume::HostPathVolume>(),
    entry::<container::host_port::HostPort>(),
    entry::<container::added_capability::AddedCapability>(),
    entry::<container::undropped_capability::UndroppedCapability>(),
    entry::<container::privilege_escalation::PrivilegeEscalation>(),
    entry::<container::root_user_possible::RootUserPossible>(),
    entry::<container::root_user::RootUser>(),
    entry::<container::unconfined_seccomp::UnconfinedSeccomp>(),
    entry::<container::unset_seccomp::UnsetSeccomp>(),
    entry::<container::unconfined_apparmor::UnconfinedApparmor>(),
    entry::<container::custom_selinux_option::CustomSelinuxOption>(),
    entry::<container::unmasked_proc::UnmaskedProc>(),
    entry::<container::non_default_proc_mount::NonDefaultProcMount>(),
    entry::<container::unsafe_sysctl::UnsafeSysctl>(),
    entry::<container::windows_host_process::WindowsHostProcess>(),
    entry::<container::unrestricted_volume_type::UnrestrictedVolumeType>(),
    entry::<container::host_probe::HostProbe>(),
    entry::<container::writable_root_filesystem::WritableRootFilesystem>(),
    entry::<container::unlimited_memory::UnlimitedMemory>(),
    entry::<container::runtime_socket_mount::RuntimeSocketMount>(),
    entry::<container::sensitive_host_path::SensitiveHostPath>(),
    entry::<container::secret_in_env::SecretInEnv>(),
    entry::<container::secret_in_config_map::SecretInConfigMap>(),
    entry::<container::shared_process_namespace::SharedProcessNamespace>(),
    entry::<container::secret_in_args::SecretInArgs>(),
    entry::<container::secret_as_env::SecretAsEnv>(),
    entry::<container::unrestricted_namespace::UnrestrictedNamespace>(),
    entry::<container::escape_capability::EscapeCapability>(),
    entry::<container::host_user_namespace::HostUserNamespace>(),
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
    entry::<identity::mfa_not_provable::MfaNotProvable>(),
    entry::<identity::anonymous_api_access::AnonymousApiAccess>(),
    entry::<identity::always_allow_authorization::AlwaysAllowAuthorization>(),
    entry::<identity::static_credential_file::StaticCredentialFile>(),
    entry::<identity::kubelet_anonymous_access::KubeletAnonymousAccess>(),
    entry::<identity::kubelet_always_allow::KubeletAlwaysAllow>(),
    entry::<identity::kubeconfig_credential::KubeconfigCredential>(),
    entry::<identity::unverified_email_claim::UnverifiedEmailClaim>(),
    entry::<identity::kubeconfig_skips_tls_verification::KubeconfigSkipsTlsVerification>(),
    entry::<identity::expired_certificate::ExpiredCertificate>(),
    entry::<identity::anonymous_request_answered::AnonymousRequestAnswered>(),
    entry::<network::unrestricted_ingress::UnrestrictedIngress>(),
    entry::<network::unrestricted_egress::UnrestrictedEgress>(),
    entry::<network::allow_all_policy::AllowAllPolicy>(),
    entry::<network::vacuous_policy::VacuousPolicy>(),
    entry::<network::exposed_load_balancer::ExposedLoadBalancer>(),
    entry::<network::exposed_node_port::ExposedNodePort>(),
    entry::<network::external_ips::ExternalIps>(),
    entry::<network::ingress_without_tls::IngressWithoutTls>(),
    entry::<network::ingress_snippet::IngressSnippet>(),
    entry::<network::gateway_without_tls::GatewayWithoutTls>(),
    entry::<network::webhook_skips_tls_verification::WebhookSkipsTlsVerification>(),
    entry::<network::metadata_reachable::MetadataReachable>(),
    entry::<network::weak_tls_version::WeakTlsVersion>(),
    entry::<network::insecure_api_port::InsecureApiPort>(),
    entry::<network::kubelet_read_only_port::KubeletReadOnlyPort>(),
    entry::<network::etcd_without_client_authentication::EtcdWithoutClientAuthentication>(),
    entry::<network::unverified_kubelet::UnverifiedKubelet>(),
    entry::<network::route_without_tls::RouteWithoutTls>(),
    entry::<network::dns_locked_out::DnsLockedOut>(),
    entry::<network::service_without_pods::ServiceWithoutPods>(),
    entry::<network::unmatched_policy_port::UnmatchedPolicyPort>(),
    entry::<network::exposed_sensitive_port::ExposedSensitivePort>(),
    entry::<network::exposed_admin_interface::ExposedAdminInterface>(),
    entry::<network::missing_authentication::MissingAuthentication>(),
    entry::<network::internal_external_name::InternalExternalName>(),
    entry::<network::catch_all_ingress::CatchAllIngress>(),
    entry::<network::dangling_backend::DanglingBackend>(),
    entry::<network::unredirected_http::UnredirectedHttp>(),
    entry::<network::injected_ingress_annotation::InjectedIngressAnnotation>(),
    entry::<network::retired_ingress_controller::RetiredIngressController>(),
    entry::<network::open_gateway_listener::OpenGatewayListener>(),
    entry::<network::open_reference_grant::OpenReferenceGrant>(),
    entry::<network::weak_edge_tls::WeakEdgeTls>(),
    entry::<network::plaintext_mesh::PlaintextMesh>(),
    entry::<network::unencrypted_destination::UnencryptedDestination>(),
    entry::<network::allow_all_authorization::AllowAllAuthorization>(),
    entry::<network::external_webhook::ExternalWebhook>(),
    entry::<network::exposed_kube_proxy_metrics::ExposedKubeProxyMetrics>(),
    entry::<network::etcd_peer_without_authentication::EtcdPeerWithoutAuthentication>(),
    entry::<network::etcd_self_signed_certificate::EtcdSelfSignedCertificate>(),
    entry::<network::shared_etcd_authority::SharedEtcdAuthority>(),
    entry::<network::unprotected_etcd_connection::UnprotectedEtcdConnection>(),
    entry::<network::anonymous_kubelet_client::AnonymousKubeletClient>(),
    entry::<network::self_signed_api_certificate::SelfSignedApiCertificate>(),
    entry::<network::weak_cipher_suite::WeakCipherSuite>(),
    entry::<network::public_api_endpoint::PublicApiEndpoint>(),
    entry::<network::unencrypted_pod_network::UnencryptedPodNetwork>(),
    entry::<network::exposed_workload::ExposedWorkload>(),
    entry::<network::self_signed_kubelet_certificate::SelfSignedKubeletCertificate>(),
    entry::<network::weak_ingress_authentication::WeakIngressAuthentication>(),
    entry::<network::open_sandbox_egress::OpenSandboxEgress>(),
    entry::<network::exposed_component_port::ExposedComponentPort>(),
    entry::<supply::mutable_image_tag::MutableImageTag>(),
    entry::<supply::unpinned_image::UnpinnedImage>(),
    entry::<supply::missing_signature_policy::MissingSignaturePolicy>(),
    entry::<supply::dockerfile_root_user::DockerfileRootUser>(),
    entry::<supply::dockerfile_unpinned_base::DockerfileUnpinnedBase>(),
    entry::<supply::untrusted_registry::UntrustedRegistry>(),
    entry::<supply::stale_image_possible::StaleImagePossible>(),
    entry::<storage::plaintext_etcd::PlaintextEtcd>(),
    entry::<storage::weak_etcd_encryption::WeakEtcdEncryption>(),
    entry::<storage::missing_etcd_encryption::MissingEtcdEncryption>(),
    entry::<storage::unencrypted_storage_class::UnencryptedStorageClass>(),
    entry::<storage::secret_in_manifest::SecretInManifest>(),
    entry::<storage::nfs_without_kerberos::NfsWithoutKerberos>(),
    entry::<storage::host_path_persistent_volume::HostPathPersistentVolume>(),
    entry::<storage::synced_secret_store::SyncedSecretStore>(),
    entry::<storage::unencrypted_volume::UnencryptedVolume>(),
    entry::<storage::unencrypted_volume_traffic::UnencryptedVolumeTraffic>(),
    entry::<storage::iscsi_without_chap::IscsiWithoutChap>(),
    entry::<storage::secret_in_volume::SecretInVolume>(),
    entry::<storage::git_repo_volume::GitRepoVolume>(),
    entry::<storage::removed_volume_type::RemovedVolumeType>(),
    entry::<storage::open_cluster_secret_store::OpenClusterSecretStore>(),
    entry::<storage::static_secret_store_credential::StaticSecretStoreCredential>(),
    entry::<storage::secret_copied_everywhere::SecretCopiedEverywhere>(),
    entry::<storage::cluster_wide_sealed_secret::ClusterWideSealedSecret>(),
    entry::<storage::unverified_vault::UnverifiedVault>(),
    entry::<storage::shared_volume::SharedVolume>(),
    entry::<storage::plaintext_backup_target::PlaintextBackupTarget>(),
    entry::<storage::data_deleted_with_claim::DataDeletedWithClaim>(),
    entry::<storage::many_writers::ManyWriters>(),
    entry::<storage::encryption_key_in_file::EncryptionKeyInFile>(),
    entry::<storage::volatile_etcd_data::VolatileEtcdData>(),
    entry::<storage::claim_shared_with_privileged::ClaimSharedWithPrivileged>(),
    entry::<operation::missing_audit_log::MissingAuditLog>(),
    entry::<operation::useless_audit_policy::UselessAuditPolicy>(),
    entry::<operation::secret_in_audit_log::SecretInAuditLog>(),
    entry::<operation::fail_open_webhook::FailOpenWebhook>(),
    entry::<operation::missing_node_restriction::MissingNodeRestriction>(),
    entry::<operation::unseen_text::UnseenText>(),
    entry::<operation::removed_api_version::RemovedApiVersion>(),
    entry::<operation::always_admit::AlwaysAdmit>(),
    entry::<operation::profiling_endpoint::ProfilingEndpoint>(),
    entry::<operation::shared_controller_credentials::SharedControllerCredentials>(),
    entry::<operation::unrotated_kubelet_certificate::UnrotatedKubeletCertificate>(),
    entry::<operation::kubelet_version_skew::KubeletVersionSkew>(),
    entry::<operation::vulnerable_kubernetes_version::VulnerableKubernetesVersion>(),
];
