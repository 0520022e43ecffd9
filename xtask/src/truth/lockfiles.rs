//! `lockfiles`: compares lock files, manifests and package databases with the results of
//! osv-scalibr.
//!
//! For a package, the name, version, type, groups and commit are compared; for a path, whether it
//! is read. Packages are compared as a set, since Pavisade lists each once. The version of a Go
//! module has a `v` only in Pavisade. Left out are package URLs and ecosystem names, which the
//! suites `purl` and `version-order` cover, cases of unsupported options, and readers that are not
//! in [`SCOPE`].
//!
//! Intended differences, with the document that justifies them:
//! - `gomod`: none.
//! - `gradleverificationmetadataxml/missing attribute`: a component without a group is not a
//!   package (`dependency-verification-1.3.xsd`: the attributes are required); it is reported as a
//!   problem.
//! - `pipfilelock/package without version`: a dependency from a repository has a commit instead.
//! - `pnpmlock/mixed groups`: `optional: true` of a package is its group, like `dev: true`.
//! - `pomxml/multi version dependency`: Maven uses the last of two declarations
//!   (`DefaultModelNormalizer`).
//! - `requirements`: a requirement with a URL (PEP 508 `name @ url`) and a wheel by path (PEP 427)
//!   are packages; text after a version is an error in pip.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use pavisade_packages::{Contents, Kind, LockFile, Package, Reader};
use serde::Deserialize;
use serde_json::Value;

use super::Outcome;

/// The readers of osv-scalibr that have a counterpart.
const SCOPE: &[(&str, Reader)] = &[
    ("language/golang/gomod", Reader::Lock(LockFile::GoMod)),
    ("language/java/archive", Reader::Jar),
    ("language/java/gradlelockfile", Reader::Lock(LockFile::Gradle)),
    ("language/java/gradleverificationmetadataxml", Reader::Lock(LockFile::GradleVerification)),
    ("language/java/pomxml", Reader::Lock(LockFile::Pom)),
    ("language/javascript/packagejson", Reader::Node),
    ("language/javascript/packagelockjson", Reader::Lock(LockFile::Npm)),
    ("language/javascript/pnpmlock", Reader::Lock(LockFile::Pnpm)),
    ("language/javascript/yarnlock", Reader::Lock(LockFile::Yarn)),
    ("language/python/pipfilelock", Reader::Lock(LockFile::Pipfile)),
    ("language/python/poetrylock", Reader::Lock(LockFile::Poetry)),
    ("language/python/requirements", Reader::Lock(LockFile::Requirements)),
    ("language/python/uvlock", Reader::Lock(LockFile::Uv)),
    ("language/python/wheelegg", Reader::Python),
    ("language/rust/cargolock", Reader::Lock(LockFile::Cargo)),
    ("os/apk", Reader::Apk),
    ("os/dpkg", Reader::Dpkg),
    ("os/rpm", Reader::Rpm),
];

/// Options that do not affect what is compared.
const OPTIONS: [&str; 3] = ["osrelease", "isOPKG", "extractFilename"];

#[derive(Deserialize)]
struct Case {
    id: String,
    reader: String,
    #[serde(default)]
    input: String,
    text: Option<String>,
    r#as: Option<String>,
    #[serde(default)]
    packages: Vec<Wanted>,
    error: Option<Value>,
    #[serde(default)]
    options: serde_json::Map<String, Value>,
}

#[derive(Deserialize)]
struct Wanted {
    name: Value,
    version: Value,
    r#type: Value,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    source: Value,
}

#[derive(Deserialize)]
struct PathCase {
    id: String,
    reader: String,
    path: String,
    required: bool,
}

/// The compared fields of a package.
type Compared = (String, String, String, Vec<String>, String);

