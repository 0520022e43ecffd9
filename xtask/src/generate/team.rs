//! Namespaces of teams with their applications; few of them are large.

use serde_json::{Value, json};

use super::base::{account, bind, put_namespace};
use super::pod::{Made, Template, put, template};
use super::{Cluster, owner};

const WORDS: [&str; 24] = [
    "cart", "search", "billing", "login", "catalog", "mail", "orders", "stock", "report", "media",
    "profile", "price", "quote", "review", "ledger", "export", "import", "chat", "map", "route",
    "device", "metric", "audit", "gate",
];

/// Fills the cluster up to `pods`.
pub(super) fn teams(cluster: &mut Cluster, pods: usize) -> anyhow::Result<()> {
    let left = pods.saturating_sub(cluster.pods);
    let count = (left / 150).max(2);
    let weight = |rank: usize| 1.0 / (rank as f64 + 3.0).powf(0.8);
    let all: f64 = (0..count).map(weight).sum();
    for rank in 0..count {
        let share = if rank + 1 == count {
            pods
        } else {
            cluster.pods + (left as f64 * weight(rank) / all) as usize
        };
        team(cluster, rank, share.min(pods))?;
    }
    Ok(())
}

/// Adds one namespace, until the cluster has `until` pods.
fn team(cluster: &mut Cluster, rank: usize, until: usize) -> anyhow::Result<()> {
    let name = format!("team-{rank:03}");
    let level = cluster.one_of(&["", "", "baseline", "restricted"]);
    let labels = match level {
        "" => json!({}),
        level => json!({"pod-security.kubernetes.io/enforce": level}),
    };
    put_namespace(cluster, &name, labels)?;
    rights(cluster, &name)?;
    let mesh = cluster.likely(20);
    let policies = cluster.likely(40);
    if policies {
        policy(
            cluster,
            &name,
            "default-deny",
            json!({}),
            json!({"policyTypes": ["Ingress", "Egress"]}),
        )?;
        let dns = json!({"policyTypes": ["Egress"], "egress": [{"ports": [{"protocol": "UDP", "port": 53}]}]});
        policy(cluster, &name, "allow-dns", json!({}), dns)?;
    }
    if cluster.likely(20) {
        let metadata = cluster.metadata(&name, "limits", Value::Null);
        let limit = json!({"type": "Container", "default": {"memory": "512Mi"}});
        cluster.put(json!({
            "apiVersion": "v1", "kind": "LimitRange", "metadata": metadata, "spec": {"limits": [limit]},
        }))?;
    }
    let mut index = 0;
    while cluster.pods < until {
        let app = format!("{}-{index}", cluster.one_of(&WORDS));
        index += 1;
        let own = cluster.likely(60).then_some(&*app);
        if let Some(own) = own {
            account(cluster, &name, own)?;
        }
        let template = template(cluster, &name, &app, own, mesh);
        let left = until - cluster.pods;
        match cluster.chance.u32(0..100) {
            0..72 => deployment(cluster, &app, &template, left)?,
            72..84 => stateful_set(cluster, &app, &template, left)?,
            84..96 => cron_job(cluster, &app, template, left)?,
            _ => others(cluster, &app, &template, left)?,
        }
        if policies {
            let rule = json!({"from": [{"podSelector": {"matchLabels": {"team": name}}}]});
            let spec = json!({"policyTypes": ["Ingress"], "ingress": [rule]});
            policy(cluster, &name, &app, json!({"matchLabels": {"app": app}}), spec)?;
        }
    }
    Ok(())
}

