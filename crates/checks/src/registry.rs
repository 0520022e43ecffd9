//! All built-in checks, one per line, ordered by id; and the [`Catalog`], which also contains
//! checks created at run time.

use std::fmt;
use std::sync::Arc;

use pavisade_model::{Meta, Rule, nearest};
use schemars::{JsonSchema, Schema, schema_for};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::any::{AnyCheck, build};
use crate::made::MadeCheck;
use crate::{Check, container, identity, network, operation, storage, supply};

/// All existing checks, by id and name. Clones share them.
#[derive(Clone)]
pub struct Catalog(Arc<[Entry]>);

/// A check in the catalog.
#[derive(Clone)]
pub struct Entry {
    rule: Arc<Rule>,
    origin: Origin,
}

#[derive(Clone)]
enum Origin {
    Program(&'static Registered),
    Made(Arc<MadeCheck>),
}

/// The id or name of an added check exists already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken(pub String);

impl Default for Catalog {
    fn default() -> Self {
        Self::builtin()
    }
}

impl fmt::Debug for Catalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names().map(|(id, _)| id)).finish()
    }
}

impl Catalog {
    /// Returns the built-in checks.
    pub fn builtin() -> Self {
        let entries = REGISTRY.iter().map(|registered| Entry {
            rule: Arc::new(registered.meta.rule.clone()),
            origin: Origin::Program(registered),
        });
        Self(entries.collect())
    }

    /// Adds checks created at run time.
    ///
    /// # Errors
    /// The id or name of a check exists already, ignoring case.
    pub fn with(&self, checks: impl IntoIterator<Item = MadeCheck>) -> Result<Self, Taken> {
        let mut entries = self.0.to_vec();
        for check in checks {
            let Rule { id, name, .. } = &check.meta().rule;
            for word in [id, name] {
                if entries.iter().any(|entry| entry.is_called(word)) {
                    return Err(Taken(word.to_string()));
                }
            }
            let rule = Arc::new(check.meta().rule.clone());
            entries.push(Entry { rule, origin: Origin::Made(Arc::new(check)) });
        }
        Ok(Self(entries.into()))
    }

    /// Returns the checks, built-in ones first.
    pub fn entries(&self) -> &[Entry] {
        &self.0
    }

    /// Returns the rules, in the same order.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> + Clone {
        self.0.iter().map(|entry| &*entry.rule)
    }

    /// Returns the check with that id or name, ignoring case.
    pub fn named(&self, word: &str) -> Option<&Entry> {
        self.0.iter().find(|entry| entry.is_called(word))
    }

    /// Returns the id or name most similar to a misspelled word.
    pub fn similar(&self, word: &str) -> Option<&str> {
        nearest(word, self.0.iter().flat_map(|entry| [&*entry.rule.id, &*entry.rule.name]))
    }

    /// Returns the ids of all checks, each with the check's name.
    pub fn names(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|entry| (&*entry.rule.id, &*entry.rule.name))
    }
}

impl Entry {
    /// Returns the rule of its findings.
    pub fn rule(&self) -> &Arc<Rule> {
        &self.rule
    }

    /// Returns its metadata.
    pub fn meta(&self) -> &Meta {
        match &self.origin {
            Origin::Program(registered) => registered.meta,
            Origin::Made(made) => made.meta(),
        }
    }

    /// Returns the JSON schema of its parameters.
    pub fn schema(&self) -> Schema {
        match &self.origin {
            Origin::Program(registered) => (registered.schema)(),
            Origin::Made(_) => schema_for!(NoParameters),
        }
    }

    /// Validates parameters, given as a JSON object.
    ///
    /// # Errors
    /// The reason why they are invalid.
    pub fn takes(&self, parameters: &serde_json::Value) -> Result<(), String> {
        self.build(parameters).map(drop)
    }

    pub(crate) fn build(
        &self,
        parameters: &serde_json::Value,
    ) -> Result<Box<dyn AnyCheck>, String> {
        match &self.origin {
            Origin::Program(registered) => (registered.build)(parameters),
            Origin::Made(made) => {
                NoParameters::deserialize(parameters).map_err(|error| error.to_string())?;
                Ok(Box::new(made.clone()))
            }
        }
    }

    fn is_called(&self, word: &str) -> bool {
        self.rule.id.eq_ignore_ascii_case(word) || self.rule.name.eq_ignore_ascii_case(word)
    }
}

/// What a check that is made at run time takes.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NoParameters {}

/// A built-in check.
struct Registered {
    meta: &'static Meta,
    schema: fn() -> Schema,
    build: fn(&serde_json::Value) -> Result<Box<dyn AnyCheck>, String>,
}

const fn entry<C: Check + DeserializeOwned + JsonSchema + 'static>() -> Registered {
    Registered { meta: const { &C::META }, schema: || schema_for!(C), build: build::<C> }
}

