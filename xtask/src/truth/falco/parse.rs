//! `parse.jsonl` and `escape.jsonl`.

use std::path::Path;

use pavisade_rules::{Check, Expr, Field, Operand, Position, Right, escape, parse, unescape};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Outcome, cases};

#[derive(Deserialize)]
struct Case {
    id: String,
    expr: String,
    accept: Option<bool>,
    /// Whether the verdict also holds with other blanks and with blanks around the text.
    #[serde(default)]
    blanks: bool,
    error: Option<String>,
    ast: Option<Value>,
    as_string: Option<String>,
    /// The position after the text: index, line, column.
    end: Option<[usize; 3]>,
    /// Kind, index, line and column of each node, outer ones first.
    nodes: Option<Vec<(String, usize, usize, usize)>>,
    other: Option<String>,
    same_ast: Option<bool>,
    /// The argument of the field on the left; JSON null stands for none.
    #[serde(default, deserialize_with = "present")]
    left_arg: Option<Option<String>>,
}

/// Distinguishes null from an absent field.
fn present<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

pub(super) fn syntax(file: &Path, outcome: &mut Outcome) -> anyhow::Result<()> {
    for case in cases::<Case>(file)? {
        let wrong = wrong(&case);
        outcome.count(wrong.is_empty(), || {
            format!("{}: {:.200}\n  {}", case.id, case.expr, wrong.join("\n  "))
        });
    }
    Ok(())
}

/// Returns the differences from the suite.
fn wrong(case: &Case) -> Vec<String> {
    let mut wrong = Vec::new();
    let parsed = parse(&case.expr);
    if let Some(accept) = case.accept {
        if parsed.is_ok() != accept {
            wrong.push(format!("accepted: want {accept}, got {parsed:?}"));
        }
        let blanks = [
            format!(" {} ", case.expr),
            case.expr.replace(' ', "\n"),
            case.expr.replace(' ', "\t"),
        ];
        if case.blanks && blanks.iter().any(|expr| parse(expr).is_ok() != accept) {
            wrong.push("accepted with other blanks: it is not the same".into());
        }
    }
    let (expr, error) = match &parsed {
        Ok(expr) => (Some(expr), None),
        Err(error) => (None, Some(error.message.as_str())),
    };
    if case.error.is_some() && case.error.as_deref() != error {
        wrong.push(format!("error: want {:?}, got {error:?}", case.error));
    }
    let mut compare = |what: &str, want: Option<Value>, got: Option<Value>| {
        if want.is_some() && want != got {
            wrong.push(format!("{what}: want {}, got {}", text(&want), text(&got)));
        }
    };
    compare("tree", case.ast.clone(), expr.map(tree));
    compare("text", case.as_string.clone().map(Value::from), expr.map(|e| json!(e.to_string())));
    compare(
        "nodes",
        case.nodes.as_ref().map(|nodes| json!(nodes)),
        expr.map(|expr| {
            let mut all = Vec::new();
            nodes(expr, &mut all);
            json!(all)
        }),
    );
    if let Some(argument) = &case.left_arg {
        let got = match expr {
            Some(Expr::Check(check)) => argument_of(&check.left),
            _ => None,
        };
        compare("argument", Some(json!(argument)), Some(json!(got)));
    }
    compare("end", case.end.map(|end| json!(end)), expr.map(|_| json!(end(&case.expr))));
    if let (Some(other), Some(same)) = (&case.other, case.same_ast) {
        let got = expr.is_some() && expr == parse(other).ok().as_ref();
        compare("same tree", Some(same.into()), Some(got.into()));
    }
    // Constants of transformers are printed without quotes, as the suite expects.
    if let Some(expr) = expr
        && !case.expr.contains("join(")
        && !case.expr.contains("getopt(")
    {
        let again = expr.to_string();
        if parse(&again).as_ref().ok() != Some(expr) {
            wrong.push(format!("written as {again:?}, which reads as another tree"));
        }
    }
    wrong
}

fn text(value: &Option<Value>) -> String {
    value.as_ref().map_or("nothing".into(), Value::to_string)
}

/// Returns the end of an accepted text, which is read completely.
fn end(text: &str) -> [usize; 3] {
    let line = text.matches('\n').count();
    let start = text.rfind('\n').map_or(0, |newline| newline + 1);
    [text.len(), line + 1, text.len() - start + 1]
}

