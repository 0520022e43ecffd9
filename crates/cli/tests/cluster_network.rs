//! `pavisade network` on a real API server, whose controllers made the pods.
#![expect(clippy::print_stdout, reason = "a test says what it skips")]

use serde_json::Value;
use testbed::{Cluster, Shape};

use crate::cluster::{kubeconfig, server};
use crate::started::{Run, run};

/// A shop whose database only `web` reaches, and an Ingress with its controller.
const OBJECTS: &str = "\
apiVersion: v1
kind: Namespace
metadata: {name: net-shop}
---
apiVersion: v1
kind: Namespace
metadata: {name: net-edge}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: net-shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: testbed.invalid/x:1, ports: [{name: http, containerPort: 8080}]}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: db, namespace: net-shop}
spec:
  selector: {matchLabels: {app: db}}
  template: {metadata: {labels: {app: db}}, spec: {containers: [{name: c, image: testbed.invalid/x:1, ports: [{containerPort: 5432}]}]}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: nightly, namespace: net-shop}
spec:
  template: {metadata: {labels: {app: nightly}}, spec: {restartPolicy: Never, containers: [{name: c, image: testbed.invalid/x:1}]}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: net-shop}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 5432}]}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: net-shop}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: net-edge}}}], ports: [{port: http}]}]
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: net-shop}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: net-edge}
spec: {controller: k8s.io/ingress-nginx}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: door, namespace: net-edge}
spec:
  selector: {matchLabels: {app: door}}
  template: {metadata: {labels: {app: door}}, spec: {containers: [{name: c, image: 'testbed.invalid/ingress-nginx/controller:v1'}]}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: net-shop}
spec: {ingressClassName: net-edge, defaultBackend: {service: {name: web, port: {number: 80}}}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: half-blind, namespace: net-shop}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: net-half-blind}
rules:
- {apiGroups: ['', apps, batch, discovery.k8s.io], resources: ['*'], verbs: [list]}
- {apiGroups: [networking.k8s.io], resources: [ingresses, ingressclasses], verbs: [list]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: net-half-blind}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: net-half-blind}
subjects: [{kind: ServiceAccount, name: half-blind, namespace: net-shop}]
";

struct Tried {
    folder: tempfile::TempDir,
    kubeconfig: String,
}

impl Tried {
    fn new(cluster: &Cluster) -> Self {
        let kubeconfig = cluster.kubeconfig().display().to_string();
        Self { folder: tempfile::tempdir().unwrap(), kubeconfig }
    }

    fn network(&self, args: &[&str]) -> Run {
        let live = ["--cluster", "-q", "--kubeconfig", &self.kubeconfig];
        run(self.folder.path(), &[&["network"], args, &live].concat())
    }
}

#[test]
fn a_live_cluster_is_asked_who_connects_to_whom() {
    let started = testbed::shared(&Shape::default());
    let Some(cluster) = started.map_err(|skipped| println!("{skipped}")).ok() else { return };
    cluster.apply(OBJECTS).unwrap();
    // The controllers have made all pods.
    let pods = ["get", "pods", "-n", "net-shop", "-o", "name"];
    let made = || cluster.get(&pods).unwrap().lines().count() == 4;
    assert!((0..100).any(|_| made() || {
        std::thread::sleep(std::time::Duration::from_millis(200));
        false
    }));
    let tried = Tried::new(&cluster);

    for (from, to, port, code) in [
        ("net-shop/web", "net-shop/db", "5432", 0),
        ("net-shop/web", "net-shop/db", "5433", 1),
        ("net-shop/nightly", "net-shop/db", "5432", 1),
        ("net-edge/door", "service/net-shop/web", "80", 0),
        ("net-shop/nightly", "service/net-shop/web", "80", 1),
        ("internet", "net-shop/db", "5432", 1),
        ("net-shop/nightly", "net-edge/door", "443", 0),
    ] {
        let done = tried.network(&["can", from, to, port]);
        assert_eq!(done.code, code, "{from} to {to}: {}{}", done.out, done.err);
    }
    let done = tried.network(&["explain", "net-shop/nightly", "net-shop/db", "5432"]);
    assert!(done.out.contains("NetworkPolicy net-shop/db"), "{}{}", done.out, done.err);

    let done = tried.network(&["map", "--focus", "net-shop", "--format", "json"]);
    assert_eq!(done.code, 0, "{}", done.err);
    let map: Value = serde_json::from_str(&done.out).unwrap();
    let world = &map["worlds"][0];
    let all = world["workloads"].as_array().unwrap();
    let of = |name: &str| all.iter().find(|one| one["name"] == name).unwrap_or(&Value::Null);
    // Pods, ReplicaSets and Deployments are one workload, with its pods counted.
    assert_eq!(of("net-shop/web[Deployment]")["pods"], 2, "{all:?}");
    assert_eq!(of("net-shop/nightly[Job]")["pods"], 1, "{all:?}");
    let own = all.iter().filter(|one| one["namespace"] == "net-shop").count();
    assert_eq!(own, 3, "{all:?}");
    assert_eq!(of("net-shop/db[Deployment]")["ingress"]["restricted"], true);
    assert_eq!(of("net-shop/db[Deployment]")["ingress"]["any_pod"], "none");
    // The Ingress leads in, since its controller runs where the policy allows it.
    let ways = world["from_outside"].as_array().unwrap();
    let way = ways.iter().find(|way| way["workload"] == "net-shop/web[Deployment]");
    let way = way.unwrap_or_else(|| panic!("{ways:?}"));
    assert_eq!((&way["connections"], &way["unknown"]), (&"TCP 8080".into(), &"none".into()));

    let done = tried.network(&["api-server"]);
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(done.out.contains("can, no policy restricts its egress"), "{}", done.out);

    // Policies that may not be read make answers unknown, not "yes".
    let token = cluster.token_for("net-shop", "half-blind").unwrap();
    let user = format!("{{token: '{}'}}", token.trim());
    let file = kubeconfig(tried.folder.path(), &server(&cluster), &user);
    let blind = Tried { kubeconfig: file.display().to_string(), ..Tried::new(&cluster) };
    let done = blind.network(&["can", "net-shop/nightly", "net-edge/door", "443"]);
    assert_eq!(done.code, 3, "{}{}", done.out, done.err);
    assert!(done.err.contains("networkpolicies"), "{}", done.err);
    let done = blind.network(&["map", "--focus", "net-shop"]);
    assert_eq!(done.code, 3, "{}", done.err);
    assert!(!done.out.contains("no policy restricts"), "{}", done.out);
}
