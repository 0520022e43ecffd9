//! What is attached to an image, by registries that list it, do not, or break off in the middle.

use std::sync::Mutex;

use super::*;
use crate::registry::Attachment;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// A manifest with one bundle, and the bundle.
fn signature() -> (Vec<u8>, &'static [u8]) {
    let bundle = b"{}";
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": BUNDLE,
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": text(b"{}"), "size": 2},
        "layers": [{"mediaType": BUNDLE, "digest": text(bundle), "size": bundle.len()}],
    });
    (manifest.to_string().into_bytes(), bundle)
}

fn list(of: &[&[u8]]) -> Vec<u8> {
    let entry =
        |bytes: &&[u8]| json!({"mediaType": MANIFEST, "digest": text(bytes), "size": bytes.len()});
    let manifests: Vec<_> = of.iter().map(entry).collect();
    json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}).to_string().into_bytes()
}

/// What is found where the list of referrers is that: how many, and the gaps.
fn found(referrers: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> (usize, Vec<String>) {
    let sample = Sample::new();
    let digest: Digest = text(&sample.manifest).parse().unwrap();
    let server = Server::start(move |request| {
        let (manifest, bundle) = signature();
        let rest = request.path.strip_prefix("/v2/team/app/").unwrap_or_default();
        if rest.starts_with("referrers/") {
            referrers(request)
        } else if rest == format!("manifests/{}", text(&manifest)) {
            Reply::new(200, manifest)
        } else if rest == format!("blobs/{}", text(bundle)) {
            Reply::new(200, bundle)
        } else {
            sample.answer(request)
        }
    });
    let registries = Registries::new(access(&[&server]));
    let store = Store::fetch(&registries, remote(&server, "1"), Limits::default());
    let all = store.attached(&digest).unwrap();
    (all.found.len(), all.gaps)
}

#[test]
fn a_list_that_is_not_whole_is_a_gap() {
    let good = |of: &[&[u8]]| Reply::new(200, list(of)).with("Content-Type", INDEX);
    let next = |reply: Reply, link: &str| reply.with("Link", link);
    type Answer = Box<dyn Fn(&Request) -> Reply + Send + Sync>;
    let cases: Vec<(&str, Answer, usize, &str)> = vec![
        ("none", Box::new(move |_| good(&[])), 0, ""),
        ("no such API", Box::new(|_| Reply::new(404, "")), 0, ""),
        ("not allowed", Box::new(|_| Reply::new(405, "")), 0, ""),
        (
            "a page for people",
            Box::new(|_| Reply::new(200, "<html>").with("Content-Type", "text/html")),
            0,
            "",
        ),
        ("one", Box::new(move |_| good(&[&signature().0])), 1, ""),
        ("one that is gone", Box::new(move |_| good(&[b"gone"])), 0, "is listed and missing"),
        ("one beside", Box::new(move |_| good(&[b"gone", &signature().0])), 1, "missing"),
        (
            "two pages",
            Box::new(move |request| match request.path.contains("last=1") {
                true => good(&[&signature().0]),
                false => next(good(&[]), "</v2/x?last=1>; rel=\"next\""),
            }),
            1,
            "",
        ),
        (
            "a second page that fails",
            Box::new(move |request| match request.path.contains("last=1") {
                true => Reply::new(404, ""),
                false => next(good(&[]), "</v2/x?last=1>; rel=\"next\""),
            }),
            0,
            "incomplete",
        ),
        (
            "a second page for people",
            Box::new(move |request| match request.path.contains("last=1") {
                true => Reply::new(200, "<html>"),
                false => next(good(&[]), "</v2/x?last=1>; rel=\"next\""),
            }),
            0,
            "incomplete",
        ),
        (
            "pages without end",
            Box::new(move |_| next(good(&[]), "</v2/x?last=1>; rel=next")),
            0,
            "more than 16 pages",
        ),
        (
            "a next page without an address",
            Box::new(move |_| next(good(&[]), "</v2/x/2>; rel=\"next\"")),
            0,
            "next page is not valid",
        ),
        (
            "a list that is cut",
            Box::new(|_| Reply::new(200, &list(&[b"x"])[..40]).with("Content-Type", INDEX)),
            0,
            "incomplete",
        ),
        (
            "a list that is too large",
            Box::new(|_| Reply::new(200, vec![b' '; (8 << 20) + 1]).with("Content-Type", INDEX)),
            0,
            "more than 8388608 bytes",
        ),
    ];
    for (what, answer, count, gap) in cases {
        let (found, gaps) = self::found(answer);
        assert_eq!(found, count, "{what}: {gaps:?}");
        assert_eq!(gaps.is_empty(), gap.is_empty(), "{what}: {gaps:?}");
        assert!(gaps.iter().all(|one| one.contains(gap)), "{what}: {gaps:?}");
    }
}

/// Whether what is attached is listed by the fallback tag depends on what the registry lists, not on
/// whether it answers.
#[test]
fn what_the_registry_does_not_list_gets_the_fallback_tag() {
    for (answers, expect) in [("list", false), ("empty", true), ("page", true), ("none", true)] {
        let sample = Sample::new();
        let digest: Digest = text(&sample.manifest).parse().unwrap();
        let pushed = Mutex::new(Vec::new());
        let server = Server::start(move |request| {
            let rest = request.path.strip_prefix("/v2/team/app/").unwrap_or_default();
            match (&*request.method, answers) {
                ("POST", _) => Reply::new(202, "").with("Location", "/v2/team/app/blobs/uploads/1"),
                ("PUT", _) => {
                    if rest.starts_with("manifests/sha256:") {
                        pushed.lock().unwrap().push(request.body.clone().into_bytes());
                    }
                    Reply::new(201, "")
                }
                (_, "list") if rest.starts_with("referrers/") => {
                    let pushed = pushed.lock().unwrap();
                    let all: Vec<_> = pushed.iter().map(Vec::as_slice).collect();
                    Reply::new(200, list(&all)).with("Content-Type", INDEX)
                }
                (_, "empty") if rest.starts_with("referrers/") => {
                    Reply::new(200, list(&[])).with("Content-Type", INDEX)
                }
                (_, "page") if rest.starts_with("referrers/") => Reply::new(200, "<html>"),
                _ => sample.answer(request),
            }
        });
        let registries = Registries::new(access(&[&server]));
        let attachment = Attachment { media_type: BUNDLE, bytes: b"{}", annotations: &[] };
        let placed = registries.attach(&remote(&server, "1"), &digest, &attachment).unwrap();
        assert_eq!(placed.tag.is_some(), expect, "{answers}");
    }
}

/// What `docker save` writes holds no signatures and not the digest that is signed, so that nobody can
/// say by it that an image is not signed.
#[test]
fn an_archive_of_docker_save_does_not_say_that_an_image_is_not_signed() {
    let folder = tempfile::tempdir().unwrap();
    let tar = Tar::default()
        .file("manifest.json", br#"[{"Config":"c.json","RepoTags":["app:1"],"Layers":[]}]"#)
        .file("c.json", b"{}")
        .end();
    let file = folder.path().join("app.tar");
    fs::write(&file, tar).unwrap();
    let store = Store::open(&file, Limits::default()).unwrap();
    let refusal = store.attached(&Digest::of(b"{}")).unwrap_err();
    assert!(refusal.to_string().contains("`docker save`"), "{refusal}");
}

/// In a layout, images for other machines are often left out; a manifest without a machine may be a
/// signature.
#[test]
fn what_a_layout_names_and_does_not_hold_is_a_gap() {
    let gone = |platform: bool| {
        let mut entry = json!({"mediaType": MANIFEST, "digest": text(b"gone"), "size": 4});
        if platform {
            entry["platform"] = json!({"os": "linux", "architecture": "s390x"});
        }
        json!({"schemaVersion": 2, "manifests": [entry]}).to_string()
    };
    for (platform, expect) in [(true, 0), (false, 1)] {
        let folder = tempfile::tempdir().unwrap();
        let version = r#"{"imageLayoutVersion":"1.0.0"}"#;
        fs::write(folder.path().join("oci-layout"), version).unwrap();
        fs::write(folder.path().join("index.json"), gone(platform)).unwrap();
        let store = Store::open(folder.path(), Limits::default()).unwrap();
        let all = store.attached(&Digest::of(b"gone")).unwrap();
        assert_eq!((all.found.len(), all.gaps.len()), (0, expect), "{:?}", all.gaps);
    }
}
