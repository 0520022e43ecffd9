//! `pavisade db`: databases from what publishers offer.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::thread;

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};

use crate::started::run;

fn record(id: &str, name: &str) -> String {
    format!(
        r#"{{"id":"{id}","modified":"2026-01-01T00:00:00Z","affected":[{{"package":{{"ecosystem":"npm","name":"{name}"}},"ranges":[{{"type":"SEMVER","events":[{{"introduced":"0"}}]}}]}}]}}"#
    )
}

/// A zip archive of files that are stored.
fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let lengths = [content.len(), content.len()].map(|length| (length as u32).to_le_bytes());
        let name_length = (name.len() as u32).to_le_bytes();
        let offset = (out.len() as u32).to_le_bytes();
        out.extend([&b"PK\x03\x04"[..], &[0; 14], &lengths.concat(), &name_length].concat());
        out.extend([name.as_bytes(), content].concat());
        directory.extend([&b"PK\x01\x02"[..], &[0; 16], &lengths.concat(), &name_length].concat());
        directory.extend([&[0; 10][..], &offset, name.as_bytes()].concat());
    }
    let count = (files.len() as u16).to_le_bytes();
    let (start, length) =
        ((out.len() as u32).to_le_bytes(), (directory.len() as u32).to_le_bytes());
    out.extend(&directory);
    out.extend([&b"PK\x05\x06"[..], &[0; 4], &count, &count, &length, &start, &[0; 2]].concat());
    out
}

fn packed(text: &str) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::fast());
    out.write_all(text.as_bytes()).unwrap();
    out.finish().unwrap()
}

#[test]
fn what_publishers_offer_is_read_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("osv/npm")).unwrap();
    fs::create_dir_all(at("osv/deep/er")).unwrap();
    let [one, two] = [record("GHSA-1", "a"), record("GHSA-2", "b")];
    let files = [("GHSA-1.json", one.as_bytes()), ("GHSA-2.json", two.as_bytes()), ("x.md", b"x")];
    fs::write(at("osv/npm/all.zip"), zip(&files)).unwrap();
    fs::write(at("osv/deep/er/GHSA-3.json.gz"), packed(&record("GHSA-3", "c"))).unwrap();
    let secdb = r#"{"distroversion":"v3.18","reponame":"main","packages":[{"pkg":{"name":"curl","secfixes":{"8-r0":["CVE-2024-1"]}}}]}"#;
    fs::write(at("osv/v3.18-main.json"), secdb).unwrap();
    let tracker =
        r#"{"curl":{"CVE-2024-1":{"releases":{"bookworm":{"status":"open","urgency":"low"}}}}}"#;
    fs::write(at("osv/tracker.json"), tracker).unwrap();
    let built = run(folder.path(), &["db", "build", "osv", "-o", "v.db"]);
    assert_eq!(built.code, 0, "{}", built.err);
    assert!(built.err.contains("5 records read, 5 kept"), "{}", built.err);
    let status = run(folder.path(), &["db", "status", "v.db"]).out;
    let lines: Vec<Vec<_>> = status.lines().map(|l| l.split_whitespace().collect()).collect();
    let feed = |name: &str| lines.iter().find(|line| line.first() == Some(&name));
    // OSV's archives are named by their folders.
    assert_eq!(
        feed("npm").unwrap()[..5],
        ["npm", "2", "2026-01-01", "no", "CC-BY-4.0"],
        "{status}"
    );
    assert_eq!(feed("v3.18-main/secdb").unwrap()[1], "1");
    assert_eq!(feed("tracker/tracker").unwrap()[1], "1");
    assert!(status.contains("was not tested with real data"), "{status}");
}

