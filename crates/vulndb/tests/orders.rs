//! Version orders: they are total, agree with other implementations and reject invalid versions.

use std::cmp::Ordering;

use pavisade_vulndb::{Order, Version};
use proptest::prelude::*;

/// Every order with the parts that its test versions consist of.
const ORDERS: [(Order, &[&str]); 13] = [
    (Order::Apk2, APK),
    (Order::Apk3, APK),
    (Order::Deb, &["0", "1", "00", "10", ".", "-", "~", "+", ":", "a", "Z", "deb", "rc"]),
    (Order::Dotted, &["0", "1", "00", "10", ".", "-"]),
    (Order::Gem, &["0", "1", "00", "10", ".", "-", "a", "rc", "pre", ".0", ".1"]),
    (Order::Go, SEMVER),
    (Order::Maven, &["0", "1", "00", "10", ".", "-", "a", "b1", "rc", "ga", "sp", "x", "SNAPSHOT"]),
    (Order::Nuget, SEMVER),
    (Order::Packagist, &["0", "1", "10", ".", "-", "a", "b", "RC", "p", "dev", "#", "x", "+"]),
    (Order::Pub, SEMVER),
    (Order::Pep440, &["0", "1", "10", ".", "a", "rc", ".post", ".dev", "-", "+", "!", "x", "1."]),
    (Order::Rpm, &["0", "1", "00", "10", ".", "-", "~", "^", ":", "a", "b", "_", "α"]),
    (Order::Semver, SEMVER),
];
const APK: &[&str] =
    &["0", "1", "00", "10", ".", ".", "_p", "_rc", "_alpha", "-r", "a", "b", "~", "1.0", "05"];
const SEMVER: &[&str] = &["0", "1", "10", ".", "1.1.", "-", "a", "rc", "B", "+", ".", "-a."];

/// Generates three valid versions of an order that are often similar.
fn three() -> impl Strategy<Value = (Order, [String; 3])> {
    (0..ORDERS.len()).prop_flat_map(|at| {
        let (order, signs) = ORDERS[at];
        let text = prop::collection::vec(prop::sample::select(signs), 0..6);
        let start = prop::sample::select(vec!["1", "0", "1.0", "1.0.0", ""]);
        let text = (start, text).prop_map(|(start, text)| start.to_owned() + &text.concat());
        let text = text.prop_filter("no version", move |t| Version::read(order, t).is_ok());
        (Just(order), [text.clone(), text.clone(), text])
    })
}

fn compare(order: Order, a: &str, b: &str) -> Ordering {
    let (a, b) = (Version::read(order, a).unwrap(), Version::read(order, b).unwrap());
    a.compare(&b).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn orders_are_total((order, [a, b, c]) in three()) {
        let say = |a: &String, b: &String| compare(order, a, b);
        prop_assert_eq!(say(&a, &a), Ordering::Equal);
        prop_assert_eq!(say(&a, &b), say(&b, &a).reverse());
        if order == Order::Maven {
            return Ok(());
        }
        let mut sorted = [&a, &b, &c];
        sorted.sort_by(|a, b| say(a, b));
        let [low, middle, high] = sorted;
        prop_assert!(say(low, middle).is_le() && say(middle, high).is_le(), "{sorted:?}");
        prop_assert!(say(low, high).is_le(), "{:?} {:?}", order, sorted);
        // Equal versions compare alike with any third one.
        if say(&a, &b).is_eq() {
            prop_assert_eq!(say(&a, &c), say(&b, &c), "{:?} {} = {}", order, a, b);
        }
    }

    #[test]
    fn nothing_makes_an_order_panic(at in 0..ORDERS.len(), a in ".{0,24}", b in "[0-9a-z._~^:+!#v-]{0,24}") {
        let order = ORDERS[at].0;
        if let (Ok(a), Ok(b)) = (Version::read(order, &a), Version::read(order, &b)) {
            let _ = a.compare(&b);
        }
    }

    // Without zeros: `debversion` treats `2a0` as newer than `2a`, dpkg does not.
    #[test]
    fn debian_is_ordered_as_debversion_does(a in DEBIAN, b in DEBIAN) {
        let (one, two) = (a.parse::<debversion::Version>(), b.parse::<debversion::Version>());
        if let (Ok(one), Ok(two)) = (one, two) {
            prop_assert_eq!(compare(Order::Deb, &a, &b), one.cmp(&two), "{} {}", a, b);
        }
    }

    #[test]
    fn python_is_ordered_as_pep440_rs_does(a in PEP440, b in PEP440) {
        let (one, two) = (a.parse::<pep440_rs::Version>(), b.parse::<pep440_rs::Version>());
        if let (Ok(one), Ok(two)) = (one, two) {
            prop_assert_eq!(compare(Order::Pep440, &a, &b), one.cmp(&two), "{} {}", a, b);
        }
    }

    #[test]
    fn rpm_is_ordered_as_rpm_version_does(a in RPM, b in RPM) {
        let (one, two) = (rpm_version::Evr::parse(&a), rpm_version::Evr::parse(&b));
        prop_assert_eq!(compare(Order::Rpm, &a, &b), one.cmp(&two), "{} {}", a, b);
    }

    // Without empty parts and zeros between hyphens, which the specification trims and
    // `maven-version` does not.
    #[test]
    fn maven_is_ordered_as_maven_version_does(a in MAVEN, b in MAVEN) {
        let order = maven_version::compare_version(&a, &b).unwrap();
        prop_assert_eq!(compare(Order::Maven, &a, &b), order, "{} {}", a, b);
    }

    #[test]
    fn cargo_is_ordered_as_semver_does(a in SEMANTIC, b in SEMANTIC) {
        let (one, two) = (semver::Version::parse(&a), semver::Version::parse(&b));
        if let (Ok(one), Ok(two)) = (one, two) {
            prop_assert_eq!(compare(Order::Semver, &a, &b), one.cmp_precedence(&two), "{} {}", a, b);
        }
    }
}

