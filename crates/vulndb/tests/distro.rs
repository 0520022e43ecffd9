//! Feeds of Debian and Alpine. The samples are written from documentation.

use pavisade_vulndb::{Builder, Database, Ecosystem, Feed, Matcher, Report, Target};
use serde_json::json;

const FEED: Feed<'_> = Feed { name: "distro", licence: "" };

fn built(read: impl FnOnce(&mut Builder)) -> (Vec<u8>, Report) {
    let mut builder = Builder::default();
    read(&mut builder);
    builder.finish().unwrap()
}

/// Returns the vulnerabilities of a package with their fix states.
fn found(bytes: &[u8], ecosystem: &str, name: &str, version: &str) -> Vec<String> {
    let ecosystem = Ecosystem::read(ecosystem);
    let mut matcher = Matcher::new(Database::open(bytes).unwrap());
    let target = Target { ecosystem: &ecosystem, name, version, source: None };
    let answer = matcher.find(target).unwrap();
    let mut ids: Vec<_> =
        answer.hits.iter().map(|hit| format!("{} {}", hit.advisory.id, hit.fix.name())).collect();
    ids.sort_unstable();
    ids
}

#[test]
fn debians_tracker() {
    let release = |status: &str, more: serde_json::Value| {
        let mut release = json!({"status": status, "repositories": {"bookworm": "1.0-1"}});
        for (key, value) in more.as_object().unwrap() {
            release[key] = value.clone();
        }
        json!({"scope": "remote", "description": "A fault", "releases": {"bookworm": release}})
    };
    let tracker = json!({"nginx": {
        "CVE-2024-1": release("resolved", json!({"fixed_version": "1.0-2", "urgency": "high"})),
        "CVE-2024-2": release("resolved", json!({"fixed_version": "0", "urgency": "unimportant"})),
        "CVE-2024-3": release("open", json!({"urgency": "low", "nodsa": "Minor issue", "nodsa_reason": "postponed"})),
        "CVE-2024-4": release("open", json!({"urgency": "end-of-life"})),
        "CVE-2024-5": release("undetermined", json!({"urgency": "not yet assigned"})),
        "CVE-2024-6": release("new word", json!({})),
        "CVE-2024-7": {"releases": {"sid": {"status": "open"}, "toy": {"status": "open"}}},
    }});
    let (bytes, report) = built(|b| b.debian_tracker(FEED, tracker.to_string().as_bytes()));
    let all = |version| found(&bytes, "Debian:12", "nginx", version);
    assert_eq!(
        all("1.0-1"),
        ["CVE-2024-1 fixed", "CVE-2024-3 not-fixed", "CVE-2024-4 wont-fix", "CVE-2024-5 unknown"]
    );
    assert_eq!(all("1.0-2"), ["CVE-2024-3 not-fixed", "CVE-2024-4 wont-fix", "CVE-2024-5 unknown"]);
    assert_eq!(found(&bytes, "Debian:11", "nginx", "1.0-1"), [""; 0]);
    let told: Vec<_> = report.left_out.keys().map(String::as_str).collect();
    assert_eq!(
        told,
        [
            "Debian release whose number is not known",
            "status `new word` in the Debian security tracker"
        ]
    );
    let feeds = Database::open(&bytes).unwrap().feeds().unwrap();
    assert!(!feeds[0].tried);
    assert_eq!(feeds[0].licences, ["license not known"]);
}

fn secdb(release: &str, package: &str, fixes: serde_json::Value) -> Vec<u8> {
    json!({
        "distroversion": release,
        "reponame": "main",
        "packages": [{"pkg": {"name": package, "secfixes": fixes}}]
    })
    .to_string()
    .into_bytes()
}

#[test]
fn alpines_secdb() {
    let fixes = json!({
        "1.2-r0": ["CVE-2019-1 CVE-2019-2 (+ regression fix)", "XSA-5"],
        // The final fix is only here.
        "1.2-r3": ["CVE-2019-1"],
        "0": ["CVE-2019-3"],
    });
    let first = secdb("v3.18", "p", fixes);
    let second = secdb("v3.19", "p", json!({"2.0-r0": ["CVE-2019-2"]}));
    let read = |files: [&[u8]; 2]| built(|b| files.iter().for_each(|f| b.alpine_secdb(FEED, f)));
    let (bytes, report) = read([&first, &second]);
    assert_eq!(report.left_out, read([&second, &first]).1.left_out);
    assert_eq!(bytes, read([&second, &first]).0, "in whatever order files come");
    assert_eq!(
        found(&bytes, "Alpine:v3.18", "p", "1.1-r9"),
        ["ALPINE-XSA-5 fixed", "CVE-2019-1 fixed", "CVE-2019-2 fixed"]
    );
    assert_eq!(found(&bytes, "Alpine:v3.18", "p", "1.2-r2"), ["CVE-2019-1 fixed"]);
    assert_eq!(found(&bytes, "Alpine:v3.18", "p", "1.2-r3"), [""; 0]);
    assert_eq!(found(&bytes, "Alpine:v3.19", "p", "1.2-r3"), ["CVE-2019-2 fixed"]);
    assert_eq!(report.left_out.len(), 0, "{report:?}");
}

#[test]
fn what_is_neither_is_told() {
    let (_, report) = built(|builder| {
        // Truncated, like an interrupted download.
        builder.debian_tracker(FEED, br#"{"a": {"CVE-2024-1": {"releases": {"#);
        builder.alpine_secdb(FEED, b"{");
        builder.alpine_secdb(FEED, br#"{"packages": []}"#);
    });
    assert_eq!(report.damaged, 3);
    let told: Vec<_> = report.left_out.keys().map(String::as_str).collect();
    assert_eq!(
        told,
        [
            "JSON that is not from Alpine secdb",
            "JSON that is not from the Debian security tracker",
            "secdb without an Alpine release"
        ]
    );
}
