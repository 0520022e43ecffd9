//! Malicious documents of images, and the archives and directories that hold them.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{Expect, Files, Refused, compare, files_of, limits};
use crate::testing::{Everything, Tar};
use crate::{Digest, Platform, Refusal, Store};

/// The files of an image, by name.
type Members = Vec<(String, Vec<u8>)>;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// An OCI layout under construction.
#[derive(Default)]
struct Layout {
    blobs: Members,
}

impl Layout {
    /// Adds a blob and returns its descriptor.
    fn blob(&mut self, kind: &str, bytes: &[u8]) -> Value {
        let digest = Digest::of(bytes);
        self.blobs.push((format!("blobs/{}", digest.path()), bytes.to_vec()));
        json!({"mediaType": kind, "digest": digest.to_string(), "size": bytes.len()})
    }

    /// Adds an image with one layer; `change` modifies its manifest.
    fn image(&mut self, change: impl Fn(&mut Value)) -> Value {
        let layer = Tar::default().file("etc/a", b"content").end();
        let config = json!({
            "os": "linux", "architecture": "amd64",
            "rootfs": {"type": "layers", "diff_ids": [Digest::of(&layer).to_string()]},
        });
        let layer = self.blob("application/vnd.oci.image.layer.v1.tar", &layer);
        let config = self.blob(CONFIG, config.to_string().as_bytes());
        let mut manifest = json!({"schemaVersion": 2, "config": config, "layers": [layer]});
        change(&mut manifest);
        self.blob(MANIFEST, manifest.to_string().as_bytes())
    }

    fn end(self, manifests: &[Value]) -> Members {
        let index = json!({"schemaVersion": 2, "manifests": manifests});
        self.with_index(index.to_string().as_bytes())
    }

