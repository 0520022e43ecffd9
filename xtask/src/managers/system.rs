//! Distribution packages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use pavisade_packages::{Inventory, Kind};

use super::{List, Lists, languages, output, read, root};

/// Tests the dpkg database of this machine.
pub(super) fn here(folder: &Path) -> anyhow::Result<Lists> {
    root(folder)?;
    let inner = folder.join("var/lib/dpkg");
    fs::create_dir_all(&inner)?;
    fs::copy("/var/lib/dpkg/status", inner.join("status"))?;
    beside_dpkg(folder, folder)
}

/// Compares the content of a directory or an archive with dpkg's list for a root directory.
fn beside_dpkg(root: &Path, image: &Path) -> anyhow::Result<Lists> {
    Ok(Lists { ours: debian(&read(image)?), theirs: of_dpkg(&root.join("var/lib/dpkg"))? })
}

fn of_dpkg(database: &Path) -> anyhow::Result<List> {
    const FORM: &str = "${db:Status-Status} ${Package} ${Version} ${Architecture} \
                        ${source:Package} ${source:Version}\n";
    let mut command = Command::new("dpkg-query");
    command.arg(format!("--admindir={}", database.display()));
    let listed = output(command.args(["--show", "--showformat", FORM]))?;
    let row = |line: &str| {
        let (state, rest) = line.split_once(' ')?;
        // In the other states, no files or not all of them are on disk.
        let is_there = !matches!(state, "not-installed" | "config-files" | "half-installed");
        is_there.then(|| rest.split(' ').map(str::to_owned).collect())
    };
    Ok(listed.lines().filter_map(row).collect())
}

fn debian(inventory: &Inventory) -> List {
    let packages = inventory.packages.iter().map(|found| &found.package);
    let row = |package: &pavisade_packages::Package| {
        let source = package.source.as_ref();
        let (name, version) = source
            .map_or((&package.name, &package.version), |source| (&source.name, &source.version));
        [&package.name, &package.version, &package.architecture, name, version]
            .map(Clone::clone)
            .to_vec()
    };
    packages.filter(|package| package.kind == Kind::Deb).map(row).collect()
}

/// Creates a small Debian system with packages of other ecosystems.
fn bootstrap(folder: &Path) -> anyhow::Result<PathBuf> {
    let root = folder.join("root");
    let mut command = Command::new("debootstrap");
    command.args(["--variant=minbase", "--include=python3-requests,python3-yaml,python3-six"]);
    output(command.arg("bookworm").arg(&root))?;
    Ok(root)
}

/// Tests a directory, and an archive of it.
pub(super) fn debootstrap(folder: &Path) -> anyhow::Result<Lists> {
    let root = bootstrap(folder)?;
    let archive = folder.join("root.tar");
    output(Command::new("tar").arg("-cf").arg(&archive).arg("-C").arg(&root).arg("."))?;
    let by_folder = debian(&read(&root)?);
    let Lists { ours, theirs } = beside_dpkg(&root, &archive)?;
    anyhow::ensure!(by_folder == ours, "the folder and its archive hold different packages");
    Ok(Lists { ours, theirs })
}

/// Compares with what pip lists of packages installed by Debian.
pub(super) fn debian_python(folder: &Path) -> anyhow::Result<Lists> {
    let root = bootstrap(folder)?;
    let found = read(&root)?;
    Ok(Lists {
        ours: languages::listed(&found, Kind::Pypi),
        theirs: languages::of_pip(
            Path::new("python3"),
            &root.join("usr/lib/python3/dist-packages"),
        )?,
    })
}

