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

/// A release in a folder, which a `curl` of ours gives; its archive is signed with OpenSSL, as anybody
/// could who has only the page of the documentation.
#[test]
#[expect(clippy::print_stdout, reason = "a skipped test must say so")]
fn a_release_runs_only_when_it_is_signed() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let shell = |script: &str| {
        let mut shell = Command::new("bash");
        shell.args(["-euo", "pipefail", "-c", script]).current_dir(folder.path());
        shell.env_clear().env("PATH", "/usr/bin:/bin");
        let output = shell.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    if !Path::new("/usr/bin/openssl").exists() {
        println!("skipped: no openssl on this machine (Debian: apt-get install openssl)");
        return;
    }
    shell(
        r#"mkdir release bin
        openssl ecparam -name prime256v1 -genkey -noout -out key
        openssl ec -in key -pubout -out release.pub 2>/dev/null
        openssl ecparam -name prime256v1 -genkey -noout -out other
        openssl ec -in other -pubout -out other.pub 2>/dev/null
        cd release
        echo program >pavisade
        name=pavisade-1.2.3-x86_64-linux.tar.gz
        tar -czf $name pavisade
        sha256sum $name >SHA256SUMS
        signature=$(openssl dgst -sha256 -sign ../key $name | base64 -w0)
        echo "{\"messageSignature\":{\"messageDigest\":{},\"signature\":\"$signature\"}}" >$name.sigstore.json
        printf '#!/bin/sh\nfor last; do :; done\ncp ../release/"${last##*/}" .\n' >../bin/curl
        chmod +x ../bin/curl"#,
    );
    let install = |key: &str| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/action/install.sh");
        let mut bash = Command::new("bash");
        let path = format!("{}:/usr/bin:/bin", at("bin").display());
        bash.arg(script).env_clear().env("PATH", path).current_dir(folder.path());
        let key = at(key);
        for (name, value) in [
            ("INPUT_VERSION", "1.2.3"),
            ("RUNNER_OS", "Linux"),
            ("RUNNER_ARCH", "X64"),
            ("ACTION_REPOSITORY", "o/r"),
            ("GITHUB_SERVER_URL", "https://git.example"),
            ("RUNNER_TEMP", folder.path().to_str().unwrap()),
            ("GITHUB_PATH", at("path").to_str().unwrap()),
            ("INPUT_PUBLIC_KEY", key.to_str().unwrap()),
        ] {
            bash.env(name, value);
        }
        let output = bash.output().unwrap();
        let out = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.success(), out + &String::from_utf8_lossy(&output.stderr))
    };
    let (done, out) = install("release.pub");
    assert!(done, "{out}");
    for (key, why) in
        [("other.pub", "is not signed"), ("none.pub", "the public key of releases is missing")]
    {
        let (done, out) = install(key);
        assert!(!done && out.contains(why), "{key}: {out}");
    }
    // Another program, with its checksum.
    shell(
        r#"cd release
        echo evil >pavisade
        tar -czf pavisade-1.2.3-x86_64-linux.tar.gz pavisade
        sha256sum pavisade-1.2.3-x86_64-linux.tar.gz >SHA256SUMS"#,
    );
    let (done, out) = install("release.pub");
    assert!(!done && out.contains("is not signed"), "{out}");
}