const DEBIAN: &str = "([1-9]:)?[1-9][1-9a.~+]{0,6}(-[1-9a.~+]{1,4})?";
const RPM: &str = "([0-2]:)?[0-2][0-2.~^ab_]{0,6}(-[0-2.~^ab_]{1,4})?";
const MAVEN: &str =
    "[0-2](\\.[0-2]){0,2}([.-](alpha|beta|rc|SNAPSHOT|sp|x)(-?[1-2])?|-[1-2]|a[1-2]|RC[1-2])?";
const PEP440: &str = "v?([01]!)?[0-2](\\.[0-2]){0,2}([.-]?(a|b|rc|alpha|pre|c)[0-2]?)?(\\.post[0-2]|-[0-2]|rev1)?(\\.?dev[0-2]?)?(\\+[a-b0-2](\\.[a-b0-2])?)?";
const SEMANTIC: &str = "[0-2]\\.[0-2]\\.[0-2](-[0-1a-b](\\.[0-1a-bB-]{1,2}){0,2})?(\\+a)?";

/// Examples that a comparison as text, or that of another ecosystem, gets wrong.
#[test]
fn each_order_has_its_own_rules() {
    for (order, older, newer) in [
        (Order::Apk2, "1.0_rc1-r0", "1.0-r0"),
        (Order::Apk2, "1.0-r9", "1.0-r10"),
        (Order::Apk2, "1.0", "1.0_p1"),
        // The two apk orders.
        (Order::Apk2, "1.00", "1.0"),
        (Order::Apk3, "1.0", "1.00"),
        (Order::Apk2, "1.09", "1.010"),
        (Order::Apk3, "1.010", "1.09"),
        (Order::Apk3, "1.0_git~a1", "1.0_git~b0"),
        (Order::Deb, "1.0~rc1-1", "1.0-1"),
        (Order::Deb, "9-1", "1:0-1"),
        (Order::Deb, "1.0-1", "1.0-1+deb11u1"),
        (Order::Deb, "1.0a", "1.0+"),
        (Order::Rpm, "1.0~rc1-1", "1.0-1"),
        (Order::Rpm, "1.0-1", "1.0^git1-1"),
        (Order::Rpm, "1.0^git1", "1.0.1"),
        (Order::Rpm, "2.0-1", "1:1.0-1"),
        (Order::Rpm, "1.a", "1.1"),
        (Order::Pep440, "1.0.dev1", "1.0a1"),
        (Order::Pep440, "1.0rc1.post1", "1.0"),
        (Order::Pep440, "1.0", "1.0+local"),
        (Order::Pep440, "trunk", "0.0.dev0"),
        (Order::Pep440, "2.0", "1!1.0"),
        (Order::Semver, "1.0.0-alpha.9", "1.0.0-alpha.10"),
        (Order::Semver, "1.0.0-rc.1", "1.0.0"),
        (Order::Go, "v0.0.0-20200101000000-aaaaaaaaaaaa", "v0.0.0-20210101000000-aaaaaaaaaaaa"),
        (Order::Go, "v1.2.3-0.20210101000000-aaaaaaaaaaaa", "v1.2.3"),
        (Order::Go, "go1.20rc2", "go1.20rc10"),
        (Order::Go, "go1.20rc1", "1.20"),
        (Order::Maven, "1.0-SNAPSHOT", "1.0"),
        (Order::Maven, "1.0", "1.0-sp"),
        (Order::Maven, "1-sp", "1-1"),
        (Order::Maven, "1-1", "1.1"),
        (Order::Gem, "1.0.a9", "1.0.a10"),
        (Order::Gem, "1.0.pre", "1.0"),
        (Order::Nuget, "1.0.0-RC", "1.0.0.1"),
        (Order::Packagist, "1.0-dev", "1.0-alpha1"),
        (Order::Packagist, "1.0", "1.0p1"),
        (Order::Pub, "1.0.0+1", "1.0.0+2"),
        (Order::Dotted, "1.0", "1.0.0"),
    ] {
        assert_eq!(compare(order, older, newer), Ordering::Less, "{order:?}: {older} < {newer}");
    }
    for (order, one, two) in [
        (Order::Deb, "1.0", "0:1.0-0"),
        (Order::Rpm, "0:1.0-01", "1.0-1"),
        (Order::Pep440, "1.0-ALPHA_1", "1a1.0".trim_end_matches(".0")),
        (Order::Pep440, "v1.0", "1"),
        (Order::Go, "v2.0.0+incompatible", "2.0.0"),
        (Order::Maven, "1.0.0.Final", "1"),
        (Order::Maven, "1.0-cr1", "1-RC-1"),
        (Order::Gem, "1.0.0", "1"),
        (Order::Nuget, "1.0-BETA", "1.0.0.0-beta"),
    ] {
        assert_eq!(compare(order, one, two), Ordering::Equal, "{order:?}: {one} = {two}");
    }
}

