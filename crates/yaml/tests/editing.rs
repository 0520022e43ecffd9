//! Random edits of random documents: an edit keeps every other value, every comment and every other
//! line unchanged, and most edits succeed.

use std::fmt::Write as _;

use pavisade_yaml::{Amendment, Edit, Kind, Source, Value, amend, amend_one_by_one, read, to_json};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

/// A generated document, including the style of each value.
#[derive(Debug, Clone)]
enum Part {
    Scalar(&'static str),
    Block(Vec<(String, Part)>),
    Flow(Vec<(String, Part)>),
    List { indented: bool, items: Vec<Part> },
    FlowList(Vec<Part>),
}

const SCALARS: [&str; 14] = [
    "a",
    "12",
    "true",
    "null",
    "\"quoted # text\"",
    "'it''s'",
    "x: \"y\"",
    "~",
    "''",
    "a b c",
    "-1.5",
    "|\n  TEXT\n  MORE\n",
    ">-\n  TEXT\n  MORE\n",
    "--flag=1",
];

fn part() -> impl Strategy<Value = Part> {
    // Values on a single line, which are valid in flow style too.
    let plain = prop::sample::select(vec![0_usize, 1, 2, 3, 4, 5, 7, 8, 9, 10, 13]);
    let flow_leaf = plain.prop_map(|i| Part::Scalar(SCALARS[i])).boxed();
    let flow = flow_leaf.clone().prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Part::FlowList),
            prop::collection::vec(inner, 0..4).prop_map(|v| Part::Flow(named(v))),
        ]
    });
    let leaf = prop_oneof![
        3 => flow,
        1 => prop::sample::select(vec![11_usize, 12]).prop_map(|i| Part::Scalar(SCALARS[i])),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            2 => prop::collection::vec(inner.clone(), 1..5).prop_map(|v| Part::Block(named(v))),
            1 => (any::<bool>(), prop::collection::vec(inner, 1..4))
                .prop_map(|(indented, items)| Part::List { indented, items }),
        ]
    })
}

fn named(parts: Vec<Part>) -> Vec<(String, Part)> {
    parts.into_iter().enumerate().map(|(i, part)| (format!("k{i}"), part)).collect()
}

/// Writes documents with comments in all possible places.
struct Writer {
    text: String,
    comments: usize,
    line_end: &'static str,
}

impl Writer {
    fn comment(&mut self, indent: usize) {
        self.comments += 1;
        let _ = write!(self.text, "{}# c{}{}", " ".repeat(indent), self.comments, self.line_end);
    }

    /// Writes a value after a colon or dash, to the end of the line.
    fn value(&mut self, part: &Part, indent: usize) {
        match part {
            Part::Scalar(text) if text.contains('\n') => {
                let (head, body) = text.split_once('\n').unwrap();
                let _ = write!(self.text, " {head}{}", self.line_end);
                for line in body.lines() {
                    let _ = write!(
                        self.text,
                        "{}{}{}",
                        " ".repeat(indent + 2),
                        line.trim(),
                        self.line_end
                    );
                }
            }
            Part::Block(entries) => {
                self.end();
                self.entries(entries, indent + 2, false);
            }
            Part::List { indented, items } => {
                self.end();
                self.items(items, indent + if *indented { 2 } else { 0 });
            }
            flow => {
                self.text.push(' ');
                self.flow(flow);
                self.end();
            }
        }
    }

    fn end(&mut self) {
        self.comments += 1;
        let _ = write!(self.text, " # c{}{}", self.comments, self.line_end);
    }

    fn entries(&mut self, entries: &[(String, Part)], indent: usize, behind_dash: bool) {
        for (index, (key, part)) in entries.iter().enumerate() {
            if index > 0 || !behind_dash {
                self.comment(indent);
                let _ = write!(self.text, "{}", " ".repeat(indent));
            }
            let _ = write!(self.text, "{key}:");
            self.value(part, indent);
        }
    }

    fn items(&mut self, items: &[Part], indent: usize) {
        for item in items {
            let _ = write!(self.text, "{}-", " ".repeat(indent));
            match item {
                Part::Block(entries) => {
                    self.text.push(' ');
                    self.entries(entries, indent + 2, true);
                }
                Part::List { items, .. } => {
                    self.end();
                    self.items(items, indent + 2);
                }
                other => self.value(other, indent),
            }
        }
    }

