//! Matching of packages, with reasons.

use pavisade_model::{FixState, Severity};
use pavisade_vulndb::{
    Answer, Because, Builder, Database, Ecosystem, Feed, Matcher, Target, Until, Verdict,
};
use serde_json::{Value, json};

const FEED: Feed<'_> = Feed { name: "feed", licence: "CC0-1.0" };

/// Returns a database of these records.
pub(crate) fn built(records: &[Value]) -> Vec<u8> {
    let mut builder = Builder::default();
    for record in records {
        builder.record(FEED, record.to_string().as_bytes());
    }
    builder.finish().unwrap().0
}

/// Returns a record for one package with one range.
pub(crate) fn record(id: &str, aliases: &[&str], package: (&str, &str), events: Value) -> Value {
    let package = json!({"ecosystem": package.0, "name": package.1});
    let range = json!({"type": "ECOSYSTEM", "events": events});
    json!({"id": id, "modified": "2026-01-01T00:00:00Z", "aliases": aliases, "summary": format!("about {id}"),
        "affected": [{"package": package, "ranges": [range]}]})
}

fn find(bytes: &[u8], ecosystem: &str, name: &str, version: &str) -> Answer {
    let ecosystem = Ecosystem::read(ecosystem);
    let target = Target { ecosystem: &ecosystem, name, version, source: None };
    Matcher::new(Database::open(bytes).unwrap()).find(target).unwrap()
}

/// Returns the IDs and fixes of the vulnerabilities.
fn short(answer: &Answer) -> Vec<(&str, FixState)> {
    answer.hits.iter().map(|hit| (hit.advisory.id.as_str(), hit.fix.clone())).collect()
}

fn fixed(version: &str) -> FixState {
    FixState::Fixed(version.into())
}

#[test]
fn records_of_one_vulnerability_are_one_hit() {
    let package = ("PyPI", "Foo_Bar");
    // `related` does not join records.
    let mut related =
        record("GHSA-5", &[], package, json!([{"introduced": "1.0"}, {"last_affected": "1.8"}]));
    related["related"] = json!(["CVE-2024-1"]);
    let bytes = built(&[
        record("PYSEC-1", &["CVE-2024-1"], package, json!([{"introduced": "0"}, {"fixed": "1.9"}])),
        record("GHSA-1", &["CVE-2024-1"], package, json!([{"introduced": "0"}, {"fixed": "1.10"}])),
        record("GHSA-2", &[], package, json!([{"introduced": "1.0"}, {"last_affected": "1.8"}])),
        record("GHSA-3", &[], package, json!([{"introduced": "2.0"}])),
        // A record of another package does not apply.
        record("GHSA-4", &[], ("PyPI", "other"), json!([{"introduced": "0"}])),
        related,
    ]);
    let answer = find(&bytes, "PyPI", "foo.bar", "1.5");
    // As text, 1.9 would be later.
    assert_eq!(
        short(&answer),
        [
            ("CVE-2024-1", fixed("1.10")),
            ("GHSA-2", FixState::Unknown),
            ("GHSA-5", FixState::Unknown)
        ]
    );
    let first = &answer.hits[0];
    assert_eq!(first.advisory.aliases, ["GHSA-1", "PYSEC-1"]);
    assert_eq!(first.reasons.len(), 2);
    let until = Until::Fixed("1.10".into());
    let because = Because::Range { introduced: "0".into(), until };
    assert_eq!((&*first.reasons[0].record, &first.reasons[0].because), ("GHSA-1", &because));
    // Only one of the two remains.
    assert_eq!(short(&find(&bytes, "PyPI", "foo-bar", "1.9")), [("CVE-2024-1", fixed("1.10"))]);
    assert_eq!(short(&find(&bytes, "PyPI", "foo-bar", "1.10")), []);
    assert_eq!(short(&find(&bytes, "PyPI", "foo-bar", "2.0")), [("GHSA-3", FixState::NotFixed)]);
    assert_eq!(short(&find(&bytes, "npm", "foo-bar", "1.5")), []);
}

