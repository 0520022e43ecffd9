//! The JSON documents of an image: index, manifest, configuration (OCI image specification 1.1,
//! Docker image manifest version 2). Fields that nothing asks for are passed over.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::Digest;

/// Points at a blob.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What the blob is; empty where it is not said.
    #[serde(default)]
    pub media_type: String,
    /// Of the blob's bytes.
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
    /// Free text by key.
    #[serde(default)]
    pub annotations: Option<BTreeMap<String, String>>,
    /// For which machines it is, in an index.
    #[serde(default)]
    pub platform: Option<Platform>,
}

impl Descriptor {
    /// The value of an annotation.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.as_ref()?.get(key).map(String::as_str)
    }
}

/// A machine that an image is for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Platform {
    /// `linux`, `windows`.
    #[serde(default)]
    pub os: String,
    /// As Go names it: `amd64`, `arm64`.
    #[serde(default)]
    pub architecture: String,
    /// `v7`, `v8`; empty where there is none.
    #[serde(default)]
    pub variant: Option<String>,
}

/// Several images, one for each machine.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Index {
    /// What there is.
    pub manifests: Vec<Descriptor>,
}

/// One image.
#[derive(Debug, Clone, Deserialize)]
pub struct Manifest {
    /// Its configuration.
    pub config: Descriptor,
    /// Its layers, the lowest first.
    pub layers: Vec<Descriptor>,
}

/// The configuration of an image.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Configuration {
    /// As Go names it.
    #[serde(default)]
    pub architecture: String,
    /// The operating system.
    #[serde(default)]
    pub os: String,
    /// When it was made (RFC 3339).
    #[serde(default)]
    pub created: Option<String>,
    /// How a container is started.
    #[serde(default)]
    pub config: Option<Start>,
    /// The layers by the digest of their uncompressed bytes.
    #[serde(default)]
    pub rootfs: RootFs,
    /// How it was built.
    #[serde(default)]
    pub history: Option<Vec<Step>>,
}

/// Digests of uncompressed layers.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct RootFs {
    /// The lowest first.
    #[serde(default)]
    pub diff_ids: Vec<Digest>,
}

/// How a container of an image is started.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Start {
    /// The user; empty for root.
    pub user: String,
    /// `NAME=VALUE`.
    pub env: Option<Vec<String>>,
    /// The program.
    pub entrypoint: Option<Vec<String>>,
    /// Its arguments.
    pub cmd: Option<Vec<String>>,
    /// The folder that it starts in.
    pub working_dir: String,
    /// `80/tcp`.
    pub exposed_ports: Option<BTreeMap<String, serde_json::Value>>,
    /// Free text by key.
    pub labels: Option<BTreeMap<String, String>>,
}

/// One step of a build.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Step {
    /// The instruction.
    #[serde(default)]
    pub created_by: Option<String>,
    /// Whether it made no layer.
    #[serde(default)]
    pub empty_layer: bool,
}

impl Configuration {
    /// The instruction that made a layer, counted from 0; steps without a layer are not counted.
    pub fn instruction(&self, layer: usize) -> Option<&str> {
        let steps = self.history.as_ref()?.iter().filter(|step| !step.empty_layer);
        steps.into_iter().nth(layer)?.created_by.as_deref()
    }
}
