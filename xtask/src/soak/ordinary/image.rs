//! The root file system of ordinary work, by debootstrap; kept in the user's cache.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};
use sha2::{Digest as _, Sha256};
use testbed::tools::{cache, hex16};

const SCRIPT: &str = include_str!("root.sh");

/// The root file system, or why this machine cannot make it.
pub(super) enum Root {
    /// A tar of the file system.
    Tar(Vec<u8>),
    /// Why it cannot be made.
    Missing(String),
}

/// Returns the file system, made on first use. That needs root, Debian and its packages.
pub(super) fn root() -> anyhow::Result<Root> {
    let cache = cache()?.join("roots");
    let key = hex16(&Sha256::digest(SCRIPT));
    let kept = cache.join(format!("ordinary-{key}.tar"));
    if !kept.exists() {
        if let Some(why) = missing() {
            return Ok(Root::Missing(why));
        }
        fs::create_dir_all(&cache)?;
        let folder = tempfile::tempdir_in(&cache)?;
        if let Some(why) = build(folder.path(), &kept)? {
            return Ok(Root::Missing(why));
        }
    }
    fs::read(&kept).with_context(|| format!("reading {}", kept.display())).map(Root::Tar)
}

fn missing() -> Option<String> {
    for tool in ["debootstrap", "apt-get", "unshare"] {
        if !Command::new(tool).arg("--version").output().is_ok_and(|output| output.status.success())
        {
            return Some(format!("{tool} is missing (Debian: debootstrap, apt, util-linux)"));
        }
    }
    (release().is_none() || mirror().is_none()).then(|| "this is not Debian".to_owned())
}

/// The release of this machine, which is that of the image.
fn release() -> Option<String> {
    let text = fs::read_to_string("/etc/os-release").ok()?;
    let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
    (value("ID=")? == "debian").then_some(())?;
    value("VERSION_CODENAME=").map(str::to_owned)
}

/// The mirror from which this machine gets its packages.
fn mirror() -> Option<String> {
    let format = "$(CREATED_BY) $(CODENAME) $(COMPONENT) $(REPO_URI)";
    let output =
        Command::new("apt-get").args(["indextargets", "--format", format]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let wanted = format!("Packages {} main ", release()?);
    text.lines().find_map(|line| line.strip_prefix(&wanted)).map(str::to_owned)
}

/// Makes the image, or says why debootstrap could not: without a network there are no packages.
fn build(folder: &Path, kept: &Path) -> anyhow::Result<Option<String>> {
    println!("making the image of ordinary work, once");
    let (script, root) = (folder.join("root.sh"), folder.join("root"));
    fs::write(&script, SCRIPT)?;
    let mut command = Command::new("unshare");
    // The mounts of debootstrap go with the namespace.
    command.args(["--mount", "sh"]).args([&script, &root]);
    let (mirror, release) = (mirror().context("no mirror")?, release().context("no release")?);
    let output = command.args([mirror, release]).output().context("running debootstrap")?;
    let told = String::from_utf8_lossy(&output.stdout);
    let error = String::from_utf8_lossy(&output.stderr);
    let last: Vec<_> = told.lines().chain(error.lines()).collect();
    let last = last[last.len().saturating_sub(5)..].join("\n");
    if !output.status.success() {
        return Ok(Some(format!("debootstrap could not make the image: {last}")));
    }
    let beside = folder.join("root.tar");
    let mut tar = Command::new("tar");
    tar.args(["--numeric-owner", "--sort=name", "-cf"]).arg(&beside).arg("-C").arg(&root).arg(".");
    ensure!(tar.status()?.success(), "packing the image");
    fs::rename(&beside, kept).context("keeping the image")?;
    Ok(None)
}
