//! Artifacts and downloads, and faults on the way.

use serde_json::json;

use super::server::{Reply, Server};
use super::*;

fn artifact(content: &[u8], named: &str, files: usize) -> (Vec<u8>, String) {
    let layer = json!({"mediaType": "", "digest": named, "size": content.len()});
    let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "layers": vec![layer; files]});
    (manifest.to_string().into_bytes(), format!("/v2/team/app/blobs/{named}"))
}

/// Requests an artifact with a number of files and the digest of `named`. The first response is
/// truncated after `cut` bytes.
fn ask(
    content: &'static [u8],
    named: &[u8],
    files: usize,
    cut: Option<usize>,
) -> Result<Vec<u8>, Refusal> {
    let (manifest, blob) = artifact(content, &text(named), files);
    let server = Server::start(move |request| {
        if request.path == "/v2/team/app/manifests/1" {
            return Reply::new(200, manifest.clone());
        }
        if request.path != blob {
            return Reply::new(404, "");
        }
        let mut reply = ranged(request, content);
        reply.cut = cut.filter(|_| request.nth == 0);
        reply
    });
    Registries::new(access(&[&server])).artifact(&remote(&server, "1"), 1000)
}

#[test]
fn an_artifact_is_its_one_file() {
    assert_eq!(ask(b"content", b"content", 1, None).unwrap(), b"content");
    assert_eq!(ask(b"content", b"content", 1, Some(3)).unwrap(), b"content");
    let wrong = ask(b"content", b"another", 1, None);
    assert!(matches!(wrong, Err(Refusal::Digest { .. })), "{wrong:?}");
    for files in [0, 2] {
        let wrong = ask(b"content", b"content", files, None);
        assert!(matches!(wrong, Err(Refusal::Document { .. })), "{wrong:?}");
    }
    let wrong = ask(&[7; 1001], &[7; 1001], 1, None);
    assert!(matches!(wrong, Err(Refusal::TooLarge { .. })), "{wrong:?}");
}

#[test]
fn a_file_of_a_web_server_is_whole_or_an_error() {
    let server = Server::start(|request| match (&*request.path, request.nth) {
        ("/cut", 0) => Reply { cut: Some(3), ..Reply::new(200, "content") },
        ("/busy", 0) => Reply::new(503, ""),
        ("/moved", _) => Reply::new(302, "").with("Location", "/whole"),
        ("/large", _) => Reply::new(200, vec![7; 1001]),
        ("/always", _) => Reply { cut: Some(3), ..Reply::new(200, "content") },
        ("/none", _) => Reply::new(404, ""),
        _ => Reply::new(200, "content"),
    });
    let registries = Registries::new(access(&[&server]));
    let get = |path: &str| registries.download(&format!("http://{}{path}", server.host()), 1000);
    for path in ["/whole", "/cut", "/busy", "/moved"] {
        assert_eq!(get(path).unwrap(), b"content", "{path}");
    }
    let cause = |path: &str| match get(path) {
        Err(Refusal::Registry(fault)) => fault.cause,
        other => panic!("{path}: {other:?}"),
    };
    assert_eq!(cause("/always"), super::super::Cause::Unreachable);
    assert_eq!(cause("/none"), super::super::Cause::Absent);
    assert!(matches!(get("/large"), Err(Refusal::TooLarge { .. })));
    // Plain HTTP only where it is allowed.
    let strict = Registries::new(Access { plain: Default::default(), ..access(&[]) });
    let refused = strict.download(&format!("http://{}/whole", server.host()), 1000);
    assert!(matches!(refused, Err(Refusal::Registry(_))), "{refused:?}");
}
