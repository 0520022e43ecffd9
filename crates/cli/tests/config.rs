//! The configuration, exceptions and baselines as a user meets them.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

struct Run {
    code: i32,
    out: String,
    err: String,
}

fn run(folder: &Path, args: &[&str]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pavisade"));
    command.args(args).current_dir(folder).env_clear().env("PATH", "/nowhere");
    let done = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Run { code: done.status.code().unwrap(), out: text(done.stdout), err: text(done.stderr) }
}

fn json(folder: &Path, args: &[&str]) -> Value {
    let done = run(folder, &[args, &["-f", "json-v1"]].concat());
    serde_json::from_str(&done.out).unwrap_or_else(|_| panic!("{}{}", done.out, done.err))
}

/// File and check of each finding.
fn found(document: &Value) -> Vec<String> {
    let findings = document["findings"].as_array().unwrap().iter();
    let mut found: Vec<_> = findings
        .map(|f| {
            format!(
                "{} {}",
                f["location"]["file"].as_str().unwrap_or("-"),
                f["name"].as_str().unwrap()
            )
        })
        .collect();
    found.sort();
    found
}

fn notes(document: &Value) -> Vec<String> {
    let notes = document["notes"].as_array().unwrap().iter();
    notes
        .map(|n| format!("{}: {}", n["place"].as_str().unwrap(), n["message"].as_str().unwrap()))
        .collect()
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn pod(name: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  hostNetwork: true\n  containers:\n  - name: c\n    image: a.example.com/a:1\n    ports: [{{containerPort: 80, hostPort: 80}}]\n    securityContext:\n      privileged: true\n"
    )
}

const THREE: &str = "privileged-container,host-port,host-namespace";

#[test]
fn it_is_found_in_the_folder_and_above_it_up_to_the_repository() {
    let a = pod("a");
    let off = "disable: [privileged-container]\n";
    let bad = format!("{}: []\n", "nonsense");
    for (case, files, path, applied) in [
        ("in the folder", vec![("k8s/.pavisade.yaml", off)], "k8s", Some("k8s/.pavisade.yaml")),
        ("of a file", vec![("k8s/.pavisade.yaml", off)], "k8s/a.yaml", Some("k8s/.pavisade.yaml")),
        (
            "in the repository",
            vec![(".git/HEAD", ""), (".pavisade.yaml", off)],
            "k8s",
            Some(".pavisade.yaml"),
        ),
        (
            "the nearest",
            vec![(".git/HEAD", ""), (".pavisade.yaml", &bad), ("k8s/.pavisade.yaml", off)],
            "k8s",
            Some("k8s/.pavisade.yaml"),
        ),
        ("no repository", vec![(".pavisade.yaml", off)], "k8s", None),
        (
            "above the repository",
            vec![("k8s/.git/HEAD", ""), (".pavisade.yaml", &bad)],
            "k8s",
            None,
        ),
        ("none", vec![], "k8s", None),
    ] {
        let files: Vec<_> = files.into_iter().chain([("k8s/a.yaml", a.as_str())]).collect();
        let folder = folder(&files);
        let document = json(folder.path(), &["scan", path]);
        let privileged = found(&document).contains(&"k8s/a.yaml privileged-container".to_owned());
        assert_eq!(privileged, applied.is_none(), "{case}");
        let says = applied.map(|file| {
            format!("{file}: this configuration was applied: it disables `privileged-container`")
        });
        assert_eq!(
            notes(&document).into_iter().find(|n| n.contains("was applied")),
            says,
            "{case}"
        );
        if applied.is_some() {
            let all = json(folder.path(), &["scan", path, "--no-config"]);
            assert!(found(&all).contains(&"k8s/a.yaml privileged-container".to_owned()), "{case}");
            let shown = run(folder.path(), &["scan", path]);
            assert!(shown.out.contains(".pavisade.yaml, which sets a check off"), "{}", shown.out);
        }
    }
}

