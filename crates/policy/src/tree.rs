//! Parts of expressions, and why one is refused.

use std::fmt;

use cel::IdedExpr;
use cel::common::ast::{EntryExpr, Expr};

/// Why an expression is refused, or what of it is not known here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// The API server refuses it.
    Invalid(String),
    /// It is beyond what is understood here; the API server may take it.
    Unknown(String),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(why) | Self::Unknown(why) => f.write_str(why),
        }
    }
}

/// What an expression sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Root {
    /// `claims` of a token.
    Claims,
    /// `user` as it was made of them.
    User,
}

impl Root {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Claims => "claims",
            Self::User => "user",
        }
    }
}

/// The expressions directly inside.
pub(crate) fn children(node: &IdedExpr) -> Vec<&IdedExpr> {
    match &node.expr {
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => Vec::new(),
        Expr::Call(call) => call.target.iter().map(|target| &**target).chain(&call.args).collect(),
        Expr::Comprehension(of) => {
            vec![&of.iter_range, &of.accu_init, &of.loop_cond, &of.loop_step, &of.result]
        }
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Select(select) => vec![&select.operand],
        Expr::Map(map) => map.entries.iter().flat_map(|entry| of_entry(&entry.expr)).collect(),
        Expr::Struct(of) => of.entries.iter().flat_map(|entry| of_entry(&entry.expr)).collect(),
    }
}

fn of_entry(entry: &EntryExpr) -> Vec<&IdedExpr> {
    match entry {
        EntryExpr::StructField(field) => vec![&field.value],
        EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
    }
}