fn rights(cluster: &mut Cluster, namespace: &str) -> anyhow::Result<()> {
    let metadata = cluster.metadata(namespace, "deployer", Value::Null);
    cluster.put(json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": metadata,
        "rules": [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "patch"]}],
    }))?;
    let group = "rbac.authorization.k8s.io";
    let people =
        json!([{"apiGroup": group, "kind": "Group", "name": format!("{namespace}:people")}]);
    let robot = json!([{"kind": "ServiceAccount", "name": "default", "namespace": namespace}]);
    bind(cluster, namespace, "people", ("ClusterRole", "edit"), people.clone())?;
    bind(cluster, namespace, "deployer", ("Role", "deployer"), robot.clone())?;
    for index in 0..cluster.chance.usize(2..6) {
        let user = json!([{"apiGroup": group, "kind": "User", "name": format!("user-{index}@example.com")}]);
        bind(cluster, namespace, &format!("user-{index}"), ("ClusterRole", "view"), user)?;
    }
    bind(cluster, "", &format!("{namespace}-view"), ("ClusterRole", "view"), people)?;
    if cluster.likely(3) {
        bind(cluster, "", &format!("{namespace}-admin"), ("ClusterRole", "cluster-admin"), robot)?;
    }
    Ok(())
}

fn policy(
    cluster: &mut Cluster,
    namespace: &str,
    name: &str,
    selector: Value,
    mut spec: Value,
) -> anyhow::Result<()> {
    let metadata = cluster.metadata(namespace, name, Value::Null);
    spec["podSelector"] = selector;
    cluster.put(json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata,
        "spec": spec,
    }))
}

/// Returns a number of replicas: usually small, rarely large.
fn replicas(cluster: &mut Cluster, left: usize) -> usize {
    let most = match cluster.chance.u32(0..100) {
        0..60 => 3,
        60..95 => 12,
        _ => 60,
    };
    cluster.chance.usize(1..=most).min(left)
}

fn pods(
    cluster: &mut Cluster,
    template: &Template,
    prefix: &str,
    owner: &Value,
    labels: &[(&str, &str)],
    count: usize,
) -> anyhow::Result<()> {
    for _ in 0..count {
        let name = format!("{prefix}-{}", cluster.pod_suffix());
        let node = cluster.node();
        let owner = Some(owner.clone());
        put(
            cluster,
            template,
            &Made { name: &name, owner, labels, node: &node, phase: "Running" },
        )?;
    }
    Ok(())
}

fn deployment(
    cluster: &mut Cluster,
    app: &str,
    template: &Template,
    left: usize,
) -> anyhow::Result<()> {
    let namespace = template.namespace.clone();
    let count = replicas(cluster, left);
    let selector = json!({"matchLabels": {"app": app}});
    let metadata = cluster.metadata(&namespace, app, template.labels.clone());
    let of_deployment = owner("apps/v1", "Deployment", app, &metadata["uid"]);
    cluster.put(json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
        "spec": {
            "replicas": count, "selector": selector, "template": template.value(),
            "strategy": {"type": "RollingUpdate"}, "revisionHistoryLimit": 10,
        },
    }))?;
    // During a rollout, pods of the previous revision still run.
    let rolling = cluster.likely(3);
    for revision in 0..3 {
        let hash = cluster.suffix(10);
        let running = match revision {
            2 if rolling => count - count / 2,
            2 => count,
            1 if rolling => count / 2,
            _ => 0,
        };
        let name = format!("{app}-{hash}");
        let mut of_revision = template.value();
        of_revision["metadata"]["labels"]["pod-template-hash"] = (&*hash).into();
        let mut own = Template {
            namespace: namespace.clone(),
            labels: template.labels.clone(),
            spec: template.spec.clone(),
            mesh: template.mesh,
        };
        if revision < 2 {
            let image = format!("registry.example.com/{app}:0.{revision}");
            of_revision["spec"]["containers"][0]["image"] = (&*image).into();
            own.spec["containers"][0]["image"] = image.into();
        }
        let mut metadata = cluster.metadata(&namespace, &name, own.labels.clone());
        metadata["labels"]["pod-template-hash"] = (&*hash).into();
        metadata["ownerReferences"] = of_deployment.clone();
        let of_set = owner("apps/v1", "ReplicaSet", &name, &metadata["uid"]);
        cluster.put(json!({
            "apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata,
            "spec": {"replicas": running, "selector": selector, "template": of_revision},
        }))?;
        pods(cluster, &own, &name, &of_set, &[("pod-template-hash", &hash)], running)?;
    }
    beside(cluster, app, &namespace)
}