/// Records join even if the one that connects them comes last.
#[test]
fn a_record_joins_what_was_found_before() {
    let package = ("npm", "p");
    let open = || json!([{"introduced": "0"}]);
    let bytes = built(&[
        record("A-1", &["CVE-2024-1"], package, open()),
        record("B-1", &["GHSA-1"], package, open()),
        record("C-1", &["GHSA-1", "CVE-2024-1"], package, open()),
        record("D-1", &["CVE-2024-2"], package, open()),
    ]);
    let answer = find(&bytes, "npm", "p", "1.0.0");
    let ids: Vec<_> = answer.hits.iter().map(|hit| hit.advisory.id.as_str()).collect();
    assert_eq!(ids, ["CVE-2024-1", "CVE-2024-2"]);
    assert_eq!(answer.hits[0].advisory.aliases, ["A-1", "B-1", "C-1", "GHSA-1"]);
    assert_eq!(answer.hits[0].reasons.len(), 3);
}

#[test]
fn a_distribution_is_judged_by_source_and_release() {
    let mut dsa = record(
        "DSA-1-1",
        &[],
        ("Debian:11", "curl"),
        json!([{"introduced": "0"}, {"fixed": "7.74-2"}]),
    );
    dsa["related"] = json!(["CVE-2024-1", "CVE-2024-2", "DSA-0-1"]);
    let mut later = record(
        "D-CVE-2024-2",
        &["CVE-2024-2"],
        ("Debian:11", "curl"),
        json!([{"introduced": "0"}]),
    );
    later["affected"][0]["ecosystem_specific"] = json!({"urgency": "end-of-life"});
    let bytes = built(&[dsa, later]);
    let database = Database::open(&bytes).unwrap();
    let mut matcher = Matcher::new(database);
    let (eleven, twelve) = (Ecosystem::read("Debian:11"), Ecosystem::read("Debian:12"));
    let mut ask = |ecosystem, name, version, source| {
        let target = Target { ecosystem, name, version, source };
        let answer = matcher.find(target).unwrap();
        answer.hits.into_iter().map(|hit| (hit.advisory.id.clone(), hit.fix)).collect::<Vec<_>>()
    };
    // The advisory gives two separate vulnerabilities.
    let both =
        [("CVE-2024-1".to_owned(), fixed("7.74-2")), ("CVE-2024-2".to_owned(), fixed("7.74-2"))];
    // The version of the binary package would be outside the range.
    assert_eq!(ask(&eleven, "libcurl4", "8.0-1+b1", Some(("curl", "7.74-1"))), both);
    assert_eq!(ask(&eleven, "curl", "7.74-1", None), both);
    // A vulnerability that the vendor will not fix.
    let second = [("CVE-2024-2".to_owned(), FixState::WontFix)];
    assert_eq!(ask(&eleven, "curl", "7.74-2", None), second);
    // A binary package with the name of another source package.
    assert_eq!(ask(&eleven, "curl", "1-1", Some(("other", "1-1"))), []);
    assert_eq!(ask(&twelve, "curl", "7.74-1", None), []);
    assert_eq!((database.covers(&eleven), database.covers(&twelve)), (Ok(true), Ok(false)));
}

