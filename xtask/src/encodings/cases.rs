//! The texts: each part of a pod's text in different spellings, then laid out, wrapped, placed
//! among other documents and encoded.

use std::collections::BTreeSet;

mod documents;
mod spellings;

use self::documents::{DOCUMENTS, ENCODINGS, LINE_ENDS, WRAPS};
use self::spellings::{KEYS, LAYOUTS, MERGES, TRUTHS, VALUES, fill};

/// One text.
pub(crate) struct Case {
    /// A description of the text.
    pub(crate) name: String,
    /// The file name.
    pub(crate) file: &'static str,
    /// The content.
    pub(crate) text: Vec<u8>,
    /// Whether a part of it is intentionally invalid.
    pub(crate) broken: bool,
}

/// The number of wraps and encodings combined with every spelling: kubectl takes a quarter of a
/// second per text.
const FEW: usize = 3;
/// The layouts that are combined with everything.
const MANY: [&str; 3] = ["block", "flow, escapes", "type at the end"];

/// Returns every text with a unique name.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: String, text: Vec<u8>, broken| {
        let json = name.contains("json");
        let file = if json { "pod.json" } else { "pod.yaml" };
        cases.push(Case { name, file, text, broken });
    };
    let plain = Pod::default();
    for (key, spell) in KEYS {
        for part in [
            &["apiVersion"][..],
            &["kind"],
            &["apiVersion", "kind"],
            &["spec"],
            &["securityContext", "privileged"],
        ] {
            let pod = Pod { keys: part, key: *spell, ..plain };
            add(format!("key {key}, {}", part.join("+")), pod.block().into(), false);
        }
        let pod = Pod { keys: &["apiVersion", "kind"], key: *spell, ..plain }.block();
        for (wrap, wrapped) in &WRAPS[..FEW] {
            add(format!("key {key}, wrap {wrap}"), wrapped(&pod).into(), false);
        }
        for (mark, encode) in &ENCODINGS[1..FEW] {
            add(format!("key {key}, {mark}"), encode(&pod), false);
        }
    }
    for (value, spell) in VALUES {
        for part in ["v1", "Pod"] {
            let pod = Pod { values: part, value: *spell, ..plain };
            add(format!("value {value}, {part}"), pod.block().into(), false);
        }
    }
    for line in TRUTHS.lines() {
        let truth = &*line.replace("\\n", "\n").replace("\\t", "\t");
        add(format!("truth {line}"), Pod { truth, ..plain }.block().into(), false);
    }
    for (merge, text) in MERGES {
        let text = fill(text);
        for (wrap, wrapped) in &WRAPS[..FEW] {
            add(format!("merge {merge}, wrap {wrap}"), wrapped(&text).into(), false);
        }
        add(format!("merge {merge}"), text.into(), false);
    }
    let block = ("block", plain.block());
    let layouts = LAYOUTS.iter().map(|(name, text)| (*name, fill(text)));
    for (layout, text) in [block].into_iter().chain(layouts) {
        for (end, line_end) in LINE_ENDS {
            let text = text.replace('\n', line_end);
            add(format!("layout {layout}, {end}"), text.into(), false);
        }
        for (mark, encode) in ENCODINGS {
            add(format!("layout {layout}, {mark}"), encode(&text), false);
        }
        if ["json", "json, escapes"].contains(&layout) || MANY.contains(&layout) {
            for (around, before, behind) in DOCUMENTS {
                let name = format!("layout {layout}, {around}");
                add(name, format!("{before}{text}{behind}").into(), true);
            }
        }
        for (wrap, wrapped) in WRAPS.iter().filter(|_| MANY.contains(&layout)) {
            add(format!("layout {layout}, wrap {wrap}"), wrapped(&text).into(), false);
        }
    }
    let names: BTreeSet<_> = cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names.len(), cases.len(), "a name was given twice");
    cases
}

/// A pod in block style, with some keys or one value in another spelling.
#[derive(Clone, Copy)]
struct Pod<'a> {
    keys: &'a [&'a str],
    /// Returns a key and the text between it and its value.
    key: fn(&str) -> String,
    values: &'a str,
    value: fn(&str) -> String,
    truth: &'a str,
}

impl Default for Pod<'_> {
    fn default() -> Self {
        let (key, value) = (|key: &str| format!("{key}:"), str::to_owned);
        Self { keys: &[], key, values: "", value, truth: "true" }
    }
}

impl Pod<'_> {
    fn block(&self) -> String {
        let key = |indent: usize, key: &str| {
            let text = if self.keys.contains(&key) { (self.key)(key) } else { format!("{key}:") };
            let blanks = " ".repeat(indent);
            format!("{blanks}{}", text.replace('\n', &format!("\n{blanks}")))
        };
        let value =
            |value: &str| if value == self.values { (self.value)(value) } else { value.to_owned() };
        format!(
            "{} {}\n{} {}\n{}\n  name: p\n{}\n  {}\n  - name: a\n    image: b\n{}\n{} {}\n",
            key(0, "apiVersion"),
            value("v1"),
            key(0, "kind"),
            value("Pod"),
            key(0, "metadata"),
            key(0, "spec"),
            "containers:",
            key(4, "securityContext"),
            key(6, "privileged"),
            self.truth,
        )
    }
}
