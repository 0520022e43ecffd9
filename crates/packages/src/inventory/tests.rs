use std::collections::BTreeMap;

use pavisade_model::{FileId, LayerFile, LayerVisitor as _};

use super::*;

/// A root file system without links; `hard` gives files another name.
#[derive(Default)]
struct Files {
    paths: BTreeMap<String, FileId>,
}

impl Root for Files {
    fn files(&self, each: &mut dyn FnMut(&str, FileId)) {
        for (path, id) in &self.paths {
            each(path, *id);
        }
    }

    fn file(&self, path: &str) -> Option<FileId> {
        self.paths.get(path).copied()
    }
}

/// Builds an inventory from layers of files; an empty content removes a file.
fn inventory(layers: &[&[(&str, &str)]], options: Options) -> Inventory {
    let (mut root, mut builder) = (Files::default(), Builder::new(options));
    for (files, layer) in layers.iter().zip(0..) {
        let mut collector = Collector::new(options);
        for ((path, content), entry) in files.iter().zip(0..) {
            let size = content.len() as u64;
            let file = LayerFile { path, size, mode: 0o644, layer, entry };
            if content.is_empty() {
                root.paths.remove(*path);
                continue;
            }
            root.paths.insert((*path).to_owned(), file.id());
            if collector.wants(&file) {
                collector.take(&file, &mut content.as_bytes()).unwrap();
            }
        }
        builder.add(collector);
    }
    builder.finish(&root)
}

fn status(packages: &[(&str, &str)]) -> String {
    let one = |(name, version): &(&str, &str)| {
        format!(
            "Package: {name}\nStatus: install ok installed\nVersion: {version}\nArchitecture: amd64\n\n"
        )
    };
    packages.iter().map(one).collect()
}

const STATUS: &str = "var/lib/dpkg/status";

#[test]
fn a_package_is_of_the_layer_that_brought_it_and_not_of_the_one_that_wrote_the_database() {
    let versions = [
        status(&[("a", "1"), ("b", "1"), ("gone", "1"), ("back", "1")]),
        status(&[("a", "1"), ("b", "2"), ("gone", "1")]),
        status(&[("a", "1"), ("b", "2"), ("c", "1"), ("back", "1")]),
    ];
    let layers: Vec<_> = versions.iter().map(|text| [(STATUS, text.as_str())]).collect();
    let layers: Vec<_> = layers.iter().map(|layer| &layer[..]).collect();
    let found = inventory(&layers, Options::default());
    let found: Vec<_> = found.packages.iter().map(|f| (&*f.package.name, f.layer())).collect();
    assert_eq!(found, [("a", Some(0)), ("b", Some(1)), ("back", Some(2)), ("c", Some(2))]);
}

#[test]
fn what_was_deleted_is_not_there() {
    let path = "usr/lib/python3/site-packages/a-1.dist-info/METADATA";
    let layers = [&[(path, "Name: a\nVersion: 1\n")][..], &[(path, "")]];
    assert!(inventory(&layers, Options::default()).packages.is_empty());
}

#[test]
fn packages_that_a_package_of_the_distribution_brought_say_so() {
    let ours = "usr/lib/python3/dist-packages/a-1.egg-info/PKG-INFO";
    let other = "usr/local/lib/python3/site-packages/a-1.dist-info/METADATA";
    let list = format!("/.\n/usr\n/{ours}\n");
    let text = status(&[("python3-a", "1"), ("z", "1")]);
    let layers = [&[
        (STATUS, text.as_str()),
        ("var/lib/dpkg/info/python3-a.list", &list),
        (ours, "Name: a\nVersion: 1\n"),
        (other, "Name: a\nVersion: 1\n"),
        ("usr/share/doc/python3-a/copyright", "/usr/share/common-licenses/GPL-2"),
        ("etc/os-release", "ID=debian\nVERSION_ID=12\n"),
    ][..]];
    let found = inventory(&layers, Options::default());
    let owner = |found: &Found| found.owner.map(|_| found.places[0].path.clone());
    let owned: Vec<_> = found.packages.iter().filter_map(owner).collect();
    assert_eq!(owned, [ours]);
    let owned = found.packages.iter().find(|found| found.owner.is_some()).unwrap();
    assert_eq!(found.packages[owned.owner.unwrap()].package.name, "python3-a");
    assert_eq!(found.packages[0].licence().as_deref(), Some("GPL-2.0-only"));
    assert_eq!(
        found.references(),
        [
            "pkg:deb/debian/python3-a@1?arch=amd64&distro=debian-12",
            "pkg:deb/debian/z@1?arch=amd64&distro=debian-12",
            "pkg:pypi/a@1",
            "pkg:pypi/a@1#2",
        ]
    );
    // File lists are kept only on request.
    assert!(found.packages[0].package.files.is_empty());
    let found = inventory(&layers, Options { files: true });
    assert_eq!(found.packages[0].package.files, ["usr", ours]);
}

