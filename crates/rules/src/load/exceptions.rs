//! Exceptions of rules: tuples of values for which a rule does not hold.

use pavisade_yaml::{Kind, Value};

use super::part::{Place, missing, text, validate};
use super::{Code, Item, Message};
use crate::field::Fields;
use crate::filter::{Modifier, Operator, Takes, Transformer, escape, parse};

/// An element of `exceptions`.
pub(super) struct Exception {
    name: String,
    place: Place,
    fields: Vec<String>,
    /// The operator for each field.
    comparisons: Vec<String>,
    /// Whether `fields` is a single field instead of a list, so that its values are alternatives.
    single: bool,
    values: Vec<Vec<Entry>>,
}

/// One or several values.
enum Entry {
    One(String),
    Several(Vec<String>),
}

type Failed = (Code, String);

/// Reads the exceptions of a new rule.
pub(super) fn define(
    all: &mut Vec<Exception>,
    rule: Value<'_>,
    errors: &mut Vec<Message>,
) -> Result<(), Failed> {
    each(rule, errors, |element, name| {
        all.push(Exception::new(element, name)?);
        Ok(())
    })
}

/// Reads what is appended to the exceptions of a rule: values of known ones, and new ones.
pub(super) fn append(
    all: &mut Vec<Exception>,
    rule: Value<'_>,
    errors: &mut Vec<Message>,
) -> Result<(), Failed> {
    each(rule, errors, |element, name| match all.iter_mut().find(|other| other.name == name) {
        Some(_) if element.get("fields").is_some() || element.get("comps").is_some() => {
            Err(validate("Can not append exception fields to existing exception"))
        }
        Some(known) => known.take(element),
        None => {
            all.push(Exception::new(element, name)?);
            Ok(())
        }
    })
}

/// Calls `work` for each named element.
fn each<'d>(
    rule: Value<'d>,
    errors: &mut Vec<Message>,
    mut work: impl FnMut(Value<'d>, &str) -> Result<(), Failed>,
) -> Result<(), Failed> {
    let Some(list) = rule.get("exceptions") else { return Ok(()) };
    if list.kind() != Kind::Sequence {
        return Err((Code::YamlValidate, "Rule exceptions must be a sequence".to_owned()));
    }
    for element in list.items() {
        let name = text(element, "name").ok().flatten();
        let done = match &name {
            Some(name) => work(element, name),
            None => Err(missing("name")),
        };
        if let Err((code, text)) = done {
            let name = name.unwrap_or_default();
            errors.push(Place::of(element).message(code, Item::Exception, &name, text));
        }
    }
    Ok(())
}

/// Returns a string or a list of strings, and whether it was a single string.
fn names(value: Value<'_>) -> (bool, Vec<String>) {
    match value.scalar_text() {
        Some(text) => (true, vec![text.into_owned()]),
        None => {
            let texts = value.items().filter_map(|item| item.scalar_text());
            (false, texts.map(|text| text.into_owned()).collect())
        }
    }
}

impl Exception {
    fn new(element: Value<'_>, name: &str) -> Result<Self, Failed> {
        let fields = element.get("fields").ok_or_else(|| missing("fields"))?;
        let (single, fields) = names(fields);
        let comparisons = match element.get("comps") {
            None => vec![(if single { "in" } else { "=" }).to_owned(); fields.len()],
            Some(comparisons) => names(comparisons).1,
        };
        if comparisons.len() != fields.len() {
            return Err(validate("Fields and comps lists must have equal length"));
        }
        for comparison in &comparisons {
            operator(comparison)?;
        }
        let (name, place) = (name.to_owned(), Place::of(element));
        let mut made = Self { name, place, fields, comparisons, single, values: Vec::new() };
        made.take(element)?;
        Ok(made)
    }

