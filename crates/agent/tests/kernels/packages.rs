//! Kernels and programs for guests, from packages of Debian that are kept in the user's cache.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A kind of machine that QEMU emulates.
#[derive(Debug)]
pub(crate) struct Machine {
    /// Its name in Debian.
    pub debian: &'static str,
    /// The program, and the machine.
    pub qemu: [&'static str; 2],
    pub console: &'static str,
    /// The compiler of C.
    pub compiler: &'static str,
}

/// This machine's kind.
pub(crate) const X86_64: Machine = Machine {
    debian: "amd64",
    qemu: ["qemu-system-x86_64", "pc"],
    console: "ttyS0",
    compiler: "cc",
};

pub(crate) const ARM64: Machine = Machine {
    debian: "arm64",
    qemu: ["qemu-system-aarch64", "virt"],
    console: "ttyAMA0",
    compiler: "aarch64-linux-gnu-gcc",
};

/// A kernel, with the module for overlays.
pub(crate) struct Kernel {
    pub name: String,
    pub machine: &'static Machine,
    pub image: PathBuf,
    pub overlay: PathBuf,
}

/// The last kernel of a series, of a release of Debian if it is not this machine's.
pub(crate) fn kernel(
    series: &str,
    release: Option<&str>,
    machine: &'static Machine,
) -> Result<Kernel, String> {
    let pattern = format!("^linux-image-{series}[.][0-9+deb.-]*-cloud-{}$", machine.debian);
    let (name, place) = package(&pattern, release, machine)?;
    let version = name.trim_start_matches("linux-image-");
    let modules = place.join("lib/modules").join(version).join("kernel/fs/overlayfs");
    Ok(Kernel {
        name: version.to_owned(),
        machine,
        image: place.join(format!("boot/vmlinuz-{version}")),
        overlay: modules.join("overlay.ko"),
    })
}

/// Returns the last package whose name matches, and the directory of its files.
pub(crate) fn package(
    pattern: &str,
    release: Option<&str>,
    machine: &Machine,
) -> Result<(String, PathBuf), String> {
    let lists = tempfile::tempdir().map_err(|error| error.to_string())?;
    let is_own = release.is_none() && machine.debian == X86_64.debian;
    let options = if is_own { Vec::new() } else { lists_of(release, machine, lists.path())? };
    let apt = |program: &str| {
        let mut command = Command::new(program);
        command.args(options.iter().flat_map(|option| ["-o", option]));
        command
    };
    if !is_own {
        run(apt("apt-get").args(["-qq", "update"]))?;
    }
    let found = run(apt("apt-cache").args(["search", "--names-only", pattern]))?;
    let mut names: Vec<&str> = found.lines().filter_map(|line| line.split(' ').next()).collect();
    let numbers = |name: &&str| -> Vec<u32> {
        let parts = name.split(|letter: char| !letter.is_ascii_digit());
        parts.filter_map(|part| part.parse().ok()).collect()
    };
    names.sort_by_key(numbers);
    let name = *names.last().ok_or("no package of it is known")?;
    let folder = testbed::tools::cache().map_err(|error| error.to_string())?.join("kernels");
    let place =
        folder.join(if is_own { name.to_owned() } else { format!("{name}:{}", machine.debian) });
    if !place.exists() {
        fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        // Another test may do the same at this time, so a complete folder is moved into place.
        let new = tempfile::tempdir_in(&folder).map_err(|error| error.to_string())?;
        run(apt("apt-get").args(["-qq", "download", name]).current_dir(new.path()))?;
        let files = fs::read_dir(new.path()).map_err(|error| error.to_string())?.flatten();
        let package = files.map(|file| file.path()).next().ok_or("nothing was downloaded")?;
        let content = new.path().join("content");
        run(Command::new("dpkg-deb").arg("-x").arg(&package).arg(&content))?;
        if let Err(error) = fs::rename(&content, &place)
            && !place.exists()
        {
            return Err(error.to_string());
        }
    }
    Ok((name.to_owned(), place))
}

/// Returns the options with which apt reads another release, or another kind of machine, from the mirror of this
/// one.
fn lists_of(
    release: Option<&str>,
    machine: &Machine,
    folder: &Path,
) -> Result<Vec<String>, String> {
    let format = ["indextargets", "--format", "$(CREATED_BY) $(COMPONENT) $(CODENAME) $(REPO_URI)"];
    let targets = run(Command::new("apt-get").args(format))?;
    let own =
        targets.lines().filter_map(|line| line.strip_prefix("Packages main ")?.split_once(' '));
    let mut own: Vec<_> = own.collect();
    if let Some(release) = release {
        own = own.first().map(|(_, mirror)| (release, *mirror)).into_iter().collect();
    }
    let keys = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]";
    let lines = own.iter().map(|(release, mirror)| format!("deb {keys} {mirror} {release} main\n"));
    let source = folder.join("sources.list");
    fs::write(&source, lines.collect::<String>())
        .and_then(|()| fs::create_dir_all(folder.join("lists/partial")))
        .map_err(|error| error.to_string())?;
    let of = |name: &str, path: &Path| format!("{name}={}", path.display());
    Ok(vec![
        format!("APT::Architecture={}", machine.debian),
        of("Dir::Etc::SourceList", &source),
        "Dir::Etc::SourceParts=-".to_owned(),
        of("Dir::State::Lists", &folder.join("lists")),
        of("Dir::Cache", folder),
    ])
}

pub(crate) fn run(command: &mut Command) -> Result<String, String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
