//! The table of types that `pavisade-drift` reads, generated from the Kubernetes sources.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::shared::root;

/// The modules with the types, in the order that the Go program expects.
const MODULES: [&str; 4] = [
    "k8s.io/api",
    "k8s.io/apimachinery",
    "k8s.io/apiextensions-apiserver",
    "k8s.io/kube-aggregator",
];

/// Writes `crates/drift/src/types.txt` for the versions that the test cluster pins.
pub(crate) fn run() -> anyhow::Result<()> {
    let tools = root().join("tests/tools");
    let folders = go(&["list", "-m", "-f", "{{.Dir}}"], &MODULES, &tools.join("control-plane"))?;
    let folders: Vec<_> = folders.lines().collect();
    ensure!(
        folders.len() == MODULES.len() && folders.iter().all(|folder| !folder.is_empty()),
        "the modules' sources are not there: run `go mod download` in tests/tools/control-plane"
    );
    let table = go(&["run", "."], &folders, &tools.join("api-types"))?;
    let file = root().join("crates/drift/src/types.txt");
    fs::write(&file, table).with_context(|| format!("writing {}", file.display()))
}

fn go(start: &[&str], rest: &[&str], folder: &std::path::Path) -> anyhow::Result<String> {
    let output = Command::new("go")
        .args(start)
        .args(rest)
        .current_dir(folder)
        .output()
        .context("starting go, which must be on the PATH")?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "go {}: {error}", start.join(" "));
    Ok(String::from_utf8(output.stdout)?)
}
