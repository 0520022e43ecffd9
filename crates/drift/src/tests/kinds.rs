//! The defaults of each kind, and values that look like defaults but are not.

use super::{check, same};

/// API version, kind, file, store, and whether the store only adds defaults.
type Row = (&'static str, &'static str, &'static str, &'static str, bool);

#[track_caller]
fn rows(rows: &[Row]) {
    for (api_version, kind, written, stored, is_same) in rows {
        let found = super::lines(api_version, kind, written, stored, crate::Mode::Written);
        assert_eq!(found.is_empty(), *is_same, "{kind}: {written} / {stored}: {found:?}");
    }
}

#[test]
fn workloads() {
    const APPS: &str = "apps/v1";
    const SCALED: &str = "metadata: {managedFields: [{manager: kube-controller-manager, subresource: scale}]}\nspec: {replicas: 5}";
    rows(&[
        (APPS, "Deployment", "spec: {}", "spec: {replicas: 1, revisionHistoryLimit: 10, progressDeadlineSeconds: 600, strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 25%, maxUnavailable: 25%}}}", true),
        (APPS, "Deployment", "spec: {}", "spec: {replicas: 2}", false),
        (APPS, "Deployment", "spec: {}", SCALED, true),
        (APPS, "Deployment", "spec: {replicas: 1}", SCALED, false),
        (APPS, "Deployment", "spec: {replicas: 0}", "spec: {}", false),
        (APPS, "Deployment", "spec: {}", "spec: {strategy: {type: Recreate}}", false),
        (APPS, "Deployment", "spec: {}", "spec: {strategy: {rollingUpdate: {maxSurge: 1}}}", false),
        (APPS, "Deployment", "spec: {strategy: {rollingUpdate: {maxSurge: 1}}}", "spec: {strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1, maxUnavailable: 25%}}}", true),
        (APPS, "Deployment", "{}", "metadata: {annotations: {deployment.kubernetes.io/revision: '3'}}", true),
        (APPS, "DaemonSet", "spec: {}", "spec: {revisionHistoryLimit: 10, updateStrategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 0, maxUnavailable: 1}}}", true),
        (APPS, "DaemonSet", "spec: {}", "spec: {updateStrategy: {type: OnDelete}}", false),
        (APPS, "StatefulSet", "spec: {}", "spec: {replicas: 1, podManagementPolicy: OrderedReady, revisionHistoryLimit: 10, updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 0}}, persistentVolumeClaimRetentionPolicy: {whenDeleted: Retain, whenScaled: Retain}}", true),
        (APPS, "StatefulSet", "spec: {}", "spec: {persistentVolumeClaimRetentionPolicy: {whenDeleted: Delete, whenScaled: Retain}}", false),
        (APPS, "StatefulSet", "spec: {volumeClaimTemplates: [{metadata: {name: a}, spec: {accessModes: [ReadWriteOnce]}}]}", "spec: {volumeClaimTemplates: [{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: a, creationTimestamp: null}, spec: {accessModes: [ReadWriteOnce], volumeMode: Filesystem}, status: {phase: Pending}}]}", true),
        ("v1", "ReplicationController", "spec: {template: {metadata: {labels: {a: b}}}}", "metadata: {labels: {a: b}}\nspec: {replicas: 1, selector: {a: b}, template: {metadata: {labels: {a: b}}}}", true),
        ("v1", "ReplicationController", "spec: {template: {metadata: {labels: {a: b}}}}", "spec: {selector: {a: c}, template: {metadata: {labels: {a: b}}}}", false),
        ("batch/v1", "Job", "spec: {template: {}}", "metadata: {labels: {job-name: a}}\nspec: {completions: 1, parallelism: 1, backoffLimit: 6, completionMode: NonIndexed, suspend: false, manualSelector: false, podReplacementPolicy: TerminatingOrFailed, selector: {matchLabels: {batch.kubernetes.io/controller-uid: u}}, template: {metadata: {labels: {batch.kubernetes.io/controller-uid: u, job-name: a}}}}", true),
        ("batch/v1", "Job", "spec: {parallelism: 2}", "spec: {parallelism: 2, completions: 1}", false),
        ("batch/v1", "Job", "spec: {backoffLimitPerIndex: 1}", "spec: {backoffLimitPerIndex: 1, backoffLimit: 2147483647}", true),
        ("batch/v1", "Job", "spec: {}", "spec: {suspend: true}", false),
        ("batch/v1", "CronJob", "spec: {}", "spec: {concurrencyPolicy: Allow, suspend: false, successfulJobsHistoryLimit: 3, failedJobsHistoryLimit: 1}", true),
        ("batch/v1", "CronJob", "spec: {}", "spec: {suspend: true}", false),
        ("autoscaling/v2", "HorizontalPodAutoscaler", "spec: {}", "spec: {minReplicas: 1, metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}]}", true),
        ("autoscaling/v2", "HorizontalPodAutoscaler", "spec: {behavior: {scaleUp: {stabilizationWindowSeconds: 5}}}", "spec: {behavior: {scaleUp: {stabilizationWindowSeconds: 5, selectPolicy: Max, policies: [{type: Pods, value: 4, periodSeconds: 15}, {type: Percent, value: 100, periodSeconds: 15}]}, scaleDown: {selectPolicy: Max, policies: [{type: Percent, value: 100, periodSeconds: 15}]}}}", true),
        ("policy/v1", "PodDisruptionBudget", "spec: {minAvailable: 1}", "spec: {minAvailable: 50%}", false),
        ("scheduling.k8s.io/v1", "PriorityClass", "value: 1", "value: 1\npreemptionPolicy: PreemptLowerPriority", true),
        ("scheduling.k8s.io/v1", "PriorityClass", "value: 1", "value: 1\nglobalDefault: true", false),
        ("v1", "ServiceAccount", "metadata: {name: a}", "metadata: {name: a}\nsecrets: [{name: a-token-x}]", true),
            ("v1", "ServiceAccount", "metadata: {name: a}", "metadata: {name: a}\nsecrets: [{name: mine}]", false),
        ("v1", "ServiceAccount", "{}", "automountServiceAccountToken: true", false),
    ].map(written_nothing));
}

