//! `compile.jsonl`, `eval.jsonl`, `transform.jsonl` and `evttypes.jsonl`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use pavisade_rules::{
    Argument, Check, Event, EventTypes, Expr, FieldInfo, FieldRef, FieldType, Fields, Filter,
    Format, Operand, Operator, Value, Values, doubts, event_types, parse,
};
use serde::Deserialize;
use serde_json::Value as Json;

use super::parse::hex;
use super::{Outcome, cases};

#[derive(Deserialize)]
struct Compile {
    id: String,
    expr: String,
    compiles: Option<bool>,
    warnings: Option<usize>,
    error: Option<String>,
    /// Falco's own warnings, which are about rule files.
    falco_warns: Option<bool>,
}

/// Returns Falco's fields and those defined by its tests.
fn fields() -> Fields {
    use FieldType::{Bytes, Int, Text};
    let mut fields = Fields::known().clone();
    for (name, kind, list) in [
        ("c.true", Text, false),
        ("c.false", Text, false),
        ("c.singlequote", Text, false),
        ("c.doublequote", Text, false),
        ("c.buffer", Bytes, false),
        ("test.int64", Int, false),
        ("test.charbuf", Text, false),
        ("test.bytebuf", Bytes, false),
        ("test.list", Text, true),
        ("test.another_list", Text, true),
        ("test.base64", Text, false),
        ("test.more_than_256", Text, false),
        ("sample.is_open", Int, false),
        ("sample.proc_name", Text, false),
        ("sample.tick", Text, false),
    ] {
        fields.add(mock(name, kind, list));
    }
    fields
}

/// Returns a field of the suite, without arguments.
fn mock(name: &str, kind: FieldType, list: bool) -> FieldInfo {
    FieldInfo {
        slot: 0,
        name: name.to_owned(),
        kind,
        list,
        argument: Argument::None,
        comparable: true,
        transformable: true,
        print_only: false,
        deprecated: false,
        source: "syscall".to_owned(),
    }
}

fn compile(text: &str) -> Result<Filter, String> {
    let expr = parse(text).map_err(|error| error.to_string())?;
    Filter::compile(&constant_checks(expr), &fields()).map_err(|error| error.message)
}

/// Replaces `c.true` and `c.false`, which always compare as such, whatever the operator.
fn constant_checks(expr: Expr) -> Expr {
    let all = |parts: Vec<Expr>| parts.into_iter().map(constant_checks).collect();
    match expr {
        Expr::And(parts, at) => Expr::And(all(parts), at),
        Expr::Or(parts, at) => Expr::Or(all(parts), at),
        Expr::Not(part, at) => Expr::Not(Box::new(constant_checks(*part)), at),
        Expr::Check(check)
            if matches!(&check.left, Operand::Field(field)
                if field.name == "c.true" || field.name == "c.false") =>
        {
            Expr::Check(Check { operator: Operator::Exists, modifier: None, right: None, ..check })
        }
        other => other,
    }
}

pub(super) fn compiling(file: &Path, outcome: &mut Outcome) -> anyhow::Result<()> {
    for case in cases::<Compile>(file)? {
        if let Some(warns) = case.falco_warns {
            let got = parse(&case.expr).map(|expr| !doubts(&expr).is_empty());
            outcome.count(got.as_ref().ok() == Some(&warns), || {
                format!("{}: {}\n  want {warns}, got {got:?}", case.id, case.expr)
            });
            continue;
        }
        let got = compile(&case.expr);
        let warnings = got.as_ref().ok().map(|filter| filter.warnings.len());
        let error = got.as_ref().err();
        let agreed = case.compiles == Some(got.is_ok())
            && (case.warnings.is_none() || warnings == case.warnings)
            && (case.error.is_none() || error == case.error.as_ref());
        outcome.count(agreed, || {
            let want = (case.compiles, case.warnings, case.error);
            format!("{}: {}\n  want {want:?}\n  got  {warnings:?} {error:?}", case.id, case.expr)
        });
    }
    Ok(())
}

#[derive(Deserialize)]
struct Evaluate {
    id: String,
    fields: BTreeMap<String, Json>,
    expr: String,
    /// True, false, or the text "error".
    expect: Json,
}

/// The field values recorded by the suite, converted to the types of the field table.
pub(super) struct Recorded<'a> {
    pub(super) fields: &'a BTreeMap<String, Json>,
    pub(super) known: &'a Fields,
}

impl Event for Recorded<'_> {
    fn values(&self, field: &FieldRef) -> Values<'_> {
        let argument = field.argument.as_deref().map(String::from_utf8_lossy);
        let names = match argument {
            None => vec![field.name.clone()],
            Some(argument) => {
                vec![format!("{}[{argument}]", field.name), format!("{}.{argument}", field.name)]
            }
        };
        let Some(value) = names.iter().find_map(|name| self.fields.get(name)) else {
            return Values::Absent;
        };
        let kind = self
            .known
            .iter()
            .find(|info| info.name == field.name)
            .map_or(FieldType::Text, |info| info.kind);
        match value {
            Json::Null => Values::Absent,
            Json::Array(all) => {
                Values::Many(all.iter().filter_map(|value| one(value, kind)).collect())
            }
            value => one(value, kind).map_or(Values::Absent, Values::One),
        }
    }
}

