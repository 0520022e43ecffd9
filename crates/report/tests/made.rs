//! A check that is created at run time, in all outputs.

use std::collections::HashMap;

use pavisade_checks::{Catalog, CheckSet, MadeCheck, Place, Verdict};
use pavisade_compliance::Framework;
use pavisade_compliance::{ControlState, assess};
use pavisade_judgement::{Baseline, Judgement, Known};
use pavisade_model::{
    Area, Audience, Confidence, Fixable, GroupKind, KubernetesVersion, Meta, Rule, Scope, Severity,
    State, Together,
};
use pavisade_report::{Format, Layout, Options, check_explain, write};
use pavisade_scan::{Honour, Terms, Timestamp, judge_on};
use pavisade_snapshot::{Object, Snapshot, WorldKind, WorldParts};
use pavisade_yaml::{Source, objects, read};

const WIDGETS: &str = "\
apiVersion: shop.example/v1
kind: Widget
metadata: {name: a, namespace: shop}
spec: {size: 1}
---
apiVersion: shop.example/v1
kind: Widget
metadata:
  name: b
  namespace: shop
  annotations:
    pavisade.dev/allow: 'unowned-widget until 2026-12-31: its owner is hired in March'
spec: {size: 1}
";

fn catalog() -> Catalog {
    let rule = Rule {
        id: "OWN-1".to_owned().into(),
        name: "unowned-widget".to_owned().into(),
        title: "Widget without an owner.".to_owned().into(),
        why: "Nobody knows whom to ask.".to_owned().into(),
        advice: "Set `spec.owner`.".to_owned().into(),
        severity: Severity::High,
        confidence: Confidence::High,
        audience: Audience::Everyone,
        area: Area::Compliance,
        fixable: Fixable::Never,
        secret: false,
        parts: Vec::new().into(),
        together: Together::Object,
    };
    let meta = Meta {
        rule,
        scope: Scope::Object,
        on: vec![GroupKind::made("shop.example", "Widget", "widgets").unwrap()].into(),
        programs: &[],
        strict_in_files: false,
        files_only: false,
        at_rest: false,
        facts: &[],
        reads: Vec::new().into(),
    };
    let policy = MadeCheck::new(meta, |object, _| {
        let place = Place::field(object.value(), &["spec", "owner"]);
        match object.at(&["spec", "owner"]) {
            Some(_) => Verdict::Holds,
            None => Verdict::fails(place, format!("`{}` has no owner", object.name())),
        }
    });
    Catalog::builtin().with([policy]).unwrap()
}

fn judged(catalog: &Catalog, baseline: Option<Baseline>) -> Judgement {
    let source = Source::new("widgets.yaml", WIDGETS);
    let docs = read(&source).docs;
    let found = docs.iter().flat_map(|doc| objects(doc.root()).sent);
    let found = found.map(|o| Object::new(o.value, o.api_version, o.kind)).collect();
    let world = WorldParts::files("shop", WorldKind::Files, found);
    let wanted = |meta: &Meta| meta.rule.id == "OWN-1";
    let set = CheckSet::new(catalog, KubernetesVersion::LATEST, wanted, &HashMap::new());
    let set = set.map_err(|error| error.message).unwrap();
    let terms = Terms { honour: Honour::Everybody, baseline, ..Terms::default() };
    let now: Timestamp = "2026-06-01T12:00:00Z".parse().unwrap();
    judge_on(&Snapshot::new(vec![world], Vec::new()), &set, &terms, now)
}

#[test]
fn every_format_shows_it() {
    let judgement = judged(&catalog(), None);
    for format in [
        Format::Terminal,
        Format::JsonV1,
        Format::Sarif,
        Format::Html,
        Format::Markdown,
        Format::Csv,
        Format::Junit,
        Format::Gitlab,
        Format::Github,
    ] {
        let mut out = Vec::new();
        write(format, &judgement, &Options::default(), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let named = text.contains("OWN-1") || text.contains("unowned-widget");
        assert!(named && text.contains("has no owner"), "{format:?}: {text}");
    }
}

#[test]
fn exceptions_baselines_frameworks_and_pages_know_it() {
    let catalog = catalog();
    let judgement = judged(&catalog, None);
    assert_eq!((judgement.findings.len(), judgement.excepted.len()), (1, 1));

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
    let entries = judgement.findings.iter().map(known).collect();
    let baseline = Baseline { place: "old.json".to_owned(), entries };
    let again = judged(&catalog, Some(baseline));
    assert_eq!(again.findings.len(), 0);
    assert_eq!(again.baseline.unwrap().known.len(), 1);

    let known: Vec<_> = catalog.rules().collect();
    let text = "id = \"house\"\ntitle = \"House rules\"\n[[controls]]\nid = \"1\"\n\
                title = \"Widgets have owners\"\nchecks = [\"OWN-1\"]\n";
    let framework = Framework::read(text, &known).unwrap();
    let assessment = assess(&framework, &judgement, catalog.rules());
    assert_eq!(assessment.controls[0].state, ControlState::Fails);
    assert_eq!(assessment.controls[0].evidence[0].of_state(State::Fails).count(), 1);

    let entry = catalog.named("own-1").unwrap();
    let mut out = Vec::new();
    check_explain(entry.meta(), &entry.schema(), Layout::Terminal, &Options::default(), &mut out)
        .unwrap();
    assert!(String::from_utf8(out).unwrap().contains("Nobody knows whom to ask."));
}
