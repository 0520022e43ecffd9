//! Which rules an event is asked about: those whose condition requires a value that it has.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;

use crate::compile::{Comparand, Pattern, Source, Test};
use crate::field::FieldRef;
use crate::filter::Operator;
use crate::glob::components;
use crate::value::Value;

/// Which rules an event of a type is asked about.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    pub(super) always: Vec<u32>,
    pub(super) guards: Vec<OfField>,
    /// Regular expressions of a set, and the rules that hold only if one matches.
    pub(super) expressions: Vec<(u32, Vec<u32>)>,
}

/// What a rule cannot hold without: a field has one of some values, or a node holds. Of several, one
/// must be met.
pub(super) type Needed = Vec<(FieldRef, How, Vec<Vec<u8>>)>;

/// The guards of a field, whose values are looked up once.
#[derive(Clone, Debug)]
pub(super) struct OfField {
    pub(super) field: FieldRef,
    pub(super) guards: Vec<Guard>,
}

/// Rules that hold only if a field has one of some values, or begins or ends with one.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    how: How,
    /// The keys come from rules, so that no event can choose colliding ones.
    pub(super) rules: FxHashMap<Vec<u8>, Vec<u32>>,
    /// The lengths of the values, each once, in order; those of numbers are all the same.
    lengths: Vec<usize>,
}

/// How a value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum How {
    Equal,
    Number,
    /// A path, or one below it.
    Path,
    Prefix,
    Suffix,
    Bool,
    /// The values are numbers of nodes.
    Expression,
}

impl Plan {
    pub(super) fn new(asked: &[u32], guards: &[Option<Needed>]) -> Self {
        let mut plan = Self::default();
        let mut by_field = BTreeMap::<(&FieldRef, How), FxHashMap<Vec<u8>, Vec<u32>>>::new();
        let mut by_node = BTreeMap::<u32, Vec<u32>>::new();
        for rule in asked {
            let Some(needed) = &guards[*rule as usize] else {
                plan.always.push(*rule);
                continue;
            };
            for (field, how, values) in needed {
                for value in values {
                    match (how, <[u8; 4]>::try_from(&**value)) {
                        (How::Expression, Ok(node)) => {
                            by_node.entry(u32::from_le_bytes(node)).or_default().push(*rule);
                        }
                        _ => {
                            let rules = by_field.entry((field, *how)).or_default();
                            rules.entry(value.clone()).or_default().push(*rule);
                        }
                    }
                }
            }
        }
        plan.expressions = by_node.into_iter().collect();
        for ((field, how), rules) in by_field {
            let lengths: BTreeSet<_> = rules.keys().map(Vec::len).collect();
            let lengths = lengths.into_iter().collect();
            let guard = Guard { how, rules, lengths };
            match plan.guards.last_mut().filter(|last| last.field == *field) {
                Some(last) => last.guards.push(guard),
                None => plan.guards.push(OfField { field: field.clone(), guards: vec![guard] }),
            }
        }
        plan
    }
}

impl Guard {
    /// Calls `take` with each rule that may hold for a value.
    pub(super) fn each(&self, value: &Value<'_>, mut take: impl FnMut(u32)) {
        let mut look = |key: &[u8]| {
            self.rules.get(key).into_iter().flatten().for_each(|rule| take(*rule));
        };
        match (self.how, value) {
            // Most texts have a length that no value has.
            (How::Equal, Value::Bytes(text)) if self.lengths.binary_search(&text.len()).is_ok() => {
                look(text);
            }
            (How::Number, Value::Int(number)) => look(&number.to_le_bytes()),
            (How::Bool, Value::Bool(value)) => look(&[u8::from(*value)]),
            (How::Path, Value::Bytes(text)) => {
                let longest = self.lengths.last().copied().unwrap_or_default();
                paths(text, longest, look);
            }
            (How::Prefix, Value::Bytes(text)) => {
                self.lengths.iter().filter_map(|length| text.get(..*length)).for_each(look);
            }
            (How::Suffix, Value::Bytes(text)) => {
                let start = |length: &usize| text.len().checked_sub(*length);
                self.lengths.iter().filter_map(start).for_each(|start| look(&text[start..]));
            }
            _ => {}
        }
    }
}

/// Calls `take` with a path and the paths above it, with single slashes and up to a length.
fn paths(text: &[u8], longest: usize, mut take: impl FnMut(&[u8])) {
    let is_plain = text.first() == Some(&b'/')
        && !text.windows(2).any(|pair| pair == b"//")
        && text.last() != Some(&b'/');
    if is_plain {
        let slashes = memchr::memchr_iter(b'/', &text[1..]).map(|at| at + 1);
        for end in slashes.chain([text.len()]).take_while(|end| *end <= longest) {
            take(&text[..end]);
        }
        return;
    }
    let mut path = Vec::with_capacity(longest);
    for part in components(text) {
        path.push(b'/');
        path.extend(part);
        if path.len() > longest {
            break;
        }
        take(&path);
    }
}

/// The values of which a test requires one.
pub(super) fn of_values(test: &Test) -> Option<(FieldRef, How, Vec<Vec<u8>>)> {
    use Operator::{Assign, EndsWith, Equal, In, Intersects, StartsWith};
    let Source::Field(field) = &test.left else { return None };
    if field.name == "evt.type" {
        return None;
    }
    let number = |value: &Value<'_>| match value {
        Value::Int(number) => Some(number.to_le_bytes().to_vec()),
        _ => None,
    };
    let (how, values) = match (&test.right, test.operator) {
        (Comparand::One(Pattern::Value(Value::Bytes(value))), operator) => {
            let how = match operator {
                Equal | Assign => How::Equal,
                StartsWith => How::Prefix,
                EndsWith => How::Suffix,
                _ => return None,
            };
            (how, vec![value.to_vec()])
        }
        (Comparand::One(Pattern::Value(Value::Bool(value))), Equal | Assign) => {
            (How::Bool, vec![vec![u8::from(*value)]])
        }
        (Comparand::One(Pattern::Value(value)), Equal | Assign) => {
            (How::Number, vec![number(value)?])
        }
        (Comparand::Paths(paths), _) => (How::Path, paths.literals()?),
        (Comparand::Set(set), In | Intersects) if set.others.is_empty() => {
            (How::Equal, set.bytes.iter().cloned().collect())
        }
        (Comparand::Set(set), In | Intersects) if set.bytes.is_empty() => {
            let one = |pattern: &Pattern| match pattern {
                Pattern::Value(value) => number(value),
                _ => None,
            };
            (How::Number, set.others.iter().map(one).collect::<Option<_>>()?)
        }
        _ => return None,
    };
    Some((field.clone(), how, values))
}
