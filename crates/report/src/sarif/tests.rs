//! The log, validated with the official schema if available, and with assertions.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::entries::unmarked;
use super::{artifact, log_of, plain};
use crate::fixture::{ENCRYPTION, excepted, judged, mixed, notes, secret};
use crate::{Options, guard};
use pavisade_judgement::Judgement;

fn value(judgement: &Judgement, options: &Options, limit: usize) -> Value {
    let mut out = Vec::new();
    guard::write(&log_of(judgement, options, limit), &mut out).unwrap();
    serde_json::from_slice(&out).unwrap()
}

/// Returns the schema from the crate `serde-sarif`, if cargo has it.
fn official_schema() -> Option<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sarif-schema");
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--offline", "--locked"])
        .current_dir(folder)
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let metadata: Value = serde_json::from_slice(&output.stdout).ok()?;
    let package = metadata["packages"].as_array()?.iter().find(|p| p["name"] == "serde-sarif")?;
    let schema =
        PathBuf::from(package["manifest_path"].as_str()?).with_file_name("src/schema.json");
    serde_json::from_slice(&std::fs::read(schema).ok()?).ok()
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn the_official_schema_accepts_it() {
    let Some(mut schema) = official_schema() else {
        eprintln!("skipped: run `cargo fetch --locked` in crates/report/tests/sarif-schema");
        return;
    };
    // The pattern has an unbalanced bracket, which is invalid in ECMA-262 and rejected by the
    // validator.
    for of in ["run", "toolComponent"] {
        let language = &mut schema["definitions"][of]["properties"]["language"];
        language.as_object_mut().unwrap().remove("pattern");
    }
    let validator = jsonschema::validator_for(&schema).unwrap();
    for judgement in [
        mixed(),
        judged(&[(".", &[])], Vec::new()),
        judged(&[(".", &[("/a b.yaml", ENCRYPTION)])], notes()),
        secret("a: b\n", "b"),
        excepted(),
    ] {
        for limit in [2, 25_000] {
            let log = value(&judgement, &Options::default(), limit);
            let errors: Vec<_> = validator.iter_errors(&log).map(|e| e.to_string()).collect();
            assert!(errors.is_empty(), "{errors:#?}");
        }
    }
    // The schema does reject errors.
    let mut wrong = value(&mixed(), &Options::default(), 2);
    wrong["runs"][0]["results"][0]["level"] = "bad".into();
    assert!(!validator.is_valid(&wrong));
}

#[test]
fn what_github_needs_is_there() {
    let judgement = mixed();
    let log = value(&judgement, &Options::default(), 25_000);
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), judgement.findings.len());
    for result in results {
        let index = result["ruleIndex"].as_u64().unwrap() as usize;
        assert_eq!(rules[index]["id"], result["ruleId"]);
        let place = &result["locations"][0]["physicalLocation"];
        assert!(!place["artifactLocation"]["uri"].as_str().unwrap().is_empty());
        let region = &place["region"];
        let at = |line, column| (region[line].as_u64().unwrap(), region[column].as_u64().unwrap());
        assert!(at("startLine", "startColumn") <= at("endLine", "endColumn"), "{result}");
        assert!(result["partialFingerprints"]["pavisade/v2"].as_str().unwrap().starts_with("v2:"));
        assert_eq!(result["level"] == "none", result["kind"] == "review");
    }
    assert_eq!(results[0]["level"], "error");
    assert_eq!(rules[0]["properties"]["security-severity"], "9.5");
    assert_eq!(run["invocations"][0]["executionSuccessful"], false);
}

#[test]
fn a_severity_of_the_user_is_the_rules() {
    let options = Options {
        severities: [("PV-C001".to_owned(), pavisade_model::Severity::Low)].into(),
        ..Options::default()
    };
    let log = value(&mixed(), &options, 25_000);
    let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    let rule = rules.iter().find(|rule| rule["id"] == "PV-C001").unwrap();
    assert_eq!(rule["properties"]["security-severity"], "3.0");
    assert_eq!(rule["defaultConfiguration"]["level"], "note");
}

#[test]
fn what_is_cut_is_said() {
    let judgement = mixed();
    let log = value(&judgement, &Options::default(), 2);
    let run = &log["runs"][0];
    assert_eq!(run["results"].as_array().unwrap().len(), 2);
    let notifications = run["invocations"][0]["toolExecutionNotifications"].as_array().unwrap();
    let text = notifications.last().unwrap()["message"]["text"].as_str().unwrap();
    let cut = judgement.findings.len() - 2;
    assert!(text.starts_with(&format!("{cut} results are omitted")), "{text}");
}

