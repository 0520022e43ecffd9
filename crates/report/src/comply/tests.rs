//! Exact output, and the schema.

use std::sync::LazyLock;

use pavisade_checks::Catalog;
use pavisade_compliance::{Assessment, assess};
use pavisade_compliance::{Framework, builtin};
use pavisade_judgement::Judgement;

use crate::fixture::{CLASSES, deployment, judged, mixed, notes};
use crate::{ComplyFormat, Layout, Options, comply, framework_explain, frameworks_list};

const OWN: &str = r#"
id = "own-1"
title = "House rules"
url = "https://rules.example"
extent = "the technical half"

[[controls]]
id = "R1"
title = "No container takes over its node, whatever it is for and whoever asked for it"
level = "must"
checks = ["PV-C001", "PV-D001"]
gap = "nodes"

[[controls]]
id = "R2"
title = "Volumes are encrypted"
checks = ["PV-D004"]

[[controls]]
id = "R3"
title = "Images are signed"
checks = ["PV-S003", "PV-O001"]

[[controls]]
id = "R3.1"
title = "Secrets are encrypted"
stricter = ["PV-D001"]

[[controls]]
id = "R4"
title = "People are trained"
by_hand = "training"

[[controls]]
id = "R5"
title = "Traffic is tried"
elsewhere = "a prober that is to come"
"#;

/// A second framework in which all controls hold, partly.
const CALM: &str = r#"
id = "calm"
title = "Calm | *rules*"

[[controls]]
id = "pod-security/no-power-over-the-node"
title = "Nothing is privileged"
checks = ["PV-C001"]

[[controls]]
id = "C2"
title = "=SUM(A1:A9), of course"
checks = ["PV-C001"]
gap = "what is _not_ in files; <b>"

[[controls]]
id = "C3"
title = "Volumes"
checks = ["PV-D004"]
"#;

static CATALOG: LazyLock<Catalog> = LazyLock::new(Catalog::builtin);

fn show(judgement: &Judgement, files: &[&str], format: ComplyFormat, options: &Options) -> String {
    let frameworks: Vec<_> = files.iter().map(|text| Framework::read(text, &[]).unwrap()).collect();
    let assessments: Vec<Assessment<'_>> =
        frameworks.iter().map(|f| assess(f, judgement, CATALOG.rules())).collect();
    let mut out = Vec::new();
    comply(format, judgement, &assessments, options, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn at(width: usize) -> Options {
    Options { width, ..Options::default() }
}

fn calm() -> Judgement {
    let text = deployment("shop", "worker", "docker").replace("true", "false");
    judged(&[("shop", &[("shop/worker.yaml", &text)])], Vec::new())
}

#[test]
fn for_people() {
    let judgement = mixed();
    for width in [50, 100] {
        let shown = show(&judgement, &[OWN], ComplyFormat::Terminal, &at(width));
        for line in shown.lines() {
            assert!(crate::text::width(line) <= width, "{line}");
        }
        insta::assert_snapshot!(format!("own_{width}"), shown);
    }
    let full = Options { full: true, ..at(100) };
    insta::assert_snapshot!("own_full", show(&judgement, &[OWN], ComplyFormat::Terminal, &full));
    insta::assert_snapshot!("calm", show(&calm(), &[CALM], ComplyFormat::Terminal, &at(80)));
    let both = show(&calm(), &[CALM, OWN], ComplyFormat::Terminal, &at(80));
    insta::assert_snapshot!("both", both.split_once("fail  unknown").unwrap().1);
    let color = Options { color: true, ..at(100) };
    let colored = show(&judgement, &[OWN], ComplyFormat::Terminal, &color);
    let plain = show(&judgement, &[OWN], ComplyFormat::Terminal, &at(100));
    assert!(colored.contains("\x1b[") && !plain.contains('\x1b'));
    assert_eq!(anstream_free(&colored), plain);
}

/// Returns the text without its colors.
fn anstream_free(text: &str) -> String {
    let mut parts = text.split('\x1b');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |out, part| out + part.split_once('m').map_or("", |(_, rest)| rest))
}

#[test]
fn for_spreadsheets_and_documents() {
    let judgement = mixed();
    insta::assert_snapshot!("csv", show(&judgement, &[OWN, CALM], ComplyFormat::Csv, &at(100)));
    insta::assert_snapshot!(
        "markdown",
        show(&judgement, &[OWN, CALM], ComplyFormat::Markdown, &at(100))
    );
}

#[test]
fn for_programs() {
    let schema = super::json::schema().to_value();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for judgement in [mixed(), calm(), judged(&[], notes())] {
        let text = show(&judgement, &[OWN, CALM], ComplyFormat::Json, &at(100));
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        let errors: Vec<_> = validator.iter_errors(&document).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
    let text = show(&mixed(), &[OWN], ComplyFormat::Json, &at(100));
    let mut document: serde_json::Value = serde_json::from_str(&text).unwrap();
    insta::assert_snapshot!(
        "json_framework",
        serde_json::to_string_pretty(&document["frameworks"][0]).unwrap()
    );
    document["frameworks"][0]["controls"][0]["state"] = "well".into();
    assert!(!validator.is_valid(&document));
}

#[test]
fn no_input_drives_the_terminal() {
    let hostile = "id = \"a\\u001b[2Jb\"\ntitle = \"t\\u202e\"\nextent = \"\\u001b[31m\"\n[[controls]]\nid = \
                   \"1\\u001b]0;x\\u0007\"\ntitle = \"\\u009b31m\"\nby_hand = \"\\u001b[5m\"\n";
    for format in
        [ComplyFormat::Terminal, ComplyFormat::Json, ComplyFormat::Csv, ComplyFormat::Markdown]
    {
        for full in [false, true] {
            let options = Options { full, ..at(80) };
            let text = show(&calm(), &[hostile], format, &options);
            let bad =
                text.chars().find(|c| crate::text::is_hidden(*c) && !matches!(c, '\n' | '\r'));
            assert_eq!(bad, None, "{format:?}");
        }
    }
}

#[test]
fn lists() {
    let own = Framework::read(OWN, &[]).unwrap();
    let names = [("PV-C001", "privileged-container"), ("PV-D001", "plaintext-etcd")].into();
    let mut out = Vec::new();
    framework_explain(&own, &names, &at(80), &mut out).unwrap();
    insta::assert_snapshot!("explain", String::from_utf8(out).unwrap());

    let mut out = Vec::new();
    frameworks_list(&[own], Layout::Terminal, &at(100), &mut out).unwrap();
    insta::assert_snapshot!("list", String::from_utf8(out).unwrap());

    let mut out = Vec::new();
    frameworks_list(builtin(), Layout::Json, &at(100), &mut out).unwrap();
    let cards: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(cards.as_array().unwrap().len(), builtin().len());
    let card = &cards[0];
    let count = |name: &str| card[name].as_u64().unwrap();
    let parts = ["by_checks", "partly", "elsewhere", "by_hand"].map(count);
    assert_eq!(parts.iter().sum::<u64>(), count("controls"));
}

#[test]
fn what_was_not_read_is_told() {
    let text = deployment("shop", "worker", "docker").replace("true", "false");
    let judgement =
        judged(&[("shop", &[("shop/worker.yaml", &text), ("sc.yaml", CLASSES)])], notes());
    insta::assert_snapshot!("unread", show(&judgement, &[CALM], ComplyFormat::Terminal, &at(80)));
}