fn one(value: &Json, kind: FieldType) -> Option<Value<'_>> {
    Some(match value {
        Json::Object(bytes) => Value::Bytes(hex(bytes.get("hex")?.as_str()?).ok()?.into()),
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => Value::Int(number.as_i64()?.into()),
        Json::String(text) if matches!(kind, FieldType::Address | FieldType::Network) => {
            Value::Address(text.parse().ok()?)
        }
        Json::String(text) => Value::Bytes(Cow::Borrowed(text.as_bytes())),
        Json::Null | Json::Array(_) => return None,
    })
}

pub(super) fn evaluating(file: &Path, outcome: &mut Outcome) -> anyhow::Result<()> {
    let known = fields();
    for mut case in cases::<Evaluate>(file)? {
        // Only its comparisons distinguish the two.
        case.fields.remove("c.false");
        // The suite itself doubts that these should hold.
        if case.expr.contains("evt.rawarg.trusted_exepath ") {
            outcome.left_out += 1;
            continue;
        }
        let event = Recorded { fields: &case.fields, known: &known };
        let got = compile(&case.expr).map(|filter| filter.matches(&event));
        let agreed = match &got {
            Ok(holds) => case.expect == Json::Bool(*holds),
            Err(_) => case.expect == "error",
        };
        outcome.count(agreed, || {
            format!("{}: {}\n  want {}\n  got  {got:?}", case.id, case.expr, case.expect)
        });
    }
    Ok(())
}

#[derive(Deserialize)]
struct Types {
    id: String,
    expr: String,
    types: Option<Json>,
    same_as: Option<String>,
    error: Option<bool>,
}

pub(super) fn types(file: &Path, outcome: &mut Outcome) -> anyhow::Result<()> {
    let of = |text: &str| {
        parse(text).map_err(|error| error.to_string()).and_then(|expr| event_types(&expr))
    };
    for case in cases::<Types>(file)? {
        let got = of(&case.expr);
        let want = case.types.as_ref().map(expected).transpose()?;
        let agreed = match (&want, &case.same_as, case.error) {
            (Some(want), ..) => got.as_ref() == Ok(want),
            (None, Some(other), _) => got.is_ok() && got == of(other),
            (None, None, error) => got.is_err() == (error == Some(true)),
        };
        outcome.count(agreed, || {
            let want = (&case.types, &case.same_as, case.error);
            format!("{}: {}\n  want {want:?}\n  got  {got:?}", case.id, case.expr)
        });
    }
    Ok(())
}

fn expected(types: &Json) -> anyhow::Result<EventTypes> {
    let names = |list: &Json| serde_json::from_value::<BTreeSet<String>>(list.clone());
    Ok(match types {
        Json::String(all) if all == "all" => EventTypes::all(),
        Json::String(none) if none == "none" => EventTypes::none(),
        Json::Object(not) => EventTypes::Except(names(&not["not"])?),
        list => EventTypes::Only(names(list)?),
    })
}

#[derive(Deserialize)]
struct Transform {
    id: String,
    transformer: String,
    #[serde(default)]
    list: bool,
    #[serde(default)]
    input: Vec<Json>,
    #[serde(default)]
    output: Vec<Json>,
    /// The types it accepts, by their names in Falco.
    supported_types: Option<Vec<String>>,
    supported_list_types: Option<Vec<String>>,
}

/// Applies a transformer to a field of the suite.
pub(super) fn transforming(file: &Path, outcome: &mut Outcome) -> anyhow::Result<()> {
    for case in cases::<Transform>(file)? {
        if let (Some(one), Some(list)) = (&case.supported_types, &case.supported_list_types) {
            let wrong: Vec<_> = TYPES
                .iter()
                .flat_map(|(name, kind)| [(name, *kind, false, one), (name, *kind, true, list)])
                .filter(|(name, kind, is_list, wanted)| {
                    let taken = transformed(&case.transformer, *kind, *is_list).is_ok();
                    taken != wanted.iter().any(|other| other == *name)
                })
                .map(|(name, _, is_list, _)| (name, is_list))
                .collect();
            outcome.count(wrong.is_empty(), || format!("{}: otherwise: {wrong:?}", case.id));
            continue;
        }
        let kind =
            if case.input.iter().any(Json::is_number) { FieldType::Int } else { FieldType::Text };
        let text = |values: &[Json]| {
            let texts =
                values.iter().map(|value| value.as_str().map_or(value.to_string(), str::to_owned));
            texts.collect::<Vec<_>>().join(" ")
        };
        let got = transformed(&case.transformer, kind, case.list).map(|(format, known)| {
            let value = match &case.input[..] {
                [one] if !case.list => one.clone(),
                all => Json::Array(all.to_vec()),
            };
            let fields = BTreeMap::from([("test.value".to_owned(), value)]);
            format.output(&Recorded { fields: &fields, known: &known }).map(|output| output.text)
        });
        outcome.count(got == Ok(Some(text(&case.output))), || {
            format!("{}: want {:?}, got {got:?}", case.id, case.output)
        });
    }
    Ok(())
}

/// Falco's types that Pavisade distinguishes.
const TYPES: &[(&str, FieldType)] = &[
    ("PT_CHARBUF", FieldType::Text),
    ("PT_UINT64", FieldType::Int),
    ("PT_BOOL", FieldType::Bool),
    ("PT_RELTIME", FieldType::Duration),
    ("PT_IPADDR", FieldType::Address),
];

fn transformed(transformer: &str, kind: FieldType, list: bool) -> Result<(Format, Fields), String> {
    let mut known = Fields::default();
    known.add(mock("test.value", kind, list));
    Ok((Format::compile(&format!("%{transformer}(test.value)"), &known)?, known))
}
