//! Applies `examples/shop` to a cluster like its user would.

use anyhow::ensure;
use pavisade_checks::CheckSet;
use pavisade_model::KubernetesVersion;
use serde_json::{Value, json};

use super::Bench;

/// The path of the example from the root of this checkout.
pub(super) const SHOP: &str = "examples/shop";

/// The only object of the example that no cluster accepts: its API was removed in 1.25, which is
/// what the example shows.
const REMOVED: &str = "no matches for kind \"PodDisruptionBudget\" in version \"policy/v1beta1\"";

/// Applies the example. Returns the kind, namespace and name of its objects.
pub(super) fn apply(bench: &Bench<'_>) -> anyhow::Result<Vec<[String; 3]>> {
    custom_resources(bench)?;
    let cluster = bench.cluster;
    let folder = crate::shared::root().join(SHOP).display().to_string();
    // Files are applied in the order of their names, and namespaces are not first.
    cluster.get(&["apply", "--filename", &format!("{folder}/namespaces.yaml")])?;
    let applied = cluster.kubectl(&["apply", "--filename", &folder])?;
    let refusals = applied.stderr.lines().filter(|line| {
        !line.starts_with("Warning:") && !line.starts_with("ensure CRDs") && !line.is_empty()
    });
    let other: Vec<_> = refusals.filter(|line| !line.contains(REMOVED)).collect();
    ensure!(other.is_empty(), "kubectl apply -f {SHOP}: {}", other.join("; "));
    ensure!(applied.stderr.contains(REMOVED), "the cluster took a removed API");
    // Wait until the controllers have created their objects.
    for namespace in ["shop", "monitoring"] {
        let wait =
            "wait deployment --all --timeout=60s --for=jsonpath={.status.unavailableReplicas}";
        let wait: Vec<_> = wait.split(' ').chain(["--namespace", namespace]).collect();
        cluster.get(&wait)?;
    }
    let got = cluster.kubectl(&["get", "--output", "json", "--filename", &folder])?;
    let list: Value = serde_json::from_str(&got.stdout)?;
    let of = |object: &Value| {
        ["/kind", "/metadata/namespace", "/metadata/name"].map(|pointer| {
            object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
        })
    };
    let objects: Vec<_> = list["items"].as_array().into_iter().flatten().map(of).collect();
    ensure!(!objects.is_empty(), "kubectl get -f {SHOP}: {}", got.stderr.trim());
    Ok(objects)
}

/// Creates every kind of custom resource that a check reads.
pub(super) fn custom_resources(bench: &Bench<'_>) -> anyhow::Result<()> {
    let served = bench.cluster.get(&["api-versions"])?;
    let is_served = |group: &str| served.lines().any(|line| line.starts_with(&format!("{group}/")));
    let mut definitions = Vec::new();
    for kind in CheckSet::all(KubernetesVersion::LATEST).kinds() {
        // Groups without a dot are Kubernetes' own.
        if kind.group.contains('.') && !is_served(kind.group) {
            definitions.push(definition(kind.group, kind.kind, kind.resource));
        }
    }
    if definitions.is_empty() {
        return Ok(());
    }
    let list = json!({"apiVersion": "v1", "kind": "List", "items": definitions});
    bench.cluster.apply(&list.to_string())?;
    let wait = "wait crd --all --timeout=60s --for=condition=Established";
    bench.cluster.get(&wait.split(' ').collect::<Vec<_>>())?;
    Ok(())
}

fn definition(group: &str, kind: &str, resource: &str) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": format!("{resource}.{group}"),
            "annotations": {"api-approved.kubernetes.io": "unapproved, for tests"},
        },
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": resource, "singular": kind.to_lowercase()},
            "versions": [{
                "name": "v1",
                "served": true,
                "storage": true,
                "schema": {"openAPIV3Schema": {
                    "type": "object", "x-kubernetes-preserve-unknown-fields": true,
                }},
            }],
        },
    })
}
