//! Images as a user meets them: made here, listed, written as documents.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::started::{Run, command, finish, run};

pub(crate) type Files<'a> = &'a [(&'a str, &'a str)];

fn layer(files: Files<'_>) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, path, content.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap()
}

pub(crate) fn digest(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

/// Writes a blob and gives its descriptor.
pub(crate) fn blob(folder: &Path, kind: &str, bytes: &[u8]) -> Value {
    let digest = digest(bytes);
    let path = folder.join("blobs").join(digest.replace(':', "/"));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
    json!({"mediaType": kind, "digest": digest, "size": bytes.len()})
}

/// An image in a layout; every second layer is compressed.
pub(crate) fn image(folder: &Path, name: &str, architecture: &str, layers: &[Files<'_>]) -> Value {
    let (mut ids, mut blobs, mut history) = (Vec::new(), Vec::new(), Vec::new());
    for (files, number) in layers.iter().zip(0..) {
        let plain = layer(files);
        ids.push(digest(&plain));
        history.push(json!({"created_by": format!("RUN step {number}")}));
        history.push(json!({"created_by": "ENV A=b", "empty_layer": true}));
        let kind = "application/vnd.oci.image.layer.v1.tar";
        if number % 2 == 0 {
            blobs.push(blob(folder, kind, &plain));
            continue;
        }
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&plain).unwrap();
        blobs.push(blob(folder, &format!("{kind}+gzip"), &encoder.finish().unwrap()));
    }
    let config = json!({
        "os": "linux", "architecture": architecture, "created": "2026-01-02T03:04:05Z",
        "rootfs": {"type": "layers", "diff_ids": ids}, "history": history,
    });
    let config =
        blob(folder, "application/vnd.oci.image.config.v1+json", config.to_string().as_bytes());
    let manifest = json!({"schemaVersion": 2, "config": config, "layers": blobs}).to_string();
    let mut found = blob(folder, "application/vnd.oci.image.manifest.v1+json", manifest.as_bytes());
    found["annotations"] = json!({"io.containerd.image.name": name});
    found["platform"] = json!({"os": "linux", "architecture": architecture});
    found
}

pub(crate) fn layout(folder: &Path, images: &[Value]) {
    fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    fs::write(folder.join("index.json"), json!({"manifests": images}).to_string()).unwrap();
}

pub(crate) const STATUS: &str = "\
Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nSource: glibc\nVersion: 2.36-9\n
Package: python3-six\nStatus: install ok installed\nArchitecture: all\nVersion: 1.16.0-4\n
Package: old\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1\n";
const LATER: &str = "\
Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nSource: glibc\nVersion: 2.36-9\n
Package: curl\nStatus: install ok installed\nArchitecture: amd64\nVersion: 7.88.1-10\n
Package: python3-six\nStatus: install ok installed\nArchitecture: all\nVersion: 1.16.0-4\n";
const SIX: &str = "usr/lib/python3/dist-packages/six-1.16.0.egg-info";

/// Debian with packages of Python and Node.js, in three layers.
fn debian(folder: &Path) -> Value {
    let base: Files<'_> = &[
        ("usr/lib/os-release", "ID=debian\nVERSION_ID=12\nPRETTY_NAME=\"Debian GNU/Linux 12\"\n"),
        ("etc/os-release", "ID=debian\nVERSION_ID=12\nPRETTY_NAME=\"Debian GNU/Linux 12\"\n"),
        ("var/lib/dpkg/status", STATUS),
        ("var/lib/dpkg/info/python3-six.list", &format!("/.\n/{SIX}\n")),
        ("usr/share/doc/libc6/copyright", "/usr/share/common-licenses/LGPL-2.1"),
        (SIX, "Metadata-Version: 1.2\nName: six\nVersion: 1.16.0\nLicense: MIT\n"),
        ("app/node_modules/gone/package.json", r#"{"name": "gone", "version": "1.0.0"}"#),
    ];
    let tools: Files<'_> = &[
        ("var/lib/dpkg/status", LATER),
        ("app/node_modules/.wh.gone", ""),
        (
            "usr/local/lib/python3.11/site-packages/Flask-1.0.dist-info/METADATA",
            "Name: Flask\nVersion: 1.0\n",
        ),
    ];
    let app: Files<'_> = &[
        ("app/package.json", r#"{"name": "app", "version": "0.0.1"}"#),
        (
            "app/node_modules/@babel/core/package.json",
            r#"{"name": "@babel/core", "version": "7.0.0", "license": "MIT"}"#,
        ),
        ("app/node_modules/@babel/core/esm/package.json", r#"{"type": "module"}"#),
        (
            "app/node_modules/@babel/core/test/node_modules/fixture/package.json",
            r#"{"name": "fixture", "version": "1.0.0"}"#,
        ),
        ("app/node_modules/ms/package.json", r#"{"name": "ms", "version": "2.1.2"}"#),
    ];
    image(folder, "example.com/shop:1", "amd64", &[base, tools, app])
}

/// `type name version layer` of all packages, and what owns them.
fn packages(result: &Run) -> Vec<String> {
    let document: Value =
        serde_json::from_str(&result.out).unwrap_or_else(|_| panic!("{}", result.err));
    let row = |package: &Value| {
        let text = |field: &str| package[field].as_str().unwrap_or_default();
        let owner = if package["owner"].is_null() { "" } else { " owned" };
        format!("{} {} {} {}{owner}", text("type"), text("name"), text("version"), package["layer"])
    };
    document["packages"].as_array().unwrap().iter().map(row).collect()
}

#[test]
fn packages_of_every_ecosystem_are_listed_exactly() {
    let folder = tempfile::tempdir().unwrap();
    layout(folder.path(), &[debian(folder.path())]);
    let result = run(folder.path(), &["image", ".", "-f", "json"]);
    assert_eq!(result.code, 0, "{}", result.err);
    assert_eq!(
        packages(&result),
        [
            "deb curl 7.88.1-10 1",
            "deb libc6 2.36-9 0",
            "deb python3-six 1.16.0-4 0",
            "npm @babel/core 7.0.0 2",
            "npm ms 2.1.2 2",
            "pypi Flask 1.0 1",
            "pypi six 1.16.0 0 owned",
        ]
    );
    let document: Value = serde_json::from_str(&result.out).unwrap();
    assert_eq!(document["name"], "example.com/shop:1");
    assert_eq!(document["layers"][1]["instruction"], "RUN step 1");
    let purl = "pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-12&upstream=glibc";
    assert_eq!(document["packages"][1]["purl"], purl);
    assert_eq!(document["packages"][1]["licence"], "LGPL-2.1-only");
    assert!(document["packages"][2]["files"].is_null());
    let result = run(folder.path(), &["image", ".", "-f", "json", "--files"]);
    let document: Value = serde_json::from_str(&result.out).unwrap();
    assert_eq!(document["packages"][2]["files"], json!([SIX]));
    for (format, expect) in
        [("table", "of the deb package python3-six"), ("tree", "└─ pypi six 1.16.0")]
    {
        let result = run(folder.path(), &["image", ".", "-f", format]);
        assert!(result.out.contains(expect), "{}", result.out);
        assert!(result.out.contains("7 packages: 3 deb, 2 npm, 2 pypi"), "{}", result.out);
    }
}

#[test]
fn root_file_systems_are_read_from_folders_archives_and_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    let installed =
        "P:musl\nV:1.2.4-r2\nA:x86_64\nL:MIT\n\nP:busybox\nV:1.36.1-r7\nA:x86_64\nF:bin\nR:sh\n\n";
    let files: Files<'_> = &[
        ("etc/os-release", "ID=alpine\nVERSION_ID=3.18.9\n"),
        ("lib/apk/db/installed", installed),
        ("srv/requirements.txt", "Flask==1.0\n"),
    ];
    for (path, content) in files {
        let path = folder.path().join("root").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    fs::write(folder.path().join("root.tar"), layer(files)).unwrap();
    let packed = File::create(folder.path().join("root.tar.gz")).unwrap();
    let mut encoder = flate2::write::GzEncoder::new(packed, flate2::Compression::fast());
    encoder.write_all(&layer(files)).unwrap();
    encoder.finish().unwrap();
    for input in ["root", "root.tar", "root.tar.gz", "-"] {
        let mut command = command(folder.path(), &["image", input, "-f", "json"]);
        command.stdin(File::open(folder.path().join("root.tar.gz")).unwrap());
        let result = finish(command.output().unwrap());
        let expect = ["apk busybox 1.36.1-r7 0", "apk musl 1.2.4-r2 0"];
        assert_eq!(packages(&result), expect, "{input}: {}", result.err);
    }
}

#[test]
fn one_image_of_several_is_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let files = |id: &'static str| [("etc/os-release", id)];
    let one = image(folder.path(), "example.com/a:1", "arm64", &[&files("ID=a\n")]);
    let two = image(folder.path(), "example.com/b:1", "arm64", &[&files("ID=b\n")]);
    layout(folder.path(), &[one.clone(), two]);
    for (args, code, expect) in [
        (&["--platform", "linux/arm64", "--name", "example.com/b:1"][..], 0, "system    b"),
        (
            &["--platform", "linux/aarch64", "--name", one["digest"].as_str().unwrap()],
            0,
            "system    a",
        ),
        (
            &["--platform", "linux/arm64"],
            2,
            "choose one with --name: example.com/a:1, example.com/b:1",
        ),
        (&["--platform", "linux/arm64", "--name", "c"], 2, "contains no image with that name, but"),
        (
            &["--platform", "linux/s390x"],
            3,
            "has no image for linux/s390x, but for linux/arm64; choose",
        ),
        (&["--platform", "arm64"], 2, "is not a platform"),
    ] {
        let result = run(folder.path(), &[&["image", "."], args].concat());
        let said = format!("{}{}", result.out, result.err);
        assert!(result.code == code && said.contains(expect), "{args:?}: {}: {said}", result.code);
    }
}

