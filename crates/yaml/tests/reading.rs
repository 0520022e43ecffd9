//! Reading through the public API: spans, notes, recovery, limits.

use pavisade_yaml::{Kind, NoteKind, Source, dockerfile, objects, read, to_json};
use proptest::prelude::*;

fn json(text: &str) -> Vec<String> {
    let source = Source::new("t", text);
    read(&source).docs.iter().map(|doc| to_json(doc.root())).collect()
}

#[test]
fn values_are_what_kubectl_sends() {
    for (text, expected) in [
        ("a: yes\nb: 014\nc: 1.10\nd: 1e3", r#"{"a":true,"b":12,"c":1.1,"d":1000}"#),
        ("y: 1\n1.5: 2\n~a: 3", r#"{"1.5":2,"true":1,"~a":3}"#),
        (
            "a: 'it''s'\nb: \"\\u00e9\\x41\"\nc: x\n  y\n\n  z",
            "{\"a\":\"it's\",\"b\":\"éA\",\"c\":\"x y\\nz\"}",
        ),
        ("a: |\n  x\n   y\n\nb: >-\n  x\n  y\n\n  z\n", "{\"a\":\"x\\n y\\n\",\"b\":\"x y\\nz\"}"),
        (
            "a: &x {b: 1}\nc: {b: 0, <<: *x}\nd: {<<: *x, b: 2}",
            r#"{"a":{"b":1},"c":{"b":1},"d":{"b":2}}"#,
        ),
        ("a: {<<: [{x: 1}, {x: 2, z: 3}]}", r#"{"a":{"x":1,"z":3}}"#),
        ("a: [1, b: 2, {c}]", r#"{"a":[1,{"b":2},{"c":null}]}"#),
        ("\u{feff}a: 1\r\nb: |\r\n  x\r\n", "{\"a\":1,\"b\":\"x\\n\"}"),
        ("{\"a\":\"\\ud83d\\ude00\\ud800\"}", "{\"a\":\"😀\u{fffd}\"}"),
    ] {
        assert_eq!(json(text), [expected], "{text}");
    }
}

#[test]
fn a_bad_document_does_not_hide_the_others() {
    let source = Source::new("t", "a: 1\n---\nb: [\n---\nc: 3\n");
    let documents = read(&source);
    let read: Vec<_> = documents.docs.iter().map(|doc| to_json(doc.root())).collect();
    assert_eq!(read, [r#"{"a":1}"#, r#"{"c":3}"#]);
    assert_eq!(documents.sent, 1, "kubectl stops at the second");
    let [note] = &documents.notes[..] else { panic!("{:?}", documents.notes) };
    assert_eq!(note.kind, NoteKind::Unreadable);
    assert_eq!(source.line_column(note.span.0).0, 4, "where the list should have ended");
}

#[test]
fn what_follows_one_json_document_is_yaml_unless_it_is_too_short_for_kubectl() {
    for (rest, stops) in
        [("  #\n", true), ("\n#\n", true), (" # c\n", false), ("\n# c\n", false), ("\n", false)]
    {
        let documents = read(&Source::new("t", format!("{{\"a\": 1}}{rest}")));
        assert_eq!(documents.docs.len(), 1, "{rest:?}");
        let stopped = documents.notes.iter().any(|note| note.kind == NoteKind::Refused);
        assert_eq!(stopped, stops, "{rest:?}");
    }
}

#[test]
fn notes_are_inside_of_their_text() {
    for text in
        ["!", "!x", "a: !", "a: [", "{\"a\":1}#", "{\"a\":1}{\"b\":2}x", "a: \"", "--- a\nb"]
    {
        let source = Source::new("t", text);
        for note in read(&source).notes {
            let (start, end) = note.span;
            assert!(start < end && end as usize <= source.text().len(), "{text}: {note:?}");
        }
    }
}

#[test]
fn values_know_their_place() {
    let source =
        Source::new("t", "spec:\n  é: 1\n  containers:\n  - {name: web, image: 'nginx:1'}\n");
    let documents = read(&source);
    let root = documents.docs[0].root();
    let container = root.at(&["spec", "containers"]).and_then(|c| c.items().next()).unwrap();
    let image = container.get("image").unwrap();
    let span = image.span();
    assert_eq!(&source.text()[span.start as usize..span.end as usize], "'nginx:1'");
    assert_eq!(source.line_column(image.key_span().unwrap().start), (4, 17));
    assert_eq!(image.parent().unwrap().id(), container.id());
    assert_eq!(image.key(), Some("image"));
    assert_eq!(root.at(&["spec", "é"]).unwrap().as_i64(), Some(1));
}

#[test]
fn comments_are_kept() {
    let source = Source::new("t", "# one\na: 1 # two\nb: |  # three\n  # text\n");
    let documents = read(&source);
    let comments: Vec<_> = documents.docs[0]
        .comments()
        .map(|span| &source.text()[span.start as usize..span.end as usize])
        .collect();
    assert_eq!(comments, ["# one", "# two", "# three"]);
}

#[test]
fn lists_are_unrolled_and_bad_elements_refused_alone() {
    let source = Source::new(
        "t",
        "kind: ConfigMapList\napiVersion: v1\nitems: [{metadata: {name: a}}, {kind: X}, null]",
    );
    let documents = read(&source);
    let objects = objects(documents.docs[0].root());
    let kinds: Vec<_> = objects.sent.iter().map(|o| (o.api_version, o.kind)).collect();
    assert_eq!(kinds, [("v1", "ConfigMap"), ("v1", "ConfigMap")]);
    assert_eq!(objects.refused.len(), 1);
}

#[test]
fn what_a_reader_sees_and_the_cluster_does_not_is_noted() {
    let source = Source::new("t", "a: 1\na: 2\n...\nb: 3\n");
    let documents = read(&source);
    assert_eq!(to_json(documents.docs[0].root()), r#"{"a":2}"#);
    let kinds: Vec<_> = documents.notes.iter().map(|note| note.kind).collect();
    assert_eq!(kinds, [NoteKind::DuplicateKey, NoteKind::DroppedText]);
}

#[test]
fn a_million_laughs_end_in_a_note() {
    let mut text = String::from("a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
    for level in 1..20 {
        let below = level - 1;
        text += &format!("a{level}: &a{level} [{}]\n", format!("*a{below}, ").repeat(9));
    }
    let documents = read(&Source::new("t", text));
    assert!(documents.docs.is_empty());
    assert!(documents.notes[0].message.contains("excessive aliasing"));
}

#[test]
fn depth_is_bounded_and_costs_no_stack() {
    let shallow = format!("a: {}{}", "[".repeat(9_000), "]".repeat(9_000));
    let documents = read(&Source::new("t", shallow));
    assert_eq!(to_json(documents.docs[0].root()).len(), 9_000 * 2 + "{'a':}".len());
    for deep in ["[".repeat(20_000), "- ".repeat(20_000), "{a: ".repeat(20_000)] {
        let documents = read(&Source::new("t", deep));
        assert!(documents.docs.is_empty());
        assert!(documents.notes[0].message.contains("nested deeper"), "{:?}", documents.notes);
    }
    let json = format!("{{\"a\":{}{}}}", "[".repeat(50_000), "]".repeat(50_000));
    assert!(read(&Source::new("t", json)).docs.is_empty());
}

#[test]
fn many_keys_and_documents_take_linear_time() {
    let keys: String = (0..200_000).map(|i| format!("k{i}: {i}\n")).collect();
    let documents = read(&Source::new("t", keys));
    assert_eq!(documents.docs[0].root().entries().count(), 200_000);
    let stream = "---\na: 1\n".repeat(100_000);
    assert_eq!(read(&Source::new("t", stream)).docs.len(), 100_000);
    let line = format!("a: {{{}}}\n", "é: x, ".repeat(100_000));
    assert_eq!(read(&Source::new("t", line)).docs.len(), 1);
}

#[test]
fn dockerfiles_are_read_through_continuations_arguments_and_here_documents() {
    let text = "ARG TAG=1.26\nFROM --platform=linux/amd64 golang:${TAG} AS build\n\
                RUN <<EOF\nUSER nobody\nEOF\nFROM scratch\nUSER root\nuser \\\n  # why\n  app\n";
    let source = Source::new("Dockerfile", text);
    let expected =
        r#"{"stages":[{"from":"golang:1.26","name":"build"},{"from":"scratch","user":"app"}]}"#;
    assert_eq!(to_json(dockerfile(&source).root()), expected);
}

proptest! {
    /// For any input: no panic, spans within the text, and JSON that parses to the same value.
    #[test]
    fn any_text_is_read_or_noted(text in "[ -~\n\té\u{85}]{0,200}") {
        let source = Source::new("t", text);
        for doc in &read(&source).docs {
            for value in doc.root().descendants() {
                let span = value.span();
                prop_assert!(source.text().get(span.start as usize..span.end as usize).is_some());
            }
            let json = to_json(doc.root());
            if doc.root().kind() == Kind::Mapping {
                let again = read(&Source::new("t", json.as_str()));
                prop_assert_eq!(to_json(again.docs[0].root()), json);
            }
        }
    }
}

#[test]
fn an_alias_means_its_anchor_whatever_overrides_it_later() {
    let cases = [
        ("a: {k: &v {p: true}, k: x}\nb: *v", r#"{"a":{"k":"x"},"b":{"p":true}}"#),
        ("a: {k: &v 1, k: x}\nb: *v", r#"{"a":{"k":"x"},"b":1}"#),
        ("a: {k: &v yes, k: x}\n*v : b", r#"{"a":{"k":"x"},"true":"b"}"#),
        ("a: {<<: &v {p: true}, p: x}\nb: *v", r#"{"a":{"p":"x"},"b":{"p":true}}"#),
        ("a: {<<: {q: &v {p: 1}}, q: x}\nb: *v", r#"{"a":{"q":"x"},"b":{"p":1}}"#),
        ("a: {<<: &v [{p: 1}, {p: 2}], p: x}\nb: *v", r#"{"a":{"p":"x"},"b":[{"p":1},{"p":2}]}"#),
        // Keys overridden by the anchor's own keys stay overridden.
        ("a: {<<: &v {p: 1, p: 2}, p: x}\nb: *v", r#"{"a":{"p":"x"},"b":{"p":2}}"#),
        ("a: {<<: &v {<<: {p: 1}, p: 2}, p: x}\nb: *v", r#"{"a":{"p":"x"},"b":{"p":2}}"#),
        ("a: {<<: &v {<<: {p: 1}, p: 2}, p: x}\nb: {<<: *v}", r#"{"a":{"p":"x"},"b":{"p":2}}"#),
    ];
    for (text, expected) in cases {
        let documents = read(&Source::new("f", text));
        assert_eq!(documents.docs.len(), 1, "{text}: {:?}", documents.notes);
        assert_eq!(to_json(documents.docs[0].root()), expected, "{text}");
    }
}

#[test]
fn aliases_make_no_more_than_a_multiple_of_the_text() {
    let bomb = |aliases| {
        let filler = "x,".repeat(3500);
        format!("c: [{filler}]\na: &a [{}]\nb: [{}]", "x,".repeat(500), "*a,".repeat(aliases))
    };
    assert_eq!(read(&Source::new("f", bomb(60))).docs.len(), 1);
    assert!(read(&Source::new("f", bomb(750))).docs.is_empty());
}

#[test]
fn merges_within_merges_are_settled_once() {
    let (depth, keys) = (4000, 5000);
    let inner: String = (0..keys).map(|i| format!("k{i}: v,")).collect();
    let text = format!("a: {}{{{inner}}}{}", "{<<: ".repeat(depth), "}".repeat(depth));
    let documents = read(&Source::new("f", text));
    assert_eq!(documents.docs[0].root().get("a").unwrap().entries().count(), keys);
}

#[test]
fn a_text_of_more_documents_than_are_read_says_so() {
    for text in ["---\na: 1\n".repeat(500_010), "{}\n".repeat(500_010)] {
        let documents = read(&Source::new("t", text));
        assert_eq!(documents.docs.len(), 500_000);
        let kinds: Vec<_> = documents.notes.iter().map(|note| note.kind).collect();
        assert_eq!(kinds, [NoteKind::Limit]);
    }
}

#[test]
fn a_document_of_more_values_than_are_read_is_refused() {
    for text in [format!("a:\n{}", "- 1\n".repeat((16 << 20) + 1)), {
        let anchor = format!("a: &a [{}]\nb:\n", "x,".repeat(100_000));
        anchor + &"- *a\n".repeat(200)
    }] {
        let documents = read(&Source::new("t", text));
        assert!(documents.docs.is_empty());
        assert_eq!(documents.notes[0].kind, NoteKind::Unreadable);
    }
}
