//! `pavisade image` with a database: the table, what statements say, formats, exit codes.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::started::{Run, command, finish, run};

pub(crate) fn record(id: &str, package: &str, introduced: &str, fixed: &str) -> String {
    let mut events = vec![json!({"introduced": introduced})];
    if !fixed.is_empty() {
        events.push(json!({"fixed": fixed}));
    }
    json!({
        "id": format!("GHSA-{id}"), "modified": "2026-01-01T00:00:00Z",
        "aliases": [format!("CVE-2026-{id}")], "summary": "It runs what it is sent",
        "affected": [{"package": {"ecosystem": "npm", "name": package},
            "ranges": [{"type": "SEMVER", "events": events}]}],
        "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
    })
    .to_string()
}

pub(crate) fn sbom(packages: &[(&str, &str)]) -> String {
    let component = |(name, version): &(&str, &str)| {
        json!({"type": "library", "name": name, "version": version,
            "purl": format!("pkg:npm/{name}@{version}")})
    };
    let components: Vec<_> = packages.iter().map(component).collect();
    json!({"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "metadata": {"component": {"type": "container", "name": "registry.example/web:1"}},
        "components": components})
    .to_string()
}

pub(crate) fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let mut withdrawn: Value = serde_json::from_str(&record("8", "lodash", "0", "")).unwrap();
    withdrawn["withdrawn"] = "2026-02-01T00:00:00Z".into();
    let records = [
        record("1", "lodash", "0", "4.17.21"),
        record("2", "lodash", "0", "4.17.11"),
        record("3", "left-pad", "0", ""),
        record("4", "express", "5.0.0", ""),
        record("5", "elsewhere", "0", ""),
        withdrawn.to_string(),
    ];
    fs::write(at("npm.jsonl"), records.join("\n")).unwrap();
    let packages = [("lodash", "4.17.9"), ("left-pad", "1.0.0"), ("express", "4.0.0")];
    fs::write(at("web.json"), sbom(&packages)).unwrap();
    fs::write(at("newer.json"), sbom(&[("lodash", "4.17.20"), ("express", "5.0.0")])).unwrap();
    fs::write(at("clean.json"), sbom(&[("express", "4.0.0")])).unwrap();
    let built = run(folder.path(), &["db", "build", "npm.jsonl", "-o", "v.db", "-q"]);
    assert_eq!(built.code, 0, "{}", built.err);
    folder
}

pub(crate) fn image(folder: &Path, arguments: &[&str]) -> Run {
    run(folder, &[&["image", "--db", "v.db"], arguments].concat())
}

/// The lines of a table that name an advisory.
fn lines(run: &Run) -> Vec<String> {
    let columns = |line: &str| line.split_whitespace().take(6).collect::<Vec<_>>().join(" ");
    let priorities = ["now ", "soon ", "later ", "unknown "];
    let is_row = |line: &&str| priorities.iter().any(|word| line.starts_with(word));
    run.out.lines().filter(is_row).map(columns).collect()
}

#[test]
fn a_line_for_each_advisory_and_package() {
    let folder = folder();
    let done = image(folder.path(), &["web.json"]);
    assert_eq!(done.code, 1, "{}{}", done.out, done.err);
    let wanted = [
        "soon critical CVE-2026-1 lodash 4.17.9 4.17.21",
        // By text, 4.17.11 would be before 4.17.9.
        "soon critical CVE-2026-2 lodash 4.17.9 4.17.11",
        "later critical CVE-2026-3 left-pad 1.0.0 (no",
    ];
    assert_eq!(lines(&done), wanted, "{}", done.out);
    assert!(done.out.contains("upgrade first (1 upgrade fixes 2 lines)"), "{}", done.out);
    assert!(done.out.contains("npm lodash 4.17.9 → 4.17.21: fixes 2"), "{}", done.out);
    assert!(done.out.contains("5 advisories of 1 feed"), "{}", done.out);
    let clean = image(folder.path(), &["clean.json"]);
    assert_eq!(clean.code, 0);
    assert!(clean.out.ends_with("no known vulnerability in 1 package\n"), "{}", clean.out);
}

