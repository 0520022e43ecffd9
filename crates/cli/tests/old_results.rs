//! Results of the first version, whose fingerprints began with `v1:`, still count.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

const FILES: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec:
  containers:
    - name: wéb
      securityContext:
        privileged: true
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: odd}
provisioner: example.com/odd
";

/// What the first version gave these findings, written down from a result of it: check, fingerprint,
/// whether it fails, severity.
const FIRST: [(&str, &str, bool, &str); 3] = [
    ("PV-C001", "v1:f3322f68e3b46321704ab5bbfcac1bde", true, "critical"),
    ("PV-D004", "v1:87521fbe4c8a6836cbc26bd5efb3bc22", false, "medium"),
    ("PV-S003", "v1:485c7b396cf34978c401905b11997fa1", false, "low"),
];

/// The checks of the new findings, with the number of findings that are known or accepted.
fn scan(folder: &Path, args: &[&str]) -> (Vec<String>, usize) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pavisade"));
    command.args(["scan", "shop.yaml", "-f", "json-v1", "--check", "PV-C001,PV-D004,PV-S003"]);
    command.args(args).current_dir(folder).env_clear().env("PATH", "/nowhere");
    let done = command.stdin(Stdio::null()).output().unwrap();
    let errors = String::from_utf8_lossy(&done.stderr);
    let document: Value =
        serde_json::from_slice(&done.stdout).unwrap_or_else(|_| panic!("{errors}"));
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let new = list(&document["findings"]).into_iter();
    let new = new.map(|f| f["check"].as_str().unwrap().to_owned());
    let let_through = [&document["baseline"]["known"], &document["excepted"]].map(list);
    (new.collect(), let_through.iter().map(Vec::len).sum())
}

/// The same with one digit of the first fingerprint changed.
fn changed(text: &str) -> String {
    text.replace("v1:f3322f68", "v1:f3322f69")
}

#[test]
fn a_baseline_or_exception_of_the_first_version_counts() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("shop.yaml"), FILES).unwrap();
    let all = FIRST.map(|(check, ..)| check.to_owned()).to_vec();
    assert_eq!(scan(folder, &[]), (all, 0));

    let finding = |(check, fingerprint, fails, severity): (&str, &str, bool, &str)| {
        let state = if fails { "fails" } else { "unknown" };
        json!({"check": check, "fingerprint": fingerprint, "state": state, "severity": severity,
            "world": "shop.yaml", "message": "m", "subject": {"type": "world", "name": "x"}})
    };
    let findings = FIRST.map(finding);
    let document = json!({"schema": "pavisade.dev/scan/v1", "findings": findings}).to_string();

    let result = |(check, fingerprint, fails, severity): (&str, &str, bool, &str)| {
        let kind = if fails { "fail" } else { "review" };
        json!({"ruleId": check, "kind": kind, "message": {"text": "m"},
            "partialFingerprints": {"pavisade/v1": fingerprint},
            "properties": {"severity": severity, "world": "shop.yaml"}})
    };
    let results = FIRST.map(result);
    let driver = json!({"driver": {"name": "Pavisade"}});
    let log =
        json!({"version": "2.1.0", "runs": [{"tool": driver, "results": results}]}).to_string();

    let prints = FIRST.map(|(_, print, ..)| format!("'{print}'")).join(", ");
    let policy = format!(
        "exceptions:\n  - fingerprints: [{prints}]\n    reason: it was accepted before\n    until: {}\n",
        "2999-12-31"
    );

    for (name, option, text) in [
        ("old.json", "--baseline", &document),
        ("old.sarif", "--baseline", &log),
        ("policy.yaml", "--exceptions", &policy),
    ] {
        fs::write(folder.join(name), text).unwrap();
        assert_eq!(scan(folder, &[option, name]), (Vec::new(), FIRST.len()), "{name}");
        fs::write(folder.join(name), changed(text)).unwrap();
        let new = (vec!["PV-C001".to_owned()], FIRST.len() - 1);
        assert_eq!(scan(folder, &[option, name]), new, "{name}, changed");
    }
}
