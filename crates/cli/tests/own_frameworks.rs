//! Frameworks of the user's own, named in the configuration.

use std::fs;
use std::path::Path;

use serde_json::Value;

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  hostNetwork: true\n  containers:\n  - name: c\n    image: a.example.com/a:1\n    securityContext: {privileged: true}\n";
const OWN: &str = "id = \"house\"\ntitle = \"House rules\"\n[[controls]]\nid = \"H1\"\ntitle = \"t\"\nchecks = [\"host-namespace\"]\n";

fn run(folder: &Path, args: &[&str]) -> (i32, String, String) {
    let done = crate::started::run(folder, args);
    (done.code, done.out, done.err)
}

/// A repository whose folder `k8s` holds a pod and a configuration that names frameworks.
fn repository(frameworks: &str, files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let config = format!("frameworks: [{frameworks}]\n");
    let own = [(".git/HEAD", ""), ("k8s/.pavisade.yaml", &*config), ("k8s/a.yaml", POD)];
    for (name, text) in own.into_iter().chain(files.iter().copied()) {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn names(document: &Value) -> Vec<&str> {
    let findings = document["findings"].as_array().unwrap().iter();
    findings.map(|finding| finding["name"].as_str().unwrap()).collect()
}

#[test]
fn they_choose_the_checks_and_are_assessed() {
    // Relative to the configuration, whatever the working folder is; a level up is still inside.
    for (word, file) in
        [("house.toml", "k8s/house.toml"), ("../rules/House.TOML", "rules/House.TOML")]
    {
        let folder = repository(word, &[(file, OWN)]);
        for (here, path) in [("", "k8s"), ("k8s", ".")] {
            let here = folder.path().join(here);
            let (code, out, err) = run(&here, &["scan", "-f", "json", "--with-frameworks", path]);
            assert_eq!(code, 1, "{word} {err}");
            let document: Value = serde_json::from_str(&out).unwrap();
            assert_eq!(names(&document), ["host-namespace"], "{word}");
            assert!(out.contains("\"house/H1\""), "{out}");
            assert!(out.contains(&format!("runs only checks that are mapped to {word}")), "{out}");

            let (code, out, err) = run(&here, &["comply", "-f", "json", path]);
            assert_eq!(code, 1, "{err}");
            let document: Value = serde_json::from_str(&out).unwrap();
            assert_eq!(document["frameworks"][0]["id"], "house", "{out}");
        }
        let (code, out, _) = run(folder.path(), &["config", "check", "k8s"]);
        assert!(code == 0 && out.contains(word), "{out}");
    }
}

#[test]
fn one_of_ours_and_one_of_the_users_stand_together() {
    let folder = repository("pod-security-standards, house.toml", &[("k8s/house.toml", OWN)]);
    let (_, out, _) = run(folder.path(), &["scan", "-f", "json", "k8s"]);
    let document: Value = serde_json::from_str(&out).unwrap();
    assert!(names(&document).contains(&"privileged-container"), "{out}");
    // What the command line says wins.
    let (_, out, _) =
        run(folder.path(), &["scan", "-f", "json", "--framework", "k8s/house.toml", "k8s"]);
    let document: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(names(&document), ["host-namespace"]);
}

#[test]
fn mistakes_are_told_where_they_are() {
    let wrong = OWN.replace("host-namespace", "host-namespce");
    let huge = format!("#{}", "x".repeat(5 << 20));
    let taken = OWN.replace("\"house\"", "\"hipaa\"");
    for (words, files, says) in [
        (
            "hose.toml",
            vec![("k8s/house.toml", OWN)],
            vec![
                "error: `hose.toml`: no such file",
                "k8s/.pavisade.yaml:1:14",
                "Did you mean `house.toml`?",
            ],
        ),
        ("x/y.toml", vec![], vec!["`x/y.toml`: no such file"]),
        ("hippa", vec![], vec!["unknown framework `hippa`", "Did you mean `hipaa`?"]),
        (
            "house.toml",
            vec![("k8s/house.toml", &*wrong)],
            vec![
                "error: unknown check `host-namespce`; did you mean `host-namespace`?",
                "k8s/house.toml:6:11",
                "checks = [\"host-namespce\"]",
                "^^^^^^^^^^^^^^^",
            ],
        ),
        ("house.toml", vec![("k8s/house.toml", "id = [\n")], vec!["k8s/house.toml:"]),
        ("house.toml", vec![("k8s/house.toml", "")], vec!["missing field", "k8s/house.toml:1:1"]),
        ("house.toml", vec![("k8s/house.toml", &*huge)], vec!["larger than 4 MiB"]),
        (
            "hipaa, house.toml",
            vec![("k8s/house.toml", &*taken)],
            vec!["`house.toml`: another framework in this list has the ID `hipaa`"],
        ),
    ] {
        let folder = repository(words, &files);
        for command in [&["scan", "k8s"][..], &["comply", "k8s"], &["config", "check", "k8s"]] {
            let (code, out, err) = run(folder.path(), command);
            assert_eq!(code, 2, "{words}: {out}");
            for text in &says {
                assert!(err.contains(text), "{words}: {text}\n{err}");
            }
        }
    }
}

#[cfg(unix)]
#[test]
fn a_stranger_s_configuration_shows_no_file_of_the_machine() {
    let secret = tempfile::tempdir().unwrap();
    fs::write(secret.path().join("s.toml"), "hunter2 = [\n").unwrap();
    let outside = secret.path().join("s.toml").display().to_string();
    let folder = repository(&format!("'{outside}', link.toml"), &[]);
    std::os::unix::fs::symlink(&outside, folder.path().join("k8s/link.toml")).unwrap();
    let (code, _, err) = run(folder.path(), &["scan", "k8s"]);
    assert_eq!(code, 2);
    assert_eq!(err.matches("this file is outside the repository").count(), 2, "{err}");
    assert!(!err.contains("hunter2"), "{err}");
    // What is beside a file that is not there is no hint either.
    let near = outside.replace("/s.toml", "/ss.toml");
    let folder = repository(&format!("'{near}'"), &[]);
    let (code, _, err) = run(folder.path(), &["scan", "k8s"]);
    assert!(code == 2 && !err.contains("Did you mean"), "{err}");
}