#[test]
fn vendors_states_are_kept() {
    let with = |id: &str, word: &str| {
        let mut record = record(id, &[], ("Debian:11", "p"), json!([{"introduced": "0"}]));
        record["affected"][0]["database_specific"] = json!({"status": word, "urgency": "low"});
        record
    };
    let bytes = built(&[
        with("A", "not-affected"),
        with("B", "ignored"),
        with("C", "postponed"),
        with("D", "undetermined"),
        with("E", "resolved"),
    ]);
    let answer = find(&bytes, "Debian:11", "p", "1-1");
    let wanted = [
        ("B", FixState::WontFix),
        ("C", FixState::NotFixed),
        ("D", FixState::Unknown),
        ("E", FixState::NotFixed),
    ];
    assert_eq!(short(&answer), wanted);
    let ecosystem = Ecosystem::read("Debian:11");
    let target = Target { ecosystem: &ecosystem, name: "p", version: "1-1", source: None };
    let said = Matcher::new(Database::open(&bytes).unwrap()).explain(target, "A").unwrap();
    let said: Vec<_> = said.into_iter().map(|one| (one.record, one.verdict)).collect();
    assert_eq!(said, [("A".to_owned(), Verdict::NotAffected)]);
}

#[test]
fn listed_versions_count_as_ranges_do() {
    let package = json!({"ecosystem": "Maven", "name": "g:a"});
    let specific = json!({"fixed_versions": ["1.2", "3.0", "2.1", "soon"]});
    let affected = json!({"package": package, "versions": ["1.0", "2.0", "odd ${x}"],
        "database_specific": specific});
    let bytes = built(&[json!({"id": "X-1", "affected": [affected]})]);
    let ask = |version| {
        let answer = find(&bytes, "Maven", "g:a", version);
        (answer.hits.first().map(|hit| hit.fix.clone()), answer.undecided.len())
    };
    // The nearest later fix, not the first.
    assert_eq!(ask("2.0"), (Some(fixed("2.1")), 0));
    assert_eq!(ask("1.0.0"), (Some(fixed("1.2")), 0));
    assert_eq!(ask("1.5"), (None, 0));
    assert_eq!(ask("odd ${x}"), (Some(FixState::Unknown), 0));
    assert_eq!(ask("${y}"), (None, 1));
}

/// What cannot be compared is neither affected nor safe.
#[test]
fn what_cannot_be_decided_is_said() {
    let bytes = built(&[
        record("A", &[], ("npm", "p"), json!([{"introduced": "0"}, {"fixed": "next"}])),
        record("B", &[], ("opam", "p"), json!([{"introduced": "0"}])),
        record("C", &[], ("npm", "q"), json!([{"introduced": "0"}])),
        json!({"id": "D", "affected": [{"package": {"ecosystem": "npm", "name": "r"}}]}),
    ]);
    for (ecosystem, name, version, undecided) in [
        ("npm", "p", "1.0.0", "`next` in a range is not a version"),
        ("opam", "p", "1.0.0", "the version order of opam is not known"),
        ("npm", "q", "latest", "`latest` is not a valid version for the order Semver"),
        ("npm", "r", "1.0.0", "the record lists no versions"),
    ] {
        let answer = find(&bytes, ecosystem, name, version);
        let whys: Vec<_> = answer.undecided.iter().map(|undecided| &*undecided.why).collect();
        assert_eq!((answer.hits.len(), whys), (0, vec![undecided]), "{name} {version}");
    }
}

