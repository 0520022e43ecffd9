//! `cargo xtask osv-scanner`: uses osv-scanner as an independent check of vulnerability matching.
//!
//! Both get the same SBOMs and the same advisories (`../shared/data/advisories`), offline:
//! osv-scanner as ZIP archives like those of osv.dev, Pavisade as a database. The answers of
//! osv-scanner are stored in `tests/osv-scanner.tsv`, one line per package, so that `cargo xtask
//! truth osv-scanner` (and so `make test`) compares them without Go.
//!
//! Out of scope: what is compared and why the two differ (`truth/osv_scanner.rs`).

mod documents;
mod peer;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use pavisade_packages::Purl;
use serde_json::{Value, json};

pub(crate) use peer::{command, databases};

use crate::shared::{root, shared};
use crate::truth;

/// The file with the answers.
pub(crate) const KEPT: &str = "tests/osv-scanner.tsv";

/// Arguments of `cargo xtask osv-scanner`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The seed for drawing packages from the ranges of advisories.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The number of packages drawn, in percent of the default.
    #[arg(long, default_value_t = 100)]
    percent: usize,
    /// Store osv-scanner's answers for `make test` instead of only comparing them.
    #[arg(long)]
    record: bool,
    /// Keep SBOMs, archives and osv-scanner's answer in this directory, and use an existing answer.
    #[arg(long)]
    folder: Option<PathBuf>,
}

/// A package version to look up, with OSV's names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Asked {
    pub(crate) ecosystem: String,
    pub(crate) name: String,
    pub(crate) version: String,
}

/// The packages of an image or a source tree, without duplicates.
#[derive(Debug, Default)]
pub(crate) struct Document {
    pub(crate) name: String,
    pub(crate) packages: BTreeSet<Asked>,
}

/// A package, and the records that apply to it according to osv-scanner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) document: String,
    pub(crate) asked: Asked,
    pub(crate) records: BTreeSet<String>,
}

/// Asks osv-scanner, compares, and stores its answers.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let Some(advisories) = shared("data/advisories") else { return Ok(()) };
    let records = truth::records(&advisories)?;
    let documents = documents::all(&records, args.seed, args.percent)?;
    let packages: usize = documents.iter().map(|document| document.packages.len()).sum();
    println!("{} SBOMs with {packages} packages", documents.len());
    let temporary = tempfile::tempdir()?;
    let folder = args.folder.as_deref().unwrap_or(temporary.path());
    let answers = peer::ask(&documents, &records, &std::path::absolute(folder)?)?;
    if args.record {
        let path = root().join(KEPT);
        fs::write(&path, write(&answers)).with_context(|| format!("writing {}", path.display()))?;
        println!("kept in {KEPT}");
    }
    let outcome = truth::compare_with_osv_scanner(&answers, &records)?;
    outcome.show();
    ensure!(outcome.whole(), "they differ");
    Ok(())
}

impl Asked {
    /// Returns the package URL; `None` if osv-scanner does not read packages of the ecosystem from
    /// SBOMs.
    pub(crate) fn purl(&self) -> Option<Purl> {
        let (base, release) = self.ecosystem.split_once(':').unwrap_or((&self.ecosystem, ""));
        let (kind, separator) = match base {
            "Alpine" => ("apk", None),
            "CRAN" => ("cran", None),
            "crates.io" => ("cargo", None),
            "Debian" => ("deb", None),
            "Go" => ("golang", Some('/')),
            "Hex" => ("hex", None),
            "Maven" => ("maven", Some(':')),
            "npm" => ("npm", Some('/')),
            "NuGet" => ("nuget", None),
            "Packagist" => ("composer", Some('/')),
            "Pub" => ("pub", None),
            "PyPI" => ("pypi", None),
            "RubyGems" => ("gem", None),
            _ => return None,
        };
        let system = match base {
            "Alpine" if release == "edge" => Some(("alpine", "alpine-edge".to_owned())),
            "Alpine" => Some(("alpine", format!("alpine-{}.0", release.trim_start_matches('v')))),
            "Debian" => Some(("debian", format!("debian-{release}"))),
            _ => None,
        };
        let (namespace, name) = match (&system, separator) {
            (Some((id, _)), _) => (*id, &*self.name),
            (None, Some(separator)) => self.name.rsplit_once(separator).unwrap_or(("", &self.name)),
            (None, None) => ("", &*self.name),
        };
        let qualifiers = system.iter().map(|(_, distro)| ("distro".to_owned(), distro.clone()));
        Purl::new(kind, namespace, name, &self.version, qualifiers, "").ok()
    }
}