#[test]
fn exit_codes_follow_what_is_asked() {
    let folder = folder();
    for (arguments, code) in [
        (&["web.json"][..], 1),
        (&["web.json", "--fail-on", "never"], 0),
        (&["web.json", "--only-fixed"], 1),
        (&["web.json", "-f", "tree"], 2),
        (&["web.json", "--by", "layer"], 1),
        (&["nothing.json"], 3),
    ] {
        let done = image(folder.path(), arguments);
        assert_eq!(done.code, code, "{arguments:?} {}{}", done.out, done.err);
    }
    let only = image(folder.path(), &["web.json", "--only-fixed"]);
    assert_eq!(lines(&only).len(), 2, "{}", only.out);
    assert!(only.out.contains("1 without a fix not shown"), "{}", only.out);
    let document = image(folder.path(), &["web.json", "--only-fixed", "-f", "json-v2"]);
    let told = "left out: 1 vulnerability without a fix";
    assert!(document.out.contains(told), "{}", document.out);
    // A record that lists versions does not say whether a later one has a fix.
    let mut listed: Value = serde_json::from_str(&record("6", "left-pad", "0", "")).unwrap();
    listed["affected"][0] = json!({"package": {"ecosystem": "npm", "name": "left-pad"},
        "versions": ["1.0.0"]});
    fs::write(folder.path().join("listed.json"), listed.to_string()).unwrap();
    let built = run(folder.path(), &["db", "build", "listed.json", "-o", "l.db", "-q"]);
    assert_eq!(built.code, 0, "{}", built.err);
    let with = ["image", "web.json", "--db", "l.db", "--only-fixed"];
    let only = run(folder.path(), &with);
    assert_eq!(only.code, 0, "{}{}", only.out, only.err);
    let told = "1 not shown, as it is not known whether there is a fix";
    assert!(only.out.contains(told), "{}", only.out);
    let document = run(folder.path(), &[&with[..], &["-f", "json-v2"]].concat());
    let told = "left out: 1 vulnerability of which it is not known whether there is a fix";
    assert!(document.out.contains(told), "{}", document.out);
    // What the database does not know is not clean.
    fs::write(folder.path().join("go.json"), sbom(&[("x", "1")]).replace("pkg:npm", "pkg:golang"))
        .unwrap();
    let unknown = image(folder.path(), &["go.json"]);
    assert_eq!(unknown.code, 3);
    assert!(unknown.out.contains("no advisories for `Go`"), "{}", unknown.out);
}

#[test]
fn without_a_database_it_says_how_to_get_one() {
    let folder = folder();
    let done = run(folder.path(), &["image", "web.json"]);
    assert_eq!(done.code, 0);
    assert!(done.out.ends_with("3 packages: 3 npm\n"), "{}", done.out);
    assert!(done.err.contains("pavisade db build"), "{}", done.err);
    for arguments in [&["--suggest"][..], &["-f", "sarif"], &["-f", "openvex"]] {
        let done = run(folder.path(), &[&["image", "web.json"], arguments].concat());
        assert_eq!(done.code, 2, "{arguments:?}");
        assert!(done.err.contains("pavisade db build"), "{}", done.err);
    }
}

#[test]
fn a_database_has_its_usual_place() {
    let folder = folder();
    let data = folder.path().join("data");
    let with = |name: &str, value: &Path, arguments: &[&str]| {
        let mut command = command(folder.path(), arguments);
        finish(command.env(name, value).stdin(Stdio::null()).output().unwrap())
    };
    let built = with("XDG_DATA_HOME", &data, &["db", "build", "npm.jsonl"]);
    let place = data.join("pavisade/vulnerabilities.db");
    assert_eq!(built.code, 0, "{}", built.err);
    assert!(built.err.contains(&place.display().to_string()), "{}", built.err);
    let status = with("XDG_DATA_HOME", &data, &["db", "status"]);
    assert!(status.out.starts_with("5 advisories"), "{}", status.out);
    assert_eq!(with("XDG_DATA_HOME", &data, &["image", "web.json"]).code, 1);
    let listed = with("XDG_DATA_HOME", &data, &["image", "web.json", "--packages"]);
    assert_eq!((listed.code, &*listed.err), (0, ""));
    assert_eq!(with("PAVISADE_DB", &place, &["image", "web.json"]).code, 1);
    // One that is named and is not there is a mistake.
    assert_eq!(with("PAVISADE_DB", Path::new("no.db"), &["image", "web.json"]).code, 2);
    // Nobody has a home.
    assert_eq!(run(folder.path(), &["db", "build", "npm.jsonl"]).code, 2);
    assert_eq!(run(folder.path(), &["db", "status"]).code, 2);
}

pub(crate) fn openvex(statements: Value) -> String {
    json!({"@context": "https://openvex.dev/ns/v0.2.0", "@id": "urn:x", "author": "A",
        "timestamp": "2026-01-01T00:00:00Z", "version": 1, "statements": statements})
    .to_string()
}

