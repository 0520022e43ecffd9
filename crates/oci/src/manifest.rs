//! The JSON documents of an image: index, manifest, configuration (OCI image specification 1.1,
//! Docker image manifest version 2). Fields that nothing asks for are passed over.

use std::collections::BTreeMap;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer};

use crate::{Digest, Platform, Refusal};

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

/// Reads a document.
///
/// # Errors
/// It is not JSON of that form.
pub(crate) fn parse<T: DeserializeOwned>(text: &[u8], what: &str) -> Result<T, Refusal> {
    let wrong = |error: serde_json::Error| Refusal::Document {
        what: what.to_owned(),
        error: error.to_string(),
    };
    serde_json::from_slice(text).map_err(wrong)
}

/// What a descriptor of an image may lead to.
pub(crate) enum Form {
    Index(Index),
    Manifest(Box<Manifest>),
}

impl Form {
    /// Tells the two by what they hold: media types are left out by some. What is both is refused,
    /// since programs would not agree on what it is (CVE-2021-41190).
    ///
    /// # Errors
    /// It is neither, or both.
    pub(crate) fn read(text: &[u8], what: &str) -> Result<Self, Refusal> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Shape {
            #[serde(default)]
            media_type: Option<String>,
            manifests: Option<IgnoredAny>,
            layers: Option<IgnoredAny>,
            config: Option<IgnoredAny>,
            fs_layers: Option<IgnoredAny>,
        }
        let wrong =
            |error: &str| Refusal::Document { what: what.to_owned(), error: error.to_owned() };
        let shape: Shape = parse(text, what)?;
        let is_manifest =
            shape.layers.is_some() || shape.config.is_some() || shape.fs_layers.is_some();
        let said = shape.media_type.unwrap_or_default();
        let says_index = said.contains(".index.") || said.contains(".manifest.list.");
        let says_manifest = said.contains(".manifest.v");
        if shape.manifests.is_some() {
            if is_manifest || says_manifest {
                return Err(wrong("it is both an index and a manifest"));
            }
            return parse(text, what).map(Self::Index);
        }
        if says_index {
            return Err(wrong("it is a manifest that calls itself an index"));
        }
        if shape.fs_layers.is_some() {
            return Err(wrong(
                "it is a manifest of version 1, which has no digests of its layers' content",
            ));
        }
        parse(text, what).map(Self::Manifest)
    }
}

/// Several images, one for each machine.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Index {
    /// What there is.
    pub manifests: Vec<Descriptor>,
}

/// One image.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// What it is where it is no image.
    #[serde(default)]
    pub artifact_type: Option<String>,
    /// Its configuration.
    pub config: Descriptor,
    /// Its layers, the lowest first.
    pub layers: Vec<Descriptor>,
    /// What it is about, where it is attached to an image.
    #[serde(default)]
    pub subject: Option<Subject>,
}

/// What a manifest is attached to.
#[derive(Debug, Clone, Deserialize)]
pub struct Subject {
    /// Its digest.
    pub digest: Digest,
}

impl Manifest {
    /// What it is where it is not a container image: charts, signatures and others are kept in the
    /// same form.
    pub(crate) fn artifact(&self) -> Option<&str> {
        const CONFIGURATIONS: [&str; 4] = [
            "application/vnd.oci.image.config.v1+json",
            "application/vnd.docker.container.image.v1+json",
            "application/octet-stream",
            "",
        ];
        let kind = self.artifact_type.as_deref().filter(|kind| !kind.is_empty());
        let config = &*self.config.media_type;
        kind.or_else(|| (!CONFIGURATIONS.contains(&config)).then_some(config))
    }
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
    /// `v7`, `v8`; `None` where there is none.
    #[serde(default)]
    pub variant: Option<String>,
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
    #[serde(deserialize_with = "lenient")]
    pub user: String,
    /// `NAME=VALUE`.
    #[serde(deserialize_with = "lenient")]
    pub env: Option<Vec<String>>,
    /// The program.
    #[serde(deserialize_with = "lenient")]
    pub entrypoint: Option<Vec<String>>,
    /// Its arguments.
    #[serde(deserialize_with = "lenient")]
    pub cmd: Option<Vec<String>>,
    /// The folder that it starts in.
    #[serde(deserialize_with = "lenient")]
    pub working_dir: String,
    /// `80/tcp`.
    #[serde(deserialize_with = "lenient")]
    pub exposed_ports: Option<BTreeMap<String, serde_json::Value>>,
    /// Free text by key.
    #[serde(deserialize_with = "lenient")]
    pub labels: Option<BTreeMap<String, String>>,
}

/// A value of the wrong type is none: nothing that packages are found by depends on it.
fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(
    from: D,
) -> Result<T, D::Error> {
    let value = serde_json::Value::deserialize(from)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
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
    /// The instruction that made each of the layers; steps without a layer are not counted. Where
    /// the history does not fit the layers, nothing is known.
    pub fn instructions(&self) -> Vec<Option<&str>> {
        let count = self.rootfs.diff_ids.len();
        let steps = self.history.iter().flatten().filter(|step| !step.empty_layer);
        let said: Vec<_> = steps.map(|step| step.created_by.as_deref()).collect();
        if said.len() == count { said } else { vec![None; count] }
    }

    /// The machine that it is for.
    pub fn platform(&self) -> Platform {
        Platform {
            os: self.os.clone(),
            architecture: self.architecture.clone(),
            variant: self.variant.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_a_container_is_started_refuses_no_image() {
        let text = br#"{"os": "linux", "config": {"User": 0, "Env": "A=b", "Cmd": ["x"],
            "Labels": {"a": "b"}, "ExposedPorts": []}}"#;
        let read: Configuration = parse(text, "a").unwrap();
        let start = read.config.unwrap();
        assert_eq!((&*start.user, start.env, start.cmd), ("", None, Some(vec!["x".to_owned()])));
        assert_eq!(start.labels.unwrap()["a"], "b");
    }
}
