//! User input: the configuration, policy files, exceptions in annotations and comments, and an
//! earlier result.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use pavisade_checks::CheckSet;
use pavisade_config::{read, read_exceptions};
use pavisade_model::{Base, Glob, KubernetesVersion, Note};
use pavisade_scan::{Honour, Terms, Timestamp, judge_on};
use pavisade_snapshot::{Object, Snapshot, WorldKind, WorldParts};
use pavisade_yaml::{Source, dockerfile, objects};

static CHECKS: LazyLock<CheckSet> = LazyLock::new(|| CheckSet::all(KubernetesVersion::LATEST));

/// A pod with findings; `{}` is in an annotation and in a comment.
const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  annotations:\n    pavisade.dev/allow: |\n      {}\nspec:\n  containers:\n  - name: c # pavisade: allow {}\n    image: a\n    # pavisade: allow {}\n    securityContext: {privileged: true} #{}\n";

fuzz_target!(|data: &[u8]| {
    let Some((&selector, rest)) = data.split_first() else { return };
    let text = String::from_utf8_lossy(rest);
    match selector {
        0..=99 => config(&text),
        100..=119 => config(&format!("exceptions:\n{text}")),
        120..=139 => config(&format!("checks:\n{text}")),
        140..=179 => judged(&POD.replace("{}", &text), &[]),
        180..=199 => judged(&text, &[]),
        200..=219 => {
            let doc = dockerfile(&Source::new("Dockerfile", text));
            judge(vec![Object::new(doc.root(), "pavisade.dev/v1", "Dockerfile")], Terms::default());
        }
        220..=239 => {
            if let Ok(baseline) = pavisade_report::baseline("fuzz", &text) {
                let terms = Terms { baseline: Some(baseline), ..Terms::default() };
                judge(parsed(&POD.replace("{}", "x")), terms);
            }
        }
        _ => {
            let (pattern, path) = text.split_once('\n').unwrap_or((&text, ""));
            if let Ok(glob) = Glob::new(pattern) {
                // A match as a name is also a match as a path.
                assert!(!glob.matches(path) || glob.matches_path(path));
            }
            base().relative(path);
        }
    }
});

fn base() -> Base {
    Base { folders: vec!["/w".into()], current: "/w/x".into() }
}

fn config(text: &str) {
    let source = Source::new("fuzz", text);
    let (config, problems) = read(&source, &base(), CHECKS.catalog());
    placed(&problems);
    config.restrictions(CHECKS.catalog());
    config.short();
    let (_, problems) = read_exceptions(&source, &base(), CHECKS.catalog());
    placed(&problems);
    judged(&POD.replace("{}", "x"), &config.exceptions.findings);
}

fn parsed(text: &str) -> Vec<Object> {
    let docs = pavisade_yaml::read(&Source::new("fuzz", text)).docs;
    let found = docs.iter().flat_map(|doc| objects(doc.root()).sent);
    found.map(|o| Object::new(o.value, o.api_version, o.kind)).collect()
}

fn judged(text: &str, exceptions: &[pavisade_judgement::Exception]) {
    judge(parsed(text), Terms { exceptions: exceptions.to_vec(), whole: true, ..Terms::default() });
}

/// No finding is lost, whatever is excepted.
fn judge(objects: Vec<Object>, terms: Terms) {
    let world = WorldParts::files("fuzz", WorldKind::Files, objects);
    let snapshot = Snapshot::new(vec![world], Vec::new());
    let now = "2026-06-01T00:00:00Z".parse::<Timestamp>().unwrap_or_default();
    let all = judge_on(&snapshot, &CHECKS, &Terms::default(), now).findings.len();
    for honour in [Honour::Nobody, Honour::Policy, Honour::Everybody] {
        let terms = Terms { honour, longest: Some(366), ..terms.clone() };
        let judgement = judge_on(&snapshot, &CHECKS, &terms, now);
        let known = judgement.baseline.as_ref().map_or(0, |compared| compared.known.len());
        assert_eq!(judgement.findings.len() + judgement.excepted.len() + known, all);
        placed(&judgement.notes);
    }
}

fn placed(notes: &[Note]) {
    for note in notes {
        if let Some((source, start, end)) = &note.span {
            assert!(start <= end && *end as usize <= source.text().len(), "{start}..{end}");
            source.line_column(*start);
            source.line_column(*end);
        }
    }
}
