use serde_json::json;

use super::*;
use crate::{Source, read};

/// Returns the text after one edit at a path like `spec.containers.0.image`.
fn edited(text: &str, path: &str, edit: Edit) -> String {
    let source = Source::new("t", text);
    let docs = read(&source).docs;
    let mut at = docs[0].root();
    let mut steps = path.split('.').filter(|s| !s.is_empty()).peekable();
    while let Some(step) = steps.peek() {
        let next = match step.parse::<usize>() {
            Ok(index) => at.items().nth(index),
            Err(_) => at.get(step),
        };
        let Some(next) = next else { break };
        at = next;
        steps.next();
    }
    let below = steps.map(str::to_owned).collect();
    let group = vec![Amendment { at: at.id(), below, edit }];
    let amended = amend(&docs[0], &[group]);
    match &amended.made[0] {
        Ok(()) => amended.text,
        Err(why) => format!("refused: {why}"),
    }
}

#[track_caller]
fn check(text: &str, path: &str, edit: Edit, expect: &str) {
    assert_eq!(edited(text, path, edit), expect);
}

#[test]
fn a_scalar_keeps_its_quotes_and_comment() {
    let set = |v: serde_json::Value| Edit::Set(v);
    check("a: true # why\nb: 1\n", "a", set(json!(false)), "a: false # why\nb: 1\n");
    check("a: \"x\"  # c\n", "a", set(json!("y z")), "a: \"y z\"  # c\n");
    check("a: 'x'\n", "a", set(json!("it's")), "a: 'it''s'\n");
    check("a: x\n", "a", set(json!("yes")), "a: \"yes\"\n");
    check("a: |\n  x\n  y\n\nb: 1\n", "a", set(json!("z")), "a: z\n\nb: 1\n");
    check("l:\n- --a=true\n- b\n", "l.0", set(json!("--a=false")), "l:\n- --a=false\n- b\n");
}

#[test]
fn an_absent_field_takes_the_indent_of_its_siblings() {
    let text = "spec:\n    containers:\n    - name: a  # c\n      image: x\n    # tail\n";
    check(
        text,
        "spec.containers.0.securityContext.capabilities.drop",
        Edit::Append(json!("ALL")),
        "spec:\n    containers:\n    - name: a  # c\n      image: x\n      securityContext:\n          \
         capabilities:\n              drop:\n              - ALL\n    # tail\n",
    );
    check("a:\n  - x: 1\n", "b", Edit::Set(json!(["y"])), "a:\n  - x: 1\nb:\n  - \"y\"\n");
    check("a:\nb: 1\n", "a.c", Edit::Set(json!(2)), "a:\n  c: 2\nb: 1\n");
    check("a: null\nb: 1\n", "a.c", Edit::Set(json!(2)), "a:\n  c: 2\nb: 1\n");
    check("a: {}\n", "a.c", Edit::Set(json!(2)), "a:\n  c: 2\n");
    check("a: {b: 1}\n", "a.c", Edit::Set(json!(2)), "a: {b: 1, c: 2}\n");
    check(
        "{\"a\": {\"b\": 1}}\n",
        "a.c",
        Edit::Set(json!("d")),
        "{\"a\": {\"b\": 1, \"c\": \"d\"}}",
    );
    check(
        "{\n  \"a\": {\n    \"b\": 1\n  }\n}\n",
        "a.c",
        Edit::Set(json!(true)),
        "{\n  \"a\": {\n    \"b\": 1,\n    \"c\": true\n  }\n}",
    );
    check(
        "a: 1\r\nb:\r\n  c: 1\r\n",
        "b.d",
        Edit::Set(json!(2)),
        "a: 1\r\nb:\r\n  c: 1\r\n  d: 2\r\n",
    );
}

