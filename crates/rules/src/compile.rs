//! Compiles filters: resolves names, checks types and parses constants.

use rustc_hash::FxHashSet;

use crate::field::{FieldInfo, FieldRef, FieldType, Fields};
use crate::filter::{Check, Expr, Modifier, Operand, Operator, Position, Right, Transformer};
use crate::glob::{Glob, PathPrefixes};
use crate::posix;
use crate::transform::{self, Kind};
use crate::value::{Network, Value, constant};

/// A filter that cannot be compiled.
#[derive(Clone, Debug)]
pub struct CompileError {
    /// What is wrong.
    pub message: String,
    /// The position in the filter.
    pub position: Position,
}

/// Something that is valid but probably a mistake.
#[derive(Clone, Debug)]
pub struct CompileWarning {
    /// What is probably wrong.
    pub message: String,
    /// The position in the filter.
    pub position: Position,
}

/// A compiled filter.
#[derive(Clone, Debug)]
pub struct Filter {
    pub(crate) node: Node,
    /// Probable mistakes.
    pub warnings: Vec<CompileWarning>,
    /// The fields that it uses, without duplicates.
    pub fields: Vec<FieldRef>,
}

#[derive(Clone, Debug)]
pub(crate) enum Node {
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    Test(Box<Test>),
}

#[derive(Clone, Debug)]
pub(crate) struct Test {
    pub(crate) left: Source,
    pub(crate) kind: Kind,
    pub(crate) operator: Operator,
    pub(crate) right: Comparand,
}

#[derive(Clone, Debug)]
pub(crate) enum Source {
    Field(FieldRef),
    Constant(Value<'static>),
    List(Vec<Source>),
    Transformed(Transformer, Option<Vec<u8>>, Vec<Source>),
}

#[derive(Clone, Debug)]
pub(crate) enum Comparand {
    Nothing,
    One(Pattern),
    /// Values with a modifier.
    Several(Modifier, Vec<Pattern>),
    /// For `in` and `intersects`.
    Set(Set),
    Paths(PathPrefixes),
    Source(Source),
}

#[derive(Clone, Debug)]
pub(crate) enum Pattern {
    Value(Value<'static>),
    Network(Network),
    Bytes(Vec<u8>),
    Glob(Glob),
    Regex(Box<regex::bytes::Regex>),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Set {
    /// The keys come from rules, so that no event can choose colliding ones.
    pub(crate) bytes: FxHashSet<Vec<u8>>,
    pub(crate) others: Vec<Pattern>,
}

impl Filter {
    /// Compiles a condition whose macros and lists are already expanded.
    ///
    /// # Errors
    /// The first error in the condition.
    pub fn compile(expr: &Expr, fields: &Fields) -> Result<Self, CompileError> {
        let mut compiler =
            Compiler { fields, warnings: Vec::new(), asked: Vec::new(), for_output: false };
        let node = compiler.node(expr)?;
        let mut asked = compiler.asked;
        asked.sort_unstable();
        asked.dedup();
        Ok(Self { node, warnings: compiler.warnings, fields: asked })
    }
}

/// Compiles a single operand for an output format.
///
/// # Errors
/// Why it cannot be compiled.
pub(crate) fn operand(
    of: &Operand,
    fields: &Fields,
    asked: &mut Vec<FieldRef>,
) -> Result<Source, String> {
    let mut compiler =
        Compiler { fields, warnings: Vec::new(), asked: Vec::new(), for_output: true };
    let typed = compiler.operand(of)?;
    asked.extend(compiler.asked);
    Ok(typed.source)
}

struct Compiler<'f> {
    fields: &'f Fields,
    warnings: Vec<CompileWarning>,
    asked: Vec<FieldRef>,
    /// Whether fields for output only are allowed.
    for_output: bool,
}

/// An operand with its type.
struct Typed {
    source: Source,
    kind: Kind,
    comparable: bool,
}

impl Compiler<'_> {
    fn node(&mut self, expr: &Expr) -> Result<Node, CompileError> {
        let mut parts = |parts: &[Expr]| -> Result<Vec<_>, CompileError> {
            parts.iter().map(|part| self.node(part)).collect()
        };
        Ok(match expr {
            Expr::And(all, _) => Node::And(parts(all)?),
            Expr::Or(any, _) => Node::Or(parts(any)?),
            Expr::Not(part, _) => Node::Not(Box::new(self.node(part)?)),
            Expr::Macro(name, position) => {
                let message = format!("Undefined macro '{name}' used in filter.");
                return Err(CompileError { message, position: *position });
            }
            Expr::Check(check) => Node::Test(Box::new(self.test(check)?)),
        })
    }

