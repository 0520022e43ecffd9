//! Probes on real clusters, on doubles that are nearly open, and in a separate network namespace.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test says what it skips, and how long a run took"
)]

mod active;
mod clusters;
mod doubles;
mod facts;
mod inside;
mod links;
mod namespaces;
mod usage;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

/// Records every request.
const AUDIT_POLICY: &str =
    "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: RequestResponse}]\n";

/// The verdicts by probe and subject in a file of evidence.
fn verdicts(file: &Path) -> BTreeMap<(String, String), (String, String)> {
    let text = std::fs::read_to_string(file).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let results = document["results"].as_array().unwrap().iter().map(|result| {
        let subject = &result["subject"];
        let of = match subject.get("address") {
            Some(address) => format!("{} {}", text(&subject["component"]), text(address)),
            None => text(&subject["name"]),
        };
        ((text(&result["probe"]), of), (text(&result["verdict"]), text(&result["reason"])))
    });
    results.collect()
}

/// The probes that have a verdict on any subject.
fn with(all: &BTreeMap<(String, String), (String, String)>, verdict: &str) -> BTreeSet<String> {
    let found = all.iter().filter(|(_, (own, _))| own == verdict);
    found.map(|((probe, _), _)| probe.clone()).collect()
}
