//! Transformers: their types and implementations.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::field::FieldType;
use crate::filter::Transformer;
use crate::value::{Value, Values};

/// The type of a value or of a list of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// The type of each value.
    pub of: FieldType,
    /// Whether there are several values.
    pub list: bool,
}

/// Returns the result type of a transformer for these operand types.
///
/// # Errors
/// Why the operands are not accepted.
pub(crate) fn result(transformer: Transformer, operands: &[Kind]) -> Result<Kind, String> {
    use Transformer::*;
    let name = transformer.text();
    let wrong = |what: &str| Err(format!("filter error: transformer '{name}' {what}"));
    let text = |kind: &Kind| kind.of == FieldType::Text;
    match (transformer, operands) {
        (Val, [kind]) => Ok(*kind),
        (ToLower | ToUpper | Basename, [kind]) if text(kind) => Ok(*kind),
        (Base64, [kind]) if text(kind) || kind.of == FieldType::Bytes => Ok(*kind),
        (Len, [kind]) if kind.list || text(kind) || kind.of == FieldType::Bytes => {
            Ok(Kind { of: FieldType::Int, list: false })
        }
        (Join, [separator, list]) if text(separator) && !separator.list && list.list => {
            Ok(Kind { of: FieldType::Text, list: false })
        }
        (Join, _) => wrong("takes a separator and a list"),
        (Concat, [_, _, ..]) if operands.iter().all(|kind| !kind.list) => {
            Ok(Kind { of: FieldType::Text, list: false })
        }
        (Concat, _) => wrong("takes at least two values, and no lists"),
        (GetOpt, [list, options]) if text(list) && text(options) && !options.list => {
            Ok(Kind { of: FieldType::Text, list: true })
        }
        (GetOpt, _) => wrong("takes a list of arguments and the options, as getopt(3) does"),
        (_, [_]) => wrong("does not take a value of this type"),
        _ => wrong("takes one value"),
    }
}

/// Applies a transformer to operands whose types [`result`] has accepted.
pub(crate) fn apply<'a>(
    transformer: Transformer,
    argument: Option<&[u8]>,
    mut operands: Vec<Values<'a>>,
) -> Values<'a> {
    use Transformer::*;
    match transformer {
        Val => operands.pop().unwrap_or_default(),
        ToLower => each(operands.pop(), |bytes| Some(bytes.to_ascii_lowercase())),
        ToUpper => each(operands.pop(), |bytes| Some(bytes.to_ascii_uppercase())),
        Base64 => each(operands.pop(), |bytes| BASE64.decode(bytes).ok()),
        Basename => each(operands.pop(), |bytes| {
            let start = memchr::memrchr(b'/', bytes).map_or(0, |slash| slash + 1);
            Some(bytes[start..].to_vec())
        }),
        Len => match operands.pop() {
            None | Some(Values::Absent) => Values::Absent,
            Some(Values::One(Value::Bytes(bytes))) => length(bytes.len()),
            Some(Values::One(_)) => length(1),
            Some(Values::Many(values)) => length(values.len()),
        },
        Join => match &operands[..] {
            [Values::One(Value::Bytes(separator)), list] => {
                let parts: Vec<_> = list.as_slice().iter().map(bytes_of).collect();
                Values::One(Value::Bytes(parts.join(&separator[..]).into()))
            }
            _ => Values::Absent,
        },
        Concat => {
            if operands.iter().any(|operand| operand.as_slice().is_empty()) {
                return Values::Absent;
            }
            let parts = operands.iter().flat_map(|operand| operand.as_slice());
            Values::One(Value::Bytes(parts.map(bytes_of).collect::<Vec<_>>().concat().into()))
        }
        GetOpt => match &operands[..] {
            [list, Values::One(Value::Bytes(options))] => {
                let arguments: Vec<_> = list.as_slice().iter().map(bytes_of).collect();
                getopt(&arguments, options, argument)
            }
            _ => Values::Absent,
        },
    }
}

/// As in Falco, padding is optional.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

fn length(length: usize) -> Values<'static> {
    Values::One(Value::Int(i128::try_from(length).unwrap_or(i128::MAX)))
}

fn bytes_of<'a>(value: &'a Value<'_>) -> Cow<'a, [u8]> {
    match value {
        Value::Bytes(bytes) => Cow::Borrowed(bytes),
        other => Cow::Owned(other.to_text().into_owned().into_bytes()),
    }
}

fn each<'a>(values: Option<Values<'a>>, change: impl Fn(&[u8]) -> Option<Vec<u8>>) -> Values<'a> {
    let one = |value: Value<'a>| match value {
        Value::Bytes(bytes) => change(&bytes).map(|bytes| Value::Bytes(bytes.into())),
        other => Some(other),
    };
    match values.unwrap_or_default() {
        Values::Absent => Values::Absent,
        Values::One(value) => one(value).map_or(Values::Absent, Values::One),
        Values::Many(values) => Values::Many(values.into_iter().filter_map(one).collect()),
    }
}

/// Returns the options of a command line with their values, or the last value of one option.
/// Parsing stops at the first argument that is not an option, and at `--`.
fn getopt(arguments: &[Cow<'_, [u8]>], options: &[u8], wanted: Option<&[u8]>) -> Values<'static> {
    let takes_value = |option: u8| {
        let at = options.iter().position(|byte| *byte == option && option != b':')?;
        Some(options.get(at + 1) == Some(&b':'))
    };
    // Options with their values; the inner value is `None` if a required value is missing.
    let mut found: Vec<(u8, Option<Option<Vec<u8>>>)> = Vec::new();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let Some(mut letters) = argument.strip_prefix(b"-") else { break };
        if letters.is_empty() || letters.starts_with(b"-") {
            break;
        }
        while let Some((&letter, rest)) = letters.split_first() {
            letters = rest;
            match takes_value(letter) {
                None => {}
                Some(false) => found.push((letter, None)),
                Some(true) => {
                    let value = match rest {
                        [] => arguments.next().map(|value| value.to_vec()),
                        rest => Some(rest.to_vec()),
                    };
                    found.push((letter, Some(value)));
                    break;
                }
            }
        }
    }
    let text = |bytes: Vec<u8>| Value::Bytes(bytes.into());
    match wanted {
        Some(wanted) => {
            let last = found.into_iter().rev().find(|(letter, _)| [*letter] == wanted);
            match last {
                Some((_, Some(value))) => Values::One(text(value.unwrap_or_default())),
                Some((letter, None)) => Values::One(text(vec![letter])),
                None => Values::Absent,
            }
        }
        None => Values::Many(
            found
                .into_iter()
                .flat_map(|(letter, value)| match value {
                    // An option with a missing value is ignored.
                    Some(None) => [None, None],
                    Some(value) => [Some(vec![letter]), value],
                    None => [Some(vec![letter]), None],
                })
                .flatten()
                .map(text)
                .collect(),
        ),
    }
}
