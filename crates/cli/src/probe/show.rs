//! `pavisade probe show`: prints a file, as a canary pod.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use anyhow::Context as _;

use super::serve;
use crate::Outcome;

/// The most bytes that are printed.
const MOST: u64 = 4096;

pub(super) fn run(file: &Path, port: Option<u16>) -> anyhow::Result<Outcome> {
    let told = || file.display().to_string();
    let opened = File::open(file).with_context(told)?;
    let mut out = io::stdout().lock();
    io::copy(&mut opened.take(MOST), &mut out).with_context(told)?;
    out.flush().with_context(told)?;
    drop(out);
    port.map_or(Ok(Outcome::Clean), serve::run)
}