/// `{}` stands for an object without fields.
fn written_nothing((version, kind, written, stored, is_same): Row) -> Row {
    (version, kind, if written == "{}" { "" } else { written }, stored, is_same)
}

#[test]
fn services_and_policies() {
    const NET: &str = "networking.k8s.io/v1";
    const ADDRESS: &str = "clusterIP: 10.0.0.1, clusterIPs: [10.0.0.1], ipFamilies: [IPv4], ipFamilyPolicy: SingleStack, internalTrafficPolicy: Cluster, sessionAffinity: None";
    let service = |written: &str, stored: &str, expect: &[&str]| {
        let stored = stored.replace("ADDRESS", ADDRESS);
        check(
            "v1",
            "Service",
            &format!("spec: {{{written}}}"),
            &format!("spec: {{{stored}}}"),
            expect,
        );
    };
    service(
        "ports: [{port: 80}]",
        "type: ClusterIP, ADDRESS, ports: [{port: 80, protocol: TCP, targetPort: 80}]",
        &[],
    );
    service(
        "ports: [{port: 80}]",
        "ADDRESS, ports: [{port: 80, protocol: TCP, targetPort: 8080}]",
        &["Added spec.ports[port=80].targetPort"],
    );
    service(
        "ports: [{port: 80, targetPort: http}]",
        "ADDRESS, ports: [{port: 80, protocol: TCP, targetPort: 80}]",
        &["Changed spec.ports[port=80].targetPort"],
    );
    service(
        "type: NodePort, ports: [{port: 80}]",
        "type: NodePort, ADDRESS, externalTrafficPolicy: Cluster, ports: [{port: 80, nodePort: 30000, targetPort: 80}]",
        &[],
    );
    service(
        "type: NodePort, ports: [{port: 80, nodePort: 30001}]",
        "type: NodePort, ADDRESS, ports: [{port: 80, nodePort: 30000, targetPort: 80}]",
        &["Changed spec.ports[port=80].nodePort"],
    );
    service(
        "ports: [{port: 80}]",
        "type: NodePort, ADDRESS, ports: [{port: 80, nodePort: 30000, targetPort: 80}]",
        &["Added spec.type"],
    );
    service(
        "type: LoadBalancer",
        "type: LoadBalancer, ADDRESS, allocateLoadBalancerNodePorts: true, externalTrafficPolicy: Local, healthCheckNodePort: 31000",
        &["Added spec.externalTrafficPolicy"],
    );
    service(
        "sessionAffinity: ClientIP",
        "ADDRESS, sessionAffinityConfig: {clientIP: {timeoutSeconds: 10800}}"
            .replace("ADDRESS", "sessionAffinity: ClientIP")
            .as_str(),
        &[],
    );
    service(
        "clusterIP: None, selector: {a: b}",
        "clusterIP: None, clusterIPs: [None], ipFamilies: [IPv4], ipFamilyPolicy: SingleStack, selector: {a: b}",
        &[],
    );
    service(
        "clusterIP: None",
        "clusterIP: None, clusterIPs: [None], ipFamilies: [IPv4, IPv6], ipFamilyPolicy: RequireDualStack",
        &[],
    );
    service("", "externalIPs: [1.2.3.4]", &["Added spec.externalIPs"]);
    service("", "publishNotReadyAddresses: true", &["Added spec.publishNotReadyAddresses"]);
    same(
        NET,
        "NetworkPolicy",
        "spec: {podSelector: {}, egress: [{ports: [{port: 53}]}]}",
        "spec: {podSelector: {}, policyTypes: [Ingress, Egress], egress: [{ports: [{port: 53, protocol: TCP}]}]}",
    );
    check(
        NET,
        "NetworkPolicy",
        "spec: {}",
        "spec: {policyTypes: [Ingress, Egress]}",
        &["Added spec.policyTypes"],
    );
    check(
        NET,
        "NetworkPolicy",
        "spec: {ingress: []}",
        "spec: {policyTypes: [Ingress], ingress: [{}]}",
        &["Added spec.ingress"],
    );
    same(
        NET,
        "NetworkPolicy",
        "spec: {ingress: [{from: [{podSelector: {}}, {ipBlock: {cidr: a}}]}, {}]}",
        "spec: {policyTypes: [Ingress], ingress: [{}, {from: [{ipBlock: {cidr: a}}, {podSelector: {}}]}]}",
    );
    check(
        NET,
        "Ingress",
        "spec: {rules: [{host: a}]}",
        "spec: {ingressClassName: b, rules: [{host: a}]}",
        &["Added spec.ingressClassName"],
    );
    same(
        NET,
        "IngressClass",
        "spec: {parameters: {kind: a, name: b}}",
        "spec: {parameters: {kind: a, name: b, scope: Cluster}}",
    );
    same(
        "discovery.k8s.io/v1",
        "EndpointSlice",
        "ports: [{port: 80}]\nendpoints: []",
        "ports: [{port: 80, name: '', protocol: TCP}]\nendpoints: null",
    );
}

