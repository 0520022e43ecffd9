//! `images`: compares the packages of real images with the lists of their package managers.
//!
//! The installed packages are known from the output of `dpkg-query`, pip's requirements and npm's
//! lock file; if there is no list, the database is read a second time in a simple way. A case is a
//! package that one of the two sides has.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use pavisade_oci::{Limits, Platform, Store, inventory};
use pavisade_packages::inventory::Options;
use pavisade_packages::{Inventory, Kind, Package, Reader};
use serde_json::Value;

use super::Outcome;
use crate::shared::unpack;

/// A name with the version and, for Debian, architecture and source.
type List = BTreeSet<Vec<String>>;

pub(super) fn run(folder: &Path) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    let text = |name: &str| {
        let path = folder.join(name);
        fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
    };

    let web = Image::unpack(folder, "oci-debian-bullseye-web-vulnapp")?;
    let found = web.inventory()?;
    let wanted = of_dpkg_query(&text("bullseye-web.packages.json")?)?;
    compare(&mut outcome, "bullseye-web, deb", &debian(&found.packages()), &wanted);
    let wanted = text("vulnapp.requirements.txt")?;
    let wanted = wanted.lines().filter_map(|line| line.split_once("==")).map(|(name, version)| {
        // Its own metadata states 2.2, which pip considers equal.
        let version = if (name, version) == ("Django", "2.2.0") { "2.2" } else { version };
        vec![name.to_owned(), version.to_owned()]
    });
    compare(
        &mut outcome,
        "bullseye-web, pip",
        &plain(&found.packages(), Kind::Pypi),
        &wanted.collect(),
    );
    let wanted = of_lock_file(&text("vulnapp.package-lock.json")?)?;
    compare(&mut outcome, "bullseye-web, npm", &places(&found), &wanted);

    let minimal = Image::unpack(folder, "oci-debian-bookworm-minbase")?;
    let found = minimal.inventory()?;
    let wanted = of_database(&minimal.newest("var/lib/dpkg/status")?, "Package", "Version", ": ");
    compare(&mut outcome, "bookworm, deb", &plain(&found.packages(), Kind::Deb), &wanted);

    for name in
        ["alpine-minirootfs-3.12.12-x86_64.tar.gz", "alpine-minirootfs-3.18.9-x86_64.tar.gz"]
    {
        let file = folder.join(name);
        let found = read(&file)?;
        let database =
            member(flate2::read::GzDecoder::new(File::open(&file)?), "lib/apk/db/installed")?;
        let database = database.context("there is no database of apk")?;
        let wanted = of_database(&database, "P", "V", ":");
        compare(&mut outcome, name, &plain(&found.packages(), Kind::Apk), &wanted);
    }

    let status = text("bullseye-fat.dpkg-status")?;
    let contents = Reader::Dpkg.read(status.as_bytes());
    ensure!(contents.problems.is_empty(), "bullseye-fat: {:?}", contents.problems);
    let mut wanted = of_dpkg_query(&text("bullseye-fat.packages.json")?)?;
    // The list does not contain three packages that are unpacked but not configured, such as
    // OpenJDK. Their files are on disk (`dpkg(1)`, "Package states"), so they count.
    let known: BTreeSet<_> = wanted.iter().map(|row| row[0].clone()).collect();
    let found = debian(&contents.packages.iter().collect::<Vec<_>>());
    for state in ["unpacked", "half-configured"] {
        let of_state = format!("\nStatus: install ok {state}\n");
        let paragraphs: Vec<_> =
            status.split("\n\n").filter(|one| one.contains(&of_state)).collect();
        for row in of_paragraphs(&paragraphs, "Package", "Version", ": ") {
            ensure!(!known.contains(&row[0]), "bullseye-fat: {} is listed", row[0]);
            let ours = found.iter().find(|ours| ours[..2] == row[..]);
            wanted.insert(ours.cloned().unwrap_or(row));
        }
    }
    compare(&mut outcome, "bullseye-fat, deb", &found, &wanted);
    Ok(outcome)
}

/// The directory of an OCI layout.
struct Image {
    layout: PathBuf,
    _unpacked: tempfile::TempDir,
}

impl Image {
    fn unpack(folder: &Path, name: &str) -> anyhow::Result<Self> {
        let unpacked = tempfile::tempdir()?;
        unpack(&folder.join(format!("{name}.tar.zst")), unpacked.path())?;
        let layout =
            unpacked.path().join(name.trim_start_matches("oci-").trim_end_matches("-minbase"));
        Ok(Self { layout, _unpacked: unpacked })
    }

    fn inventory(&self) -> anyhow::Result<Inventory> {
        read(&self.layout)
    }

    /// Returns the newest version of a file, without using the image reader.
    fn newest(&self, path: &str) -> anyhow::Result<String> {
        let blob = |document: &Value| -> anyhow::Result<PathBuf> {
            let digest = document["digest"].as_str().context("no digest")?;
            Ok(self.layout.join("blobs").join(digest.replace(':', "/")))
        };
        let index: Value = serde_json::from_slice(&fs::read(self.layout.join("index.json"))?)?;
        let manifest: Value = serde_json::from_slice(&fs::read(blob(&index["manifests"][0])?)?)?;
        let mut newest = None;
        for layer in manifest["layers"].as_array().into_iter().flatten() {
            let layer = flate2::read::MultiGzDecoder::new(File::open(blob(layer)?)?);
            newest = member(layer, path)?.or(newest);
        }
        newest.with_context(|| format!("no layer has {path}"))
    }
}

