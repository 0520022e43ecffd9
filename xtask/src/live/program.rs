//! Runs `pavisade scan` and parses its JSON.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::shared::root;

/// The built program.
pub(super) struct Program(PathBuf);

/// A finding in the JSON output.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Found {
    pub(super) check: String,
    /// Kind, namespace and name; `None` for the whole world.
    pub(super) object: Option<[String; 3]>,
    pub(super) container: String,
    pub(super) path: String,
    pub(super) state: String,
    pub(super) severity: String,
    pub(super) message: String,
    /// File and line, if known.
    pub(super) place: Option<(String, u64)>,
}

impl Program {
    /// Builds the program like `cargo test`.
    pub(super) fn build() -> anyhow::Result<Self> {
        let mut cargo = Command::new("cargo");
        let status = cargo.args(["build", "--quiet", "--bin", "pavisade"]).current_dir(root());
        ensure!(status.status().context("running cargo")?.success(), "pavisade does not build");
        Ok(Self(root().join("target/debug/pavisade")))
    }

    /// Returns the output of `pavisade scan`, run from the root of this checkout.
    pub(super) fn text(&self, args: &[&str]) -> anyhow::Result<String> {
        let mut command = Command::new(&self.0);
        command.args(["scan", "--strict", "--each", "--quiet", "--fail-on", "never"]).args(args);
        let output = command.current_dir(root()).env_remove("KUBECONFIG").output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        let shown = args.join(" ");
        ensure!(output.status.success(), "pavisade scan {shown}: {}: {said}", output.status);
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Returns the findings of all checks in order.
    pub(super) fn scan(&self, args: &[&str]) -> anyhow::Result<Vec<Found>> {
        let text = self.text(&[&["--format", "json"], args].concat())?;
        let document: Value = serde_json::from_str(&text)?;
        let findings = document["findings"].as_array().context("the document has no findings")?;
        Ok(findings.iter().map(found).collect())
    }
}

fn found(finding: &Value) -> Found {
    let text = |pointer: &str| {
        finding.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let of = |field: &str| text(&format!("/subject/{field}"));
    let object = (of("type") == "object").then(|| ["kind", "namespace", "name"].map(of));
    let line = finding.pointer("/location/line").and_then(Value::as_u64);
    Found {
        check: text("/name"),
        object,
        container: of("container"),
        path: text("/location/path"),
        state: text("/state"),
        severity: text("/severity"),
        message: text("/message"),
        place: line.map(|line| (text("/location/file"), line)),
    }
}
