//! Evaluates compiled filters on events.

use std::cmp::Ordering;

use memchr::memmem;

use crate::compile::{Comparand, Filter, Node, Pattern, Set, Source, Test};
use crate::field::FieldRef;
use crate::filter::{Modifier, Operator};
use crate::transform;
use crate::value::{Event, Value, Values};

impl Filter {
    /// Returns whether the condition holds for an event.
    pub fn matches(&self, event: &dyn Event) -> bool {
        node(&self.node, event)
    }

    /// Returns whether the condition can hold for an event of which only some fields are known.
    /// `known` is asked about a field, and whether only its sign matters, as in `fd.num >= 0`.
    pub fn can_match(&self, event: &dyn Event, known: &dyn Fn(&FieldRef, bool) -> bool) -> bool {
        outcomes(&self.node, event, known).0
    }
}

/// Whether a node can hold, and whether it can be false.
fn outcomes(of: &Node, event: &dyn Event, known: &dyn Fn(&FieldRef, bool) -> bool) -> (bool, bool) {
    let parts = |parts: &[Node], any: bool| {
        let mut sum = (!any, any);
        for part in parts {
            let (holds, fails) = outcomes(part, event, known);
            sum = match any {
                true => (sum.0 | holds, sum.1 & fails),
                false => (sum.0 & holds, sum.1 | fails),
            };
        }
        sum
    };
    match of {
        Node::And(all) => parts(all, false),
        Node::Or(any) => parts(any, true),
        Node::Not(part) => {
            let (holds, fails) = outcomes(part, event, known);
            (fails, holds)
        }
        Node::Test(test) if is_known(test, known) => {
            let holds = judge(test, event);
            (holds, !holds)
        }
        Node::Test(_) => (true, true),
    }
}

fn is_known(test: &Test, known: &dyn Fn(&FieldRef, bool) -> bool) -> bool {
    fn all(source: &Source, sign: bool, known: &dyn Fn(&FieldRef, bool) -> bool) -> bool {
        match source {
            Source::Field(field) => known(field, sign),
            Source::Constant(_) => true,
            Source::List(parts) | Source::Transformed(_, _, parts) => {
                parts.iter().all(|part| all(part, false, known))
            }
        }
    }
    let sign = matches!(test.operator, Operator::Less | Operator::GreaterOrEqual)
        && matches!(&test.right, Comparand::One(Pattern::Value(Value::Int(0))));
    all(&test.left, sign, known)
        && match &test.right {
            Comparand::Source(source) => all(source, false, known),
            _ => true,
        }
}

fn node(of: &Node, event: &dyn Event) -> bool {
    match of {
        Node::And(all) => all.iter().all(|part| node(part, event)),
        Node::Or(any) => any.iter().any(|part| node(part, event)),
        Node::Not(part) => !node(part, event),
        Node::Test(test) => judge(test, event),
    }
}

pub(crate) fn values<'a>(source: &'a Source, event: &'a dyn Event) -> Values<'a> {
    match source {
        Source::Field(field) => event.values(field),
        Source::Constant(value) => Values::One(value.clone()),
        Source::List(sources) => Values::Many(
            sources.iter().flat_map(|source| values(source, event).as_slice().to_vec()).collect(),
        ),
        Source::Transformed(transformer, argument, sources) => {
            let operands = sources.iter().map(|source| values(source, event)).collect();
            transform::apply(*transformer, argument.as_deref(), operands)
        }
    }
}

