//! The SBOMs to compare: images and lock files of `../shared`, and packages drawn from the
//! advisories.
//!
//! The version of a drawn package is one that a record names for it: a bound of a range, a listed
//! version or a fixed version. So it is at the bounds of one record and anywhere in the ranges of
//! others. For distributions, source packages are drawn, since osv-scanner does not know the source
//! package of a package in an SBOM.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use pavisade_packages::{Kind, LockFile, Package, Reader};
use serde_json::Value;

use super::{Asked, Document};
use crate::random::Random;
use crate::shared::{files, shared, unpack};
use crate::truth::{self, Records};

/// The ecosystems from whose records packages are drawn: how many, and in how many documents.
const DRAWN: [(&str, usize, usize); 22] = [
    ("Alpine:edge", 150, 1),
    ("Alpine:v3.12", 200, 1),
    ("Alpine:v3.18", 200, 1),
    ("Alpine:v3.22", 150, 1),
    ("Alpine:v3.23", 200, 1),
    ("CRAN", 20, 1),
    ("crates.io", 400, 2),
    ("Debian:10", 200, 1),
    ("Debian:11", 300, 1),
    ("Debian:12", 300, 1),
    ("Debian:13", 100, 1),
    ("Go", 600, 2),
    ("Hex", 100, 1),
    ("Maven", 500, 2),
    ("npm", 500, 2),
    ("NuGet", 250, 1),
    ("Packagist", 400, 2),
    ("PyPI", 800, 2),
    ("RubyGems", 300, 1),
    // Releases with few records.
    ("Alpine:v3.4", 50, 1),
    ("Debian:8", 60, 1),
    ("Debian:9", 60, 1),
];

/// Returns all documents in order.
pub(super) fn all(records: &Records, seed: u64, percent: usize) -> anyhow::Result<Vec<Document>> {
    let mut documents = images()?;
    documents.extend(lock_files()?);
    let versions = versions(records)?;
    let mut random = Random(seed);
    for (ecosystem, count, parts) in DRAWN {
        let Some(known) = versions.get(ecosystem) else { continue };
        let names: Vec<_> = known.keys().collect();
        for part in 1..=parts {
            let mut document =
                Document { name: format!("drawn-{ecosystem}-{part}"), ..Document::default() };
            let wanted = (count / parts * percent / 100).max(1);
            for _ in 0..wanted * 4 {
                if document.packages.len() == wanted {
                    break;
                }
                let name = *random.pick(&names);
                let versions: Vec<_> = known[name].iter().collect();
                let version = (*random.pick(&versions)).clone();
                let asked = Asked { ecosystem: ecosystem.to_owned(), name: name.clone(), version };
                if asked.purl().is_some() {
                    document.packages.insert(asked);
                }
            }
            documents.push(document);
        }
    }
    documents.retain(|document| !document.packages.is_empty());
    Ok(documents)
}

/// The versions named in records, by ecosystem and package.
type Versions = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

fn versions(records: &Records) -> anyhow::Result<Versions> {
    let mut versions = Versions::new();
    for line in records.values().flat_map(|lines| lines.split(|byte| *byte == b'\n')) {
        if line.is_empty() {
            continue;
        }
        let record: Value = serde_json::from_slice(line)?;
        for affected in record["affected"].as_array().into_iter().flatten() {
            let text = |key: &str| affected["package"][key].as_str().unwrap_or_default().to_owned();
            let (mut ecosystem, name) = (text("ecosystem"), text("name"));
            match ecosystem.split_once(':') {
                None if ecosystem == "Alpine" => ecosystem = "Alpine:edge".to_owned(),
                // Repositories of a language.
                Some(("Packagist", _)) => ecosystem = "Packagist".to_owned(),
                _ => {}
            }
            let of_package =
                versions.entry(ecosystem.clone()).or_default().entry(name).or_default();
            let events = affected["ranges"].as_array().into_iter().flatten();
            let events = events.filter_map(|range| range["events"].as_array()).flatten();
            let of_events = events.filter_map(Value::as_object).flat_map(serde_json::Map::values);
            let listed = affected["versions"].as_array().into_iter().flatten();
            let fixed = ["database_specific", "ecosystem_specific"].map(|key| &affected[key]);
            let fixed = fixed.into_iter().filter_map(|o| o["fixed_versions"].as_array()).flatten();
            for version in of_events.chain(listed).chain(fixed).filter_map(Value::as_str) {
                // Go modules have a `v` in every source.
                let is_module =
                    ecosystem == "Go" && version.starts_with(|c: char| c.is_ascii_digit());
                let version = if is_module { format!("v{version}") } else { version.to_owned() };
                let is_plain = !version.is_empty() && !version.contains(['\t', ' ', '/']);
                if is_plain && version != "0" && version != "v0" {
                    of_package.insert(version);
                }
            }
        }
    }
    for packages in versions.values_mut() {
        packages.retain(|name, versions| !versions.is_empty() && !name.contains(['\t', ' ']));
    }
    Ok(versions)
}

