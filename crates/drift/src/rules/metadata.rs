//! Metadata set by the server, by controllers, and by tools that apply files.

use pavisade_yaml::Value;

use super::Rule::{Assigned, Entry, Ignored, Server, Skip, SkipEntry, Unknown, When};
use super::{Line, Place};

const META: &str = "meta/v1.ObjectMeta";

pub(super) const RULES: &[Line] = &[
    (META, "managedFields", Ignored),
    (META, "resourceVersion", Ignored),
    (META, "generation", Ignored),
    (META, "selfLink", Ignored),
    (META, "uid", Server),
    (META, "creationTimestamp", Server),
    (META, "deletionTimestamp", Server),
    (META, "deletionGracePeriodSeconds", Server),
    (META, "ownerReferences", Assigned),
    // kubectl adds the namespace of its context, and drops the namespace for cluster-scoped kinds.
    (META, "namespace", Skip(|place| is_empty(place.written) || is_empty(place.stored))),
    (META, "name", When(|place| place.wrote_beside("generateName"))),
    (META, "annotations", SkipEntry(annotation_of_server)),
    (META, "annotations", Entry(annotation_of_tools)),
    (META, "annotations", Unknown(init_containers)),
    (META, "labels", Entry(label_of_server)),
    (META, "finalizers", SkipEntry(finalizer_of_server)),
];

fn is_empty(value: Option<Value<'_>>) -> bool {
    value.and_then(Value::as_str).unwrap_or("").is_empty()
}

/// Annotations in which the server or a controller records its last action.
fn annotation_of_server(place: &Place<'_>) -> bool {
    matches!(
        place.key(),
        "kubectl.kubernetes.io/last-applied-configuration"
            | "deployment.kubernetes.io/revision"
            | "deployment.kubernetes.io/desired-replicas"
            | "deployment.kubernetes.io/max-replicas"
            | "deployment.kubernetes.io/revision-history"
            | "deprecated.daemonset.template.generation"
            | "control-plane.alpha.kubernetes.io/leader"
            | "endpoints.kubernetes.io/last-change-trigger-time"
            | "batch.kubernetes.io/job-tracking"
            | "batch.kubernetes.io/cronjob-scheduled-timestamp"
            | "autoscaling.alpha.kubernetes.io/conditions"
            | "autoscaling.alpha.kubernetes.io/current-metrics"
            | "kubernetes.io/limit-ranger"
            | "kubernetes.io/config.seen"
            | "kubernetes.io/config.hash"
            | "kubernetes.io/config.source"
            | "kubernetes.io/config.mirror"
            | "volume.kubernetes.io/selected-node"
            | "volume.kubernetes.io/storage-provisioner"
            | "volume.kubernetes.io/storage-resizer"
            | "volume.beta.kubernetes.io/storage-provisioner"
            | "pv.kubernetes.io/bind-completed"
            | "pv.kubernetes.io/bound-by-controller"
            | "pv.kubernetes.io/provisioned-by"
            | "pv.kubernetes.io/migrated-to"
            | "volume.kubernetes.io/provisioner-deletion-secret-name"
            | "volume.kubernetes.io/provisioner-deletion-secret-namespace"
    )
}

/// Annotations for init containers from before 1.6. The server drops them silently.
fn init_containers(place: &Place<'_>) -> bool {
    let name = place.key().strip_prefix("pod.");
    let name = name.and_then(|n| n.strip_prefix("alpha.").or(n.strip_prefix("beta.")));
    matches!(name, Some("kubernetes.io/init-containers" | "kubernetes.io/init-container-statuses"))
}

fn annotation_of_tools(place: &Place<'_>) -> bool {
    // The controller adds it to the Secret of a service account's token.
    if place.key() == "kubernetes.io/service-account.uid" {
        return place.kind == "Secret";
    }
    ["kubectl.kubernetes.io/", "meta.helm.sh/"].iter().any(|start| place.key().starts_with(start))
}

fn label_of_server(place: &Place<'_>) -> bool {
    match place.key() {
        // Helm sets it at installation, not when rendering.
        "app.kubernetes.io/managed-by" => place.text() == "Helm",
        "kubernetes.io/metadata.name" => {
            let name = place.root.at(&["metadata", "name"]);
            place.kind == "Namespace" && place.stored == name
        }
        // The template of a CronJob has none of these labels; its Jobs do.
        "controller-uid"
        | "job-name"
        | "batch.kubernetes.io/controller-uid"
        | "batch.kubernetes.io/job-name" => matches!(place.kind, "Job" | "Pod"),
        "pod-template-hash"
        | "controller-revision-hash"
        | "pod-template-generation"
        | "statefulset.kubernetes.io/pod-name"
        | "apps.kubernetes.io/pod-index"
        | "batch.kubernetes.io/job-completion-index"
        | "topology.kubernetes.io/zone"
        | "topology.kubernetes.io/region" => place.in_pod(),
        "endpoints.kubernetes.io/managed-by" => place.kind == "Endpoints",
        "service.kubernetes.io/headless" => {
            matches!(place.kind, "Endpoints" | "EndpointSlice")
        }
        key => labels_of_template(place, key),
    }
}

/// A ReplicationController or Job without labels gets those of its template.
fn labels_of_template(place: &Place<'_>, key: &str) -> bool {
    let object = place.holder == place.root.get("metadata");
    let none =
        place.written_root.at(&["metadata", "labels"]).is_none_or(|l| l.entries().next().is_none());
    let template = place.root.at(&["spec", "template", "metadata", "labels"]);
    matches!(place.kind, "ReplicationController" | "Job")
        && object
        && none
        && place.stored.is_some()
        && template.and_then(|labels| labels.get(key)) == place.stored
}

fn finalizer_of_server(place: &Place<'_>) -> bool {
    matches!(
        place.stored.or(place.written).and_then(Value::as_str).unwrap_or(""),
        "kubernetes.io/pvc-protection"
            | "kubernetes.io/pv-protection"
            | "kubernetes.io/vac-protection"
            | "external-provisioner.volume.kubernetes.io/finalizer"
            | "service.kubernetes.io/load-balancer-cleanup"
            | "batch.kubernetes.io/job-tracking"
            | "customresourcecleanup.apiextensions.k8s.io"
            | "networking.k8s.io/service-cidr-finalizer"
            | "resource.kubernetes.io/delete-protection"
            | "foregroundDeletion"
            | "orphan"
    )
}
