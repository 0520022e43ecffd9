//! Pods and their templates.

use pavisade_yaml::Value;

use super::Rule::{Elements, Entry, Inside, Is, Skip, When};
use super::{Line, Place, image};
use crate::elements::Elements::{Keyed, Set};

const POD: &str = "core/v1.PodSpec";
const CONTAINER: &str = "core/v1.Container";
const EPHEMERAL: &str = "core/v1.EphemeralContainer";
const PROBE: &str = "core/v1.Probe";
const CAPABILITIES: &str = "core/v1.Capabilities";

pub(super) const RULES: &[Line] = &[
    (POD, "restartPolicy", Is("\"Always\"")),
    (POD, "dnsPolicy", Is("\"ClusterFirst\"")),
    (POD, "schedulerName", Is("\"default-scheduler\"")),
    (POD, "terminationGracePeriodSeconds", Is("30")),
    (POD, "enableServiceLinks", Is("true")),
    (POD, "securityContext", Inside),
    // Two names of the same field. The newer one takes precedence.
    (POD, "serviceAccount", Skip(|place| place.wrote_beside("serviceAccountName"))),
    (POD, "serviceAccount", When(|place| place.same_as("serviceAccountName"))),
    (POD, "serviceAccountName", When(service_account)),
    (POD, "tolerations", Elements(Set)),
    (POD, "tolerations", Entry(toleration_of_admission)),
    // Set by the priority class, the scheduler, the service account or the runtime class.
    (POD, "priority", When(in_pod)),
    (POD, "priorityClassName", When(in_pod)),
    (POD, "preemptionPolicy", When(in_pod)),
    (POD, "preemptionPolicy", Is("\"PreemptLowerPriority\"")),
    (POD, "nodeName", When(in_pod)),
    (POD, "imagePullSecrets", When(in_pod)),
    (POD, "overhead", When(in_pod)),
    (POD, "nodeSelector", Entry(|place| place.in_pod() && !runtime_class(place).is_empty())),
    (POD, "volumes", Entry(volume_of_admission)),
    (CONTAINER, "imagePullPolicy", When(pull_policy)),
    (CONTAINER, "terminationMessagePath", Is("\"/dev/termination-log\"")),
    (CONTAINER, "terminationMessagePolicy", Is("\"File\"")),
    (CONTAINER, "volumeMounts", Entry(mount_of_admission)),
    (CONTAINER, "resizePolicy", Entry(resize_policy)),
    (CONTAINER, "resizePolicy", Elements(Keyed("resourceName"))),
    (EPHEMERAL, "imagePullPolicy", When(pull_policy)),
    (EPHEMERAL, "terminationMessagePath", Is("\"/dev/termination-log\"")),
    (EPHEMERAL, "terminationMessagePolicy", Is("\"File\"")),
    (EPHEMERAL, "volumeMounts", Entry(mount_of_admission)),
    ("core/v1.ContainerPort", "hostPort", When(host_port)),
    ("core/v1.ResourceRequirements", "requests", Entry(request_of_limit)),
    ("core/v1.ResourceRequirements", "requests", Entry(limit_ranger)),
    ("core/v1.ResourceRequirements", "limits", Entry(limit_ranger)),
    ("core/v1.SecurityContext", "procMount", Is("\"Default\"")),
    (CAPABILITIES, "add", Elements(Set)),
    (CAPABILITIES, "drop", Elements(Set)),
    (PROBE, "timeoutSeconds", Is("1")),
    (PROBE, "periodSeconds", Is("10")),
    (PROBE, "successThreshold", Is("1")),
    (PROBE, "failureThreshold", Is("3")),
    ("core/v1.HTTPGetAction", "path", Is("\"/\"")),
    ("core/v1.HTTPGetAction", "scheme", Is("\"HTTP\"")),
    ("core/v1.HTTPGetAction", "protocol", Is("\"HTTP1\"")),
    ("core/v1.ObjectFieldSelector", "apiVersion", Is("\"v1\"")),
    ("core/v1.NodeSelectorRequirement", "values", Elements(Set)),
    ("core/v1.NodeSelectorTerm", "matchExpressions", Elements(Set)),
    ("core/v1.NodeSelectorTerm", "matchFields", Elements(Set)),
    ("meta/v1.LabelSelectorRequirement", "values", Elements(Set)),
    ("meta/v1.LabelSelector", "matchExpressions", Elements(Set)),
    ("meta/v1.LabelSelector", "matchExpressions", Entry(of_label_keys)),
    (CONTAINER, "securityContext", When(only_app_armor)),
    (EPHEMERAL, "securityContext", When(only_app_armor)),
    ("core/v1.SecurityContext", "appArmorProfile", When(app_armor)),
];

pub(super) const VOLUMES: &[Line] = &[
    ("core/v1.Volume", "emptyDir", When(no_volume_source)),
    ("core/v1.SecretVolumeSource", "defaultMode", Is("420")),
    ("core/v1.ConfigMapVolumeSource", "defaultMode", Is("420")),
    ("core/v1.DownwardAPIVolumeSource", "defaultMode", Is("420")),
    ("core/v1.ProjectedVolumeSource", "defaultMode", Is("420")),
    ("core/v1.ServiceAccountTokenProjection", "expirationSeconds", Is("3600")),
    ("core/v1.HostPathVolumeSource", "type", Is("\"\"")),
    ("core/v1.ImageVolumeSource", "pullPolicy", When(pull_policy)),
];

fn in_pod(place: &Place<'_>) -> bool {
    place.in_pod()
}

/// The default service account is `default`. The deprecated field sets the new one.
fn service_account(place: &Place<'_>) -> bool {
    if place.wrote_beside("serviceAccount") {
        return place.same_as("serviceAccount");
    }
    place.in_pod() && place.text() == "default"
}