    fn test(&mut self, check: &Check) -> Result<Test, CompileError> {
        let at = |position: Position| move |message| CompileError { message, position };
        let here = at(check.position);
        let left = self.operand(&check.left).map_err(here)?;
        let operator = check.operator;
        supports(operator, left.kind).map_err(here)?;
        let right = match &check.right {
            None => Comparand::Nothing,
            Some(Right::Value(value, position)) => {
                self.looks_wrong(operator, left.kind, value, *position);
                match (operator, check.modifier) {
                    // The name of a list that was not expanded.
                    (Operator::In | Operator::Intersects | Operator::PMatch, _) | (_, Some(_)) => {
                        let name = String::from_utf8_lossy(value);
                        return Err(at(*position)(format!("Undefined list '{name}'")));
                    }
                    (_, None) => Comparand::One(
                        pattern(operator, left.kind.of, value).map_err(at(*position))?,
                    ),
                }
            }
            Some(Right::List(list)) => {
                for value in &list.values {
                    self.looks_wrong(operator, left.kind, value, list.position);
                }
                values(check, left.kind.of, &list.values).map_err(at(list.position))?
            }
            Some(Right::Operand(operand)) => {
                let right = self.operand(operand).map_err(here)?;
                together(operator, &left, &right).map_err(here)?;
                Comparand::Source(right.source)
            }
        };
        Ok(Test { left: left.source, kind: left.kind, operator, right })
    }

    fn operand(&mut self, operand: &Operand) -> Result<Typed, String> {
        match operand {
            Operand::Field(field) => {
                let (info, asked) = self.fields.resolve(field)?;
                let FieldInfo { kind, list, comparable, print_only, .. } = *info;
                if print_only && !self.for_output {
                    return Err(format!("filter error: {} is for output only", info.name));
                }
                self.asked.push(asked.clone());
                let kind = Kind { of: kind, list };
                Ok(Typed { source: Source::Field(asked), kind, comparable })
            }
            Operand::Transformed(transformed) => {
                let name = transformed.transformer.text();
                if transformed.argument.is_some() && transformed.transformer != Transformer::GetOpt
                {
                    return Err(format!(
                        "filter error: transformer '{name}' does not support field arguments"
                    ));
                }
                if transformed.argument.as_ref().is_some_and(|argument| argument.len() != 1) {
                    return Err(format!("filter error: {name}[…] takes one letter"));
                }
                let mut sources = Vec::new();
                let mut kinds = Vec::new();
                let mut comparable = true;
                for operand in &transformed.operands {
                    if let Operand::Field(field) = operand
                        && transformed.transformer != Transformer::Val
                        && !self.fields.resolve(field)?.0.transformable
                    {
                        return Err(format!("filter error: {} cannot be transformed", field.name));
                    }
                    let typed = self.operand(operand)?;
                    comparable &= typed.comparable;
                    sources.push(typed.source);
                    kinds.push(typed.kind);
                }
                let mut kind = transform::result(transformed.transformer, &kinds)?;
                kind.list &= transformed.argument.is_none();
                let argument = transformed.argument.clone();
                let source = Source::Transformed(transformed.transformer, argument, sources);
                Ok(Typed { source, kind, comparable })
            }
            Operand::Value(value, _) => Ok(Typed {
                source: Source::Constant(constant(value, FieldType::Text)?),
                kind: Kind { of: FieldType::Text, list: false },
                comparable: true,
            }),
            Operand::List(operands, _) => {
                let mut sources = Vec::new();
                for operand in operands {
                    let typed = self.operand(operand)?;
                    if typed.kind.list {
                        return Err("filter error: a list in a list".into());
                    }
                    sources.push(typed.source);
                }
                let kind = Kind { of: FieldType::Text, list: true };
                Ok(Typed { source: Source::List(sources), kind, comparable: true })
            }
        }
    }