/// Tests packages whose installation was interrupted, that were removed, and that were purged.
pub(super) fn states(folder: &Path) -> anyhow::Result<Lists> {
    let target = folder.join("root");
    root(&target)?;
    for inner in ["var/lib/dpkg/info", "var/lib/dpkg/updates"] {
        fs::create_dir_all(target.join(inner))?;
    }
    fs::write(target.join("var/lib/dpkg/status"), "")?;
    let build = |name: &str, more: &str| -> anyhow::Result<PathBuf> {
        let tree = folder.join(name);
        fs::create_dir_all(tree.join("DEBIAN"))?;
        fs::create_dir_all(tree.join("etc"))?;
        fs::write(tree.join("etc").join(name), "setting\n")?;
        fs::write(tree.join("DEBIAN/conffiles"), format!("/etc/{name}\n"))?;
        let control = format!(
            "Package: {name}\nVersion: 1:2.0-3\nArchitecture: all\nMaintainer: a <a@example.com>\n\
             Source: source-{name} (2.0-3)\nDescription: a package\n{more}"
        );
        fs::write(tree.join("DEBIAN/control"), control)?;
        let file = folder.join(format!("{name}.deb"));
        output(
            Command::new("dpkg-deb").args(["--root-owner-group", "--build"]).arg(&tree).arg(&file),
        )?;
        Ok(file)
    };
    let dpkg = |more: &[&str], file: Option<&Path>| -> anyhow::Result<String> {
        let mut command = Command::new("dpkg");
        command
            .args(["--force-not-root", "--force-bad-path"])
            .arg("--root")
            .arg(&target)
            .args(more);
        output(command.args(file))
    };
    let [installed, unpacked, removed, purged] =
        ["installed", "unpacked", "removed", "purged"].map(|name| build(name, ""));
    for file in [installed?, removed?, purged?] {
        dpkg(&["--install"], Some(&file))?;
    }
    dpkg(&["--unpack"], Some(&unpacked?))?;
    dpkg(&["--remove", "removed"], None)?;
    dpkg(&["--purge", "purged"], None)?;
    beside_dpkg(&target, &target)
}

/// Tests a root directory with rpm packages that are built here.
pub(super) fn rpm(folder: &Path) -> anyhow::Result<Lists> {
    let target = folder.join("root");
    root(&target)?;
    let spec = folder.join("a.spec");
    let part = |name: &str| {
        format!("%package {name}\nSummary: {name}\n%description {name}\nx\n%files {name}\n")
    };
    let parts: String = (0..40).map(|number| part(&format!("part{number}"))).collect();
    fs::write(
        &spec,
        format!(
            "Name: sample\nEpoch: 3\nVersion: 1.2~rc1\nRelease: 4.el9\nSummary: a\nLicense: MIT\n\
             BuildArch: noarch\n%description\nx\n%install\nmkdir -p %{{buildroot}}/usr/share/sample\n\
             echo a > %{{buildroot}}/usr/share/sample/a\n%files\n/usr/share/sample/a\n{parts}"
        ),
    )?;
    let top = format!("_topdir {}", folder.join("build").display());
    output(Command::new("rpmbuild").args(["--quiet", "--define", &top, "-bb"]).arg(&spec))?;
    let made = folder.join("build/RPMS/noarch");
    let files = fs::read_dir(&made)?.map(|entry| Ok(entry?.path()));
    let files: Vec<_> = files.collect::<std::io::Result<_>>()?;
    let rpm = |more: &[&str], files: &[PathBuf]| {
        let mut command = Command::new("rpm");
        command.arg("--root").arg(&target).args(["--dbpath", "/var/lib/rpm"]);
        output(command.args(more).args(files))
    };
    rpm(&["--install", "--nodeps"], &files)?;
    rpm(&["--erase", "--nodeps", "sample-part7"], &[])?;
    const FORM: &str = "%{NAME} %|EPOCH?{%{EPOCH}:}:{}|%{VERSION}-%{RELEASE} %{ARCH}\n";
    let listed = rpm(&["--query", "--all", "--queryformat", FORM], &[])?;
    let theirs = listed.lines().map(|line| line.split(' ').map(str::to_owned).collect());
    let found = read(&target).context("reading the root")?;
    let packages = found.packages.iter().map(|found| &found.package);
    let ours = packages.filter(|package| package.kind == Kind::Rpm).map(|package| {
        vec![package.name.clone(), package.version.clone(), package.architecture.clone()]
    });
    Ok(Lists { ours: ours.collect(), theirs: theirs.collect() })
}