#[test]
fn a_new_line_goes_behind_the_comments_of_what_is_above() {
    let set = || Edit::Set(json!(2));
    // Comments of a list: indented further, at its column, or separated by a blank line.
    check(
        "p:\n- a: 1\n  l:\n  - x\n  # - y\n  #   z: 1\n- b: 1\n",
        "p.0.new",
        set(),
        "p:\n- a: 1\n  l:\n  - x\n  # - y\n  #   z: 1\n  new: 2\n- b: 1\n",
    );
    check(
        "m:\n  l:\n  - x\n    # more\n",
        "m.new",
        set(),
        "m:\n  l:\n  - x\n    # more\n  new: 2\n",
    );
    check(
        "l:\n- x\n\n  # more\nm: 1\n",
        "l",
        Edit::Append(json!("y")),
        "l:\n- x\n\n  # more\n- \"y\"\nm: 1\n",
    );
    check("l:\n- x\n# - z\nm: 1\n", "l", Edit::Append(json!("w")), "l:\n- x\n# - z\n- w\nm: 1\n");
    check(
        "l:\n- x\n# about m\nm: 1\n",
        "l",
        Edit::Append(json!("w")),
        "l:\n- x\n- w\n# about m\nm: 1\n",
    );
    check(
        "l:\n  - x\n  # end\nm: 1\n",
        "l",
        Edit::Append(json!("w")),
        "l:\n  - x\n  # end\n  - w\nm: 1\n",
    );
    // At the map's own column, where the comment cannot belong to anything else.
    check("m:\n  a: 1\n  # b: 1\nn: 1\n", "m.c", set(), "m:\n  a: 1\n  # b: 1\n  c: 2\nn: 1\n");
    check(
        "m:\n  a: 1\n  # b: 1\n  # c: 1\n",
        "m.d",
        set(),
        "m:\n  a: 1\n  # b: 1\n  # c: 1\n  d: 2\n",
    );
    // Comments about the next entry, or possibly about the next document.
    check("m:\n- a: 1\n# next\n- b: 1\n", "m.0.c", set(), "m:\n- a: 1\n  c: 2\n# next\n- b: 1\n");
    check("a: 1\n# next\n", "c", set(), "a: 1\nc: 2\n# next\n");
    check(
        "m:\n  a: 1\n\n  # apart\nn: 1\n",
        "m.c",
        set(),
        "m:\n  a: 1\n  c: 2\n\n  # apart\nn: 1\n",
    );
    // Not a comment.
    check("m:\n  a: |\n    x\n    # y\n", "m.c", set(), "m:\n  a: |\n    x\n    # y\n  c: 2\n");
    check("m:\n  a: |+\n    x\n\nn: 1\n", "m.c", set(), "m:\n  a: |+\n    x\n\n  c: 2\nn: 1\n");
}

#[test]
fn a_comment_stays_in_its_line() {
    let set = || Edit::Set(json!(2));
    check("a: {} # c\nb: 1\n", "a.new", set(), "a: # c\n  new: 2\nb: 1\n");
    check("a: # c\nb: 1\n", "a.new", set(), "a: # c\n  new: 2\nb: 1\n");
    check("a:\n  # c\nb: 1\n", "a.new", set(), "a:\n  # c\n  new: 2\nb: 1\n");
    check("a:\n# c\nb: 1\n", "a.new", set(), "a:\n  new: 2\n# c\nb: 1\n");
    check("a: null  # c\nb: 1\n", "a.new", set(), "a:  # c\n  new: 2\nb: 1\n");
    check("a: {\n  b: 1 # c\n}\n", "a.new", set(), "a: {\n  b: 1, # c\n  new: 2\n}\n");
    check("a: {\n  b: 1, # c\n}\n", "a.new", set(), "a: {\n  b: 1, # c\n  new: 2,\n}\n");
}

#[test]
fn what_is_new_looks_like_what_is_old() {
    let set = |v: serde_json::Value| Edit::Set(v);
    check("l:\n- --a=b,c\n", "l.0", set(json!("--a=b,d:e")), "l:\n- --a=b,d:e\n");
    check("l: [--a=b]\n", "l.0", set(json!("--a=b,d")), "l: [\"--a=b,d\"]\n");
    check("m:\n  a: x # c\n", "m.a", set(json!({"t": "y z"})), "m:\n  a: # c\n    t: y z\n");
    check("a:\n  - x # c\n", "a", set(json!(["z"])), "a:\n  - z\n");
    // Multi-line JSON and JSON without blanks.
    check(
        "{\n\t\"a\": {\n\t\t\"b\": 1\n\t}\n}\n",
        "a.c",
        set(json!({"d": ["e"]})),
        "{\n\t\"a\": {\n\t\t\"b\": 1,\n\t\t\"c\": {\n\t\t\t\"d\": [\n\t\t\t\t\"e\"\n\t\t\t]\n\t\t}\n\t}\n}",
    );
    let pretty = "{\n  \"a\": {},\n  \"l\": [\n    \"x\"\n  ],\n  \"e\": []\n}";
    let a = pretty.replace("{}", "{\n    \"b\": 1\n  }");
    check(pretty, "a.b", set(json!(1)), &a);
    check(pretty, "l", set(json!(["y"])), &pretty.replace('x', "y"));
    let e = pretty.replace("[]", "[\n    \"y\"\n  ]");
    check(pretty, "e", Edit::Append(json!("y")), &e);
    check("{\"a\":{}}", "a.b", set(json!([1])), "{\"a\":{\"b\":[1]}}");
    check(
        "{\"a\":{\"b\":1}}",
        "a.c",
        set(json!({"d": ["e"]})),
        "{\"a\":{\"b\":1,\"c\":{\"d\":[\"e\"]}}}",
    );
}

