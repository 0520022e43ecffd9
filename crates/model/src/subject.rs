//! What findings are about.

use std::sync::Arc;

/// What a finding is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// An API object, or a configuration file that has a kind.
    Object {
        /// API group; empty for the core group.
        group: Arc<str>,
        /// Kind.
        kind: Arc<str>,
        /// Namespace; empty where none is given.
        namespace: Arc<str>,
        /// Name; may be empty in a configuration file.
        name: Arc<str>,
        /// One container of it.
        container: Option<Arc<str>>,
    },
    /// A whole world: a cluster, or what stands for one.
    World {
        /// The world's name.
        name: Arc<str>,
    },
    /// What is known of a cluster beside its objects: its version, its certificates, what it answers
    /// to requests without credentials.
    Cluster {
        /// As users name the cluster.
        name: Arc<str>,
    },
    /// A container image.
    Image {
        /// As users name it: a reference, or the file that it was read from.
        name: Arc<str>,
        /// The digest of its manifest: `sha256:…`.
        digest: Arc<str>,
    },
    /// A package at a version, in an image or an artifact.
    Package {
        /// What holds it.
        holder: Arc<Self>,
        /// Its name, as its ecosystem writes it.
        name: Arc<str>,
        /// Its version; empty where none is known.
        version: Arc<str>,
        /// Its package URL; empty where it has none.
        purl: Arc<str>,
    },
    /// A file in an image or an artifact.
    File {
        /// What holds it.
        holder: Arc<Self>,
        /// Its path, without a leading slash.
        path: Arc<str>,
    },
    /// What was given as a whole and is neither a world nor an image: a folder of sources, an SBOM.
    Artifact {
        /// As users name it.
        name: Arc<str>,
    },
}

impl Subject {
    /// Kind and name in one: `Deployment shop/web`, `openssl 3.0.11-1 in shop/web:1.2`.
    pub fn label(&self) -> String {
        match self {
            Self::World { name } | Self::Image { name, .. } | Self::Artifact { name } => {
                name.to_string()
            }
            Self::Cluster { name } => format!("Cluster {name}"),
            Self::Object { kind, namespace, name, .. } => match (&**namespace, &**name) {
                (_, "") => kind.to_string(),
                ("", name) => format!("{kind} {name}"),
                (namespace, name) => format!("{kind} {namespace}/{name}"),
            },
            Self::Package { holder, .. } | Self::File { holder, .. } => {
                format!("{} in {}", self.name(), holder.label())
            }
        }
    }

    /// Its own name, without what it belongs to.
    pub fn name(&self) -> String {
        match self {
            Self::World { name }
            | Self::Cluster { name }
            | Self::Image { name, .. }
            | Self::Artifact { name }
            | Self::Object { name, .. } => name.to_string(),
            Self::Package { name, version, .. } if version.is_empty() => name.to_string(),
            Self::Package { name, version, .. } => format!("{name} {version}"),
            Self::File { path, .. } => path.to_string(),
        }
    }

    /// The container it is about, if one.
    pub fn container(&self) -> Option<&str> {
        match self {
            Self::Object { container, .. } => container.as_deref(),
            _ => None,
        }
    }

    /// The namespace that it is in; empty where there is none.
    pub fn namespace(&self) -> &str {
        match self {
            Self::Object { namespace, .. } => namespace,
            _ => "",
        }
    }

    /// What holds it, or itself.
    pub fn whole(&self) -> &Self {
        match self {
            Self::Package { holder, .. } | Self::File { holder, .. } => holder.whole(),
            _ => self,
        }
    }

    /// The word for what it is.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Object { .. } => "object",
            Self::World { .. } => "world",
            Self::Cluster { .. } => "cluster",
            Self::Image { .. } => "image",
            Self::Package { .. } => "package",
            Self::File { .. } => "file",
            Self::Artifact { .. } => "artifact",
        }
    }
}

/// The repository of an image's reference: without tag and digest.
pub fn repository(reference: &str) -> &str {
    let name = reference.split_once('@').map_or(reference, |(name, _)| name);
    // A port is no tag.
    let last = name.rfind('/').map_or(0, |at| at + 1);
    name[last..].find(':').map_or(name, |at| &name[..last + at])
}
