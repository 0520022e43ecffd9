//! Filters: text to syntax tree and back.
//!
//! The language is Falco's (`falcosecurity/libs`, `userspace/libsinsp/filter/parser.h` has the
//! grammar). Values are bytes: paths of Linux need not be UTF-8, and `"\xff"` writes one.

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
