//! The kinds that checks refer to.

use crate::GroupKind;

macro_rules! kinds {
    ($($name:ident = $group:literal $kind:literal $resource:literal;)*) => {
        $(
            #[doc = concat!("`", $kind, "` of group `", $group, "`.")]
            pub const $name: GroupKind = GroupKind::new($group, $kind, $resource);
        )*

        /// All kinds.
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
    ENDPOINT_SLICE = "discovery.k8s.io" "EndpointSlice" "endpointslices";
    GATEWAY = "gateway.networking.k8s.io" "Gateway" "gateways";
    GRPC_ROUTE = "gateway.networking.k8s.io" "GRPCRoute" "grpcroutes";
    HORIZONTAL_POD_AUTOSCALER = "autoscaling" "HorizontalPodAutoscaler" "horizontalpodautoscalers";
    HTTP_ROUTE = "gateway.networking.k8s.io" "HTTPRoute" "httproutes";
    INGRESS = "networking.k8s.io" "Ingress" "ingresses";
    INGRESS_CLASS = "networking.k8s.io" "IngressClass" "ingressclasses";
    // Served up to Kubernetes 1.21.
    INGRESS_EXTENSIONS = "extensions" "Ingress" "ingresses";
    JOB = "batch" "Job" "jobs";
    LIMIT_RANGE = "" "LimitRange" "limitranges";
    MUTATING_ADMISSION_POLICY = "admissionregistration.k8s.io" "MutatingAdmissionPolicy" "mutatingadmissionpolicies";
    MUTATING_ADMISSION_POLICY_BINDING = "admissionregistration.k8s.io" "MutatingAdmissionPolicyBinding" "mutatingadmissionpolicybindings";
    MUTATING_WEBHOOK_CONFIGURATION = "admissionregistration.k8s.io" "MutatingWebhookConfiguration" "mutatingwebhookconfigurations";
    NAMESPACE = "" "Namespace" "namespaces";
    NETWORK_POLICY = "networking.k8s.io" "NetworkPolicy" "networkpolicies";
    NODE = "" "Node" "nodes";
    PERSISTENT_VOLUME_CLAIM = "" "PersistentVolumeClaim" "persistentvolumeclaims";
    PERSISTENT_VOLUME = "" "PersistentVolume" "persistentvolumes";
    POD = "" "Pod" "pods";
    POD_DISRUPTION_BUDGET = "policy" "PodDisruptionBudget" "poddisruptionbudgets";
    POD_TEMPLATE = "" "PodTemplate" "podtemplates";
    REFERENCE_GRANT = "gateway.networking.k8s.io" "ReferenceGrant" "referencegrants";
    REPLICATION_CONTROLLER = "" "ReplicationController" "replicationcontrollers";
    REPLICA_SET = "apps" "ReplicaSet" "replicasets";
    RESOURCE_QUOTA = "" "ResourceQuota" "resourcequotas";
    PRIORITY_CLASS = "scheduling.k8s.io" "PriorityClass" "priorityclasses";
    RESOURCE_CLAIM = "resource.k8s.io" "ResourceClaim" "resourceclaims";
    RESOURCE_CLAIM_TEMPLATE = "resource.k8s.io" "ResourceClaimTemplate" "resourceclaimtemplates";
    ROLE = "rbac.authorization.k8s.io" "Role" "roles";
    ROLE_BINDING = "rbac.authorization.k8s.io" "RoleBinding" "rolebindings";
    RUNTIME_CLASS = "node.k8s.io" "RuntimeClass" "runtimeclasses";
    SECRET = "" "Secret" "secrets";
    SERVICE = "" "Service" "services";
    SERVICE_ACCOUNT = "" "ServiceAccount" "serviceaccounts";
    STATEFUL_SET = "apps" "StatefulSet" "statefulsets";
    STORAGE_CLASS = "storage.k8s.io" "StorageClass" "storageclasses";
    TCP_ROUTE = "gateway.networking.k8s.io" "TCPRoute" "tcproutes";
    TLS_ROUTE = "gateway.networking.k8s.io" "TLSRoute" "tlsroutes";
    UDP_ROUTE = "gateway.networking.k8s.io" "UDPRoute" "udproutes";
    VOLUME_SNAPSHOT_CLASS = "snapshot.storage.k8s.io" "VolumeSnapshotClass" "volumesnapshotclasses";
    VALIDATING_ADMISSION_POLICY = "admissionregistration.k8s.io" "ValidatingAdmissionPolicy" "validatingadmissionpolicies";
    VALIDATING_ADMISSION_POLICY_BINDING = "admissionregistration.k8s.io" "ValidatingAdmissionPolicyBinding" "validatingadmissionpolicybindings";
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
    ANTREA_CLUSTER_NETWORK_POLICY = "crd.antrea.io" "ClusterNetworkPolicy" "clusternetworkpolicies";
    ANTREA_NETWORK_POLICY = "crd.antrea.io" "NetworkPolicy" "networkpolicies";
    AWS_APPLICATION_NETWORK_POLICY = "networking.k8s.aws" "ApplicationNetworkPolicy" "applicationnetworkpolicies";
    AWS_CLUSTER_NETWORK_POLICY = "networking.k8s.aws" "ClusterNetworkPolicy" "clusternetworkpolicies";
    AWS_SECURITY_GROUP_POLICY = "vpcresources.k8s.aws" "SecurityGroupPolicy" "securitygrouppolicies";
    OVN_EGRESS_FIREWALL = "k8s.ovn.org" "EgressFirewall" "egressfirewalls";
    AWS_MANAGED_CONTROL_PLANE = "controlplane.cluster.x-k8s.io" "AWSManagedControlPlane" "awsmanagedcontrolplanes";
    CLUSTER_IMAGE_POLICY = "policy.sigstore.dev" "ClusterImagePolicy" "clusterimagepolicies";
    CONSTRAINT_TEMPLATE = "templates.gatekeeper.sh" "ConstraintTemplate" "constrainttemplates";
    ARGO_APPLICATION = "argoproj.io" "Application" "applications";
    ARGO_APPLICATION_SET = "argoproj.io" "ApplicationSet" "applicationsets";
    ARGO_APP_PROJECT = "argoproj.io" "AppProject" "appprojects";
    FLUX_HELM_RELEASE = "helm.toolkit.fluxcd.io" "HelmRelease" "helmreleases";
    FLUX_KUSTOMIZATION = "kustomize.toolkit.fluxcd.io" "Kustomization" "kustomizations";
    // Custom resources for cloud objects, as defined by controllers in the cluster.
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
    KUBEADM_CONTROL_PLANE = "controlplane.cluster.x-k8s.io" "KubeadmControlPlane" "kubeadmcontrolplanes";
    KYVERNO_CLUSTER_POLICY = "kyverno.io" "ClusterPolicy" "clusterpolicies";
    KYVERNO_POLICY = "kyverno.io" "Policy" "policies";
    KYVERNO_IMAGE_VALIDATING_POLICY = "policies.kyverno.io" "ImageValidatingPolicy" "imagevalidatingpolicies";
    KYVERNO_NAMESPACED_IMAGE_VALIDATING_POLICY = "policies.kyverno.io" "NamespacedImageValidatingPolicy" "namespacedimagevalidatingpolicies";
    RATIFY_VERIFIER = "config.ratify.deislabs.io" "Verifier" "verifiers";
    SCALED_OBJECT = "keda.sh" "ScaledObject" "scaledobjects";
    ROUTE = "route.openshift.io" "Route" "routes";
    SECRET_PROVIDER_CLASS = "secrets-store.csi.x-k8s.io" "SecretProviderClass" "secretproviderclasses";
    // Service meshes and proxies.
    AUTHORIZATION_POLICY = "security.istio.io" "AuthorizationPolicy" "authorizationpolicies";
    CONSUL_INTENTIONS = "consul.hashicorp.com" "ServiceIntentions" "serviceintentions";
    CONSUL_MESH = "consul.hashicorp.com" "Mesh" "meshes";
    CONSUL_PROXY_DEFAULTS = "consul.hashicorp.com" "ProxyDefaults" "proxydefaults";
    CONSUL_SERVICE_DEFAULTS = "consul.hashicorp.com" "ServiceDefaults" "servicedefaults";
    DESTINATION_RULE = "networking.istio.io" "DestinationRule" "destinationrules";
    KUMA_MESH = "kuma.io" "Mesh" "meshes";
    KUMA_TLS = "kuma.io" "MeshTLS" "meshtlses";
    KUMA_TRAFFIC_PERMISSION = "kuma.io" "MeshTrafficPermission" "meshtrafficpermissions";
    LINKERD_SERVER = "policy.linkerd.io" "Server" "servers";
    LINKERD_SERVER_AUTHORIZATION = "policy.linkerd.io" "ServerAuthorization" "serverauthorizations";
    PEER_AUTHENTICATION = "security.istio.io" "PeerAuthentication" "peerauthentications";
    SERVICE_ENTRY = "networking.istio.io" "ServiceEntry" "serviceentries";
    VIRTUAL_SERVICE = "networking.istio.io" "VirtualService" "virtualservices";
    TRAEFIK_TLS_OPTION = "traefik.io" "TLSOption" "tlsoptions";
    // External secrets and backups.
    BACKUP_STORAGE_LOCATION = "velero.io" "BackupStorageLocation" "backupstoragelocations";
    CLUSTER_EXTERNAL_SECRET = "external-secrets.io" "ClusterExternalSecret" "clusterexternalsecrets";
    CLUSTER_SECRET_STORE = "external-secrets.io" "ClusterSecretStore" "clustersecretstores";
    CNPG_CLUSTER = "postgresql.cnpg.io" "Cluster" "clusters";
    CLUSTER_PUSH_SECRET = "external-secrets.io" "ClusterPushSecret" "clusterpushsecrets";
    PUSH_SECRET = "external-secrets.io" "PushSecret" "pushsecrets";
    SEALED_SECRET = "bitnami.com" "SealedSecret" "sealedsecrets";
    SECRET_STORE = "external-secrets.io" "SecretStore" "secretstores";
    VAULT_CONNECTION = "secrets.hashicorp.com" "VaultConnection" "vaultconnections";
    SANDBOX_TEMPLATE = "extensions.agents.x-k8s.io" "SandboxTemplate" "sandboxtemplates";
    // Custom resources that describe clusters.
    ACK_EKS_CLUSTER = "eks.services.k8s.aws" "Cluster" "clusters";
    ASO_MANAGED_CLUSTER = "containerservice.azure.com" "ManagedCluster" "managedclusters";
    CAPA_CONTROL_PLANE_TEMPLATE = "controlplane.cluster.x-k8s.io" "AWSManagedControlPlaneTemplate" "awsmanagedcontrolplanetemplates";
    CAPZ_CONTROL_PLANE = "infrastructure.cluster.x-k8s.io" "AzureManagedControlPlane" "azuremanagedcontrolplanes";
    CNRM_CONTAINER_CLUSTER = "container.cnrm.cloud.google.com" "ContainerCluster" "containerclusters";
    CROSSPLANE_AKS_CLUSTER = "containerservice.azure.upbound.io" "KubernetesCluster" "kubernetesclusters";
    CROSSPLANE_EKS_CLUSTER = "eks.aws.upbound.io" "Cluster" "clusters";
    CROSSPLANE_GKE_CLUSTER = "container.gcp.upbound.io" "Cluster" "clusters";
    KOPS_CLUSTER = "kops.k8s.io" "Cluster" "clusters";
    // Custom resources that refer to images.
    PROMETHEUS = "monitoring.coreos.com" "Prometheus" "prometheuses";
    PROMETHEUS_AGENT = "monitoring.coreos.com" "PrometheusAgent" "prometheusagents";
    ALERTMANAGER = "monitoring.coreos.com" "Alertmanager" "alertmanagers";
    THANOS_RULER = "monitoring.coreos.com" "ThanosRuler" "thanosrulers";
    KAFKA = "kafka.strimzi.io" "Kafka" "kafkas";
    KAFKA_CONNECT = "kafka.strimzi.io" "KafkaConnect" "kafkaconnects";
    ELASTICSEARCH = "elasticsearch.k8s.elastic.co" "Elasticsearch" "elasticsearches";
    KIBANA = "kibana.k8s.elastic.co" "Kibana" "kibanas";
    ZALANDO_POSTGRESQL = "acid.zalan.do" "postgresql" "postgresqls";
    CRUNCHY_POSTGRES_CLUSTER = "postgres-operator.crunchydata.com" "PostgresCluster" "postgresclusters";
    CEPH_CLUSTER = "ceph.rook.io" "CephCluster" "cephclusters";
    MINIO_TENANT = "minio.min.io" "Tenant" "tenants";
    RABBITMQ_CLUSTER = "rabbitmq.com" "RabbitmqCluster" "rabbitmqclusters";
    KEYCLOAK = "k8s.keycloak.org" "Keycloak" "keycloaks";
    OPEN_TELEMETRY_COLLECTOR = "opentelemetry.io" "OpenTelemetryCollector" "opentelemetrycollectors";
    SPARK_APPLICATION = "sparkoperator.k8s.io" "SparkApplication" "sparkapplications";
    CATALOG_SOURCE = "operators.coreos.com" "CatalogSource" "catalogsources";
    CROSSPLANE_PROVIDER = "pkg.crossplane.io" "Provider" "providers";
    CROSSPLANE_FUNCTION = "pkg.crossplane.io" "Function" "functions";
    CROSSPLANE_CONFIGURATION = "pkg.crossplane.io" "Configuration" "configurations";
    VIRTUAL_MACHINE = "kubevirt.io" "VirtualMachine" "virtualmachines";
    TEKTON_TASK = "tekton.dev" "Task" "tasks";
    TEKTON_CLUSTER_TASK = "tekton.dev" "ClusterTask" "clustertasks";
    TEKTON_PIPELINE = "tekton.dev" "Pipeline" "pipelines";
    ARGO_WORKFLOW = "argoproj.io" "Workflow" "workflows";
    ARGO_WORKFLOW_TEMPLATE = "argoproj.io" "WorkflowTemplate" "workflowtemplates";
    ARGO_CLUSTER_WORKFLOW_TEMPLATE = "argoproj.io" "ClusterWorkflowTemplate" "clusterworkflowtemplates";
    ARGO_CRON_WORKFLOW = "argoproj.io" "CronWorkflow" "cronworkflows";
    // Facts about a live cluster that are not API objects.
    CLUSTER = "pavisade.dev" "Cluster" "";
    // Facts read from a database of etcd, from a node, and from audit logs.
    ETCD_FACTS = "pavisade.dev" "EtcdFacts" "";
    NODE_FACTS = "pavisade.dev" "NodeFacts" "";
    USAGE_FACTS = "pavisade.dev" "UsageFacts" "";
    // Results of penetration tests.
    PROBE_FACTS = "pavisade.dev" "ProbeFacts" "";
    // Facts about changes of a node's files.
    INTEGRITY_FACTS = "pavisade.dev" "IntegrityFacts" "";
    // Facts about files of a container that differ from its image.
    CONTAINER_FACTS = "pavisade.dev" "ContainerFacts" "";
    // Configuration files that are not API objects.
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
    KUBE_PROXY_CONFIGURATION = "kubeproxy.config.k8s.io" "KubeProxyConfiguration" "";
    KUBE_SCHEDULER_CONFIGURATION = "kubescheduler.config.k8s.io" "KubeSchedulerConfiguration" "";
    POD_SECURITY_CONFIGURATION = "pod-security.admission.config.k8s.io" "PodSecurityConfiguration" "";
    KUBELET_CONFIGURATION = "kubelet.config.k8s.io" "KubeletConfiguration" "";
}

/// Built-in kinds that create pods.
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

/// Kinds that route traffic from outside to Services.
pub const ENTRIES: &[GroupKind] =
    &[INGRESS, INGRESS_EXTENSIONS, HTTP_ROUTE, GRPC_ROUTE, TCP_ROUTE, TLS_ROUTE, UDP_ROUTE];

/// Kinds that define the routing of Istio gateways.
pub const ISTIO_ROUTES: &[GroupKind] = &[ISTIO_GATEWAY, VIRTUAL_SERVICE];

/// NetworkPolicy and other kinds that restrict the traffic of pods.
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

/// Policies of Antrea, AWS and OVN-Kubernetes, which restrict the traffic of pods as well.
pub const PLUGIN_POLICIES: &[GroupKind] = &[
    ANTREA_CLUSTER_NETWORK_POLICY,
    ANTREA_NETWORK_POLICY,
    AWS_APPLICATION_NETWORK_POLICY,
    AWS_CLUSTER_NETWORK_POLICY,
    AWS_SECURITY_GROUP_POLICY,
    OVN_EGRESS_FIREWALL,
];

/// The named API groups that an API server itself serves. Other groups below `k8s.io` are custom ones.
pub const OWN_GROUPS: [&str; 24] = [
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "apps",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "extensions",
    "flowcontrol.apiserver.k8s.io",
    "internal.apiserver.k8s.io",
    "lifecycle.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
    "storagemigration.k8s.io",
];