static REGISTRY: &[Registered] = &[
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
    entry::<container::missing_resource_request::MissingResourceRequest>(),
    entry::<container::unlimited_cpu::UnlimitedCpu>(),
    entry::<container::unlimited_ephemeral_storage::UnlimitedEphemeralStorage>(),
    entry::<container::missing_liveness_probe::MissingLivenessProbe>(),
    entry::<container::missing_readiness_probe::MissingReadinessProbe>(),
    entry::<container::hasty_liveness_probe::HastyLivenessProbe>(),
    entry::<container::service_links::ServiceLinks>(),
    entry::<container::host_alias::HostAlias>(),
    entry::<container::sub_path_escape::SubPathEscape>(),
    entry::<container::root_group::RootGroup>(),
    entry::<container::low_user_id::LowUserId>(),
    entry::<container::unlimited_memory_volume::UnlimitedMemoryVolume>(),
    entry::<container::system_priority::SystemPriority>(),
    entry::<container::preempting_default_priority::PreemptingDefaultPriority>(),
    entry::<container::shared_kernel::SharedKernel>(),
    entry::<container::device_admin_access::DeviceAdminAccess>(),
    entry::<container::interactive_container::InteractiveContainer>(),
    entry::<container::left_debug_container::LeftDebugContainer>(),
    entry::<container::naked_pod::NakedPod>(),
    entry::<container::default_namespace::DefaultNamespace>(),
    entry::<container::unenforced_pod_security_level::UnenforcedPodSecurityLevel>(),
    entry::<container::outdated_pod_security_version::OutdatedPodSecurityVersion>(),
    entry::<container::misspelt_pod_security_label::MisspeltPodSecurityLabel>(),
    entry::<container::deprecated_api_version::DeprecatedApiVersion>(),
    entry::<container::secret_in_annotation::SecretInAnnotation>(),
    entry::<container::shell_entry_point::ShellEntryPoint>(),
    entry::<container::sudo_entry_point::SudoEntryPoint>(),
    entry::<container::ssh_server::SshServer>(),
    entry::<container::deprecated_account_field::DeprecatedAccountField>(),
    entry::<container::windows_administrator::WindowsAdministrator>(),
    entry::<container::missing_label::MissingLabel>(),
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
    entry::<identity::port_forward_permission::PortForwardPermission>(),
    entry::<identity::event_deletion_permission::EventDeletionPermission>(),
    entry::<identity::node_change_permission::NodeChangePermission>(),
    entry::<identity::persistent_volume_permission::PersistentVolumePermission>(),
    entry::<identity::api_service_permission::ApiServicePermission>(),
    entry::<identity::resource_definition_permission::ResourceDefinitionPermission>(),
    entry::<identity::admission_policy_permission::AdmissionPolicyPermission>(),
    entry::<identity::namespace_change_permission::NamespaceChangePermission>(),
    entry::<identity::system_config_map_permission::SystemConfigMapPermission>(),
    entry::<identity::lease_permission::LeasePermission>(),
    entry::<identity::backup_permission::BackupPermission>(),
    entry::<identity::gitops_permission::GitopsPermission>(),
    entry::<identity::excessive_aggregation::ExcessiveAggregation>(),
    entry::<identity::kube_system_binding::KubeSystemBinding>(),
    entry::<identity::dangling_subject::DanglingSubject>(),
    entry::<identity::too_many_administrators::TooManyAdministrators>(),
    entry::<identity::powerful_account_workload::PowerfulAccountWorkload>(),
    entry::<identity::default_account_workload::DefaultAccountWorkload>(),
    entry::<identity::automounted_token::AutomountedToken>(),
    entry::<identity::long_lived_projected_credential::LongLivedProjectedCredential>(),
    entry::<identity::token_without_audience::TokenWithoutAudience>(),
    entry::<identity::console_without_login::ConsoleWithoutLogin>(),
    entry::<identity::default_account_automount::DefaultAccountAutomount>(),
    entry::<identity::cloud_identity_on_default_account::CloudIdentityOnDefaultAccount>(),
    entry::<identity::retired_cloud_identity::RetiredCloudIdentity>(),
    entry::<identity::exposed_cloud_identity::ExposedCloudIdentity>(),
    entry::<identity::static_cloud_key::StaticCloudKey>(),
    entry::<identity::cloud_cluster_admin::CloudClusterAdmin>(),
    entry::<identity::cloud_administrator_identity::CloudAdministratorIdentity>(),
    entry::<identity::unrestricted_argo_project::UnrestrictedArgoProject>(),
    entry::<identity::argo_default_project::ArgoDefaultProject>(),
    entry::<identity::argo_default_permission::ArgoDefaultPermission>(),
    entry::<identity::argo_anonymous_access::ArgoAnonymousAccess>(),
    entry::<identity::argo_admin_account::ArgoAdminAccount>(),
    entry::<identity::flux_without_account::FluxWithoutAccount>(),
    entry::<identity::flux_cross_namespace_source::FluxCrossNamespaceSource>(),
    entry::<identity::unprefixed_identity::UnprefixedIdentity>(),
    entry::<identity::open_issuer::OpenIssuer>(),
    entry::<identity::fail_open_authorizer::FailOpenAuthorizer>(),
    entry::<identity::incomplete_authorization_mode::IncompleteAuthorizationMode>(),
    entry::<identity::deleted_account_accepted::DeletedAccountAccepted>(),
    entry::<identity::open_request_header::OpenRequestHeader>(),
    entry::<identity::extended_token_lifetime::ExtendedTokenLifetime>(),
    entry::<identity::shared_token_key::SharedTokenKey>(),
    entry::<identity::long_certificate_duration::LongCertificateDuration>(),
    entry::<identity::missing_account_files::MissingAccountFiles>(),
    entry::<identity::masters_certificate::MastersCertificate>(),
    entry::<identity::client_certificate_request::ClientCertificateRequest>(),
    entry::<identity::workload_deletion_permission::WorkloadDeletionPermission>(),
    entry::<identity::trust_bundle_permission::TrustBundlePermission>(),
    entry::<identity::missing_client_authority::MissingClientAuthority>(),
    entry::<identity::status_permission::StatusPermission>(),
    entry::<identity::ended_grant::EndedGrant>(),
    entry::<identity::permanent_cluster_admin::PermanentClusterAdmin>(),
    entry::<identity::distant_grant_end::DistantGrantEnd>(),
    entry::<identity::unused_permission::UnusedPermission>(),
    entry::<identity::powerful_use::PowerfulUse>(),
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
    entry::<network::retired_ingress_class::RetiredIngressClass>(),
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
    entry::<network::dangling_tls_secret::DanglingTlsSecret>(),
    entry::<network::open_zone_transfer::OpenZoneTransfer>(),
    entry::<network::etcd_without_certificate::EtcdWithoutCertificate>(),
    entry::<supply::mutable_image_tag::MutableImageTag>(),
    entry::<supply::unpinned_image::UnpinnedImage>(),
    entry::<supply::missing_signature_policy::MissingSignaturePolicy>(),
    entry::<supply::dockerfile_root_user::DockerfileRootUser>(),
    entry::<supply::dockerfile_unpinned_base::DockerfileUnpinnedBase>(),
    entry::<supply::untrusted_registry::UntrustedRegistry>(),
    entry::<supply::stale_image_possible::StaleImagePossible>(),
    entry::<supply::retired_registry::RetiredRegistry>(),
    entry::<supply::end_of_life_image::EndOfLifeImage>(),
    entry::<supply::vulnerable_component::VulnerableComponent>(),
    entry::<supply::mixed_image_versions::MixedImageVersions>(),
    entry::<supply::cached_private_image::CachedPrivateImage>(),
    entry::<supply::vulnerable_package::VulnerablePackage>(),
    entry::<supply::image_runs_as_root::ImageRunsAsRoot>(),
    entry::<supply::image_setuid_program::ImageSetuidProgram>(),
    entry::<supply::image_world_writable_file::ImageWorldWritableFile>(),
    entry::<supply::image_package_manager::ImagePackageManager>(),
    entry::<supply::image_shell::ImageShell>(),
    entry::<supply::secret_in_image::SecretInImage>(),
    entry::<supply::secret_in_image_configuration::SecretInImageConfiguration>(),
    entry::<supply::secret_in_build_history::SecretInBuildHistory>(),
    entry::<supply::unsigned_image::UnsignedImage>(),
    entry::<supply::unverifiable_image::UnverifiableImage>(),
    entry::<supply::end_of_life_distribution::EndOfLifeDistribution>(),
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
    entry::<storage::bulk_secret_push::BulkSecretPush>(),
    entry::<storage::plaintext_value_in_etcd::PlaintextValueInEtcd>(),
    entry::<storage::stale_value_in_etcd::StaleValueInEtcd>(),
    entry::<storage::unencrypted_node_device::UnencryptedNodeDevice>(),
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
    entry::<operation::short_audit_log::ShortAuditLog>(),
    entry::<operation::disabled_admission_plugin::DisabledAdmissionPlugin>(),
    entry::<operation::missing_always_pull_images::MissingAlwaysPullImages>(),
    entry::<operation::missing_event_rate_limit::MissingEventRateLimit>(),
    entry::<operation::unrestricted_external_ips::UnrestrictedExternalIps>(),
    entry::<operation::fail_open_image_webhook::FailOpenImageWebhook>(),
    entry::<operation::weak_pod_security_default::WeakPodSecurityDefault>(),
    entry::<operation::fail_open_admission_policy::FailOpenAdmissionPolicy>(),
    entry::<operation::unenforced_admission_policy::UnenforcedAdmissionPolicy>(),
    entry::<operation::unbound_admission_policy::UnboundAdmissionPolicy>(),
    entry::<operation::avoidable_policy_webhook::AvoidablePolicyWebhook>(),
    entry::<operation::undeleted_terminated_pods::UndeletedTerminatedPods>(),
    entry::<operation::unlimited_pod_pids::UnlimitedPodPids>(),
    entry::<operation::unlimited_kubelet_events::UnlimitedKubeletEvents>(),
    entry::<operation::unprotected_kernel_defaults::UnprotectedKernelDefaults>(),
    entry::<operation::overridden_node_name::OverriddenNodeName>(),
    entry::<operation::endless_kubelet_connection::EndlessKubeletConnection>(),
    entry::<operation::missing_iptables_chains::MissingIptablesChains>(),
    entry::<operation::kubelet_without_client_authority::KubeletWithoutClientAuthority>(),
    entry::<operation::insecure_static_pod_url::InsecureStaticPodUrl>(),
    entry::<operation::permitted_unsafe_sysctl::PermittedUnsafeSysctl>(),
    entry::<operation::unverified_image_credentials::UnverifiedImageCredentials>(),
    entry::<operation::all_alpha_features::AllAlphaFeatures>(),
    entry::<operation::missing_default_seccomp::MissingDefaultSeccomp>(),
    entry::<operation::swapped_memory::SwappedMemory>(),
    entry::<operation::disabled_fair_queueing::DisabledFairQueueing>(),
    entry::<operation::long_request_timeout::LongRequestTimeout>(),
    entry::<operation::end_of_life_kubernetes::EndOfLifeKubernetes>(),
    entry::<operation::blocked_eviction::BlockedEviction>(),
    entry::<operation::missing_disruption_budget::MissingDisruptionBudget>(),
    entry::<operation::single_replica::SingleReplica>(),
    entry::<operation::abrupt_rollout::AbruptRollout>(),
    entry::<operation::missing_resource_quota::MissingResourceQuota>(),
    entry::<operation::dangling_autoscaler::DanglingAutoscaler>(),
    entry::<operation::managed_cluster_without_audit_log::ManagedClusterWithoutAuditLog>(),
    entry::<operation::exposed_component_port::ExposedComponentPort>(),
    entry::<operation::api_server_pod_file_access::ApiServerPodFileAccess>(),
    entry::<operation::controller_manager_pod_file_access::ControllerManagerPodFileAccess>(),
    entry::<operation::scheduler_pod_file_access::SchedulerPodFileAccess>(),
    entry::<operation::etcd_pod_file_access::EtcdPodFileAccess>(),
    entry::<operation::cni_file_access::CniFileAccess>(),
    entry::<operation::etcd_data_access::EtcdDataAccess>(),
    entry::<operation::admin_kubeconfig_access::AdminKubeconfigAccess>(),
    entry::<operation::scheduler_kubeconfig_access::SchedulerKubeconfigAccess>(),
    entry::<operation::controller_manager_kubeconfig_access::ControllerManagerKubeconfigAccess>(),
    entry::<operation::pki_ownership::PkiOwnership>(),
    entry::<operation::pki_certificate_access::PkiCertificateAccess>(),
    entry::<operation::pki_key_access::PkiKeyAccess>(),
    entry::<operation::kubelet_service_access::KubeletServiceAccess>(),
    entry::<operation::proxy_kubeconfig_access::ProxyKubeconfigAccess>(),
    entry::<operation::kubelet_kubeconfig_access::KubeletKubeconfigAccess>(),
    entry::<operation::kubelet_client_ca_access::KubeletClientCaAccess>(),
    entry::<operation::kubelet_config_access::KubeletConfigAccess>(),
    entry::<operation::unrotated_serving_certificate::UnrotatedServingCertificate>(),
    entry::<operation::unexpected_file_change::UnexpectedFileChange>(),
    entry::<operation::weak_kernel_setting::WeakKernelSetting>(),
    entry::<operation::weak_node_mount::WeakNodeMount>(),
    entry::<operation::open_node_port::OpenNodePort>(),
    entry::<operation::unconfined_node_kernel::UnconfinedNodeKernel>(),
    entry::<operation::container_runtime_access::ContainerRuntimeAccess>(),
    entry::<operation::node_directory_access::NodeDirectoryAccess>(),
    entry::<operation::different_serving_certificate::DifferentServingCertificate>(),
    entry::<operation::changed_container_file::ChangedContainerFile>(),
];
