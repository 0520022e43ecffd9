//! Checks of advisories: what each finds, what it does not, and what one might get wrong.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use pavisade_checks::{Catalog, CheckSet, Claim, Timestamp, Verdict};
use pavisade_model::{Advisory, Fact, FixState, KubernetesVersion, Location, Meta, Severity};
use pavisade_snapshot::{Image, Layer, Matches, Package, Packages};

/// Checks of advisories.
const TESTED: [&str; 1] = ["vulnerable-package"];

#[test]
fn every_check_of_advisories_is_tested() {
    let catalog = Catalog::builtin();
    let of_facts = catalog
        .entries()
        .iter()
        .filter(|entry| entry.meta().facts.contains(&Fact::Vulnerabilities));
    let names: BTreeSet<_> = of_facts.map(|entry| entry.rule().name.to_string()).collect();
    assert_eq!(names, TESTED.map(str::to_owned).into());
}

/// What a check says of an image: subject and claim.
fn said<'a>(
    check: &str,
    image: &'a Image,
    see: &mut impl FnMut(String, &Claim<'_>),
) -> (usize, &'a Image) {
    let wanted = |meta: &Meta| meta.rule.name == check;
    let version = KubernetesVersion::LATEST;
    let set = CheckSet::new(&Catalog::builtin(), version, wanted, &HashMap::new());
    let set = set.map_err(|error| error.message).unwrap();
    let mut count = 0;
    set.judge_image(image, Timestamp::UNIX_EPOCH, &mut |report| {
        if let Verdict::Fails(claims) = &report.verdict {
            count += claims.len();
            claims.iter().for_each(|claim| see(report.subject.label(), claim));
        }
    });
    (count, image)
}

fn image(matches: Option<Matches>) -> Image {
    let mut packages = Packages::default();
    for (name, layer) in [("libssl3", Some(0)), ("curl", None)] {
        packages.push(Package {
            name,
            version: "1.0-1",
            purl: "",
            path: "var/lib/dpkg/status",
            layer,
        });
    }
    let instruction =
        "RUN curl -H 'Authorization: Bearer abcdefghijklmnopqrstuvwxyz012345' x".into();
    Image {
        name: "web:1".into(),
        layers: vec![Layer { digest: "sha256:1".into(), instruction }],
        packages,
        matches,
        ..Image::default()
    }
}

fn advisory(id: &str, title: &str) -> Arc<Advisory> {
    Arc::new(Advisory { id: id.to_owned(), title: title.to_owned(), ..Advisory::default() })
}

#[test]
fn found_an_advisory_about_a_package() {
    let mut matches = Matches::default();
    let fixed = FixState::Fixed("1.0-2".into());
    matches.push(0, advisory("CVE-1", "Something overflows."), fixed, Severity::High);
    matches.push(1, advisory("CVE-2", ""), FixState::NotFixed, Severity::Unknown);
    let (mut messages, mut severities) = (Vec::new(), Vec::new());
    let image = image(Some(matches));
    let (count, _) = said("vulnerable-package", &image, &mut |subject, claim| {
        messages.push(format!("{subject}: {} {}", claim.message, claim.advice));
        severities.push(claim.severity);
        let Location::Layer { path, .. } = &claim.rare().related[0].location else { return };
        assert_eq!(&**path, "var/lib/dpkg/status");
        // Nothing that a build instruction holds is shown as it is.
        assert!(
            !claim.rare().related[0].label.contains("abcdefghijkl"),
            "{}",
            claim.rare().related[0].label
        );
    });
    assert_eq!(count, 2);
    assert_eq!(
        messages,
        [
            "libssl3 1.0-1 in web:1: CVE-1 in `libssl3` 1.0-1, fixed in 1.0-2: Something overflows \
             Rebuild the image with `libssl3` 1.0-2 or later.",
            "curl 1.0-1 in web:1: CVE-2 in `curl` 1.0-1 without a fix ",
        ]
    );
    assert_eq!(severities, [Some(Severity::High), Some(Severity::Unknown)]);
}

#[test]
fn silent_where_nothing_matches() {
    let nothing = &mut |subject: String, _: &Claim<'_>| unreachable!("{subject}");
    said("vulnerable-package", &image(Some(Matches::default())), nothing);
    // Nobody looked for them, which a note says.
    said("vulnerable-package", &image(None), nothing);
}

#[test]
fn tricky_one_advisory_about_two_packages_is_two_findings() {
    let mut matches = Matches::default();
    let shared = advisory("CVE-1", &"ü".repeat(200));
    for package in [0, 1] {
        matches.push(package, shared.clone(), FixState::WontFix, Severity::Low);
    }
    // A row of a damaged file is about no package.
    matches.push(9, shared, FixState::WontFix, Severity::Low);
    let mut subjects = Vec::new();
    let image = image(Some(matches));
    said("vulnerable-package", &image, &mut |subject, claim| {
        subjects.push(subject);
        assert!(claim.message.ends_with("ü…"), "{}", claim.message);
        assert_eq!(claim.instance, "CVE-1");
    });
    assert_eq!(subjects, ["libssl3 1.0-1 in web:1", "curl 1.0-1 in web:1"]);
}
