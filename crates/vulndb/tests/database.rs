//! The database format: equal input gives equal bytes, and damage causes only errors.

use pavisade_vulndb::{Builder, Database, DatabaseError, Ecosystem, Feed, Matcher, Target};
use proptest::prelude::*;
use serde_json::json;

use crate::matching::{built, record};

fn records() -> Vec<serde_json::Value> {
    let mut listed = record("C-3", &["CVE-2024-3"], ("npm", "c"), json!([{"introduced": "0"}]));
    listed["affected"][0]["versions"] = json!(["1.0.0", "odd"]);
    vec![
        record(
            "A-1",
            &["CVE-2024-1"],
            ("npm", "a"),
            json!([{"introduced": "0"}, {"fixed": "2.0.0"}]),
        ),
        record("B-2", &["CVE-2024-1"], ("npm", "a"), json!([{"introduced": "0"}])),
        record("DSA-1", &["CVE-2024-2"], ("Debian:11", "a"), json!([{"introduced": "0"}])),
        listed,
    ]
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let mut records = records();
    let bytes = built(&records);
    records.reverse();
    assert_eq!(built(&records), bytes);
    // An older or equal duplicate changes nothing, wherever it is.
    let mut other = records[0].clone();
    other["summary"] = json!("another");
    let with = |first: bool| {
        let mut all = records.clone();
        all.insert(if first { 0 } else { all.len() }, other.clone());
        built(&all)
    };
    assert_eq!(with(true), with(false));
}

#[test]
fn what_is_left_out_is_told() {
    let mut builder = Builder::default();
    let feed = Feed { name: "feed", licence: "MIT" };
    let mut git = record("G", &[], ("npm", "g"), json!([{"introduced": "0"}, {"limit": "1.0.0"}]));
    git["affected"][0]["ranges"][0]["type"] = json!("GIT");
    let mut limit =
        record("L", &[], ("npm", "l"), json!([{"introduced": "0"}, {"limit": "1.0.0"}]));
    limit["modified"] = json!("0001-01-01T00:00:00Z");
    limit["published"] = json!("2026-02-01T00:00:00Z");
    let mut gone = record("W", &[], ("npm", "w"), json!([{"introduced": "0"}]));
    gone["withdrawn"] = json!("2026-01-01T00:00:00Z");
    let mut odd = record("O", &[], ("npm", "o"), json!([{"introduced": "soon"}]));
    odd["severity"] = json!([{"type": "CVSS_V3", "score": "CVSS:3.1/AV:?"}]);
    odd["affected"][0]["database_specific"] = json!({"status": "moon"});
    let bug = record("ALBA-1", &[], ("AlmaLinux:8", "b"), json!([{"introduced": "0"}]));
    let all = [git, limit, gone, odd, bug, json!({"id": "N"}), json!({"affected": []})];
    let lines = all.map(|record| record.to_string()).join("\n");
    builder.records(feed, format!("{lines}\n\n{{").as_bytes());
    builder.epss(feed, "CVE-1,2,3");
    builder.exploited(feed, b"{}");
    let (bytes, report) = builder.finish().unwrap();
    assert_eq!((report.records, report.kept, report.withdrawn), (8, 3, 1));
    let told: Vec<_> = report.left_out.iter().map(|(what, l)| (&**what, l.count)).collect();
    assert_eq!(
        told,
        [
            ("catalog that is not from CISA", 1),
            ("event `limit` of a range", 1),
            ("event that is not a version of npm", 1),
            ("line that is not from EPSS", 1),
            ("package without versions", 1),
            ("range of the type GIT", 1),
            ("record about an update that fixes no vulnerability", 1),
            ("record that is not OSV", 2),
            ("record without a package", 1),
            ("severity that is not a CVSS vector", 1),
            ("state `moon` of a package", 1),
        ]
    );
    let feeds = Database::open(&bytes).unwrap().feeds().unwrap();
    let feed = (feeds[0].name, &*feeds[0].licences, feeds[0].records, feeds[0].newest);
    assert_eq!(feed, ("feed", &["MIT"][..], 3, "2026-02-01T00:00:00Z"));
    assert!(!feeds[0].tried);
}

