//! The kinds that checks name.

use crate::GroupKind;

macro_rules! kinds {
    ($($name:ident = $group:literal $kind:literal $resource:literal;)*) => {
        $(
            #[doc = concat!("`", $kind, "` of group `", $group, "`.")]
            pub const $name: GroupKind = GroupKind::new($group, $kind, $resource);
        )*

        /// All of them.
        pub const ALL: &[GroupKind] = &[$($name),*];
    };
}

kinds! {
    API_SERVICE = "apiregistration.k8s.io" "APIService" "apiservices";
    CLUSTER_ROLE = "rbac.authorization.k8s.io" "ClusterRole" "clusterroles";
    CLUSTER_ROLE_BINDING = "rbac.authorization.k8s.io" "ClusterRoleBinding" "clusterrolebindings";
    CERTIFICATE_SIGNING_REQUEST = "certificates.k8s.io" "CertificateSigningRequest" "certificatesigningrequests";
    CONFIG_MAP = "" "ConfigMap" "configmaps";
    CRON_JOB = "batch" "CronJob" "cronjobs";
    CUSTOM_RESOURCE_DEFINITION = "apiextensions.k8s.io" "CustomResourceDefinition" "customresourcedefinitions";
    DAEMON_SET = "apps" "DaemonSet" "daemonsets";
    DEPLOYMENT = "apps" "Deployment" "deployments";
    GATEWAY = "gateway.networking.k8s.io" "Gateway" "gateways";
    GRPC_ROUTE = "gateway.networking.k8s.io" "GRPCRoute" "grpcroutes";
    HTTP_ROUTE = "gateway.networking.k8s.io" "HTTPRoute" "httproutes";
    INGRESS = "networking.k8s.io" "Ingress" "ingresses";
    // Served up to Kubernetes 1.21.
    INGRESS_EXTENSIONS = "extensions" "Ingress" "ingresses";
    JOB = "batch" "Job" "jobs";
    LIMIT_RANGE = "" "LimitRange" "limitranges";
    MUTATING_WEBHOOK_CONFIGURATION = "admissionregistration.k8s.io" "MutatingWebhookConfiguration" "mutatingwebhookconfigurations";
    NAMESPACE = "" "Namespace" "namespaces";
    NETWORK_POLICY = "networking.k8s.io" "NetworkPolicy" "networkpolicies";
    NODE = "" "Node" "nodes";
    PERSISTENT_VOLUME = "" "PersistentVolume" "persistentvolumes";
    POD = "" "Pod" "pods";
    POD_TEMPLATE = "" "PodTemplate" "podtemplates";
    REPLICATION_CONTROLLER = "" "ReplicationController" "replicationcontrollers";
    REPLICA_SET = "apps" "ReplicaSet" "replicasets";
    ROLE = "rbac.authorization.k8s.io" "Role" "roles";
    ROLE_BINDING = "rbac.authorization.k8s.io" "RoleBinding" "rolebindings";
    SECRET = "" "Secret" "secrets";
    SERVICE = "" "Service" "services";
    SERVICE_ACCOUNT = "" "ServiceAccount" "serviceaccounts";
    STATEFUL_SET = "apps" "StatefulSet" "statefulsets";
    STORAGE_CLASS = "storage.k8s.io" "StorageClass" "storageclasses";
    VALIDATING_WEBHOOK_CONFIGURATION = "admissionregistration.k8s.io" "ValidatingWebhookConfiguration" "validatingwebhookconfigurations";
    // Custom resources.
    CILIUM_CLUSTERWIDE_NETWORK_POLICY = "cilium.io" "CiliumClusterwideNetworkPolicy" "ciliumclusterwidenetworkpolicies";
    CILIUM_NETWORK_POLICY = "cilium.io" "CiliumNetworkPolicy" "ciliumnetworkpolicies";
    CALICO_GLOBAL_NETWORK_POLICY = "projectcalico.org" "GlobalNetworkPolicy" "globalnetworkpolicies";
    CALICO_GLOBAL_NETWORK_POLICY_CRD = "crd.projectcalico.org" "GlobalNetworkPolicy" "globalnetworkpolicies";
    CALICO_NETWORK_POLICY = "projectcalico.org" "NetworkPolicy" "networkpolicies";
    CALICO_NETWORK_POLICY_CRD = "crd.projectcalico.org" "NetworkPolicy" "networkpolicies";
    CLUSTER_NETWORK_POLICY = "policy.networking.k8s.io" "ClusterNetworkPolicy" "clusternetworkpolicies";
    ADMIN_NETWORK_POLICY = "policy.networking.k8s.io" "AdminNetworkPolicy" "adminnetworkpolicies";
    BASELINE_ADMIN_NETWORK_POLICY = "policy.networking.k8s.io" "BaselineAdminNetworkPolicy" "baselineadminnetworkpolicies";
    CLUSTER_IMAGE_POLICY = "policy.sigstore.dev" "ClusterImagePolicy" "clusterimagepolicies";
    CONSTRAINT_TEMPLATE = "templates.gatekeeper.sh" "ConstraintTemplate" "constrainttemplates";
    ARGO_APPLICATION = "argoproj.io" "Application" "applications";
    ARGO_APPLICATION_SET = "argoproj.io" "ApplicationSet" "applicationsets";
    ARGO_APP_PROJECT = "argoproj.io" "AppProject" "appprojects";
    FLUX_HELM_RELEASE = "helm.toolkit.fluxcd.io" "HelmRelease" "helmreleases";
    FLUX_KUSTOMIZATION = "kustomize.toolkit.fluxcd.io" "Kustomization" "kustomizations";
    // Clouds' own objects, as controllers in the cluster make them.
    ACK_ACCESS_ENTRY = "eks.services.k8s.aws" "AccessEntry" "accessentries";
    ACK_IAM_ROLE = "iam.services.k8s.aws" "Role" "roles";
    ACK_POD_IDENTITY_ASSOCIATION = "eks.services.k8s.aws" "PodIdentityAssociation" "podidentityassociations";
    CROSSPLANE_ACCESS_POLICY_ASSOCIATION = "eks.aws.upbound.io" "AccessPolicyAssociation" "accesspolicyassociations";
    CROSSPLANE_POD_IDENTITY_ASSOCIATION = "eks.aws.upbound.io" "PodIdentityAssociation" "podidentityassociations";
    CROSSPLANE_ROLE_POLICY_ATTACHMENT = "iam.aws.upbound.io" "RolePolicyAttachment" "rolepolicyattachments";
    GCP_IAM_PARTIAL_POLICY = "iam.cnrm.cloud.google.com" "IAMPartialPolicy" "iampartialpolicies";
    GCP_IAM_POLICY = "iam.cnrm.cloud.google.com" "IAMPolicy" "iampolicies";
    GCP_IAM_POLICY_MEMBER = "iam.cnrm.cloud.google.com" "IAMPolicyMember" "iampolicymembers";
    ISTIO_GATEWAY = "networking.istio.io" "Gateway" "gateways";
    KYVERNO_CLUSTER_POLICY = "kyverno.io" "ClusterPolicy" "clusterpolicies";
    KYVERNO_POLICY = "kyverno.io" "Policy" "policies";
    KYVERNO_IMAGE_VALIDATING_POLICY = "policies.kyverno.io" "ImageValidatingPolicy" "imagevalidatingpolicies";
    ROUTE = "route.openshift.io" "Route" "routes";
    SECRET_PROVIDER_CLASS = "secrets-store.csi.x-k8s.io" "SecretProviderClass" "secretproviderclasses";
    // Facts about a live cluster that are no API object.
    CLUSTER = "pavisade.dev" "Cluster" "";
    // Files that are no API objects.
    ADMISSION_CONFIGURATION = "apiserver.config.k8s.io" "AdmissionConfiguration" "";
    AUDIT_POLICY = "audit.k8s.io" "Policy" "";
    AUTHENTICATION_CONFIGURATION = "apiserver.config.k8s.io" "AuthenticationConfiguration" "";
    AUTHORIZATION_CONFIGURATION = "apiserver.config.k8s.io" "AuthorizationConfiguration" "";
    DOCKERFILE = "pavisade.dev" "Dockerfile" "";
    EKSCTL_CLUSTER_CONFIG = "eksctl.io" "ClusterConfig" "";
    ENCRYPTION_CONFIG = "" "EncryptionConfig" "";
    ENCRYPTION_CONFIGURATION = "apiserver.config.k8s.io" "EncryptionConfiguration" "";
    KUBEADM_CLUSTER_CONFIGURATION = "kubeadm.k8s.io" "ClusterConfiguration" "";
    KUBEADM_INIT_CONFIGURATION = "kubeadm.k8s.io" "InitConfiguration" "";
    KUBEADM_JOIN_CONFIGURATION = "kubeadm.k8s.io" "JoinConfiguration" "";
    KUBECONFIG = "" "Config" "";
    KUBE_SCHEDULER_CONFIGURATION = "kubescheduler.config.k8s.io" "KubeSchedulerConfiguration" "";
    KUBELET_CONFIGURATION = "kubelet.config.k8s.io" "KubeletConfiguration" "";
}

/// Kinds of Kubernetes' own that make pods.
pub const WORKLOADS: &[GroupKind] = &[
    POD,
    DEPLOYMENT,
    DAEMON_SET,
    STATEFUL_SET,
    REPLICA_SET,
    REPLICATION_CONTROLLER,
    JOB,
    CRON_JOB,
];

/// NetworkPolicy and what else restricts the traffic of pods.
pub const NETWORK_POLICIES: &[GroupKind] = &[
    NETWORK_POLICY,
    CILIUM_NETWORK_POLICY,
    CILIUM_CLUSTERWIDE_NETWORK_POLICY,
    CALICO_NETWORK_POLICY,
    CALICO_NETWORK_POLICY_CRD,
    CALICO_GLOBAL_NETWORK_POLICY,
    CALICO_GLOBAL_NETWORK_POLICY_CRD,
    CLUSTER_NETWORK_POLICY,
    ADMIN_NETWORK_POLICY,
    BASELINE_ADMIN_NETWORK_POLICY,
];
