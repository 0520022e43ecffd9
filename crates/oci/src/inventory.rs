//! The packages of an image: its layers are streamed to the readers of `packages`.

use std::collections::BTreeMap;

use pavisade_packages::Inventory;
use pavisade_packages::inventory::{Builder, Collector, Layer, Options, Root};

use crate::{FileId, Image, Kind, Refusal, Store, Tree};

/// What is in an image. Layers of which a hard link brought a file under the name that counts are
/// streamed once more.
///
/// # Errors
/// As [`Store::read_layers`].
pub fn inventory(store: &Store, image: &Image, options: Options) -> Result<Inventory, Refusal> {
    let mut builder = Builder::new(options);
    let add = |_, layer| builder.add(layer);
    let contents = store.read_layers(image, |_| Collector::new(options), add)?;
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
    Ok(inventory)
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
        // A path through a circle of links leads nowhere.
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
            // What replaced it is something else.
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