pub(super) fn run(folder: &Path) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    let lines = |name: &str| {
        let path = folder.join(format!("{name}.jsonl"));
        fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
    };
    for line in lines("packages")?.lines() {
        let case: Case = serde_json::from_str(line)?;
        let reader = reader(&case.reader);
        let is_known = case.options.keys().all(|option| OPTIONS.contains(&option.as_str()));
        let (Some(reader), true) = (reader, is_known) else {
            outcome.left_out += 1;
            continue;
        };
        let contents = contents(folder, &case, reader).with_context(|| case.id.clone())?;
        let got: BTreeSet<Compared> = contents.packages.iter().map(ours).collect();
        let wanted: BTreeSet<Compared> = case.packages.iter().map(|w| theirs(w, &got)).collect();
        let refused = !contents.problems.is_empty();
        let agreed = got == wanted && (refused || case.error.is_none());
        outcome.count(agreed, || {
            let missing: Vec<_> = wanted.difference(&got).collect();
            let more: Vec<_> = got.difference(&wanted).collect();
            format!("{}\n  missing {missing:?}\n  more    {more:?}", case.id)
        });
    }
    println!("packages: agreed {} of {}", outcome.agreed, outcome.total);
    for line in lines("required")?.lines() {
        let case: PathCase = serde_json::from_str(line)?;
        let Some(reader) = reader(&case.reader) else {
            outcome.left_out += 1;
            continue;
        };
        let wants = [Reader::of(&case.path), Reader::of_source(&case.path)];
        let got = wants.iter().flatten().any(|want| is_of(want.reader, reader));
        outcome.count(got == case.required, || {
            format!("{}\n  want {}, got {got}", case.id, case.required)
        });
    }
    Ok(outcome)
}

fn reader(name: &str) -> Option<Reader> {
    SCOPE.iter().find(|(theirs, _)| *theirs == name).map(|(_, ours)| *ours)
}

/// Returns whether a reader of osv-scalibr corresponds to a reader, which may be one of several.
fn is_of(found: Reader, reader: Reader) -> bool {
    let both = |all: &[Reader]| all.contains(&found) && all.contains(&reader);
    found == reader
        || both(&[Reader::Dpkg, Reader::DpkgStatusD, Reader::Opkg])
        || both(&[Reader::Python, Reader::PythonArchive])
}

fn contents(folder: &Path, case: &Case, reader: Reader) -> anyhow::Result<Contents> {
    let files = folder.join("files").join(&case.reader);
    let read = |path: &str| fs::read(files.join(path)).ok();
    let bytes = match &case.text {
        Some(text) => text.clone().into_bytes(),
        None => read(&case.input).with_context(|| format!("no file {}", case.input))?,
    };
    let path = case.r#as.as_ref().unwrap_or(&case.input);
    let reader = match reader {
        Reader::Dpkg if case.options.contains_key("isOPKG") => Reader::Opkg,
        Reader::Dpkg if path.contains("status.d/") => {
            match Reader::of(&format!("var/lib/dpkg/status.d/{}", last(path))) {
                Some(want) => want.reader,
                None => return Ok(Contents::default()),
            }
        }
        Reader::Python if bytes.starts_with(b"PK") => Reader::PythonArchive,
        reader => reader,
    };
    // All but two of its JAR tests ignore the file name.
    let path = match reader {
        Reader::Jar if !case.options.contains_key("extractFilename") => "",
        _ => path.as_str(),
    };
    // The checksums of `NAME.mod` are in `NAME.sum`.
    let beside = |other: &str| match other.strip_suffix("go.sum") {
        Some(_) => read(&path.replace(".mod", ".sum")),
        None => read(other),
    };
    Ok(reader.read_beside(path, &bytes, &beside))
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn ours(package: &Package) -> Compared {
    let Package { kind, name, version, groups, commit, .. } = package;
    let version = match kind {
        Kind::Golang => version.strip_prefix('v').unwrap_or(version),
        _ => version,
    };
    let mut groups = groups.clone();
    groups.sort();
    (name.clone(), version.to_owned(), kind.name().to_owned(), groups, commit.clone())
}

/// Returns the expected package. A value that was lost when the suite was created (`_ref`) is taken
/// from the most similar package found.
fn theirs(wanted: &Wanted, got: &BTreeSet<Compared>) -> Compared {
    let (name, version) = (text(&wanted.name), text(&wanted.version));
    let near = got.iter().find(|(n, v, ..)| {
        name.as_ref().is_none_or(|name| name == n) && version.as_ref().is_none_or(|ver| ver == v)
    });
    let mut groups = wanted.groups.clone();
    groups.sort();
    (
        name.or_else(|| Some(near?.0.clone())).unwrap_or_default(),
        version.or_else(|| Some(near?.1.clone())).unwrap_or_default(),
        text(&wanted.r#type).or_else(|| Some(near?.2.clone())).unwrap_or_default(),
        groups,
        wanted.source.get("commit").and_then(text).unwrap_or_default(),
    )
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}
