//! Prints filters like Falco. The output parses to the same tree, except for constants of
//! transformers, which are printed without quotes.

use std::fmt::{self, Display as _};

use super::ast::{Check, Expr, Field, Operand, Right, Transformed};
use super::escape::escape;
use super::lexer::ends_bare;

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(parts, _) => joined(f, parts, " and "),
            Self::Or(parts, _) => joined(f, parts, " or "),
            Self::Not(part, _) if matches!(**part, Self::Not(..)) => write!(f, "not ({part})"),
            Self::Not(part, _) => write!(f, "not {part}"),
            Self::Macro(name, _) => f.write_str(name),
            Self::Check(check) => check.fmt(f),
        }
    }
}

fn joined(f: &mut fmt::Formatter<'_>, parts: &[Expr], by: &str) -> fmt::Result {
    f.write_str("(")?;
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            f.write_str(by)?;
        }
        part.fmt(f)?;
    }
    f.write_str(")")
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.left, self.operator.text())?;
        if let Some(modifier) = self.modifier {
            write!(f, " {}", modifier.text())?;
        }
        match &self.right {
            Some(right) => write!(f, " {right}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(value, _) => value_text(f, value),
            Self::Operand(operand) => operand.fmt(f),
            Self::List(list) => {
                f.write_str("(")?;
                for (index, value) in list.values.iter().enumerate() {
                    if index > 0 {
                        f.write_str(", ")?;
                    }
                    value_text(f, value)?;
                }
                f.write_str(")")
            }
        }
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(field) => field.fmt(f),
            Self::Transformed(transformed) => transformed.fmt(f),
            Self::Value(value, _) => value_text(f, value),
            Self::List(operands, _) => {
                f.write_str("(")?;
                operands_text(f, operands)?;
                f.write_str(")")
            }
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        argument_text(f, self.argument.as_deref())
    }
}

impl fmt::Display for Transformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.transformer.text())?;
        operands_text(f, &self.operands)?;
        f.write_str(")")?;
        argument_text(f, self.argument.as_deref())
    }
}

fn operands_text(f: &mut fmt::Formatter<'_>, operands: &[Operand]) -> fmt::Result {
    for (index, operand) in operands.iter().enumerate() {
        if index > 0 {
            f.write_str(",")?;
        }
        operand.fmt(f)?;
    }
    Ok(())
}

fn argument_text(f: &mut fmt::Formatter<'_>, argument: Option<&[u8]>) -> fmt::Result {
    let Some(argument) = argument else { return Ok(()) };
    f.write_str("[")?;
    let bare = !argument.is_empty()
        && !argument.iter().any(|byte| ends_bare(*byte) || matches!(byte, b'[' | b']'));
    text(f, argument, bare)?;
    f.write_str("]")
}

fn value_text(f: &mut fmt::Formatter<'_>, value: &[u8]) -> fmt::Result {
    text(f, value, !value.is_empty() && !value.iter().any(|byte| ends_bare(*byte)))
}

fn text(f: &mut fmt::Formatter<'_>, value: &[u8], bare: bool) -> fmt::Result {
    match std::str::from_utf8(value) {
        Ok(value) if bare && !value.contains(char::is_control) => f.write_str(value),
        // Escaped text is ASCII.
        _ => f.write_str(&String::from_utf8_lossy(&escape(value))),
    }
}
