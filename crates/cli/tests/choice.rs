//! What a user chooses: checks, namespaces, files, and how much is told.

use std::fs;
use std::process::Stdio;

use serde_json::Value;

use crate::started::{command, finish, folder, run};

fn deployment(name: &str, namespace: &str, security: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec:\n  \
         selector: {{matchLabels: {{app: {name}}}}}\n  template:\n    metadata: {{labels: {{app: {name}}}}}\n    \
         spec:\n      containers:\n      - name: c\n        image: a.io/{name}:1\n{security}"
    )
}

const PRIVILEGED: &str = "        securityContext:\n          privileged: true\n";

fn json(folder: &std::path::Path, args: &[&str]) -> Value {
    let all = [&["scan", "-q", "-f", "json"], args].concat();
    let run = run(folder, &all);
    serde_json::from_str(&run.out).unwrap_or_else(|_| panic!("{args:?}: {} {}", run.out, run.err))
}

fn names(document: &Value) -> Vec<String> {
    let findings = document["findings"].as_array().unwrap().iter();
    findings.map(|finding| finding["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn checks_are_chosen_by_area_severity_and_pattern() {
    let folder = folder(&[("a.yaml", &deployment("a", "shop", PRIVILEGED))]);
    let found = |args: &[&str]| names(&json(folder.path(), args));
    assert!(found(&["--check", "network"]).iter().all(|name| name == "unrestricted-ingress"));
    assert_eq!(found(&["--check", "severity:critical"]), ["privileged-container"]);
    assert_eq!(found(&["--check", "privileged-*"]), ["privileged-container"]);
    assert!(!found(&["--skip", "container"]).contains(&"privileged-container".to_owned()));
    assert!(
        !found(&["--skip", "unhardened-container"]).contains(&"unhardened-container".to_owned())
    );
    for (args, says) in [
        (["--check", "privleged-*"], "no check matches `privleged-*`"),
        (["--check", "privileged-contaner"], "did you mean `privileged-container`"),
        (["--skip", "networks"], "unknown check `networks`"),
    ] {
        let wrong = run(folder.path(), &[&["scan"], &args[..]].concat());
        assert!(wrong.code == 2 && wrong.err.contains(says), "{args:?}: {}", wrong.err);
    }
}

#[test]
fn findings_are_chosen_by_namespace_and_nothing_else_counts() {
    let folder = folder(&[
        ("a.yaml", &deployment("a", "team-a", PRIVILEGED)),
        ("b.yaml", &deployment("b", "other", "")),
    ]);
    let subjects = |args: &[&str]| {
        let document = json(folder.path(), args);
        let findings = document["findings"].as_array().unwrap().clone();
        let names = findings.iter().map(|finding| finding["subject"]["name"].to_string());
        names.collect::<std::collections::BTreeSet<_>>().into_iter().collect::<Vec<_>>()
    };
    assert!(subjects(&[]).len() > 1);
    assert_eq!(subjects(&["--namespace", "team-*"]), ["\"a\""]);
    assert_eq!(subjects(&["--namespace", "other"]), ["\"b\""]);
    assert_eq!(subjects(&["-n", "other,team-a"]).len(), 2);
    // What is left out does not fail the run.
    let high = ["scan", "--namespace", "other", "--fail-on", "high"];
    assert_eq!(run(folder.path(), &high).code, 0);
    let none = run(folder.path(), &["scan", "--namespace", "teem-a"]);
    assert!(
        none.code == 2 && none.err.contains("no object is in a namespace like"),
        "{}",
        none.err
    );
}

#[test]
fn files_are_left_out_by_pattern() {
    let folder = folder(&[("a.yaml", &deployment("a", "shop", PRIVILEGED))]);
    fs::create_dir(folder.path().join("tests")).unwrap();
    fs::write(folder.path().join("tests/b.yaml"), deployment("b", "shop", PRIVILEGED)).unwrap();
    let files = |args: &[&str]| {
        let document = json(folder.path(), &[&["--check", "privileged-container"], args].concat());
        let findings = document["findings"].as_array().unwrap().clone();
        findings.iter().map(|f| f["location"]["file"].to_string()).collect::<Vec<_>>()
    };
    assert_eq!(files(&[]).len(), 2);
    assert_eq!(files(&["--exclude", "tests/**"]), ["\"a.yaml\""]);
    assert_eq!(files(&["--exclude", "tests"]), ["\"a.yaml\""]);
    assert_eq!(files(&["--exclude", "a.yaml"]), ["\"tests/b.yaml\""]);
    // What is named wins, and a pattern that means nothing is told.
    assert_eq!(files(&["tests", "--exclude", "tests"]), ["\"tests/b.yaml\""]);
    let wrong = run(folder.path(), &["scan", "--exclude", "["]);
    assert!(wrong.code == 2 || wrong.code == 1, "{}", wrong.err);
}

#[test]
fn the_short_form_is_short_and_the_reasons_are_there_on_request() {
    let folder = folder(&[("a.yaml", &deployment("a", "shop", PRIVILEGED))]);
    let brief = run(folder.path(), &["scan", "--width", "80"]);
    assert!(brief.out.lines().count() < 16, "{}", brief.out);
    assert!(!brief.out.contains("= why:") && brief.out.contains("a.yaml:13:11"), "{}", brief.out);
    let explained = run(folder.path(), &["scan", "--explain"]);
    assert!(explained.out.matches("= why:").count() > 2, "{}", explained.out);
    let one = run(folder.path(), &["scan", "--explain=privileged-container"]);
    assert_eq!(one.out.matches("= why:").count(), 1, "{}", one.out);
    assert!(one.out.contains("PV-C001") && !one.out.contains("PV-N001"), "{}", one.out);
    let wrong = run(folder.path(), &["scan", "--explain=privilged-container"]);
    assert!(wrong.code == 2 && wrong.err.contains("did you mean"), "{}", wrong.err);
    let advisory = run(folder.path(), &["scan", "--explain=CVE-2026-1"]);
    assert!(advisory.code == 2 && advisory.err.contains("--image"), "{}", advisory.err);
}

#[test]
fn what_is_joined_is_joined_in_all_formats_and_can_be_told_each() {
    let folder = folder(&[("a.yaml", &deployment("a", "shop", ""))]);
    let joined = json(folder.path(), &[]);
    let group = joined["findings"].as_array().unwrap().iter();
    let group: Vec<_> = group.filter(|f| f["name"] == "unhardened-container").collect();
    assert_eq!(group.len(), 1);
    let members = group[0]["members"].as_array().unwrap();
    assert_eq!(members.len(), 6, "{members:?}");
    let each = json(folder.path(), &["--each"]);
    assert!(!names(&each).contains(&"unhardened-container".to_owned()));
    for member in members {
        assert!(names(&each).contains(&member["name"].as_str().unwrap().to_owned()));
    }
    // The first form has no place for members.
    let first = run(folder.path(), &["scan", "-q", "-f", "json-v1"]).out;
    let first: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(names(&first).len(), names(&each).len());
    let low = first["summary"]["fails"]["low"].as_u64().unwrap();
    assert_eq!(low, each["summary"]["fails"]["low"].as_u64().unwrap());
}

#[test]
fn a_baseline_of_either_kind_knows_all() {
    let folder = folder(&[("a.yaml", &deployment("a", "shop", PRIVILEGED))]);
    for (format, more) in [
        ("json", &[][..]),
        ("json", &["--each"]),
        ("json-v1", &[]),
        ("sarif", &[]),
        ("sarif", &["--each"]),
    ] {
        let write = [&["scan", "-f", format, "-o", "old.result"], more].concat();
        assert_eq!(run(folder.path(), &write).code, 1);
        for more in [&[][..], &["--each"]] {
            let again = [&["scan", "--baseline", "old.result"], more].concat();
            let again = run(folder.path(), &again);
            assert_eq!(again.code, 0, "{format}: {}", again.out);
            assert!(again.out.contains("no new findings"), "{format}: {}", again.out);
            assert!(again.out.contains(", 0 of "), "{format}: {}", again.out);
        }
    }
}

#[test]
fn the_last_line_agrees_with_fix() {
    let folder = folder(&[
        ("a.yaml", &deployment("a", "shop", "")),
        ("b.yaml", &deployment("b", "shop", PRIVILEGED)),
    ]);
    let scan = run(folder.path(), &["scan", "a.yaml", "b.yaml"]);
    let last = scan.out.trim_end().lines().last().unwrap();
    let (able, command) = last.split_once(" fixable: ").unwrap_or_else(|| panic!("{last}"));
    let command = command.split(" (").next().unwrap();
    let words: Vec<_> = command.split(' ').skip(1).chain(["--json"]).collect();
    let fixes: Value = serde_json::from_str(&run(folder.path(), &words).out).unwrap();
    let files = fixes["files"].as_array().unwrap().iter();
    let fixed: usize = files.map(|file| file["fixed"].as_array().unwrap().len()).sum();
    assert_eq!(fixed.to_string(), able, "{last}: {fixes}");
}

#[test]
fn options_that_mean_nothing_here_and_unknown_ones_are_told() {
    let folder = folder(&[("a.yaml", &deployment("a", "shop", ""))]);
    for (args, says) in [
        (&["scan", "--min-severty", "high"][..], "--min-severity"),
        (&["scan", "--namspace", "a"], "--namespace"),
        (&["scna"], "scan"),
        (&["scan", "--fail-on-drift"], "--fail-on-drift compares a cluster with files"),
        (&["scan", "--context", "a"], "--context requires a live cluster"),
        (&["scan", "--source-url", "x"], "the URL must start with https://"),
    ] {
        let wrong = run(folder.path(), args);
        assert!(wrong.code == 2 && wrong.err.contains(says), "{args:?}: {}", wrong.err);
    }
}

#[test]
fn the_name_of_a_group_is_explained_with_its_parts() {
    let folder = folder(&[]);
    for word in ["unhardened-container", "PV-C063"] {
        let shown = run(folder.path(), &["checks", "explain", word]);
        assert_eq!(shown.code, 0, "{}", shown.err);
        for part in ["PV-C063", "privilege-escalation", "PV-C021", "writable-root-filesystem"] {
            assert!(shown.out.contains(part), "{part}: {}", shown.out);
        }
    }
}

#[test]
fn shells_complete_names_of_checks_and_frameworks() {
    let folder = folder(&[]);
    for shell in ["bash", "zsh", "fish"] {
        let script = run(folder.path(), &["completions", shell]).out;
        for word in ["host-path-volume", "unhardened-container", "supply-chain", "cis-1.12"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    let help = run(folder.path(), &["scan", "--help"]).out;
    assert!(help.contains("Examples:") && help.contains("Exit codes:"), "{help}");
    assert!(!help.contains("possible values: PV-"), "{help}");
}

#[test]
fn the_page_links_to_files_on_disk_and_to_the_web() {
    let folder = folder(&[("a.yaml", &deployment("a", "shop", PRIVILEGED))]);
    fs::create_dir(folder.path().join("out")).unwrap();
    let page = |args: &[&str]| {
        let all = [&["scan", "-q", "a.yaml", "-f", "html"], args].concat();
        run(folder.path(), &all);
        fs::read_to_string(folder.path().join(args[1])).unwrap()
    };
    assert!(page(&["-o", "page.html"]).contains("\"./a.yaml\""));
    assert!(page(&["-o", "out/page.html"]).contains("\"./../a.yaml\""));
    let url = "https://example.com/blob/main/{file}#L{line}";
    let web = page(&["-o", "page.html", "--source-url", url]);
    assert!(web.contains("\"https://example.com/blob/main/a.yaml#L13\""), "no link");
    // What frameworks say is there without being asked for.
    assert!(web.contains("\"id\":\"cis-1.12\"") && web.contains("id=\"compliance\""));
}

/// GitHub, GitLab and SARIF point at files: a folder cannot be annotated.
#[test]
fn findings_in_what_was_rendered_name_a_file_that_exists() {
    let folder = folder(&[
        ("kustomization.yaml", "resources: [a.yaml]\nnamePrefix: x-\n"),
        ("a.yaml", &deployment("a", "shop", PRIVILEGED)),
    ]);
    // With the kustomize or kubectl of this machine, if it has one.
    let scan = |format: &str| {
        let mut command = command(folder.path(), &["scan", "-q", "-f", format]);
        let path = std::env::var_os("PATH").unwrap_or_default();
        finish(command.env("PATH", path).stdin(Stdio::null()).output().unwrap()).out
    };
    let sarif: Value = serde_json::from_str(&scan("sarif")).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    assert!(!results.is_empty());
    for result in results {
        let place = &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
        let file = folder.path().join(place.as_str().unwrap());
        assert!(file.is_file(), "{place}");
    }
    let gitlab: Value = serde_json::from_str(&scan("gitlab")).unwrap();
    for issue in gitlab.as_array().unwrap() {
        let file = folder.path().join(issue["location"]["path"].as_str().unwrap());
        assert!(file.is_file(), "{issue}");
    }
}
