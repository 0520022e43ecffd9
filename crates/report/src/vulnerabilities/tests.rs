//! Exact tables of a small image.

use std::collections::HashMap;
use std::sync::Arc;

use pavisade_checks::{Catalog, CheckSet};
use pavisade_judgement::Judgement;
use pavisade_model::{
    Advisory, Epss, Exploited, FixState, KubernetesVersion, Score, Severity, Statement, VexStatus,
};
use pavisade_packages::Inventory;
use pavisade_scan::{Timestamp, judge};
use pavisade_snapshot::{Facts, Image, Images, Matches, Package, Packages, Snapshot};

use super::*;
use crate::image::tests::{example, incomplete};

/// Package index, id, probability, exploited, severity, fix.
type Row<'a> = (u32, &'a str, Option<f32>, bool, Severity, FixState);

fn judged(inventory: &Inventory, rows: &[Row<'_>]) -> Judgement {
    let (mut packages, mut matches) = (Packages::default(), Matches::default());
    for found in &inventory.packages {
        packages.push(Package {
            name: &found.package.name,
            version: &found.package.version,
            purl: &found.purl.as_ref().map(ToString::to_string).unwrap_or_default(),
            path: "",
            layer: found.layer().map(u32::from),
        });
    }
    for (at, id, epss, exploited, severity, fix) in rows {
        let advisory = Advisory {
            id: (*id).to_owned(),
            title: "Something\u{1b}[31m overflows".to_owned(),
            epss: epss.map(|probability| Epss { probability, percentile: 0.9 }),
            exploited: exploited
                .then(|| Exploited { added: "2026-01-01".to_owned(), ransomware: true }),
            scores: vec![Score { source: "nvd".into(), vector: "CVSS:3.1/x".into(), score: 7.5 }],
            ..Advisory::default()
        };
        matches.push(*at, Arc::new(advisory), fix.clone(), *severity);
    }
    let image = Image {
        name: inventory.name.as_str().into(),
        digest: inventory.digest.as_str().into(),
        packages,
        matches: Some(matches),
        ..Image::default()
    };
    let images = Some(Arc::new(Images::new(vec![image], Vec::new())));
    let facts = Facts { images };
    let snapshot = Snapshot::default().with_facts(facts).with_notes(inventory.notes.clone());
    let catalog = Catalog::builtin();
    let wanted = |meta: &pavisade_model::Meta| &*meta.rule.id == "PV-S013";
    let checks = CheckSet::new(&catalog, KubernetesVersion::minor(37), wanted, &HashMap::new());
    judge(&snapshot, &checks.unwrap(), Timestamp::UNIX_EPOCH)
}

fn rows<'a>() -> Vec<Row<'a>> {
    let fixed = |version: &str| FixState::Fixed(version.into());
    vec![
        (0, "CVE-2026-1", None, false, Severity::Low, FixState::WontFix),
        (2, "CVE-2026-2", Some(0.02), false, Severity::Critical, fixed("7.1.0")),
        (0, "CVE-2026-3", Some(0.001), true, Severity::Medium, fixed("7.88.1-10+deb12u5")),
        (0, "CVE-2026-4", None, false, Severity::Unknown, FixState::NotFixed),
        (2, "CVE-2026-5", Some(0.3), false, Severity::High, fixed("7.2.0")),
    ]
}

fn upgrades() -> Vec<Upgrade> {
    vec![
        Upgrade {
            ecosystem: "deb".into(),
            name: "curl".into(),
            installed: "7.88.1-10".into(),
            to: "7.88.1-10+deb12u5".into(),
            packages: vec!["libcurl4".into()],
            layer: Some(0),
            ids: ["CVE-2026-3".to_owned()].into(),
            lines: 1,
            severities: [(Severity::Medium, 1)].into(),
            now: 1,
            left: 2,
        },
        Upgrade {
            ecosystem: "npm".into(),
            name: "@babel/core".into(),
            installed: "7.0.0".into(),
            to: "7.2.0".into(),
            layer: Some(1),
            ids: ["CVE-2026-2", "CVE-2026-5"].map(str::to_owned).into(),
            lines: 2,
            severities: [(Severity::Critical, 1), (Severity::High, 1)].into(),
            ..Upgrade::default()
        },
    ]
}

/// Returns the example with a mix of findings: found, affected, not affected.
pub(crate) fn said() -> (Inventory, Judgement) {
    let inventory = example();
    let mut judgement = judged(&inventory, &rows());
    let statement = |status| Statement {
        status,
        justification: "component_not_present".into(),
        text: "we removed it".into(),
        author: "A".into(),
        place: "a.json: statement 1".into(),
    };
    for (at, status) in [(0, VexStatus::Affected), (1, VexStatus::NotAffected)] {
        let found = judgement.findings[at].vulnerability.as_mut().unwrap();
        found.statement = Some(Arc::new(statement(status)));
    }
    let dismissed = judgement.findings.remove(1);
    judgement.dismissed.push(dismissed);
    (inventory, judgement)
}

fn shown(inventory: &Inventory, judgement: &Judgement, by: By, suggest: bool) -> String {
    let feed =
        |name: &str, day: Option<Date>| DataFeed { name: name.into(), day, used: name != "kev" };
    let data = Data {
        place: "vulnerabilities.db".into(),
        advisories: 1_234,
        // The date in `kev` is not that of an advisory.
        newest: Some(Date::constant(2026, 11, 29)),
        feeds: vec![
            feed("debian", Some(Date::constant(2026, 11, 29))),
            feed("kev", Some(Date::constant(2026, 11, 30))),
            feed("npm", Some(Date::constant(2026, 1, 13))),
            feed("pypi", None),
        ],
    };
    let upgrades = if judgement.findings.is_empty() { Vec::new() } else { upgrades() };
    let told = Vulnerable {
        inventory,
        judgement,
        data: &data,
        upgrades: &upgrades,
        today: Date::constant(2026, 11, 30),
        by,
        suggest,
        left_out: LeftOut::default(),
    };
    let mut out = Vec::new();
    let options = Options { width: 130, show_excepted: true, ..Options::default() };
    vulnerabilities(&told, &options, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn the_most_urgent_line_is_the_first() {
    let inventory = example();
    insta::assert_snapshot!(shown(&inventory, &judged(&inventory, &rows()), By::Priority, false));
}

#[test]
fn lines_by_layer_with_all_upgrades() {
    let inventory = example();
    insta::assert_snapshot!(shown(&inventory, &judged(&inventory, &rows()), By::Layer, true));
}

#[test]
fn lines_by_package() {
    let inventory = example();
    insta::assert_snapshot!(shown(&inventory, &judged(&inventory, &rows()), By::Package, false));
}

#[test]
fn what_was_not_read_is_never_clean() {
    let inventory = incomplete();
    let text = shown(&inventory, &judged(&inventory, &[]), By::Priority, false);
    assert!(text.contains("no known vulnerability in what was matched of 4 packages"), "{text}");
    assert!(text.contains("not JSON"), "{text}");
    assert!(!text.contains("upgrade"), "{text}");
    // These texts are untrusted and must not control a terminal.
    let text = shown(&inventory, &judged(&inventory, &rows()), By::Priority, false);
    assert!(!text.contains('\u{1b}'), "{text}");
}

#[test]
fn what_statements_close_is_counted_and_shown() {
    let (inventory, judgement) = said();
    let text = shown(&inventory, &judgement, By::Priority, false);
    assert!(text.contains("; 1 not affected or fixed by VEX statements"), "{text}");
    let line = "a.json: statement 1: not_affected (component_not_present) by A: we removed it";
    assert!(text.contains(line), "{text}");
    assert!(text.contains("VEX affected"), "{text}");
}

#[test]
fn many_lines_are_cut_and_told() {
    let inventory = example();
    let ids: Vec<_> = (0..150).map(|at| format!("CVE-2026-{at}")).collect();
    let rows: Vec<Row<'_>> = ids
        .iter()
        .map(|id| (0, id.as_str(), None, false, Severity::Low, FixState::NotFixed))
        .collect();
    let text = shown(&inventory, &judged(&inventory, &rows), By::Priority, false);
    assert!(
        text.contains("… and 50 more lines, less urgent than these; `--full` shows all"),
        "{text}"
    );
    assert!(
        text.contains("150 vulnerabilities in 4 packages: 150 low; priority 150 later"),
        "{text}"
    );
}