impl Document {
    /// Returns the document as CycloneDX.
    pub(crate) fn sbom(&self) -> Value {
        let component = |asked: &Asked| {
            let purl = asked.purl()?;
            Some(json!({"type": "library", "bom-ref": purl.to_string(), "name": asked.name,
                "version": asked.version, "purl": purl.to_string()}))
        };
        let components: Vec<_> = self.packages.iter().filter_map(component).collect();
        json!({"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
            "metadata": {"component": {"type": "container", "name": self.name}},
            "components": components})
    }
}

fn write(answers: &[Answer]) -> String {
    let mut out =
        String::from("# document\tecosystem\tname\tversion\trecords by osv-scanner 2.6.0\n");
    for Answer { document, asked: Asked { ecosystem, name, version }, records } in answers {
        let records = records.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
        let _ = writeln!(out, "{document}\t{ecosystem}\t{name}\t{version}\t{records}");
    }
    out
}

/// Returns the stored answers.
pub(crate) fn kept() -> anyhow::Result<Vec<Answer>> {
    let path = root().join(KEPT);
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let mut answers = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let columns: Vec<_> = line.split('\t').collect();
        ensure!(columns.len() == 5, "{}: `{line}` is no answer", path.display());
        answers.push(Answer {
            document: columns[0].to_owned(),
            asked: Asked {
                ecosystem: columns[1].to_owned(),
                name: columns[2].to_owned(),
                version: columns[3].to_owned(),
            },
            records: columns[4].split_whitespace().map(str::to_owned).collect(),
        });
    }
    Ok(answers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(ecosystem: &str, name: &str, version: &str) -> Asked {
        let [ecosystem, name, version] = [ecosystem, name, version].map(str::to_owned);
        Asked { ecosystem, name, version }
    }

    #[test]
    fn packages_have_the_urls_that_tools_write() {
        for (one, wanted) in [
            (asked("npm", "@babel/core", "7.0.0"), Some("pkg:npm/%40babel/core@7.0.0")),
            (asked("Maven", "org.slf4j:slf4j-api", "1"), Some("pkg:maven/org.slf4j/slf4j-api@1")),
            (asked("Go", "stdlib", "v1.20"), Some("pkg:golang/stdlib@v1.20")),
            (asked("Debian:11", "curl", "7"), Some("pkg:deb/debian/curl@7?distro=debian-11")),
            (
                asked("Alpine:v3.18", "curl", "8-r0"),
                Some("pkg:apk/alpine/curl@8-r0?distro=alpine-3.18.0"),
            ),
            (
                asked("Alpine:edge", "curl", "8-r0"),
                Some("pkg:apk/alpine/curl@8-r0?distro=alpine-edge"),
            ),
            (asked("AlmaLinux:8", "curl", "7"), None),
        ] {
            assert_eq!(one.purl().map(|purl| purl.to_string()).as_deref(), wanted);
        }
    }

    #[test]
    fn what_is_kept_is_written_and_read() {
        let all = kept().unwrap();
        assert!(all.len() >= 5_000, "{}", all.len());
        let documents: BTreeSet<_> = all.iter().map(|answer| &answer.document).collect();
        assert!(documents.len() >= 20, "{documents:?}");
        let path = root().join(KEPT);
        assert_eq!(write(&all), fs::read_to_string(path).unwrap());
    }
}
