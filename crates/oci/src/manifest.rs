//! The JSON documents of an image: index, manifest and configuration (OCI image specification 1.1,
//! Docker image manifest version 2). Unused fields are ignored.

use std::collections::BTreeMap;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::document::{Document, parse};
use crate::{Digest, Platform, Refusal};

/// The fields of an index or a manifest.
const FIELDS: &[&str] = &[
    "mediaType",
    "artifactType",
    "manifests",
    "layers",
    "fsLayers",
    "config",
    "digest",
    "size",
    "annotations",
    "platform",
    "os",
    "architecture",
    "variant",
];

/// A reference to a blob.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// The media type; empty if not given.
    #[serde(default)]
    pub media_type: String,
    /// The digest of the blob.
    pub digest: Digest,
    /// The size of the blob in bytes.
    pub size: u64,
    /// Annotations: free text by key.
    #[serde(default)]
    pub annotations: Option<BTreeMap<String, String>>,
    /// The platform of an image in an index.
    #[serde(default)]
    pub platform: Option<Platform>,
}

impl Descriptor {
    /// Returns the value of an annotation.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.as_ref()?.get(key).map(String::as_str)
    }
}

/// The document that the descriptor of an image points to.
pub(crate) enum Form {
    Index(Index),
    Manifest(Box<Manifest>),
}

impl Form {
    /// Distinguishes the two by their fields, since some writers leave out media types. A document
    /// that is both is rejected because programs disagree on its meaning (CVE-2021-41190).
    ///
    /// # Errors
    /// The document is neither or both.
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
        impl Document for Shape {
            const FIELDS: &'static [&'static str] = FIELDS;
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

/// A list of images, one for each platform.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Index {
    /// The entries of the index.
    pub manifests: Vec<Descriptor>,
}

impl Document for Index {
    const FIELDS: &'static [&'static str] = FIELDS;
}

/// The manifest of one image.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// The artifact type, if this is not an image.
    #[serde(default)]
    pub artifact_type: Option<String>,
    /// The configuration.
    pub config: Descriptor,
    /// The layers, bottom first.
    pub layers: Vec<Descriptor>,
    /// The manifest that this one is attached to.
    #[serde(default)]
    pub subject: Option<Subject>,
}

/// The manifest that another one is attached to.
#[derive(Debug, Clone, Deserialize)]
pub struct Subject {
    /// Its digest.
    pub digest: Digest,
}

impl Document for Box<Manifest> {
    const FIELDS: &'static [&'static str] = FIELDS;
}

impl Manifest {
    /// Returns the artifact type if this is not a container image. Charts, signatures and others
    /// use the same manifest format.
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
    /// The architecture, as named by Go.
    #[serde(default)]
    pub architecture: String,
    /// The operating system.
    #[serde(default)]
    pub os: String,
    /// The CPU variant, such as `v7` or `v8`.
    #[serde(default)]
    pub variant: Option<String>,
    /// The creation time (RFC 3339).
    #[serde(default)]
    pub created: Option<String>,
    /// How to start a container.
    #[serde(default)]
    pub config: Option<Start>,
    /// The digests of the uncompressed layers.
    #[serde(default)]
    pub rootfs: RootFs,
    /// The build history.
    #[serde(default)]
    pub history: Option<Vec<Step>>,
}

impl Document for Configuration {
    const FIELDS: &'static [&'static str] = &[
        "architecture",
        "os",
        "variant",
        "created",
        "config",
        "rootfs",
        "diff_ids",
        "history",
        "created_by",
        "empty_layer",
        "User",
        "Env",
        "Entrypoint",
        "Cmd",
        "WorkingDir",
        "ExposedPorts",
        "Labels",
    ];
}

/// The digests of uncompressed layers.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct RootFs {
    /// The digests, bottom layer first.
    #[serde(default)]
    pub diff_ids: Vec<Digest>,
}