/// Reads an image.
pub(crate) fn read(path: &Path) -> anyhow::Result<Inventory> {
    let platform: Platform = "linux/amd64".parse()?;
    let store = Store::open(path, Limits::default())?;
    let candidate = store.candidates(&platform)?.pop().context("there is no image")?;
    let image = store.image(&candidate, &platform, false)?;
    let found = inventory(&store, &image, Options::default())?;
    ensure!(found.notes.is_empty(), "{}: {:?}", path.display(), found.notes);
    Ok(found)
}

/// Reads a file of a tar archive with the `tar` crate.
fn member(from: impl Read, path: &str) -> anyhow::Result<Option<String>> {
    for entry in tar::Archive::new(from).entries()? {
        let mut entry = entry?;
        if entry.path_bytes().strip_prefix(b"./").unwrap_or(&entry.path_bytes()) == path.as_bytes()
        {
            let mut text = String::new();
            entry.read_to_string(&mut text)?;
            return Ok(Some(text));
        }
    }
    Ok(None)
}

/// The compared packages of an inventory.
trait Packages {
    fn packages(&self) -> Vec<&Package>;
}

impl Packages for Inventory {
    fn packages(&self) -> Vec<&Package> {
        self.packages.iter().map(|found| &found.package).collect()
    }
}

fn plain(packages: &[&Package], kind: Kind) -> List {
    let of_kind = packages.iter().filter(|package| package.kind == kind);
    of_kind.map(|package| vec![package.name.clone(), package.version.clone()]).collect()
}

fn debian(packages: &[&Package]) -> List {
    let of_kind = packages.iter().filter(|package| package.kind == Kind::Deb);
    let row = |package: &&Package| {
        let source = package.source.clone();
        let (name, version) = source
            .map_or((package.name.clone(), package.version.clone()), |source| {
                (source.name, source.version)
            });
        vec![
            package.name.clone(),
            package.version.clone(),
            package.architecture.clone(),
            name,
            version,
        ]
    };
    of_kind.map(row).collect()
}

/// Returns npm packages with their directories.
fn places(inventory: &Inventory) -> List {
    let of_kind = inventory.packages.iter().filter(|found| found.package.kind == Kind::Npm);
    let rows = of_kind.flat_map(|found| {
        found.places.iter().map(|place| {
            let start = place.path.find("node_modules/").unwrap_or_default();
            let folder = place.path[start..].trim_end_matches("/package.json");
            vec![folder.to_owned(), found.package.version.clone()]
        })
    });
    rows.collect()
}

/// Parses `dpkg-query`'s output as JSON: packages by name.
fn of_dpkg_query(text: &str) -> anyhow::Result<List> {
    let packages: BTreeMap<String, BTreeMap<String, String>> = serde_json::from_str(text)?;
    let row = |(name, fields): (String, BTreeMap<String, String>)| {
        let field = |key: &str| fields.get(key).cloned().unwrap_or_default();
        vec![name, field("version"), field("arch"), field("source"), field("source_version")]
    };
    Ok(packages.into_iter().map(row).collect())
}

/// Returns directories and versions of an npm lock file of version 3.
fn of_lock_file(text: &str) -> anyhow::Result<List> {
    let lock: Value = serde_json::from_str(text)?;
    let packages = lock["packages"].as_object().context("no packages")?;
    let row = |(path, package): (&String, &Value)| {
        let version = package["version"].as_str()?.to_owned();
        (!path.is_empty()).then(|| vec![path.clone(), version])
    };
    Ok(packages.iter().filter_map(row).collect())
}

/// Returns names and versions of a database of paragraphs.
fn of_database(text: &str, name: &str, version: &str, mark: &str) -> List {
    let paragraphs = text.split("\n\n").filter(|paragraph| {
        !paragraph.contains("\nStatus:") || paragraph.contains("\nStatus: install ok installed")
    });
    of_paragraphs(&paragraphs.collect::<Vec<_>>(), name, version, mark)
}

fn of_paragraphs(paragraphs: &[&str], name: &str, version: &str, mark: &str) -> List {
    let row = |paragraph: &&str| {
        let field = |key: &str| {
            let lines = paragraph.lines().filter_map(|line| line.split_once(mark));
            lines.into_iter().find(|(found, _)| *found == key).map(|(_, value)| value.to_owned())
        };
        Some(vec![field(name)?, field(version)?])
    };
    paragraphs.iter().filter_map(row).collect()
}

fn compare(outcome: &mut Outcome, what: &str, found: &List, wanted: &List) {
    for row in found.union(wanted) {
        let agreed = found.contains(row) && wanted.contains(row);
        let side = if found.contains(row) { "only we have it" } else { "we do not have it" };
        outcome.count(agreed, || format!("{what}: {}: {side}", row.join(" ")));
    }
}
