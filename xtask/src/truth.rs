//! `cargo xtask truth`: compares verdicts with those of other projects.
//!
//! A suite gets a directory and counts. The minimum accepted agreement is in `xtask/truth.toml`.
//! Cases are never skipped silently.

mod cyclonedx;
mod debian;
mod etcd;
mod falco;
mod images;
mod kubectl_corpus;
mod lockfiles;
mod netpol_analyzer;
mod network_policy_api;
mod oci_hostile;
mod osv_scanner;
pub(crate) mod pod_security;
mod purl;
mod regolibrary;
mod rpmdb;
mod secrets;
mod sigstore_conformance;
mod version_order;
mod yaml_values;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};

pub(crate) use images::read as inventory_of;
pub(crate) use osv_scanner::{Records, compare as compare_with_osv_scanner, records};

use crate::shared::{root, shared, unpack};

/// Arguments of `cargo xtask truth`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A suite, or `all`.
    name: String,
    /// Read this directory (the content of the suite's archive) instead of ../shared/truth.
    #[arg(long)]
    dir: Option<PathBuf>,
}

/// The result of a suite.
#[derive(Default)]
pub(crate) struct Outcome {
    agreed: usize,
    total: usize,
    /// Cases that cannot be compared, which are reported with the reason.
    left_out: usize,
    /// One text per case: its name, the expected and the actual result.
    disagreements: Vec<String>,
}

impl Outcome {
    fn count(&mut self, agreed: bool, disagreement: impl FnOnce() -> String) {
        self.total += 1;
        if agreed {
            self.agreed += 1;
        } else {
            self.disagreements.push(disagreement());
        }
    }

    pub(crate) fn show(&self) {
        for disagreement in &self.disagreements {
            println!("{disagreement}");
        }
        println!("agreed {} of {}", self.agreed, self.total);
    }

    /// Returns whether there are no disagreements.
    pub(crate) fn whole(&self) -> bool {
        self.disagreements.is_empty()
    }
}

struct Suite {
    name: &'static str,
    /// The file below `../shared`.
    file: &'static str,
    run: fn(&Path) -> anyhow::Result<Outcome>,
}

const SUITES: &[Suite] = &[
    Suite { name: "yaml-values", file: "truth/yaml-values.jsonl", run: yaml_values::run },
    Suite {
        name: "pod-security-standards",
        file: "truth/pod-security-standards.tar.zst",
        run: pod_security::run,
    },
    Suite {
        name: "kubectl-corpus",
        file: "data/manifests/corpus.tar.zst",
        run: kubectl_corpus::run,
    },
    Suite { name: "debian", file: "data/images/bullseye-web.truth.jsonl", run: debian::run },
    Suite { name: "cyclonedx", file: "truth/cyclonedx.tar.zst", run: cyclonedx::run },
    Suite {
        name: "encryption-config",
        file: "truth/encryption-config.tar.zst",
        run: etcd::configurations,
    },
    Suite { name: "etcd-snapshot", file: "truth/etcd-snapshot.tar.zst", run: etcd::snapshot },
    Suite { name: "falco-filters", file: "truth/falco-filters.tar.zst", run: falco::run },
    Suite { name: "images", file: "data/images", run: images::run },
    Suite { name: "lockfiles", file: "truth/lockfiles.tar.zst", run: lockfiles::run },
    Suite {
        name: "netpol-analyzer",
        file: "truth/netpol-analyzer.tar.zst",
        run: netpol_analyzer::run,
    },
    Suite {
        name: "network-policy-api",
        file: "truth/network-policy-api.tar.zst",
        run: network_policy_api::run,
    },
    Suite { name: "oci-hostile", file: "truth/oci-hostile.tar.zst", run: oci_hostile::run },
    Suite { name: "osv-scanner", file: "data/advisories", run: osv_scanner::run },
    Suite { name: "purl", file: "truth/purl.tar.zst", run: purl::run },
    Suite { name: "rpmdb", file: "truth/rpmdb.tar.zst", run: rpmdb::run },
    Suite { name: "regolibrary", file: "truth/regolibrary.tar.zst", run: regolibrary::run },
    Suite { name: "secrets", file: "truth/secrets.tar.zst", run: secrets::run },
    Suite {
        name: "sigstore-conformance",
        file: "truth/sigstore-conformance.tar.zst",
        run: sigstore_conformance::run,
    },
    Suite { name: "version-order", file: "truth/version-order.tar.zst", run: version_order::run },
];

