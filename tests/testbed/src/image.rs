//! Images for pods, made by code: an OCI layout in a tar, with one layer.
//!
//! Source: the OCI image specification 1.1 (image-layout, manifest, config).

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The image with our static program `/testbed`, which every cluster with nodes has.
/// `testbed` alone says what it can do.
pub const TESTBED: &str = "pavisade.test/testbed:1";

/// An image from files.
#[derive(Debug, Clone)]
pub struct Image {
    reference: String,
    files: Vec<(String, u32, Vec<u8>)>,
    entrypoint: Vec<String>,
    user: String,
}

impl Image {
    /// An empty image. The reference is a full one with a tag other than `latest`, as
    /// `pavisade.test/web:1`: then no kubelet tries to pull it.
    pub fn new(reference: &str) -> Self {
        Self {
            reference: reference.to_owned(),
            files: Vec::new(),
            entrypoint: Vec::new(),
            user: String::new(),
        }
    }

    /// An image with our static program, which it runs.
    pub(crate) fn testbed(reference: &str, tools: &Path) -> anyhow::Result<Self> {
        let program = tools.join("testbed");
        let bytes = fs::read(&program).with_context(|| format!("reading {}", program.display()))?;
        Ok(Self::new(reference).file("testbed", 0o755, bytes).entrypoint(&["/testbed"]))
    }

    /// Adds a file; the path has no leading `/`.
    #[must_use]
    pub fn file(mut self, path: &str, mode: u32, bytes: impl Into<Vec<u8>>) -> Self {
        self.files.push((path.trim_start_matches('/').to_owned(), mode, bytes.into()));
        self
    }

    /// Sets what runs.
    #[must_use]
    pub fn entrypoint(mut self, args: &[&str]) -> Self {
        self.entrypoint = args.iter().map(|arg| (*arg).to_owned()).collect();
        self
    }

    /// Sets who runs it, as in a Dockerfile's USER.
    #[must_use]
    pub fn user(mut self, user: &str) -> Self {
        user.clone_into(&mut self.user);
        self
    }

    /// The image's full reference.
    pub fn reference(&self) -> &str {
        &self.reference
    }

    /// The tar of the OCI layout, the same bytes for the same image.
    pub fn tar(&self) -> anyhow::Result<Vec<u8>> {
        let layer = tar(&self.files)?;
        let config = serde_json::to_vec(&json!({
            "architecture": if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" },
            "os": "linux",
            "config": {"Entrypoint": self.entrypoint, "User": self.user, "WorkingDir": "/"},
            "rootfs": {"type": "layers", "diff_ids": [digest(&layer)]},
            "history": [{"created_by": "pavisade testbed"}],
        }))?;
        let part = |kind: &str, bytes: &[u8]| -> Value {
            let kind = format!("application/vnd.oci.image.{kind}");
            json!({"mediaType": kind, "digest": digest(bytes), "size": bytes.len()})
        };
        let manifest = serde_json::to_vec(&json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": part("config.v1+json", &config),
            "layers": [part("layer.v1.tar", &layer)],
        }))?;
        let mut descriptor = part("manifest.v1+json", &manifest);
        descriptor["annotations"] = json!({"org.opencontainers.image.ref.name": self.reference});
        let index = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [descriptor],
        });
        let blob = |bytes: Vec<u8>| {
            let name = digest(&bytes).replace(':', "/");
            (format!("blobs/{name}"), 0o644, bytes)
        };
        tar(&[
            ("oci-layout".to_owned(), 0o644, br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec()),
            ("index.json".to_owned(), 0o644, serde_json::to_vec(&index)?),
            blob(config),
            blob(manifest),
            blob(layer),
        ])
    }
}

fn tar(files: &[(String, u32, Vec<u8>)]) -> anyhow::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, mode, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(u64::try_from(bytes.len())?);
        header.set_mode(*mode);
        let added = archive.append_data(&mut header, path, bytes.as_slice());
        added.with_context(|| format!("adding {path} to an image"))?;
    }
    Ok(archive.into_inner()?)
}

fn digest(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Read as _;

    use super::*;

    #[test]
    fn everything_is_found_by_its_digest() {
        let image = Image::new("pavisade.test/a:1").file("/etc/motd", 0o644, "hello");
        let tar = image.tar().unwrap();
        assert_eq!(tar, image.tar().unwrap(), "the same image, the same bytes");
        let mut files = BTreeMap::new();
        for entry in tar::Archive::new(tar.as_slice()).entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().display().to_string();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            files.insert(path, bytes);
        }
        let read = |descriptor: &Value| {
            let name = descriptor["digest"].as_str().unwrap().replace(':', "/");
            let bytes = &files[&format!("blobs/{name}")];
            assert_eq!(digest(bytes), descriptor["digest"], "{descriptor}");
            assert_eq!(bytes.len() as u64, descriptor["size"]);
            bytes.clone()
        };
        let index: Value = serde_json::from_slice(&files["index.json"]).unwrap();
        let descriptor = &index["manifests"][0];
        assert_eq!(
            descriptor["annotations"]["org.opencontainers.image.ref.name"],
            "pavisade.test/a:1"
        );
        let manifest: Value = serde_json::from_slice(&read(descriptor)).unwrap();
        let config: Value = serde_json::from_slice(&read(&manifest["config"])).unwrap();
        let layer = read(&manifest["layers"][0]);
        assert_eq!(config["rootfs"]["diff_ids"][0], digest(&layer));
        let mut layer = tar::Archive::new(layer.as_slice());
        let entry = layer.entries().unwrap().next().unwrap().unwrap();
        assert_eq!(entry.path().unwrap().to_str(), Some("etc/motd"));
    }
}