#[test]
fn two_that_count_are_an_error_and_one_can_be_named() {
    let off = "disable: [privileged-container]\n";
    let folder =
        folder(&[("a/.pavisade.yaml", off), ("b/.pavisade.yaml", off), ("a/x.yaml", &pod("a"))]);
    let both = run(folder.path(), &["scan", "a", "b"]);
    assert_eq!(both.code, 2);
    assert!(both.err.contains("both a/.pavisade.yaml and b/.pavisade.yaml apply"), "{}", both.err);
    let one =
        json(folder.path(), &["scan", "a", "b", "--config", "b/.pavisade.yaml", "--check", THREE]);
    assert!(!found(&one).is_empty());
    let none = run(folder.path(), &["scan", "--config", "nowhere.yaml"]);
    assert!(none.code == 2 && none.err.contains("--config nowhere.yaml"), "{}", none.err);
}

#[cfg(unix)]
#[test]
fn it_shows_no_file_of_the_machine() {
    let secret = folder(&[("secret", "hunter2: [\n")]);
    let folder = folder(&[("k8s/a.yaml", &pod("a"))]);
    let link = folder.path().join("k8s/.pavisade.yaml");
    std::os::unix::fs::symlink(secret.path().join("secret"), &link).unwrap();
    let refused = run(folder.path(), &["scan", "k8s"]);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("a link to a location outside"), "{}", refused.err);
    assert!(!refused.err.contains("hunter2"), "{}", refused.err);

    fs::remove_file(&link).unwrap();
    let outside = secret.path().join("secret").display().to_string();
    for values in [outside.as_str(), "../../../../../../etc/passwd", "nowhere.yaml"] {
        fs::write(&link, format!("helm-values: ['{values}']\n")).unwrap();
        let refused = run(folder.path(), &["scan", "k8s"]);
        assert_eq!(refused.code, 2, "{values}");
        assert!(refused.err.contains("k8s/.pavisade.yaml:1:15"), "{}", refused.err);
    }
    // Whoever names the configuration may name what he likes.
    fs::write(&link, format!("helm-values: ['{outside}']\n")).unwrap();
    let named = run(folder.path(), &["scan", "k8s", "--config", "k8s/.pavisade.yaml"]);
    assert_eq!(named.code, 1, "{}", named.err);
}

#[test]
fn mistakes_are_told_at_once_and_nothing_is_scanned() {
    let text = "disable: [privileged-contaner]\nfail-on: hi\nchecks:\n  host-port:\n    parameters: {x: 1}\n";
    let folder = folder(&[(".pavisade.yaml", text), ("a.yaml", &pod("a"))]);
    for command in [&["scan"][..], &["config", "check"], &["fix", "--diff"]] {
        let wrong = run(folder.path(), command);
        assert_eq!((wrong.code, wrong.out.as_str()), (2, ""), "{command:?}");
        for part in [
            " --> .pavisade.yaml:1:11\n  |\n1 | disable: [privileged-contaner]\n  |           ^^^^^^^^^^^^^^^^^^^\n",
            "Did you mean `privileged-container`?",
            "unknown severity `hi`",
            "`host-port` has no parameter `x`",
        ] {
            assert!(wrong.err.contains(part), "{command:?}: {part}\n{}", wrong.err);
        }
    }
}