/// Runs one suite or all of them; fails if one agrees less than required.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let all = args.name == "all";
    ensure!(!all || args.dir.is_none(), "--dir goes with one suite, not with `all`");
    let chosen: Vec<_> = SUITES.iter().filter(|suite| all || suite.name == args.name).collect();
    if chosen.is_empty() {
        let known: Vec<_> = SUITES.iter().map(|suite| suite.name).collect();
        bail!("no suite is called {}; there are {}, and all", args.name, known.join(", "));
    }
    let mut failed = Vec::new();
    for suite in chosen {
        println!("== {}", suite.name);
        if let Err(error) = run_one(suite, args.dir.as_deref()) {
            failed.push(format!("{}: {error:#}", suite.name));
        }
    }
    ensure!(failed.is_empty(), "{}", failed.join("\n"));
    Ok(())
}

fn run_one(suite: &Suite, dir: Option<&Path>) -> anyhow::Result<()> {
    let least = Least::of(suite.name)?;
    let unpacked = tempfile::tempdir()?;
    let folder = match dir {
        Some(dir) => dir.to_owned(),
        None => {
            let Some(file) = shared(suite.file) else { return Ok(()) };
            if suite.file.ends_with(".tar.zst") {
                unpack(&file, unpacked.path())?;
                unpacked.path().to_owned()
            } else if file.is_dir() {
                file
            } else {
                file.parent().context("a file in no folder")?.to_owned()
            }
        }
    };
    // An archive contains one directory with its own name.
    let name = suite.file.rsplit('/').next().and_then(|file| file.strip_suffix(".tar.zst"));
    let inner = folder.join(name.unwrap_or(suite.name));
    let outcome = (suite.run)(if inner.is_dir() { &inner } else { &folder })?;
    outcome.show();
    least.check(&outcome, dir.is_none())
}

/// The minimum accepted agreement.
struct Least {
    ratio: f64,
    count: usize,
}

impl Least {
    fn of(suite: &str) -> anyhow::Result<Self> {
        let path = root().join("xtask/truth.toml");
        let read = || -> anyhow::Result<Self> {
            let table: toml::Table = fs::read_to_string(&path)?.parse()?;
            let entry = table.get(suite).with_context(|| format!("no table [{suite}]"))?;
            let ratio = entry.get("ratio").and_then(toml::Value::as_float);
            let count = entry.get("count").and_then(toml::Value::as_integer);
            Ok(Self {
                ratio: ratio.with_context(|| format!("[{suite}] has no ratio"))?,
                count: usize::try_from(count.with_context(|| format!("[{suite}] has no count"))?)?,
            })
        };
        read().with_context(|| format!("reading {}", path.display()))
    }

    /// The count is checked only for the standard directory.
    fn check(&self, outcome: &Outcome, standard: bool) -> anyhow::Result<()> {
        let Outcome { agreed, total, left_out, .. } = *outcome;
        ensure!(total + left_out > 0, "no cases were found");
        #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 cases")]
        let ratio = if total == 0 { 1.0 } else { agreed as f64 / total as f64 };
        ensure!(ratio >= self.ratio, "agreement {ratio:.4} is below {:.4}", self.ratio);
        ensure!(
            !standard || agreed >= self.count,
            "{agreed} agreed cases are fewer than {}",
            self.count
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agreement_may_not_drop() {
        let least = Least { ratio: 0.9, count: 90 };
        let outcome = |agreed, total| Outcome { agreed, total, ..Outcome::default() };
        for (agreed, total, standard, accepted) in [
            (90, 100, true, true),
            (89, 100, true, false),
            (50, 50, true, false),
            (50, 50, false, true),
            (44, 50, false, false),
            (0, 0, false, false),
        ] {
            let said = least.check(&outcome(agreed, total), standard).is_ok();
            assert_eq!(said, accepted, "{agreed} of {total}, standard: {standard}");
        }
        // Rules without a counterpart.
        let foreign = Outcome { left_out: 1, ..Outcome::default() };
        assert!(least.check(&foreign, false).is_ok());
        assert!(least.check(&foreign, true).is_err());
    }

    #[test]
    fn every_suite_has_its_least_agreement() {
        for suite in SUITES {
            Least::of(suite.name).unwrap();
        }
    }
}