#[test]
fn what_is_no_image_or_broken_is_said() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("text"), "hello\n".repeat(200)).unwrap();
    fs::write(folder.path().join("other.tar"), layer(&[("readme", "x")])).unwrap();
    fs::create_dir(folder.path().join("empty")).unwrap();
    let image = debian(folder.path());
    layout(folder.path(), &[image]);
    let blobs = folder.path().join("blobs/sha256");
    let largest = fs::read_dir(&blobs).unwrap().map(|entry| entry.unwrap().path());
    let largest = largest.max_by_key(|path| path.metadata().unwrap().len()).unwrap();
    let mut bytes = fs::read(&largest).unwrap();
    bytes[600] ^= 1;
    fs::write(largest, bytes).unwrap();
    for (input, expect) in [
        ("web.tar", "No such file"),
        ("./web:1", "No such file"),
        ("text", "text is not a tar archive"),
        ("other.tar", "contains no image"),
        ("empty", "contains no image"),
        (".", "instead of sha256:"),
    ] {
        for command in ["image", "sbom"] {
            let result = run(folder.path(), &[command, input]);
            assert_eq!(result.code, 3, "{command} {input}: {}", result.err);
            assert!(
                result.err.contains(expect) && result.out.is_empty(),
                "{input}: {}",
                result.err
            );
        }
    }
}