#[test]
fn what_is_removed_takes_its_line_and_nothing_else() {
    check("a: 1\nb: 2 # x\nc: 3\n", "b", Edit::Remove, "a: 1\nc: 3\n");
    check("- a: 1\n  b: 2\n", "0.a", Edit::Remove, "- b: 2\n");
    check("l:\n- a\n- b\n", "l.1", Edit::Remove, "l:\n- a\n");
    check("l:\n- a\nm: 1\n", "l.0", Edit::Remove, "l: []\nm: 1\n");
    check("s:\n  p: true\nm: 1\n", "s.p", Edit::Remove, "s: {}\nm: 1\n");
    check("l: [a, b, c]\n", "l.1", Edit::Remove, "l: [a, c]\n");
    check("l: [a, b]\n", "l.1", Edit::Remove, "l: [a]\n");
    check("m: {a: 1}\n", "m.a", Edit::Remove, "m: {}\n");
    check(
        "v:\n- name: x\n  hostPath:\n    path: /\n# c\n- name: y\n",
        "v.0",
        Edit::Remove,
        "v:\n# c\n- name: y\n",
    );
}

#[test]
fn an_element_is_appended_once() {
    check("l:\n- a\n", "l", Edit::Append(json!("b")), "l:\n- a\n- b\n");
    check("l: [a]\n", "l", Edit::Append(json!("b")), "l: [a, b]\n");
    check("l: []\n", "l", Edit::Append(json!("b")), "l: [b]\n");
    check("l:\n- a\n", "l", Edit::Append(json!("a")), "l:\n- a\n");
}

#[test]
fn shared_text_is_refused() {
    let text = "a: &x {b: 1}\nc: *x\n";
    for path in ["a.b", "c.b"] {
        let got = edited(text, path, Edit::Set(json!(2)));
        assert!(got.starts_with("refused: it cannot be changed on its own"), "{got}");
    }
    let merged = "a: &x {b: 1}\nc:\n  <<: *x\n  d: 1\n";
    assert!(edited(merged, "c.b", Edit::Set(json!(2))).starts_with("refused"));
    // Adding a key next to a merge is allowed.
    check(merged, "c.e", Edit::Set(json!(2)), "a: &x {b: 1}\nc:\n  <<: *x\n  d: 1\n  e: 2\n");
}

#[test]
fn groups_are_whole_and_know_of_each_other() {
    let source = Source::new("t", "l:\n- a\n- b\n- c: 1\n");
    let docs = read(&source).docs;
    let list = docs[0].root().get("l").unwrap();
    let item = |i: usize| list.items().nth(i).unwrap().id();
    let one = |at, below: &[&str], edit| Amendment {
        at,
        below: below.iter().map(|s| (*s).to_owned()).collect(),
        edit,
    };
    let amended = amend(
        &docs[0],
        &[
            vec![one(item(0), &[], Edit::Remove)],
            vec![one(item(2), &["c"], Edit::Set(json!(2)))],
            vec![one(item(2), &["c"], Edit::Set(json!(3)))],
            vec![one(item(0), &[], Edit::Remove), one(item(1), &[], Edit::Set(json!("x")))],
            vec![
                one(item(1), &[], Edit::Set(json!("y"))),
                one(item(0), &[], Edit::Set(json!("z"))),
            ],
        ],
    );
    assert_eq!(amended.text, "l:\n- x\n- c: 2\n");
    let made: Vec<_> = amended.made.iter().map(Result::is_ok).collect();
    assert_eq!(made, [true, true, false, true, false]);
}
