//! Packages by ecosystem, preceded by a summary of the image and its layers.

use std::io::{self, Write};

use pavisade_packages::Inventory;
use pavisade_packages::inventory::Found;
use pavisade_snapshot::{Configuration, Inspection, Notable, SecretPlace};

use super::{digest, instruction, licence, short, size};
use crate::Options;
use crate::terminal::style::{DIM, PLAIN, STRONG, UNKNOWN};
use crate::terminal::{Page, notes};
use crate::text::{clean, count, cut, number, width};

/// Maximum width of a name, a version or a license.
const WIDEST: usize = 40;

pub(super) fn write(
    inventory: &Inventory,
    inspection: Option<&Inspection>,
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut page = Page::new(options, out);
    head(&mut page, inventory, |page| inspected(page, inspection));
    layers(&mut page, inventory);
    for group in inventory.packages.chunk_by(|a, b| a.ecosystem() == b.ecosystem()) {
        packages(&mut page, inventory, group);
        page.flush()?;
    }
    notes(&mut page, &inventory.notes, false);
    summary(&mut page, inventory);
    page.flush()
}

/// Writes a summary of the image, with more lines from `more`.
pub(crate) fn head(page: &mut Page<'_>, inventory: &Inventory, more: impl FnOnce(&mut Page<'_>)) {
    let Inventory { name, digest, platform, distribution, layers, .. } = inventory;
    let mut row = |label: &str, text: &str| {
        if !text.is_empty() {
            page.put(DIM, label).gap(10 - label.len()).put(PLAIN, text).end();
        }
    };
    row(if inventory.source_tree { "sources" } else { "image" }, name);
    row("digest", digest);
    row("platform", platform);
    if let Some(distribution) = distribution {
        let name = if distribution.name.is_empty() { &distribution.id } else { &distribution.name };
        let support = pavisade_images::support(&distribution.id, &distribution.version);
        let support = support.map(|found| format!(", {} until {}", found.what, found.until));
        row("system", &format!("{name}{}", support.unwrap_or_default()));
    }
    let unpacked = layers.iter().map(|layer| layer.bytes).sum();
    let packed =
        layers.iter().map(|layer| layer.packed).sum::<Option<u64>>().filter(|size| *size > 0);
    let mut sizes = packed.map(|packed| format!("{} packed, ", size(packed))).unwrap_or_default();
    if unpacked > 0 {
        sizes += &format!("{} unpacked, ", size(unpacked));
    }
    if !layers.is_empty() {
        row("size", &format!("{sizes}{}", count(layers.len(), "layer", "layers")));
    }
    more(page);
    page.end();
}

/// Writes the content of the image other than its packages.
fn inspected(page: &mut Page<'_>, inspection: Option<&Inspection>) {
    let Some(inspection) = inspection else { return };
    let mut row = |label: &str, text: &str| {
        if !text.is_empty() {
            page.put(DIM, label).gap(10 - label.len()).put(PLAIN, text).end();
        }
    };
    if let Some(configuration) = &inspection.configuration {
        row("user", &user(configuration));
        row("ports", &clean(&configuration.ports.join(", ")));
        let mut command = configuration.entrypoint.clone();
        command.extend(configuration.command.iter().cloned());
        row("command", &cut(&clean(&command.join(" ")), 120));
    }
    row("files", &notable(inspection));
    row("secrets", &secrets(inspection));
}

fn user(configuration: &Configuration) -> String {
    let user = clean(&configuration.user);
    match (&*user, configuration.runs_as_root()) {
        ("", None) => "not known: it is not a text".to_owned(),
        ("", _) => "root (none is set)".to_owned(),
        (user, Some(true)) if user != "root" => format!("{user} (root)"),
        (user, _) => user.to_owned(),
    }
}

/// Summarizes notable files by reason.
fn notable(inspection: &Inspection) -> String {
    let number_of = |why| inspection.notable(why).count();
    let words = [
        (number_of(Notable::SetUser) + number_of(Notable::SetGroup), "setuid or setgid"),
        (number_of(Notable::WorldWritable), "world-writable"),
    ];
    let mut parts: Vec<_> = words
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{} {word}", number(*count)))
        .collect();
    for (why, word) in [(Notable::Shell, "a shell"), (Notable::PackageManager, "a package manager")]
    {
        if number_of(why) > 0 {
            parts.push(word.to_owned());
        }
    }
    parts.join(", ")
}

