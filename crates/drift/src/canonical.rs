//! Canonical text of values: equivalent values have the same text, by which elements of sets are
//! matched.

use pavisade_model::duration;
use pavisade_yaml::{Kind, Value, to_json};

use crate::elements::Elements;
use crate::quantity::Quantity;
use crate::rules::Rule;
use crate::scalar;
use crate::types::{Form, Types};

/// Maximum depth of canonicalization. Deeper values are used as they are. No set in Kubernetes is
/// that deep.
const MAX_DEPTH: usize = 32;

/// Whether a field is equivalent to an absent one: absent, null, or a zero value that Go omits.
pub(crate) fn is_absent(form: &Form, value: Value<'_>) -> bool {
    let text = |value: Value<'_>| value.as_str() == Some("");
    let zero = |value: Value<'_>| value.as_number().is_some_and(|number| number.as_f64() == 0.0);
    value.is_null()
        || match form {
            Form::Text | Form::Bytes => text(value),
            Form::Bool => value.as_bool() == Some(false),
            Form::Number => zero(value),
            Form::NumberOrText => text(value) || zero(value),
            Form::Quantity { .. } => quantity(value, false).is_some_and(|q| q.is_zero()),
            Form::Duration => value.as_str().and_then(duration) == Some(0),
            Form::Type(_) | Form::Map(_) => {
                value.kind() == Kind::Mapping && value.entries().next().is_none()
            }
            Form::List(..) => value.kind() == Kind::Sequence && value.items().next().is_none(),
            Form::Time | Form::Raw | Form::TypeOrRaw(_) | Form::Pointer(_) => false,
        }
}

/// Reads a quantity, which may be a number in a file.
pub(crate) fn quantity(value: Value<'_>, milli: bool) -> Option<Quantity> {
    let read = Quantity::parse(&value.scalar_text()?)?;
    Some(if milli { read.in_milli() } else { read })
}

/// Returns the canonical text of a value.
pub(crate) fn text(form: &Form, value: Value<'_>) -> String {
    let mut out = String::new();
    write(form, value, 0, &mut out);
    out
}

fn write(form: &Form, value: Value<'_>, depth: usize, out: &mut String) {
    let as_it_is = |out: &mut String| out.push_str(&to_json(value));
    if depth > MAX_DEPTH {
        return as_it_is(out);
    }
    match (form, value.kind()) {
        (Form::Pointer(inner), _) => write(inner, value, depth, out),
        (Form::Text, Kind::Null) => out.push_str("\"\""),
        (Form::Bytes, Kind::Text) => {
            out.push_str(&scalar::base64(value.as_str().unwrap_or("")));
        }
        (Form::Quantity { milli }, _) => match quantity(value, *milli) {
            Some(quantity) => out.push_str(&format!("{quantity:?}")),
            None => as_it_is(out),
        },
        (Form::Duration, Kind::Text) => match value.as_str().and_then(duration) {
            Some(duration) => out.push_str(&duration.to_string()),
            None => as_it_is(out),
        },
        (Form::Time, Kind::Text) => match value.as_str().and_then(scalar::time) {
            Some(time) => out.push_str(&format!("{time:?}")),
            None => as_it_is(out),
        },
        (Form::Type(index) | Form::TypeOrRaw(index), Kind::Mapping) => {
            write_fields(*index, value, depth, out);
        }
        (Form::Map(inner), Kind::Mapping) => {
            let mut entries: Vec<_> = value.entries().collect();
            entries.sort_by_key(|(key, _)| *key);
            out.push('{');
            for (key, value) in entries {
                out.push_str(&format!("{key:?}:"));
                write(inner, value, depth + 1, out);
                out.push(',');
            }
            out.push('}');
        }
        (Form::List(elements, inner), Kind::Sequence) => {
            let items = value.items().map(|item| {
                let mut text = String::new();
                write(inner, item, depth + 1, &mut text);
                text
            });
            let mut items: Vec<_> = items.collect();
            if *elements != Elements::Ordered {
                items.sort_unstable();
            }
            out.push_str(&format!("[{}]", items.join(",")));
        }
        _ => as_it_is(out),
    }
}

/// Writes the fields that are not equivalent to absent ones, sorted by name.
fn write_fields(index: usize, value: Value<'_>, depth: usize, out: &mut String) {
    let fields = &Types::get().at(index).fields;
    let mut entries: Vec<_> = value.entries().collect();
    entries.sort_by_key(|(key, _)| *key);
    out.push('{');
    for (key, value) in entries {
        let field = fields.get(key);
        let form = field.map_or(&Form::Raw, |field| &field.form);
        let rules = field.map_or(&[][..], |field| &field.rules);
        let default = |rule: &Rule| matches!(rule, Rule::Is(json) if *json == to_json(value));
        if is_absent(form, value) || rules.iter().any(default) {
            continue;
        }
        out.push_str(&format!("{key:?}:"));
        write(form, value, depth + 1, out);
        out.push(',');
    }
    out.push('}');
}
