//! Subjects of findings.

use std::sync::Arc;

/// The subject of a finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// An API object, or a configuration file that has a kind.
    Object {
        /// The API group. Empty for the core group.
        group: Arc<str>,
        /// The kind.
        kind: Arc<str>,
        /// The namespace. Empty if none is given.
        namespace: Arc<str>,
        /// The name. May be empty in a configuration file.
        name: Arc<str>,
        /// The container it is about, if any.
        container: Option<Arc<str>>,
    },
    /// A whole world: a cluster, or a set of files treated as one.
    World {
        /// The name of the world.
        name: Arc<str>,
    },
    /// Properties of a cluster other than its objects: its version, its certificates, its responses
    /// to unauthenticated requests.
    Cluster {
        /// The name of the cluster as shown to users.
        name: Arc<str>,
    },
    /// A container image.
    Image {
        /// The name as given by the user: a reference, or the file that it was read from.
        name: Arc<str>,
        /// The digest of the manifest: `sha256:…`.
        digest: Arc<str>,
    },
    /// A package at a version, in an image or an artifact.
    Package {
        /// The image or artifact that contains it.
        holder: Arc<Self>,
        /// The name in its ecosystem's notation.
        name: Arc<str>,
        /// The version. Empty if not known.
        version: Arc<str>,
        /// The package URL. Empty if it has none.
        purl: Arc<str>,
    },
    /// A file in an image or an artifact.
    File {
        /// The image or artifact that contains it.
        holder: Arc<Self>,
        /// The path, without a leading slash.
        path: Arc<str>,
    },
    /// Other input: a source directory, an SBOM.
    Artifact {
        /// The name as given by the user.
        name: Arc<str>,
    },
    /// A network endpoint, as seen by a client.
    Endpoint {
        /// What serves there, or is expected to: `kubelet`.
        component: Arc<str>,
        /// Host and port: `10.0.0.7:10250`.
        address: Arc<str>,
    },
}

impl Subject {
    /// Returns kind and name: `Deployment shop/web`, `openssl 3.0.11-1 in shop/web:1.2`.
    pub fn label(&self) -> String {
        match self {
            Self::World { name } | Self::Image { name, .. } | Self::Artifact { name } => {
                name.to_string()
            }
            Self::Cluster { name } => format!("Cluster {name}"),
            Self::Endpoint { component, address } => format!("{component} {address}"),
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

    /// Returns its own name, without that of its container or holder.
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
            Self::Endpoint { address, .. } => address.to_string(),
        }
    }

    /// Returns the container it is about, if any.
    pub fn container(&self) -> Option<&str> {
        match self {
            Self::Object { container, .. } => container.as_deref(),
            _ => None,
        }
    }

    /// Returns the namespace it is in, or an empty string.
    pub fn namespace(&self) -> &str {
        match self {
            Self::Object { namespace, .. } => namespace,
            _ => "",
        }
    }

    /// Returns the outermost holder, or itself.
    pub fn whole(&self) -> &Self {
        match self {
            Self::Package { holder, .. } | Self::File { holder, .. } => holder.whole(),
            _ => self,
        }
    }

    /// Returns the noun for the type of subject.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Object { .. } => "object",
            Self::World { .. } => "world",
            Self::Cluster { .. } => "cluster",
            Self::Image { .. } => "image",
            Self::Package { .. } => "package",
            Self::File { .. } => "file",
            Self::Artifact { .. } => "artifact",
            Self::Endpoint { .. } => "endpoint",
        }
    }
}

/// Returns the repository of an image reference, without tag and digest.
pub fn repository(reference: &str) -> &str {
    let name = reference.split_once('@').map_or(reference, |(name, _)| name);
    // A colon before the last slash introduces a port, not a tag.
    let last = name.rfind('/').map_or(0, |at| at + 1);
    name[last..].find(':').map_or(name, |at| &name[..last + at])
}
