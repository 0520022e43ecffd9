//! `cargo xtask advisories`: looks up known advisories for the crates in `Cargo.lock`, offline.
//!
//! The feed is RustSec's in OSV format (`../shared/data/advisories/cargo.jsonl.zst`). Its age is
//! shown by its newest entry.

use std::fs;

use anyhow::{Context as _, ensure};
use semver::Version;
use serde_json::Value;

use crate::shared::{json_lines, root, shared};

/// Fails if a locked crate has an advisory.
pub(crate) fn run() -> anyhow::Result<()> {
    let Some(feed) = shared("data/advisories/cargo.jsonl.zst") else { return Ok(()) };
    let locked = locked()?;
    let (mut newest, mut count, mut found) = (String::new(), 0, Vec::new());
    for advisory in json_lines(&feed)? {
        if !advisory["withdrawn"].is_null() {
            continue;
        }
        count += 1;
        let modified = advisory["modified"].as_str().unwrap_or("");
        if modified > newest.as_str() {
            newest = modified.to_owned();
        }
        for affected in advisory["affected"].as_array().into_iter().flatten() {
            let name = affected["package"]["name"].as_str().unwrap_or("");
            for (_, version) in locked.iter().filter(|(locked, _)| locked == name) {
                if is_affected(affected, version) {
                    let id = advisory["id"].as_str().unwrap_or("");
                    found.push(format!("{id}: {name} {version}: {}", advisory["summary"]));
                }
            }
        }
    }
    for advisory in &found {
        println!("{advisory}");
    }
    println!("{} locked crates beside {count} advisories up to {newest}", locked.len());
    ensure!(found.is_empty(), "{} advisories", found.len());
    Ok(())
}

fn locked() -> anyhow::Result<Vec<(String, Version)>> {
    let lock: toml::Table = fs::read_to_string(root().join("Cargo.lock"))?.parse()?;
    let packages = lock.get("package").and_then(toml::Value::as_array).context("no packages")?;
    let text = |package: &toml::Value, field: &str| {
        package.get(field).and_then(toml::Value::as_str).unwrap_or("").to_owned()
    };
    packages
        .iter()
        .filter(|package| package.get("source").is_some())
        .map(|package| Ok((text(package, "name"), text(package, "version").parse()?)))
        .collect()
}

/// OSV's rule: from `introduced` up to but excluding `fixed`, or up to `last_affected`.
fn is_affected(affected: &Value, version: &Version) -> bool {
    let events = affected["ranges"].as_array().into_iter().flatten();
    let mut inside = false;
    for event in events.filter_map(|range| range["events"].as_array()).flatten() {
        let at = |key: &str| {
            let text = event[key].as_str()?;
            Version::parse(if text == "0" { "0.0.0-0" } else { text }).ok()
        };
        inside |= at("introduced").is_some_and(|from| *version >= from);
        inside &= at("fixed").is_none_or(|fixed| *version < fixed);
        inside &= at("last_affected").is_none_or(|last| *version <= last);
    }
    inside
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_half_open() {
        let affected = serde_json::json!({"ranges": [{"events": [
            {"introduced": "0"}, {"fixed": "1.2.0"}, {"introduced": "2.0.0"}, {"fixed": "2.0.3"},
        ]}]});
        for (version, expected) in
            [("0.1.0", true), ("1.2.0", false), ("1.9.0", false), ("2.0.2", true), ("2.0.3", false)]
        {
            assert_eq!(is_affected(&affected, &version.parse().unwrap()), expected, "{version}");
        }
    }
}