/// Adds a Service, an Ingress, ConfigMaps and a Secret of an application.
fn beside(cluster: &mut Cluster, app: &str, namespace: &str) -> anyhow::Result<()> {
    let kind = if cluster.likely(3) { "LoadBalancer" } else { "ClusterIP" };
    let metadata = cluster.metadata(namespace, app, json!({"app": app}));
    cluster.put(json!({
        "apiVersion": "v1", "kind": "Service", "metadata": metadata,
        "spec": {
            "type": kind, "selector": {"app": app}, "clusterIP": "10.96.0.9",
            "ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": "http"}],
        },
        "status": {"loadBalancer": {}},
    }))?;
    if cluster.likely(20) {
        let host = format!("{app}.{namespace}.example.com");
        let tls = if cluster.likely(80) {
            json!([{"hosts": [host], "secretName": format!("{app}-tls")}])
        } else {
            Value::Null
        };
        let backend = json!({"service": {"name": app, "port": {"name": "http"}}});
        let paths = json!([{"path": "/", "pathType": "Prefix", "backend": backend}]);
        let metadata = cluster.metadata(namespace, app, Value::Null);
        cluster.put(json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata,
            "spec": {"ingressClassName": "nginx", "tls": tls, "rules": [{"host": host, "http": {"paths": paths}}]},
            "status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.7"}]}},
        }))?;
    }
    let metadata = cluster.metadata(namespace, &format!("{app}-config"), Value::Null);
    let settings = "log.level=info\ncache.size=1000\nretry.limit=5\n".repeat(10);
    cluster.put(json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata,
        "data": {"app.properties": settings},
    }))?;
    if cluster.secrets {
        let metadata = cluster.metadata(namespace, &format!("{app}-secret"), Value::Null);
        cluster.put(json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque",
            "data": {"password": "bm90IGtlcHQ="},
        }))?;
    }
    Ok(())
}

fn stateful_set(
    cluster: &mut Cluster,
    app: &str,
    template: &Template,
    left: usize,
) -> anyhow::Result<()> {
    let namespace = &*template.namespace;
    let count = replicas(cluster, left).min(7);
    let metadata = cluster.metadata(namespace, app, template.labels.clone());
    let of_set = owner("apps/v1", "StatefulSet", app, &metadata["uid"]);
    let claim = json!({
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "fast", "resources": {"requests": {"storage": "10Gi"}}},
    });
    cluster.put(json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata,
        "spec": {
            "replicas": count, "serviceName": app, "selector": {"matchLabels": {"app": app}},
            "template": template.value(), "volumeClaimTemplates": [claim],
        },
    }))?;
    let hash = format!("{app}-{}", cluster.suffix(10));
    for index in 0..count {
        let pod = format!("{app}-{index}");
        let claim = format!("data-{pod}");
        let volume = format!("pvc-{}", cluster.uid());
        let metadata = cluster.metadata(namespace, &claim, Value::Null);
        cluster.put(json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata,
            "spec": {"volumeName": volume, "storageClassName": "fast", "accessModes": ["ReadWriteOnce"]},
        }))?;
        let metadata = cluster.metadata("", &volume, Value::Null);
        cluster.put(json!({
            "apiVersion": "v1", "kind": "PersistentVolume", "metadata": metadata,
            "spec": {
                "capacity": {"storage": "10Gi"}, "storageClassName": "fast",
                "csi": {"driver": "ebs.csi.aws.com", "volumeHandle": volume, "fsType": "ext4"},
                "claimRef": {"kind": "PersistentVolumeClaim", "namespace": namespace, "name": claim},
            },
        }))?;
        let mut own = Template {
            namespace: namespace.to_owned(),
            labels: template.labels.clone(),
            spec: template.spec.clone(),
            mesh: template.mesh,
        };
        if let Some(volumes) = own.spec["volumes"].as_array_mut() {
            volumes.push(json!({"name": "data", "persistentVolumeClaim": {"claimName": claim}}));
        }
        own.spec["hostname"] = (&*pod).into();
        own.spec["subdomain"] = app.into();
        let number = index.to_string();
        let labels = [
            ("controller-revision-hash", &*hash),
            ("statefulset.kubernetes.io/pod-name", &*pod),
            ("apps.kubernetes.io/pod-index", &*number),
        ];
        let node = cluster.node();
        let owner = Some(of_set.clone());
        let made = Made { name: &pod, owner, labels: &labels, node: &node, phase: "Running" };
        put(cluster, &own, &made)?;
    }
    beside(cluster, app, namespace)
}

