//! Exact output.

use crate::fixture::{CLASSES, ENCRYPTION, deployment, excepted, judged, mixed, notes, secret};
use crate::{Format, Options, problems, write};
use pavisade_judgement::Judgement;

fn show(judgement: &Judgement, options: &Options) -> String {
    let mut out = Vec::new();
    write(Format::Terminal, judgement, options, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn at(width: usize) -> Options {
    Options { width, ..Options::default() }
}

fn fits(text: &str, width: usize) {
    for line in text.lines() {
        assert!(
            crate::text::width(line) <= width,
            "{} > {width}: {line}",
            crate::text::width(line)
        );
    }
}

#[test]
fn one_finding() {
    let text = deployment("shop", "worker", "docker");
    let judgement = judged(&[("shop", &[("shop/worker.yaml", &text)])], Vec::new());
    for width in [60, 120] {
        let shown = show(&judgement, &at(width));
        fits(&shown, width);
        insta::assert_snapshot!(format!("one_finding_{width}"), shown);
    }
}

#[test]
fn many_findings() {
    let judgement = mixed();
    for width in [40, 60, 120] {
        let shown = show(&judgement, &at(width));
        // A path is never cut, so that it can be clicked.
        if width > 40 {
            fits(&shown, width);
        }
        insta::assert_snapshot!(format!("many_findings_{width}"), shown);
    }
    insta::assert_snapshot!(
        "many_findings_full",
        show(&judgement, &Options { full: true, ..at(100) })
    );
    let three = Options { per_check: 3, places: 0, ..at(100) };
    insta::assert_snapshot!("many_findings_three", show(&judgement, &three));
}

#[test]
fn colours() {
    let judgement =
        judged(&[("shop", &[("etcd.yaml", ENCRYPTION), ("sc.yaml", CLASSES)])], notes());
    let shown = show(&judgement, &Options { color: true, ..at(100) });
    insta::assert_snapshot!("colours", shown.replace('\u{1b}', "␛"));
}

#[test]
fn quiet_on_success() {
    let well = "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n";
    let judgement = judged(&[(".", &[("a.yaml", well)])], Vec::new());
    insta::assert_snapshot!(show(&judgement, &at(100)), @"no findings in 1 object (4 checks, Kubernetes 1.37)");
    let with_note = judged(&[(".", &[("a.yaml", well)])], notes()[5..6].to_vec());
    insta::assert_snapshot!(show(&with_note, &at(100)), @"no findings in 1 object (4 checks, Kubernetes 1.37); 1 note (shown by `--full`)");
    let nothing = judged(&[(".", &[])], Vec::new());
    insta::assert_snapshot!(show(&nothing, &at(100)), @"no Kubernetes objects were found (4 checks, Kubernetes 1.37)");
    let unread = judged(&[(".", &[])], notes()[..1].to_vec());
    let shown = show(&unread, &at(100));
    assert!(shown.starts_with("not read: a Helm chart"), "{shown}");
    assert!(shown.contains("no Kubernetes objects were found; 1 input not read"), "{shown}");
}

#[test]
fn hundreds_of_findings_do_not_flood() {
    let files: Vec<_> =
        (0..400).map(|n| (format!("f{n}.yaml"), deployment("ns", &format!("d{n}"), "c"))).collect();
    let files: Vec<_> = files.iter().map(|(n, t)| (n.as_str(), t.as_str())).collect();
    let shown = show(&judged(&[(".", &files)], Vec::new()), &at(100));
    assert!(shown.lines().count() < 20, "{shown}");
    assert!(shown.contains("… and 392 more of privileged-container"), "{shown}");
    let judgement = judged(&[(".", &files)], Vec::new());
    let explained = show(&judgement, &Options { explain: true, ..at(100) });
    assert!(explained.lines().count() < 40, "{explained}");
    assert!(explained.contains("(400 places)"), "{explained}");
}

#[test]
fn a_finding_is_a_line_with_its_place_at_any_width() {
    let judgement = mixed();
    for width in [40, 60, 80, 120, 200] {
        let shown = show(&judgement, &at(width));
        let failed = judgement.of_state(pavisade_model::State::Fails);
        let with_place = failed.filter(|finding| {
            let pavisade_model::Location::Text { source, span, .. } = &finding.location else {
                return false;
            };
            let (line, column) = source.line_column(span.start);
            let place = format!("{}:{line}:{column}", source.name());
            let rows = shown.lines().filter(|row| {
                row.starts_with(finding.severity.label())
                    && row.split_whitespace().any(|word| word == place)
            });
            rows.count() > 0
        });
        // Of twelve privileged containers, eight have a line, and one line counts the others.
        assert_eq!(with_place.count(), 10, "{width}: {shown}");
        assert!(shown.contains("… and 4 more of privileged-container"), "{shown}");
        assert!(!shown.contains("= why:"), "{shown}");
    }
    // A single finding, or `--explain`, is shown with its source and reason.
    let text = deployment("shop", "worker", "docker");
    let one = judged(&[("shop", &[("shop/worker.yaml", &text)])], Vec::new());
    for (judgement, options) in
        [(&one, at(100)), (&judgement, Options { explain: true, ..at(100) })]
    {
        let shown = show(judgement, &options);
        assert!(shown.contains("= why:") && shown.contains("| "), "{shown}");
    }
}

#[test]
fn what_could_not_be_determined_is_counted_and_told_on_request() {
    let judgement = mixed();
    let shown = show(&judgement, &at(100));
    assert!(!shown.contains("unknown["), "{shown}");
    assert!(shown.contains("4 could not be determined"), "{shown}");
    let explained = show(&judgement, &Options { explain: true, ..at(100) });
    assert!(explained.contains("unknown["), "{explained}");
    // If there is nothing else, they are shown.
    let mut unknown = mixed();
    unknown.findings.retain(|finding| finding.state == pavisade_model::State::Unknown);
    assert!(show(&unknown, &at(100)).contains("unknown["));
}

#[test]
fn the_last_line_says_what_can_be_fixed_and_how() {
    use pavisade_model::{Fix, Fixable, Location};
    let mut judgement = mixed();
    let mut left = [Fixable::Safely, Fixable::Safely, Fixable::Riskily].into_iter();
    for finding in &mut judgement.findings {
        let (Some(how), Location::Text { source, .. }) = (left.next(), &finding.location) else {
            continue;
        };
        let doc = pavisade_yaml::read(source).docs.remove(0);
        finding.fix = Some(Box::new(Fix { doc, amendments: Vec::new() }));
        let rule = pavisade_model::Rule { fixable: how, ..(*finding.rule).clone() };
        finding.rule = rule.into();
    }
    let paths = vec!["shop".to_owned(), "a b/c".to_owned()];
    let shown = show(&judgement, &Options { paths, ..at(100) });
    let last = shown.lines().last().unwrap();
    assert_eq!(last, "2 fixable: pavisade fix --diff shop 'a b/c' (1 more with --risky)");
    let shown = show(&mixed(), &at(100));
    assert!(!shown.contains("fixable"), "{shown}");
}

#[test]
fn results_end_with_one_table() {
    let mut judgement = mixed();
    let findings = std::mem::take(&mut judgement.findings);
    for severity in pavisade_model::Severity::RATED {
        for finding in findings.iter().filter(|f| f.state == pavisade_model::State::Fails) {
            judgement.findings.push(pavisade_model::Finding { severity, ..finding.clone() });
        }
    }
    let shown = show(&judgement, &at(100));
    let start = shown.find("\n\n    ").unwrap();
    insta::assert_snapshot!("overview", &shown[start..]);
}

#[test]
fn a_flood_of_checks_is_told_in_short_but_for_the_grave_ones() {
    use pavisade_model::{Finding, Severity, State};
    let mut judgement = mixed();
    let findings = std::mem::take(&mut judgement.findings);
    let one = findings.iter().find(|f| f.state == State::Fails).unwrap();
    let catalog = pavisade_checks::Catalog::builtin();
    let rules = catalog.entries().iter().map(|entry| entry.rule());
    for (severity, range) in [(Severity::High, 0..27), (Severity::Low, 27..30)] {
        for rule in rules.clone().skip(range.start).take(range.len()) {
            judgement.findings.push(Finding { severity, rule: rule.clone(), ..one.clone() });
        }
    }
    let shown = show(&judgement, &Options { explain: true, ..at(100) });
    assert_eq!(shown.matches("= why:").count(), 27, "{shown}");
    let start = shown.find("3 more checks").unwrap();
    let rows: Vec<_> = shown[start..].lines().skip(1).take_while(|row| !row.is_empty()).collect();
    assert!(
        rows.len() == 3 && rows.iter().all(|row| row.starts_with("  low       PV-")),
        "{rows:?}"
    );
    let full = show(&judgement, &Options { full: true, ..at(100) });
    assert_eq!(full.matches("= why:").count(), 30, "{full}");
}

#[test]
fn worlds_are_told_apart() {
    let text = deployment("shop", "worker", "docker");
    let worlds: [(&str, &[(&str, &str)]); 2] = [
        ("overlays/dev", &[("base/worker.yaml", &text)]),
        ("overlays/prod", &[("base/worker.yaml", &text)]),
    ];
    insta::assert_snapshot!("worlds", show(&judged(&worlds, Vec::new()), &at(100)));
}

#[test]
fn hostile_input() {
    let long = format!(
        "{{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{{\"name\":\"{}\"}},\"spec\":{{\
         \"containers\":[{{\"name\":\"x\",\"env\":[{{\"name\":\"PW\",\"value\":\"hunter2\"}}],\
         \"securityContext\":{{\"privileged\":true}}}}]}}}}",
        "long".repeat(3000)
    );
    let escapes = "apiVersion: v1\r\nkind: Pod\r\nmetadata:\r\n  name: \"a\\e[2Jb\\u202ec\\nd\"\r\nspec:\r\n  \
                   containers:\r\n    - name: \"\\e]0;owned\\a\"\r\n      securityContext: {privileged: true} # \u{202e}\u{200b}x\r\n";
    let wide = "apiVersion: v1\nkind: Pod\nmetadata: {name: 宽}\nspec:\n  containers:\n    - {name: 宽宽宽, securityContext: {privileged: true}}\n";
    let tabs = "apiVersion: v1\nkind: Pod\nmetadata: {name: tabs}\nspec:\n  containers:\n    - name: a\n      securityContext:\n        privileged:\t\ttrue\t# tab\n";
    let files: [(&str, &str); 4] = [
        ("a\u{1b}[31m.yaml", escapes),
        ("long.json", &long),
        ("tabs.yaml", tabs),
        ("wide.yaml", wide),
    ];
    let mut note = notes().remove(0);
    note.place = "dir\u{9b}2J/\u{1b}c".to_owned();
    note.message = "cannot\u{7} read\n\u{2066}it".to_owned();
    let judgement = judged(&[("w", &files)], vec![note]);
    for width in [60, 120] {
        let shown = show(&judgement, &Options { full: true, ..at(width) });
        let bad = |c: char| c != '\n' && crate::text::is_hidden(c);
        assert!(!shown.chars().any(bad), "{shown:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
        fits(&shown, width);
        insta::assert_snapshot!(format!("hostile_{width}"), shown);
    }
}

#[test]
fn secrets_are_masked_in_every_format() {
    for (text, needle) in [
        ("    - name: DB_PASSWORD\n      value: hunter2 # hunter2\n", "value: hunter2"),
        ("key: |\n  hunter2\n  more: hunter2\n", "key: |\n  hunter2"),
        ("{\"env\":[{\"name\":\"A\",\"value\":\"hunter2\"}]}\n", "\"hunter2\""),
        ("- hunter2\n", "hunter2"),
    ] {
        let judgement = secret(text, needle);
        for format in Format::ALL {
            let mut out = Vec::new();
            let options = Options { full: true, ..Options::default() };
            write(format, &judgement, &options, &mut out).unwrap();
            let shown = String::from_utf8(out).unwrap();
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }
    let judgement = secret("    - name: DB\n      value: hunter2\n", "value: hunter2");
    insta::assert_snapshot!("secret", show(&judgement, &at(80)));
}

#[test]
fn what_is_excepted_and_what_was_known() {
    let judgement = excepted();
    let configuration = "by .pavisade.yaml (2 checks off)".to_owned();
    let options = Options { configuration, ..at(100) };
    insta::assert_snapshot!("excepted_counted", show(&judgement, &options));
    let shown = show(&judgement, &Options { show_excepted: true, ..at(60) });
    fits(&shown, 60);
    insta::assert_snapshot!("excepted_shown", shown);
    let document = serde_json::to_value(crate::json::Document::new(&judgement, &options)).unwrap();
    let schema = crate::json::schema().to_value();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<_> = validator.iter_errors(&document).map(|e| e.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    assert_eq!(document["excepted"][0]["exception"]["until"], "1970-06-30");
    assert_eq!(document["excepted"][0]["check"], "PV-C001");
    assert_eq!(document["summary"]["excepted"], 2);
    let lists = ["known", "gone"].map(|list| document["baseline"][list].as_array().unwrap().len());
    assert_eq!(lists, [2, 1], "what is unknown of the whole is known too");
}

#[test]
fn problems_of_a_file() {
    let source = pavisade_yaml::Source::new("a.yaml", "disable:\n  - host-prot\u{1b}[2J # x\n");
    let note = |span, message: &str, remedy: &str| pavisade_model::Note {
        kind: pavisade_model::NoteKind::Unread,
        place: "a.yaml".into(),
        span,
        message: message.into(),
        remedy: remedy.into(),
    };
    let all = [
        note(Some((source, 13, 22)), "unknown check `host-prot`", "Did you mean `host-port`?"),
        note(None, "it cannot be parsed", ""),
    ];
    let mut out = Vec::new();
    problems(&all, &at(60), &mut out).unwrap();
    insta::assert_snapshot!(String::from_utf8(out).unwrap());
}
