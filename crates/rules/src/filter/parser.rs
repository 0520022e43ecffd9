//! Parses filters.

use std::fmt;

use super::ast::{
    Check, Expr, Field, List, Modifier, Operand, Operator, Position, Right, Takes, Transformed,
    Transformer,
};
use super::escape::unescape;
use super::lexer::{Lexer, ends_bare, is_blank};

/// The deepest nesting of conditions and of transformers.
const MAX_DEPTH: usize = 100;

/// A syntax error.
#[derive(Clone, Debug)]
pub struct ParseError {
    /// What is wrong or was expected.
    pub message: String,
    /// The position of the error.
    pub position: Position,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Position { line, column, .. } = self.position;
        write!(f, "line {line}, column {column}: {}", self.message)
    }
}

impl std::error::Error for ParseError {}

/// Parses a complete filter.
///
/// # Errors
/// The first syntax error.
pub fn parse(text: &str) -> Result<Expr, ParseError> {
    let mut parser = Parser { lexer: Lexer::new(text.as_bytes()), depth: 0 };
    let expr = parser.or()?;
    parser.lexer.blank();
    if parser.lexer.rest().is_empty() {
        return Ok(expr);
    }
    let before = &text.as_bytes()[..parser.lexer.at];
    let word = before.trim_ascii().rsplit(|byte| ends_bare(*byte)).next().unwrap_or_default();
    let word = String::from_utf8_lossy(word);
    Err(parser.error(format!("unexpected token after '{word}', expecting 'or', 'and'")))
}

/// Parses a field or transformed field at the start of a text, for output formats. Also returns its
/// length.
///
/// # Errors
/// Why it is invalid.
pub(crate) fn operand_at(text: &str) -> Result<(Operand, usize), ParseError> {
    let mut parser = Parser { lexer: Lexer::new(text.as_bytes()), depth: 0 };
    let position = parser.lexer.position();
    let operand = match parser.transformer_name(false) {
        Some(transformer) => parser.transformed(transformer, position)?,
        None => match parser.field()? {
            Some(field) => Operand::Field(field),
            None => return Err(parser.error("expected a field")),
        },
    };
    Ok((operand, parser.lexer.at))
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    depth: usize,
}

/// The constructor for a chain of conditions.
type Chain = fn(Vec<Expr>, Position) -> Expr;

