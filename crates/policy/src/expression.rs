//! CEL as authentication configurations have it: read within limits, and evaluated.
//!
//! `cel` neither limits what it reads nor what it computes: a long chain overflows the stack, and
//! nested loops run for ever. So the text, the depth of its tree and the number of its nodes are
//! limited before anything runs, and the work is bounded before it starts: the size of all lists that
//! a loop could run over, to the power of the depth of loops, times the nodes. These limits are not
//! those of the API server, so what exceeds them is unknown, not refused.

use std::collections::HashMap;
use std::sync::Arc;

use cel::common::ast::Expr;
use cel::parser::PrattParser;
use cel::{Context, Env, ExecutionError, IdedExpr, Value, extensions};

use crate::tree::{Refused, Root, children};
use crate::types;

/// Bytes of an expression.
const MAX_TEXT: usize = 10 << 10;
/// Nodes of its tree, macros expanded.
const MAX_NODES: usize = 1_000;
/// Depth of its tree.
const MAX_DEPTH: usize = 100;
/// Depth of brackets while it is read.
const MAX_NESTING: u16 = 48;
/// Steps that it may take.
const MAX_WORK: u64 = 1_000_000;

/// An expression that the API server takes.
#[derive(Debug, Clone)]
pub struct Expression {
    text: String,
    tree: Arc<IdedExpr>,
    nodes: usize,
    /// Loops inside of loops.
    loops: u32,
    /// Elements of lists that stand in it.
    elements: usize,
}

impl Expression {
    /// Reads one, and checks types as far as the API server refuses by them. A rule must give a
    /// boolean, a mapping may give anything.
    pub fn read(text: &str, root: Root, boolean: bool) -> Result<Self, Refused> {
        let tree = parse(text)?;
        let mut measured = Measure::default();
        measured.walk(&tree)?;
        types::check(&tree, root, boolean)?;
        let Measure { nodes, loops, elements } = measured;
        Ok(Self { text: text.to_owned(), tree: Arc::new(tree), nodes, loops, elements })
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it reads that field of the root: `claims.email`.
    pub(crate) fn selects(&self, root: Root, field: &str) -> bool {
        types::any(&self.tree, &|one| types::field_of(one, root) == Some(field))
    }

    /// What it gives for a value of its root.
    ///
    /// # Errors
    /// It fails, as it would in the API server ([`Refused::Invalid`]), or it cannot be evaluated here
    /// ([`Refused::Unknown`]).
    pub fn evaluate(&self, root: Root, value: &serde_json::Value) -> Result<Value, Refused> {
        let most = (elements(value) + self.elements).max(1) as u64;
        let work =
            most.checked_pow(self.loops).and_then(|work| work.checked_mul(self.nodes as u64));
        if work.is_none_or(|work| work > MAX_WORK) {
            return Err(Refused::Unknown("it takes more steps than are evaluated here".to_owned()));
        }
        let mut env = Env::stdlib();
        for extension in [extensions::strings, extensions::lists] {
            env.add_extension(extension).map_err(|error| Refused::Unknown(error.to_string()))?;
        }
        let mut context = Context::with_env(Arc::new(env));
        context.add_variable_from_value(root.name(), to_cel(value));
        Value::resolve(&self.tree, &context).map_err(|error| match error {
            // The type check knows all names, so this is a function that `cel` lacks.
            ExecutionError::UndeclaredReference(name) => {
                Refused::Unknown(format!("`{name}` is not evaluated here"))
            }
            error => Refused::Invalid(error.to_string()),
        })
    }
}

fn parse(text: &str) -> Result<IdedExpr, Refused> {
    if text.len() > MAX_TEXT {
        return Err(Refused::Unknown(format!("it is longer than {} KiB", MAX_TEXT >> 10)));
    }
    let parser = PrattParser::new()
        .max_recursion_depth(MAX_NESTING)
        .max_expression_node_count(MAX_NODES)
        .enable_optional_syntax(true);
    parser.parse(text).map_err(|errors| {
        let text = errors.to_string();
        let first =
            text.lines().find(|line| !line.trim().is_empty()).unwrap_or("it cannot be read");
        // The parser's own limits are not those of the API server.
        match text.contains("recursion limit") || text.contains("expression count exceeds") {
            true => {
                Refused::Unknown("it is too large or nested too deeply to be read here".to_owned())
            }
            false => Refused::Invalid(first.trim().to_owned()),
        }
    })
}

/// How large a tree is; walked without recursion, since it may be deep.
#[derive(Default)]
struct Measure {
    nodes: usize,
    loops: u32,
    elements: usize,
}

impl Measure {
    fn walk(&mut self, tree: &IdedExpr) -> Result<(), Refused> {
        let mut open = vec![(tree, 1, 0)];
        while let Some((node, depth, loops)) = open.pop() {
            self.nodes += 1;
            if self.nodes > MAX_NODES || depth > MAX_DEPTH {
                let what = format!(
                    "it has more than {MAX_NODES} parts, or is nested deeper than {MAX_DEPTH}"
                );
                return Err(Refused::Unknown(what));
            }
            let inside = loops + u32::from(matches!(node.expr, Expr::Comprehension(_)));
            self.loops = self.loops.max(inside);
            if let Expr::List(list) = &node.expr {
                self.elements += list.elements.len();
            }
            open.extend(children(node).into_iter().map(|child| (child, depth + 1, inside)));
        }
        Ok(())
    }
}

/// How many elements all lists and maps in it have.
fn elements(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::Array(items) => items.len() + items.iter().map(elements).sum::<usize>(),
        serde_json::Value::Object(fields) => {
            fields.len() + fields.values().map(elements).sum::<usize>()
        }
        _ => 0,
    }
}

/// As Go reads JSON without types: every number is a float.
fn to_cel(value: &serde_json::Value) -> Value {
    use serde_json::Value as Json;
    match value {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => Value::List(Arc::new(items.iter().map(to_cel).collect())),
        Json::Object(fields) => {
            let fields = fields.iter().map(|(key, value)| (key.clone(), to_cel(value)));
            Value::from(fields.collect::<HashMap<String, Value>>())
        }
    }
}
