//! Base64, PEM and hexadecimal digits, as programs of the field write them.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

/// Both are seen: padded and not.
const STANDARD: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
const URL: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Standard or URL-safe base64; line ends in it are no part of it, since bundles exist whose base64
/// is wrapped.
pub(crate) fn base64(text: &str) -> Option<Vec<u8>> {
    let wrapped = text.contains(['\n', '\r']);
    let joined: String;
    let text = if wrapped {
        joined = text.chars().filter(|c| !matches!(c, '\n' | '\r')).collect();
        &joined
    } else {
        text
    };
    let engine = if text.contains(['-', '_']) { &URL } else { &STANDARD };
    engine.decode(text).ok()
}

pub(crate) fn to_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    let pair = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).ok();
    if text.contains('+') {
        return None;
    }
    (0..text.len()).step_by(2).map(pair).collect()
}

/// The blocks of a PEM text: label and bytes.
pub(crate) fn pem(text: &str) -> Vec<(&str, Vec<u8>)> {
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("-----BEGIN ") {
        let Some((label, after)) = after.split_once("-----") else { break };
        let end = format!("-----END {label}-----");
        let Some((body, after)) = after.split_once(&*end) else { break };
        // It may be a private key.
        let mut joined = Zeroizing::new(String::with_capacity(body.len()));
        joined.extend(body.chars().filter(|c| !c.is_ascii_whitespace()));
        let body = joined;
        if let Some(bytes) = base64(&body) {
            blocks.push((label, bytes));
        }
        rest = after;
    }
    blocks
}

/// A PEM block.
pub(crate) fn to_pem(label: &str, bytes: &[u8]) -> String {
    let body = to_base64(bytes);
    let mut text = format!("-----BEGIN {label}-----\n");
    let mut rest = &*body;
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = more;
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_may_be_wrapped_but_not_wrong() {
        assert_eq!(base64("aGVs\nbG8=\r\n").unwrap(), b"hello");
        assert_eq!(base64("aGVsbG8").unwrap(), b"hello");
        assert_eq!(base64("_-8=").unwrap(), [0xff, 0xef]);
        for wrong in ["aGVs bG8=", "aGV!bG8=", "a"] {
            assert_eq!(base64(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn pem_goes_both_ways() {
        let text = to_pem("PUBLIC KEY", &[3; 100]);
        assert_eq!(pem(&format!("x\n{text}y")), [("PUBLIC KEY", vec![3; 100])]);
        assert!(pem("-----BEGIN A-----\nAAAA").is_empty());
        assert_eq!(unhex("00ff").unwrap(), [0, 255]);
        assert!(unhex("+f").is_none() && unhex("0").is_none());
    }
}
