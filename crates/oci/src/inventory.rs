//! Collects the packages of an image and inspects it, streaming its layers once.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{self, Read};

use pavisade_packages::Inventory;
use pavisade_packages::inventory::{Builder, Collector, Layer, Options, Root};
use pavisade_snapshot::Inspection;

use crate::inspect::{self, Inspector};
use crate::{Configuration, FileId, Image, Kind, LayerFile, LayerVisitor, Refusal, Store, Tree};

/// Returns the packages of an image. Layers in which a hard link gave a file its effective name are
/// streamed a second time.
///
/// # Errors
/// See [`Store::read_layers`].
pub fn inventory(store: &Store, image: &Image, options: Options) -> Result<Inventory, Refusal> {
    read(store, image, options, false).map(|(inventory, _)| inventory)
}

/// Returns the packages of an image and its inspection: configuration, notable files, secrets.
///
/// # Errors
/// See [`Store::read_layers`].
pub fn inspect(
    store: &Store,
    image: &Image,
    options: Options,
) -> Result<(Inventory, Inspection), Refusal> {
    // Files of distribution packages hold no secrets, so the list of these files is needed.
    let (mut inventory, inspection) = read(store, image, Options { files: true }, true)?;
    if !options.files {
        for found in &mut inventory.packages {
            found.package.files = Vec::new();
        }
    }
    Ok((inventory, inspection))
}

/// Passes the files of a layer to both readers.
struct Visitor {
    packages: Collector,
    inspector: Option<Inspector>,
    /// The file that was queried last, and whether each of the two readers wants it.
    asked: Cell<Option<(FileId, bool, bool)>>,
}

impl Visitor {
    fn new(packages: Collector, inspector: Option<Inspector>) -> Self {
        Self { packages, inspector, asked: Cell::default() }
    }

    fn ask(&self, file: &LayerFile<'_>) -> (bool, bool) {
        let packages = self.packages.wants(file);
        (packages, self.inspector.as_ref().is_some_and(|one| one.wants(file)))
    }
}

impl LayerVisitor for Visitor {
    fn wants(&self, file: &LayerFile<'_>) -> bool {
        let (packages, inspector) = self.ask(file);
        self.asked.set(Some((file.id(), packages, inspector)));
        packages || inspector
    }

    fn take(&mut self, file: &LayerFile<'_>, bytes: &mut dyn Read) -> io::Result<()> {
        let (for_packages, for_inspector) = match self.asked.take() {
            Some((id, packages, inspector)) if id == file.id() => (packages, inspector),
            _ => self.ask(file),
        };
        let Self { packages, inspector, .. } = self;
        match inspector {
            Some(inspector) if for_inspector => inspector.take(file, bytes, |bytes| {
                if for_packages { packages.take(file, bytes) } else { Ok(()) }
            }),
            _ => packages.take(file, bytes),
        }
    }

    fn keeps(&self) -> Option<String> {
        let packages = self.packages.keeps()?;
        Some(match self.inspector {
            Some(_) => format!("{packages} and secrets"),
            None => packages,
        })
    }

    fn keep(&self) -> Option<Vec<u8>> {
        let packages = self.packages.keep()?;
        let Some(inspector) = &self.inspector else { return Some(packages) };
        let mut kept = (packages.len() as u64).to_le_bytes().to_vec();
        kept.extend(packages);
        kept.extend(inspector.keep()?);
        Some(kept)
    }

    fn restore(&mut self, layer: u16, kept: &[u8]) -> bool {
        let Some(inspector) = &mut self.inspector else {
            return self.packages.restore(layer, kept);
        };
        let parts = || {
            let (length, rest) = kept.split_first_chunk::<8>()?;
            let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
            let (packages, inspected) = rest.split_at_checked(length)?;
            Some((packages, Inspector::restored(layer, inspected)?))
        };
        let Some((packages, restored)) = parts() else { return false };
        let is_whole = self.packages.restore(layer, packages);
        if is_whole {
            *inspector = restored;
        }
        is_whole
    }
}

impl Image {
    /// Returns whether the image says how to start it; a root file system does not.
    pub(crate) fn has_configuration(&self) -> bool {
        let Configuration { os, config, history, .. } = &self.configuration;
        !os.is_empty() || config.is_some() || history.is_some()
    }
}

