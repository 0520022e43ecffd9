//! `cargo xtask dist`: builds the release files in `target/dist`.
//!
//! These are a static binary, an archive of it with its manual and completions, checksums, the
//! context of the images (of the program and of the agent), and the manifest of the kubectl plugin.
//! The same commit gives the same bytes, as far as the compiler does. With `--key`, the built program
//! signs the archive, its SBOM and its provenance, and verifies all three (docs/verify-a-release.md).

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::shared::root;

/// The target platform, the only one that is built and tested so far.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Arguments of `cargo xtask dist`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Sign with this private key; its passphrase comes from PAVISADE_PASSPHRASE or the terminal.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

/// Builds all files.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let status = Command::new("cargo")
        .args(["build", "--release", "--package", "pavisade-cli", "--package", "pavisade-agent"])
        .args(["--target", TARGET])
        // The binaries must not need a C library.
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .current_dir(root())
        .status()
        .context("running cargo")?;
    ensure!(status.success(), "the program does not build");
    let built = root().join("target").join(TARGET).join("release");
    let program = built.join("pavisade");
    let dist = root().join("target/dist");
    let image = dist.join("image");
    fs::create_dir_all(&image)?;
    for name in ["pavisade", "pavisade-agent"] {
        fs::copy(built.join(name), image.join(name)).with_context(|| format!("copying {name}"))?;
    }

    let version = env!("CARGO_PKG_VERSION");
    let name = format!("pavisade-{version}-x86_64-linux.tar.gz");
    let archive = archive(&program)?;
    let digest: String =
        Sha256::digest(&archive).iter().map(|byte| format!("{byte:02x}")).collect();
    write(&dist.join(&name), &archive)?;
    let mut sums = format!("{digest}  {name}\n");
    for more in signed(&program, &dist, &name, args.key.as_deref())? {
        let bytes = fs::read(dist.join(&more)).with_context(|| format!("reading {more}"))?;
        let digest: String =
            Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        sums += &format!("{digest}  {more}\n");
    }
    write(&dist.join("SHA256SUMS"), sums.as_bytes())?;
    let manifest = fs::read_to_string(root().join("deploy/krew/pavisade.yaml"))?
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| format!("{line}\n"))
        .collect::<String>()
        .replace("SHA256", &digest)
        .replace("ARCHIVE", &name)
        .replace("VERSION", version)
        .replace("REPOSITORY", env!("CARGO_PKG_REPOSITORY"));
    write(&dist.join("pavisade.krew.yaml"), manifest.as_bytes())?;
    println!("{}", dist.display());
    Ok(())
}

/// Writes the SBOM and, with a key, the signatures. Returns the file names.
fn signed(
    program: &Path,
    dist: &Path,
    name: &str,
    key: Option<&Path>,
) -> anyhow::Result<Vec<String>> {
    let run = |arguments: &[&str]| -> anyhow::Result<()> {
        let status = Command::new(program).args(arguments).current_dir(dist).status();
        let status = status.context("running the program")?;
        ensure!(status.success(), "pavisade {} failed", arguments.join(" "));
        Ok(())
    };
    // What is linked, as a lock file: that of the source also names what tests and builds use.
    let tree = tempfile::tempdir()?;
    let lock = fs::read_to_string(root().join("Cargo.lock")).context("Cargo.lock")?;
    write(&tree.path().join("Cargo.lock"), linked(&lock, &crates()?)?.as_bytes())?;
    let sbom = format!("{name}.sbom.cdx.json");
    run(&["sbom", &tree.path().display().to_string(), "-q", "-o", &sbom])?;
    let Some(key) = key else {
        println!("not signed: --key FILE names the key of releases");
        return Ok(vec![sbom]);
    };
    let key = fs::canonicalize(key).with_context(|| format!("finding {}", key.display()))?;
    let key = key.display().to_string();
    let git = |arguments: &[&str]| -> anyhow::Result<String> {
        let output = Command::new("git").args(arguments).current_dir(root()).output()?;
        ensure!(output.status.success(), "git {} failed", arguments.join(" "));
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    };
    let repository = env!("CARGO_PKG_REPOSITORY");
    let commit = git(&["rev-parse", "HEAD"])?;
    ensure!(
        git(&["status", "--porcelain", "--untracked-files=no"])?.is_empty(),
        "there are changes that are not committed: the provenance would be wrong"
    );
    let rustc = Command::new("rustc").arg("--version").output().context("running rustc")?;
    let predicate = json!({
        "buildDefinition": {
            "buildType": format!("{repository}/blob/main/docs/verify-a-release.md"),
            "externalParameters": {"source": format!("git+{repository}"), "target": TARGET},
            "internalParameters": {"compiler": String::from_utf8_lossy(&rustc.stdout).trim()},
            "resolvedDependencies": [
                {"uri": format!("git+{repository}"), "digest": {"gitCommit": commit}},
            ],
        },
        "runDetails": {"builder": {"id": format!("{repository}/blob/main/xtask/src/dist.rs")}},
    });
    let provenance = tree.path().join("provenance.json");
    write(&provenance, predicate.to_string().as_bytes())?;
    let provenance = provenance.display().to_string();
    let files = [".sigstore.json", ".sbom.sigstore.json", ".provenance.sigstore.json"]
        .map(|end| format!("{name}{end}"));
    let [own, of_sbom, of_provenance] = &files;
    run(&["sign", name, "--key", &key, "-o", own])?;
    let attest = ["attest", name, "--key", &key];
    let what = ["--type", "cyclonedx", "--predicate", &sbom, "-o", of_sbom];
    run(&[&attest[..], &what].concat())?;
    let what = ["--type", "slsa", "--predicate", &provenance, "-o", of_provenance];
    run(&[&attest[..], &what].concat())?;
    let public = tree.path().join("release.pub");
    let output = Command::new(program).args(["keys", "public", &key]).output()?;
    ensure!(output.status.success(), "the public key is not to be had");
    write(&public, &output.stdout)?;
    let public = public.display().to_string();
    for (bundle, kind) in files.iter().zip(["sign", "cyclonedx", "slsa"]) {
        let verify = ["verify", name, "--bundle", bundle, "--key", &public, "--without-log"];
        run(&[&verify[..], &["--type", kind]].concat())?;
    }
    Ok([vec![sbom], files.to_vec()].concat())
}

