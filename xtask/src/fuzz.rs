//! `cargo xtask fuzz`: runs the fuzz targets for some time.
//!
//! Needs nightly Rust and cargo-fuzz. Seeds are the inputs of the truth suite and the example
//! files; the corpus that the fuzzer builds stays in `fuzz/corpus`, outside git.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::shared::{files, root, shared, unpack};

/// Arguments of `cargo xtask fuzz`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The duration in minutes.
    #[arg(long, default_value_t = 10)]
    minutes: u64,

    /// Only these targets.
    #[arg(long, value_delimiter = ',')]
    targets: Vec<String>,
}

const TARGETS: &[&str] = &[
    "documents",
    "snapshot",
    "config",
    "images",
    "installed",
    "lockfiles",
    "rpmdb",
    "jars",
    "go_binaries",
    "advisories",
    "database",
    "signatures",
    "network",
    "versions",
    "vex",
    "authentication",
    "probes",
    "rbac",
    "rules",
    "events",
    "audit",
    "etcd",
    "baselines",
    "sensor",
];

/// Fuzzes every target, sharing the time between them.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let is_meant = |target: &&str| {
        args.targets.is_empty() || args.targets.iter().any(|wanted| wanted == target)
    };
    let targets: Vec<_> = TARGETS.iter().copied().filter(is_meant).collect();
    ensure!(!targets.is_empty(), "no such target: {}", TARGETS.join(", "));
    let seconds = args.minutes * 60 / targets.len() as u64;
    for target in targets {
        let corpus = root().join("fuzz/corpus").join(target);
        fs::create_dir_all(&corpus)?;
        match target {
            "documents" => seed(&corpus)?,
            "lockfiles" => seed_lock_files(&corpus)?,
            "installed" => seed_installed(&corpus)?,
            _ => {}
        }
        let status = Command::new("cargo")
            .args(["+nightly", "fuzz", "run", target, "--"])
            .arg(format!("-max_total_time={seconds}"))
            .args(["-max_len=8192", "-rss_limit_mb=2048", "-timeout=10"])
            .current_dir(root())
            .status()
            .context("running cargo +nightly fuzz (install it with `cargo install cargo-fuzz`)")?;
        ensure!(status.success(), "{target}: the fuzzer found something, see fuzz/artifacts");
    }
    Ok(())
}

/// Adds the lock files of the truth suite, each after the selector of the format of its directory.
fn seed_lock_files(corpus: &Path) -> anyhow::Result<()> {
    /// In the order of the target's paths.
    const FORMS: [&str; 12] = [
        "cargolock",
        "gomod",
        "gradlelockfile",
        "gradleverificationmetadataxml",
        "packagelockjson",
        "pipfilelock",
        "pnpmlock",
        "poetrylock",
        "pomxml",
        "requirements",
        "uvlock",
        "yarnlock",
    ];
    let Some(archive) = shared("truth/lockfiles.tar.zst") else { return Ok(()) };
    let unpacked = tempfile::tempdir()?;
    unpack(&archive, unpacked.path())?;
    let extensions = ["lock", "json", "yaml", "xml", "txt", "mod"];
    for (file, number) in files(unpacked.path(), &extensions)?.iter().zip(1..) {
        let form = |form: &str| file.contains(&format!("/{form}/"));
        if let Some(selector) = FORMS.iter().position(|name| form(name)) {
            let text = fs::read(unpacked.path().join(file))?;
            let seed = [&[u8::try_from(selector)?], &text[..]].concat();
            fs::write(corpus.join(format!("seed-{number}")), seed)?;
        }
    }
    Ok(())
}

/// Adds one small file of each format, after the selector of its path in the target.
fn seed_installed(corpus: &Path) -> anyhow::Result<()> {
    const DEBIAN: &str = "Package: a\nStatus: install ok installed\nArchitecture: amd64\n\
                          Source: s (1)\nVersion: 1:2-3\nDescription: x\n more\n\nPackage: b\n\
                          Status: install ok unpacked\nVersion: 2\n";
    const ALPINE: &str = "P:a\nV:1.2-r0\nA:x86_64\nL:MIT\no:b\nF:bin\nR:sh\n\nP:b\nV:2\n";
    const PYTHON: &str = "Metadata-Version: 2.1\nName: a\nVersion: 1\nLicense: MIT\n\ntext\n";
    const NODE: &str = r#"{"name": "@s/a", "version": "1.0.0", "license": {"type": "MIT"}}"#;
    let texts = [DEBIAN, ALPINE, DEBIAN, DEBIAN, PYTHON, PYTHON, NODE];
    for (text, selector) in texts.into_iter().zip(0_u8..) {
        let seed = [&[selector], text.as_bytes()].concat();
        fs::write(corpus.join(format!("seed-{selector}")), seed)?;
    }
    Ok(())
}

fn seed(corpus: &Path) -> anyhow::Result<()> {
    let mut number = 0;
    let mut write = |selector: u8, text: &[u8]| {
        number += 1;
        fs::write(corpus.join(format!("seed-{number}")), [&[selector], text].concat())
    };
    for file in files(&root().join("examples"), &["yaml"])? {
        write(0, &fs::read(root().join("examples").join(file))?)?;
    }
    for file in files(&root().join("crates/checks/tests"), &["md"])? {
        let text = fs::read_to_string(root().join("crates/checks/tests").join(file))?;
        for block in text.split("```yaml").skip(1) {
            let block = block.split("```").next().unwrap_or("");
            write(1, block.split_once('\n').map_or("", |(_, yaml)| yaml).as_bytes())?;
        }
    }
    if let Some(path) = shared("truth/yaml-values.jsonl") {
        for line in fs::read_to_string(path)?.lines() {
            let case: serde_json::Value = serde_json::from_str(line)?;
            write(2, case["input"].as_str().unwrap_or("").as_bytes())?;
        }
    }
    Ok(())
}
