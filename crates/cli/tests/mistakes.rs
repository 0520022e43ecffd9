//! What users get wrong, and what the program says then.

use std::fs;

use crate::started::{command, finish, folder, run, run_with_input};

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: ns}\nspec:\n  hostPID: true\n  containers:\n  - name: c\n    image: a.example.com/a:1\n    securityContext: {allowPrivilegeEscalation: true}\n";

#[test]
fn a_result_does_not_overwrite_what_is_judged() {
    let folder = folder(&[("k8s/a.yaml", POD), ("k8s/b.txt", POD), ("k8s/r.json", "{}")]);
    for (args, refused) in [
        (vec!["scan", "k8s", "-o", "k8s/a.yaml"], true),
        (vec!["scan", "-o", "k8s/a.yaml"], true),
        (vec!["scan", "k8s/b.txt", "-o", "k8s/b.txt"], true),
        (vec!["scan", "k8s", "--also", "json=k8s/../k8s/a.yaml"], true),
        (vec!["comply", "-F", "pss", "k8s", "-o", "k8s/a.yaml"], true),
        // An earlier result in the folder, and a manifest elsewhere, may be meant.
        (vec!["scan", "k8s", "-f", "json", "-o", "k8s/r.json"], false),
        (vec!["scan", "k8s", "-o", "k8s/new.yaml"], false),
        (vec!["scan", "k8s/b.txt", "-o", "k8s/new.yaml"], false),
    ] {
        let done = run(folder.path(), &args);
        let text = fs::read_to_string(folder.path().join("k8s/a.yaml")).unwrap();
        assert_eq!(text, POD, "{args:?}");
        assert_eq!(done.code == 2, refused, "{args:?}: {}", done.err);
        if refused {
            assert!(done.err.contains("the result would overwrite it"), "{args:?}: {}", done.err);
        }
        let _ = fs::remove_file(folder.path().join("k8s/new.yaml"));
    }
}

#[test]
fn an_empty_pipe_is_no_clean_result() {
    let folder = folder(&[]);
    for text in ["", "\n  \n"] {
        for args in [&["scan", "-"][..], &["comply", "-F", "pss", "-"], &["pss", "-"]] {
            let done = run_with_input(folder.path(), args, text);
            assert_eq!(done.code, 3, "{args:?}: {}", done.out);
            assert!(done.out.contains("standard input is empty"), "{}", done.out);
        }
    }
    // What holds no object is no result either; `kubectl get` of nothing is an empty list.
    for text in ["# none\n", "{}\n", "apiVersion: v1\nkind: List\nitems: []\n"] {
        let done = run_with_input(folder.path(), &["scan", "-"], text);
        assert_eq!(done.code, 3, "{text}: {}", done.out);
    }
}

#[test]
fn a_format_that_is_not_there_is_told_with_those_that_are() {
    let done = run(folder(&[]).path(), &["scan", "--also", "pdf=x"]);
    assert_eq!(done.code, 2);
    assert!(
        done.err.contains("unknown format `pdf`; valid formats are terminal, json"),
        "{}",
        done.err
    );
}

#[test]
fn fix_says_what_was_not_read_and_what_counted() {
    let folder = folder(&[("a.yaml", POD), ("c/.pavisade.yaml", "disable: [host-namespace]\n")]);
    let none = run(folder.path(), &["fix", "nowhere"]);
    assert_eq!(none.code, 3);
    assert!(none.out.contains("Nothing to fix in the files that could be read."), "{}", none.out);
    let configured = run(folder.path(), &["fix", "c"]);
    let says = "Configured by c/.pavisade.yaml, which sets a check off; `--no-config`";
    assert!(configured.out.contains(says), "{}", configured.out);
    assert!(!run(folder.path(), &["fix", "c", "--no-config"]).out.contains("Configured"));
    let newer = run(folder.path(), &["fix", "--kubernetes-version", "1.99", "a.yaml"]);
    assert!(newer.code == 2 && newer.err.contains("up to 1.37, not 1.99"), "{}", newer.err);
}