#[test]
fn storage() {
    rows(&[
        (
            "v1",
            "PersistentVolumeClaim",
            "spec: {accessModes: [A, B], resources: {requests: {storage: 1024Mi}}}",
            "metadata: {finalizers: [kubernetes.io/pvc-protection], annotations: {pv.kubernetes.io/bind-completed: 'yes'}}\nspec: {accessModes: [B, A], volumeMode: Filesystem, storageClassName: standard, volumeName: v, resources: {requests: {storage: 1Gi}}}\nstatus: {phase: Bound}",
            true,
        ),
        (
            "v1",
            "PersistentVolumeClaim",
            "spec: {storageClassName: ''}",
            "spec: {storageClassName: standard}",
            false,
        ),
        (
            "v1",
            "PersistentVolumeClaim",
            "spec: {dataSource: {kind: a, name: b}}",
            "spec: {dataSource: {kind: a, name: b}, dataSourceRef: {kind: a, name: b}}",
            true,
        ),
        ("v1", "PersistentVolumeClaim", "spec: {}", "spec: {volumeMode: Block}", false),
        (
            "v1",
            "PersistentVolume",
            "spec: {claimRef: {name: a}}",
            "metadata: {finalizers: [kubernetes.io/pv-protection]}\nspec: {claimRef: {name: a, uid: u, resourceVersion: '1', kind: PersistentVolumeClaim, apiVersion: v1}, persistentVolumeReclaimPolicy: Retain, volumeMode: Filesystem}",
            true,
        ),
        (
            "v1",
            "PersistentVolume",
            "spec: {claimRef: {name: a}}",
            "spec: {claimRef: {name: b}}",
            false,
        ),
        (
            "v1",
            "PersistentVolume",
            "spec: {}",
            "metadata: {finalizers: [example.org/mine]}\nspec: {}",
            false,
        ),
        (
            "v1",
            "PersistentVolume",
            "spec: {}",
            "spec: {persistentVolumeReclaimPolicy: Delete}",
            false,
        ),
        (
            "storage.k8s.io/v1",
            "StorageClass",
            "provisioner: a",
            "provisioner: a\nreclaimPolicy: Delete\nvolumeBindingMode: Immediate",
            true,
        ),
        (
            "storage.k8s.io/v1",
            "StorageClass",
            "provisioner: a",
            "provisioner: a\nreclaimPolicy: Retain",
            false,
        ),
        (
            "storage.k8s.io/v1",
            "CSIDriver",
            "spec: {}",
            "spec: {attachRequired: true, podInfoOnMount: false, storageCapacity: false, fsGroupPolicy: ReadWriteOnceWithFSType, volumeLifecycleModes: [Persistent], requiresRepublish: false, seLinuxMount: false}",
            true,
        ),
        ("storage.k8s.io/v1", "CSIDriver", "spec: {}", "spec: {podInfoOnMount: true}", false),
        ("v1", "Secret", "data: {a: eA==}", "type: kubernetes.io/tls\ndata: {a: eA==}", false),
        (
            "v1",
            "Secret",
            "type: kubernetes.io/service-account-token",
            "metadata: {annotations: {kubernetes.io/service-account.uid: u}}\ntype: kubernetes.io/service-account-token\ndata: {token: eA==, ca.crt: eA==, namespace: eA==}",
            true,
        ),
        (
            "v1",
            "LimitRange",
            "spec: {limits: [{type: Container, max: {cpu: 2000m}, default: {memory: 1Gi}}]}",
            "spec: {limits: [{type: Container, max: {cpu: '2'}, default: {cpu: '2', memory: 1Gi}, defaultRequest: {cpu: '2', memory: 1Gi}}]}",
            true,
        ),
        (
            "v1",
            "LimitRange",
            "spec: {limits: [{type: Pod, max: {cpu: 2}}]}",
            "spec: {limits: [{type: Pod, max: {cpu: 2}, default: {cpu: 2}}]}",
            false,
        ),
        (
            "resource.k8s.io/v1",
            "ResourceClaim",
            "spec: {devices: {requests: [{name: a, exactly: {deviceClassName: b}}]}}",
            "spec: {devices: {requests: [{name: a, exactly: {deviceClassName: b, allocationMode: ExactCount, count: 1}}]}}",
            true,
        ),
        (
            "resource.k8s.io/v1",
            "ResourceClaim",
            "spec: {devices: {requests: [{name: a, exactly: {deviceClassName: b}}]}}",
            "spec: {devices: {requests: [{name: a, exactly: {deviceClassName: b, adminAccess: true}}]}}",
            false,
        ),
    ]);
}