fn images() -> anyhow::Result<Vec<Document>> {
    let mut documents = Vec::new();
    let folder = tempfile::tempdir()?;
    for (name, unpacked) in [
        ("oci-debian-bullseye-web-vulnapp", "debian-bullseye-web-vulnapp"),
        ("oci-debian-bookworm-minbase", "debian-bookworm"),
    ] {
        let Some(archive) = shared(&format!("data/images/{name}.tar.zst")) else { continue };
        unpack(&archive, folder.path())?;
        documents.push(image(name, &folder.path().join(unpacked))?);
    }
    for name in ["alpine-minirootfs-3.12.12-x86_64", "alpine-minirootfs-3.18.9-x86_64"] {
        let Some(archive) = shared(&format!("data/images/{name}.tar.gz")) else { continue };
        documents.push(image(name, &archive)?);
    }
    for name in ["bullseye-fat", "bullseye-web"] {
        let Some(status) = shared(&format!("data/images/{name}.dpkg-status")) else { continue };
        let contents = Reader::Dpkg.read(&fs::read(status)?);
        let packages = contents.packages.iter().filter_map(|p| asked(p, "Debian:11")).collect();
        documents.push(Document { name: name.to_owned(), packages });
    }
    Ok(documents)
}

fn image(name: &str, path: &Path) -> anyhow::Result<Document> {
    let found = truth::inventory_of(path)?;
    let distribution = found.distribution.as_ref().context("no distribution")?;
    let numbers: Vec<_> = distribution.version.split('.').collect();
    let system = match (&*distribution.id, &*numbers) {
        ("alpine", [major, minor, ..]) => format!("Alpine:v{major}.{minor}"),
        (_, [major, ..]) => format!("Debian:{major}"),
        _ => String::new(),
    };
    // Packages owned by a system package are covered by the advisories of the system.
    let own = found.packages.iter().filter(|found| found.owner.is_none());
    let packages = own.filter_map(|found| asked(&found.package, &system)).collect();
    Ok(Document { name: name.to_owned(), packages })
}

/// Returns the lock files of the suite `lockfiles`, one document per format.
fn lock_files() -> anyhow::Result<Vec<Document>> {
    const FORMS: [(&str, LockFile); 11] = [
        ("golang/gomod", LockFile::GoMod),
        ("java/gradlelockfile", LockFile::Gradle),
        ("java/gradleverificationmetadataxml", LockFile::GradleVerification),
        ("java/pomxml", LockFile::Pom),
        ("javascript/packagelockjson", LockFile::Npm),
        ("javascript/pnpmlock", LockFile::Pnpm),
        ("javascript/yarnlock", LockFile::Yarn),
        ("python/pipfilelock", LockFile::Pipfile),
        ("python/poetrylock", LockFile::Poetry),
        ("python/requirements", LockFile::Requirements),
        ("rust/cargolock", LockFile::Cargo),
    ];
    let Some(archive) = shared("truth/lockfiles.tar.zst") else { return Ok(Vec::new()) };
    let folder = tempfile::tempdir()?;
    unpack(&archive, folder.path())?;
    let mut documents = Vec::new();
    for (form, reader) in FORMS {
        let below = folder.path().join("lockfiles/files/language").join(form);
        let mut packages = BTreeSet::new();
        let ends = ["json", "lock", "lockfile", "mod", "txt", "xml", "yaml", "toml"];
        for file in files(&below, &ends)? {
            let bytes = fs::read(below.join(&file))?;
            let contents = Reader::Lock(reader).read_beside(&file, &bytes, &|_| None);
            packages.extend(contents.packages.iter().filter_map(|p| asked(p, "")));
        }
        let name = format!("lock-{}", form.rsplit('/').next().unwrap_or(form));
        documents.push(Document { name, packages });
    }
    Ok(documents)
}

/// Returns a package with OSV's names; `None` if it has no fixed version or cannot be looked up.
fn asked(package: &Package, system: &str) -> Option<Asked> {
    let ecosystem = match package.kind {
        Kind::Apk | Kind::Deb => system,
        Kind::Cargo => "crates.io",
        Kind::Golang => "Go",
        Kind::Maven => "Maven",
        Kind::Npm => "npm",
        Kind::Pypi => "PyPI",
        Kind::Opkg | Kind::Rpm | Kind::Other => return None,
    };
    let source = package.source.as_ref().filter(|_| package.kind.is_of_system());
    let (name, version) =
        source.map_or((&package.name, &package.version), |source| (&source.name, &source.version));
    if package.bound || package.local || version.is_empty() || ecosystem.is_empty() {
        return None;
    }
    let asked =
        Asked { ecosystem: ecosystem.to_owned(), name: name.clone(), version: version.clone() };
    let is_plain = ![&asked.name, &asked.version].iter().any(|t| t.contains(['\t', ' ', '$']));
    (is_plain && asked.purl().is_some()).then_some(asked)
}
