//! Compares a simple evaluator with the engine on generated packets. A test of `netpol` runs a
//! tenth.

#![expect(clippy::unwrap_used, reason = "the evaluator is one of tests")]

#[path = "../../../crates/netpol/tests/second/mod.rs"]
mod second;

use anyhow::ensure;

pub(super) fn soak(count: u32, seed: u64) -> anyhow::Result<()> {
    let wrong = second::compare(count as usize, seed.wrapping_add(1_000));
    ensure!(wrong.is_empty(), "{} disagree:\n{}", wrong.len(), wrong.join("\n\n"));
    Ok(())
}
