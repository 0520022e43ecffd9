use pavisade_model::{Note, NoteKind};
use pavisade_packages::inventory::{Found, Layer, Place};
use pavisade_packages::{Distribution, Inventory, Kind, Package, SourcePackage};

use super::*;

fn found(kind: Kind, name: &str, version: &str, path: &str, layer: u16) -> Found {
    let package =
        Package { kind, name: name.into(), version: version.into(), ..Package::default() };
    let places = vec![Place { path: path.into(), layer: Some(layer) }];
    Found { package, places, ..Found::default() }
}

/// Returns a small image with everything an inventory may contain.
pub(crate) fn example() -> Inventory {
    let distribution = Distribution::read(
        "ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n",
    );
    let status = "var/lib/dpkg/status";
    let mut curl = found(Kind::Deb, "libcurl4", "7.88.1-10", status, 1);
    curl.package.architecture = "amd64".into();
    curl.package.source = Some(SourcePackage { name: "curl".into(), version: "7.88.1-10".into() });
    curl.package.licences = vec!["curl".into()];
    let mut six = found(Kind::Deb, "python3-six", "1.16.0-4", status, 0);
    six.package.architecture = "all".into();
    six.package.licences = vec!["Expat".into()];
    six.package.files = vec!["usr/lib/python3/dist-packages/six.py".into()];
    let mut core =
        found(Kind::Npm, "@babel/core", "7.0.0", "app/node_modules/@babel/core/package.json", 1);
    core.package.licences = vec!["SEE LICENSE IN LICENSE".into()];
    core.places.push(Place {
        path: "app/node_modules/x/node_modules/@babel/core/package.json".into(),
        layer: Some(1),
    });
    let mut owned =
        found(Kind::Pypi, "six", "1.16.0", "usr/lib/python3/dist-packages/six-1.16.0.egg-info", 0);
    owned.owner = Some(1);
    let mut packages = vec![curl, six, core, owned];
    for found in &mut packages {
        found.purl = found.package.purl(Some(&distribution));
    }
    let layer = |number: char, instruction: &str, bytes| Layer {
        digest: format!("sha256:{}", String::from(number).repeat(64)),
        diff_id: format!("sha256:{}", String::from(number).repeat(63) + "f"),
        instruction: instruction.into(),
        packed: Some(bytes / 3),
        bytes,
    };
    Inventory {
        name: "registry.example.com/team/app:1.2".into(),
        digest: format!("sha256:{}", "d".repeat(64)),
        platform: "linux/amd64".into(),
        created: "2026-01-01T00:00:00.123Z".into(),
        distribution: Some(distribution),
        layers: vec![
            layer('1', "/bin/sh -c #(nop) ADD file:1234 in / ", 123_456_789),
            layer('2', "RUN curl -u admin:hunter2secret https://example.com # buildkit", 2_345),
        ],
        packages,
        ..Inventory::default()
    }
}

/// Returns an image of which a part could not be read.
pub(crate) fn incomplete() -> Inventory {
    let note = Note {
        kind: NoteKind::Unread,
        place: "app/node_modules/b/package.json:1".into(),
        span: None,
        message: "not JSON: \u{1b}[31m".into(),
        remedy: String::new(),
    };
    Inventory { notes: vec![note], ..example() }
}

fn shown(inventory: &Inventory, format: ImageFormat) -> String {
    let mut out = Vec::new();
    let options = Options { width: 100, ..Options::default() };
    image(inventory, None, format, &options, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_table_for_people() {
    insta::assert_snapshot!(shown(&incomplete(), ImageFormat::Table));
}

#[test]
fn a_tree_for_people() {
    insta::assert_snapshot!(shown(&example(), ImageFormat::Tree));
}

#[test]
fn the_schema_accepts_the_document() {
    let validator = jsonschema::validator_for(&schema().to_value()).unwrap();
    for inventory in [example(), incomplete(), Inventory::default()] {
        let document = serde_json::from_str(&shown(&inventory, ImageFormat::Json)).unwrap();
        let errors: Vec<_> = validator.iter_errors(&document).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
}

#[test]
fn nothing_shows_a_password_or_drives_a_terminal() {
    for format in [ImageFormat::Table, ImageFormat::Tree, ImageFormat::Json] {
        let text = shown(&incomplete(), format);
        assert!(!text.contains("hunter2secret"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
        assert!(text.contains("RUN curl -u"), "{text}");
    }
}

#[test]
fn an_empty_inventory_is_shown() {
    assert!(shown(&Inventory::default(), ImageFormat::Table).ends_with("0 packages\n"));
    assert!(shown(&Inventory::default(), ImageFormat::Tree).ends_with("0 packages\n"));
}

#[test]
fn instructions_are_what_people_wrote() {
    for (written, expect) in [
        ("/bin/sh -c #(nop)  CMD [\"bash\"]", "CMD [\"bash\"]"),
        ("/bin/sh -c apt-get  update", "RUN apt-get update"),
        ("RUN /bin/sh -c make # buildkit", "RUN /bin/sh -c make"),
        ("umoci repack", "umoci repack"),
        ("", ""),
    ] {
        let layer = Layer { instruction: written.into(), ..Layer::default() };
        assert_eq!(instruction(&layer), expect);
    }
}

#[test]
fn sizes_have_two_digits_at_least() {
    for (bytes, expect) in [
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1.0 kB"),
        (99_900, "99 kB"),
        (1_500_000_000, "1.5 GB"),
        (u64::MAX, "1844674407 GB"),
    ] {
        assert_eq!(size(bytes), expect);
    }
}