pub(crate) fn judge(test: &Test, event: &dyn Event) -> bool {
    let found = values(&test.left, event);
    let left = found.as_slice();
    match &test.right {
        Comparand::Nothing => found != Values::Absent,
        // An empty list is still a value.
        _ if found == Values::Absent => false,
        Comparand::One(pattern) => any(test.operator, left, pattern),
        Comparand::Several(modifier, patterns) => {
            let count = patterns.iter().filter(|pattern| any(test.operator, left, pattern)).count();
            match modifier {
                Modifier::OneOf => count == 1,
                Modifier::AnyOf => count >= 1,
                Modifier::AllOf => count > 0 && count == patterns.len(),
            }
        }
        Comparand::Set(set) => in_set(test, left, |value| set.contains(value)),
        Comparand::Paths(paths) => {
            left.iter().any(|value| matches!(value, Value::Bytes(bytes) if paths.matches(bytes)))
        }
        Comparand::Source(source) => {
            let right = values(source, event);
            let right = right.as_slice();
            match test.operator {
                Operator::In | Operator::Intersects => {
                    in_set(test, left, |value| right.contains(value))
                }
                operator => right.iter().any(|right| {
                    any(operator, left, &Pattern::Value(right.clone().into_owned_value()))
                }),
            }
        }
    }
}

/// For a list, `in` requires all elements; for a field with several values (both ends of a
/// connection, all ancestors), one.
fn in_set(test: &Test, left: &[Value<'_>], contains: impl Fn(&Value<'_>) -> bool) -> bool {
    if test.operator == Operator::In && test.kind.list {
        !left.is_empty() && left.iter().all(contains)
    } else {
        left.iter().any(contains)
    }
}

/// Returns whether any value matches; for `!=`, whether no value is equal.
fn any(operator: Operator, left: &[Value<'_>], pattern: &Pattern) -> bool {
    match operator {
        Operator::NotEqual => !left.iter().any(|value| compare(Operator::Equal, value, pattern)),
        _ => left.iter().any(|value| compare(operator, value, pattern)),
    }
}

impl Set {
    fn contains(&self, value: &Value<'_>) -> bool {
        match value {
            Value::Bytes(bytes) => self.bytes.contains(&bytes[..]),
            value => self.others.iter().any(|other| compare(Operator::Equal, value, other)),
        }
    }
}

fn compare(operator: Operator, left: &Value<'_>, pattern: &Pattern) -> bool {
    use Operator::*;
    match (pattern, left) {
        (Pattern::Network(network), Value::Address(address)) => network.contains(*address),
        (Pattern::Glob(glob), Value::Bytes(bytes)) => glob.matches(bytes),
        (Pattern::Regex(regex), Value::Bytes(bytes)) => regex.is_match(bytes),
        (Pattern::Bytes(wanted), Value::Bytes(bytes)) => match operator {
            IContains => memmem::find(&bytes.to_ascii_lowercase(), wanted).is_some(),
            BStartsWith => bytes.starts_with(wanted),
            _ => memmem::find(bytes, wanted).is_some(),
        },
        (Pattern::Value(Value::Bytes(wanted)), Value::Bytes(bytes)) => match operator {
            Contains => memmem::find(bytes, wanted).is_some(),
            StartsWith => bytes.starts_with(wanted),
            EndsWith => bytes.ends_with(wanted),
            IContains => {
                memmem::find(&bytes.to_ascii_lowercase(), &wanted.to_ascii_lowercase()).is_some()
            }
            Glob | IGlob => crate::glob::Glob::new(wanted, operator == IGlob).matches(bytes),
            operator => ordered(operator, Some(bytes.cmp(wanted))),
        },
        (Pattern::Value(Value::Int(wanted)), Value::Int(number)) => {
            ordered(operator, Some(number.cmp(wanted)))
        }
        (Pattern::Value(Value::Double(wanted)), Value::Double(number)) => {
            ordered(operator, number.partial_cmp(wanted))
        }
        (Pattern::Value(wanted), value) => {
            ordered(operator, (value == wanted).then_some(Ordering::Equal))
        }
        _ => false,
    }
}

fn ordered(operator: Operator, order: Option<Ordering>) -> bool {
    use Operator::*;
    match operator {
        Equal | Assign => order == Some(Ordering::Equal),
        Less => order == Some(Ordering::Less),
        Greater => order == Some(Ordering::Greater),
        LessOrEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        GreaterOrEqual => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        _ => false,
    }
}
