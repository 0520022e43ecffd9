//! Parses and prints filters.
//!
//! The language is Falco's (grammar: `falcosecurity/libs`, `userspace/libsinsp/filter/parser.h`).
//! Values are bytes, because Linux paths need not be UTF-8; `"\xff"` is one byte.

mod ast;
mod display;
mod escape;
mod lexer;
mod parser;

pub(crate) use ast::Takes;
pub use ast::{
    Check, Expr, Field, List, Modifier, Operand, Operator, Position, Right, Transformed,
    Transformer,
};
pub use escape::{escape, unescape};
pub(crate) use parser::operand_at;
pub use parser::{ParseError, parse};
