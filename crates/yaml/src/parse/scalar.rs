//! Resolves scalars by text and tag.

use base64::Engine as _;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};

use super::{Parse, Parser, Scalar, error};
use crate::arena::{Form, Tag};
use crate::resolve::{self, Resolved};
use crate::scan::Token;

impl Parser<'_> {
    /// Returns the full name of a tag token.
    pub(super) fn tag(&self, token: Token) -> Parse<String> {
        let raw = &self.text[token.start as usize..token.end as usize];
        if let Some(verbatim) = raw.strip_prefix("!<") {
            return Ok(unescape_uri(verbatim.trim_end_matches('>')));
        }
        if let Some(suffix) = raw.strip_prefix("!!") {
            return Ok(format!("tag:yaml.org,2002:{}", unescape_uri(suffix)));
        }
        // A named handle needs a `%TAG` directive, which cannot occur after kubectl's cut.
        let word =
            raw[1..].trim_start_matches(|c: char| c.is_ascii_alphanumeric() || "-_".contains(c));
        if word.starts_with('!') {
            return Err(error(token.start, "found undefined tag handle"));
        }
        Ok(unescape_uri(raw))
    }

    pub(super) fn resolve(&self, token: Token, form: Form, tag: Option<&str>) -> Parse<Scalar> {
        let Token { start, end, indent, .. } = token;
        let short = tag.map(|t| t.strip_prefix("tag:yaml.org,2002:").unwrap_or(t));
        let mut scalar = Scalar {
            tag: Tag::Text,
            form,
            start,
            end,
            indent,
            not_finite: false,
            binary: short == Some("binary"),
            merge: false,
        };
        let raw = &self.text[start as usize..end as usize];
        let may_merge = match short {
            None => form == Form::Exact,
            Some(tag) => matches!(tag, "!" | "merge"),
        };
        scalar.merge = may_merge && crate::decode::scalar_is(raw, form, "<<");
        let wanted = match short {
            None if form == Form::Exact => "",
            None => return Ok(scalar),
            Some(t @ ("bool" | "int" | "float" | "null" | "timestamp")) => t,
            Some(_) => return Ok(scalar),
        };
        let decoded;
        let text = match form {
            Form::Exact => raw,
            _ => {
                decoded = crate::decode::scalar(raw, form, indent);
                &decoded
            }
        };
        let resolved = resolve::plain(text);
        let fits = match (wanted, resolved) {
            ("", _)
            | ("null", Resolved::Null)
            | ("bool", Resolved::Bool(_))
            | ("float", Resolved::Number(_) | Resolved::NotFinite(_)) => true,
            ("int", Resolved::Number(_)) => resolve::is_integer(text),
            ("timestamp", Resolved::Text) => resolve::is_timestamp(text),
            _ => false,
        };
        if !fits {
            // The value is not shown: it may be a secret.
            return Err(error(start, &format!("cannot decode this value as a !!{wanted}")));
        }
        scalar.tag = match resolved {
            Resolved::Null => Tag::Null,
            Resolved::Bool(true) => Tag::True,
            Resolved::Bool(false) => Tag::False,
            Resolved::Number(_) => Tag::Number,
            Resolved::NotFinite(_) => {
                scalar.not_finite = true;
                Tag::Number
            }
            Resolved::Text => Tag::Text,
        };
        Ok(scalar)
    }

    pub(super) fn binary(&self, scalar: Scalar) -> Parse<String> {
        let raw = &self.text[scalar.start as usize..scalar.end as usize];
        let text = crate::decode::scalar(raw, scalar.form, scalar.indent).replace(['\n', '\r'], "");
        let bytes = BASE64
            .decode(text)
            .map_err(|_| error(scalar.start, "!!binary value contains invalid base64 data"))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// Go's `StdEncoding`: padded, trailing bits allowed.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

fn unescape_uri(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = tail.get(..2).and_then(|h| std::str::from_utf8(h).ok());
        match (first, hex.and_then(|h| u8::from_str_radix(h, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