#[test]
fn statements_dismiss_what_they_are_about_and_nothing_else() {
    let folder = folder();
    let statement = |id: &str, product: &str, status: &str| {
        json!({"vulnerability": {"name": id}, "products": [{"@id": product}], "status": status,
            "impact_statement": "never called", "action_statement": "wait"})
    };
    let text = openvex(json!([
        statement("CVE-2026-1", "pkg:npm/lodash", "not_affected"),
        statement("CVE-2026-2", "pkg:npm/lodash@4.17.8", "not_affected"),
        statement("GHSA-3", "registry.example/web:1", "affected"),
        statement("CVE-2026-5", "pkg:npm/elsewhere", "not_affected"),
    ]));
    fs::write(folder.path().join("a.vex.json"), text).unwrap();
    let done = image(folder.path(), &["web.json", "--vex", "a.vex.json", "--show-excepted"]);
    assert_eq!(done.code, 1, "{}{}", done.out, done.err);
    let rows = lines(&done);
    assert_eq!(rows.len(), 2, "{}", done.out);
    assert!(rows[0].contains("CVE-2026-2") && rows[1].contains("CVE-2026-3"), "{rows:?}");
    // For what is dismissed nothing has to be upgraded.
    assert!(done.out.contains("lodash 4.17.9 → 4.17.11: fixes 1"), "{}", done.out);
    for told in [
        "VEX affected",
        "1 not affected or fixed by VEX statements",
        "a.vex.json: statement 1: not_affected by A: never called",
        "the statement about CVE-2026-2 has no effect",
    ] {
        assert!(done.out.contains(told), "{told}: {}", done.out);
    }
    // The same for a scan.
    let arguments =
        "scan --image web.json --db v.db --vex a.vex.json -f json --check PV-S013".split(' ');
    let arguments = arguments.collect::<Vec<_>>();
    let scan: Value = serde_json::from_str(&run(folder.path(), &arguments).out).unwrap();
    assert_eq!(scan["findings"].as_array().unwrap().len(), 2);
    let dismissed = &scan["dismissed"][0]["vulnerability"];
    assert_eq!(
        (&dismissed["id"], &dismissed["statement"]["status"]),
        (&json!("CVE-2026-1"), &json!("not_affected"))
    );
    assert_eq!(scan["summary"]["dismissed"], 1);
    let sarif = image(folder.path(), &["web.json", "--vex", "a.vex.json", "-f", "sarif"]);
    let sarif: Value = serde_json::from_str(&sarif.out).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let suppressed = |result: &&Value| !result["suppressions"].as_array().unwrap().is_empty();
    assert_eq!((results.len(), results.iter().filter(suppressed).count()), (3, 1));
    // No VEX document.
    let wrong = image(folder.path(), &["web.json", "--vex", "web.json"]);
    assert_eq!(wrong.code, 2);
    assert!(
        wrong.err.contains("--vex web.json: it is not a supported VEX document"),
        "{}",
        wrong.err
    );
}

#[test]
fn every_format_tells_the_same_vulnerabilities() {
    let folder = folder();
    for format in
        ["json-v2", "sarif", "html", "markdown", "csv", "junit", "gitlab", "cyclonedx", "openvex"]
    {
        let done = image(folder.path(), &["web.json", "-f", format]);
        assert_eq!(done.code, 1, "{format} {}", done.err);
        for id in ["CVE-2026-1", "CVE-2026-2", "CVE-2026-3"] {
            assert!(done.out.contains(id), "{format} lacks {id}");
        }
        assert!(!done.out.contains("CVE-2026-4"), "{format}");
    }
    // A document with vulnerabilities is an SBOM, too.
    let cyclonedx = image(folder.path(), &["web.json", "-f", "cyclonedx"]);
    fs::write(folder.path().join("again.json"), cyclonedx.out).unwrap();
    assert_eq!(lines(&image(folder.path(), &["again.json"])).len(), 3);
}

#[test]
fn a_difference_is_what_was_gained_and_lost() {
    let folder = folder();
    let arguments = ["image", "diff", "web.json", "newer.json", "--db", "v.db"];
    let done = run(folder.path(), &arguments);
    assert_eq!(done.code, 1, "{}", done.err);
    for told in [
        "+ critical CVE-2026-4 in npm express 5.0.0",
        "- critical CVE-2026-2 in npm lodash 4.17.9, fixed in 4.17.11",
        "- critical CVE-2026-3 in npm left-pad 1.0.0",
        "vulnerabilities: 1 added, 2 removed, 1 unchanged",
    ] {
        assert!(done.out.contains(told), "{told}: {}", done.out);
    }
    let json = run(folder.path(), &[&arguments[..], &["--json"]].concat());
    let json: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["vulnerabilities"]["gained"][0]["id"], "CVE-2026-4");
    assert_eq!(json["vulnerabilities"]["lost"].as_array().unwrap().len(), 2);
}