#[test]
fn programs_name_their_modules_and_may_be_owned() {
    let program = crate::go_binary::tests::program();
    let (mut root, mut builder) = (Files::default(), Builder::new(Options::default()));
    let mut collector = Collector::new(Options::default());
    let (text, list) = (status(&[("tool", "1")]), "/usr/bin/tool\n/usr/bin/other\n");
    let files = [
        (STATUS, text.as_bytes(), 0o644),
        ("var/lib/dpkg/info/tool.list", list.as_bytes(), 0o644),
        ("usr/bin/tool", &program, 0o755),
        ("usr/bin/other", b"#!/bin/sh\n", 0o755),
        ("opt/data", &program, 0o644),
    ];
    for ((path, content, mode), entry) in files.into_iter().zip(0..) {
        let file = LayerFile { path, size: content.len() as u64, mode, layer: 0, entry };
        root.paths.insert(path.to_owned(), file.id());
        if collector.wants(&file) {
            collector.take(&file, &mut &*content).unwrap();
        }
    }
    // Another name of the binary adds nothing.
    root.paths.insert("usr/bin/zz".to_owned(), root.paths["usr/bin/tool"]);
    builder.add(collector);
    assert!(builder.missing(&root).is_empty());
    let found = builder.finish(&root);
    let line = |found: &Found| {
        let owned = if found.owner.is_some() { " owned" } else { "" };
        format!("{}@{} {}{owned}", found.package.name, found.package.version, found.places[0].path)
    };
    assert_eq!(
        found.packages.iter().map(line).collect::<Vec<_>>(),
        [
            format!("tool@1 {STATUS}"),
            "a.com/a@ usr/bin/tool owned".to_owned(),
            "b.com/b@v1.0.0 usr/bin/tool owned".to_owned(),
            "stdlib@1.22.1 usr/bin/tool owned".to_owned(),
        ]
    );
}

#[test]
fn the_same_package_in_several_places_is_one() {
    let text = r#"{"name": "a", "version": "1.0.0", "license": "MIT"}"#;
    let layers = [
        &[("app/node_modules/a/package.json", text)][..],
        &[("app/node_modules/b/node_modules/a/package.json", text)],
    ];
    let found = inventory(&layers, Options::default());
    assert_eq!(found.packages.len(), 1);
    let layers: Vec<_> = found.packages[0].places.iter().map(|place| place.layer).collect();
    assert_eq!((layers, found.packages[0].layer()), (vec![Some(0), Some(1)], Some(0)));
}

#[test]
fn a_system_in_a_folder_is_of_its_own_distribution() {
    let (outer, inner) = (status(&[("a", "1")]), status(&[("b", "1")]));
    let layers = [&[
        (STATUS, outer.as_str()),
        ("etc/os-release", "ID=debian\nVERSION_ID=12\n"),
        ("opt/box/var/lib/dpkg/status", &inner),
        ("opt/box/usr/lib/os-release", "ID=ubuntu\nVERSION_ID=24.04\n"),
    ][..]];
    let found = inventory(&layers, Options::default());
    let purls: Vec<_> = found.packages.iter().filter_map(|found| found.purl.as_ref()).collect();
    let namespaces: Vec<_> = purls.iter().map(|purl| purl.namespace()).collect();
    assert_eq!(namespaces, ["debian", "ubuntu"]);
    assert_eq!(found.distribution.unwrap().id, "debian");
}

#[test]
fn what_cannot_be_read_is_told_and_hides_nothing() {
    let many = "x\n".repeat(100);
    let broken = format!("{}{many}", status(&[("a", "1")]));
    let layers = [&[
        ("lib/apk/db/installed", many.as_str()),
        (STATUS, &broken),
        ("app/node_modules/a/package.json", "{"),
    ][..]];
    let found = inventory(&layers, Options::default());
    assert_eq!(found.packages.len(), 1);
    let places: Vec<_> = found.notes.iter().map(|note| &*note.place).collect();
    assert!(places.contains(&"app/node_modules/a/package.json:1"), "{places:?}");
    assert!(found.notes.iter().any(|note| note.message == "80 more problems"));
}

#[test]
fn licences_are_joined_as_they_bind() {
    for (licences, expect) in [
        (&["MIT"][..], Some("MIT")),
        (&["MIT", "Expat"], Some("MIT")),
        (&["GPL-2+ or Artistic-2.0", "MIT"], Some("(GPL-2.0-or-later OR Artistic-2.0) AND MIT")),
        (&["(MIT OR ISC)", "Zlib"], Some("(MIT OR ISC) AND Zlib")),
        (&["(MIT) OR (ISC)", "Zlib"], Some("((MIT) OR (ISC)) AND Zlib")),
        (&["MIT", "BSD"], None),
        (&[], None),
    ] {
        let licences = licences.iter().map(|licence| (*licence).to_owned()).collect();
        let package = Package { licences, ..Package::default() };
        let found = Found { package, ..Found::default() };
        assert_eq!(found.licence().as_deref(), expect);
    }
}