impl Parser<'_> {
    fn error(&self, message: impl Into<String>) -> ParseError {
        ParseError { message: message.into(), position: self.lexer.position() }
    }

    /// Parses a part one nesting level deeper.
    fn deeper<T>(
        &mut self,
        part: impl FnOnce(&mut Self) -> Result<T, ParseError>,
    ) -> Result<T, ParseError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error(format!("exceeded max depth limit of {MAX_DEPTH}")));
        }
        let result = part(self);
        self.depth -= 1;
        result
    }

    fn or(&mut self) -> Result<Expr, ParseError> {
        self.deeper(|parser| parser.chain("or", Self::and, Expr::Or))
    }

    fn and(&mut self) -> Result<Expr, ParseError> {
        self.chain("and", Self::not, Expr::And)
    }

    /// Parses parts separated by a word, which must be followed by a blank or a parenthesis.
    fn chain(
        &mut self,
        word: &str,
        part: fn(&mut Self) -> Result<Expr, ParseError>,
        make: Chain,
    ) -> Result<Expr, ParseError> {
        self.lexer.blank();
        let position = self.lexer.position();
        let first = part(self)?;
        let mut parts = Vec::new();
        self.lexer.blank();
        while self.lexer.take(word) {
            parts.push(if self.lexer.blank() {
                part(self)?
            } else if self.lexer.take("(") {
                self.embedded()?
            } else {
                return Err(self.error(format!("expected blank or '(' after '{word}'")));
            });
            self.lexer.blank();
        }
        if parts.is_empty() {
            return Ok(first);
        }
        parts.insert(0, first);
        Ok(make(parts, position))
    }

    fn not(&mut self) -> Result<Expr, ParseError> {
        self.lexer.blank();
        let position = self.lexer.position();
        let mut negated = false;
        let inner = loop {
            let before = self.lexer.at;
            if !self.lexer.take("not") {
                break self.check()?;
            }
            if self.lexer.blank() {
                negated = !negated;
            } else if self.lexer.take("(") {
                negated = !negated;
                break self.embedded()?;
            } else {
                // A name that only starts with the word.
                self.lexer.at = before;
                break self.check()?;
            }
        };
        Ok(if negated { Expr::Not(Box::new(inner), position) } else { inner })
    }

    /// Parses the rest after an opening parenthesis.
    fn embedded(&mut self) -> Result<Expr, ParseError> {
        let inner = self.or()?;
        self.lexer.blank();
        if self.lexer.take(")") { Ok(inner) } else { Err(self.error("expected a ')' token")) }
    }

    fn check(&mut self) -> Result<Expr, ParseError> {
        if self.lexer.take("(") {
            return self.embedded();
        }
        let position = self.lexer.position();
        let left = match self.transformer_name(false) {
            Some(transformer) => self.transformed(transformer, position)?,
            None => match self.field()? {
                Some(field) => Operand::Field(field),
                None => {
                    let name = self.lexer.identifier().ok_or_else(|| {
                        self.error("expected a '(' token, a field check, or an identifier")
                    })?;
                    return Ok(Expr::Macro(name.to_owned(), position));
                }
            },
        };
        let (operator, modifier, right) = self.condition()?;
        Ok(Expr::Check(Check { left, operator, modifier, right, position }))
    }

    /// Consumes the name of a transformer and its parenthesis.
    fn transformer_name(&mut self, right: bool) -> Option<Transformer> {
        let before = self.lexer.at;
        let name = self.lexer.identifier()?;
        let found = Transformer::ALL.iter().copied().find(|transformer| {
            transformer.text() == name && (right || *transformer != Transformer::Val)
        });
        if found.is_some() && self.lexer.take("(") {
            return found;
        }
        self.lexer.at = before;
        None
    }

    /// Parses the rest after the opening parenthesis of a transformer.
    fn transformed(
        &mut self,
        transformer: Transformer,
        position: Position,
    ) -> Result<Operand, ParseError> {
        let mut operands = Vec::new();
        self.deeper(|parser| {
            parser.lexer.blank();
            operands.push(parser.operand(transformer, true)?);
            while parser.comma() {
                operands.push(parser.operand(transformer, true)?);
            }
            Ok(())
        })?;
        if !self.lexer.take(")") {
            return Err(self.error("expected a ')' token closing the transformer"));
        }
        // The compiler checks whether the transformer takes an argument.
        let argument = self.argument()?;
        Ok(Operand::Transformed(Transformed { transformer, operands, argument, position }))
    }

    /// Consumes a comma and the blanks around it. Returns whether there was one.
    fn comma(&mut self) -> bool {
        self.lexer.blank();
        let comma = self.lexer.take(",");
        if comma {
            self.lexer.blank();
        }
        comma
    }

    /// Parses an operand of a transformer. Only those with several operands take constants and
    /// lists.
    fn operand(&mut self, of: Transformer, list: bool) -> Result<Operand, ParseError> {
        let position = self.lexer.position();
        if of == Transformer::Val {
            let field = self.field()?;
            return field.map(Operand::Field).ok_or_else(|| self.error("expected a field"));
        }
        if let Some(inner) = self.transformer_name(false) {
            return self.transformed(inner, position);
        }
        if let Some(field) = self.field()? {
            return Ok(Operand::Field(field));
        }
        if matches!(of, Transformer::Join | Transformer::Concat | Transformer::GetOpt) {
            if list && of != Transformer::Concat && self.lexer.take("(") {
                let mut operands = Vec::new();
                self.lexer.blank();
                if self.lexer.take(")") {
                    return Ok(Operand::List(operands, position));
                }
                operands.push(self.operand(of, false)?);
                while self.comma() {
                    operands.push(self.operand(of, false)?);
                }
                return if self.lexer.take(")") {
                    Ok(Operand::List(operands, position))
                } else {
                    Err(self.error("expected a ')' token closing the list"))
                };
            }
            if let Some(value) = self.quoted()? {
                return Ok(Operand::Value(value, position));
            }
            if let Some(number) = self.lexer.number() {
                return Ok(Operand::Value(number.to_vec(), position));
            }
        }
        Err(self.error("expected a field or a valid field transformer"))
    }

    fn field(&mut self) -> Result<Option<Field>, ParseError> {
        let position = self.lexer.position();
        let Some(name) = self.lexer.field_name() else { return Ok(None) };
        let name = name.to_owned();
        let argument = self.argument()?;
        Ok(Some(Field { name, argument, position }))
    }

    /// Parses an argument in brackets.
    fn argument(&mut self) -> Result<Option<Vec<u8>>, ParseError> {
        if !self.lexer.take("[") {
            return Ok(None);
        }
        let argument = match self.quoted()? {
            Some(argument) => argument,
            None => self
                .lexer
                .take_while(|byte| !is_blank(byte) && !matches!(byte, b'[' | b']' | b'"' | b'\''))
                .ok_or_else(|| {
                    self.error("expected a valid field argument: a quoted string or a bare string")
                })?
                .to_vec(),
        };
        if self.lexer.take("]") {
            Ok(Some(argument))
        } else {
            Err(self.error("expected a ']' token"))
        }
    }

    fn quoted(&mut self) -> Result<Option<Vec<u8>>, ParseError> {
        let position = self.lexer.position();
        match self.lexer.quoted() {
            None => Ok(None),
            Some(quoted) => match unescape(quoted) {
                Ok(value) => Ok(Some(value)),
                Err(message) => Err(ParseError { message, position }),
            },
        }
    }

    fn condition(&mut self) -> Result<(Operator, Option<Modifier>, Option<Right>), ParseError> {
        self.lexer.blank();
        let operator = self.operator()?;
        if operator.takes() == Takes::Nothing {
            return Ok((operator, None, None));
        }
        let blank = self.lexer.blank();
        if operator.takes() == Takes::Text
            && blank
            && let Some((modifier, right)) = self.modifier()?
        {
            return Ok((operator, Some(modifier), Some(right)));
        }
        let position = self.lexer.position();
        if let Some(transformer) = self.transformer_name(true) {
            let operand = self.transformed(transformer, position)?;
            // `val` only marks a field.
            return Ok((operator, None, Some(Right::Operand(operand))));
        }
        let right = match operator.takes() {
            Takes::List => self.list_or_name()?,
            Takes::Number => Right::Value(
                self.lexer.number().ok_or_else(|| self.error("expected a valid number"))?.to_vec(),
                position,
            ),
            Takes::Text | Takes::Nothing => Right::Value(self.value()?, position),
        };
        Ok((operator, None, Some(right)))
    }

    /// Consumes an operator. One made of letters must be followed by a blank if it takes a right
    /// side.
    fn operator(&mut self) -> Result<Operator, ParseError> {
        let rest = self.lexer.rest();
        let found = Operator::ALL.iter().copied().find(|operator| {
            let text = operator.text().as_bytes();
            rest.starts_with(text)
                && (operator.takes() != Takes::Text
                    || !text[0].is_ascii_alphabetic()
                    || rest.get(text.len()).is_some_and(|byte| is_blank(*byte)))
        });
        match found {
            Some(operator) => {
                self.lexer.at += operator.text().len();
                Ok(operator)
            }
            None => {
                let known: Vec<_> = Operator::ALL.iter().map(|op| op.text()).collect();
                Err(self
                    .error(format!("expected a valid check operator: one of {}", known.join(", "))))
            }
        }
    }

    /// Consumes `oneof (a, b)` or `oneof name`; the word alone is an ordinary value.
    fn modifier(&mut self) -> Result<Option<(Modifier, Right)>, ParseError> {
        let before = self.lexer.at;
        let found = Modifier::ALL.iter().copied().find(|m| self.lexer.take(m.text()));
        if let Some(modifier) = found
            && self.lexer.blank()
        {
            let position = self.lexer.position();
            if self.lexer.rest().first() == Some(&b'(') {
                return Ok(Some((modifier, Right::List(self.list()?))));
            }
            match self.lexer.identifier() {
                None | Some("and" | "or") => {}
                Some(name) => {
                    let name = name.as_bytes().to_vec();
                    return Ok(Some((modifier, Right::Value(name, position))));
                }
            }
        }
        self.lexer.at = before;
        Ok(None)
    }

    fn list_or_name(&mut self) -> Result<Right, ParseError> {
        let position = self.lexer.position();
        if self.lexer.rest().first() == Some(&b'(') {
            return Ok(Right::List(self.list()?));
        }
        let name = self
            .lexer
            .identifier()
            .ok_or_else(|| self.error("expected a list: values in parentheses, or its name"))?;
        Ok(Right::Value(name.as_bytes().to_vec(), position))
    }

    /// Parses values in parentheses.
    fn list(&mut self) -> Result<List, ParseError> {
        let position = self.lexer.position();
        self.lexer.take("(");
        self.lexer.blank();
        let mut values = Vec::new();
        if !self.lexer.take(")") {
            values.push(self.value()?);
            while self.comma() {
                values.push(self.value()?);
            }
            if !self.lexer.take(")") {
                return Err(self.error("expected a ')' token closing the list"));
            }
        }
        Ok(List { values, position })
    }

    fn value(&mut self) -> Result<Vec<u8>, ParseError> {
        if let Some(value) = self.quoted()? {
            return Ok(value);
        }
        let bare = self.lexer.bare();
        let bare =
            bare.ok_or_else(|| self.error("expected a value: a quoted string or a bare string"))?;
        Ok(bare.to_vec())
    }
}