fn read(
    store: &Store,
    image: &Image,
    options: Options,
    inspects: bool,
) -> Result<(Inventory, Inspection), Refusal> {
    let mut builder = Builder::new(options);
    let mut inspectors = Vec::new();
    let visitor = |_| {
        let inspector = inspects.then(Inspector::default);
        Visitor::new(Collector::new(options), inspector)
    };
    let add = |_, visitor: Visitor| {
        builder.add(visitor.packages);
        inspectors.extend(visitor.inspector);
    };
    let contents = store.read_layers(image, visitor, add)?;
    let mut missing: BTreeMap<u16, BTreeMap<FileId, String>> = BTreeMap::new();
    for (id, path) in builder.missing(&contents.tree) {
        missing.entry(id.layer).or_default().insert(id, path);
    }
    for (layer, files) in missing {
        let mut collector = Collector::only(options, files);
        store.read_again(image, layer, &mut collector)?;
        builder.add_missing(collector);
    }
    let mut inventory = builder.finish(&contents.tree);
    let text = |digest: &Option<_>| digest.as_ref().map(ToString::to_string).unwrap_or_default();
    let layers = image.layers.iter().zip(&contents.bytes).map(|(layer, bytes)| Layer {
        digest: text(&layer.digest),
        diff_id: text(&layer.diff_id),
        instruction: layer.instruction.clone().unwrap_or_default(),
        packed: layer.size,
        bytes: *bytes,
    });
    inventory.layers = layers.collect();
    inventory.name.clone_from(&image.name);
    inventory.digest = text(&image.digest);
    let configuration = &image.configuration;
    if !configuration.os.is_empty() {
        inventory.platform = configuration.platform().to_string();
    }
    inventory.created = configuration.created.clone().unwrap_or_default();
    let labels = configuration.config.as_ref().and_then(|start| start.labels.clone());
    inventory.labels = labels.unwrap_or_default();
    inventory.notes.extend(contents.notes);
    let inspection = match inspects {
        true => inspect::finish(image, &contents.tree, &inventory, inspectors),
        false => Inspection::default(),
    };
    Ok((inventory, inspection))
}

impl Root for Tree {
    fn files(&self, each: &mut dyn FnMut(&str, FileId)) {
        self.each(|path, kind, _, _| {
            if let Kind::File(id) = kind {
                each(&String::from_utf8_lossy(path), id);
            }
        });
    }

    fn file(&self, path: &str) -> Option<FileId> {
        // A path through a link loop does not resolve.
        self.file(path.as_bytes()).ok().flatten()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::testing::Tar;
    use crate::{Limits, Platform};

    fn packages(archive: Tar) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("root.tar");
        fs::write(&file, archive.end()).unwrap();
        let store = Store::open(&file, Limits::default()).unwrap();
        let candidate = store.candidates(&Platform::here()).unwrap().remove(0);
        let image = store.image(&candidate, &Platform::here(), false).unwrap();
        let found = inventory(&store, &image, Options::default()).unwrap();
        assert!(found.notes.is_empty(), "{:?}", found.notes);
        let place = |found: &pavisade_packages::inventory::Found| {
            format!("{} {}", found.package.name, found.places[0].path)
        };
        found.packages.iter().map(place).collect()
    }

    #[test]
    fn a_file_counts_by_the_name_that_it_has_in_the_end() {
        let manifest = br#"{"name": "a", "version": "1.0.0"}"#;
        let inner = "app/node_modules/a/package.json";
        let tar = || Tar::default().entry(b"etc/", b'5', b"");
        for (archive, expect) in [
            // pnpm links to a store, which may come first in the layer.
            (tar().file("store/00/ab", manifest).link(inner, b'1', "store/00/ab"), inner),
            (
                tar().link("app", b'2', "srv").file(inner, manifest),
                "srv/node_modules/a/package.json",
            ),
            // The file was replaced by another one.
            (
                tar().file(inner, manifest).file(inner, br#"{"name": "a", "version": "2.0.0"}"#),
                inner,
            ),
        ] {
            assert_eq!(packages(archive), [format!("a {expect}")]);
        }
        assert!(packages(tar().file(inner, manifest).link(inner, b'2', "nowhere")).is_empty());
    }
}
