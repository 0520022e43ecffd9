//! Objects of every cluster: nodes, the control plane, agents on all nodes, RBAC, storage classes,
//! webhooks, custom resource definitions.

use serde_json::{Value, json};

use super::pod::{Made, Template, put};
use super::{Cluster, TIME, node_name, owner};

const RBAC: &str = "rbac.authorization.k8s.io/v1";

/// Adds the cluster-wide objects.
pub(super) fn cluster(cluster: &mut Cluster) -> anyhow::Result<()> {
    facts(cluster)?;
    for index in 0..cluster.nodes {
        node(cluster, index)?;
    }
    for namespace in ["default", "kube-system", "kube-public", "kube-node-lease", "monitoring"] {
        put_namespace(cluster, namespace, json!({}))?;
    }
    roles(cluster)?;
    for (name, encrypted) in [("standard", "false"), ("fast", "true"), ("archive", "true")] {
        let metadata = cluster.metadata("", name, Value::Null);
        cluster.put(json!({
            "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": metadata,
            "provisioner": "ebs.csi.aws.com", "parameters": {"type": "gp3", "encrypted": encrypted},
            "reclaimPolicy": "Delete", "volumeBindingMode": "WaitForFirstConsumer",
        }))?;
    }
    for (index, kind) in
        ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"].iter().enumerate()
    {
        for product in ["mesh", "policy", "certificates"] {
            let metadata = cluster.metadata("", &format!("{product}-{index}"), Value::Null);
            let service = json!({"name": product, "namespace": "kube-system", "port": 443});
            cluster.put(json!({
                "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": metadata,
                "webhooks": [{
                    "name": format!("{product}.example.com"),
                    "clientConfig": {"service": service, "caBundle": "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t"},
                    "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"], "scope": "*"}],
                    "failurePolicy": if product == "mesh" { "Ignore" } else { "Fail" },
                    "sideEffects": "None", "admissionReviewVersions": ["v1"], "timeoutSeconds": 10,
                }],
            }))?;
        }
    }
    for index in 0..40 {
        definition(cluster, index)?;
    }
    Ok(())
}

fn facts(cluster: &mut Cluster) -> anyhow::Result<()> {
    let served = [
        ("", "Pod", "pods", true),
        ("", "Node", "nodes", false),
        ("apps", "Deployment", "deployments", true),
        ("batch", "Job", "jobs", true),
        ("networking.k8s.io", "NetworkPolicy", "networkpolicies", true),
    ];
    let served = served.map(|(group, kind, resource, namespaced)| {
        json!({"group": group, "version": "v1", "kind": kind, "resource": resource, "namespaced": namespaced})
    });
    cluster.put(json!({
        "apiVersion": "pavisade.dev/v1", "kind": "Cluster", "metadata": {"name": "generated"},
        "server": "https://10.0.0.1:6443",
        "readAt": TIME,
        "version": {"major": "1", "minor": "37", "gitVersion": "v1.37.2", "platform": "linux/amd64"},
        "served": served,
        "anonymous": [
            {"path": "/version", "status": 200},
            {"path": "/api/v1/namespaces/default/secrets", "status": 403},
        ],
        "certificates": [],
    }))
}

fn node(cluster: &mut Cluster, index: usize) -> anyhow::Result<()> {
    let name = node_name(index);
    let mut labels = json!({
        "kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux", "kubernetes.io/hostname": name,
        "topology.kubernetes.io/zone": format!("zone-{}", index % 3),
    });
    let control_plane = index < 3;
    if control_plane {
        labels["node-role.kubernetes.io/control-plane"] = "".into();
    }
    let metadata = cluster.metadata("", &name, labels);
    let address = format!("10.{}.{}.{}", 1 + index / 65_536, index / 256 % 256, index % 256);
    let condition = |kind, status| {
        json!({
            "type": kind, "status": status, "reason": "Kubelet", "message": "reported by the kubelet",
            "lastHeartbeatTime": TIME, "lastTransitionTime": "2026-10-01T08:00:00Z",
        })
    };
    let taints = if control_plane {
        json!([{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}])
    } else {
        Value::Null
    };
    cluster.put(json!({
        "apiVersion": "v1", "kind": "Node", "metadata": metadata,
        "spec": {"podCIDR": format!("10.2.{}.0/24", index % 256), "taints": taints},
        "status": {
            "capacity": {"cpu": "16", "memory": "65536Mi", "pods": "110"},
            "allocatable": {"cpu": "15", "memory": "64000Mi", "pods": "110"},
            "conditions": [
                condition("MemoryPressure", "False"), condition("DiskPressure", "False"),
                condition("PIDPressure", "False"), condition("Ready", "True"),
            ],
            "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "nodeInfo": {
                "kubeletVersion": "v1.37.2", "kernelVersion": "6.8.0-47-generic",
                "osImage": "Ubuntu 24.04.1 LTS", "containerRuntimeVersion": "containerd://2.1.4",
                "operatingSystem": "linux", "architecture": "amd64",
            },
        },
    }))
}