/// Summarizes the number of secrets and their locations.
fn secrets(inspection: &Inspection) -> String {
    let of = |is: fn(&SecretPlace) -> bool| {
        inspection.secrets.iter().filter(|secret| is(&secret.place)).count()
    };
    let files = of(|place| matches!(place, SecretPlace::File { .. }));
    let history = of(|place| matches!(place, SecretPlace::History { .. }));
    let other = inspection.secrets.len() - files - history;
    let parts = [(files, "in files"), (other, "in the configuration"), (history, "in the history")];
    let parts = parts.iter().filter(|(count, _)| *count > 0);
    let parts: Vec<_> = parts.map(|(count, word)| format!("{} {word}", number(*count))).collect();
    let found = if parts.is_empty() { "none found".to_owned() } else { parts.join(", ") };
    match inspection.gaps.first() {
        Some(gap) => format!("{found}; {gap}"),
        None => found,
    }
}

/// Writes layers with the number of their packages.
fn layers(page: &mut Page<'_>, inventory: &Inventory) {
    // A root file system has a single layer without metadata.
    if inventory.layers.iter().all(|layer| digest(layer).is_empty()) {
        return;
    }
    page.put(DIM, "LAYER  DIGEST").gap(17).put(DIM, "SIZE").gap(3);
    page.put(DIM, "PACKAGES  INSTRUCTION").end();
    for (layer, place) in inventory.layers.iter().zip(0..) {
        let of_layer = inventory.packages.iter().filter(|found| found.layer() == Some(place));
        let packages = number(of_layer.count());
        let (place, name) = (place.to_string(), short(digest(layer)));
        let bytes = size(layer.packed.unwrap_or(layer.bytes));
        page.gap(5_usize.saturating_sub(place.len())).put(PLAIN, &place);
        page.gap(2).put(PLAIN, name).gap(20_usize.saturating_sub(name.len()));
        page.gap(7_usize.saturating_sub(bytes.len())).put(PLAIN, &bytes);
        page.gap(11_usize.saturating_sub(packages.len())).put(PLAIN, &packages).gap(2);
        let room = page.width.saturating_sub(47).max(20);
        page.put(PLAIN, &cut(&clean(&instruction(layer)), room)).end();
    }
    page.end();
}

/// Writes the packages of one ecosystem.
fn packages(page: &mut Page<'_>, inventory: &Inventory, group: &[Found]) {
    let Some(ecosystem) = group.first().map(Found::ecosystem) else { return };
    page.put(STRONG, ecosystem).put(DIM, &format!(" ({})", number(group.len()))).end();
    let has_layers = inventory.layers.len() > 1;
    let rows: Vec<_> = group.iter().map(|found| row(found, inventory)).collect();
    let heads = ["NAME", "VERSION", "LAYER"];
    let mut widths = heads.map(str::len);
    for cells in &rows {
        for (widest, cell) in widths.iter_mut().zip(cells) {
            *widest = (*widest).max(width(&clean(cell)).min(WIDEST));
        }
    }
    let columns = |index: usize| index != 2 || has_layers;
    page.gap(2);
    for (index, head) in heads.into_iter().enumerate().filter(|(index, _)| columns(*index)) {
        page.put(DIM, head).gap(widths[index] - head.len() + 2);
    }
    page.put(DIM, if inventory.source_tree { "GROUP" } else { "LICENCE" }).end();
    let used: usize = (0..3).filter(|index| columns(*index)).map(|index| widths[index] + 2).sum();
    let room = page.width.saturating_sub(used + 2).max(12);
    for [cells @ .., owner] in &rows {
        page.gap(2);
        for (index, cell) in cells[..3].iter().enumerate().filter(|(index, _)| columns(*index)) {
            let cell = clean(cell);
            let shown = cut(&cell, widths[index]);
            page.put(PLAIN, &shown).gap(widths[index] - width(&shown) + 2);
        }
        // The owner is more relevant than the license, because it is what has to be updated.
        if owner.is_empty() {
            page.put(DIM, &cut(&clean(&cells[3]), room)).end();
        } else {
            page.put(UNKNOWN, &cut(&clean(owner), room)).end();
        }
    }
    page.end();
}

fn row(found: &Found, inventory: &Inventory) -> [String; 5] {
    let owner = found.owner.and_then(|owner| inventory.packages.get(owner));
    let owner =
        owner.map(|owner| format!("of the {} package {}", owner.ecosystem(), owner.package.name));
    [
        found.package.name.clone(),
        found.package.version.clone(),
        found.layer().map(|layer| layer.to_string()).unwrap_or_default(),
        if inventory.source_tree { found.package.groups.join(", ") } else { licence(found) },
        owner.unwrap_or_default(),
    ]
}

pub(super) fn summary(page: &mut Page<'_>, inventory: &Inventory) {
    let counts = inventory.count();
    let counts = counts.iter().map(|(kind, count)| format!("{} {kind}", number(*count)));
    let counts = counts.collect::<Vec<_>>().join(", ");
    let mut text = count(inventory.packages.len(), "package", "packages");
    if !counts.is_empty() {
        text += &format!(": {counts}");
    }
    page.put(STRONG, &text).end();
}
