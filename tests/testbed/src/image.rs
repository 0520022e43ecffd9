//! Images for pods, made by code: an OCI layout in a tar.
//!
//! Source: the OCI image specification 1.1 (image-layout, manifest, config).

use std::fs;
use std::path::Path;
use std::process::Command;

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
    /// A layer below the files.
    base: Option<Vec<u8>>,
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
            base: None,
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

    /// Sets the root file system, as a tar, to which files are added.
    #[must_use]
    pub fn base(mut self, tar: Vec<u8>) -> Self {
        self.base = Some(tar);
        self
    }

    /// Adds a file; the path has no leading `/`.
    #[must_use]
    pub fn file(mut self, path: &str, mode: u32, bytes: impl Into<Vec<u8>>) -> Self {
        self.files.push((path.trim_start_matches('/').to_owned(), mode, bytes.into()));
        self
    }

    /// Adds a symbolic link.
    #[must_use]
    pub fn link(self, path: &str, target: &str) -> Self {
        self.file(path, LINK, target)
    }

    /// Sets what runs.
    #[must_use]
    pub fn entrypoint(mut self, args: &[&str]) -> Self {
        self.entrypoint = args.iter().map(|arg| (*arg).to_owned()).collect();
        self
    }

    /// Adds a program of this machine with the libraries that it loads, and runs it.
    pub fn program(mut self, path: &str, program: &Path) -> anyhow::Result<Self> {
        for library in libraries(program)? {
            let bytes = fs::read(&library).with_context(|| format!("reading {library}"))?;
            self = self.file(&library, 0o755, bytes);
        }
        let bytes = fs::read(program).with_context(|| format!("reading {}", program.display()))?;
        let at = format!("/{}", path.trim_start_matches('/'));
        Ok(self.file(path, 0o755, bytes).entrypoint(&[&at]))
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
        let own = if self.base.is_some() && self.files.is_empty() {
            None
        } else {
            Some(tar(&self.files)?)
        };
        let layers: Vec<_> = self.base.iter().chain(&own).collect();
        let digests: Vec<_> = layers.iter().map(|layer| digest(layer)).collect();
        let config = serde_json::to_vec(&json!({
            "architecture": if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" },
            "os": "linux",
            "config": {"Entrypoint": self.entrypoint, "User": self.user, "WorkingDir": "/"},
            "rootfs": {"type": "layers", "diff_ids": digests},
            "history": layers.iter().map(|_| json!({"created_by": "pavisade testbed"})).collect::<Vec<_>>(),
        }))?;
        let described = |kind: &str, digest: &str, size: usize| -> Value {
            let kind = format!("application/vnd.oci.image.{kind}");
            json!({"mediaType": kind, "digest": digest, "size": size})
        };
        let part = |kind: &str, bytes: &[u8]| described(kind, &digest(bytes), bytes.len());
        let parts = layers.iter().zip(&digests);
        let parts = parts.map(|(layer, digest)| described("layer.v1.tar", digest, layer.len()));
        let manifest = serde_json::to_vec(&json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": part("config.v1+json", &config),
            "layers": parts.collect::<Vec<_>>(),
        }))?;
        let mut descriptor = part("manifest.v1+json", &manifest);
        descriptor["annotations"] = json!({"org.opencontainers.image.ref.name": self.reference});
        let index = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [descriptor],
        });
        let place = |digest: &str| format!("blobs/{}", digest.replace(':', "/"));
        let index = serde_json::to_vec(&index)?;
        let mut files = vec![
            ("oci-layout".to_owned(), 0o644, &br#"{"imageLayoutVersion":"1.0.0"}"#[..]),
            ("index.json".to_owned(), 0o644, &index),
            (place(&digest(&config)), 0o644, &config),
            (place(&digest(&manifest)), 0o644, &manifest),
        ];
        let blobs = layers.iter().zip(&digests);
        files.extend(blobs.map(|(layer, digest)| (place(digest), 0o644, &layer[..])));
        tar(&files)
    }
}

/// The paths of the libraries of a program of this machine; none for a static one.
pub fn libraries(program: &Path) -> anyhow::Result<Vec<String>> {
    let listed = Command::new("ldd").arg(program).output().context("running ldd")?;
    let listed = String::from_utf8(listed.stdout)?;
    let paths = listed.split_whitespace().filter(|word| word.starts_with('/'));
    Ok(paths.map(str::to_owned).collect())
}

/// The mode of a symbolic link, whose content is its target.
const LINK: u32 = 0o120_777;

fn tar<B: AsRef<[u8]>>(files: &[(String, u32, B)]) -> anyhow::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, mode, bytes) in files {
        let bytes = bytes.as_ref();
        let mut header = tar::Header::new_gnu();
        header.set_mode(*mode & 0o7777);
        if *mode == LINK {
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_size(0);
            archive.append_link(&mut header, path, str::from_utf8(bytes)?)?;
            continue;
        }
        header.set_size(u64::try_from(bytes.len())?);
        let added = archive.append_data(&mut header, path, bytes);
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