pub(super) fn put_namespace(
    cluster: &mut Cluster,
    name: &str,
    mut labels: Value,
) -> anyhow::Result<()> {
    labels["kubernetes.io/metadata.name"] = name.into();
    let metadata = cluster.metadata("", name, labels);
    cluster.put(json!({
        "apiVersion": "v1", "kind": "Namespace", "metadata": metadata,
        "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"},
    }))?;
    account(cluster, name, "default")?;
    let metadata = cluster.metadata(name, "kube-root-ca.crt", Value::Null);
    cluster.put(json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata,
        "data": {"ca.crt": "-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\n"},
    }))
}

pub(super) fn account(cluster: &mut Cluster, namespace: &str, name: &str) -> anyhow::Result<()> {
    let metadata = cluster.metadata(namespace, name, Value::Null);
    cluster.put(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}))
}

fn roles(cluster: &mut Cluster) -> anyhow::Result<()> {
    let everything = json!([
        {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
        {"nonResourceURLs": ["*"], "verbs": ["*"]},
    ]);
    let read = json!([{
        "apiGroups": ["", "apps", "batch"], "verbs": ["get", "list", "watch"],
        "resources": ["pods", "services", "configmaps", "deployments", "jobs"],
    }]);
    let edit = json!([{
        "apiGroups": ["", "apps"], "resources": ["pods", "deployments", "secrets", "pods/exec"],
        "verbs": ["get", "list", "watch", "create", "update", "patch", "delete"],
    }]);
    let mut roles = vec![
        ("cluster-admin".to_owned(), everything),
        ("view".to_owned(), read.clone()),
        ("edit".to_owned(), edit.clone()),
        ("admin".to_owned(), edit),
    ];
    roles.extend((0..70).map(|index| (format!("system:controller:part-{index}"), read.clone())));
    for (name, rules) in roles {
        let labels = json!({"kubernetes.io/bootstrapping": "rbac-defaults"});
        let metadata = cluster.metadata("", &name, labels);
        cluster.put(
            json!({"apiVersion": RBAC, "kind": "ClusterRole", "metadata": metadata, "rules": rules}),
        )?;
    }
    let masters = json!([{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:masters"}]);
    bind(cluster, "", "cluster-admin", ("ClusterRole", "cluster-admin"), masters)
}

/// Adds a binding; a ClusterRoleBinding if `namespace` is empty.
pub(super) fn bind(
    cluster: &mut Cluster,
    namespace: &str,
    name: &str,
    (kind, role): (&str, &str),
    subjects: Value,
) -> anyhow::Result<()> {
    let metadata = cluster.metadata(namespace, name, Value::Null);
    let own = if namespace.is_empty() { "ClusterRoleBinding" } else { "RoleBinding" };
    let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role});
    cluster.put(json!({
        "apiVersion": RBAC, "kind": own, "metadata": metadata, "roleRef": role, "subjects": subjects,
    }))
}

fn definition(cluster: &mut Cluster, index: usize) -> anyhow::Result<()> {
    let plural = format!("things{index}");
    let metadata = cluster.metadata("", &format!("{plural}.example.com"), Value::Null);
    let field = |at: usize| {
        let description = format!(
            "Field {at} of a thing. It is described at length, as generators do it: what it is, who sets it, and what it means for others when it is left out."
        );
        (format!("field{at}"), json!({"type": "string", "description": description}))
    };
    let properties: serde_json::Map<_, _> = (0..100).map(field).collect();
    let spec = json!({"type": "object", "properties": properties});
    let schema = json!({"type": "object", "properties": {"spec": spec}});
    cluster.put(json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": metadata,
        "spec": {
            "group": "example.com", "scope": "Namespaced",
            "names": {"kind": format!("Thing{index}"), "plural": plural, "singular": format!("thing{index}")},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}],
        },
    }))
}

/// Adds the control plane of kubeadm as mirror pods, CoreDNS, and agents on all nodes.
pub(super) fn system(cluster: &mut Cluster, pods: usize) -> anyhow::Result<()> {
    for index in 0..cluster.nodes.min(3) {
        for component in ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"] {
            mirror(cluster, component, index)?;
        }
    }
    for agent in ["kube-proxy", "cni-agent", "node-exporter", "log-shipper"] {
        // Agents are at most half of a cluster's pods.
        if cluster.pods + cluster.nodes <= pods / 2 {
            daemon(cluster, agent)?;
        }
    }
    Ok(())
}