#[test]
fn the_command_line_wins() {
    let text = "disable: [host-port]\nenable: [writable-root-filesystem]\nfail-on: never\nchecks:\n  untrusted-registry: {severity: low, parameters: {allowed: [b.example.com]}}\n  privileged-container: {severity: low}\n";
    let folder = folder(&[(".pavisade.yaml", text), ("a.yaml", &pod("a"))]);
    let names = |args: &[&str]| found(&json(folder.path(), &[&["scan"], args].concat()));
    let has = |args: &[&str], name: &str| names(args).contains(&format!("a.yaml {name}"));
    assert!(!has(&[], "host-port") && has(&[], "writable-root-filesystem"));
    assert!(has(&["--check", "host-port"], "host-port"));
    assert!(!has(&["--skip", "privileged-container"], "privileged-container"));
    assert!(!has(&["--skip", "privileged-container"], "host-port"));
    assert!(has(&["--strict", "--no-config"], "host-port"));
    let registry = ["--check", "untrusted-registry"];
    assert!(has(&registry, "untrusted-registry"));
    let set = ["--set", "untrusted-registry.allowed=[\"a.example.com\"]"];
    assert!(!has(&[registry, set].concat(), "untrusted-registry"));
    for (args, code) in [(&[][..], 0), (&["--fail-on", "low"], 1), (&["--no-config"], 1)] {
        assert_eq!(run(folder.path(), &[&["scan"], args].concat()).code, code, "{args:?}");
    }
    let document = json(folder.path(), &["scan", "--check", "privileged-container"]);
    assert_eq!(document["findings"][0]["severity"], "low");
    assert!(
        notes(&document)[0]
            .contains("lowers the severity of `untrusted-registry`, `privileged-container`")
            || notes(&document)[0].contains("lowers the severity of `privileged-container`"),
        "{:?}",
        notes(&document)
    );
}

#[test]
fn versions_and_frameworks_of_the_file_count() {
    let text = "kubernetes-version: 1.30\nframeworks: [pod-security-standards]\n";
    let folder = folder(&[(".pavisade.yaml", text), ("a.yaml", &pod("a"))]);
    let document = json(folder.path(), &["scan"]);
    assert_eq!(document["kubernetes"], "1.30");
    let ran = |document: &Value| document["checks"].as_array().unwrap().len();
    let all = json(folder.path(), &["scan", "--no-config", "--kubernetes-version", "1.31"]);
    let own =
        json(folder.path(), &["scan", "--no-config", "--framework", "pod-security-standards"]);
    assert!(ran(&document) == ran(&own) && ran(&own) < ran(&all));
    assert_eq!(all["kubernetes"], "1.31");
}

#[test]
fn paths_are_included_and_excluded() {
    let files = ["k8s/a.yaml", "k8s/vendor/b.yaml", "vendor/c.yaml", "other/d.yaml"];
    let read = |config: &str, args: &[&str]| -> Vec<String> {
        let mut all = vec![(".pavisade.yaml", config.to_owned()), (".git/HEAD", String::new())];
        all.extend(files.iter().map(|file| (*file, pod(&file.replace(['/', '.'], "-")))));
        let all: Vec<_> = all.iter().map(|(name, text)| (*name, text.as_str())).collect();
        let folder = folder(&all);
        let args = [&["scan", "--check", "privileged-container"], args].concat();
        let read = found(&json(folder.path(), &args)).into_iter();
        read.map(|line| line.split(' ').next().unwrap().to_owned()).collect()
    };
    let none: [&str; 0] = [];
    for (config, args, expect) in [
        ("paths: {exclude: ['**/vendor']}", &[][..], &["k8s/a.yaml", "other/d.yaml"][..]),
        ("paths: {exclude: [vendor]}", &[], &["k8s/a.yaml", "k8s/vendor/b.yaml", "other/d.yaml"]),
        ("paths: {include: [k8s]}", &[], &["k8s/a.yaml", "k8s/vendor/b.yaml"]),
        ("paths: {include: [k8s/**], exclude: ['**/vendor/*.yaml']}", &[], &["k8s/a.yaml"]),
        // What is named is read.
        ("paths: {exclude: [vendor, other/d.yaml]}", &["vendor"], &["vendor/c.yaml"]),
        ("paths: {exclude: [vendor]}", &["vendor/c.yaml"], &["vendor/c.yaml"]),
        ("paths: {include: [k8s]}", &["other/d.yaml"], &["other/d.yaml"]),
        ("paths: {include: [k8s]}", &["other"], &none),
        ("paths: {include: [k8s]}", &["other", "--no-config"], &["other/d.yaml"]),
    ] {
        assert_eq!(read(config, args), expect, "{config} {args:?}");
    }
}

