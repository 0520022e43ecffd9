//! Every workload kind through one lens: a pod specification, wherever it stands.

use pavisade_yaml::{Kind, NodeId, Value};

use crate::Object;
use crate::install::holds_objects;

/// Where a pod's parts stand in an object's document.
#[derive(Debug, Clone)]
pub(crate) struct Nodes {
    /// Pod or pod template: holds `metadata` and `spec`.
    template: NodeId,
    spec: NodeId,
}

/// Paths from an object to its pod template, for the kinds of Kubernetes itself and for OpenShift's
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

/// Groups that belong to Kubernetes: their other kinds hold no pods.
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
    // What holds whole objects makes no pods itself.
    if is_builtin(group) || holds_objects(group, kind) {
        return Box::default();
    }
    // A custom resource embeds a pod template where some `spec` below its own holds a list
    // `containers` of maps with images: Argo Rollouts, Knative Services, training jobs. Its own
    // `spec` is none: a Prometheus has `containers` there that are merged into a pod of its operator.
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

/// What a container is in its pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContainerKind {
    /// Runs to its end before the others start.
    Init,
    /// An init container with `restartPolicy: Always`: runs beside the others.
    Sidecar,
    /// An ordinary one.
    Main,
    /// Added to a running pod by `kubectl debug`.
    Ephemeral,
}

/// A pod as an object specifies it.
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

    /// The object that makes it: a Pod, or a workload.
    pub fn object(self) -> &'a Object {
        self.object
    }

    /// `spec` of the pod.
    pub fn spec(self) -> Value<'a> {
        self.spec
    }

    /// `metadata` of the pod or template.
    pub fn metadata(self) -> Option<Value<'a>> {
        self.template.get("metadata")
    }

    /// A field of the pod's `spec`.
    pub fn at(self, path: &[&str]) -> Option<Value<'a>> {
        self.spec.at(path)
    }

    /// Labels of the pod.
    pub fn labels(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let labels = self.metadata().and_then(|m| m.get("labels"));
        labels.into_iter().flat_map(Value::entries).filter_map(|(k, v)| Some((k, v.as_str()?)))
    }

    /// The annotation of the pod with its place.
    pub fn annotation(self, key: &str) -> Option<Value<'a>> {
        self.metadata()?.at(&["annotations", key])
    }

    /// Annotations of the pod.
    pub fn annotations(self) -> impl Iterator<Item = (&'a str, Value<'a>)> {
        self.metadata().and_then(|m| m.get("annotations")).into_iter().flat_map(Value::entries)
    }

    /// All containers: init, main, then ephemeral ones.
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

    /// The volumes.
    pub fn volumes(self) -> impl Iterator<Item = Value<'a>> {
        self.spec.list("volumes")
    }

    /// Whether it is marked as a pod for Windows (`spec.os.name`).
    pub fn is_windows(self) -> bool {
        self.at(&["os", "name"]).and_then(Value::as_str) == Some("windows")
    }

    /// The ServiceAccount it runs as; `default` where none is named.
    pub fn service_account(self) -> &'a str {
        let named = |field| self.spec.str(field).filter(|name| !name.is_empty());
        named("serviceAccountName").or_else(|| named("serviceAccount")).unwrap_or("default")
    }
}

/// A container of a pod.
#[derive(Debug, Clone, Copy)]
pub struct Container<'a> {
    pod: Pod<'a>,
    value: Value<'a>,
    kind: ContainerKind,
}

impl<'a> Container<'a> {
    /// The pod around it.
    pub fn pod(self) -> Pod<'a> {
        self.pod
    }

    /// Its fields.
    pub fn value(self) -> Value<'a> {
        self.value
    }

    /// Init, sidecar, main or ephemeral.
    pub fn kind(self) -> ContainerKind {
        self.kind
    }

    /// Its name; empty where it has none.
    pub fn name(self) -> &'a str {
        self.value.str("name").unwrap_or("")
    }

    /// Its image; empty where it has none.
    pub fn image(self) -> &'a str {
        self.value.str("image").unwrap_or("")
    }

    /// A field of the container.
    pub fn at(self, path: &[&str]) -> Option<Value<'a>> {
        self.value.at(path)
    }

    /// A field of its own `securityContext`, null aside.
    pub fn security(self, path: &[&str]) -> Option<Value<'a>> {
        self.value.get("securityContext")?.at(path).filter(|v| !v.is_null())
    }

    /// A field of its `securityContext`, or of the pod's where the container does not set it.
    pub fn effective_security(self, path: &[&str]) -> Option<Value<'a>> {
        self.security(path)
            .or_else(|| self.pod.at(&["securityContext"])?.at(path).filter(|v| !v.is_null()))
    }
}
