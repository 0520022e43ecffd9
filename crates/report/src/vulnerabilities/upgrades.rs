//! Suggested upgrades.

use std::collections::{BTreeMap, BTreeSet};

use pavisade_model::Severity;
use pavisade_packages::Inventory;

use super::rows::layer_title;
use crate::terminal::Page;
use crate::terminal::style::{DIM, HELP, PLAIN, STRONG};
use crate::text::{clean, count, cut, number};

/// Number of upgrades shown after a table.
const FIRST: usize = 5;

/// An upgrade of a package, or of all packages built from one source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Upgrade {
    /// The ecosystem: `deb`, `npm`.
    pub ecosystem: String,
    /// The package, or the source package.
    pub name: String,
    /// The installed version.
    pub installed: String,
    /// The version to upgrade to.
    pub to: String,
    /// The packages, if their names differ.
    pub packages: Vec<String>,
    /// The layer that added it.
    pub layer: Option<u16>,
    /// The ids of the vulnerabilities it fixes.
    pub ids: BTreeSet<String>,
    /// The number of table lines it fixes: one for each of its packages.
    pub lines: usize,
    /// The number of them by severity.
    pub severities: BTreeMap<Severity, usize>,
    /// The number of urgent ones.
    pub now: usize,
    /// The number of known vulnerabilities that remain in the version.
    pub left: usize,
}

/// Writes the first few upgrades, or all of them by layer.
pub(super) fn write(page: &mut Page<'_>, all: &[Upgrade], inventory: &Inventory, whole: bool) {
    if all.is_empty() {
        return;
    }
    page.end();
    if !whole {
        let lines = all.iter().map(|upgrade| upgrade.lines).sum();
        let upgrades = count(all.len(), "upgrade fixes", "upgrades fix");
        let lines = count(lines, "line", "lines");
        page.put(HELP, "upgrade first").put(DIM, &format!(" ({upgrades} {lines})")).end();
        for (at, upgrade) in all.iter().take(FIRST).enumerate() {
            line(page, at + 1, upgrade);
        }
        if all.len() > FIRST {
            let more = count(all.len() - FIRST, "more upgrade", "more upgrades");
            page.gap(2).put(DIM, &format!("… and {more}: `--suggest` shows all, by layer")).end();
        }
        return;
    }
    let mut layers: BTreeMap<Option<u16>, Vec<&Upgrade>> = BTreeMap::new();
    for upgrade in all {
        layers.entry(upgrade.layer).or_default().push(upgrade);
    }
    for (layer, upgrades) in layers {
        let room = page.width.saturating_sub(20);
        page.put(HELP, "upgrade in ");
        page.put(STRONG, &cut(&clean(&layer_title(inventory, layer)), room)).end();
        if layer == Some(0) && inventory.layers.len() > 1 {
            page.gap(2)
                .put(DIM, "the lowest layer: a newer base image may include all these upgrades")
                .end();
        }
        for (at, upgrade) in upgrades.into_iter().enumerate() {
            line(page, at + 1, upgrade);
        }
    }
}

fn line(page: &mut Page<'_>, at: usize, upgrade: &Upgrade) {
    let Upgrade { ecosystem, name, installed, to, packages, ids, severities, now, left, .. } =
        upgrade;
    page.put(DIM, &format!("{at:>3}. {ecosystem} ")).put(STRONG, name);
    page.put(PLAIN, &format!(" {installed} → {to}"));
    let worst = severities.iter().rev().take(2);
    let worst: Vec<_> = worst.map(|(severity, n)| format!("{n} {}", severity.label())).collect();
    page.put(PLAIN, &format!(": fixes {} ({}", number(ids.len()), worst.join(", ")));
    page.put(PLAIN, &if *now > 0 { format!("; {now} now)") } else { ")".to_owned() });
    if *left > 0 {
        page.put(DIM, &format!(", {left} remain"));
    }
    page.end();
    if !packages.is_empty() {
        page.gap(5);
        page.wrapped(DIM, &packages.join(", "), 5, 5);
    }
}