#[test]
fn names_of_files_become_uris() {
    let root = Options { root: Some("/home/me/shop/".into()), ..Options::default() };
    for (name, uri, relative) in [
        ("a/b.yaml", "a/b.yaml", true),
        ("./a/b.yaml", "a/b.yaml", true),
        ("a b/ü:c%.yaml", "a%20b/%C3%BC%3Ac%25.yaml", true),
        ("charts.tgz!web/x.yaml", "charts.tgz%21web/x.yaml", true),
        ("/home/me/shop/a.yaml", "a.yaml", true),
        ("/home/me/shop2/a.yaml", "file:///home/me/shop2/a.yaml", false),
        ("<stdin>", "%3Cstdin%3E", true),
    ] {
        let found = artifact(name, &root);
        assert_eq!((&*found.uri, found.uri_base_id.is_some()), (uri, relative), "{name}");
    }
    assert_eq!(unmarked("web/templates/x.yaml (rendered)"), "web/templates/x.yaml");
    assert_eq!(unmarked("overlays/prod (kustomize)"), "overlays/prod");
    assert_eq!(unmarked("a.yaml"), "a.yaml");
    assert_eq!(plain("[a](http://b) [c]"), "[a] (http://b) [c]");
}

#[test]
fn one_result_in_full() {
    let judgement = judged(&[("shop", &[("etc d/encryption.yaml", ENCRYPTION)])], Vec::new());
    let log = value(&judgement, &Options::default(), 25_000);
    insta::assert_snapshot!(
        "result",
        serde_json::to_string_pretty(&log["runs"][0]["results"][0]).unwrap()
    );
    insta::assert_snapshot!(
        "rule",
        serde_json::to_string_pretty(&log["runs"][0]["tool"]["driver"]["rules"][0]).unwrap()
    );
}

#[test]
fn exceptions_are_suppressions_and_a_baseline_gives_every_result_a_state() {
    let log = value(&excepted(), &Options::default(), 25_000);
    let results = log["runs"][0]["results"].as_array().unwrap();
    let of = |result: &Value| {
        let place = &result["locations"][0];
        let suppressions = result["suppressions"].as_array().unwrap();
        let kinds: Vec<_> = suppressions.iter().map(|s| s["kind"].as_str().unwrap()).collect();
        let file = &place["physicalLocation"]["artifactLocation"]["uri"];
        let state = result["baselineState"].as_str().unwrap();
        format!("{} {state} {}", file.as_str().unwrap(), kinds.join(","))
    };
    let mut privileged: Vec<_> =
        results.iter().filter(|r| r["ruleId"] == "PV-C001").map(of).collect();
    privileged.sort();
    let expect = [
        "builder.yaml new inSource",
        "gone.yaml absent ",
        "moved.yaml unchanged ",
        "new.yaml new ",
        "probe.yaml new inSource",
    ];
    assert_eq!(privileged, expect);
    let suppressed = results.iter().filter(|r| !r["suppressions"].as_array().unwrap().is_empty());
    insta::assert_snapshot!(
        "suppressions",
        suppressed
            .map(|r| serde_json::to_string_pretty(&r["suppressions"][0]).unwrap())
            .collect::<Vec<_>>()
            .join("\n")
    );
    // Without either, the properties are absent.
    let plain = value(&mixed(), &Options::default(), 25_000);
    let first = &plain["runs"][0]["results"][0];
    assert!(first["suppressions"].is_null() && first["baselineState"].is_null());
}

#[test]
fn our_own_results_are_baselines() {
    use crate::{Format, baseline, write};
    for judgement in [mixed(), excepted()] {
        for format in [Format::JsonV1, Format::Json, Format::Sarif] {
            let mut out = Vec::new();
            write(format, &judgement, &Options::default(), &mut out).unwrap();
            let read = baseline("x", std::str::from_utf8(&out).unwrap()).unwrap();
            let known = judgement.baseline.iter().flat_map(|compared| &compared.known);
            let expect: Vec<_> = judgement
                .findings
                .iter()
                .chain(known)
                .map(|f| {
                    (
                        f.fingerprint().to_string(),
                        f.state,
                        f.severity,
                        f.world().to_owned(),
                        f.subject.label(),
                    )
                })
                .collect();
            let found: Vec<_> = read
                .entries
                .into_iter()
                .map(|k| (k.fingerprint, k.state, k.severity, k.world, k.subject))
                .collect();
            assert_eq!(found, expect, "{format:?}");
        }
    }
    for (text, expect) in [
        ("", "not valid JSON"),
        ("[]", "neither a result of"),
        (r#"{"schema": "pavisade.dev/scan/v9"}"#, "neither a result of"),
        (r#"{"schema": "pavisade.dev/scan/v1"}"#, "no `findings`"),
        (r#"{"schema": "pavisade.dev/scan/v1", "findings": [{}]}"#, "finding 1 is incomplete"),
        (r#"{"runs": [{"tool": {"driver": {"name": "other"}}}]}"#, "not from Pavisade"),
    ] {
        let error = baseline("x", text).unwrap_err();
        assert!(error.contains(expect), "{text}: {error}");
    }
}