#[cfg(target_os = "linux")]
#[test]
fn fix_says_why_a_file_of_a_strange_name_stays() {
    use std::os::unix::ffi::OsStrExt as _;
    let folder = folder(&[]);
    let name = std::ffi::OsStr::from_bytes(b"n\xff.yaml");
    fs::write(folder.path().join(name), POD).unwrap();
    let done = run(folder.path(), &["fix", "--risky"]);
    assert_eq!(fs::read_to_string(folder.path().join(name)).unwrap(), POD);
    assert!(done.err.contains("its name is not valid UTF-8: rename the file"), "{}", done.err);
}

#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_written_is_named() {
    let folder = folder(&[("a.yaml", POD)]);
    for args in [
        &["scan", "a.yaml"][..],
        &["comply", "-F", "pss", "a.yaml"],
        &["pss", "a.yaml"],
        &["fix", "--diff", "--risky", "a.yaml"],
        &["checks", "list"],
        &["frameworks", "list"],
        &["config", "check"],
        &["man"],
    ] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut command = command(folder.path(), args);
        let done = command.stdout(full).stderr(std::process::Stdio::piped()).spawn().unwrap();
        let done = finish(done.wait_with_output().unwrap());
        assert_eq!(done.code, 2, "{args:?}");
        assert!(done.err.contains("error: writing standard output: "), "{args:?}: {}", done.err);
    }
}

#[test]
fn levels_are_readable_in_a_narrow_terminal() {
    let folder = folder(&[("a.yaml", POD)]);
    let narrow = run(folder.path(), &["pss", "--width", "40", "a.yaml"]).out;
    let lines: Vec<_> = narrow.lines().take(4).map(str::trim_end).collect();
    assert_eq!(lines[0], "NAMESPACE  MEETS       ENFORCES");
    assert_eq!(lines[1], "ns         privileged  not read");
    assert_eq!(lines[2], "    the namespace itself is not in these");
    let wide = run(folder.path(), &["pss", "--width", "90", "a.yaml"]).out;
    assert!(wide.contains("not read  the namespace itself is not in these files"), "{wide}");
    let none = run(folder.path(), &["pss", "nowhere"]).out;
    assert!(!none.contains("NAMESPACE"), "{none}");
}

#[test]
fn a_configuration_is_not_right_where_there_is_no_such_path() {
    let folder = folder(&[("a.yaml", POD)]);
    for command in ["check", "show"] {
        let done = run(folder.path(), &["config", command, "nowhere"]);
        assert_eq!(done.code, 2, "{}", done.out);
        assert!(done.err.contains("nowhere: no such file or directory"), "{}", done.err);
        assert_eq!(run(folder.path(), &["config", command, "a.yaml"]).code, 0);
    }
}

#[test]
fn a_dash_is_standard_output_and_holds_one_result() {
    let folder = folder(&[("a.yaml", POD)]);
    for args in [
        &["scan", "a.yaml", "-f", "json", "-o", "-"][..],
        &["comply", "-F", "pss", "a.yaml", "-f", "json", "-o", "-"],
        &["scan", "-F", "pss", "a.yaml", "-o", "text", "--also", "json=-"],
    ] {
        let done = run(folder.path(), args);
        assert!(done.code == 1 && done.out.starts_with('{'), "{args:?}: {}", done.err);
        assert!(!folder.path().join("-").exists(), "{args:?}");
    }
    let both = run(folder.path(), &["scan", "a.yaml", "--also", "json=-"]);
    assert!(both.code == 2 && both.out.is_empty(), "{}", both.out);
    assert!(both.err.contains("cannot both be written to standard output"), "{}", both.err);
}

#[test]
fn a_manifest_is_no_policy_file() {
    let folder = folder(&[("a.yaml", POD)]);
    let done = run(folder.path(), &["scan", "--exceptions", "a.yaml"]);
    assert_eq!(done.code, 2);
    assert!(done.err.contains("There is only `exceptions`."), "{}", done.err);
}
