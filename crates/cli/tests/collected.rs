//! `pavisade node collect` as a user starts it.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use crate::started::run;

/// Facts of a node, with a configuration that the kubelet uses.
fn node(name: &str, time: &str, port: u16) -> [Value; 2] {
    let labels = json!({"pavisade.dev/from-node": name});
    [
        json!({"apiVersion": "pavisade.dev/v1", "kind": "NodeFacts", "metadata": {"name": name},
            "time": time}),
        json!({"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
            "metadata": {"name": name, "labels": labels}, "readOnlyPort": port}),
    ]
}

fn list(items: &[Value]) -> Value {
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}

#[test]
fn joined_facts_are_joined_again_and_none_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let old = node("a", "2026-12-01T10:00:00Z", 1);
    let new = node("a", "2026-12-01T11:00:00Z", 2);
    let [facts, config] = node("b", "2026-12-01T10:00:00Z", 3);
    let files = json!({"apiVersion": "pavisade.dev/v1", "kind": "IntegrityFacts",
        "metadata": {"name": "b"}, "verified": "2026-12-01T10:00:00Z"});
    // The configuration of b is not next to its facts.
    let [a, of_a] = old.clone();
    write("joined", &list(&[config, a, of_a, facts, files]).to_string());
    write("new", &list(&new).to_string());
    write("old", &list(&old).to_string());
    for order in [&["joined", "new"][..], &["new", "joined"], &["old", "new", "joined", "old"]] {
        let done = run(folder.path(), &[&["node", "collect"], order].concat());
        assert_eq!(done.code, 0, "{order:?}: {}", done.err);
        assert!(done.err.contains("facts of 2 nodes"), "{order:?}: {}", done.err);
        let all: Value = serde_json::from_str(&done.out).unwrap();
        let of = |one: &Value| {
            let name = one["metadata"]["name"].as_str().unwrap();
            format!("{} {name} {}", one["kind"].as_str().unwrap(), one["readOnlyPort"])
        };
        let all: Vec<_> = all["items"].as_array().unwrap().iter().map(of).collect();
        let expected = [
            "IntegrityFacts b null",
            "KubeletConfiguration a 2",
            "KubeletConfiguration b 3",
            "NodeFacts a null",
            "NodeFacts b null",
        ];
        assert_eq!(all.len(), expected.len(), "{order:?}: {all:?}");
        assert_eq!(all.iter().map(String::as_str).collect::<BTreeSet<_>>(), expected.into());
    }
}

#[test]
fn a_bad_line_hides_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &[u8]| fs::write(folder.path().join(name), text).unwrap();
    let [facts, _] = node("a", "2026-12-01T10:00:00Z", 1);
    let without_name = json!({"kind": "NodeFacts", "metadata": {}});
    write("bad", format!("x\n{}\n{}\n", list(&[without_name, facts.clone()]), json!(1)).as_bytes());
    let done = run(folder.path(), &["node", "collect", "bad"]);
    assert!(done.code == 3 && done.err.contains("3 documents contain"), "{}", done.err);
    assert!(done.err.contains("facts of 1 node\n"), "{}", done.err);
    write("bytes", &[b"\xff\n".as_slice(), facts.to_string().as_bytes()].concat());
    write("empty", b"\n");
    let done = run(folder.path(), &["node", "collect", "bytes", "empty"]);
    assert!(done.code == 3 && done.err.contains("facts of 1 node\n"), "{}", done.err);
    assert!(done.err.contains("empty: it is empty"), "{}", done.err);
    let done = run(folder.path(), &["node", "collect", "empty"]);
    assert!(done.code == 2 && done.err.contains("no facts were found"), "{}", done.err);
}