#[test]
fn a_damaged_archive_hides_no_other_file() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (good, bad) = (record("GHSA-1", "a"), record("GHSA-2", "b"));
    let mut half = zip(&[("GHSA-1.json", good.as_bytes()), ("GHSA-2.json", bad.as_bytes())]);
    // The second file is compressed in a way that is not known.
    let second = half.windows(4).rposition(|bytes| bytes == b"PK\x01\x02").unwrap();
    half[second + 10] = 99;
    fs::write(at("half.zip"), half).unwrap();
    fs::write(at("cut.zip"), b"PK\x03\x04").unwrap();
    fs::write(at("other.json"), record("GHSA-3", "c")).unwrap();
    let built = run(folder.path(), &["db", "build", ".", "-o", "v.db"]);
    assert_eq!(built.code, 3, "{}", built.err);
    assert!(built.err.contains("2 records read, 2 kept"), "{}", built.err);
    assert!(built.err.contains("half.zip: 1 of its files: GHSA-2.json"), "{}", built.err);
    assert!(built.err.contains("cut.zip: it is not a zip archive"), "{}", built.err);
}

/// A database whose newest advisory is of this day.
fn made(folder: &Path, name: &str, day: &str) -> Vec<u8> {
    let record = record("GHSA-1", "a").replace("2026-01-01", day);
    fs::write(folder.join("record.json"), record).unwrap();
    let built = run(folder, &["db", "build", "record.json", "-q", "-o", name]);
    assert_eq!(built.code, 0, "{}", built.err);
    fs::read(folder.join(name)).unwrap()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_copy_takes_the_place_of_what_is_older() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| fs::read(folder.path().join(name)).ok();
    let (old, new) =
        (made(folder.path(), "old", "2026-01-01"), made(folder.path(), "new", "2026-02-01"));
    let import =
        |more: &[&str]| run(folder.path(), &[&["db", "import", "--db", "v.db"], more].concat());
    assert_eq!(import(&["old"]).code, 0);
    assert_eq!((at("v.db").unwrap(), at("v.db.previous")), (old.clone(), None));
    assert_eq!(import(&["new"]).code, 0);
    assert_eq!((at("v.db").unwrap(), at("v.db.previous").unwrap()), (new.clone(), old.clone()));
    // The same once more: what was before it stays.
    assert!(import(&["new"]).err.contains("is already up to date"));
    assert_eq!(at("v.db.previous").unwrap(), old);
    let refused = import(&["old"]);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("is older (2026-01-01"), "{}", refused.err);
    for (digest, code) in [(&*sha256(&old), 2), (&*sha256(&new), 0), ("sha256:12", 2)] {
        assert_eq!(import(&["new", "--sha256", digest]).code, code, "{digest}");
    }
    assert_eq!(at("v.db").unwrap(), new);
    assert_eq!(import(&["old", "--allow-older"]).code, 0);
    assert_eq!((at("v.db").unwrap(), at("v.db.previous").unwrap()), (old, new));
}

#[test]
fn what_is_replaced_is_kept_whatever_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let new = made(folder.path(), "new", "2026-02-01");
    let at = |name: &str| folder.path().join(name);
    // Of another version of the format, or a slip of the keyboard.
    fs::write(at("v.db"), b"PVVULN\0\x01 of old").unwrap();
    assert_eq!(run(folder.path(), &["db", "import", "new", "--db", "v.db"]).code, 0);
    assert_eq!(fs::read(at("v.db")).unwrap(), new);
    assert_eq!(fs::read(at("v.db.previous")).unwrap(), b"PVVULN\0\x01 of old");
}

#[test]
fn what_is_damaged_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let good = made(folder.path(), "v.db", "2026-01-01");
    let newer = made(folder.path(), "new", "2026-02-01");
    let mut damaged = newer.clone();
    // A text in the middle of the file is none any more.
    let at = damaged.windows(6).rposition(|bytes| bytes == b"GHSA-1").unwrap();
    damaged[at] = 0xFF;
    let bad = [&b"SQLite format 3\0"[..], b"", &newer[..newer.len() / 2], &damaged];
    for (nth, bytes) in bad.into_iter().enumerate() {
        fs::write(folder.path().join("bad"), bytes).unwrap();
        let refused = run(folder.path(), &["db", "import", "--db", "v.db", "bad"]);
        assert_eq!(refused.code, 2, "{nth}");
        assert!(refused.err.contains("bad cannot be used"), "{nth}: {}", refused.err);
        assert_eq!(fs::read(folder.path().join("v.db")).unwrap(), good, "{nth}");
    }
    let names: Vec<_> = fs::read_dir(&folder).unwrap().map(|f| f.unwrap().file_name()).collect();
    assert!(!names.iter().any(|name| name == "v.db.previous"), "{names:?}");
}