#[test]
fn images_that_objects_name_and_nobody_gave_are_told() {
    let folder = folder();
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [\
        {name: a, image: 'registry.example/web:1'}, {name: b, image: 'registry.example/api:2'}]}\n";
    fs::write(folder.path().join("pod.yaml"), pod).unwrap();
    let note = "1 image that objects refer to was not scanned: `registry.example/api:2`";
    let scan = |more: &[&str]| {
        let first = ["scan", "pod.yaml", "--db", "v.db", "--width", "200", "--fail-on", "never"];
        run(folder.path(), &[&first[..], more].concat())
    };
    let one = scan(&["--image", "web.json"]);
    assert_eq!(one.code, 0, "{}{}", one.out, one.err);
    assert!(one.out.contains(note), "{}", one.out);
    let api = fs::read_to_string(folder.path().join("web.json")).unwrap();
    fs::write(folder.path().join("api.json"), api.replace("web:1", "api:2")).unwrap();
    let both = scan(&["--image", "web.json", "--image", "api.json"]);
    assert!(!both.out.contains("objects refer to"), "{}", both.out);
    // Nobody asked for images of objects where a source tree was given: one note says so.
    fs::create_dir(folder.path().join("source")).unwrap();
    let lock = json!({"name": "app", "lockfileVersion": 3, "packages": {
        "": {"name": "app", "dependencies": {"lodash": "4.17.9"}},
        "node_modules/lodash": {"version": "4.17.9"},
    }});
    fs::write(folder.path().join("source/package-lock.json"), lock.to_string()).unwrap();
    let tree = scan(&["--packages", "source", "--full"]);
    assert!(tree.out.contains("CVE-2026-1"), "{}", tree.out);
    assert!(tree.out.contains("did not run: images were not scanned"), "{}", tree.out);
    assert!(!tree.out.contains("objects refer to"), "{}", tree.out);
}

#[test]
fn a_malicious_package_is_urgent_and_fails() {
    let folder = tempfile::tempdir().unwrap();
    let record = r#"{"id":"MAL-2026-1","modified":"2026-01-01T00:00:00Z","summary":"Malicious code in evil (npm)","affected":[{"package":{"ecosystem":"npm","name":"evil"},"versions":["1.0.0"]}]}"#;
    fs::write(folder.path().join("mal.json"), record).unwrap();
    fs::write(folder.path().join("web.json"), sbom(&[("evil", "1.0.0"), ("evil", "1.0.1")]))
        .unwrap();
    let built = run(folder.path(), &["db", "build", "mal.json", "-q", "-o", "v.db"]);
    assert_eq!(built.code, 0, "{}", built.err);
    let done = image(folder.path(), &["web.json"]);
    assert_eq!(done.code, 1, "{}{}", done.out, done.err);
    assert_eq!(lines(&done), ["now critical MAL-2026-1 evil 1.0.0 (unknown)"], "{}", done.out);
    assert!(done.out.contains("malicious"), "{}", done.out);
    let done = image(folder.path(), &["web.json", "-f", "json-v2"]);
    let document: Value = serde_json::from_str(&done.out).unwrap();
    let finding = &document["findings"][0];
    assert_eq!(finding["vulnerability"]["reasons"][0], "the package is malicious");
    assert!(finding["advice"].as_str().unwrap().starts_with("Remove `evil`"), "{finding}");
}

#[test]
fn upgrades_are_written_for_programs() {
    let folder = folder();
    let done = image(folder.path(), &["web.json", "--suggest", "-f", "json"]);
    assert_eq!(done.code, 1, "{}", done.err);
    let document: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(document["schema"], "pavisade.dev/upgrades/v1");
    assert_eq!((&document["found"], &document["fixed"]), (&json!(3), &json!(2)));
    let layers = document["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 1, "{document}");
    let upgrade = &layers[0]["upgrades"][0];
    let fixes = json!(["CVE-2026-1", "CVE-2026-2"]);
    assert_eq!((&upgrade["name"], &upgrade["to"]), (&json!("lodash"), &json!("4.17.21")));
    assert_eq!((&upgrade["fixes"], &upgrade["remaining"]), (&fixes, &json!(0)));
    assert_eq!(upgrade["severities"]["critical"], 2);
    // Without --suggest it is the list of packages, which has nothing to say of a database.
    let done = image(folder.path(), &["web.json", "-f", "json"]);
    assert_eq!(done.code, 2);
}