/// A build counts as its version, and a version that precedes all others cannot end a range.
#[test]
fn suffixes_of_a_build_hide_nothing() {
    let of = |ecosystem, events| record("A", &[], (ecosystem, "p"), events);
    let hits = |record: Value, version: &str| {
        let ecosystem = record["affected"][0]["package"]["ecosystem"].as_str().unwrap().to_owned();
        let answer = find(&built(&[record]), &ecosystem, "p", version);
        (answer.hits.len(), answer.undecided.len())
    };
    let until = || json!([{"introduced": "1.0"}, {"last_affected": "2.5.0"}]);
    assert_eq!(hits(of("PyPI", until()), "2.5.0+cpu"), (1, 0));
    assert_eq!(hits(of("PyPI", until()), "2.5.1+cpu"), (0, 0));
    let fixed = || json!([{"introduced": "0"}, {"fixed": "2.5.0"}]);
    assert_eq!(hits(of("PyPI", fixed()), "2.5.0+cpu"), (0, 0));
    // A range with local parts is compared as a whole.
    let local = || json!([{"introduced": "0"}, {"fixed": "2.5.0+cu124"}]);
    assert_eq!(hits(of("PyPI", local()), "2.5.0+cu124"), (0, 0));
    assert_eq!(hits(of("PyPI", local()), "2.5.0"), (1, 0));
    let from = || json!([{"introduced": "9.0.0"}, {"last_affected": "9.0.0"}]);
    assert_eq!(hits(of("Bitnami", from()), "9.0.0-3"), (1, 0));
    assert_eq!(hits(of("Bitnami", from()), "9.0.1-0"), (0, 0));
    // An npm prerelease is not a build suffix.
    assert_eq!(hits(of("npm", from()), "9.0.0-3"), (0, 0));
    let legacy = || json!([{"introduced": "0"}, {"last_affected": "2.6.0-cu124"}]);
    assert_eq!(hits(of("PyPI", legacy()), "2.6.0"), (0, 1));
    assert_eq!(hits(of("PyPI", until()), "trunk"), (0, 1));
}

/// Enough events for a sort to detect the loop in Maven's order.
#[test]
fn an_order_with_a_circle_stops_nothing() {
    let versions = ["1.0.rc", "1", "1-1", "1.0.rc", "1-1", "1"];
    let events: Vec<_> = (0..96).map(|at| json!({"fixed": versions[at % 6]})).collect();
    let bytes = built(&[record("A", &[], ("Maven", "g:a"), json!(events))]);
    assert!(find(&bytes, "Maven", "g:a", "1").undecided.is_empty());
}

