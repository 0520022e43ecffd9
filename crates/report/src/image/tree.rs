//! Packages by the layer that added them, with the packages they installed below.

use std::collections::BTreeMap;
use std::io::{self, Write};

use pavisade_packages::Inventory;
use pavisade_packages::inventory::{Found, Layer};

use super::table::summary;
use super::{digest, instruction, short};
use crate::Options;
use crate::terminal::style::{DIM, FRAME, PLAIN, STRONG};
use crate::terminal::{Page, notes};
use crate::text::{clean, cut};

pub(super) fn write(
    inventory: &Inventory,
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut page = Page::new(options, out);
    page.put(STRONG, &inventory.name).put(DIM, " ").put(DIM, &inventory.digest).end();
    let mut owned: BTreeMap<usize, Vec<&Found>> = BTreeMap::new();
    for found in &inventory.packages {
        if let Some(owner) = found.owner {
            owned.entry(owner).or_default().push(found);
        }
    }
    let mut layers: BTreeMap<Option<u16>, Vec<(usize, &Found)>> = BTreeMap::new();
    for (found, number) in inventory.packages.iter().zip(0..).filter(|(f, _)| f.owner.is_none()) {
        layers.entry(found.layer()).or_default().push((number, found));
    }
    for number in (0..).take(inventory.layers.len()) {
        layers.entry(Some(number)).or_default();
    }
    let last = layers.len().saturating_sub(1);
    for (index, (number, packages)) in layers.into_iter().enumerate() {
        let (branch, bar) = branches(index == last);
        let name = match (number, inventory.layer(number)) {
            (Some(number), Some(layer)) => name(number, layer),
            _ => "no layer".to_owned(),
        };
        page.put(FRAME, branch);
        let room = page.width.saturating_sub(3);
        page.put(STRONG, &cut(&clean(&name), room)).end();
        let count = packages.len();
        for (inner, (number, found)) in packages.into_iter().enumerate() {
            let (branch, inner_bar) = branches(inner + 1 == count);
            page.put(FRAME, bar).put(FRAME, branch);
            package(&mut page, found);
            let owned = owned.get(&number).map_or(&[][..], Vec::as_slice);
            for (at, found) in owned.iter().enumerate() {
                let (branch, _) = branches(at + 1 == owned.len());
                page.put(FRAME, bar).put(FRAME, inner_bar).put(FRAME, branch);
                package(&mut page, found);
            }
        }
        page.flush()?;
    }
    page.end();
    notes(&mut page, &inventory.notes, false);
    summary(&mut page, inventory);
    page.flush()
}

fn branches(is_last: bool) -> (&'static str, &'static str) {
    if is_last { ("└─ ", "   ") } else { ("├─ ", "│  ") }
}

pub(crate) fn name(number: u16, layer: &Layer) -> String {
    let name = format!("layer {number} {} {}", short(digest(layer)), instruction(layer));
    name.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn package(page: &mut Page<'_>, found: &Found) {
    let package = &found.package;
    page.put(DIM, found.ecosystem()).put(PLAIN, " ").put(PLAIN, &package.name);
    page.put(PLAIN, " ").put(PLAIN, &package.version);
    // A database lists all packages of its kind. For others, the file is more specific.
    if !package.kind.is_of_system() {
        let places: Vec<_> = found.places.iter().map(|place| place.path.as_str()).collect();
        page.put(DIM, &format!(" ({})", places.join(", ")));
    }
    page.end();
}