#[test]
fn what_could_not_be_read_is_told_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    let files: Files<'_> = &[
        ("etc/os-release", "ID=a\n"),
        ("app/node_modules/a/package.json", "{"),
        ("app/node_modules/b/package.json", r#"{"name": "b", "version": "1.0.0"}"#),
    ];
    let image = image(folder.path(), "a:1", "amd64", &[files]);
    layout(folder.path(), &[image]);
    for format in ["table", "tree", "json", "cyclonedx"] {
        let result = run(folder.path(), &["image", ".", "-f", format]);
        assert_eq!(result.code, 3, "{}", result.err);
        let said = format!("{}{}", result.out, result.err);
        assert!(said.contains("app/node_modules/a/package.json"), "{said}");
    }
    for (format, expect) in
        [("cyclonedx", "\"aggregate\": \"incomplete\""), ("spdx-json", "Incomplete: ")]
    {
        let result = run(folder.path(), &["sbom", ".", "-f", format]);
        assert!(result.code == 3 && result.out.contains(expect), "{}", result.out);
        assert!(
            result.err.contains("not read: app/node_modules/a/package.json:1"),
            "{}",
            result.err
        );
        assert!(result.out.contains("pkg:npm/b@1.0.0"), "{}", result.out);
    }
}

#[test]
fn documents_are_the_same_in_every_run_and_name_a_time_only_where_it_is_set() {
    let folder = tempfile::tempdir().unwrap();
    layout(folder.path(), &[debian(folder.path())]);
    for format in ["cyclonedx", "spdx-json"] {
        let write = |epoch: Option<&str>| {
            let mut command = command(folder.path(), &["sbom", ".", "-f", format]);
            epoch.map(|epoch| command.env("SOURCE_DATE_EPOCH", epoch));
            finish(command.stdin(Stdio::null()).output().unwrap())
        };
        let first = write(None);
        assert_eq!(first.code, 0, "{}", first.err);
        assert_eq!(first.out, write(None).out);
        assert!(write(Some("1700000000")).out.contains("2023-11-14T22:13:20Z"));
        let wrong = write(Some("yesterday"));
        assert!(wrong.code == 2 && wrong.err.contains("SOURCE_DATE_EPOCH"), "{}", wrong.err);
        let file = run(folder.path(), &["sbom", ".", "-f", format, "-o", "bom.json"]);
        assert!(file.code == 0 && file.out.is_empty());
        assert_eq!(fs::read_to_string(folder.path().join("bom.json")).unwrap(), first.out);
    }
    fs::write(folder.path().join("root.tar"), layer(&[("etc/os-release", "ID=a\n")])).unwrap();
    let result = run(folder.path(), &["sbom", "root.tar", "-o", "root.tar"]);
    assert!(result.code == 2 && result.err.contains("would overwrite"), "{}", result.err);
}