    fn with_index(mut self, index: &[u8]) -> Members {
        self.blobs.push(("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec()));
        self.blobs.push(("index.json".to_owned(), index.to_vec()));
        self.blobs
    }
}

fn plain(change: impl Fn(&mut Value)) -> Members {
    let mut layout = Layout::default();
    let image = layout.image(change);
    layout.end(&[image])
}

/// Adds an image for a platform.
fn of(layout: &mut Layout, platform: &str) -> Value {
    let mut image = layout.image(|_| {});
    let (os, architecture) = platform.split_once('/').unwrap();
    image["platform"] = json!({"os": os, "architecture": architecture});
    image
}

fn read(path: &Path) -> Result<Vec<String>, Refusal> {
    let platform: Platform = "linux/amd64".parse().unwrap();
    let store = Store::open(path, limits())?;
    let mut all = Vec::new();
    for candidate in store.candidates(&platform)? {
        let image = store.image(&candidate, &platform, false)?;
        let contents = store.read_layers(&image, |_| Everything::default(), |_, _| {})?;
        all.extend(files_of(&contents.tree));
    }
    Ok(all)
}

fn tar(members: &Members) -> Tar {
    members
        .iter()
        .fold(Tar::default(), |tar, (name, bytes)| tar.pax(&[("path", name)]).file("x", bytes))
}

fn write(folder: &Path, members: &Members) {
    for (name, bytes) in members {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

/// Expects the same result for a directory and an archive.
fn check(shapes: Vec<(&str, Members, Expect)>) {
    let mut wrong = Vec::new();
    for (name, members, expect) in shapes {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("image.tar");
        fs::write(&file, tar(&members).end()).unwrap();
        wrong.extend(compare(&format!("{name}, a tar"), read(&file), &expect));
        write(&folder.path().join("image"), &members);
        let found = read(&folder.path().join("image"));
        wrong.extend(compare(&format!("{name}, a folder"), found, &expect));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn documents() {
    let changed = |name: &str, change: fn(&mut Vec<u8>)| {
        let mut members = plain(|_| {});
        let wanted = |(member, _): &&mut (String, Vec<u8>)| member.contains(name);
        change(&mut members.iter_mut().filter(wanted).last().unwrap().1);
        members
    };
    let without = |at: usize| {
        let mut members = plain(|_| {});
        members.remove(at);
        members
    };
    let index = |text: &str| Layout::default().with_index(text.as_bytes());
    let nested = |depth: usize| {
        let mut layout = Layout::default();
        let mut at = layout.image(|_| {});
        for _ in 0..depth {
            let text = json!({"manifests": [at]}).to_string();
            at = layout.blob("application/vnd.oci.image.index.v1+json", text.as_bytes());
        }
        layout.end(&[at])
    };
    let digest =
        |text: &str| index(&json!({"manifests": [{"digest": text, "size": 1}]}).to_string());
    check(vec![
        ("an image", plain(|_| {}), Files(&["etc/a"])),
        ("no layer", without(0), Refused("is missing")),
        ("no configuration", without(1), Refused("is missing")),
        ("no manifest", without(2), Refused("is missing")),
        (
            "a changed manifest",
            changed("blobs", |bytes| bytes[0] = b' '),
            Refused("instead of sha256:"),
        ),
        (
            "a longer manifest",
            changed("blobs", |bytes| bytes.push(b' ')),
            Refused("bytes instead of"),
        ),
        ("an index that is no JSON", index("{"), Refused("index.json is not valid")),
        ("an index without images", index("{}"), Refused("missing field `manifests`")),
        ("an empty index", index(r#"{"manifests":[]}"#), Files(&[])),
        ("a list of numbers", index(r#"{"manifests":[1]}"#), Refused("not valid")),
        ("deep JSON", index(&format!("{{\"x\": {}", "[".repeat(60_000))), Refused("not valid")),
        ("a large index", index(&" ".repeat(70_000)), Refused("larger than 65536 bytes")),
        (
            "a digest that is a path",
            digest("sha256:../../../etc/passwd"),
            Refused("is not a digest"),
        ),
        ("a digest of nothing", digest("sha256:"), Refused("is not a digest")),
        (
            "a digest in capitals",
            digest(&format!("sha256:{}", "A".repeat(64))),
            Refused("is not a digest"),
        ),
        (
            "a digest that is not known",
            digest(&format!("md5:{}", "a".repeat(32))),
            Refused("is not a digest"),
        ),
        ("an index in an index", nested(1), Files(&["etc/a"])),
        ("indexes in one another", nested(6), Refused("too many nested indexes")),
        (
            "both at once",
            plain(|manifest| manifest["manifests"] = json!([])),
            Refused("both an index and a manifest"),
        ),
        (
            "a manifest that calls itself an index",
            plain(|manifest| {
                manifest["mediaType"] = json!("application/vnd.oci.image.index.v1+json")
            }),
            Refused("calls itself an index"),
        ),
        (
            "a manifest of version 1",
            plain(|manifest| *manifest = json!({"fsLayers": []})),
            Refused("version 1"),
        ),
        (
            "neither",
            plain(|manifest| *manifest = json!({"schemaVersion": 2})),
            Refused("missing field"),
        ),
        (
            "a chart",
            plain(|manifest| {
                manifest["config"]["mediaType"] = json!("application/vnd.cncf.helm.config.v1+json")
            }),
            Refused("not a container image but an artifact"),
        ),
        (
            "an artifact",
            plain(|manifest| manifest["artifactType"] = json!("text/plain")),
            Refused("artifact of the type text/plain"),
        ),
        (
            "a layer too many",
            plain(|manifest| {
                let layer = manifest["layers"][0].clone();
                manifest["layers"] = json!([layer, layer]);
            }),
            Refused("1 layers and the manifest 2"),
        ),
        (
            "no layers",
            plain(|manifest| manifest["layers"] = json!([])),
            Refused("1 layers and the manifest 0"),
        ),
        (
            "a layer of another size",
            plain(|manifest| manifest["layers"][0]["size"] = json!(7)),
            Refused("bytes instead of 7"),
        ),
        (
            "a negative size",
            plain(|manifest| manifest["layers"][0]["size"] = json!(-1)),
            Refused("not valid"),
        ),
    ]);
}

#[test]
fn machines() {
    let all = |platforms: &[&str]| {
        let mut layout = Layout::default();
        let images: Vec<_> = platforms.iter().map(|platform| of(&mut layout, platform)).collect();
        layout.end(&images)
    };
    let nested = {
        let mut layout = Layout::default();
        let images = ["linux/s390x", "unknown/unknown"].map(|platform| of(&mut layout, platform));
        let index = json!({"manifests": images}).to_string();
        let index = layout.blob("application/vnd.oci.image.index.v1+json", index.as_bytes());
        layout.end(&[index])
    };
    check(vec![
        ("one that fits", all(&["linux/arm64", "linux/amd64"]), Files(&["etc/a"])),
        (
            "none that fits",
            all(&["linux/s390x", "linux/arm64"]),
            Refused("for linux/amd64, but for linux/arm64, linux/s390x"),
        ),
        ("none that fits, in an index", nested, Refused("for linux/amd64, but for linux/s390x")),
        ("attestations alone", all(&["unknown/unknown"]), Files(&[])),
    ]);
}

#[test]
fn names_variants_and_repeated_images() {
    let folder = tempfile::tempdir().unwrap();
    let mut layout = Layout::default();
    let named = |image: &Value, name: &str| {
        let mut image = image.clone();
        image["annotations"] = json!({"io.containerd.image.name": name});
        image
    };
    let mut six = layout.image(|manifest| manifest["annotations"] = json!({"v": "6"}));
    six["platform"] = json!({"os": "linux", "architecture": "arm", "variant": "v6"});
    let mut seven = layout.image(|_| {});
    seven["platform"] = json!({"os": "linux", "architecture": "arm", "variant": "v7"});
    let digest = seven["digest"].as_str().unwrap().to_owned();
    let names = [named(&seven, "docker.io/library/a:1"), named(&seven, "b.io/a:2")];
    for (manifests, expect) in [(vec![six, seven], 0), (names.to_vec(), 2)] {
        let index = json!({"manifests": manifests}).to_string();
        write(folder.path(), &layout.blobs);
        fs::write(folder.path().join("index.json"), index).unwrap();
        let store = Store::open(folder.path(), limits()).unwrap();
        let mut found = store.candidates(&"linux/arm".parse().unwrap()).unwrap();
        let candidate = found.pop().unwrap();
        assert!(found.is_empty() && candidate.is(&digest), "{found:?}");
        assert_eq!(candidate.names.len(), expect);
        for name in ["docker.io/library/a:1", "library/a:1", "a:1", "a:2"] {
            assert_eq!(candidate.is(name), expect > 0, "{name}");
        }
        assert!(!candidate.is("1") && !candidate.is("") && !candidate.is("rary/a:1"));
    }
}

#[test]
fn a_platform_that_was_asked_for_must_be_that_of_the_image() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &plain(|_| {}));
    let store = Store::open(folder.path(), limits()).unwrap();
    let asked: Platform = "linux/arm64".parse().unwrap();
    let candidate = store.candidates(&asked).unwrap().remove(0);
    assert!(store.image(&candidate, &asked, false).is_ok());
    assert!(matches!(store.image(&candidate, &asked, true), Err(Refusal::Platform { .. })));
}

/// Returns `manifest.json`, a configuration and a layer as written by `docker save`.
fn saved(config: &str, layer: &str) -> Members {
    let bytes = Tar::default().file("etc/a", b"").end();
    let document = json!({"rootfs": {"diff_ids": [Digest::of(&bytes).to_string()]}}).to_string();
    let manifest = json!([{"Config": config, "RepoTags": null, "Layers": [layer]}]).to_string();
    vec![
        ("1/layer.tar".to_owned(), bytes),
        ("c.json".to_owned(), document.into_bytes()),
        ("manifest.json".to_owned(), manifest.into_bytes()),
    ]
}

#[test]
fn names_in_a_manifest_lead_nowhere_else() {
    let out = "outside the image";
    let folder = |config: &str, layer: &str| {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("image");
        write(&inner, &saved(config, layer));
        fs::write(folder.path().join("secret"), "secret").unwrap();
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("../secret", inner.join("link")).unwrap();
            std::os::unix::fs::symlink("c.json", inner.join("within")).unwrap();
            let mode = rustix::fs::Mode::from_raw_mode(0o600);
            let (here, kind) = (rustix::fs::CWD, rustix::fs::FileType::Fifo);
            rustix::fs::mknodat(here, inner.join("pipe"), kind, mode, 0).unwrap();
        }
        read(&inner)
    };
    for (config, layer, expect) in [
        ("c.json", "1/layer.tar", Files(&["etc/a"])),
        ("./c.json", "1/layer.tar", Files(&["etc/a"])),
        ("within", "1/layer.tar", Files(&["etc/a"])),
        ("/etc/passwd", "1/layer.tar", Refused(out)),
        ("../secret", "1/layer.tar", Refused(out)),
        ("c.json", "1/../../secret", Refused(out)),
        ("link", "1/layer.tar", Refused(out)),
        ("c.json", "link", Refused(out)),
        ("pipe", "1/layer.tar", Refused("not a regular file")),
        ("1", "1/layer.tar", Refused("not a regular file")),
        ("", "1/layer.tar", Refused(out)),
        ("none", "1/layer.tar", Refused("none")),
    ] {
        let wrong = compare(&format!("{config} {layer}"), folder(config, layer), &expect);
        assert_eq!(wrong, None);
    }
}

#[test]
fn blobs_may_lie_beside_their_manifest() {
    let flat = |change: fn(&mut Value)| {
        let mut members = plain(change);
        let mut members: Members = members.drain(..3).collect();
        members[2].0 = "manifest.json".to_owned();
        let hex = |name: &str| name.rsplit('/').next().unwrap().to_owned();
        members.iter_mut().for_each(|(name, _)| *name = hex(name));
        members
    };
    let mut missing = flat(|_| {});
    missing.remove(0);
    check(vec![
        ("skopeo's folder", flat(|_| {}), Files(&["etc/a"])),
        ("without a layer", missing, Refused("is missing")),
        (
            "with a digest that leads out",
            flat(|manifest| manifest["config"]["digest"] = json!("sha256:../secret")),
            Refused("is not a digest"),
        ),
    ]);
}

#[test]
fn links_in_an_archive_are_followed_within_it() {
    let archive = |layer: &str, link: &str, kind: u8, target: &str| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("image.tar");
        fs::write(&file, tar(&saved("c.json", layer)).link(link, kind, target).end()).unwrap();
        read(&file)
    };
    for (layer, link, kind, target, expect) in [
        // A duplicate layer, as written by Docker before version 25.
        ("2/layer.tar", "2/layer.tar", b'2', "../1/layer.tar", Files(&["etc/a"])),
        ("2/layer.tar", "2/layer.tar", b'1', "1/layer.tar", Files(&["etc/a"])),
        ("2/layer.tar", "2/layer.tar", b'2', "/1/layer.tar", Files(&["etc/a"])),
        ("2/layer.tar", "2/layer.tar", b'2', "../../../1/layer.tar", Files(&["etc/a"])),
        ("2/layer.tar", "2/layer.tar", b'2', "/etc/passwd", Refused("2/layer.tar")),
        ("2/layer.tar", "2/layer.tar", b'2', "layer.tar", Refused("too many links")),
        ("2/layer.tar", "2/layer.tar", b'5', "", Refused("not a regular file")),
    ] {
        assert_eq!(compare(target, archive(layer, link, kind, target), &expect), None);
    }
}

#[test]
fn archives_in_which_images_are_or_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let written = |bytes: &[u8]| {
        let file = folder.path().join("image");
        fs::write(&file, bytes).unwrap();
        read(&file)
    };
    let image = tar(&plain(|_| {})).end();
    let inner: Members =
        plain(|_| {}).into_iter().map(|(name, bytes)| (format!("folder/{name}"), bytes)).collect();
    let many = (0..200).fold(Tar::default(), |tar, number| tar.file(&format!("usr/{number}"), b""));
    for (name, bytes, expect) in [
        ("compressed as a whole", zstd::encode_all(&*image, 1).unwrap(), Files(&["etc/a"])),
        ("in one folder", tar(&inner).end(), Files(&["etc/a"])),
        (
            "in one folder beside another",
            tar(&inner).file("x", b"").end(),
            Refused("contains no image"),
        ),
        ("a root file system", Tar::default().file("./etc/b", b"").end(), Files(&["etc/b"])),
        (
            "a compressed one",
            zstd::encode_all(&*Tar::default().file("etc/b", b"").end(), 1).unwrap(),
            Files(&["etc/b"]),
        ),
        ("another tar", Tar::default().file("readme", b"").end(), Refused("contains no image")),
        ("an empty tar", vec![0; 1024], Refused("empty tar")),
        ("nothing", Vec::new(), Refused("empty tar")),
        ("text", b"hello\n".repeat(100), Refused("not a tar archive")),
        ("xz", b"\xFD7zXZ\0\0\x04".to_vec(), Refused("compressed with xz")),
        ("a cut image", image[..1500].to_vec(), Refused("not a tar archive")),
        ("a large root file system", many.end(), Files(&[])),
    ] {
        let found = written(&bytes).map(|all| if all.len() == 200 { Vec::new() } else { all });
        assert_eq!(compare(name, found, &expect), None);
    }
    fs::create_dir_all(folder.path().join("root/etc")).unwrap();
    fs::write(folder.path().join("root/etc/c"), "").unwrap();
    fs::write(folder.path().join("root/etc/.wh.c"), "").unwrap();
    assert_eq!(read(&folder.path().join("root")).unwrap(), ["etc/c"]);
    assert!(matches!(read(&folder.path().join("root/etc")), Err(Refusal::NotAnImage(_))));
    assert!(matches!(read(&folder.path().join("none")), Err(Refusal::Io { .. })));
}