#[test]
fn every_cve_of_a_record_has_its_signals() {
    let record =
        record("R-1", &["CVE-2024-1", "CVE-2024-2"], ("npm", "p"), json!([{"introduced": "0"}]));
    let mut builder = Builder::default();
    builder.record(FEED, record.to_string().as_bytes());
    builder.epss(FEED, "#model_version:v2025.03.14,score_date:2026-08-16T12:00:00Z\ncve,epss,percentile\nCVE-2024-1,0.1,0.2\nCVE-2024-2,0.5,0.9\n");
    builder.exploited(FEED, br#"{"vulnerabilities":[{"cveID":"CVE-2024-2","dateAdded":"2024-03-01","knownRansomwareCampaignUse":"Known"}]}"#);
    let bytes = builder.finish().unwrap().0;
    let answer = find(&bytes, "npm", "p", "1.0.0");
    let advisory = &answer.hits[0].advisory;
    assert_eq!((&*advisory.id, advisory.epss.unwrap().probability), ("CVE-2024-1", 0.5));
    assert!(advisory.exploited.is_some());
}

#[test]
fn scores_and_signals_are_joined_by_cve() {
    let events = || json!([{"introduced": "0"}]);
    let mut scored = record("GHSA-1", &["CVE-2024-1"], ("npm", "p"), events());
    scored["severity"] =
        json!([{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]);
    let mut rated = record("GHSA-2", &[], ("npm", "p"), events());
    rated["database_specific"] = json!({"severity": "MODERATE"});
    let unrated = record("GHSA-3", &["CVE-2024-3"], ("npm", "p"), events());
    let mut builder = Builder::default();
    for record in [scored, rated, unrated] {
        builder.record(FEED, record.to_string().as_bytes());
    }
    let nvd = Feed { name: "nvd", licence: "public domain" };
    builder.scores(nvd, br#"{"id":"CVE-2024-1","severity":[{"type":"CVSS_V2","score":"AV:N/AC:L/Au:N/C:P/I:P/A:P"}]}"#);
    builder
        .epss(FEED, "#model_version:v2025.03.14,score_date:2026-08-16T12:00:00Z\ncve,epss,percentile\nCVE-2024-1,0.5,0.99\nCVE-2024-3,0.0,0.0\nCVE-2024-9,0.5,0.5\n");
    builder.exploited(FEED, br#"{"vulnerabilities":[{"cveID":"CVE-2024-3","dateAdded":"2024-03-01","knownRansomwareCampaignUse":"Known"}]}"#);
    let bytes = builder.finish().unwrap().0;
    let feeds = Database::open(&bytes).unwrap().feeds().unwrap();
    let feeds = feeds.iter().map(|feed| (feed.name, feed.records, feed.newest, feed.signals));
    let feeds: Vec<_> = feeds.collect();
    assert_eq!(feeds, [("feed", 3 + 3 + 1, "2026-01-01T00:00:00Z", false), ("nvd", 1, "", true)]);
    let hits = find(&bytes, "npm", "p", "1.0.0").hits;
    let severities: Vec<_> = hits.iter().map(|hit| hit.severity).collect();
    assert_eq!(severities, [Severity::Critical, Severity::Unknown, Severity::Medium]);
    let [first, third, _] = &hits[..] else { panic!("{hits:?}") };
    let scores: Vec<_> =
        first.advisory.scores.iter().map(|score| (&*score.source, score.score)).collect();
    assert_eq!(scores, [("feed", 9.8), ("nvd", 7.5)]);
    assert_eq!(first.advisory.epss.unwrap().probability, 0.5);
    assert_eq!(first.advisory.exploited, None);
    // The lowest percentile is a known value.
    assert_eq!(third.advisory.epss.unwrap().percentile, 0.0);
    let exploited = third.advisory.exploited.as_ref().unwrap();
    assert_eq!((&*exploited.added, exploited.ransomware), ("2024-03-01", true));
}

/// Text from feeds is shown in terminals and pages.
#[test]
fn texts_of_records_are_harmless() {
    let mut odd =
        record("A-1", &["a b", "", "CVE-2024-1"], ("npm", "p"), json!([{"introduced": "0"}]));
    odd["summary"] = json!(format!("\u{1b}[31m{}", "ü".repeat(200)));
    odd["references"] = json!([{"type": "ADVISORY", "url": "javascript:alert(1)"},
        {"type": "WEB", "url": "https://example.org"}]);
    let named = record("A\n2", &[], ("npm", "p"), json!([{"introduced": "0"}]));
    let answer = find(&built(&[odd, named]), "npm", "p", "1.0.0");
    let [hit] = &answer.hits[..] else { panic!("{answer:?}") };
    assert_eq!(
        (&*hit.advisory.id, &*hit.advisory.aliases),
        ("CVE-2024-1", &["A-1".to_owned()][..])
    );
    assert_eq!(hit.advisory.url, "https://example.org");
    assert!(hit.advisory.title.starts_with("[31mü") && hit.advisory.title.ends_with("ü…"));
}

/// Records of malicious packages are critical without a score, and do not affect other records of
/// the same package.
#[test]
fn a_malicious_package_is_critical() {
    let mut evil = record("MAL-2026-1", &["GHSA-9"], ("npm", "p"), json!([{"introduced": "0"}]));
    evil["affected"][0] =
        json!({"package": {"ecosystem": "npm", "name": "p"}, "versions": ["1.0.0"]});
    let other = record("GHSA-2", &[], ("npm", "p"), json!([{"introduced": "0"}]));
    let bytes = built(&[evil, other]);
    let severities = |version: &str| {
        let answer = find(&bytes, "npm", "p", version);
        let of = |hit: &pavisade_vulndb::Hit| (hit.advisory.id.clone(), hit.severity);
        answer.hits.iter().map(of).collect::<Vec<_>>()
    };
    let unscored = ("GHSA-2".to_owned(), Severity::Unknown);
    assert_eq!(severities("1.0.0"), [unscored.clone(), ("GHSA-9".to_owned(), Severity::Critical)]);
    assert_eq!(severities("1.0.1"), [unscored]);
}
