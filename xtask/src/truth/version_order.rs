//! `version-order`: pairs of versions, with the newer one according to another program.
//!
//! A file is an ecosystem, and a line is a case. apk has two orders, and the suite was created with
//! a program that has a third one for versions that both reject. So a case is judged by the order
//! of apk-tools 3, or by that of apk-tools 2 if the former rejects a version. Cases with versions
//! that no order accepts are left out and shown, since any result would be a guess.

use std::cmp::Ordering;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};
use pavisade_vulndb::{Order, Version};

use super::Outcome;
use crate::shared::files;

/// Cases in which the suite is wrong, with the evidence.
const WRONG: [(&str, &str); 3] = [
    ("0.r1 < 0r2", "apk-tools 2 reads both and takes the former for newer; 3 refuses the former"),
    ("0.8.21.r2 < 0.8.21r2", "as `0.r1 < 0r2`"),
    (
        "v1.9.0-BETA.1 < v1.9.0-ALPHA.2",
        "PHP knows words in lower case only; Composer's `VersionParser::normalize` lowers them first",
    ),
];

/// Prefixes of file names.
const ORDERS: [(&str, &[Order]); 13] = [
    ("alpine", &[Order::Apk3, Order::Apk2]),
    ("cran", &[Order::Dotted]),
    ("debian", &[Order::Deb]),
    ("hackage", &[Order::Dotted]),
    ("maven", &[Order::Maven]),
    ("nuget", &[Order::Nuget]),
    ("packagist", &[Order::Packagist]),
    ("pub", &[Order::Pub]),
    ("pypi", &[Order::Pep440]),
    ("redhat", &[Order::Rpm]),
    ("rpmvercmp", &[Order::Rpm]),
    ("rubygems", &[Order::Gem]),
    ("semver", &[Order::Semver, Order::Go]),
];

pub(super) fn run(folder: &Path) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    for file in files(folder, &["txt"])? {
        let known = ORDERS.iter().find(|(name, _)| file.starts_with(name));
        let Some((_, orders)) = known else { bail!("{file}: which order is this?") };
        let path = folder.join(&file);
        let text = fs::read_to_string(&path).with_context(|| format!("reading {file}"))?;
        for line in text.lines().map(str::trim) {
            if line.is_empty() || line.starts_with('#') || line.starts_with("//") {
                continue;
            }
            let words: Vec<_> = line.split_whitespace().collect();
            let [a, operator, b] = words[..] else { bail!("{file}: `{line}` is no case") };
            let wanted = match operator {
                "<" => Ordering::Less,
                "=" | "==" => Ordering::Equal,
                ">" => Ordering::Greater,
                other => bail!("{file}: `{other}` is no comparison"),
            };
            if let Some((_, why)) = WRONG.iter().find(|(wrong, _)| *wrong == line) {
                println!("left out: {file}: {line}: {why}");
                outcome.left_out += 1;
                continue;
            }
            match orders.iter().find_map(|order| compare(*order, a, b)) {
                Some(got) => {
                    outcome.count(got == wanted, || format!("{file}: {line}: we say {got:?}"));
                }
                None => {
                    println!("left out: {file}: {line}: a version that its order refuses");
                    outcome.left_out += 1;
                }
            }
        }
    }
    Ok(outcome)
}

fn compare(order: Order, a: &str, b: &str) -> Option<Ordering> {
    let read = |text| Version::read(order, text).ok();
    let (a, b) = (read(a)?, read(b)?);
    let (forward, back) = (a.compare(&b)?, b.compare(&a)?);
    // A contradiction is wrong in both directions.
    (forward == back.reverse()).then_some(forward)
}