#[test]
fn worlds_are_joined_by_name() {
    let policy = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: deny, namespace: shop}\nspec: {podSelector: {}, policyTypes: [Ingress, Egress]}\n";
    let pod = pod("a").replace("{name: a}", "{name: a, namespace: shop}");
    let pod = pod.replace("  hostNetwork: true\n", "");
    let config =
        "worlds:\n- {name: production, paths: [base, prod]}\n- {name: empty, paths: [nowhere]}\n";
    let other = pod.replace("image: a.example.com/a:1", "image: a.example.com/a:2");
    let folder = folder(&[
        (".pavisade.yaml", config),
        ("base/policy.yaml", policy),
        ("prod/pod.yaml", &pod),
        ("dev/pod.yaml", &other),
    ]);
    let document =
        json(folder.path(), &["scan", "--check", "unrestricted-ingress,privileged-container"]);
    let worlds = |name: &str| -> Vec<String> {
        let all = document["findings"].as_array().unwrap().iter().filter(|f| f["name"] == name);
        all.map(|f| f["world"].as_str().unwrap().to_owned()).collect()
    };
    let mut privileged = worlds("privileged-container");
    privileged.sort();
    assert_eq!(privileged, [".", "production"]);
    assert_eq!(worlds("unrestricted-ingress"), ["."], "the policy protects the pod of its world");
    assert_eq!(document["summary"]["worlds"], 2);
    assert!(
        notes(&document)
            .contains(&"empty: no object that was read belongs to this world".to_owned())
    );
}

