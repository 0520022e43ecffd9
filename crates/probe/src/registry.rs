//! All probes, one per line, ordered by id.

use crate::probe::{Registered, active as act, admission as dry, endpoint as net, pod as own};
use crate::{active, admission, api, cloud, etcd, handshake, kubelet, pod, services};

/// All probes.
pub static REGISTRY: &[Registered] = &[
    net::<api::AnonymousApiVersion>(),
    net::<api::AnonymousApiDiscovery>(),
    net::<api::AnonymousOpenApi>(),
    net::<api::AnonymousNamespaceList>(),
    net::<api::AnonymousPodList>(),
    net::<api::AnonymousSecretList>(),
    net::<api::AnonymousNodeList>(),
    net::<api::AnonymousConfigMapList>(),
    net::<api::AnonymousRoleList>(),
    net::<api::AnonymousServiceAccountList>(),
    net::<api::AnonymousApiMetrics>(),
    net::<api::AnonymousApiProfiling>(),
    net::<api::AnonymousApiLogs>(),
    net::<api::AnonymousRulesReview>(),
    net::<api::ApiCorsAnyOrigin>(),
    net::<api::ApiBasicAuthentication>(),
    net::<api::AnonymousServiceList>(),
    net::<api::InsecureApi>(),
    net::<api::KubectlProxyExposed>(),
    net::<api::AnonymousEventList>(),
    net::<api::AnonymousApiHealthDetails>(),
    net::<handshake::OldTlsVersion>(),
    net::<handshake::WeakCipherSuite>(),
    net::<handshake::ExpiredCertificate>(),
    net::<handshake::CertificateExpiresSoon>(),
    net::<handshake::WeakCertificate>(),
    net::<handshake::SelfSignedCertificate>(),
    net::<handshake::CertificateNameMismatch>(),
    net::<handshake::CertificateNamesPeople>(),
    net::<handshake::PlaintextAccepted>(),
    net::<kubelet::KubeletAnonymousPods>(),
    net::<kubelet::KubeletAnonymousRunningPods>(),
    net::<kubelet::KubeletAnonymousMetrics>(),
    net::<kubelet::KubeletAnonymousContainerMetrics>(),
    net::<kubelet::KubeletAnonymousResourceMetrics>(),
    net::<kubelet::KubeletAnonymousStats>(),
    net::<kubelet::KubeletAnonymousLogs>(),
    net::<kubelet::KubeletAnonymousProfiling>(),
    net::<kubelet::KubeletAnonymousConfig>(),
    net::<kubelet::KubeletAnonymousExec>(),
    net::<kubelet::KubeletAnonymousAttach>(),
    net::<kubelet::KubeletAnonymousPortForward>(),
    net::<kubelet::KubeletAnonymousContainerLogs>(),
    net::<kubelet::KubeletAnonymousRun>(),
    net::<kubelet::KubeletAnonymousCheckpoint>(),
    net::<kubelet::KubeletReadOnlyPort>(),
    net::<kubelet::KubeletHealthExposed>(),
    net::<kubelet::CadvisorExposed>(),
    net::<kubelet::KubeletAnonymousHealth>(),
    net::<etcd::EtcdReadable>(),
    net::<etcd::EtcdVersion>(),
    net::<etcd::EtcdOldKeys>(),
    net::<etcd::EtcdMetricsExposed>(),
    net::<etcd::EtcdWithoutTls>(),
    net::<etcd::EtcdPeerOpen>(),
    net::<etcd::EtcdAnonymousMetrics>(),
    net::<etcd::EtcdPeerWithoutTls>(),
    net::<services::ControllerManagerMetrics>(),
    net::<services::ControllerManagerProfiling>(),
    net::<services::ControllerManagerConfig>(),
    net::<services::SchedulerMetrics>(),
    net::<services::SchedulerProfiling>(),
    net::<services::SchedulerConfig>(),
    net::<services::InsecureControllerManager>(),
    net::<services::InsecureScheduler>(),
    net::<services::KubeProxyMetrics>(),
    net::<services::KubeProxyConfig>(),
    net::<services::KubeProxyProfiling>(),
    net::<services::DockerWithoutTls>(),
    net::<services::DockerWithoutCertificate>(),
    net::<services::RegistryOpen>(),
    net::<services::PrometheusOpen>(),
    net::<services::NodePortReachable>(),
    net::<services::EgressReachable>(),
    net::<services::DnsListsServices>(),
    net::<cloud::AwsMetadataV1>(),
    net::<cloud::AwsMetadataV2>(),
    net::<cloud::GcpMetadata>(),
    net::<cloud::AzureMetadata>(),
    net::<cloud::AwsRoleNames>(),
    dry::<admission::PrivilegedPodAdmitted>(),
    dry::<admission::HostPidPodAdmitted>(),
    dry::<admission::HostIpcPodAdmitted>(),
    dry::<admission::HostNetworkPodAdmitted>(),
    dry::<admission::HostPathPodAdmitted>(),
    dry::<admission::RootPodAdmitted>(),
    dry::<admission::EscalatingPodAdmitted>(),
    dry::<admission::CapablePodAdmitted>(),
    dry::<admission::HostPortPodAdmitted>(),
    dry::<admission::UnconfinedPodAdmitted>(),
    dry::<admission::LatestTagAdmitted>(),
    dry::<admission::UnknownRegistryAdmitted>(),
    dry::<admission::UnsignedImageAdmitted>(),
    dry::<admission::UnsafeSysctlAdmitted>(),
    own::<pod::PodRootUser>(),
    own::<pod::PodDangerousCapabilities>(),
    own::<pod::PodWithoutSeccomp>(),
    own::<pod::PodMayGainPrivileges>(),
    own::<pod::PodWritableRoot>(),
    own::<pod::PodServiceAccountToken>(),
    own::<pod::PodSecretsInEnvironment>(),
    own::<pod::PodHostPath>(),
    own::<pod::PodRuntimeSocket>(),
    own::<pod::PodHostProcesses>(),
    own::<pod::PodBlockDevices>(),
    own::<pod::PodWritableKernelFile>(),
    own::<pod::PodTokenReadsSecrets>(),
    own::<pod::PodTokenRunsCode>(),
    own::<pod::PodTokenGainsPermissions>(),
    act::<active::CanaryTokenIssued>(),
    act::<active::CanarySecretRead>(),
    act::<active::CanaryExec>(),
    act::<active::CanaryPrivilegedPod>(),
    act::<active::CanaryHostPathPod>(),
    act::<active::CanaryAdminRole>(),
    act::<active::CanaryCertificateRequest>(),
    act::<active::NodeProxyAccess>(),
    act::<active::CanaryEphemeralContainer>(),
    act::<active::CanaryExternalIp>(),
    act::<active::CanaryWebhook>(),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_and_names_are_unique_and_in_order() {
        let ids: Vec<_> = REGISTRY.iter().map(Registered::id).collect();
        assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
        let names: BTreeSet<_> = REGISTRY.iter().map(Registered::name).collect();
        assert_eq!(names.len(), ids.len());
        for probe in REGISTRY {
            assert!(probe.id().starts_with("PV-P") && probe.owasp.starts_with('K'));
            assert!(probe.techniques.iter().all(|id| id.starts_with('T')));
        }
        let exec = REGISTRY.iter().find(|probe| probe.name() == "kubelet-anonymous-exec");
        assert_eq!(exec.map(Registered::id), Some("PV-P059"));
    }
}
