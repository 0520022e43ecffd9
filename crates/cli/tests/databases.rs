//! `pavisade db`: databases from what publishers offer.

use std::fs;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

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
    assert_eq!(feed("v3.18-main").unwrap()[1], "1");
    assert_eq!(feed("tracker").unwrap()[1], "1");
    assert!(status.contains("has not seen real data"), "{status}");
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