    /// Warns about constants that look like something else.
    fn looks_wrong(&mut self, operator: Operator, left: Kind, value: &[u8], position: Position) {
        let Ok(text) = std::str::from_utf8(value) else { return };
        let mut warn = |message: String| self.warnings.push(CompileWarning { message, position });
        if operator == Operator::Regex {
            let open = [".*", ".+", ".?"];
            if open.iter().any(|open| text.starts_with(open) || text.ends_with(open)) {
                warn(format!(
                    "regular expression '{text}' begins or ends with an open repetition: \
                     'contains', 'startswith' and 'endswith' are faster"
                ));
            }
        } else if left.of == FieldType::Text {
            let trimmed = text.trim();
            let call = trimmed.split_once('(').filter(|_| trimmed.ends_with(')'));
            if self.fields.has(trimmed) {
                warn(format!("'{text}' may be a valid field misused as a const string value"));
            } else if let Some((name, _)) = call
                && Transformer::ALL.iter().any(|transformer| transformer.text() == name)
            {
                warn(format!(
                    "'{text}' may be a valid field transformer misused as a const string value"
                ));
            }
        }
    }
}

/// Returns an error unless an operator supports a type.
fn supports(operator: Operator, kind: Kind) -> Result<(), String> {
    use Operator::*;
    let supported = match operator {
        Exists => true,
        In | Intersects => kind.of != FieldType::Opaque,
        // Old rule files match parts of list elements this way.
        Contains | IContains | StartsWith | EndsWith | Glob | IGlob | Regex if kind.list => {
            kind.of == FieldType::Text
        }
        _ if kind.list => false,
        Equal | Assign | NotEqual => kind.of != FieldType::Opaque,
        Less | LessOrEqual | Greater | GreaterOrEqual => {
            kind.of.is_number() || kind.of == FieldType::Text
        }
        Contains | StartsWith | EndsWith => {
            matches!(kind.of, FieldType::Text | FieldType::Bytes)
        }
        IContains | Glob | IGlob | Regex | PMatch => kind.of == FieldType::Text,
        BContains | BStartsWith => kind.of == FieldType::Bytes,
    };
    if supported {
        return Ok(());
    }
    let of = if kind.list { "a list" } else { "a value of this type" };
    Err(format!("filter error: operator '{}' cannot compare {of}", operator.text()))
}

/// Returns an error unless two operands can be compared.
fn together(operator: Operator, left: &Typed, right: &Typed) -> Result<(), String> {
    use Operator::*;
    if !left.comparable || !right.comparable {
        return Err("filter error: a field cannot be compared with another one".into());
    }
    if left.kind.of != right.kind.of {
        return Err("filter error: the two sides have different types".into());
    }
    match operator {
        PMatch | Regex => Err(format!(
            "filter error: operator '{}' needs constants on its right side",
            operator.text()
        )),
        In | Intersects if !right.kind.list => {
            Err("filter error: the right side must be a list".into())
        }
        In | Intersects => Ok(()),
        _ if right.kind.list => Err("filter error: the right side is a list".into()),
        _ => Ok(()),
    }
}

fn values(check: &Check, kind: FieldType, list: &[Vec<u8>]) -> Result<Comparand, String> {
    let patterns = |operator| -> Result<Vec<_>, String> {
        list.iter().map(|value| pattern(operator, kind, value)).collect()
    };
    Ok(match (check.modifier, check.operator) {
        (Some(modifier), operator) => Comparand::Several(modifier, patterns(operator)?),
        (None, Operator::PMatch) => {
            for value in list {
                constant(value, FieldType::Text)?;
            }
            Comparand::Paths(PathPrefixes::new(list))
        }
        (None, _) => {
            let mut set = Set::default();
            for pattern in patterns(Operator::Equal)? {
                match pattern {
                    Pattern::Value(Value::Bytes(bytes)) => {
                        set.bytes.insert(bytes.into_owned());
                    }
                    other => set.others.push(other),
                }
            }
            Comparand::Set(set)
        }
    })
}

/// Parses a constant for an operator.
fn pattern(operator: Operator, kind: FieldType, value: &[u8]) -> Result<Pattern, String> {
    use Operator::*;
    let is_address = matches!(kind, FieldType::Address | FieldType::Network);
    if is_address && (kind == FieldType::Network || value.contains(&b'/')) {
        let shown = String::from_utf8_lossy(value);
        let network = Network::parse(&shown)
            .ok_or_else(|| format!("filter error: {shown:?} is no IP network"))?;
        return Ok(Pattern::Network(network));
    }
    Ok(match operator {
        BContains | BStartsWith => Pattern::Bytes(hex(value).ok_or_else(|| {
            let shown = String::from_utf8_lossy(value);
            format!("filter error: {shown:?} must be hexadecimal digits in pairs")
        })?),
        Glob | IGlob => {
            constant(value, kind)?;
            Pattern::Glob(crate::glob::Glob::new(value, operator == IGlob))
        }
        Regex => Pattern::Regex(Box::new(posix::compile(value)?)),
        IContains => {
            constant(value, kind)?;
            Pattern::Bytes(value.to_ascii_lowercase())
        }
        _ => Pattern::Value(constant(value, kind)?),
    })
}

fn hex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(*high)? * 16 + digit(*low)?),
        _ => None,
    });
    if text.is_empty() { None } else { pairs.collect() }
}