fn runtime_class<'a>(place: &Place<'a>) -> &'a str {
    place.root.at(&["spec", "runtimeClassName"]).and_then(Value::as_str).unwrap_or("")
}

/// Admission plugins add tolerations of five minutes for unreachable nodes.
fn toleration_of_admission(place: &Place<'_>) -> bool {
    let key = place.text_in("key");
    let lost = matches!(key, "node.kubernetes.io/not-ready" | "node.kubernetes.io/unreachable");
    if lost {
        return place.in_pod()
            && place.text_in("operator") == "Exists"
            && place.text_in("effect") == "NoExecute";
    }
    // A runtime class may add tolerations.
    place.in_pod() && !runtime_class(place).is_empty()
}

fn volume_of_admission(place: &Place<'_>) -> bool {
    let projected = place.stored.and_then(|volume| volume.get("projected"));
    place.in_pod() && projected.is_some() && place.text_in("name").starts_with("kube-api-access-")
}

fn mount_of_admission(place: &Place<'_>) -> bool {
    place.in_pod()
        && place.text_in("mountPath") == "/var/run/secrets/kubernetes.io/serviceaccount"
        && place.text_in("name").starts_with("kube-api-access-")
}

/// `Always` for the tag `latest` or without tag and digest. The server sets it with the first image
/// and keeps it when only the image changes, so the image in the file counts too.
fn pull_policy(place: &Place<'_>) -> bool {
    // An image volume has a `reference`.
    let images = [place.holder, place.written_holder].map(|holder| {
        let image = holder.and_then(|holder| holder.get("image").or(holder.get("reference")));
        image.and_then(Value::as_str).unwrap_or("")
    });
    let default = |image| if image::is_latest(image) { "Always" } else { "IfNotPresent" };
    images.iter().any(|image| place.text() == default(image))
}

/// The terms of a pod get an expression for each label key, with the pod's own value.
fn of_label_keys(place: &Place<'_>) -> bool {
    let term = place.holder.and_then(Value::parent);
    let mut keys = ["matchLabelKeys", "mismatchLabelKeys"]
        .into_iter()
        .filter_map(|list| term?.get(list))
        .flat_map(Value::items);
    place.in_pod() && keys.any(|key| key.as_str() == Some(place.text_in("key")))
}

fn only_app_armor(place: &Place<'_>) -> bool {
    let Some(context) = place.stored else { return false };
    let only = context.entries().all(|(key, _)| key == "appArmorProfile");
    only && is_annotated(place, context.get("appArmorProfile"), place.holder)
}

fn app_armor(place: &Place<'_>) -> bool {
    is_annotated(place, place.stored, place.holder.and_then(Value::parent))
}

/// AppArmor profiles in annotations, the form before 1.30, are copied to fields.
fn is_annotated(
    place: &Place<'_>,
    profile: Option<Value<'_>>,
    container: Option<Value<'_>>,
) -> bool {
    let text = |field| profile.and_then(|profile| profile.str(field)).unwrap_or("");
    let expect = match text("type") {
        "RuntimeDefault" => "runtime/default".to_owned(),
        "Unconfined" => "unconfined".to_owned(),
        _ => format!("localhost/{}", text("localhostProfile")),
    };
    let name = container.and_then(|container| container.str("name")).unwrap_or("");
    let key = format!("container.apparmor.security.beta.kubernetes.io/{name}");
    let annotation = place.root.at(&["metadata", "annotations", &key]).and_then(Value::as_str);
    place.in_pod() && annotation == Some(&expect)
}

fn resize_policy(place: &Place<'_>) -> bool {
    place.text_in("restartPolicy") == "NotRequired"
}

/// On the host network, every container port is also a host port.
fn host_port(place: &Place<'_>) -> bool {
    // The list of ports, the container, the list of containers, the pod.
    let pod = place.holder.and_then(|port| port.parent()?.parent()?.parent()?.parent());
    let on_node = pod.and_then(|pod| pod.bool("hostNetwork")) == Some(true);
    on_node && place.same_as("containerPort")
}

/// The default request of a container is its limit.
fn request_of_limit(place: &Place<'_>) -> bool {
    let limit = place.beside("limits").and_then(|limits| limits.get(place.key()));
    limit.is_some() && limit == place.stored
}

/// The LimitRanger admission plugin records what it set in an annotation:
/// `cpu request for container web`.
fn limit_ranger(place: &Place<'_>) -> bool {
    let note = place.root.at(&["metadata", "annotations", "kubernetes.io/limit-ranger"]);
    let Some(note) = note.and_then(Value::as_str) else { return false };
    // The key of the map distinguishes requests from limits. Above it are the resources and the
    // container.
    let list = place.stored.and_then(Value::parent);
    let what = if list.and_then(Value::key) == Some("limits") { "limit" } else { "request" };
    let container = place.holder.and_then(|resources| resources.parent()?.str("name"));
    let end = format!(" {what} for container {}", container.unwrap_or(""));
    let init = format!(" {what} for init container {}", container.unwrap_or(""));
    let Some((_, set)) = note.split_once("LimitRanger plugin set: ") else { return false };
    set.split("; ").any(|part| {
        let keys = part.strip_suffix(&end).or_else(|| part.strip_suffix(&init));
        keys.is_some_and(|keys| keys.split(", ").any(|key| key == place.key()))
    })
}

/// A volume without a source is an `emptyDir`.
fn no_volume_source(place: &Place<'_>) -> bool {
    let empty = place.stored.is_some_and(|source| source.entries().next().is_none());
    let volume = place.written_holder;
    empty
        && volume
            .is_some_and(|volume| volume.entries().all(|(key, v)| key == "name" || v.is_null()))
}
