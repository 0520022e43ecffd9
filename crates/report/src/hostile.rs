//! Tests for all formats: hostile input stays text, and nothing is lost.

use std::sync::Arc;

use pavisade_judgement::Judgement;
use pavisade_model::{Location, Note, NoteKind, State, Subject};
use pavisade_yaml::Source;

use crate::fixture::{deployment, excepted, judged, mixed, notes, secret};
use crate::text::is_hidden;
use crate::{Format, Options, write};

/// Names with special meaning in some format.
pub(crate) const NAMES: [&str; 18] = [
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "]]><x/>&amp;",
    "\"><img src=x onerror=alert(1)>",
    "=cmd|' /C calc'!A0",
    "+1+1;=2",
    "-2+3",
    "@SUM(1)\t=1",
    "a,b\"c\"\r\n=1",
    "x\r\n::error file=a::owned",
    "::set-output name=a::b",
    "##[set-env name=A]b",
    "50%0A::stop-commands::x",
    "@octocat closes #1 and GH-2",
    "[l](javascript:alert(1)) ![i](https://evil.example/x) www.evil.example https://evil.example",
    "`tick` ``two`` **bold** | pipe |\n# head\n</details>",
    "\u{1b}[31m\u{202e}\u{200b}\u{0}\u{feff}\u{fffe}\u{7f}",
    "{{7*7}}${7*7}",
];

/// Returns a result in which every text from input is one of the names.
pub(crate) fn hostile() -> Judgement {
    let long = format!(
        "{{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{{\"name\":\"{}\"}},\"spec\":{{\"containers\":\
         [{{\"name\":\"x\",\"securityContext\":{{\"privileged\":true}}}}]}}}}",
        "long".repeat(300_000)
    );
    let mut judgement = judged(&[("w", &[("long.json", &long)])], Vec::new());
    let text = deployment("ns", "name", "container");
    let plain = judged(&[("w", &[("f.yaml", &text)])], Vec::new()).findings.remove(0);
    for (i, name) in NAMES.iter().enumerate() {
        let mut finding = plain.clone();
        finding.state = if i % 3 == 0 { State::Unknown } else { State::Fails };
        finding.world = Some((*name).into());
        let part = |prefix: &str| -> Arc<str> { format!("{prefix}{name}").into() };
        finding.subject = Subject::Object {
            group: part(""),
            kind: part(""),
            namespace: part(""),
            name: part(""),
            container: Some(part("")),
        };
        let line = name.replace(['\r', '\n'], " ");
        let source = Source::new(format!("{name}.yaml"), format!("a: {line}\nb: 1\n"));
        finding.location = Location::Text { source, span: 0..4, path: (*name).to_owned() };
        finding.message = format!("{name} and `{name}`");
        finding.advice = format!("{name}\n\n`{name}`");
        judgement.findings.push(finding);
        for kind in [NoteKind::Unread, NoteKind::Warning] {
            judgement.notes.push(Note {
                kind,
                place: (*name).to_owned(),
                span: None,
                message: (*name).to_owned(),
                remedy: (*name).to_owned(),
            });
        }
    }
    judgement.worlds = NAMES.len();
    judgement
}

