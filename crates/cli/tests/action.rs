//! The scripts of the GitHub Action, run by bash with the variables that GitHub sets.
#![cfg(unix)]

use std::path::Path;
use std::process::Command;

/// What a script prints; its `pavisade` prints its arguments.
fn script(name: &str, variables: &[(&str, &str)], with_program: bool) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("pavisade");
    if with_program {
        // A program that was just written may be busy: another thread's child may hold it open.
        std::os::unix::fs::symlink("/bin/echo", program).unwrap();
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/action").join(name);
    let mut bash = Command::new("bash");
    let path = format!("{}:/usr/bin:/bin", folder.path().display());
    bash.arg(script).env_clear().env("PATH", path).envs(variables.iter().copied());
    let output = bash.output().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn a_pull_request_cannot_exempt_itself() {
    for (event, trust, arguments, expected) in [
        ("pull_request", "false", "", " --allow-from policy --no-config -- "),
        ("pull_request_target", "", "--strict", " --allow-from policy --no-config --strict -- "),
        ("pull_request", "false", "--config a", " --allow-from policy --config a -- "),
        ("pull_request", "false", "--config=a", " --allow-from policy --config=a -- "),
        ("pull_request", "false", "--allow-from none", " --no-config --allow-from none -- "),
        ("pull_request", "true", "", "sarif=s -- "),
        ("push", "false", "", "sarif=s -- "),
    ] {
        let variables = [
            ("GITHUB_EVENT_NAME", event),
            ("INPUT_TRUST_PULL_REQUEST", trust),
            ("INPUT_ARGUMENTS", arguments),
            ("INPUT_PATHS", "a b"),
            ("INPUT_FAIL_ON", "high"),
            ("INPUT_SARIF", "s"),
            ("GITHUB_STEP_SUMMARY", "m"),
        ];
        let (done, out) = script("scan.sh", &variables, true);
        assert!(done && out.ends_with(&format!("{expected}a b\n")), "{event} {arguments}: {out}");
    }
}

#[test]
fn a_version_from_elsewhere_is_neither_an_address_nor_a_command() {
    for version in ["1.2.3\n::set-env name=A::b", "../../other", "1.2.3;id", "1.2.3%0A::debug::x"] {
        let (done, out) = script("install.sh", &[("INPUT_VERSION", version)], false);
        assert!(!done && out.lines().count() == 1, "{out}");
        assert!(out.starts_with("::error title=Pavisade::version must look like"), "{out}");
        assert!(!out.contains("%0A::debug"), "{out}");
    }
}
