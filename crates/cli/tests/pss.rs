//! `pavisade pss` and the configuration.

use std::fs;
use std::path::Path;

use serde_json::Value;

fn run(folder: &Path, args: &[&str]) -> (i32, String, String) {
    let done = crate::started::run(folder, args);
    (done.code, done.out, done.err)
}

fn pod(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: shop}}\nspec:\n  {spec}\n  containers: [{{name: c, image: 'a:1'}}]\n"
    )
}

const NAMESPACE: &str = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n";

fn folder(config: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (good, bad) = (pod("good", "hostPID: false"), pod("bad", "hostPID: true"));
    for (name, text) in [
        (".pavisade.yaml", config),
        ("a/ns.yaml", NAMESPACE),
        ("a/good.yaml", &good),
        ("b/bad.yaml", &bad),
    ] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// World, namespace and level of each namespace.
fn levels(document: &Value) -> Vec<String> {
    let all = document["namespaces"].as_array().unwrap().iter();
    let text = |one: &Value, field: &str| one[field].as_str().unwrap().to_owned();
    all.map(|n| format!("{} {} {}", text(n, "world"), text(n, "name"), text(n, "meets"))).collect()
}

#[test]
fn what_is_read_is_as_configured_and_said() {
    let leaves = "it excludes `b`. Use `--no-config` to see everything.";
    for (case, config, args, expect, version, says) in [
        ("none", "", vec!["--no-config"], vec![". shop privileged"], "1.37", None),
        ("empty", "", vec![], vec![". shop privileged"], "1.37", Some("it excludes no files")),
        ("paths", "paths: {exclude: [b]}", vec![], vec![". shop baseline"], "1.37", Some(leaves)),
        (
            "ignored",
            "paths: {exclude: [b]}",
            vec!["--no-config"],
            vec![". shop privileged"],
            "1.37",
            None,
        ),
        (
            "worlds",
            "worlds: [{name: one, paths: [a]}, {name: two, paths: [b]}]",
            vec![],
            vec!["one shop baseline", "two shop privileged"],
            "1.37",
            Some("it excludes no files"),
        ),
        (
            "version",
            "kubernetes-version: '1.30'",
            vec![],
            vec![". shop privileged"],
            "1.30",
            Some("it excludes no files"),
        ),
        (
            "the command line's version",
            "kubernetes-version: '1.30'",
            vec!["--kubernetes-version", "1.31"],
            vec![". shop privileged"],
            "1.31",
            Some("it excludes no files"),
        ),
        // Admission knows nothing of what we turn off or let through.
        (
            "checks",
            "disable: [host-namespace]\nchecks: {host-namespace: {severity: low}}\nfail-on: never\nexceptions: [{checks: [host-namespace], reason: r, until: 2099-01-01}]",
            vec![],
            vec![". shop privileged"],
            "1.37",
            Some("it excludes no files"),
        ),
    ] {
        let folder = folder(config);
        let (code, out, err) = run(folder.path(), &[&["pss", "--json"], &args[..]].concat());
        assert!(code < 2, "{case}: {err}");
        let document: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(levels(&document), expect, "{case}");
        assert_eq!(document["kubernetes"], version, "{case}");
        let (_, table, _) = run(folder.path(), &[&["pss", "--width", "200"], &args[..]].concat());
        let (_, patch, _) = run(folder.path(), &[&["pss", "--patch"], &args[..]].concat());
        let said = says.map(|s| format!(".pavisade.yaml: this configuration was applied: {s}"));
        assert_eq!(document["configuration"].as_str(), said.as_deref(), "{case}");
        for (place, text) in [("note: ", table), ("# ", patch)] {
            match &said {
                Some(said) => assert!(text.contains(&format!("{place}{said}\n")), "{case}: {text}"),
                None => assert!(!text.contains("configuration"), "{case}: {text}"),
            }
        }
    }
}

#[test]
fn a_configuration_that_is_wrong_or_not_there_ends_it() {
    let folder = folder("paths: {exclud: [b]}");
    let (code, out, err) = run(folder.path(), &["pss"]);
    assert!(code == 2 && out.is_empty() && err.contains("Did you mean `exclude`?"), "{err}");
    let (code, _, err) = run(folder.path(), &["pss", "--config", "nowhere.yaml"]);
    assert!(code == 2 && err.contains("--config nowhere.yaml"), "{err}");
    let (code, _, err) = run(folder.path(), &["pss", "--config", "a", "--no-config"]);
    assert!(code == 2 && err.contains("cannot be used with"), "{err}");
}
