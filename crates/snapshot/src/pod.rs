//! Uniform access to the pod specifications of all workload kinds.

use pavisade_yaml::{Kind, NodeId, Value};

use crate::Object;
use crate::install::holds_objects;
use crate::selector::Label;

/// The positions of a pod's parts in an object's document.
#[derive(Debug, Clone)]
pub(crate) struct Nodes {
    /// The pod or pod template, which contains `metadata` and `spec`.
    template: NodeId,
    spec: NodeId,
}

/// Returns the path from an object to its pod template, for built-in kinds and for OpenShift's
/// DeploymentConfig, whose containers may have no image.
pub(crate) fn template_path(group: &str, kind: &str) -> Option<&'static [&'static str]> {
    Some(match (group, kind) {
        ("", "Pod") => &[],
        ("", "PodTemplate") => &["template"],
        ("", "ReplicationController")
        | ("apps" | "extensions", "Deployment" | "DaemonSet" | "ReplicaSet" | "StatefulSet")
        | ("batch" | "extensions", "Job") => &["spec", "template"],
        ("apps.openshift.io" | "", "DeploymentConfig") => &["spec", "template"],
        ("batch", "CronJob") => &["spec", "jobTemplate", "spec", "template"],
        _ => return None,
    })
}

/// Whether a group belongs to Kubernetes. Its other kinds contain no pods.
fn is_builtin(group: &str) -> bool {
    group.is_empty()
        || !group.contains('.')
        || group.ends_with(".k8s.io") && !group.ends_with(".x-k8s.io")
}

pub(crate) fn find(value: Value<'_>, group: &str, kind: &str) -> Box<[Nodes]> {
    if let Some(path) = template_path(group, kind) {
        let nodes = value.at(path).and_then(|template| {
            let spec = template.get("spec").filter(|s| s.kind() == Kind::Mapping)?;
            Some(Nodes { template: template.id(), spec: spec.id() })
        });
        return nodes.into_iter().collect();
    }
    // Objects that embed whole objects do not create pods themselves.
    if is_builtin(group) || holds_objects(group, kind) {
        return Box::default();
    }
    // A custom resource embeds a pod template if a `spec` below its own contains a list
    // `containers` of maps with images: Argo Rollouts, Knative Services, training jobs. Its own
    // `spec` does not count: in a Prometheus, `containers` are merged into a pod of the operator.
    let specs = value.descendants().filter(|v| v.key() == Some("containers")).filter_map(|list| {
        let looks_right = |c: Value<'_>| c.kind() == Kind::Mapping && c.get("image").is_some();
        if list.kind() != Kind::Sequence || !list.items().any(looks_right) {
            return None;
        }
        let spec = list.parent().filter(|s| s.key() == Some("spec"))?;
        let template = spec.parent().filter(|template| template.id() != value.id())?;
        Some(Nodes { template: template.id(), spec: spec.id() })
    });
    specs.collect()
}

/// The kind of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContainerKind {
    /// Runs to completion before the main containers start.
    Init,
    /// An init container with `restartPolicy: Always`, which runs alongside the main containers.
    Sidecar,
    /// A main container.
    Main,
    /// Added to a running pod by `kubectl debug`.
    Ephemeral,
}

/// The pod specified by an object.
#[derive(Debug, Clone, Copy)]
pub struct Pod<'a> {
    object: &'a Object,
    template: Value<'a>,
    spec: Value<'a>,
}

impl<'a> Pod<'a> {
    pub(crate) fn new(object: &'a Object, nodes: &Nodes) -> Option<Self> {
        let doc = object.doc();
        Some(Self { object, template: doc.value(nodes.template)?, spec: doc.value(nodes.spec)? })
    }