    fn flow(&mut self, part: &Part) {
        match part {
            Part::Scalar(text) => self.text.push_str(text),
            Part::Flow(entries) => {
                self.text.push('{');
                for (i, (key, part)) in entries.iter().enumerate() {
                    let _ = write!(self.text, "{}{key}: ", if i > 0 { ", " } else { "" });
                    self.flow(part);
                }
                self.text.push('}');
            }
            Part::FlowList(items) => {
                self.text.push('[');
                for (i, part) in items.iter().enumerate() {
                    self.text.push_str(if i > 0 { ", " } else { "" });
                    self.flow(part);
                }
                self.text.push(']');
            }
            Part::Block(_) | Part::List { .. } => unreachable!("blocks are not in flow style"),
        }
    }
}

fn edits() -> impl Strategy<Value = (Edit, Vec<&'static str>)> {
    let values = prop::sample::select(vec![
        json!(true),
        json!("text"),
        json!("yes"),
        json!({"a": {"b": [1, "c"]}}),
        json!(["x"]),
        json!("with: colon # and hash"),
        json!(""),
    ]);
    let below = prop::sample::select(vec![vec![], vec!["new"], vec!["new", "a.b/c"]]);
    prop_oneof![
        (values.clone(), below.clone()).prop_map(|(value, below)| (Edit::Set(value), below)),
        (values, below).prop_map(|(value, below)| (Edit::Append(value), below)),
        Just((Edit::Remove, vec![])),
    ]
}

fn pointer(value: Value<'_>) -> Vec<String> {
    let (mut steps, mut at) = (Vec::new(), value);
    while let Some(parent) = at.parent() {
        let index = || parent.items().position(|item| item.id() == at.id()).unwrap().to_string();
        steps.push(at.key().map_or_else(index, str::to_owned));
        at = parent;
    }
    steps.reverse();
    steps
}

/// Returns the JSON after the edit, with an implementation independent of the editor.
fn expected(mut json: Json, pointer: &[String], edit: &Edit, below: &[&str]) -> Json {
    let escape = |step: &str| step.replace('~', "~0").replace('/', "~1");
    let path =
        |steps: &[String]| steps.iter().map(|s| format!("/{}", escape(s))).collect::<String>();
    match edit {
        Edit::Remove => {
            let (last, around) = pointer.split_last().unwrap();
            match json.pointer_mut(&path(around)).unwrap() {
                Json::Object(map) => drop(map.remove(last)),
                Json::Array(list) => drop(list.remove(last.parse().unwrap())),
                _ => unreachable!(),
            }
        }
        Edit::Set(value) | Edit::Append(value) => {
            let mut at = json.pointer_mut(&path(pointer)).unwrap();
            for name in below {
                if at.is_null() {
                    *at = json!({});
                }
                at = at.as_object_mut().unwrap().entry(*name).or_insert(Json::Null);
            }
            match (edit, &mut *at) {
                (Edit::Append(_), Json::Array(list)) if list.contains(value) => {}
                (Edit::Append(_), Json::Array(list)) => list.push(value.clone()),
                (Edit::Append(_), _) => *at = json!([value]),
                _ => *at = value.clone(),
            }
        }
    }
    json
}