#[test]
fn an_export_is_imported_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let good = made(folder.path(), "v.db", "2026-01-01");
    let done = run(folder.path(), &["db", "export", "copy", "--db", "v.db"]);
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(done.err.contains(&format!("sha256:{} copy", sha256(&good))), "{}", done.err);
    assert_eq!(fs::read(folder.path().join("copy")).unwrap(), good);
    let done = run(folder.path(), &["db", "import", "copy", "--db", "there"]);
    assert_eq!(done.code, 0, "{}", done.err);
    assert_eq!(fs::read(folder.path().join("there")).unwrap(), good);
}

/// Answers requests for these paths until the test ends.
fn serve(files: Vec<(String, Vec<u8>)>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut first = String::new();
            let mut lines = BufReader::new(stream.try_clone().unwrap());
            lines.read_line(&mut first).unwrap();
            let mut line = String::new();
            while lines.read_line(&mut line).unwrap_or(0) > 2 {
                line.clear();
            }
            let path = first.split(' ').nth(1).unwrap_or_default();
            let found = files.iter().find(|(known, _)| known == path);
            let (status, body) = found.map_or(("404 Not Found", &b""[..]), |(_, b)| ("200 OK", b));
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            // The other side may have gone.
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
        }
    });
    host
}

#[test]
fn an_update_is_taken_by_its_digest() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) =
        (made(folder.path(), "v.db", "2026-01-01"), made(folder.path(), "new", "2026-02-01"));
    let digest = format!("sha256:{}", sha256(&new));
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","layers":[{{"mediaType":"application/octet-stream","digest":"{digest}","size":{}}}]}}"#,
        new.len()
    );
    let files = [
        ("/v.db", new.clone()),
        ("/v.db.sha256", format!("{}  v.db\n", sha256(&new)).into_bytes()),
        ("/wrong.db", new.clone()),
        ("/wrong.db.sha256", sha256(&old).into_bytes()),
        ("/bare.db", new.clone()),
        ("/v2/team/db/manifests/1", manifest.into_bytes()),
        (&*format!("/v2/team/db/blobs/{digest}"), new.clone()),
    ]
    .map(|(path, bytes)| (path.to_owned(), bytes));
    let host = serve(files.to_vec());
    let update = |source: &str, more: &[&str]| {
        let fixed = ["db", "update", "--db", "v.db", "--plain-http", &host, source];
        run(folder.path(), &[&fixed, more].concat())
    };
    let is = |bytes: &[u8]| assert_eq!(fs::read(folder.path().join("v.db")).unwrap(), bytes);
    for (source, more) in [
        (format!("http://{host}/wrong.db"), None),
        (format!("http://{host}/bare.db"), None),
        (format!("http://{host}/none.db"), Some(sha256(&new))),
        (format!("{host}/team/none:1"), None),
        (format!("{host}/team/db:1"), Some(sha256(&old))),
        ("Not a reference".to_owned(), None),
    ] {
        let more: Vec<_> = more.iter().flat_map(|digest| ["--sha256", digest]).collect();
        let done = update(&source, &more);
        assert_eq!(done.code, 2, "{source}: {}", done.err);
        is(&old);
    }
    for source in [format!("http://{host}/v.db"), format!("{host}/team/db:1")] {
        fs::write(folder.path().join("v.db"), &old).unwrap();
        let done = update(&source, &[]);
        assert_eq!(done.code, 0, "{source}: {}", done.err);
        is(&new);
        assert_eq!(fs::read(folder.path().join("v.db.previous")).unwrap(), old);
    }
    // Without TLS only where that is allowed.
    let source = format!("http://{host}/v.db");
    let done = run(folder.path(), &["db", "update", "--db", "v.db", &source]);
    assert_eq!(done.code, 2, "{}", done.err);
    assert!(done.err.contains("--plain-http"), "{}", done.err);
}
