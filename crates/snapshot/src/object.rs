//! One object and what is known of it.

use std::fmt;
use std::sync::Arc;

use pavisade_model::{GroupKind, Subject, kinds};
use pavisade_yaml::{Doc, NodeId, Value};

use crate::patch;
use crate::pod::{self, Pod};

/// What an object is called within its world; the API version is not part of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId {
    /// API group; empty for the core group.
    pub group: Arc<str>,
    /// Kind.
    pub kind: Arc<str>,
    /// Namespace; empty where none is given.
    pub namespace: Arc<str>,
    /// Name; may be empty in a configuration file.
    pub name: Arc<str>,
}

/// Text in an object's file that a reader sees and the cluster does not.
#[derive(Debug, Clone)]
pub struct Unseen {
    /// Bytes in the source.
    pub span: (u32, u32),
    /// What happens to it.
    pub message: String,
}

/// An API object, or a file that has the form of one (`KubeletConfiguration`, a Dockerfile's
/// facts).
#[derive(Clone)]
pub struct Object {
    id: ObjectId,
    version: Arc<str>,
    doc: Doc,
    node: NodeId,
    pods: Box<[pod::Nodes]>,
    patch: bool,
    unseen: Arc<[Unseen]>,
}

impl Object {
    /// An object at `value`, whose `apiVersion` and `kind` may come from a list around it.
    pub fn new(value: Value<'_>, api_version: &str, kind: &str) -> Self {
        let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
        let text = |field: &str| value.at(&["metadata", field]).and_then(Value::scalar_text);
        let id = ObjectId {
            group: group.into(),
            kind: kind.into(),
            namespace: text("namespace").unwrap_or_default().into(),
            name: text("name").or_else(|| text("generateName")).unwrap_or_default().into(),
        };
        let pods = pod::find(value, group, kind);
        let object = Self {
            id,
            version: version.into(),
            doc: value.doc().clone(),
            node: value.id(),
            pods,
            patch: false,
            unseen: Arc::default(),
        };
        Self { patch: patch::is_patch(&object), ..object }
    }

    /// The same with notes on text that the cluster will not see.
    pub fn with_unseen(self, unseen: Vec<Unseen>) -> Self {
        Self { unseen: unseen.into(), ..self }
    }

    /// What it is called.
    pub fn id(&self) -> &ObjectId {
        &self.id
    }

    /// API group; empty for the core group.
    pub fn group(&self) -> &str {
        &self.id.group
    }

    /// API version without the group.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Kind.
    pub fn kind(&self) -> &str {
        &self.id.kind
    }

    /// Namespace; empty where none is given.
    pub fn namespace(&self) -> &str {
        &self.id.namespace
    }

    /// Name; may be empty in a configuration file.
    pub fn name(&self) -> &str {
        &self.id.name
    }

    /// Whether it is of that kind, in any version.
    pub fn is(&self, kind: GroupKind) -> bool {
        kind.is(self.group(), self.kind())
    }

    /// Its fields.
    pub fn value(&self) -> Value<'_> {
        // The node was taken from this very document.
        self.doc.value(self.node).unwrap_or_else(|| self.doc.root())
    }

    /// The field at a path.
    pub fn at(&self, path: &[&str]) -> Option<Value<'_>> {
        self.value().at(path)
    }

    /// The value of a label of the object itself.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.at(&["metadata", "labels", key])?.as_str()
    }

    /// The value of an annotation of the object itself.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.at(&["metadata", "annotations", key])?.as_str()
    }

    /// Whether it is a pod by which a kubelet shows one of its static pods. Anybody may write the
    /// annotation; the kubelet makes its node the owner too, runs no such pod that the API server
    /// sends it, and deletes what it did not make.
    pub fn is_mirror_pod(&self) -> bool {
        let owners = self.at(&["metadata", "ownerReferences"]).into_iter().flat_map(Value::items);
        let mut owners = owners.filter(|owner| owner.bool("controller") == Some(true));
        self.is(kinds::POD)
            && self.annotation("kubernetes.io/config.mirror").is_some()
            && owners.any(|o| o.str("kind") == Some("Node") && o.str("apiVersion") == Some("v1"))
    }

    /// Whether it is a configuration file or a kind of our own, which no API server stores.
    pub fn is_file(&self) -> bool {
        self.name().is_empty()
            || self.group().ends_with(".config.k8s.io")
            || matches!(
                self.group(),
                "pavisade.dev" | "kubeadm.k8s.io" | "audit.k8s.io" | "eksctl.io"
            )
            || self.group().is_empty() && matches!(self.kind(), "Config" | "EncryptionConfig")
    }

    /// The document that holds it.
    pub fn doc(&self) -> &Doc {
        &self.doc
    }

    /// The pods that it makes: none, one, or several in custom resources with several templates.
    pub fn pods(&self) -> impl Iterator<Item = Pod<'_>> {
        self.pods.iter().filter_map(|nodes| Pod::new(self, nodes))
    }

    /// Whether it makes pods.
    pub fn has_pods(&self) -> bool {
        !self.pods.is_empty()
    }

    /// Whether it is of a kind whose objects make pods, whatever is in this one.
    pub fn is_workload(&self) -> bool {
        pod::template_path(self.group(), self.kind()).is_some()
    }

    /// Whether a file holds only the part of it that it changes, to be merged into the rest.
    pub fn is_patch(&self) -> bool {
        self.patch
    }

    /// Text in its file that the cluster does not see.
    pub fn unseen(&self) -> &[Unseen] {
        &self.unseen
    }

    /// It as a finding's subject.
    pub fn subject(&self, container: Option<&str>) -> Subject {
        let ObjectId { group, kind, namespace, name } = self.id.clone();
        // It only holds facts.
        if self.is(kinds::CLUSTER) {
            return Subject::Cluster { name };
        }
        Subject::Object { group, kind, namespace, name, container: container.map(Arc::from) }
    }

    /// Whether two objects say the same.
    pub fn same_content(&self, other: &Self) -> bool {
        self.version == other.version && self.value() == other.value()
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} {}/{}", self.group(), self.kind(), self.namespace(), self.name())
    }
}