#[test]
fn an_sbom_stands_for_its_image() {
    let folder = tempfile::tempdir().unwrap();
    layout(folder.path(), &[debian(folder.path())]);
    let image = run(folder.path(), &["image", ".", "-f", "json", "--files"]);
    let mut image: Value = serde_json::from_str(&image.out).unwrap();
    // An SBOM lists packages only.
    for beside in ["configuration", "files", "secrets"] {
        assert!(image.as_object_mut().unwrap().remove(beside).is_some(), "{beside}");
    }
    for format in ["cyclonedx", "spdx-json"] {
        run(folder.path(), &["sbom", ".", "-f", format, "--files", "-o", "bom.json"]);
        let document = run(folder.path(), &["image", "bom.json", "-f", "json"]);
        let document: Value = serde_json::from_str(&document.out).unwrap();
        assert_eq!(document, image, "{format}");
        // Converted, and compared.
        for other in ["cyclonedx", "spdx-json"] {
            let direct = run(folder.path(), &["sbom", ".", "-f", other, "--files"]);
            assert_eq!(run(folder.path(), &["sbom", "bom.json", "-f", other]).out, direct.out);
        }
        let same = run(folder.path(), &["image", "diff", ".", "bom.json"]);
        assert_eq!((same.code, &*same.out), (0, "0 added, 0 removed, 0 changed, 7 the same\n"));
        let mut command = command(folder.path(), &["image", "-", "-f", "json"]);
        command.stdin(File::open(folder.path().join("bom.json")).unwrap());
        let piped = finish(command.output().unwrap()).out;
        assert_eq!(serde_json::from_str::<Value>(&piped).unwrap(), image);
    }
    for (text, expect) in [
        ("{}", "neither CycloneDX nor SPDX"),
        ("{", "not valid JSON"),
        ("<?xml version='1.0'?>", "CycloneDX in XML is not supported"),
    ] {
        fs::write(folder.path().join("other"), text).unwrap();
        let result = run(folder.path(), &["image", "other"]);
        assert!(result.code == 3 && result.err.contains(expect), "{}", result.err);
    }
}

#[test]
fn what_differs_between_two_images_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    let package = |name: &str, version: &str| format!("P:{name}\nV:{version}\nA:x86_64\n\n");
    let before = package("gone", "1") + &package("musl", "1.2.3-r0") + &package("same", "1");
    let after = package("come", "1") + &package("musl", "1.2.4-r2") + &package("same", "1");
    for (path, database) in [(&old, before), (&new, after)] {
        fs::create_dir_all(path.join("lib/apk/db")).unwrap();
        fs::write(path.join("lib/apk/db/installed"), database).unwrap();
    }
    let result = run(folder.path(), &["image", "diff", "old", "new"]);
    assert_eq!(result.code, 1, "{}", result.err);
    assert_eq!(
        result.out,
        "+ apk come 1 (layer 0)\n- apk gone 1\n~ apk musl 1.2.3-r0 → 1.2.4-r2 (layer 0)\n\n\
         1 added, 1 removed, 1 changed, 1 the same\n"
    );
    let result = run(folder.path(), &["image", "diff", "old", "new", "--json"]);
    let document: Value = serde_json::from_str(&result.out).unwrap();
    assert_eq!(document["changes"][2]["before"], json!(["1.2.3-r0"]));
    assert_eq!(run(folder.path(), &["image", "diff", "old", "./nowhere"]).code, 3);
    assert_eq!(run(folder.path(), &["image", "diff", "old"]).code, 2);
    assert_eq!(run(folder.path(), &["image", "diff", "-", "-"]).code, 2);
}
