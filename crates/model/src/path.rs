//! Field paths, computed from the parents of a value.

use std::borrow::Cow;
use std::collections::HashMap;

use pavisade_yaml::{Doc, Kind, NodeId, Value, to_json};
use sha2::{Digest as _, Sha256};

/// Keys by which Kubernetes merges list elements, in the order in which they are tried.
const MERGE_KEYS: [&str; 7] =
    ["name", "mountPath", "devicePath", "containerPort", "port", "key", "host"];

/// Maximum number of steps kept, counted from the end. Kubernetes objects have fewer; hostile input
/// can have 10,000.
const MAX_STEPS: usize = 64;
/// Maximum length of a step in bytes. The rest is replaced by a hash.
const MAX_STEP: usize = 512;

/// The paths of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// For display: list elements by merge key or index, `spec.containers[name=web].ports[0]`.
    pub shown: String,
    /// For fingerprints, stable under reordering: list elements by merge key, or by a hash of their
    /// content.
    pub stable: String,
}

/// Computes paths and caches the list elements on them. Without the cache, each of thousands of
/// findings in one list would read the whole list.
#[derive(Debug, Default)]
pub struct Paths {
    elements: HashMap<Place, Element>,
    indexes: HashMap<Place, usize>,
}

/// A value: the address of its document, which outlives the paths, and its node.
type Place = (*const Doc, NodeId);

/// How a list element is identified.
#[derive(Debug)]
struct Element {
    shown: String,
    stable: String,
}

impl Paths {
    /// Returns the path of a value below `root`.
    pub fn of<'d>(&mut self, root: Value<'d>, value: Value<'d>) -> Path {
        let mut path = Path { shown: String::new(), stable: String::new() };
        let mut steps = Vec::new();
        let mut at = value;
        while at.id() != root.id() {
            let Some(parent) = at.parent() else { break };
            if steps.len() == MAX_STEPS {
                path = Path { shown: "…".into(), stable: "…".into() };
                break;
            }
            steps.push((at, parent));
            at = parent;
        }
        for (at, parent) in steps.into_iter().rev() {
            if parent.kind() == Kind::Sequence {
                let Element { shown, stable } = self.element(at, parent);
                path.shown.extend(["[", shown, "]"]);
                path.stable.extend(["[", stable, "]"]);
            } else {
                let name = short(at.key().unwrap_or(""));
                push_field(&mut path.shown, &name);
                push_field(&mut path.stable, &name);
            }
        }
        path
    }

    fn element(&mut self, at: Value<'_>, list: Value<'_>) -> &Element {
        let Self { elements, indexes } = self;
        elements.entry(place(at)).or_insert_with(|| {
            if let Some(key) = merge_key(at) {
                let key = short(&key).into_owned();
                return Element { shown: key.clone(), stable: key };
            }
            if !indexes.contains_key(&place(at)) {
                indexes.extend(list.items().map(place).zip(0..));
            }
            let index = indexes.get(&place(at)).map_or(0, |index| *index);
            Element { shown: index.to_string(), stable: hash(&to_json(at)) }
        })
    }
}

/// Returns the value in another object that corresponds to `value` below `root`. List elements are
/// matched by merge key; without one by content, or for scalars by index. If it is absent, returns
/// the nearest existing ancestor and the names of the missing fields.
pub fn counterpart<'o>(root: Value<'_>, value: Value<'_>, other: Value<'o>) -> (Value<'o>, String) {
    let mut steps = Vec::new();
    let mut at = value;
    while at.id() != root.id() && steps.len() <= MAX_STEPS {
        let Some(parent) = at.parent() else { break };
        steps.push((at, parent));
        at = parent;
    }
    let mut found = other;
    let mut rest = steps.into_iter().rev();
    let mut missing = String::new();
    for (at, parent) in rest.by_ref() {
        let next = if parent.kind() == Kind::Sequence {
            element_like(at, parent, found)
        } else {
            found.get(at.key().unwrap_or(""))
        };
        match next {
            Some(next) => found = next,
            None => {
                step(&mut missing, at, parent);
                break;
            }
        }
    }
    rest.for_each(|(at, parent)| step(&mut missing, at, parent));
    (found, missing)
}

fn step(path: &mut String, at: Value<'_>, parent: Value<'_>) {
    if parent.kind() == Kind::Sequence {
        let key = merge_key(at).unwrap_or_else(|| "…".to_owned());
        path.extend(["[", &*short(&key), "]"]);
    } else {
        push_field(path, &short(at.key().unwrap_or("")));
    }
}

