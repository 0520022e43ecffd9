//! `pavisade runtime`, as users run it.

use std::fs;

use serde_json::{Value, json};

use crate::started::run;

fn event(verb: &str, resource: &str, more: &[(&str, Value)]) -> String {
    let mut event = json!({
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Request",
        "auditID": "4f1c", "stage": "ResponseComplete", "verb": verb,
        "requestURI": format!("/api/v1/namespaces/shop/{resource}"),
        "user": {"username": "ann", "groups": ["system:authenticated"]},
        "annotations": {"authorization.k8s.io/decision": "allow"},
        "sourceIPs": ["10.0.0.1"], "responseStatus": {"code": 201},
        "objectRef": {"resource": resource, "namespace": "shop", "name": "web", "apiVersion": "v1"},
        "stageTimestamp": "2026-11-30T14:09:12.581541Z",
    });
    for (key, value) in more {
        event[*key] = value.clone();
    }
    event.to_string()
}

fn privileged() -> Value {
    json!({"spec": {"containers": [{"name": "a", "image": "busybox",
        "securityContext": {"privileged": true}}]}})
}

#[test]
fn a_log_that_says_nothing_is_no_clean_result() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("empty.log", ""), ("blank.log", "\n \n")] {
        fs::write(folder.path().join(name), text).unwrap();
        let ran = run(folder.path(), &["runtime", "audit", name]);
        assert_eq!(ran.code, 3, "{}", ran.err);
        assert!(ran.err.contains(&format!("{name}: no audit events")), "{}", ran.err);
    }
    // Beside another log the alerts are there, and the result is incomplete.
    let log = event("create", "pods", &[("requestObject", privileged())]);
    fs::write(folder.path().join("audit.log"), log).unwrap();
    let ran = run(folder.path(), &["runtime", "audit", "empty.log", "audit.log"]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.out.contains("Privileged pod"), "{}", ran.out);
}

#[test]
fn rules_that_are_all_about_something_else_are_wrong_usage() {
    let folder = tempfile::tempdir().unwrap();
    let rule = "- rule: Off\n  desc: d\n  condition: ka.verb = get\n  output: o\n  \
                priority: WARNING\n  source: k8s_audit\n  enabled: false\n";
    fs::write(folder.path().join("rules.yaml"), rule).unwrap();
    fs::write(folder.path().join("audit.log"), event("get", "pods", &[])).unwrap();
    let args = ["runtime", "audit", "audit.log", "--only-these-rules", "--rules", "rules.yaml"];
    let ran = run(folder.path(), &args);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("no enabled rule"), "{}", ran.err);
}

#[test]
fn changes_without_their_content_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let lines = [
        event("create", "pods", &[("level", json!("Metadata"))]),
        event("get", "pods", &[("level", json!("Metadata"))]),
    ];
    fs::write(folder.path().join("audit.log"), lines.join("\n")).unwrap();
    let ran = run(folder.path(), &["runtime", "audit", "audit.log"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("1 change without the content"), "{}", ran.err);
    // With the content nothing is to be said.
    let log = event("create", "pods", &[("requestObject", privileged())]);
    fs::write(folder.path().join("audit.log"), log).unwrap();
    let ran = run(folder.path(), &["runtime", "audit", "audit.log", "--format", "json"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(!ran.err.contains("without the content"), "{}", ran.err);
    let alert: Value = serde_json::from_str(ran.out.lines().next().unwrap()).unwrap();
    assert_eq!(alert["priority"], "Warning");
    assert_eq!(alert["output_fields"]["ka.auditid"], "4f1c");
}
