//! Untrusted images: layers, and SBOMs.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pavisade_oci::{Budget, Limits, Tree, read_layer};
use pavisade_packages::inventory::{Builder, Collector, Options};
use pavisade_packages::sbom;
use pavisade_report::{ImageFormat, Sbom, SbomFormat};

fuzz_target!(|data: &[u8]| {
    let Some((&selector, rest)) = data.split_first() else { return };
    if selector < 200 { layers(rest, selector) } else { document(rest) }
});

/// One or two layers; the second starts at an arbitrary byte.
fn layers(bytes: &[u8], split: u8) {
    let limits = Limits {
        names: 10_000,
        name_bytes: 1 << 20,
        layer_bytes: 1 << 24,
        ratio: 100,
        ..Limits::default()
    };
    let at = bytes.len() * usize::from(split) / 200 / 512 * 512;
    let (lower, upper) = bytes.split_at(at);
    let (budget, options) = (Budget::new(limits), Options { files: split % 2 == 0 });
    let (mut tree, mut builder) = (Tree::new(&limits), Builder::new(options));
    for (layer, number) in [lower, upper].into_iter().zip(0..) {
        let mut collector = Collector::new(options);
        let Ok(read) = read_layer(layer, number, None, &budget, &mut collector) else { break };
        if read.each(number, |id, path, mode, said| tree.apply(id, path, mode, said)).is_err() {
            break;
        }
        builder.add(collector);
    }
    builder.missing(&tree);
    let inventory = builder.finish(&tree);
    let mut out = Vec::new();
    for format in [ImageFormat::Table, ImageFormat::Tree, ImageFormat::Json] {
        let written =
            pavisade_report::image(&inventory, None, format, &Default::default(), &mut out);
        assert!(written.is_ok());
    }
    again(&inventory);
}

fn document(bytes: &[u8]) {
    if let Ok(inventory) = sbom::read(bytes) {
        again(&inventory);
    }
}

/// A written document reads back with the same number of packages.
fn again(inventory: &pavisade_packages::Inventory) {
    for format in [SbomFormat::CycloneDx, SbomFormat::Spdx] {
        let mut out = Vec::new();
        assert!(pavisade_report::sbom(inventory, format, &Sbom::default(), &mut out).is_ok());
        let read = sbom::read(&out).expect("our own document");
        assert_eq!(read.packages.len(), inventory.packages.len());
    }
}