fn mirror(cluster: &mut Cluster, component: &str, index: usize) -> anyhow::Result<()> {
    let node = node_name(index);
    let flags: &[&str] = match component {
        "kube-apiserver" => &[
            "--authorization-mode=Node,RBAC",
            "--client-ca-file=/etc/kubernetes/pki/ca.crt",
            "--enable-admission-plugins=NodeRestriction",
            "--etcd-servers=https://127.0.0.1:2379",
            "--tls-cert-file=/etc/kubernetes/pki/apiserver.crt",
        ],
        "etcd" => &[
            "--client-cert-auth=true",
            "--data-dir=/var/lib/etcd",
            "--trusted-ca-file=/etc/kubernetes/pki/etcd/ca.crt",
        ],
        _ => &["--bind-address=127.0.0.1", "--leader-elect=true"],
    };
    let command: Vec<_> = [component].into_iter().chain(flags.iter().copied()).collect();
    let labels = json!({"component": component, "tier": "control-plane"});
    let name = format!("{component}-{node}");
    let mut metadata = cluster.metadata("kube-system", &name, labels);
    let hash = cluster.suffix(32);
    metadata["annotations"] = json!({
        "kubernetes.io/config.hash": hash, "kubernetes.io/config.mirror": hash,
        "kubernetes.io/config.seen": "2026-10-01T08:00:00Z", "kubernetes.io/config.source": "file",
    });
    metadata["ownerReferences"] = owner("v1", "Node", &node, &cluster.uid().into());
    cluster.put(json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": metadata,
        "spec": {
            "containers": [{
                "name": component, "command": command,
                "image": format!("registry.k8s.io/{component}:v1.37.2"),
                "imagePullPolicy": "IfNotPresent", "resources": {"requests": {"cpu": "100m"}},
                "volumeMounts": [{"name": "k8s-certs", "mountPath": "/etc/kubernetes/pki", "readOnly": true}],
            }],
            "volumes": [{"name": "k8s-certs", "hostPath": {"path": "/etc/kubernetes/pki", "type": "DirectoryOrCreate"}}],
            "hostNetwork": true, "nodeName": node, "priorityClassName": "system-node-critical",
            "priority": 2_000_001_000, "restartPolicy": "Always",
            "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
            "tolerations": [{"effect": "NoExecute", "operator": "Exists"}],
        },
        "status": {"phase": "Running", "containerStatuses": []},
    }))
}

fn daemon(cluster: &mut Cluster, agent: &str) -> anyhow::Result<()> {
    account(cluster, "kube-system", agent)?;
    let spec = json!({
        "containers": [{
            "name": agent, "image": format!("registry.k8s.io/{agent}:v1.37.2"),
            "imagePullPolicy": "IfNotPresent", "resources": {},
            "securityContext": {"privileged": true},
            "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
            "volumeMounts": [{"name": "modules", "mountPath": "/lib/modules", "readOnly": true}],
        }],
        "volumes": [{"name": "modules", "hostPath": {"path": "/lib/modules", "type": ""}}],
        "hostNetwork": true, "serviceAccountName": agent, "serviceAccount": agent,
        "restartPolicy": "Always", "dnsPolicy": "ClusterFirst", "securityContext": {},
        "schedulerName": "default-scheduler", "terminationGracePeriodSeconds": 30,
        "tolerations": [{"operator": "Exists"}],
    });
    let labels = json!({"k8s-app": agent});
    let template =
        Template { namespace: "kube-system".into(), labels: labels.clone(), spec, mesh: false };
    let metadata = cluster.metadata("kube-system", agent, labels.clone());
    let uid = metadata["uid"].clone();
    cluster.put(json!({
        "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": metadata,
        "spec": {"selector": {"matchLabels": labels}, "template": template.value()},
        "status": {"numberReady": cluster.nodes},
    }))?;
    let hash = cluster.suffix(10);
    for index in 0..cluster.nodes {
        let name = format!("{agent}-{}", cluster.pod_suffix());
        let labels = [("controller-revision-hash", &*hash), ("pod-template-generation", "1")];
        let owner = Some(owner("apps/v1", "DaemonSet", agent, &uid));
        let node = node_name(index);
        let made = Made { name: &name, owner, labels: &labels, node: &node, phase: "Running" };
        put(cluster, &template, &made)?;
    }
    Ok(())
}
