//! Runtime rules, pure: the filter language that Falco made common, rule files in it, and
//! events judged by them. Nothing here reads a file, a kernel or a clock.

mod filter;

pub use filter::{
    Check, Expr, Field, List, Modifier, Operand, Operator, ParseError, Position, Right,
    Transformed, Transformer, escape, parse, unescape,
};
