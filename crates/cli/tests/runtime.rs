//! `pavisade runtime`, as users run it.

use std::fs;

use serde_json::{Value, json};

use crate::started::run;

pub(crate) fn event(verb: &str, resource: &str, more: &[(&str, Value)]) -> String {
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

pub(crate) fn privileged() -> Value {
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
        assert!(ran.err.contains(&format!("{name}: no events")), "{}", ran.err);
    }
    // A directory stands for its files.
    fs::create_dir(folder.path().join("logs")).unwrap();
    let ran = run(folder.path(), &["runtime", "audit", "logs"]);
    assert!(ran.code == 2 && ran.err.contains("contains no files"), "{}", ran.err);
    for (name, id) in [("audit-1.log", "1"), ("audit.log", "2")] {
        let privileged = [("requestObject", privileged()), ("auditID", json!(id))];
        fs::write(folder.path().join("logs").join(name), event("create", "pods", &privileged))
            .unwrap();
    }
    let ran = run(folder.path(), &["runtime", "audit", "logs"]);
    assert_eq!((ran.code, ran.out.lines().count()), (1, 2), "{}", ran.err);
    // Beside another log the alerts are there, and the result is incomplete.
    let log = event("create", "pods", &[("requestObject", privileged())]);
    fs::write(folder.path().join("audit.log"), log).unwrap();
    let ran = run(folder.path(), &["runtime", "audit", "empty.log", "audit.log"]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.out.contains("Privileged pod"), "{}", ran.out);
}

#[test]
fn a_tail_shows_the_last_alert_and_tells_if_there_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let tail = |text: &str| {
        fs::write(folder.path().join("alerts"), text).unwrap();
        run(folder.path(), &["runtime", "tail", "alerts", "--no-follow", "-n", "shop"])
    };
    let alert = |namespace: &str| json!({"rule": format!("in {namespace}"), "output_fields": {"k8s.ns.name": namespace}});
    let (shop, bank) = (alert("shop"), alert("bank"));
    // The last line has no end, and the first is what the agent says.
    let ran = tail(&format!("watching with 54 rules\n{bank}\n\n{shop}"));
    assert!(ran.code == 0 && ran.out.contains("in shop"), "{}{}", ran.out, ran.err);
    assert!(!ran.out.contains("in bank"), "{}", ran.out);
    assert_eq!(ran.err.matches("not an alert").count(), 1, "{}", ran.err);
    for (text, code) in [("", 0), ("\n", 0), (&*bank.to_string(), 0), ("{}\nroot:x:0:0\n", 3)] {
        assert_eq!(tail(text).code, code, "{text:?}");
    }
    let ran = run(folder.path(), &["runtime", "tail", ".", "--no-follow"]);
    assert!(ran.code == 2 && ran.err.contains("reading .: is a directory"), "{}", ran.err);
}

