//! A pod template with the defaults of the API server, and the pods that controllers create from
//! it.

use serde_json::{Value, json};

use super::Cluster;

/// The template of a workload's pods.
pub(super) struct Template {
    pub(super) namespace: String,
    pub(super) labels: Value,
    pub(super) spec: Value,
    /// Whether a webhook adds a container to every pod.
    pub(super) mesh: bool,
}

impl Template {
    /// Returns the template for a workload.
    pub(super) fn value(&self) -> Value {
        json!({"metadata": {"labels": self.labels, "creationTimestamp": null}, "spec": self.spec})
    }
}

/// Returns a template of an application, of realistic quality.
pub(super) fn template(
    cluster: &mut Cluster,
    namespace: &str,
    app: &str,
    account: Option<&str>,
    mesh: bool,
) -> Template {
    let extra = usize::from(cluster.likely(15));
    let mut containers: Vec<_> = (0..=extra).map(|at| container(cluster, app, at)).collect();
    let mut volumes = vec![json!({"name": "tmp", "emptyDir": {}})];
    if cluster.likely(60) {
        let config = json!({"name": format!("{app}-config"), "defaultMode": 420});
        volumes.push(json!({"name": "config", "configMap": config}));
        if let Some(mounts) = containers[0]["volumeMounts"].as_array_mut() {
            mounts.push(json!({"name": "config", "mountPath": "/etc/app", "readOnly": true}));
        }
    }
    if cluster.likely(2) {
        volumes.push(json!({"name": "host", "hostPath": {"path": "/var/log", "type": ""}}));
    }
    let mut spec = json!({
        "containers": containers,
        "volumes": volumes,
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "schedulerName": "default-scheduler",
        "securityContext": {},
    });
    if cluster.likely(50) {
        spec["securityContext"] =
            json!({"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}});
    }
    if let Some(account) = account {
        spec["serviceAccountName"] = account.into();
        spec["serviceAccount"] = account.into();
    }
    if cluster.likely(30) {
        spec["automountServiceAccountToken"] = false.into();
    }
    if cluster.likely(1) {
        spec["hostNetwork"] = true.into();
    }
    let labels = json!({"app": app, "app.kubernetes.io/name": app, "team": namespace});
    Template { namespace: namespace.to_owned(), labels, spec, mesh }
}

fn container(cluster: &mut Cluster, app: &str, at: usize) -> Value {
    let registry =
        cluster.one_of(&["registry.example.com/", "ghcr.io/example/", "docker.io/library/"]);
    let tag = match cluster.chance.u32(0..10) {
        0 => ":latest".to_owned(),
        1 => format!(":1.{}@sha256:{:064x}", cluster.chance.u32(0..40), cluster.chance.u128(..)),
        _ => format!(":1.{}.{}", cluster.chance.u32(0..40), cluster.chance.u32(0..20)),
    };
    let name = if at == 0 { app.to_owned() } else { format!("helper-{at}") };
    let mut container = json!({
        "name": name,
        "image": format!("{registry}{app}{tag}"),
        "imagePullPolicy": "IfNotPresent",
        "env": [
            {"name": "LOG_LEVEL", "value": "info"},
            {"name": "POD_NAME", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}},
        ],
        "resources": {},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
    });
    if at == 0 {
        container["ports"] = json!([{"containerPort": 8080, "protocol": "TCP", "name": "http"}]);
        let probe = json!({"path": "/ready", "port": "http", "scheme": "HTTP"});
        container["readinessProbe"] = json!({
            "httpGet": probe, "timeoutSeconds": 1, "periodSeconds": 10,
            "successThreshold": 1, "failureThreshold": 3,
        });
    }
    if cluster.likely(70) {
        container["resources"] = json!({
            "limits": {"cpu": "1", "memory": "512Mi"},
            "requests": {"cpu": "100m", "memory": "256Mi"},
        });
    }
    if cluster.likely(10) {
        let secret = json!({"name": format!("{app}-secret"), "key": "password"});
        let from = json!({"secretKeyRef": secret});
        if let Some(env) = container["env"].as_array_mut() {
            env.push(json!({"name": "DB_PASSWORD", "valueFrom": from}));
        }
    }
    if cluster.likely(2) {
        container["securityContext"] = json!({"privileged": true});
    } else if cluster.likely(50) {
        container["securityContext"] = json!({
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": {"drop": ["ALL"]},
        });
    }
    container
}

/// The owner of a pod, and how it ended.
pub(super) struct Made<'a> {
    pub(super) name: &'a str,
    pub(super) owner: Option<Value>,
    /// Labels in addition to those of the template.
    pub(super) labels: &'a [(&'a str, &'a str)],
    pub(super) node: &'a str,
    pub(super) phase: &'a str,
}