#[test]
fn signals_of_today_make_no_old_advisories_new() {
    let record = |id: &str, modified: &str| {
        let affected =
            json!([{"package": {"ecosystem": "npm", "name": "p"}, "versions": ["1.0.0"]}]);
        json!({"id": id, "modified": modified, "affected": affected}).to_string()
    };
    let feed = |name| Feed { name, licence: "MIT" };
    let mut builder = Builder::default();
    builder.record(feed("osv"), record("A-1", "2026-02-01T00:00:00Z").as_bytes());
    // Its date is in the future.
    builder.record(feed("odd"), record("A-2", "2031-01-01T00:00:00Z").as_bytes());
    builder.epss(
        feed("epss"),
        "#model_version:v1,score_date:2026-08-16T12:00:00Z\ncve,epss,percentile\nCVE-2024-1,0.5,0.9\n",
    );
    builder.exploited(
        feed("kev"),
        br#"{"dateReleased":"2026-08-15T00:00:00Z","vulnerabilities":[{"cveID":"CVE-2024-3","dateAdded":"2024-03-01"}]}"#,
    );
    // A feed with only invalid lines has no records either.
    builder.epss(feed("none"), "#model_version:v1,score_date:2026-08-17T12:00:00Z\n");
    let bytes = builder.finish().unwrap().0;
    let database = Database::open(&bytes).unwrap();
    let newest = |today: &str| {
        let newest = database.newest(today.parse().unwrap()).unwrap();
        newest.map(|newest| (newest.day.to_string(), newest.time))
    };
    let february = Some(("2026-02-01".to_owned(), "2026-02-01T00:00:00Z"));
    assert_eq!(newest("2026-08-17"), february);
    assert_eq!(newest("2026-02-01"), february);
    assert_eq!(newest("2026-01-31"), None);
    assert_eq!(newest("2031-01-02"), Some(("2031-01-01".to_owned(), "2031-01-01T00:00:00Z")));
    let feeds = database.feeds().unwrap();
    let signals: Vec<_> = feeds.iter().filter(|feed| feed.signals).map(|feed| feed.name).collect();
    assert_eq!(signals, ["epss", "kev", "none"]);
    assert!(feeds.iter().all(|feed| feed.tried || !feed.signals));
}

#[test]
fn a_check_finds_damage_that_opening_does_not() {
    let mut bytes = built(&records());
    Database::open(&bytes).unwrap().check().unwrap();
    // The last string end.
    let end = bytes.windows(4).rposition(|four| four == 3u32.to_le_bytes()).unwrap();
    bytes[end..end + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(Database::open(&bytes).unwrap().check(), Err(DatabaseError::Damaged));
}

#[test]
fn what_is_no_database_is_refused() {
    let bytes = built(&records());
    let open = |bytes: &[u8]| Database::open(bytes).err();
    assert_eq!(open(b""), Some(DatabaseError::Foreign));
    assert_eq!(open(b"SQLite format 3\0"), Some(DatabaseError::Foreign));
    assert_eq!(open(&bytes[..bytes.len() - 1]), Some(DatabaseError::Damaged));
    assert_eq!(open(&[&bytes[..], b"x"].concat()), Some(DatabaseError::Damaged));
    assert_eq!(open(&bytes), None);
    // A database without records is valid.
    assert_eq!(open(&built(&[])), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damage_gives_an_error_at_most(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut bytes = built(&records());
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let Ok(database) = Database::open(&bytes) else { return Ok(()) };
        let mut matcher = Matcher::new(database);
        let _ = database.feeds();
        let _ = database.check();
        for (ecosystem, name) in [("npm", "a"), ("npm", "c"), ("Debian:11", "a")] {
            let ecosystem = Ecosystem::read(ecosystem);
            let target = Target { ecosystem: &ecosystem, name, version: "1.0.0", source: None };
            let _ = matcher.find(target);
            let _ = matcher.explain(target, "CVE-2024-1");
        }
    }
}
