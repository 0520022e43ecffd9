//! A node.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::state::State;

/// What a node is called.
pub(crate) fn name(node: u8) -> String {
    format!("node-{node}")
}

/// Starts the nodes of the shape.
pub(crate) fn start(state: &mut State, _folder: &Path) -> anyhow::Result<()> {
    if state.shape.nodes > 0 {
        bail!("nodes are not there yet");
    }
    Ok(())
}

/// Removes what nodes leave on the machine.
pub(crate) fn remove(_state: &State) -> anyhow::Result<()> {
    Ok(())
}

/// Runs a program of the system and wants it to succeed.
pub(crate) fn run(program: &str, args: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(program).args(args).output();
    let output = output.with_context(|| format!("running {program}"))?;
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        bail!("{program} {}: {}", args.join(" "), error.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
