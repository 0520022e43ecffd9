//! If there are too many findings to keep, nothing is proven about the dropped ones.

use std::collections::HashMap;

use pavisade_checks::{Catalog, CheckSet};
use pavisade_compliance::{ControlState, Framework, assess};
use pavisade_judgement::{Baseline, Known};
use pavisade_model::KubernetesVersion;
use pavisade_snapshot::{Coverage, Object, Snapshot, WorldKind, WorldParts};
use pavisade_yaml::{Source, objects, read};

use crate::{Honour, Judgement, Tally, Terms, Timestamp, judge_within};

const ALLOWED: &str =
    "annotations: {pavisade.dev/allow: 'privileged-container until 2030-01-01: why'}";

fn pod(namespace: &str, metadata: &str, rest: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: p, namespace: {namespace}, {metadata}}}\n\
         spec: {{{rest}}}\n"
    )
}

fn privileged(namespace: &str, metadata: &str) -> String {
    let rest = "containers: [{name: c, image: i, securityContext: {privileged: true}}]";
    pod(namespace, metadata, rest)
}

fn snapshot(text: &str, kind: WorldKind) -> Snapshot {
    let docs = read(&Source::new("all.yaml", text)).docs;
    let found = docs.iter().flat_map(|doc| objects(doc.root()).sent);
    let found = found.map(|o| Object::new(o.value, o.api_version, o.kind)).collect();
    let mut world = WorldParts::files("w", kind, found);
    if kind.is_live() {
        world.default_coverage = Coverage::Complete;
    }
    Snapshot::new(vec![world], Vec::new())
}

fn judged(text: &str, check: &str, terms: &Terms, limit: usize) -> Judgement {
    let wanted = |meta: &pavisade_model::Meta| meta.rule.id == check;
    let set =
        CheckSet::new(&Catalog::builtin(), KubernetesVersion::LATEST, wanted, &HashMap::new())
            .unwrap();
    let snapshot = snapshot(text, WorldKind::Files);
    judge_within(&snapshot, &set, terms, Timestamp::UNIX_EPOCH, limit)
}

/// Returns the state of a control with one check.
fn control(check: &str, judgement: &Judgement) -> (ControlState, Tally) {
    let catalog = Catalog::builtin();
    let known: Vec<_> = catalog.rules().collect();
    let text = format!(
        "id = \"x\"\ntitle = \"X\"\n[[controls]]\nid = \"1\"\ntitle = \"t\"\nchecks = [\"{check}\"]\n"
    );
    let framework = Framework::read(&text, &known).unwrap();
    let control = &assess(&framework, judgement, catalog.rules()).controls[0];
    (control.state, control.evidence[0].tally)
}

#[test]
fn the_first_findings_are_kept_and_a_note_says_so() {
    let text: String = (0..300).map(|i| privileged(&format!("n{i:03}"), "")).collect();
    let whole = judged(&text, "PV-C001", &Terms::default(), 300);
    assert_eq!((whole.findings.len(), whole.cut.is_none()), (300, true));
    let cut = judged(&text, "PV-C001", &Terms::default(), 100);
    let subjects =
        |judgement: &Judgement| judgement.findings.iter().map(|f| f.subject.label()).collect();
    let (kept, all): (Vec<_>, Vec<_>) = (subjects(&cut), subjects(&whole));
    assert_eq!(kept, all[..100]);
    assert_eq!(cut.tallies[0].tally.fails, 300);
    let why = cut.cut.unwrap().message;
    assert_eq!(
        why,
        "there are more findings than are listed, at most 100 of a check: 300 of `privileged-container`"
    );
    assert!(cut.notes.iter().any(|note| note.message == why), "{:?}", cut.notes);
}

#[test]
fn a_part_of_a_check_is_unknown_where_findings_were_cut() {
    let of = |field: &str| format!("{field}: true, containers: [{{name: c, image: i}}]");
    let text = [pod("a", "", &of("hostPID")), pod("b", "", &of("hostIPC"))].concat();
    for (part, limit, state, (holds, fails, unknown)) in [
        ("hostIPC", 2, ControlState::Fails, (1, 1, 0)),
        ("hostIPC", 1, ControlState::Unknown, (0, 0, 2)),
        ("hostNetwork", 2, ControlState::Holds, (2, 0, 0)),
        ("hostNetwork", 1, ControlState::Unknown, (0, 0, 2)),
        // Known failures stay.
        ("hostPID", 1, ControlState::Fails, (0, 1, 1)),
    ] {
        let judgement = judged(&text, "PV-C002", &Terms::default(), limit);
        let (said, tally) = control(&format!("PV-C002@{part}"), &judgement);
        let got = (tally.holds, tally.fails, tally.unknown);
        assert_eq!((said, got), (state, (holds, fails, unknown)), "{part} {limit}");
    }
}

#[test]
fn a_control_is_not_excepted_where_findings_were_cut() {
    let terms = Terms { honour: Honour::Everybody, ..Terms::default() };
    let text = [privileged("a", ALLOWED), privileged("b", "")].concat();
    for (limit, state) in [(2, ControlState::Fails), (1, ControlState::Unknown)] {
        let judgement = judged(&text, "PV-C001", &terms, limit);
        assert_eq!(judgement.excepted.len(), 1);
        assert_eq!(control("PV-C001", &judgement).0, state, "{limit}");
    }
}

#[test]
fn an_exception_whose_finding_was_cut_is_not_called_useless() {
    let terms = Terms { honour: Honour::Everybody, ..Terms::default() };
    let useless = |text: &str, limit| {
        let notes = judged(text, "PV-C001", &terms, limit).notes;
        notes.iter().any(|note| note.message.contains("covers no finding"))
    };
    let text = [privileged("a", ""), privileged("b", ALLOWED)].concat();
    assert!(!useless(&text, 1));
    assert!(useless(&pod("a", ALLOWED, "containers: [{name: c, image: i}]"), 1));
}

#[test]
fn nothing_is_gone_where_findings_were_cut() {
    let text = [privileged("a", ""), privileged("b", "")].concat();
    let before = judged(&text, "PV-C001", &Terms::default(), 2);
    let known = before.findings.iter().map(|finding| Known {
        fingerprint: finding.fingerprint().to_string(),
        check: finding.rule.id.to_string(),
        state: finding.state,
        severity: finding.severity,
        world: finding.world().to_owned(),
        subject: finding.subject.label(),
        message: finding.message.clone(),
        file: String::new(),
        line: 0,
    });
    let baseline = Baseline { place: "old.json".to_owned(), entries: known.collect() };
    let terms = Terms { baseline: Some(baseline), ..Terms::default() };
    let against = |text: &str, limit| {
        let compared = judged(text, "PV-C001", &terms, limit).baseline.unwrap();
        (compared.known.len(), compared.gone.len(), compared.total)
    };
    assert_eq!(against(&text, 2), (2, 0, 2));
    assert_eq!(against(&text, 1), (1, 0, 2));
    assert_eq!(against(&privileged("a", ""), 1), (1, 1, 2));
}