#[test]
fn access_admission_and_definitions() {
    const RBAC: &str = "rbac.authorization.k8s.io/v1";
    const ADMISSION: &str = "admissionregistration.k8s.io/v1";
    const HOOK: &str = "failurePolicy: Fail, matchPolicy: Equivalent, namespaceSelector: {}, objectSelector: {}, timeoutSeconds: 10";
    let hooks = |fields: &str| format!("webhooks: [{{name: a, {fields}}}]");
    let written = hooks(
        "clientConfig: {service: {name: s}}, rules: [{operations: [CREATE, UPDATE], resources: [pods]}]",
    );
    let stored = hooks(&format!(
        "{HOOK}, clientConfig: {{service: {{name: s, port: 443}}}}, rules: [{{operations: [UPDATE, CREATE], resources: [pods], scope: '*'}}]"
    ));
    same(ADMISSION, "ValidatingWebhookConfiguration", &written, &stored);
    same(
        ADMISSION,
        "MutatingWebhookConfiguration",
        &written,
        &stored.replace("timeoutSeconds: 10", "timeoutSeconds: 10, reinvocationPolicy: Never"),
    );
    for (default, other, expect) in [
        ("failurePolicy: Fail", "failurePolicy: Ignore", "Added webhooks[name=a].failurePolicy"),
        (
            "namespaceSelector: {}",
            "namespaceSelector: {matchLabels: {a: b}}",
            "Added webhooks[name=a].namespaceSelector.matchLabels",
        ),
        ("timeoutSeconds: 10", "timeoutSeconds: 1", "Added webhooks[name=a].timeoutSeconds"),
        (
            "resources: [pods], scope: '*'",
            "resources: [pods, secrets], scope: '*'",
            "Added webhooks[name=a].rules[0].resources[1]",
        ),
        ("scope: '*'", "scope: Cluster", "Added webhooks[name=a].rules[0].scope"),
    ] {
        check(
            ADMISSION,
            "ValidatingWebhookConfiguration",
            &written,
            &stored.replace(default, other),
            &[expect],
        );
    }
    rows(&[
        (
            RBAC,
            "RoleBinding",
            "roleRef: {kind: Role, name: a}\nsubjects: [{kind: User, name: u}, {kind: ServiceAccount, name: s, namespace: n}]",
            "roleRef: {kind: Role, name: a, apiGroup: rbac.authorization.k8s.io}\nsubjects: [{kind: ServiceAccount, name: s, namespace: n}, {kind: User, name: u, apiGroup: rbac.authorization.k8s.io}]",
            true,
        ),
        (
            RBAC,
            "ClusterRoleBinding",
            "subjects: [{kind: User, name: u}]",
            "subjects: [{kind: User, name: u}, {kind: Group, name: 'system:masters'}]",
            false,
        ),
        (RBAC, "ClusterRole", "rules: []", "rules: null", true),
        (
            RBAC,
            "ClusterRole",
            "aggregationRule: {clusterRoleSelectors: [{}]}\nrules: []",
            "aggregationRule: {clusterRoleSelectors: [{}]}\nrules: [{verbs: [get], resources: [a]}]",
            true,
        ),
        (
            ADMISSION,
            "ValidatingAdmissionPolicy",
            "spec: {matchConstraints: {resourceRules: [{resources: [pods]}]}}",
            "spec: {failurePolicy: Fail, matchConstraints: {matchPolicy: Equivalent, namespaceSelector: {}, objectSelector: {}, resourceRules: [{resources: [pods], scope: '*'}]}}",
            true,
        ),
        (
            ADMISSION,
            "ValidatingAdmissionPolicyBinding",
            "spec: {validationActions: [Deny]}",
            "spec: {validationActions: [Audit]}",
            false,
        ),
        (
            "v1",
            "Namespace",
            "metadata: {name: a}",
            "metadata: {name: a, labels: {kubernetes.io/metadata.name: a}}\nspec: {finalizers: [kubernetes]}\nstatus: {phase: Active}",
            true,
        ),
        (
            "v1",
            "Namespace",
            "metadata: {name: a}",
            "metadata: {name: a, labels: {pod-security.kubernetes.io/enforce: privileged}}",
            false,
        ),
        (
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            "spec: {names: {kind: Tap, plural: taps}}",
            "spec: {conversion: {strategy: None}, names: {kind: Tap, plural: taps, singular: tap, listKind: TapList}}",
            true,
        ),
        (
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            "spec: {preserveUnknownFields: false}",
            "spec: {}",
            true,
        ),
        (
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            "spec: {names: {kind: Tap}}",
            "spec: {names: {kind: Tap, singular: x}}",
            false,
        ),
        (
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            "spec: {versions: [{name: a, schema: {openAPIV3Schema: {additionalProperties: {type: string}, default: {a: 1.0}, required: [b, c]}}}]}",
            "spec: {versions: [{name: a, schema: {openAPIV3Schema: {additionalProperties: {type: string}, default: {a: 1}, required: [c, b]}}}]}",
            true,
        ),
        (
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            "spec: {versions: [{name: a, schema: {openAPIV3Schema: {additionalProperties: true, properties: {a: {type: string}}}}}]}",
            "spec: {versions: [{name: a, schema: {openAPIV3Schema: {additionalProperties: false, properties: {a: {type: string}}}}}]}",
            false,
        ),
        (
            "apiregistration.k8s.io/v1",
            "APIService",
            "spec: {service: {name: a}}",
            "spec: {service: {name: a, port: 443}}",
            true,
        ),
        (
            "apiregistration.k8s.io/v1",
            "APIService",
            "spec: {service: {name: a}}",
            "spec: {service: {name: a}, insecureSkipTLSVerify: true}",
            false,
        ),
        (
            "certificates.k8s.io/v1",
            "CertificateSigningRequest",
            "spec: {request: eA==, signerName: s}",
            "spec: {request: eA==, signerName: s, username: admin, groups: [a]}",
            true,
        ),
        (
            "certificates.k8s.io/v1",
            "ClusterTrustBundle",
            "spec: {trustBundle: a}",
            "spec: {trustBundle: b}",
            false,
        ),
        (
            "flowcontrol.apiserver.k8s.io/v1",
            "FlowSchema",
            "spec: {}",
            "spec: {matchingPrecedence: 1000}",
            true,
        ),
        (
            "flowcontrol.apiserver.k8s.io/v1",
            "PriorityLevelConfiguration",
            "spec: {type: Limited, limited: {limitResponse: {type: Queue, queuing: {}}}}",
            "spec: {type: Limited, limited: {nominalConcurrencyShares: 30, lendablePercent: 0, limitResponse: {type: Queue, queuing: {queues: 64, handSize: 8, queueLengthLimit: 50}}}}",
            true,
        ),
    ]);
}

#[test]
fn tools_leave_their_marks() {
    let meta = |fields: &str| format!("metadata: {{{fields}}}");
    for (stored, expect) in [
        ("annotations: {meta.helm.sh/release-name: a}", None),
        ("labels: {app.kubernetes.io/managed-by: Helm}", None),
        (
            "labels: {app.kubernetes.io/managed-by: x}",
            Some("Added metadata.labels[\"app.kubernetes.io/managed-by\"]"),
        ),
        ("annotations: {kubectl.kubernetes.io/restartedAt: a}", None),
        ("ownerReferences: [{uid: u}]", None),
        ("annotations: {a: b}", Some("Added metadata.annotations.a")),
    ] {
        let expect: Vec<_> = expect.into_iter().collect();
        check("v1", "ConfigMap", "", &meta(stored), &expect);
    }
    let container = "annotations: {kubectl.kubernetes.io/default-container: a}";
    check(
        "v1",
        "Pod",
        &meta(container),
        &meta(&container.replace(": a", ": b")),
        &["Changed metadata.annotations[\"kubectl.kubernetes.io/default-container\"]"],
    );
    same(
        "v1",
        "ConfigMap",
        "metadata: {generateName: a-}",
        "metadata: {generateName: a-, name: a-x}",
    );
}
