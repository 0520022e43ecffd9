//! Explanations and upgrades.

use pavisade_vulndb::{Bound, Database, Ecosystem, Matcher, Order, Target, Verdict};
use serde_json::json;

use crate::matching::{built, record};

fn target<'a>(ecosystem: &'a Ecosystem, name: &'a str, version: &'a str) -> Target<'a> {
    Target { ecosystem, name, version, source: None }
}

#[test]
fn every_record_says_what_was_compared() {
    let package = ("Debian:11", "p");
    let mut silent = record("D-1", &["CVE-2024-1"], package, json!([{"introduced": "0"}]));
    silent["affected"][0]["database_specific"] = json!({"status": "not-affected"});
    let range = json!([{"introduced": "0"}, {"fixed": "1.10-1"}]);
    let bytes = built(&[
        record("D-0", &["CVE-2024-1", "GHSA-1"], package, range),
        silent,
        record("D-2", &["CVE-2024-2"], package, json!([{"introduced": "0"}])),
    ]);
    let matcher = Matcher::new(Database::open(&bytes).unwrap());
    let debian = Ecosystem::read("Debian:11");
    let said = matcher.explain(target(&debian, "p", "1.9-1"), "CVE-2024-1").unwrap();
    let short: Vec<_> = said.iter().map(|one| (&*one.record, one.state)).collect();
    assert_eq!(short, [("D-0", ""), ("D-1", "not affected")]);
    let first = &said[0];
    assert!(matches!(first.verdict, Verdict::Affected(..)), "{first:?}");
    assert_eq!((first.order, &*first.version), (Some(Order::Deb), "1.9-1"));
    let events = [(Bound::Introduced, "0".to_owned()), (Bound::Fixed, "1.10-1".to_owned())];
    assert_eq!(first.ranges, [events]);
    assert_eq!(said[1].verdict, Verdict::NotAffected);
    // As text, 1.10 would precede 1.9.
    let newer = matcher.explain(target(&debian, "p", "1.10-1"), "CVE-2024-1").unwrap();
    assert_eq!(newer[0].verdict, Verdict::Outside);
    // Through an alias that only one of the two has.
    let by_alias = matcher.explain(target(&debian, "p", "1.9-1"), "GHSA-1").unwrap();
    assert_eq!(by_alias.len(), 2);
    assert_eq!(matcher.explain(target(&debian, "q", "1"), "CVE-2024-1").unwrap(), []);
}

#[test]
fn what_is_not_in_a_package_is_known_by_its_records() {
    let mut withdrawn = record("GHSA-9", &["CVE-2024-9"], ("npm", "a"), json!([]));
    withdrawn["withdrawn"] = json!("2026-01-02T00:00:00Z");
    let open = || json!([{"introduced": "0"}]);
    let mut dsa = record("DSA-1", &[], ("Debian:11", "d"), open());
    dsa["related"] = json!(["CVE-2024-1", "CVE-2024-2"]);
    let bytes = built(&[
        withdrawn,
        dsa,
        record("GHSA-1", &["CVE-2024-1"], ("npm", "a"), open()),
        record("GHSA-2", &["CVE-2024-2"], ("npm", "b"), open()),
    ]);
    let matcher = Matcher::new(Database::open(&bytes).unwrap());
    let known = |id: &str| matcher.known(id).unwrap();
    let ids = |id: &str| known(id).records.into_iter().map(|r| r.id).collect::<Vec<_>>();
    // The vendor's advisory covers both but does not join them.
    assert_eq!(ids("CVE-2024-1"), ["DSA-1", "GHSA-1"]);
    assert_eq!(ids("CVE-2024-2"), ["DSA-1", "GHSA-2"]);
    let package = |one: &str, two: &str| (one.to_owned(), two.to_owned());
    let both = [package("Debian:11", "d"), package("npm", "a")];
    assert_eq!(known("CVE-2024-1").packages, both);
    let gone = known("CVE-2024-9");
    assert_eq!(gone.withdrawn, [package("GHSA-9", "2026-01-02T00:00:00Z")]);
    assert_eq!((gone.records.len(), known("GHSA-9").withdrawn.len()), (0, 1));
    assert_eq!(known("CVE-1"), Default::default());
}

#[test]
fn an_upgrade_closes_all_that_can_be_closed() {
    let package = ("npm", "p");
    let until = |fixed: &str| json!([{"introduced": "0"}, {"fixed": fixed}]);
    let bytes = built(&[
        record("A", &[], package, until("1.9.0")),
        record("B", &[], package, until("1.10.0")),
        // Introduced by the version that fixes the two others.
        record("C", &[], package, json!([{"introduced": "1.5.0"}, {"fixed": "1.11.1"}])),
        record("D", &[], package, json!([{"introduced": "1.11.0"}])),
        record("E", &[], package, json!([{"introduced": "2.0.0"}, {"fixed": "2.1.0"}])),
    ]);
    let mut matcher = Matcher::new(Database::open(&bytes).unwrap());
    let npm = Ecosystem::read("npm");
    let none = Default::default();
    let found =
        matcher.upgrade(target(&npm, "p", "1.0.0"), &["1.9.0", "1.10.0"], &none).unwrap().unwrap();
    let left: Vec<_> = found.ids.iter().map(String::as_str).collect();
    assert_eq!((&*found.to, left), ("1.11.1", vec!["D"]));
    // C is ignored, so the earlier version is enough.
    let ignored = ["C"].into_iter().collect();
    let found = matcher.upgrade(target(&npm, "p", "1.0.0"), &["1.10.0"], &ignored).unwrap();
    assert_eq!(found.unwrap().to, "1.10.0");
    assert_eq!(matcher.upgrade(target(&npm, "p", "1.0.0"), &["soon"], &none).unwrap(), None);
    assert_eq!(matcher.upgrade(target(&npm, "p", "1.0.0"), &[], &none).unwrap(), None);
}

/// Advisories name the source package and its versions.
#[test]
fn an_upgrade_of_a_distribution_is_one_of_the_source() {
    let until = |fixed: &str| json!([{"introduced": "0"}, {"fixed": fixed}]);
    let package = ("Debian:11", "glibc");
    let bytes = built(&[record("A", &[], package, until("2.31-13+deb11u10"))]);
    let mut matcher = Matcher::new(Database::open(&bytes).unwrap());
    let debian = Ecosystem::read("Debian:11");
    let source = Some(("glibc", "2.31-13+deb11u9"));
    let libc = Target { ecosystem: &debian, name: "libc6", version: "9:1", source };
    let found = matcher.upgrade(libc, &["2.31-13+deb11u10"], &Default::default()).unwrap().unwrap();
    assert_eq!((&*found.to, found.ids.len()), ("2.31-13+deb11u10", 0));
}