    /// Reads the values of an element.
    fn take(&mut self, element: Value<'_>) -> Result<(), Failed> {
        for value in element.list("values") {
            let entry = |value: Value<'_>| match names(value) {
                (true, mut one) => Entry::One(one.pop().unwrap_or_default()),
                (false, several) => Entry::Several(several),
            };
            let tuple: Vec<_> = if self.single {
                vec![entry(value)]
            } else if value.kind() == Kind::Sequence {
                value.items().map(entry).collect()
            } else {
                return Err(validate("Fields values must be lists, one for each tuple"));
            };
            if tuple.len() != self.fields.len() {
                return Err(validate("Fields and values lists must have equal length"));
            }
            self.values.push(tuple);
        }
        Ok(())
    }

    /// Returns the condition that must not hold; `None` if there are no values.
    ///
    /// # Errors
    /// A field does not exist.
    pub(super) fn condition(&self, fields: &Fields) -> Result<Option<String>, Message> {
        for field in &self.fields {
            let known = match parse(&format!("{field} exists")) {
                Ok(crate::filter::Expr::Check(check)) => exists(&check.left, fields),
                _ => false,
            };
            if !known {
                let text = format!("'{field}' is not a supported filter field");
                return Err(self.place.message(Code::Validate, Item::Exception, &self.name, text));
            }
        }
        if self.values.is_empty() {
            return Ok(None);
        }
        if self.single {
            let (field, comparison) = (&self.fields[0], &self.comparisons[0]);
            let several = takes_list(comparison);
            let texts = self.values.iter().flatten().flat_map(|entry| match entry {
                Entry::One(one) => std::slice::from_ref(one),
                Entry::Several(all) => all,
            });
            let parts: Vec<_> = if several {
                let list: Vec<_> = texts.map(|text| quoted(text)).collect();
                vec![format!("{field} {comparison} ({})", list.join(", "))]
            } else {
                texts.map(|text| format!("{field} {comparison} {}", quoted(text))).collect()
            };
            return Ok(Some(parts.join(" or ")));
        }
        let tuples = self.values.iter().map(|tuple| {
            let parts = self.fields.iter().zip(&self.comparisons).zip(tuple);
            let parts: Vec<_> = parts
                .map(|((field, comparison), entry)| {
                    format!("{field} {comparison} {}", right_side(entry, comparison))
                })
                .collect();
            match &parts[..] {
                [one] => one.clone(),
                parts => format!("({})", parts.join(" and ")),
            }
        });
        Ok(Some(tuples.collect::<Vec<_>>().join(" or ")))
    }
}

fn exists(operand: &crate::filter::Operand, fields: &Fields) -> bool {
    match operand {
        crate::filter::Operand::Field(field) => fields.resolve(field).is_ok(),
        crate::filter::Operand::Transformed(transformed) => {
            transformed.operands.iter().all(|operand| exists(operand, fields))
        }
        crate::filter::Operand::List(operands, _) => {
            operands.iter().all(|operand| exists(operand, fields))
        }
        crate::filter::Operand::Value(..) => true,
    }
}

fn right_side(entry: &Entry, comparison: &str) -> String {
    match entry {
        Entry::Several(all) => {
            let all: Vec<_> = all.iter().map(|text| quoted(text)).collect();
            format!("({})", all.join(", "))
        }
        Entry::One(one) if takes_list(comparison) && !one.starts_with('(') => {
            format!("({})", quoted(one))
        }
        Entry::One(one) => quoted(one),
    }
}

/// Quotes a value for the filter language, except for transformers, lists and quoted strings.
fn quoted(text: &str) -> String {
    let call = text.split_once('(').is_some_and(|(name, rest)| {
        Transformer::ALL.iter().any(|transformer| transformer.text() == name)
            && !rest.contains(char::is_whitespace)
            && rest.ends_with(')')
    });
    let is_quoted = text.len() > 1 && (text.starts_with('"') || text.starts_with('\''));
    let bare = |byte: u8| {
        byte.is_ascii_graphic() && !matches!(byte, b'(' | b')' | b',' | b'=' | b'"' | b'\'')
    };
    if call || is_quoted || text.starts_with('(') || (!text.is_empty() && text.bytes().all(bare)) {
        text.to_owned()
    } else {
        String::from_utf8_lossy(&escape(text.as_bytes())).into_owned()
    }
}

fn takes_list(comparison: &str) -> bool {
    let (name, modifier) = comparison.split_once(' ').unwrap_or((comparison, ""));
    !modifier.is_empty()
        || Operator::ALL
            .iter()
            .any(|operator| operator.text() == name && operator.takes() == Takes::List)
}

/// Checks an operator: `in`, `startswith oneof`.
fn operator(comparison: &str) -> Result<(), Failed> {
    let (name, modifier) = match comparison.split_once(' ') {
        Some((name, modifier)) => (name, Some(modifier)),
        None => (comparison, None),
    };
    let operator = Operator::ALL.iter().find(|operator| operator.text() == name);
    let modified = modifier.is_none_or(|modifier| {
        Modifier::ALL.iter().any(|known| known.text() == modifier)
            && operator.is_none_or(|operator| operator.takes() == Takes::Text)
    });
    match operator {
        Some(_) if modified => Ok(()),
        _ => {
            let known: Vec<_> = Operator::ALL.iter().map(|operator| operator.text()).collect();
            Err(validate(&format!(
                "'{comparison}' is not a supported comparison operator; comps must be one of {}",
                known.join(", ")
            )))
        }
    }
}
