//! What is wrong before anything is loaded.

use std::fs;
use std::process::{Command, Stdio};

/// An agent that could never find anything must not look like one that finds nothing.
#[test]
fn an_agent_without_rules_and_policies_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let audit = "- rule: R\n  desc: d\n  condition: ka.verb = get\n  output: o\n  priority: NOTICE\n  source: k8s_audit\n";
    let plugin = "- rule: P\n  desc: d\n  condition: evt.type = open\n  output: o\n  priority: NOTICE\n  source: okta\n";
    for (name, text, skipped) in
        [("empty", "", false), ("audit", audit, false), ("okta", plugin, true)]
    {
        let file = folder.path().join(name);
        fs::write(&file, text).unwrap();
        let mut agent = Command::new(env!("CARGO_BIN_EXE_pavisade-agent"));
        agent.args(["run", "--only-these-rules", "--rules"]).arg(&file).stdin(Stdio::null());
        let ran = agent.output().unwrap();
        let err = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.code(), Some(2), "{name}: {err}");
        assert!(err.contains("nothing would be found"), "{name}: {err}");
        assert_eq!(err.contains("skipped: "), skipped, "{name}: {err}");
    }
}
