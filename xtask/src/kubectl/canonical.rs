//! Canonical JSON, and normalization of what kubectl's annotation hides.

use std::fmt::Write as _;

use serde_json::{Number, Value};

/// Writes a value in the canonical form for digests.
///
/// - No whitespace. Keys are sorted by their UTF-8 bytes.
/// - A number that is an integer within `i64` is written as such, whatever its spelling (`1.0` and
///   `-0.0` are `1` and `0`). Any other number is written as the shortest digits that give the same
///   `f64`, with an exponent: `1.5e0`, `1e300`. So a `u64` beyond `i64` is a float, as in kubectl.
/// - In strings only `"`, `\` and characters below U+0020 are escaped: `\b \t \n \f \r`, others as
///   `\u001f`.
pub(crate) fn canonical(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

/// Normalizes what `kubectl annotate` cannot distinguish. It adds `metadata` and `annotations` if
/// they are absent, `null` or empty, and turns a `null` annotation into `""`, so empty annotations
/// and metadata are removed here. `metadata: null` is an exception, which kubectl keeps. kubectl also
/// sets the namespace of its context, which removes a `null` or empty one.
pub(crate) fn comparable(mut object: Value) -> Value {
    let Some(Value::Object(metadata)) = object.get_mut("metadata") else { return object };
    if let Some(Value::Object(annotations)) = metadata.get_mut("annotations") {
        for value in annotations.values_mut().filter(|value| value.is_null()) {
            *value = Value::String(String::new());
        }
    }
    let empty =
        |value: &Value| value.is_null() || value.as_object().is_some_and(|map| map.is_empty());
    if metadata.get("annotations").is_some_and(empty) {
        metadata.remove("annotations");
    }
    let unnamed = |value: &Value| value.is_null() || value.as_str() == Some("");
    if metadata.get("namespace").is_some_and(unnamed) {
        metadata.remove("namespace");
    }
    if metadata.is_empty()
        && let Some(object) = object.as_object_mut()
    {
        object.remove("metadata");
    }
    object
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(value) => number(value, out),
        Value::String(value) => text(value, out),
        Value::Array(values) => {
            out.push('[');
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(value, out);
            }
            out.push(']');
        }
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            out.push('{');
            for (index, (key, value)) in entries.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                text(key, out);
                out.push(':');
                write(value, out);
            }
            out.push('}');
        }
    }
}

fn number(value: &Number, out: &mut String) {
    // 2^63 is the first float above every i64.
    const ABOVE: f64 = 9_223_372_036_854_775_808.0;
    let float = value.as_f64().unwrap_or(f64::NAN);
    // Writing to a `String` cannot fail.
    let _ = if let Some(integer) = value.as_i64() {
        write!(out, "{integer}")
    } else if float.fract() == 0.0 && (-ABOVE..ABOVE).contains(&float) {
        #[expect(clippy::cast_possible_truncation, reason = "whole, and within i64")]
        let integer = float as i64;
        write!(out, "{integer}")
    } else {
        write!(out, "{float:e}")
    };
}

fn text(value: &str, out: &mut String) {
    out.push('"');
    for character in value.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '\0'..'\u{20}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(character));
            }
            _ => out.push(character),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rewrite: impl Fn(Value) -> String, cases: &[(&str, &str)]) {
        for (input, want) in cases {
            assert_eq!(rewrite(serde_json::from_str(input).unwrap()), *want, "{input}");
        }
    }

    #[test]
    fn canonical_has_one_spelling() {
        check(
            |value| canonical(&value),
            &[
                (r#"{ "b": [1, true], "a": null, "B": {} }"#, r#"{"B":{},"a":null,"b":[1,true]}"#),
                ("[1.0, -0.0, 1e3, 100e-2]", "[1,0,1000,1]"),
                ("[1.50, 1e300, 1E-7, 0.1]", "[1.5e0,1e300,1e-7,1e-1]"),
                (
                    "[9223372036854775807, 9223372036854775808, -9223372036854775808]",
                    "[9223372036854775807,9.223372036854776e18,-9223372036854775808]",
                ),
                (
                    "[18446744073709551615, 18446744073709552000]",
                    "[1.8446744073709552e19,1.8446744073709552e19]",
                ),
                (r#""\u003c\u2028\u007f\u00e9/""#, "\"<\u{2028}\u{7f}é/\""),
                (r#""\" \\ \b\t\n\f\r\u0000\u001f""#, r#""\" \\ \b\t\n\f\r\u0000\u001f""#),
            ],
        );
    }

    #[test]
    fn comparable_drops_only_what_kubectl_cannot_tell_apart() {
        check(
            |value| canonical(&comparable(value)),
            &[
                (r#"{"kind":"K"}"#, r#"{"kind":"K"}"#),
                (r#"{"metadata":{}}"#, "{}"),
                (r#"{"metadata":{"annotations":{}}}"#, "{}"),
                (r#"{"metadata":{"annotations":null,"name":"a"}}"#, r#"{"metadata":{"name":"a"}}"#),
                (
                    r#"{"metadata":{"annotations":{"a":null}}}"#,
                    r#"{"metadata":{"annotations":{"a":""}}}"#,
                ),
                (r#"{"metadata":null}"#, r#"{"metadata":null}"#),
                (
                    r#"{"metadata":{"labels":{},"uid":null}}"#,
                    r#"{"metadata":{"labels":{},"uid":null}}"#,
                ),
            ],
        );
    }
}
