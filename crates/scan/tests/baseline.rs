//! Comparison of a result with an earlier one.

use std::collections::HashMap;

use pavisade_checks::{Catalog, CheckSet};
use pavisade_judgement::{Baseline, Judgement, Known};
use pavisade_model::{KubernetesVersion, Severity, State};
use pavisade_scan::{Honour, Terms, Timestamp, judge_on};
use pavisade_snapshot::{Object, Snapshot, WorldKind, WorldParts};
use pavisade_yaml::{Source, objects, read};

const CHECKS: [&str; 2] = ["privileged-container", "host-port"];

fn judged(worlds: &[(&str, &str)], checks: &[&str], terms: &Terms) -> Judgement {
    let parts = worlds.iter().map(|(name, text)| {
        let docs = read(&Source::new(*name, *text)).docs;
        let found = docs.iter().flat_map(|doc| objects(doc.root()).sent);
        let found = found.map(|o| Object::new(o.value, o.api_version, o.kind)).collect();
        WorldParts::files(*name, WorldKind::Files, found)
    });
    let snapshot = Snapshot::new(parts.collect(), Vec::new());
    let wanted = |meta: &pavisade_model::Meta| checks.contains(&&*meta.rule.name);
    let set =
        CheckSet::new(&Catalog::builtin(), KubernetesVersion::LATEST, wanted, &HashMap::new())
            .unwrap();
    judge_on(&snapshot, &set, terms, Timestamp::UNIX_EPOCH)
}

fn baseline(judgement: &Judgement) -> Baseline {
    let known = |finding: &pavisade_model::Finding| Known {
        fingerprint: finding.fingerprint().to_string(),
        check: finding.rule.id.to_string(),
        state: finding.state,
        severity: finding.severity,
        world: finding.world().to_owned(),
        subject: finding.subject.label(),
        message: finding.message.clone(),
        file: String::new(),
        line: 0,
    };
    Baseline { place: "old.json".into(), entries: judgement.findings.iter().map(known).collect() }
}

/// Returns the numbers of new, known and resolved findings, and the total of the baseline.
fn against(before: &Baseline, worlds: &[(&str, &str)]) -> (usize, usize, usize, usize) {
    let terms = Terms { baseline: Some(before.clone()), ..Terms::default() };
    let after = judged(worlds, &CHECKS, &terms);
    let compared = after.baseline.unwrap();
    (after.findings.len(), compared.known.len(), compared.gone.len(), compared.total)
}

const PODS: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec:
  containers:
    - name: a
      ports: [{containerPort: 80, hostPort: 80}, {containerPort: 81, hostPort: 81}]
      securityContext: {privileged: true}
    - name: b
      securityContext: {privileged: true}
";

#[test]
fn only_what_is_new_counts() {
    let before = baseline(&judged(&[("a.yaml", PODS)], &CHECKS, &Terms::default()));
    assert_eq!(before.entries.len(), 4);
    let mut swapped: Vec<_> = PODS.lines().collect();
    swapped[5..10].rotate_left(3);
    let swapped = swapped.join("\n");
    assert!(swapped.find("name: b").unwrap() < swapped.find("name: a").unwrap());
    let ports = PODS.replace(
        "[{containerPort: 80, hostPort: 80}, {containerPort: 81, hostPort: 81}]",
        "[{hostPort: 81, containerPort: 81}, {hostPort: 80, containerPort: 80}]",
    );
    let version = PODS.replace("  containers:", "  nodeName: x\n\n  # moved\n  containers:");
    for (case, file, text, expect) in [
        ("the same", "a.yaml", PODS.to_owned(), (0, 4, 0, 4)),
        ("a renamed file", "b/c.yaml", PODS.to_owned(), (0, 4, 0, 4)),
        ("moved lines", "a.yaml", version, (0, 4, 0, 4)),
        ("containers the other way round", "a.yaml", swapped, (0, 4, 0, 4)),
        ("ports the other way round", "a.yaml", ports, (0, 4, 0, 4)),
        ("another container", "a.yaml", PODS.replace("name: b", "name: c"), (1, 3, 1, 4)),
        ("another object", "a.yaml", PODS.replace("name: web", "name: api"), (4, 0, 4, 4)),
        ("mended", "a.yaml", PODS.replace("privileged: true", "privileged: false"), (0, 2, 2, 4)),
    ] {
        assert_eq!(against(&before, &[(file, &text)]), expect, "{case}");
    }
}

#[test]
fn one_entry_speaks_for_one_finding() {
    let before = baseline(&judged(&[("dev", PODS)], &CHECKS, &Terms::default()));
    // The same objects in another world are new; those in the original world are known.
    let terms = Terms { baseline: Some(before.clone()), ..Terms::default() };
    let after = judged(&[("aaa", PODS), ("dev", PODS)], &CHECKS, &terms);
    assert_eq!(after.findings.len(), 4);
    assert!(after.findings.iter().all(|finding| finding.world() == "aaa"));
    assert_eq!(against(&before, &[("other", PODS)]), (0, 4, 0, 4));
}

#[test]
fn what_is_worse_than_it_was_is_new_and_not_gone() {
    let now = judged(&[("a", PODS)], &CHECKS, &Terms::default());
    let mut before = baseline(&now);
    before.entries[0].severity = Severity::Low;
    before.entries[1].state = State::Unknown;
    before.entries[2].severity = Severity::Critical;
    assert_eq!(against(&before, &[("a", PODS)]), (2, 2, 0, 4));
}

#[test]
fn of_checks_that_do_not_run_nothing_is_said() {
    let before = baseline(&judged(&[("a", PODS)], &CHECKS, &Terms::default()));
    let terms = Terms { baseline: Some(before), ..Terms::default() };
    let compared = judged(&[("a", "")], &CHECKS[..1], &terms).baseline.unwrap();
    assert_eq!((compared.total, compared.gone.len()), (2, 2));
}

#[test]
fn what_is_excepted_now_is_not_gone() {
    let before = baseline(&judged(&[("a", PODS)], &CHECKS, &Terms::default()));
    let text = PODS.replace(
        "namespace: shop}",
        "namespace: shop, annotations: {pavisade.dev/allow: 'PV-C001 in a, until 2026-01-01: x'}}",
    );
    let text = text.replace("in a, until", "in a until");
    let terms = Terms { baseline: Some(before), honour: Honour::Everybody, ..Terms::default() };
    let after = judged(&[("a", &text)], &CHECKS, &terms);
    let compared = after.baseline.unwrap();
    assert_eq!((after.findings.len(), compared.known.len(), compared.gone.len()), (0, 3, 0));
    assert!(after.excepted.len() == 1 && after.excepted[0].known);
}

#[test]
fn severities_of_the_user_count() {
    let severities = [("PV-C001".to_owned(), Severity::Low)].into();
    let terms = Terms { severities, ..Terms::default() };
    let after = judged(&[("a", PODS)], &CHECKS, &terms);
    let of = |name: &str| after.findings.iter().find(|f| f.rule.name == name).unwrap().severity;
    assert_eq!(of("privileged-container"), Severity::Low);
    assert_eq!(after.findings.last().unwrap().rule.id, "PV-C001", "the order is by severity");
    assert_ne!(of("host-port"), Severity::Low);
}