/// The crates that are linked into the program, by name and version.
fn crates() -> anyhow::Result<BTreeSet<(String, String)>> {
    let output = Command::new("cargo")
        .args(["tree", "--locked", "--package", "pavisade-cli", "--target", TARGET])
        .args(["--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}"])
        .current_dir(root())
        .output()
        .context("running cargo tree")?;
    ensure!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    // `name v1.2.3 (folder) (*)`
    let text = String::from_utf8(output.stdout)?;
    let read = |line: &str| {
        let mut words = line.split(' ');
        Some((words.next()?.to_owned(), words.next()?.strip_prefix('v')?.to_owned()))
    };
    Ok(text.lines().filter_map(read).collect())
}

/// A lock file with these crates alone.
fn linked(lock: &str, crates: &BTreeSet<(String, String)>) -> anyhow::Result<String> {
    let mut lock: toml::Table = lock.parse().context("Cargo.lock")?;
    let all = lock.get_mut("package").and_then(toml::Value::as_array_mut);
    let all = all.context("Cargo.lock names no crates")?;
    all.retain(|one| {
        let of = |name: &str| one.get(name)?.as_str().map(str::to_owned);
        of("name").zip(of("version")).is_some_and(|one| crates.contains(&one))
    });
    ensure!(all.len() == crates.len(), "Cargo.lock does not name all that cargo tree does");
    Ok(lock.to_string())
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    fs::write(path, bytes).with_context(|| format!("writing {}", path.display()))
}

/// Returns the archive of the program and its files, without times and owners.
fn archive(program: &Path) -> anyhow::Result<Vec<u8>> {
    let said = |args: &[&str]| -> anyhow::Result<Vec<u8>> {
        let output = Command::new(program).args(args).output().context("running the program")?;
        ensure!(output.status.success(), "pavisade {} failed", args.join(" "));
        Ok(output.stdout)
    };
    let gzip: GzEncoder<Vec<u8>> = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    let mut tar = tar::Builder::new(gzip);
    for (name, mode, bytes) in [
        ("LICENSE", 0o644, fs::read(root().join("LICENSE"))?),
        ("README.md", 0o644, fs::read(root().join("README.md"))?),
        ("completions/_pavisade", 0o644, said(&["completions", "zsh"])?),
        ("completions/pavisade.bash", 0o644, said(&["completions", "bash"])?),
        ("completions/pavisade.fish", 0o644, said(&["completions", "fish"])?),
        ("man/pavisade.1", 0o644, said(&["man"])?),
        ("pavisade", 0o755, fs::read(program)?),
    ] {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(mode);
        header.set_mtime(0);
        tar.append_data(&mut header, name, bytes.as_slice())?;
    }
    Ok(tar.into_inner()?.finish()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sbom_of_a_release_names_what_is_linked() {
        let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
        let linked = linked(&lock, &crates().unwrap()).unwrap();
        let names = |name: &str| linked.contains(&format!("name = \"{name}\"\n"));
        for there in ["pavisade-cli", "pavisade-signing", "serde", "aws-lc-rs"] {
            assert!(names(there), "{there}");
        }
        // Of tests, of builds, of chores, and macros.
        for other in ["insta", "jsonschema", "cc", "xtask", "serde_derive", "testbed"] {
            assert!(lock.contains(&format!("name = \"{other}\"\n")), "{other}");
            assert!(!names(other), "{other}");
        }
    }
}