/// How to start a container of an image.
#[derive(Debug, Clone, Default)]
pub struct Start {
    /// The user; empty for root.
    pub user: String,
    /// Environment variables as `NAME=VALUE`.
    pub env: Option<Vec<String>>,
    /// The entrypoint.
    pub entrypoint: Option<Vec<String>>,
    /// The default arguments.
    pub cmd: Option<Vec<String>>,
    /// The working directory.
    pub working_dir: String,
    /// The exposed ports, such as `80/tcp`.
    pub exposed_ports: Option<BTreeMap<String, Value>>,
    /// Labels: free text by key.
    pub labels: Option<BTreeMap<String, String>>,
    /// The names of fields with a wrong type, whose values are unknown. Runtimes reject such an
    /// image, but packages can be found without these fields, so it is read.
    pub odd: Vec<String>,
}

impl<'de> Deserialize<'de> for Start {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut fields = Map::<String, Value>::deserialize(from)?;
        let mut odd = Vec::new();
        let (all, odd_fields) = (&mut fields, &mut odd);
        Ok(Self {
            user: taken(all, "User", odd_fields),
            env: taken(all, "Env", odd_fields),
            entrypoint: taken(all, "Entrypoint", odd_fields),
            cmd: taken(all, "Cmd", odd_fields),
            working_dir: taken(all, "WorkingDir", odd_fields),
            exposed_ports: taken(all, "ExposedPorts", odd_fields),
            labels: taken(all, "Labels", odd_fields),
            odd,
        })
    }
}

/// Takes a field; `null` counts as absent.
fn taken<T: DeserializeOwned + Default>(
    fields: &mut Map<String, Value>,
    name: &str,
    odd: &mut Vec<String>,
) -> T {
    let value = fields.remove(name).filter(|value| !value.is_null());
    let read = value.map(serde_json::from_value).transpose();
    read.unwrap_or_else(|_| {
        odd.push(name.to_owned());
        None
    })
    .unwrap_or_default()
}

/// One step of a build.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Step {
    /// The instruction.
    #[serde(default)]
    pub created_by: Option<String>,
    /// Whether the step created no layer.
    #[serde(default)]
    pub empty_layer: bool,
}

impl Configuration {
    /// Returns the instruction that created each layer. Steps without a layer are skipped. If the
    /// history does not match the layers, all are `None`.
    pub fn instructions(&self) -> Vec<Option<&str>> {
        let count = self.rootfs.diff_ids.len();
        let steps = self.history.iter().flatten().filter(|step| !step.empty_layer);
        let said: Vec<_> = steps.map(|step| step.created_by.as_deref()).collect();
        if said.len() == count { said } else { vec![None; count] }
    }

    /// Returns the platform of the image.
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
        assert_eq!(start.odd, ["User", "Env", "ExposedPorts"]);
        assert_eq!(start.labels.unwrap()["a"], "b");
    }

    #[test]
    fn what_is_null_or_absent_is_not_odd() {
        let text = br#"{"config": {"User": null, "Env": null, "Cmd": [], "Labels": null}}"#;
        let start = parse::<Configuration>(text, "a").unwrap().config.unwrap();
        assert_eq!((start.odd.len(), start.cmd), (0, Some(Vec::new())));
    }

    #[test]
    fn documents_that_programs_read_otherwise_are_refused() {
        let layer = format!(r#"{{"digest": "{}", "size": 1}}"#, Digest::of(b""));
        for (more, field) in [
            (r#""Layers": []"#, "layers"),
            (r#""MediaType": "x""#, "mediaType"),
            (r#""annotations": {"Layers": "x"}"#, ""),
        ] {
            let text = format!(r#"{{"config": {layer}, "layers": [{layer}], {more}}}"#);
            let read = Form::read(text.as_bytes(), "a");
            match (read, field) {
                (Ok(Form::Manifest(_)), "") => {}
                (Err(error), field) => {
                    assert!(error.to_string().contains(&format!("`{field}`")), "{error}");
                }
                _ => panic!("{more}"),
            }
        }
        let user = br#"{"config": {"User": "1000", "user": "0"}}"#;
        assert!(parse::<Configuration>(user, "a").is_err());
    }
}