    /// Returns the object that creates it: a Pod or a workload.
    pub fn object(self) -> &'a Object {
        self.object
    }

    /// Returns the `spec` of the pod.
    pub fn spec(self) -> Value<'a> {
        self.spec
    }

    /// Returns the `metadata` of the pod or template.
    pub fn metadata(self) -> Option<Value<'a>> {
        self.template.get("metadata")
    }

    /// Returns a field of the pod's `spec`.
    pub fn at(self, path: &[&str]) -> Option<Value<'a>> {
        self.spec.at(path)
    }

    /// Returns the labels of the pod.
    pub fn labels(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let labels = self.metadata().and_then(|m| m.get("labels"));
        labels.into_iter().flat_map(Value::entries).filter_map(|(k, v)| Some((k, v.as_str()?)))
    }

    /// Returns a label that the pods will have: of the template, or one that the workload's
    /// controller adds.
    pub fn label(self, key: &str) -> Label<'a> {
        match self.labels().find(|(own, _)| *own == key) {
            Some((_, value)) => Label::Is(value),
            None => self.added_label(key),
        }
    }

    /// Returns how the workload's controller sets a label that the template does not have.
    pub fn added_label(self, key: &str) -> Label<'a> {
        let object = self.object();
        let names_job = ["job-name", "batch.kubernetes.io/job-name"].contains(&key);
        match self.added_labels() {
            _ if names_job && object.kind() == "Job" && is_batch(object) => {
                Label::Is(object.name())
            }
            Some(keys) if !keys.contains(&key) => Label::Absent,
            _ => Label::Unknown,
        }
    }

    /// Returns the labels that the workload's controller adds. `None` if they may be any.
    pub fn added_labels(self) -> Option<&'static [&'static str]> {
        let object = self.object();
        Some(match (object.group(), object.kind()) {
            (_, "Job" | "CronJob") if is_batch(object) => &[
                "job-name",
                "batch.kubernetes.io/job-name",
                "controller-uid",
                "batch.kubernetes.io/controller-uid",
                "batch.kubernetes.io/job-completion-index",
            ],
            ("apps" | "extensions", "Deployment" | "ReplicaSet") => &["pod-template-hash"],
            ("apps" | "extensions", "DaemonSet") => {
                &["controller-revision-hash", "pod-template-generation"]
            }
            ("apps", "StatefulSet") => &[
                "controller-revision-hash",
                "statefulset.kubernetes.io/pod-name",
                "apps.kubernetes.io/pod-index",
            ],
            ("", _) => &[],
            // The labels set by the operator of a custom resource are not known.
            _ => return None,
        })
    }

    /// Returns the value of an annotation of the pod.
    pub fn annotation(self, key: &str) -> Option<Value<'a>> {
        self.metadata()?.at(&["annotations", key])
    }

    /// Returns the annotations of the pod.
    pub fn annotations(self) -> impl Iterator<Item = (&'a str, Value<'a>)> {
        self.metadata().and_then(|m| m.get("annotations")).into_iter().flat_map(Value::entries)
    }

    /// Returns all containers: init, main, then ephemeral ones.
    pub fn containers(self) -> impl Iterator<Item = Container<'a>> {
        const LISTS: [(&str, ContainerKind); 3] = [
            ("initContainers", ContainerKind::Init),
            ("containers", ContainerKind::Main),
            ("ephemeralContainers", ContainerKind::Ephemeral),
        ];
        LISTS.into_iter().flat_map(move |(list, kind)| {
            let items = self.spec.list(list).filter(|c| c.kind() == Kind::Mapping);
            items.map(move |value| {
                let sidecar =
                    kind == ContainerKind::Init && value.str("restartPolicy") == Some("Always");
                let kind = if sidecar { ContainerKind::Sidecar } else { kind };
                Container { pod: self, value, kind }
            })
        })
    }

    /// Returns the volumes.
    pub fn volumes(self) -> impl Iterator<Item = Value<'a>> {
        self.spec.list("volumes")
    }

    /// Whether it is a Windows pod (`spec.os.name`).
    pub fn is_windows(self) -> bool {
        self.at(&["os", "name"]).and_then(Value::as_str) == Some("windows")
    }

    /// Returns the name of its ServiceAccount. The default is `default`.
    pub fn service_account(self) -> &'a str {
        let named = |field| self.spec.str(field).filter(|name| !name.is_empty());
        named("serviceAccountName").or_else(|| named("serviceAccount")).unwrap_or("default")
    }
}

fn is_batch(object: &Object) -> bool {
    ["batch", "extensions"].contains(&object.group())
}

/// A container of a pod.
#[derive(Debug, Clone, Copy)]
pub struct Container<'a> {
    pod: Pod<'a>,
    value: Value<'a>,
    kind: ContainerKind,
}

impl<'a> Container<'a> {
    /// Returns the pod that contains it.
    pub fn pod(self) -> Pod<'a> {
        self.pod
    }

    /// Returns the value of the container.
    pub fn value(self) -> Value<'a> {
        self.value
    }

    /// Returns the kind of the container.
    pub fn kind(self) -> ContainerKind {
        self.kind
    }

    /// Returns the name. Empty if not set.
    pub fn name(self) -> &'a str {
        self.value.str("name").unwrap_or("")
    }

    /// Returns the image. Empty if not set.
    pub fn image(self) -> &'a str {
        self.value.str("image").unwrap_or("")
    }

    /// Returns a field of the container.
    pub fn at(self, path: &[&str]) -> Option<Value<'a>> {
        self.value.at(path)
    }

    /// Returns a field of its own `securityContext`, unless it is null.
    pub fn security(self, path: &[&str]) -> Option<Value<'a>> {
        self.value.get("securityContext")?.at(path).filter(|v| !v.is_null())
    }

    /// Returns a field of its `securityContext`, or that of the pod if the container does not set
    /// it.
    pub fn effective_security(self, path: &[&str]) -> Option<Value<'a>> {
        self.security(path)
            .or_else(|| self.pod.at(&["securityContext"])?.at(path).filter(|v| !v.is_null()))
    }
}