/// Returns the result in a format, as text.
pub(crate) fn shown(format: Format, judgement: &Judgement, options: &Options) -> String {
    let mut out = Vec::new();
    write(format, judgement, options, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn no_format_obeys_its_input() {
    let judgement = hostile();
    for format in Format::ALL {
        for full in [false, true] {
            let text = shown(format, &judgement, &Options { full, ..Options::default() });
            let may = |c| c == '\n' || c == '\r' && format == Format::Csv;
            let bad = text.chars().find(|c| is_hidden(*c) && !may(*c));
            assert_eq!(bad, None, "{}", format.name());
            // The name of 1.2 MB is never shown in full in formats for display, and never many
            // times.
            let limit = match format {
                Format::JsonV1 | Format::Json | Format::Sarif => 12_000_000,
                _ => 800_000,
            };
            assert!(text.len() < limit, "{}: {} bytes", format.name(), text.len());
        }
    }
}

#[test]
fn every_format_says_that_the_result_is_incomplete_and_why() {
    let judgement = mixed();
    for format in Format::ALL {
        let text = shown(format, &judgement, &Options { full: true, ..Options::default() });
        let name = format.name();
        let incomplete = match format {
            Format::Terminal => "6 inputs not read",
            Format::JsonV1 | Format::Json | Format::Csv => "unread",
            Format::Sarif => "\"executionSuccessful\": false",
            Format::Gitlab => "not read, so the result is incomplete",
            Format::Junit => "errors=\"6\"",
            Format::Html | Format::Markdown | Format::Github => "incomplete",
        };
        assert!(text.contains(incomplete), "{name}: {text}");
        for note in &judgement.notes {
            assert!(text.contains(&note.place), "{name} lost {}", note.place);
        }
        // The terminal format wraps lines.
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let text = words(&text);
        for finding in judgement.of_state(State::Unknown) {
            let parts = finding.message.split(['`', ':', ';', ',', '"']);
            let part = words(parts.max_by_key(|part| part.len()).unwrap());
            assert!(text.contains(&part), "{name} lost {part:?}: {text}");
        }
    }
}

#[test]
fn a_result_without_anything_is_written_in_every_format() {
    for judgement in
        [judged(&[(".", &[])], Vec::new()), judged(&[(".", &[])], notes()[..1].to_vec())]
    {
        for format in Format::ALL {
            assert!(!shown(format, &judgement, &Options::default()).is_empty());
        }
    }
}

#[test]
fn what_does_not_count_is_told_and_never_passes() {
    let judgement = excepted();
    for format in Format::ALL {
        let options = Options { full: true, show_excepted: true, ..Options::default() };
        let text = shown(format, &judgement, &options);
        if !matches!(
            format,
            Format::JsonV1 | Format::Json | Format::Sarif | Format::Gitlab | Format::Csv
        ) {
            assert!(text.contains("2 excepted"), "{}: {text}", format.name());
            assert!(text.contains("2 in the baseline, 1 of 3 fixed"), "{}: {text}", format.name());
        }
        if !matches!(format, Format::Gitlab | Format::Github) {
            assert!(text.contains("builds images"), "{}: {text}", format.name());
            assert!(text.contains("1970-06-30"), "{}: {text}", format.name());
        }
    }
    let csv = shown(Format::Csv, &judgement, &Options::default());
    let count = |state: &str| csv.lines().filter(|line| line.starts_with(state)).count();
    assert_eq!((count("fails,"), count("excepted,"), count("known,")), (1, 2, 2));
    let junit = shown(Format::Junit, &judgement, &Options::default());
    assert_eq!(junit.matches("<failure ").count(), 1, "{junit}");
    assert!(junit.contains("message=\"excepted until 1970-06-30 (annotation): builds images"));
    assert_eq!(junit.matches("message=\"in the baseline ").count(), 2, "{junit}");
}

/// The check is synthetic, so this does not depend on a list of checks.
#[test]
fn a_flag_of_the_check_masks_its_findings_in_every_format() {
    let judgement = secret("    - name: DB\n      value: hunter2 # hunter2\n", "value: hunter2");
    let mut field = secret("- hunter2\n", "hunter2");
    field.findings[0].location =
        Location::Field { path: "spec.x".to_owned(), value: Some("hunter2".to_owned()) };
    for format in Format::ALL {
        for judgement in [&judgement, &field] {
            let text = shown(format, judgement, &Options { full: true, ..Options::default() });
            assert!(!text.contains("hunter2"), "{}: {text}", format.name());
        }
    }
}

#[test]
fn a_fix_of_the_program_is_told_where_it_has_one() {
    let mut judgement = mixed();
    let catalog = pavisade_checks::Catalog::builtin();
    let rule = catalog.named("privilege-escalation").unwrap().rule();
    assert_ne!(rule.fixable, pavisade_model::Fixable::Never);
    let doc = pavisade_yaml::read(&Source::new("a.yaml", "a: b\n")).docs.remove(0);
    for finding in &mut judgement.findings {
        finding.rule = rule.clone();
        let fix = pavisade_model::Fix { doc: doc.clone(), amendments: Vec::new() };
        finding.fix = Some(Box::new(fix));
    }
    judgement.tallies.push(pavisade_judgement::RuleTally {
        rule: rule.clone(),
        programs: &[],
        tally: Default::default(),
        by_program: Default::default(),
    });
    for format in [Format::Terminal, Format::Markdown, Format::Html, Format::Junit, Format::Github]
    {
        let text = shown(format, &judgement, &Options::default());
        assert!(text.contains("pavisade fix --risky"), "{}: {text}", format.name());
    }
    judgement.findings.iter_mut().skip(1).for_each(|finding| finding.fix = None);
    let text = shown(Format::Markdown, &judgement, &Options::default());
    assert!(text.contains("can fix this in 1 of 13 places; review the diff first"), "{text}");
    let json = shown(Format::JsonV1, &judgement, &Options::default());
    assert!(json.contains("\"mends\": \"riskily\""), "{json}");
}
