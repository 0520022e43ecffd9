//! `cargo xtask dist`: what is published, in `target/dist`.
//!
//! A static program, an archive of it with its manual and completions, checksums, the context of
//! the image, and the manifest of the kubectl plugin. The same commit gives the same bytes, as far
//! as the compiler does.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};
use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use sha2::{Digest as _, Sha256};

use crate::shared::root;

/// Where it runs: the only one that is built and tried so far.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Builds everything.
pub(crate) fn run() -> anyhow::Result<()> {
    let status = Command::new("cargo")
        .args(["build", "--release", "--package", "pavisade-cli", "--target", TARGET])
        // No C library is looked for where it runs.
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .current_dir(root())
        .status()
        .context("running cargo")?;
    ensure!(status.success(), "the program does not build");
    let program = root().join("target").join(TARGET).join("release/pavisade");
    let dist = root().join("target/dist");
    let image = dist.join("image");
    fs::create_dir_all(&image)?;
    fs::copy(&program, image.join("pavisade")).context("copying the program")?;

    let version = env!("CARGO_PKG_VERSION");
    let name = format!("pavisade-{version}-x86_64-linux.tar.gz");
    let archive = archive(&program)?;
    let digest: String =
        Sha256::digest(&archive).iter().map(|byte| format!("{byte:02x}")).collect();
    write(&dist.join(&name), &archive)?;
    write(&dist.join("SHA256SUMS"), format!("{digest}  {name}\n").as_bytes())?;
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

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    fs::write(path, bytes).with_context(|| format!("writing {}", path.display()))
}

/// The program with what belongs to it: no times, no owners.
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
