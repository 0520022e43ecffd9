//! Tests with well-behaved and faulty registries.

mod attached;
mod faults;
mod fetch;
mod kept;
mod server;
mod trust;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use super::{Access, CredentialFiles, Patience, Remote, Wanted};
use crate::testing::Tar;
use crate::{Digest, Limits, Platform, Refusal, Registries, Store, inventory};
use server::{Reply, Request, Server};

/// Writes an executable script.
#[cfg(unix)]
pub(super) fn script(folder: &Path, name: &str, text: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;

    let (file, made) = (folder.join(name), folder.join(format!("{name}.new")));
    fs::write(&made, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&made, fs::Permissions::from_mode(0o755)).unwrap();
    fs::rename(&made, &file).unwrap();
    file
}

/// An image of one layer with one package, and an index that contains it.
#[derive(Clone)]
struct Sample {
    layer: Vec<u8>,
    config: Vec<u8>,
    manifest: Vec<u8>,
    index: Vec<u8>,
}

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

impl Sample {
    fn new() -> Self {
        Self::of("1.0.0", 60_000)
    }

    /// `more` adds that many bytes to the layer.
    fn of(version: &str, more: usize) -> Self {
        let package = json!({"name": "left-pad", "version": version}).to_string();
        // Incompressible bytes.
        let mut state = 7_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as u8
        };
        let noise: Vec<_> = (0..more).map(|_| next()).collect();
        let tar = Tar::default()
            .entry(b"etc/", b'5', b"")
            .file("app/noise", &noise)
            .file("app/node_modules/left-pad/package.json", package.as_bytes())
            .end();
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(&tar).unwrap();
        let layer = packed.finish().unwrap();
        let config = json!({
            "os": "linux", "architecture": "amd64", "rootfs": {"diff_ids": [text(&tar)]},
        });
        let config = config.to_string().into_bytes();
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {"mediaType": "", "digest": text(&config), "size": config.len()},
            "layers": [{"mediaType": "", "digest": text(&layer), "size": layer.len()}],
        });
        let manifest = manifest.to_string().into_bytes();
        let index = json!({"schemaVersion": 2, "manifests": [{
            "mediaType": MANIFEST, "digest": text(&manifest), "size": manifest.len(),
            "platform": {"os": "linux", "architecture": "amd64"},
        }]});
        let index = index.to_string().into_bytes();
        Self { layer, config, manifest, index }
    }

    fn blob_path(&self) -> String {
        format!("/v2/team/app/blobs/{}", text(&self.layer))
    }

    /// Returns the response of a registry without faults.
    fn answer(&self, request: &Request) -> Reply {
        let Some((kind, name)) =
            request.path.strip_prefix("/v2/team/app/").and_then(|rest| rest.split_once('/'))
        else {
            return Reply::new(404, r#"{"errors":[{"code":"NAME_UNKNOWN","message":"no such"}]}"#);
        };
        let known = match kind {
            "manifests" => vec![&self.manifest, &self.index],
            _ => vec![&self.layer, &self.config],
        };
        let tagged = match name {
            "1" => Some(&self.manifest),
            "many" => Some(&self.index),
            _ => None,
        };
        match tagged.or(known.into_iter().find(|bytes| text(bytes) == name)) {
            Some(bytes) => ranged(request, bytes),
            None => Reply::new(404, r#"{"errors":[{"code":"MANIFEST_UNKNOWN"}]}"#),
        }
    }
}

/// Returns the requested range.
fn ranged(request: &Request, bytes: &[u8]) -> Reply {
    let range = request.header("range");
    let Some((first, last)) = range.strip_prefix("bytes=").and_then(|range| range.split_once('-'))
    else {
        return Reply::new(200, bytes);
    };
    let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
    assert_eq!(last, bytes.len() - 1);
    Reply::new(206, &bytes[first..])
        .with("Content-Range", format!("bytes {first}-{last}/{}", bytes.len()))
}

fn text(bytes: &[u8]) -> String {
    Digest::of(bytes).to_string()
}

fn access(plain: &[&Server]) -> Access {
    Access {
        plain: plain.iter().map(|server| server.host()).collect(),
        patience: Patience {
            connect: Duration::from_secs(5),
            idle: Duration::from_secs(5),
            attempts: 4,
            backoff: Duration::from_millis(1),
            longest: Duration::from_secs(2),
            least: 1,
        },
        ..Access::default()
    }
}

/// Writes a credential file for a registry.
fn login(folder: &Path, registry: &str) -> CredentialFiles {
    use base64::Engine as _;

    let file = folder.join("config.json");
    let auth = base64::engine::general_purpose::STANDARD.encode("ann:secret");
    fs::write(&file, json!({"auths": {registry: {"auth": auth}}}).to_string()).unwrap();
    CredentialFiles { files: vec![file], programs: None }
}

fn remote(server: &Server, tag: &str) -> Remote {
    let wanted = match tag.parse() {
        Ok(digest) => Wanted::Digest(digest),
        Err(_) => Wanted::Tag(tag.to_owned()),
    };
    Remote { registry: server.host(), repository: "team/app".to_owned(), wanted }
}

/// Returns the packages of an image.
fn read(access: Access, remote: Remote, platform: &str) -> Result<Vec<String>, Refusal> {
    packages(&Store::fetch(&Registries::new(access), remote, Limits::default()), platform)
}

fn packages(store: &Store, platform: &str) -> Result<Vec<String>, Refusal> {
    let platform: Platform = platform.parse().unwrap();
    let candidate = store.candidates(&platform)?.remove(0);
    let image = store.image(&candidate, &platform, true)?;
    let found = inventory(store, &image, Default::default())?;
    let named = |found: &pavisade_packages::inventory::Found| {
        format!("{} {}", found.package.name, found.package.version)
    };
    Ok(found.packages.iter().map(named).collect())
}

/// Requests the image of a server.
fn ask(server: &Server) -> Result<Vec<String>, Refusal> {
    read(access(&[server]), remote(server, "1"), "linux/amd64")
}

#[test]
fn an_image_is_read() {
    let sample = Sample::new();
    let by_digest = text(&sample.manifest);
    let server = Server::start(move |request| sample.answer(request));
    for tag in ["1", "many", &by_digest] {
        let found = read(access(&[&server]), remote(&server, tag), "linux/amd64").unwrap();
        assert_eq!(found, ["left-pad 1.0.0"], "{tag}");
    }
    let requests = server.requests();
    assert!(requests.iter().all(|request| request.header("authorization").is_empty()));
    assert!(requests[0].headers.contains_key("accept"));
}

#[test]
fn a_platform_that_is_not_there_is_told() {
    let sample = Sample::new();
    let server = Server::start(move |request| sample.answer(request));
    for tag in ["1", "many"] {
        let found = read(access(&[&server]), remote(&server, tag), "linux/arm64");
        let Err(Refusal::Platform { there, .. }) = found else { panic!("{found:?}") };
        assert_eq!(there, ["linux/amd64"], "{tag}");
    }
    // The layer was not requested.
    assert!(!server.requests().iter().any(|request| request.path == Sample::new().blob_path()));
}

#[test]
fn mirrors_take_the_place_of_what_they_mirror() {
    use super::{Endpoint, Mirror};

    let mirror = |from: &str, to: &str| Mirror { from: from.into(), to: to.into() };
    let access = Access {
        mirrors: vec![
            mirror("docker.io", "m.example:5000/hub"),
            mirror("docker.io/library", "local.example"),
            mirror("quay.io", "docker.io/quay"),
            mirror("quay.io/one/app", "local.example/other"),
        ],
        plain: ["m.example:5000".to_owned()].into(),
        ..Access::default()
    };
    for (registry, repository, url) in [
        ("docker.io", "library/nginx", "https://local.example/v2/nginx/x"),
        ("docker.io", "libraryx/nginx", "http://m.example:5000/v2/hub/libraryx/nginx/x"),
        ("quay.io", "a", "https://registry-1.docker.io/v2/quay/a/x"),
        ("quay.io", "one/app", "https://local.example/v2/other/x"),
        ("quay.io", "one/apps", "https://registry-1.docker.io/v2/quay/one/apps/x"),
        ("quay.io.example", "a", "https://quay.io.example/v2/a/x"),
    ] {
        let wanted = Wanted::Tag("1".to_owned());
        let remote = Remote { registry: registry.into(), repository: repository.into(), wanted };
        assert_eq!(Endpoint::of(&remote, &access).url("x"), url);
    }
}