fn cron_job(
    cluster: &mut Cluster,
    app: &str,
    mut template: Template,
    left: usize,
) -> anyhow::Result<()> {
    template.spec["restartPolicy"] = "Never".into();
    let namespace = &*template.namespace.clone();
    let metadata = cluster.metadata(namespace, app, Value::Null);
    let of_cron = owner("batch/v1", "CronJob", app, &metadata["uid"]);
    cluster.put(json!({
        "apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata,
        "spec": {
            "schedule": "0 3 * * *", "concurrencyPolicy": "Forbid",
            "jobTemplate": {"metadata": {}, "spec": {"template": template.value()}},
        },
    }))?;
    for _ in 0..3.min(left) {
        let job = format!("{app}-{}", cluster.chance.u32(29_000_000..30_000_000));
        let mut metadata = cluster.metadata(namespace, &job, Value::Null);
        metadata["ownerReferences"] = of_cron.clone();
        let uid = metadata["uid"].clone();
        let of_job = owner("batch/v1", "Job", &job, &uid);
        let uid = uid.as_str().unwrap_or_default().to_owned();
        let labels = [
            ("job-name", &*job),
            ("batch.kubernetes.io/job-name", &*job),
            ("controller-uid", &*uid),
            ("batch.kubernetes.io/controller-uid", &*uid),
        ];
        let mut of_pods = template.value();
        for (key, value) in labels {
            of_pods["metadata"]["labels"][key] = value.into();
        }
        cluster.put(json!({
            "apiVersion": "batch/v1", "kind": "Job", "metadata": metadata,
            "spec": {
                "completions": 1, "parallelism": 1, "backoffLimit": 6,
                "selector": {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}},
                "template": of_pods,
            },
        }))?;
        let name = format!("{job}-{}", cluster.pod_suffix());
        let node = cluster.node();
        let phase = cluster.one_of(&["Succeeded", "Succeeded", "Succeeded", "Failed"]);
        let owner = Some(of_job);
        put(cluster, &template, &Made { name: &name, owner, labels: &labels, node: &node, phase })?;
    }
    Ok(())
}

/// Adds pods without an owner, and pods of a custom resource.
fn others(
    cluster: &mut Cluster,
    app: &str,
    template: &Template,
    left: usize,
) -> anyhow::Result<()> {
    if cluster.likely(30) {
        let node = cluster.node();
        let made = Made { name: app, owner: None, labels: &[], node: &node, phase: "Running" };
        return put(cluster, template, &made);
    }
    let metadata = cluster.metadata(&template.namespace, app, Value::Null);
    let owner = owner("example.com/v1", "Thing1", app, &metadata["uid"]);
    cluster.put(json!({
        "apiVersion": "example.com/v1", "kind": "Thing1", "metadata": metadata,
        "spec": {"field1": "three replicas"},
    }))?;
    pods(cluster, template, app, &owner, &[], 3.min(left))
}
