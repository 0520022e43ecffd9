//! Objects.

use std::fmt;
use std::sync::Arc;

use pavisade_model::{GroupKind, Subject, kinds};
use pavisade_yaml::{Doc, NodeId, Value};

use crate::patch;
use crate::pod::{self, Pod};

/// The label of a configuration file with the node that it was read from.
const FROM_NODE: &str = "pavisade.dev/from-node";

/// The identity of an object within its world. The API version is not part of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId {
    /// The API group. Empty for the core group.
    pub group: Arc<str>,
    /// The kind.
    pub kind: Arc<str>,
    /// The namespace. Empty if none is given.
    pub namespace: Arc<str>,
    /// The name. May be empty in a configuration file.
    pub name: Arc<str>,
}

/// Text in an object's file that the cluster ignores.
#[derive(Debug, Clone)]
pub struct Unseen {
    /// The byte range in the source.
    pub span: (u32, u32),
    /// A description of what happens to it.
    pub message: String,
}

/// An API object, or a file represented like one (`KubeletConfiguration`, the facts of a
/// Dockerfile).
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
    /// Creates an object from `value`. Its `apiVersion` and `kind` may come from an enclosing list.
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

    /// Adds notes on text that the cluster ignores.
    pub fn with_unseen(self, unseen: Vec<Unseen>) -> Self {
        Self { unseen: unseen.into(), ..self }
    }

    /// Returns the identity.
    pub fn id(&self) -> &ObjectId {
        &self.id
    }

    /// Returns the API group. Empty for the core group.
    pub fn group(&self) -> &str {
        &self.id.group
    }

    /// Returns the API version without the group.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Returns the kind.
    pub fn kind(&self) -> &str {
        &self.id.kind
    }

    /// Returns the namespace. Empty if none is given.
    pub fn namespace(&self) -> &str {
        &self.id.namespace
    }

    /// Returns the name. May be empty in a configuration file.
    pub fn name(&self) -> &str {
        &self.id.name
    }

    /// Whether it is of that kind, in any version.
    pub fn is(&self, kind: GroupKind) -> bool {
        kind.is(self.group(), self.kind())
    }

    /// Returns the root value of the object.
    pub fn value(&self) -> Value<'_> {
        // The node is from this document.
        self.doc.value(self.node).unwrap_or_else(|| self.doc.root())
    }

    /// Returns the field at a path.
    pub fn at(&self, path: &[&str]) -> Option<Value<'_>> {
        self.value().at(path)
    }

    /// Returns the value of a label of the object.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.at(&["metadata", "labels", key])?.as_str()
    }

    /// Returns the value of an annotation of the object.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.at(&["metadata", "annotations", key])?.as_str()
    }

    /// Whether it is the mirror pod of a static pod. The annotation alone proves nothing, since
    /// anyone can set it. But the kubelet also makes its node the owner, does not run such pods
    /// from the API server, and deletes those that it did not create.
    pub fn is_mirror_pod(&self) -> bool {
        let owners = self.at(&["metadata", "ownerReferences"]).into_iter().flat_map(Value::items);
        let mut owners = owners.filter(|owner| owner.bool("controller") == Some(true));
        self.is(kinds::POD)
            && self.annotation("kubernetes.io/config.mirror").is_some()
            && owners.any(|o| o.str("kind") == Some("Node") && o.str("apiVersion") == Some("v1"))
    }

    /// Whether it is a configuration file or a Pavisade kind, which no API server stores.
    pub fn is_file(&self) -> bool {
        self.name().is_empty()
            || self.group().ends_with(".config.k8s.io")
            || matches!(
                self.group(),
                "pavisade.dev" | "kubeadm.k8s.io" | "audit.k8s.io" | "eksctl.io"
            )
            || self.group().is_empty() && matches!(self.kind(), "Config" | "EncryptionConfig")
    }

    /// Returns the document that contains it.
    pub fn doc(&self) -> &Doc {
        &self.doc
    }

    /// Returns the pods that it creates: none, one, or several for custom resources with several
    /// templates.
    pub fn pods(&self) -> impl Iterator<Item = Pod<'_>> {
        self.pods.iter().filter_map(|nodes| Pod::new(self, nodes))
    }

    /// Whether it creates pods.
    pub fn has_pods(&self) -> bool {
        !self.pods.is_empty()
    }

    /// Whether it is of a kind whose objects create pods, regardless of its content.
    pub fn is_workload(&self) -> bool {
        pod::template_path(self.group(), self.kind()).is_some()
    }

    /// Whether it is a patch: a file that contains only the changed part of an object.
    pub fn is_patch(&self) -> bool {
        self.patch
    }

    /// Returns the text in its file that the cluster ignores.
    pub fn unseen(&self) -> &[Unseen] {
        &self.unseen
    }

    /// Returns the object as the subject of a finding.
    pub fn subject(&self, container: Option<&str>) -> Subject {
        let ObjectId { group, kind, namespace, name } = self.id.clone();
        // This object stores the facts about a cluster.
        if self.is(kinds::CLUSTER) {
            return Subject::Cluster { name };
        }
        Subject::Object { group, kind, namespace, name, container: container.map(Arc::from) }
    }

    /// Whether Pavisade read it from a node, a container, a database of etcd or audit logs, or learned
    /// it with probes: it belongs to a cluster, but is not in its API.
    pub fn is_from_node(&self) -> bool {
        let facts = [
            kinds::NODE_FACTS,
            kinds::ETCD_FACTS,
            kinds::USAGE_FACTS,
            kinds::PROBE_FACTS,
            kinds::INTEGRITY_FACTS,
            kinds::CONTAINER_FACTS,
        ];
        facts.into_iter().any(|kind| self.is(kind))
            || self.at(&["metadata", "labels", FROM_NODE]).is_some()
    }

    /// Returns the node that a configuration file was read from, if from one.
    pub fn from_node(&self) -> Option<&str> {
        let label = self.at(&["metadata", "labels", FROM_NODE])?;
        Some(label.as_str().unwrap_or_default())
    }

    /// Whether two objects have the same version and content.
    pub fn same_content(&self, other: &Self) -> bool {
        self.version == other.version && self.value() == other.value()
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} {}/{}", self.group(), self.kind(), self.namespace(), self.name())
    }
}
