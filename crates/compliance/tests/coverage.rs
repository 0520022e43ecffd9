//! Every check is covered by every general framework, or the framework gives the reason why not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use pavisade_checks::Catalog;
use pavisade_compliance::{FILES, Framework, builtin, topics};

/// Specialized frameworks, which need not cover every check.
const SPECIAL: [&str; 2] = ["cis-1.12", "pod-security-standards"];

static CATALOG: LazyLock<Catalog> = LazyLock::new(Catalog::builtin);

fn known() -> BTreeMap<&'static str, &'static str> {
    CATALOG.names().collect()
}

/// Returns `PV-C001 privileged-container`, one per line.
fn listed<'a>(ids: impl Iterator<Item = &'a str>, known: &BTreeMap<&str, &str>) -> String {
    ids.map(|id| format!("\n  {id} {}", known.get(id).unwrap_or(&"does not exist"))).collect()
}

#[test]
fn every_check_has_a_topic() {
    let known = known();
    let sorted: BTreeSet<_> =
        topics().values().flat_map(|t| &t.checks).map(String::as_str).collect();
    let missing = listed(known.keys().copied().filter(|id| !sorted.contains(id)), &known);
    assert!(missing.is_empty(), "frameworks/topics.toml does not name{missing}");
    let gone = listed(sorted.iter().copied().filter(|id| !known.contains_key(id)), &known);
    assert!(gone.is_empty(), "frameworks/topics.toml names{gone}");
}

#[test]
fn every_check_serves_every_general_framework_or_is_ruled_out() {
    let known = known();
    let mut faults = String::new();
    let general = |framework: &&Framework| !SPECIAL.contains(&framework.id.as_str());
    for framework in builtin().iter().filter(general) {
        let mut served = framework.checks();
        let ruled_out = framework.serves_not.iter().flat_map(|group| &group.checks);
        served.extend(ruled_out.map(String::as_str));
        let missing = listed(known.keys().copied().filter(|id| !served.contains(id)), &known);
        if !missing.is_empty() {
            faults += &format!(
                "\n{}: no control, and no reason in `serves_not`, for{missing}",
                framework.id
            );
        }
    }
    assert!(faults.is_empty(), "{faults}");
}

#[test]
fn frameworks_name_only_checks_that_exist() {
    let known = known();
    for framework in builtin() {
        let ruled_out = framework.serves_not.iter().flat_map(|group| &group.checks);
        let named = framework.checks().into_iter().chain(ruled_out.map(String::as_str));
        let gone = listed(named.filter(|id| !known.contains_key(id)), &known);
        assert!(gone.is_empty(), "{} names{gone}", framework.id);
    }
}

/// Without a catalog, names of parts are not validated, so do it here.
#[test]
fn frameworks_name_only_parts_that_exist() {
    let known: Vec<_> = CATALOG.rules().collect();
    let mut parts = 0;
    for file in FILES {
        let framework = Framework::read(file, &known).unwrap_or_else(|error| panic!("{error}"));
        parts += framework.controls.iter().map(|control| control.parts.len()).sum::<usize>();
    }
    assert!(parts > 20, "{parts}");
}

#[test]
fn what_is_ruled_out_is_not_served_as_well() {
    for framework in builtin() {
        let named: BTreeSet<_> = framework.controls.iter().flat_map(|c| &c.named).collect();
        for group in &framework.serves_not {
            let both: Vec<_> = group.checks.iter().filter(|id| named.contains(id)).collect();
            assert!(
                both.is_empty(),
                "{}: {both:?} serve a control and are ruled out",
                framework.id
            );
            assert!(!group.reason.is_empty());
        }
    }
}

#[test]
fn names_are_unique_and_every_framework_is_assessed_in_part() {
    let mut names = BTreeSet::new();
    for framework in builtin() {
        for name in [&framework.id].into_iter().chain(&framework.aliases) {
            assert!(names.insert(name.clone()), "{name} names two frameworks");
        }
        let coverage = framework.coverage();
        assert!(coverage.by_checks + coverage.partly > 0, "{}", framework.id);
    }
    assert!(topics().values().all(|topic| !topic.title.is_empty() && !topic.checks.is_empty()));
}

#[test]
fn the_example_of_the_documentation_is_read() {
    let page = include_str!("../../../docs/own-frameworks.md");
    let example = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let known: Vec<_> = CATALOG.rules().collect();
    let own = Framework::read(example, &known).unwrap();
    assert_eq!(own.controls.len(), 5);
    let wrong = example.replace("root-user", "rot-user");
    let error = Framework::read(&wrong, &known).unwrap_err().to_string();
    assert!(page.contains(&format!("own.toml:{error}")), "{error}");
    // The page documents every key.
    for key in ["id", "level", "checks", "topics", "except", "stricter", "gap", "by_hand"] {
        assert!(page.contains(&format!("`{key}`")), "{key}");
    }
}