/// Writes a pod as an API server returns it.
pub(super) fn put(
    cluster: &mut Cluster,
    template: &Template,
    made: &Made<'_>,
) -> anyhow::Result<()> {
    let mut labels = template.labels.clone();
    for (key, value) in made.labels {
        labels[*key] = (*value).into();
    }
    let mut metadata = cluster.metadata(&template.namespace, made.name, labels);
    if let Some(owner) = &made.owner {
        metadata["ownerReferences"] = owner.clone();
    }
    let mut spec = template.spec.clone();
    if template.mesh {
        metadata["annotations"] = json!({"sidecar.example.com/status": "injected"});
        if let Some(containers) = spec["containers"].as_array_mut() {
            containers.push(proxy());
        }
    }
    if spec["automountServiceAccountToken"] != false {
        token(cluster, &mut spec);
    }
    for (key, value) in [
        ("nodeName", json!(made.node)),
        ("enableServiceLinks", json!(true)),
        ("preemptionPolicy", json!("PreemptLowerPriority")),
    ] {
        spec[key] = value;
    }
    if spec["priority"].is_null() {
        spec["priority"] = 0.into();
    }
    if spec["serviceAccountName"].is_null() {
        spec["serviceAccountName"] = "default".into();
        spec["serviceAccount"] = "default".into();
    }
    if spec["tolerations"].is_null() {
        spec["tolerations"] = json!([]);
    }
    if let Some(tolerations) = spec["tolerations"].as_array_mut() {
        for condition in ["not-ready", "unreachable"] {
            tolerations.push(json!({
                "key": format!("node.kubernetes.io/{condition}"),
                "operator": "Exists",
                "effect": "NoExecute",
                "tolerationSeconds": 300,
            }));
        }
    }
    if cluster.chance.u32(0..2_000) == 0 {
        spec["ephemeralContainers"] = json!([{
            "name": "debugger-x1", "image": "busybox", "stdin": true, "tty": true,
            "resources": {}, "imagePullPolicy": "Always",
        }]);
    }
    let statuses = spec["containers"].as_array().map(|containers| {
        let status = |container: &Value| {
            let id = format!("{}@sha256:{:064x}", "registry.example.com/image", 7);
            json!({"name": container["name"], "image": container["image"], "imageID": id})
        };
        containers.iter().map(status).collect::<Vec<_>>()
    });
    let status = json!({"phase": made.phase, "containerStatuses": statuses});
    cluster.put(json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status,
    }))
}

/// Adds the volume that gives every container the token of the ServiceAccount.
fn token(cluster: &mut Cluster, spec: &mut Value) {
    let name = format!("kube-api-access-{}", cluster.suffix(5));
    if let Some(containers) = spec["containers"].as_array_mut() {
        for container in containers {
            let mount = json!({
                "name": name, "readOnly": true,
                "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
            });
            match container["volumeMounts"].as_array_mut() {
                Some(mounts) => mounts.push(mount),
                None => container["volumeMounts"] = json!([mount]),
            }
        }
    }
    let field = json!({"apiVersion": "v1", "fieldPath": "metadata.namespace"});
    let root = json!({
        "name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}],
    });
    let sources = json!([
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": root},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": field}]}},
    ]);
    let volume = json!({"name": name, "projected": {"sources": sources, "defaultMode": 420}});
    match spec["volumes"].as_array_mut() {
        Some(volumes) => volumes.push(volume),
        None => spec["volumes"] = json!([volume]),
    }
}

fn proxy() -> Value {
    json!({
        "name": "mesh-proxy",
        "image": "registry.example.com/mesh/proxy:1.24.0",
        "imagePullPolicy": "IfNotPresent",
        "args": ["proxy", "sidecar"],
        "ports": [{"containerPort": 15090, "protocol": "TCP"}],
        "resources": {"limits": {"cpu": "2", "memory": "1Gi"}, "requests": {"cpu": "10m"}},
        "securityContext": {
            "allowPrivilegeEscalation": false, "runAsUser": 1337, "runAsNonRoot": true,
            "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]},
        },
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
    })
}