#[test]
fn a_misspelled_rule_is_suggested() {
    let folder = tempfile::tempdir().unwrap();
    for (name, hint) in [
        ("Terminal shell in a contaner", "did you mean \"Terminal shell in a container\"?"),
        ("zzz", "`pavisade runtime rules list` shows them"),
    ] {
        let ran = run(folder.path(), &["runtime", "rules", "explain", name]);
        assert!(ran.code == 2 && ran.err.contains(hint), "{}", ran.err);
    }
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
fn the_stages_of_a_request_alert_once_and_its_id_hides_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let exec = |received: &str, stage: &str| {
        let target = json!({"resource": "pods", "subresource": "exec", "name": "web"});
        let more = [
            ("objectRef", target),
            ("stage", json!(stage)),
            ("requestReceivedTimestamp", json!(received)),
        ];
        event("create", "pods", &more)
    };
    // The same id in all of them, as a client may choose it.
    let log = [
        exec("2026-11-30T14:00:00.000001Z", "ResponseStarted"),
        exec("2026-11-30T14:00:00.000001Z", "ResponseComplete"),
        exec("2026-11-30T14:00:07.000002Z", "ResponseComplete"),
    ];
    fs::write(folder.path().join("audit.log"), log.join("\n")).unwrap();
    let ran = run(folder.path(), &["runtime", "audit", "audit.log"]);
    assert_eq!(ran.out.lines().count(), 2, "{} {}", ran.out, ran.err);
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

const SHELL: &str = r#"{"evt.type":"execve","evt.time":"14:09:12","proc.name":"bash","proc.tty":34816,"proc.pname":"runc","proc.cmdline":"bash","user.name":"root","container.id":"3f6a","container.name":"web","container.image.repository":"shop/web","k8s.ns.name":"shop","k8s.pod.name":"web-0"}"#;

#[test]
fn recorded_system_calls_are_judged() {
    let folder = tempfile::tempdir().unwrap();
    let quiet = SHELL.replace("34816", "0");
    fs::write(folder.path().join("events.jsonl"), format!("{SHELL}\n{quiet}\n")).unwrap();
    let ran = run(folder.path(), &["runtime", "replay", "events.jsonl"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert_eq!(ran.out.lines().count(), 1, "{}", ran.out);
    assert!(ran.out.contains("Terminal shell in a container (user=root"), "{}", ran.out);
    assert!(ran.err.contains("1 alert in 2 events, by 5"), "{}", ran.err);
    // A field that does not exist, or a value of another type, hides no other event.
    let wrong = format!("{{\"evt.type\":\"execve\",\"proc.nam\":\"a\"}}\nx\n{SHELL}\n");
    fs::write(folder.path().join("events.jsonl"), wrong).unwrap();
    let ran = run(folder.path(), &["runtime", "replay", "events.jsonl", "-f", "json"]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.err.contains("events.jsonl:1: proc.nam"), "{}", ran.err);
    assert!(ran.err.contains("events.jsonl:2: "), "{}", ran.err);
    let alert: Value = serde_json::from_str(&ran.out).unwrap();
    // Forwarders want dates; a time of day alone is left out.
    assert_eq!(alert["rule"], "Terminal shell in a container");
    assert_eq!(
        (&alert["time"], &alert["output_fields"]["evt.type"]),
        (&Value::Null, &json!("execve"))
    );
}

#[test]
fn a_suggested_exception_covers_its_alert_and_nothing_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let other = SHELL.replace("shop/web", "shop/db");
    fs::write(folder.path().join("events.jsonl"), format!("{SHELL}\n{other}\n")).unwrap();
    let ran = run(folder.path(), &["runtime", "replay", "events.jsonl", "-f", "json"]);
    assert_eq!(ran.out.lines().count(), 2, "{}", ran.err);
    fs::write(folder.path().join("alerts.jsonl"), ran.out.lines().next().unwrap()).unwrap();
    let ran = run(folder.path(), &["runtime", "suggest-exception", "alerts.jsonl"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("container.image.repository"), "{}", ran.out);
    assert!(!ran.out.contains("web-0") && !ran.out.contains("container.name"), "{}", ran.out);
    fs::write(folder.path().join("local.yaml"), &ran.out).unwrap();
    let ran = run(folder.path(), &["runtime", "replay", "events.jsonl", "--rules", "local.yaml"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert_eq!(ran.out.lines().count(), 1, "{}", ran.out);
    assert!(ran.out.contains("shop/db"), "{}", ran.out);
    // Fewer fields on demand; one that the alert does not have is an error.
    let args = ["runtime", "suggest-exception", "alerts.jsonl", "--fields"];
    let ran = run(folder.path(), &[&args[..], &["proc.name,k8s.ns.name"]].concat());
    assert!(ran.out.contains(r#"fields: ["k8s.ns.name", "proc.name"]"#), "{} {}", ran.out, ran.err);
    let ran = run(folder.path(), &[&args[..], &["fd.name"]].concat());
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("fd.name"), "{}", ran.err);
}

#[test]
fn an_exception_is_not_written_by_what_it_excepts() {
    let folder = tempfile::tempdir().unwrap();
    // Each of these would be more than a value in the rule language.
    let hostile = [
        r#"\"a\" or proc.cmdline exists or proc.name = z"#,
        "val(proc.pname)",
        "(a, b)",
        "a) or (evt.num exists",
        "'x' or 'y'",
    ];
    for command in hostile {
        let shell =
            SHELL.replace(r#""proc.cmdline":"bash""#, &format!(r#""proc.cmdline":"{command}""#));
        fs::write(folder.path().join("events.jsonl"), format!("{shell}\n{SHELL}\n")).unwrap();
        let ran = run(folder.path(), &["runtime", "replay", "events.jsonl", "-f", "json"]);
        fs::write(folder.path().join("alerts.jsonl"), ran.out.lines().next().unwrap()).unwrap();
        let ran = run(folder.path(), &["runtime", "suggest-exception", "alerts.jsonl"]);
        assert_eq!(ran.code, 0, "{command}: {}", ran.err);
        fs::write(folder.path().join("local.yaml"), &ran.out).unwrap();
        let ran =
            run(folder.path(), &["runtime", "replay", "events.jsonl", "--rules", "local.yaml"]);
        assert_eq!(
            (ran.code, ran.out.lines().count()),
            (1, 1),
            "{command}: {} {}",
            ran.out,
            ran.err
        );
        assert!(ran.out.contains("command=bash "), "{}", ran.out);
    }
    // Texts that look like something else are values, too.
    let odd = r#"{"rule":"Terminal shell in a container","output_fields":{"ka.user.name":"x"}}"#;
    fs::write(folder.path().join("odd.jsonl"), odd).unwrap();
    let ran = run(folder.path(), &["runtime", "suggest-exception", "odd.jsonl"]);
    assert!(ran.code == 2 && ran.out.is_empty(), "{} {}", ran.out, ran.err);
    let odd = r#"{"rule":"Terminal shell in a container","output_fields":{"proc.cmdline":"<NA>","fd.name":"/etc/a->b"}}"#;
    fs::write(folder.path().join("odd.jsonl"), odd).unwrap();
    let ran = run(folder.path(), &["runtime", "suggest-exception", "odd.jsonl"]);
    assert!(ran.out.contains("<NA>") && ran.out.contains("a->b"), "{} {}", ran.out, ran.err);
    // An audit alert keeps the parameters of its URI, and a second run adds to the first.
    let log = event("create", "pods", &[]);
    let exec = |command: &str| {
        let mut event: Value = serde_json::from_str(&log).unwrap();
        event["objectRef"]["subresource"] = json!("exec");
        event["auditID"] = json!(command);
        event["requestURI"] =
            json!(format!("/api/v1/namespaces/shop/pods/web/exec?command={command}"));
        event.to_string()
    };
    fs::write(folder.path().join("audit.log"), [exec("sh"), exec("env")].join("\n")).unwrap();
    let audit = ["runtime", "audit", "audit.log", "-f", "json"];
    let alerts = run(folder.path(), &audit).out;
    assert_eq!(alerts.lines().count(), 2, "{alerts}");
    let mut local = String::new();
    for (alert, left) in alerts.lines().zip([1, 0]) {
        fs::write(folder.path().join("alerts.jsonl"), alert).unwrap();
        local.push_str(&run(folder.path(), &["runtime", "suggest-exception", "alerts.jsonl"]).out);
        fs::write(folder.path().join("local.yaml"), &local).unwrap();
        let ran = run(folder.path(), &[&audit[..], &["--rules", "local.yaml"]].concat());
        assert_eq!(ran.out.lines().count(), left, "{local} {}", ran.err);
    }
}

#[test]
fn test_files_are_a_gate() {
    let folder = tempfile::tempdir().unwrap();
    let tests = |alerts: &str| {
        format!(
            "tests:\n- name: a shell\n  event: {SHELL}\n  alerts: [{alerts}]\n- name: a listing\n  \
             audit: {}\n  alerts: [Secrets listed]\n",
            event("list", "secrets", &[("responseStatus", json!({"code": 200}))])
        )
    };
    let file = folder.path().join("rules-test.yaml");
    fs::write(&file, tests("Terminal shell in a container")).unwrap();
    let ran = run(folder.path(), &["runtime", "rules", "test", "rules-test.yaml"]);
    assert_eq!(
        (ran.code, ran.out.contains("2 passed, 0 failed")),
        (0, true),
        "{} {}",
        ran.out,
        ran.err
    );
    fs::write(&file, tests("")).unwrap();
    let ran = run(folder.path(), &["runtime", "rules", "test", "rules-test.yaml"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.out.contains("got      Terminal shell in a container"), "{}", ran.out);
    // What would have no effect is a mistake, too.
    fs::write(&file, format!("only_these_rules: true\n{}", tests(""))).unwrap();
    let ran = run(folder.path(), &["runtime", "rules", "test", "rules-test.yaml"]);
    assert!(ran.code == 2 && ran.err.contains("only-these-rules"), "{}", ran.err);
    // A name that no rule has is a mistake of the test, not a missing alert.
    fs::write(&file, tests("Terminal shel")).unwrap();
    let ran = run(folder.path(), &["runtime", "rules", "test", "rules-test.yaml"]);
    assert_eq!(ran.code, 2, "{}", ran.out);
    assert!(ran.err.contains("a shell") && ran.err.contains("Terminal shel"), "{}", ran.err);
    // The other tests and files run.
    assert!(ran.out.contains("1 passed, 0 failed, 1 could not run"), "{}", ran.out);
    let ran = run(folder.path(), &["runtime", "rules", "test", "missing.yaml", "rules-test.yaml"]);
    assert!(ran.code == 2 && ran.err.contains("missing.yaml"), "{}", ran.err);
    assert!(ran.out.contains("1 passed, 0 failed, 2 could not run"), "{}", ran.out);
}

#[test]
fn only_loopback_is_served_without_tls() {
    let folder = tempfile::tempdir().unwrap();
    let ran = run(folder.path(), &["runtime", "audit", "--listen", "0.0.0.0:0"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("loopback") && ran.err.contains("--client-ca"), "{}", ran.err);
    let both = run(folder.path(), &["runtime", "audit", "a.log", "--listen", "127.0.0.1:0"]);
    assert_eq!(both.code, 2, "{}", both.err);
    let part = ["runtime", "audit", "--listen", "127.0.0.1:0", "--tls-cert", "a.pem"];
    let ran = run(folder.path(), &part);
    assert!(ran.code == 2 && ran.err.contains("--tls-key"), "{}", ran.err);
}

/// Exceptions of a policy file for these rules.
fn policy(until: &str, more: &str) -> String {
    format!(
        "exceptions:\n- {{rules: [PV-R101], reason: tests of the team, until: {until}{more}}}\n"
    )
}

#[test]
fn an_alert_is_excepted_until_its_date() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let other = SHELL.replace("web-0", "web-1");
    write("events.jsonl", &format!("{SHELL}\n{other}\n"));
    let replay = |more: &[&str]| {
        run(folder.path(), &[&["runtime", "replay", "events.jsonl"], more].concat())
    };
    let until = "2999-12-31";
    // Found as the configuration of the folder, and said to apply.
    write(".pavisade.yaml", &policy(until, ", condition: k8s.pod.name = web-0"));
    let ran = replay(&[]);
    assert_eq!((ran.code, ran.out.lines().count()), (1, 1), "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("its exceptions for alerts apply"), "{}", ran.err);
    assert!(ran.err.contains("ends in more than 366 days"), "{}", ran.err);
    assert!(ran.err.contains("1 alert in 2 events, by 54 rules; 1 excepted"), "{}", ran.err);
    assert_eq!(replay(&["--no-config"]).out.lines().count(), 2);
    // Shown, it still does not count.
    write(".pavisade.yaml", &policy(until, ""));
    let ran = replay(&["--show-excepted"]);
    assert_eq!((ran.code, ran.out.lines().count()), (0, 2), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("[excepted until 2999-12-31: tests of the team]"), "{}", ran.out);
    let ran = replay(&["--show-excepted", "-f", "json"]);
    let alert: Value = serde_json::from_str(ran.out.lines().next().unwrap()).unwrap();
    assert_eq!(alert["pavisade"]["excepted"]["reason"], "tests of the team", "{alert}");
    assert!(alert["tags"].as_array().unwrap().contains(&json!("PV-R101")), "{alert}");

    // After its end it alerts again, and says so.
    fs::remove_file(folder.path().join(".pavisade.yaml")).unwrap();
    write("ended.yaml", &policy("2026-01-31", ""));
    let ran = replay(&["--exceptions", "ended.yaml"]);
    assert_eq!((ran.code, ran.out.lines().count()), (1, 2), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("[its exception ended on 2026-01-31]"), "{}", ran.out);
    assert!(ran.err.contains("ended.yaml:2: this exception ended on 2026-01-31"), "{}", ran.err);
    let ran = replay(&["--exceptions", "ended.yaml", "-f", "json"]);
    let alert: Value = serde_json::from_str(ran.out.lines().next().unwrap()).unwrap();
    assert_eq!(alert["pavisade"]["exception_ended"], "2026-01-31", "{alert}");
    // One that has not ended takes its place.
    write("next.yaml", &policy(until, ""));
    let ran = replay(&["--exceptions", "ended.yaml", "--exceptions", "next.yaml"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{}", ran.err);
}

#[test]
fn a_wrong_exception_for_alerts_is_an_error_and_hides_nothing() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("events.jsonl"), SHELL).unwrap();
    for (text, says) in [
        (policy("soon", ""), "`soon` is not a date"),
        ("exceptions: [{rules: [PV-R101], until: 2999-12-31}]\n".to_owned(), "needs a `reason`"),
        (policy("2999-12-31", ", condition: proc.nam = a"), "nonexistent field proc.nam"),
        (policy("2999-12-31", ", condition: ka.verb = get"), "have no ka.verb"),
        (policy("2999-12-31", ", checks: [host-port]"), "has no field `checks`"),
        (policy("2999-12-31", "").replace("PV-R101", "PV-R999"), "no rule is called"),
    ] {
        fs::write(folder.path().join("policy.yaml"), &text).unwrap();
        let args = ["runtime", "replay", "events.jsonl", "--exceptions", "policy.yaml"];
        let ran = run(folder.path(), &args);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{text}{}", ran.err);
        assert!(ran.err.contains(says), "{text}{}", ran.err);
    }
    // One for alerts of the other source is right.
    let other = policy("2999-12-31", "").replace("PV-R101", "PV-R001");
    fs::write(folder.path().join("policy.yaml"), other).unwrap();
    let args = ["runtime", "replay", "events.jsonl", "--exceptions", "policy.yaml"];
    assert_eq!(run(folder.path(), &args).code, 1);
}

#[test]
fn an_audit_event_is_told_the_right_command() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("events.jsonl"), event("get", "pods", &[])).unwrap();
    let ran = run(folder.path(), &["runtime", "replay", "events.jsonl"]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.err.contains("`pavisade runtime audit` evaluates"), "{}", ran.err);
}

#[test]
fn our_rules_are_in_the_catalog_of_checks() {
    let folder = tempfile::tempdir().unwrap();
    let list = |args: &[&str]| {
        let ran = run(folder.path(), &[&["checks", "list", "--json"], args].concat());
        assert_eq!(ran.code, 0, "{args:?} {}", ran.err);
        let all: Vec<Value> = serde_json::from_str(&ran.out).unwrap();
        all
    };
    let is_rule = |one: &&Value| one["id"].as_str().unwrap().starts_with("PV-R");
    let all = list(&[]);
    assert_eq!(all.iter().filter(is_rule).count(), 72);
    let checks = all.len() - 72;
    assert_eq!(list(&["--check", "runtime"]).len(), 72);
    assert_eq!(list(&["--check", "PV-R0*"]).len(), 18);
    assert_eq!(list(&["--skip", "PV-R*"]).len(), checks);
    assert_eq!(list(&["--check", "PV-C001,PV-R001"]).len(), 2);
    assert!(list(&["-F", "cis-1.12"]).iter().all(|one| !is_rule(&one)));
    let severe = list(&["--check", "severity:critical"]);
    assert!(severe.iter().any(|one| one["id"] == "PV-R106" && one["severity"] == "critical"));

    for word in ["PV-R001", "pv-r001", "Shell or command in a container by a person"] {
        let ran = run(folder.path(), &["checks", "explain", word]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        for part in [
            "low[PV-R001]",
            "technique",
            "T1609",
            "Why",
            "kubectl exec",
            "Response",
            "Ask the user",
        ] {
            assert!(ran.out.contains(part), "{part}: {}", ran.out);
        }
    }
    let ran = run(folder.path(), &["checks", "explain", "PV-R001", "--json"]);
    let card: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&card["source"], &card["techniques"][0]), (&json!("k8s_audit"), &json!("T1609")));
    assert!(card["detail"]["fix"].as_str().unwrap().starts_with("Ask the user"), "{card}");
    // A scan does not evaluate it, and says where it belongs.
    let ran = run(folder.path(), &["scan", "--check", "PV-R001"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("is a runtime rule"), "{}", ran.err);
    // The same rule by its ID.
    let ran = run(folder.path(), &["runtime", "rules", "explain", "PV-R001"]);
    assert!(ran.out.contains("compiled"), "{}{}", ran.out, ran.err);
}