fn argument_of(operand: &Operand) -> Option<String> {
    let argument = match operand {
        Operand::Field(field) => field.argument.as_ref(),
        Operand::Transformed(transformed) => transformed.argument.as_ref(),
        Operand::Value(..) | Operand::List(..) => None,
    };
    argument.map(|argument| lossy(argument))
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn tree(expr: &Expr) -> Value {
    let trees = |parts: &[Expr]| parts.iter().map(tree).collect::<Vec<_>>();
    match expr {
        Expr::And(parts, _) => json!({"and": trees(parts)}),
        Expr::Or(parts, _) => json!({"or": trees(parts)}),
        Expr::Not(part, _) => json!({"not": tree(part)}),
        Expr::Macro(name, _) => json!({"macro": name}),
        Expr::Check(Check { left, operator, modifier, right, .. }) => {
            let modifier = modifier.map_or(String::new(), |m| format!(" {}", m.text()));
            let mut check = json!({
                "left": operand(left),
                "op": format!("{}{modifier}", operator.text()),
            });
            if let Some(right) = right {
                check["right"] = match right {
                    Right::Value(value, _) => json!({"value": lossy(value)}),
                    Right::List(list) => {
                        json!({"list": list.values.iter().map(|v| lossy(v)).collect::<Vec<_>>()})
                    }
                    Right::Operand(right) => operand(right),
                };
            }
            check
        }
    }
}

fn operand(of: &Operand) -> Value {
    match of {
        Operand::Field(Field { name, argument: None, .. }) => json!({"field": name}),
        Operand::Field(Field { name, argument: Some(argument), .. }) => {
            json!({"field": name, "arg": lossy(argument)})
        }
        Operand::Transformed(transformed) => {
            let args: Vec<_> = transformed.operands.iter().map(operand).collect();
            json!({"transformer": transformed.transformer.text(), "args": args})
        }
        Operand::Value(value, _) => json!({"value": lossy(value)}),
        Operand::List(operands, _) => {
            json!({"list": operands.iter().map(operand).collect::<Vec<_>>()})
        }
    }
}

type Node = (&'static str, usize, usize, usize);

const fn node(kind: &'static str, at: Position) -> Node {
    (kind, at.index, at.line, at.column)
}

fn nodes(expr: &Expr, all: &mut Vec<Node>) {
    match expr {
        Expr::And(parts, at) | Expr::Or(parts, at) => {
            all.push(node(if matches!(expr, Expr::And(..)) { "and" } else { "or" }, *at));
            parts.iter().for_each(|part| nodes(part, all));
        }
        Expr::Not(part, at) => {
            all.push(node("not", *at));
            nodes(part, all);
        }
        Expr::Macro(_, at) => all.push(node("identifier", *at)),
        Expr::Check(check) => {
            let kind = if check.right.is_some() { "binary" } else { "unary" };
            all.push(node(kind, check.position));
            operand_nodes(&check.left, all);
            match &check.right {
                None => {}
                Some(Right::Value(_, at)) => all.push(node("value", *at)),
                Some(Right::List(list)) => all.push(node("list", list.position)),
                Some(Right::Operand(right)) => operand_nodes(right, all),
            }
        }
    }
}

fn operand_nodes(operand: &Operand, all: &mut Vec<Node>) {
    match operand {
        Operand::Field(field) => all.push(node("field", field.position)),
        Operand::Value(_, at) => all.push(node("value", *at)),
        Operand::Transformed(transformed) => {
            all.push(node("transformer", transformed.position));
            transformed.operands.iter().for_each(|operand| operand_nodes(operand, all));
        }
        Operand::List(operands, at) => {
            all.push(node("list", *at));
            operands.iter().for_each(|operand| operand_nodes(operand, all));
        }
    }
}

#[derive(Deserialize)]
struct Escaping {
    id: String,
    r#fn: String,
    in_hex: String,
    out_hex: Option<String>,
}

pub(super) fn escaping(file: &Path, outcome: &mut Outcome) -> anyhow::Result<()> {
    for case in cases::<Escaping>(file)? {
        let input = hex(&case.in_hex)?;
        let want = case.out_hex.as_deref().map(hex).transpose()?;
        let got = match case.r#fn.as_str() {
            "escape" => Some(escape(&input)),
            "unescape" => unescape(&input).ok(),
            "roundtrip" => unescape(&escape(&input)).ok(),
            other => anyhow::bail!("{}: unknown function {other}", case.id),
        };
        outcome.count(got == want, || {
            format!("{}: {}\n  want {want:?}\n  got  {got:?}", case.id, case.in_hex)
        });
    }
    Ok(())
}

pub(super) fn hex(text: &str) -> anyhow::Result<Vec<u8>> {
    anyhow::ensure!(text.len().is_multiple_of(2) && text.is_ascii(), "no hexadecimal text: {text}");
    (0..text.len() / 2).map(|at| Ok(u8::from_str_radix(&text[2 * at..2 * at + 2], 16)?)).collect()
}