/// Returns the comments of a text in order.
fn comments(text: &str) -> Vec<String> {
    let found = text.lines().filter_map(|line| line.rsplit_once("# c"));
    found.map(|(_, rest)| rest.trim().to_owned()).filter(|c| c.parse::<u32>().is_ok()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_edit_changes_its_place_and_nothing_else(
        parts in prop::collection::vec(part(), 1..5),
        crlf in any::<bool>(),
        at in any::<prop::sample::Index>(),
        (edit, below) in edits(),
    ) {
        let mut writer =
            Writer { text: String::new(), comments: 0, line_end: if crlf { "\r\n" } else { "\n" } };
        writer.entries(&named(parts), 0, false);
        let source = Source::new("t", writer.text.as_str());
        let docs = read(&source).docs;
        prop_assume!(docs.len() == 1);
        let doc = &docs[0];
        let json: Json = serde_json::from_str(&to_json(doc.root())).unwrap();
        let values: Vec<_> = doc.root().descendants().skip(1).collect();
        let target = *at.get(&values);
        let amendment = Amendment {
            at: target.id(),
            below: below.iter().map(|s| (*s).to_owned()).collect(),
            edit: edit.clone(),
        };
        let amended = amend(doc, &[vec![amendment]]);
        // The existing value is not a map or not a list.
        let into = matches!(target.kind(), Kind::Mapping | Kind::Null);
        let list = matches!(target.kind(), Kind::Sequence | Kind::Null);
        let fits = if below.is_empty() { !matches!(edit, Edit::Append(_)) || list } else { into };
        if !fits {
            prop_assert!(amended.made[0].is_err() && amended.text == writer.text);
            return Ok(());
        }
        prop_assert!(
            amended.made[0].is_ok(),
            "{} at {:?} {edit:?} {below:?}\n{}", amended.made[0].clone().unwrap_err(), pointer(target), writer.text
        );
        let after = read(&Source::new("t", amended.text.as_str()));
        let now: Json = serde_json::from_str(&to_json(after.docs[0].root())).unwrap();
        prop_assert_eq!(&now, &expected(json, &pointer(target), &edit, &below), "{}\n->\n{}", writer.text, amended.text);

        // Comments outside the target's own lines are kept in order.
        let parent = target.parent().unwrap();
        let alone = parent.entries().count() + parent.items().count() == 1;
        let gone = if alone && edit == Edit::Remove { parent } else { target };
        let dash = || writer.text[..gone.span().start as usize].rfind('-');
        let start = gone.key_span().map(|key| key.start).or_else(|| dash().map(|at| at as u32));
        let start = start.unwrap_or(gone.span().start).min(gone.span().start);
        let end = gone.descendants().map(|v| v.span().end).max().unwrap();
        let span = start..end;
        let line = source.line_column(span.start).0..=source.line_column(span.end).0;
        let inside = |comment: &String| {
            let place = writer.text.lines().position(|l| l.trim_end().ends_with(&format!("# c{comment}")));
            line.contains(&(place.unwrap() as u32 + 1))
        };
        let kept = comments(&amended.text);
        for comment in comments(&writer.text) {
            prop_assert!(kept.contains(&comment) || inside(&comment), "{comment} is lost\n{}\n->\n{}", writer.text, amended.text);
        }
        prop_assert!(kept.is_sorted_by_key(|c| c.parse::<u32>().unwrap()));
        if crlf {
            prop_assert!(!amended.text.replace("\r\n", "").contains('\n'), "{:?}", amended.text);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Rounds produce the same bytes and the same results as one edit after another.
    #[test]
    fn all_at_once_is_one_by_one(
        parts in prop::collection::vec(part(), 1..5),
        crlf in any::<bool>(),
        shared in any::<bool>(),
        groups in prop::collection::vec(
            prop::collection::vec((any::<prop::sample::Index>(), edits()), 1..3),
            1..14,
        ),
    ) {
        let mut writer =
            Writer { text: String::new(), comments: 0, line_end: if crlf { "\r\n" } else { "\n" } };
        writer.entries(&named(parts), 0, false);
        let mut text = writer.text;
        if shared {
            // Anchors, an alias and a merge, so that some edits are refused.
            text.push_str("x: &x {k0: 1, k1: 2}\ny: &y\n- {k0: 1}\nz: *y\nm:\n  <<: *x\n  k2: 3\n");
        }
        let source = Source::new("t", text.as_str());
        let docs = read(&source).docs;
        prop_assume!(docs.len() == 1);
        let values: Vec<_> = docs[0].root().descendants().skip(1).collect();
        let groups: Vec<Vec<_>> = groups
            .iter()
            .map(|group| {
                let amendments = group.iter().map(|(at, (edit, below))| Amendment {
                    at: at.get(&values).id(),
                    below: below.iter().map(|s| (*s).to_owned()).collect(),
                    edit: edit.clone(),
                });
                amendments.collect()
            })
            .collect();
        let (all, each) = (amend(&docs[0], &groups), amend_one_by_one(&docs[0], &groups));
        prop_assert_eq!(&all.made, &each.made, "{}", text);
        prop_assert_eq!(&all.text, &each.text, "{}", text);
    }
}
