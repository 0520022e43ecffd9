//! Output formats: text with fields.

use std::fmt::Write as _;

use crate::compile::{Source, operand};
use crate::field::{FieldRef, Fields};
use crate::filter::{Operand, operand_at};
use crate::judge;
use crate::value::{Event, Values};

/// The placeholder for a field without a value.
pub const NOT_AVAILABLE: &str = "<NA>";

/// A compiled output format.
#[derive(Clone, Debug)]
pub struct Format {
    parts: Vec<Part>,
    /// Whether it starts with `*`: fields without a value do not suppress the output.
    lenient: bool,
    /// The fields that it uses in order, without duplicates.
    pub fields: Vec<FieldRef>,
}

#[derive(Clone, Debug)]
enum Part {
    Text(String),
    Value { shown: String, width: Option<usize>, source: Source, fields: Vec<(String, Source)> },
}

/// The output for an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// The text.
    pub text: String,
    /// The text and value of each field and transformed field.
    pub values: Vec<(String, Option<String>)>,
}

impl Format {
    /// Parses a format.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn compile(text: &str, fields: &Fields) -> Result<Self, String> {
        let lenient = text.starts_with('*');
        let mut rest = text.strip_prefix('*').unwrap_or(text);
        let mut parts = Vec::new();
        let mut asked = Vec::new();
        while let Some(percent) = rest.find('%') {
            if percent > 0 {
                parts.push(Part::Text(rest[..percent].to_owned()));
            }
            rest = &rest[percent + 1..];
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let width = match digits {
                0 => None,
                _ => Some(rest[..digits].parse().map_err(|_| "a width that is too large")?),
            };
            if width.is_some_and(|width: usize| width > MAX_WIDTH) {
                return Err("a width that is too large".into());
            }
            rest = &rest[digits..];
            let (shown, length) = operand_at(rest)
                .map_err(|error| format!("invalid formatting token '%{rest:.40}': {error}"))?;
            let mut leaves = Vec::new();
            let source = operand(&shown, fields, &mut asked)?;
            inner(&shown, fields, &mut leaves)?;
            parts.push(Part::Value { shown: shown.to_string(), width, source, fields: leaves });
            rest = &rest[length..];
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        let mut seen = Vec::new();
        for field in asked {
            if !seen.contains(&field) {
                seen.push(field);
            }
        }
        Ok(Self { parts, lenient, fields: seen })
    }

    /// Returns the output for an event; `None` if a field has no value and the format has no `*`.
    pub fn output(&self, event: &dyn Event) -> Option<Output> {
        let mut output = Output { text: String::new(), values: Vec::new() };
        for part in &self.parts {
            match part {
                Part::Text(text) => output.text.push_str(text),
                Part::Value { shown, width, source, fields } => {
                    let value = text_of(&judge::values(source, event));
                    if value.is_none() && !self.lenient {
                        return None;
                    }
                    for (name, source) in fields {
                        keep(&mut output.values, name, text_of(&judge::values(source, event)));
                    }
                    keep(&mut output.values, shown, value.clone());
                    pad(&mut output.text, value.as_deref().unwrap_or(NOT_AVAILABLE), *width);
                }
            }
        }
        Some(output)
    }
}

const MAX_WIDTH: usize = 4096;

fn keep(values: &mut Vec<(String, Option<String>)>, name: &str, value: Option<String>) {
    if !values.iter().any(|(other, _)| other == name) {
        values.push((name.to_owned(), value));
    }
}

/// Adds a value, truncated or padded to a width.
fn pad(text: &mut String, value: &str, width: Option<usize>) {
    match width {
        None => text.push_str(value),
        Some(width) => {
            let cut: String = value.chars().take(width).collect();
            // Writing to a string cannot fail.
            let _ = write!(text, "{cut:<width$}");
        }
    }
}

fn text_of(values: &Values<'_>) -> Option<String> {
    let texts: Vec<_> = values.as_slice().iter().map(|value| value.to_text()).collect();
    (*values != Values::Absent).then(|| texts.join(" "))
}

/// Collects the fields and transformed fields inside an operand, innermost first.
fn inner(of: &Operand, fields: &Fields, leaves: &mut Vec<(String, Source)>) -> Result<(), String> {
    let parts = match of {
        Operand::Transformed(transformed) => &transformed.operands,
        Operand::List(operands, _) => operands,
        Operand::Field(_) | Operand::Value(..) => return Ok(()),
    };
    for part in parts {
        inner(part, fields, leaves)?;
        if matches!(part, Operand::Field(_) | Operand::Transformed(_)) {
            leaves.push((part.to_string(), operand(part, fields, &mut Vec::new())?));
        }
    }
    Ok(())
}