/// Maven's own order has loops; the public test cases require this one.
#[test]
fn the_order_of_maven_is_not_total() {
    for (older, newer) in [("1.0.rc", "1"), ("1", "1-1"), ("1-1", "1.0.rc")] {
        assert_eq!(compare(Order::Maven, older, newer), Ordering::Less, "{older} < {newer}");
    }
}

#[test]
fn what_is_no_version_is_refused() {
    let long = "1".repeat(513);
    for (order, text) in [
        (Order::Apk2, "1.0-1"),
        (Order::Apk2, "1.0_foo"),
        (Order::Apk3, "6.6.2p1"),
        (Order::Apk3, "latest"),
        (Order::Apk3, "1..2"),
        (Order::Deb, "a:1"),
        (Order::Deb, "1.0 beta"),
        (Order::Deb, "1.0-"),
        (Order::Rpm, "-1"),
        (Order::Rpm, "1 2"),
        (Order::Pep440, "--"),
        (Order::Semver, "1.2.3.4"),
        (Order::Semver, "latest"),
        (Order::Semver, "1.20rc1"),
        (Order::Semver, "1.2.3-"),
        (Order::Go, "(devel)"),
        (Order::Maven, "${project.version}"),
        (Order::Gem, "a.b"),
        (Order::Gem, "1..2"),
        (Order::Nuget, "1.2.3.4.5"),
        (Order::Packagist, "."),
        (Order::Dotted, "1.a"),
    ] {
        assert!(Version::read(order, text).is_err(), "{order:?}: {text}");
    }
    for (order, _) in ORDERS {
        assert!(Version::read(order, "").is_err(), "{order:?}");
        assert!(Version::read(order, &long).is_err(), "{order:?}");
    }
    let (deb, rpm) = (Version::read(Order::Deb, "1"), Version::read(Order::Rpm, "1"));
    assert_eq!(deb.unwrap().compare(&rpm.unwrap()), None);
}