#[test]
fn exceptions_of_the_file_count_by_path_and_are_told_when_they_are_for_nothing() {
    let exception = "exceptions:\n- {checks: [privileged-container], reason: x, until: '9999-01-01', paths: [k8s]}\n";
    let config = format!("max-exception-days: 36500\n{exception}");
    let folder = folder(&[
        (".git/HEAD", ""),
        (".pavisade.yaml", &config),
        ("policy.yml", exception),
        ("k8s/a.yaml", &pod("a")),
        ("other/b.yaml", &pod("b")),
    ]);
    let check = ["--check", "privileged-container"];
    for (folder, args, expect, note) in [
        (folder.path().to_owned(), &["scan"][..], &["other/b.yaml"][..], None),
        (folder.path().join("k8s"), &["scan"], &[], None),
        (folder.path().join("other"), &["scan", "../k8s", "../other"], &["b.yaml"], None),
        (folder.path().to_owned(), &["scan", "other"], &["other/b.yaml"], Some("info")),
        (
            folder.path().to_owned(),
            &["scan", "--no-config", "--exceptions", "policy.yml"],
            &["other/b.yaml"],
            None,
        ),
        (folder.path().to_owned(), &["scan", "--no-config"], &["k8s/a.yaml", "other/b.yaml"], None),
        (
            folder.path().to_owned(),
            &["scan", "--allow-from", "none"],
            &["k8s/a.yaml", "other/b.yaml"],
            None,
        ),
        // A configuration that was found may come with what is scanned; one that is named does not.
        (
            folder.path().to_owned(),
            &["scan", "--allow-from", "policy"],
            &["k8s/a.yaml", "other/b.yaml"],
            None,
        ),
        (
            folder.path().to_owned(),
            &["scan", "--allow-from", "policy", "--config", ".pavisade.yaml"],
            &["other/b.yaml"],
            None,
        ),
    ] {
        let document = json(&folder, &[args, &check].concat());
        let files: Vec<_> = found(&document)
            .iter()
            .map(|f| f.split(' ').next().unwrap().trim_start_matches("../other/").to_owned())
            .collect();
        assert_eq!(files, expect, "{args:?}");
        let of_nothing = document["notes"].as_array().unwrap().iter();
        let of_nothing =
            of_nothing.filter(|n| n["message"].as_str().unwrap().contains("covers no finding"));
        let kinds: Vec<_> = of_nothing.map(|n| n["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, note.into_iter().collect::<Vec<_>>(), "{args:?}");
    }
    // The exit code is that of what is left.
    assert_eq!(run(&folder.path().join("k8s"), &[&["scan"], &check[..]].concat()).code, 0);
}

#[test]
fn a_baseline_shows_what_is_new_and_the_next_one_is_made_from_it() {
    let folder = folder(&[("a.yaml", &pod("a"))]);
    let scan = |args: &[&str]| run(folder.path(), &[&["scan", "--check", THREE], args].concat());
    for (format, file) in [("json", "old.json"), ("sarif", "old.sarif")] {
        assert_eq!(scan(&["-f", format, "-o", file]).code, 1);
    }
    fs::rename(folder.path().join("a.yaml"), folder.path().join("moved.yaml")).unwrap();
    for file in ["old.json", "old.sarif"] {
        let same = scan(&["--baseline", file]);
        assert_eq!(same.code, 0, "{}{}", same.out, same.err);
        assert!(
            same.out.contains("no new findings in 1 object; 3 in the baseline, 0 of 3 fixed"),
            "{}",
            same.out
        );
    }
    fs::write(folder.path().join("moved.yaml"), pod("a").replace("  hostNetwork: true\n", ""))
        .unwrap();
    fs::write(
        folder.path().join("b.yaml"),
        pod("b").replace("  hostNetwork: true\n", "").replace("hostPort: 80", ""),
    )
    .unwrap();
    let next = scan(&["--baseline", "old.json", "-f", "json", "-o", "next.json"]);
    assert_eq!(next.code, 1, "{}", next.err);
    let text = fs::read_to_string(folder.path().join("next.json")).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(found(&document), ["b.yaml privileged-container"]);
    assert_eq!(document["baseline"]["known"].as_array().unwrap().len(), 2);
    assert_eq!(document["baseline"]["gone"][0]["check"], "PV-C002");
    assert_eq!(scan(&["--baseline", "next.json"]).code, 0);
    for (file, says) in [("b.yaml", "not valid JSON"), ("nowhere", "--baseline nowhere")] {
        let wrong = scan(&["--baseline", file]);
        assert!(wrong.code == 2 && wrong.err.contains(says), "{}", wrong.err);
    }
}

#[test]
fn what_is_accepted_is_not_mended() {
    let allow = "'privilege-escalation until 9999-01-01: needed'";
    let text = pod("a").replace("privileged: true", "runAsNonRoot: true");
    let text = text.replace(
        "{name: a}",
        &format!("{{name: a, annotations: {{pavisade.dev/allow: {allow}}}}}"),
    );
    let folder = folder(&[("a.yaml", &text)]);
    let fix = ["fix", "--risky", "--check", "privilege-escalation"];
    run(folder.path(), &fix);
    assert_eq!(fs::read_to_string(folder.path().join("a.yaml")).unwrap(), text);
    run(folder.path(), &[&fix[..], &["--allow-from", "none"]].concat());
    assert_ne!(fs::read_to_string(folder.path().join("a.yaml")).unwrap(), text);
}

#[test]
fn config_show_says_where_values_come_from() {
    let folder = folder(&[(
        ".pavisade.yaml",
        "# x\nfail-on: high\nchecks:\n  host-port: {severity: low}\n",
    )]);
    let shown = run(folder.path(), &["config", "show"]);
    assert_eq!(shown.code, 0);
    let lines: Vec<Vec<&str>> = shown.out.lines().map(|l| l.split_whitespace().collect()).collect();
    assert!(lines.contains(&vec!["fail-on", ".pavisade.yaml:2"]), "{}", shown.out);
    assert!(
        lines.contains(&vec!["checks.host-port.severity", ".pavisade.yaml:4"]),
        "{}",
        shown.out
    );
    let none = run(folder.path(), &["config", "check", "--no-config"]);
    assert!(none.code == 0 && none.out.contains("no configuration"), "{}", none.out);
}
