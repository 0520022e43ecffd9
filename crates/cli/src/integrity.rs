//! `pavisade integrity`.

mod baseline;
mod image;
mod pinned;
mod verify;
mod watch;

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::builder::PossibleValuesParser;
use pavisade_files::Rate;
use pavisade_integrity::{Algorithm, Digest, PRESETS};
use pavisade_signing::PublicKey;
use pavisade_sources::Progress as _;

use crate::args::integrity::{IntegrityArgs, IntegrityCommand, NodeArgs};
use crate::progress::Spinner;
use crate::{Outcome, bounded, terminal};

pub(crate) fn run(args: &IntegrityArgs) -> anyhow::Result<Outcome> {
    match &args.command {
        IntegrityCommand::Baseline(args) => baseline::make(args),
        IntegrityCommand::Sign(args) => baseline::sign(args),
        IntegrityCommand::Show(args) => baseline::show(args),
        IntegrityCommand::Publish(args) => pinned::publish(args),
        IntegrityCommand::Verify(args) => verify::run(args),
        IntegrityCommand::Watch(args) => watch::run(args),
        IntegrityCommand::Image(args) => image::run(args),
    }
}

/// Returns the parser of names of presets, which are also completed by shells.
pub(crate) fn preset_parser() -> PossibleValuesParser {
    let value = |preset: &'static pavisade_integrity::Preset| {
        clap::builder::PossibleValue::new(preset.name).help(preset.about)
    };
    PossibleValuesParser::new(PRESETS.iter().map(value))
}

/// Reads public keys.
fn public_keys(files: &[PathBuf]) -> anyhow::Result<Vec<PublicKey>> {
    const MAX_KEY: u64 = 1 << 20;
    let one = |file: &PathBuf| {
        let pem = bounded::text(file, MAX_KEY)?;
        PublicKey::from_pem(&pem).with_context(|| format!("reading the key {}", file.display()))
    };
    files.iter().map(one).collect()
}

/// Reads a digest as a baseline shows it.
fn expected(text: &str) -> anyhow::Result<Digest> {
    digest("--expect", text)
}

/// Reads a digest that an option gives.
fn digest(option: &str, text: &str) -> anyhow::Result<Digest> {
    let digest =
        text.strip_prefix("sha256:").and_then(|hex| Digest::from_hex(Algorithm::Sha256, hex));
    digest
        .with_context(|| format!("{option} {text:?}: must be `sha256:` and 64 hexadecimal digits"))
}

/// Returns a path of the node, which must be absolute and plain.
fn of_node(path: &Path) -> anyhow::Result<Box<[u8]>> {
    let bytes = path.as_os_str().as_bytes();
    let names = bytes.split(|byte| *byte == b'/').filter(|name| !name.is_empty() && *name != b".");
    if !bytes.starts_with(b"/") || names.clone().any(|name| name == b"..") {
        bail!("{}: must be an absolute path of the node without `..`", path.display());
    }
    let mut plain = Vec::new();
    for name in names {
        plain.push(b'/');
        plain.extend_from_slice(name);
    }
    if plain.is_empty() {
        plain.push(b'/');
    }
    Ok(plain.into())
}

fn of_node_all(paths: &[PathBuf]) -> anyhow::Result<Vec<Box<[u8]>>> {
    paths.iter().map(|path| of_node(path)).collect()
}

impl NodeArgs {
    /// Returns the node at the root.
    fn found(&self) -> anyhow::Result<pavisade_integrity::Node> {
        if !self.root.is_dir() {
            bail!("--root {}: it is not a folder", self.root.display());
        }
        let node = pavisade_files::node(&self.root, self.node.as_deref());
        let node =
            node.with_context(|| format!("reading the node below {}", self.root.display()))?;
        if node.name.is_empty() && node.machine_id.is_empty() {
            bail!(
                "{} has neither etc/hostname nor etc/machine-id: name the node with --node",
                self.root.display()
            );
        }
        Ok(node)
    }

    fn rate(&self) -> Option<Rate> {
        self.max_mbps.map(|megabytes| Rate::new(u64::from(megabytes) * 1_000_000))
    }

    /// Lowers the priority of this process.
    fn be_idle(&self) {
        if self.idle
            && let Err(error) = pavisade_files::be_idle()
        {
            terminal::say("warning", &format!("the priority could not be lowered: {error}"));
        }
    }

    /// Runs long work and shows how many files are done.
    fn shown<T>(&self, work: impl FnOnce(&AtomicUsize) -> T) -> T {
        let (spinner, count) = (Spinner::new(self.quiet), AtomicUsize::new(0));
        let done = std::thread::scope(|scope| {
            let (finished, waiting) = channel::<()>();
            let (spinner, count) = (&spinner, &count);
            scope.spawn(move || {
                while waiting.recv_timeout(Duration::from_millis(200))
                    == Err(RecvTimeoutError::Timeout)
                {
                    spinner.stage(&format!("Reading: {} files", count.load(Ordering::Relaxed)));
                }
            });
            let done = work(count);
            drop(finished);
            done
        });
        spinner.finish();
        done
    }
}
