//! Usage from audit logs: whose requests count, and facts that `scan` and `comply` read.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::started::{Run, folder, run};

const ROLES: &str = "\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: keeper}
rules:
- {apiGroups: [''], resources: [configmaps, secrets], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: keepers, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: keeper}
subjects:
- {kind: ServiceAccount, name: web, namespace: shop}
- {kind: ServiceAccount, name: job, namespace: shop}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: web, namespace: shop}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: job, namespace: shop}
";

/// A log of 40 days in which `web` reads ConfigMaps and `job` a Secret.
fn log() -> String {
    let mut text = String::new();
    for day in 0..40 {
        let date = format!("2030-{:02}-{:02}T00:00:00.000000Z", 1 + day / 28, 1 + day % 28);
        for (user, resource) in [("web", "configmaps"), ("job", "secrets")] {
            let _ = writeln!(
                text,
                r#"{{"kind":"Event","apiVersion":"audit.k8s.io/v1","stage":"ResponseComplete","verb":"get","requestURI":"/api/v1/namespaces/shop/{resource}/a","user":{{"username":"system:serviceaccount:shop:{user}"}},"objectRef":{{"resource":"{resource}","namespace":"shop","name":"a"}},"responseStatus":{{"code":200}},"requestReceivedTimestamp":"{date}"}}"#
            );
        }
    }
    text
}

fn given() -> tempfile::TempDir {
    folder(&[("rbac.yaml", ROLES), ("logs/audit.log", &log())])
}

fn facts(folder: &Path) {
    let made = run(folder, &["rbac", "audit", "--facts", "--audit-log", "logs"]);
    assert_eq!(made.code, 0, "{}", made.err);
    fs::write(folder.join("usage.json"), made.out).unwrap();
}

#[test]
fn of_a_subject_only_its_own_requests_count() {
    let folder = given();
    let unused = |more: &[&str]| {
        let args = ["rbac", "unused", "--audit-log", "logs", "--json"];
        run(folder.path(), &[&args[..], more, &["rbac.yaml"]].concat())
    };
    let of = |done: Run| -> Value {
        let document: Value = serde_json::from_str(&done.out).unwrap();
        document["results"][0]["unused"].clone()
    };
    // Together they use everything.
    let all = unused(&[]);
    assert!(all.code == 0 && of(all).is_null());
    for (subject, lacks) in [("sa:shop/web", "secrets"), ("sa:shop/job", "configmaps")] {
        let one = unused(&["--subject", subject]);
        assert_eq!(one.code, 1, "{subject}: {}", one.err);
        assert_eq!(of(one), serde_json::json!({lacks: ["get"]}), "{subject}");
    }
    // A subject that is not in any binding is probably a mistake.
    let wrong = unused(&["--subject", "sa:shop/wbe"]);
    assert!(wrong.code == 2 && wrong.err.contains("no binding names"), "{}", wrong.err);
    // Without bindings, nothing was used completely.
    let args = ["rbac", "unused", "--audit-log", "logs", "logs"];
    let none = run(folder.path(), &args);
    assert!(none.code == 2 && none.err.contains("no bindings were read"), "{}", none.err);
}

#[test]
fn facts_are_read_by_scan_and_comply() {
    let folder = given();
    let scan = |paths: &[&str]| -> Vec<String> {
        let args = ["scan", "--check", "powerful-use,unused-permission", "-f", "json"];
        let done = run(folder.path(), &[&args[..], paths].concat());
        let document: Value = serde_json::from_str(&done.out).unwrap();
        let text = |one: &Value| format!("{} {}", one["state"], one["message"]);
        document["findings"].as_array().unwrap().iter().map(text).collect()
    };
    assert_eq!(scan(&["rbac.yaml"]), Vec::<String>::new());
    facts(folder.path());
    let found = scan(&["rbac.yaml", "usage.json"]);
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found[0].contains("ServiceAccount `shop/job` reads Secrets"), "{found:?}");
    // Files do not say since when a binding exists.
    let unknown = |one: &&String| {
        one.starts_with("\"unknown\"") && one.contains("not known since when the binding exists")
    };
    assert_eq!(found.iter().filter(unknown).count(), 2, "{found:?}");

    let evidence = |paths: &[&str]| -> Vec<Value> {
        let args = ["comply", "--framework", "iso-27001-2022", "--format", "json"];
        let done = run(folder.path(), &[&args[..], paths].concat());
        let document: Value = serde_json::from_str(&done.out).unwrap();
        let controls = document["frameworks"][0]["controls"].as_array().unwrap();
        let control = controls.iter().find(|control| control["id"] == "5.18").unwrap();
        let of = |one: &&Value| ["PV-I093", "PV-I094"].contains(&one["check"].as_str().unwrap());
        control["evidence"].as_array().unwrap().iter().filter(of).cloned().collect()
    };
    // Without usage, neither check is evidence of anything.
    assert_eq!(evidence(&["rbac.yaml"]), Vec::<Value>::new());
    assert_eq!(evidence(&["rbac.yaml", "usage.json"]).len(), 2);
}

#[test]
fn facts_of_other_logs_do_not_replace_each_other() {
    let folder = given();
    facts(folder.path());
    let later = log().replace("\"2030-", "\"2031-");
    fs::write(folder.path().join("later.log"), later).unwrap();
    let made = run(folder.path(), &["rbac", "audit", "--facts", "--audit-log", "later.log"]);
    let name = |text: &str| -> String {
        let document: Value = serde_json::from_str(text).unwrap();
        assert_eq!(document["kind"], "UsageFacts");
        document["metadata"]["name"].as_str().unwrap().to_owned()
    };
    let first = fs::read_to_string(folder.path().join("usage.json")).unwrap();
    assert_ne!(name(&first), name(&made.out));
    // Logs that cannot be read completely say so in the facts.
    fs::write(folder.path().join("later.log"), format!("{}{{\"cut", log())).unwrap();
    let cut = run(folder.path(), &["rbac", "audit", "--facts", "--audit-log", "later.log"]);
    assert!(cut.code == 3 && cut.out.contains("\"unread\":1"), "{} {}", cut.code, cut.err);
    let wrong = run(folder.path(), &["rbac", "audit", "--facts", "--json", "--audit-log", "logs"]);
    assert_eq!(wrong.code, 2, "{}", wrong.out);
}