fn element_like<'o>(at: Value<'_>, list: Value<'_>, other: Value<'o>) -> Option<Value<'o>> {
    if other.kind() != Kind::Sequence {
        return None;
    }
    match merge_key(at) {
        Some(key) => other.items().find(|item| merge_key(*item).as_ref() == Some(&key)),
        None => {
            let same = other.items().find(|item| item.kind() == at.kind() && *item == at);
            // A map at the same index may be a different one, if a rule was inserted before it.
            let scalar = !matches!(at.kind(), Kind::Mapping | Kind::Sequence);
            let index = || list.items().position(|item| item.id() == at.id());
            same.or_else(|| if scalar { other.items().nth(index()?) } else { None })
        }
    }
}

fn place(value: Value<'_>) -> Place {
    (std::ptr::from_ref(value.doc()), value.id())
}

fn hash(text: &str) -> String {
    Sha256::digest(text).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the text, or its start and a hash of the whole text.
fn short(text: &str) -> Cow<'_, str> {
    if text.len() <= MAX_STEP {
        return Cow::Borrowed(text);
    }
    let start: String = text.chars().take(MAX_STEP / 8).collect();
    Cow::Owned(format!("{start}…{}", hash(text)))
}

/// Appends a field to a path: `.name`, or `["odd name"]` if the name has special characters.
pub fn push_field(path: &mut String, name: &str) {
    let plain = !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '$'));
    if !plain {
        path.push_str(&format!("[{name:?}]"));
    } else {
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(name);
    }
}

fn merge_key(element: Value<'_>) -> Option<String> {
    if element.kind() != Kind::Mapping {
        return None;
    }
    MERGE_KEYS.iter().find_map(|key| {
        let value = element.get(key)?.scalar_text()?;
        Some(format!("{key}={value}"))
    })
}

#[cfg(test)]
mod tests {
    use pavisade_yaml::{Source, read};

    use super::*;

    fn last(text: &str) -> Path {
        let documents = read(&Source::new("f", text));
        let root = documents.docs[0].root();
        let value = root.descendants().last().unwrap();
        Paths::default().of(root, value)
    }

    #[test]
    fn elements_are_named_by_merge_key_index_or_content() {
        let path = last("spec: {c: [{name: a}, {name: b, ports: [x, {odd key: 1}]}]}");
        assert_eq!(path.shown, "spec.c[name=b].ports[1][\"odd key\"]");
        assert_eq!(path.stable, "spec.c[name=b].ports[6cd455280b41][\"odd key\"]");
    }

    #[test]
    fn a_counterpart_is_found_by_merge_key_and_else_the_nearest_that_exists() {
        let read_one = |text: &str| read(&Source::new("f", text)).docs.remove(0);
        let live = read_one(
            "s: {c: [{name: b, x: 1}, {name: a, p: {q: true}, args: [u, v]}], r: [{zz: 1}, {yy: 2}]}",
        );
        let file = read_one("s:\n  c:\n  - name: a\n    args: [v]\n  r: [{yy: 2}]\n");
        let at = |key: &str| live.root().descendants().find(|v| v.key() == Some(key)).unwrap();
        let found = |value| {
            let (found, missing) = counterpart(live.root(), value, file.root());
            format!("{found:?} {missing}")
        };
        assert_eq!(found(at("q")), r#"{"args":["v"],"name":"a"} p.q"#);
        assert_eq!(found(at("x")), r#"[{"args":["v"],"name":"a"}] [name=b].x"#);
        assert_eq!(found(at("args").items().nth(1).unwrap()), r#""v" "#);
        assert_eq!(found(at("yy")), "2 ");
        assert_eq!(found(at("zz")), r#"[{"yy":2}] […].zz"#);
        assert_eq!(found(live.root()), format!("{:?} ", file.root()));
    }

    #[test]
    fn a_path_is_short_however_deep_its_value_is() {
        let path = last(&format!("{}x{}", "{a: [".repeat(4000), "]}".repeat(4000)));
        assert!(path.shown.starts_with('…') && path.shown.ends_with(".a[0]"), "{path:?}");
        assert!(path.stable.len() < 2000, "{path:?}");
    }

    #[test]
    fn a_long_key_stands_once_in_memory_and_not_in_every_path() {
        let key = "k".repeat(60_000);
        let (one, other) = (last(&format!("? {key}a\n: x\n")), last(&format!("? {key}b\n: x\n")));
        assert!(one.shown.len() < 100);
        assert_ne!(one.stable, other.stable);
    }
}
