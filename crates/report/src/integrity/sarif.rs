//! SARIF 2.1.0: unexpected changes are errors, and what is not known are warnings.

use pavisade_integrity::escaped;
use serde_json::{Value, json};

use super::{Integrity, words};

pub(super) fn log(of: &Integrity<'_>) -> Value {
    let place = |path: &[u8]| {
        // The root of the node is the base, so that the path is relative.
        let uri = uri(path.strip_prefix(b"/").unwrap_or(path));
        json!([{"physicalLocation": {"artifactLocation": {"uri": uri, "uriBaseId": "ROOT"}}}])
    };
    let mut results = Vec::new();
    for (change, explained) in of.those(false) {
        let kind = change.kind.name();
        let lines = words::lines(change, explained, of.strict).join("; ");
        results.push(json!({
            "ruleId": format!("file-{kind}"),
            "level": "error",
            "message": {"text": format!("{} was {kind}: {lines}", escaped(change.path()))},
            "locations": place(change.path()),
        }));
    }
    for doubt in &of.compared.doubts {
        results.push(json!({
            "ruleId": "file-unknown",
            "level": "warning",
            "message": {"text": format!("it is not known whether {} changed: {}", escaped(&doubt.path), doubt.why)},
            "locations": place(&doubt.path),
        }));
    }
    let rules = [
        ("file-added", "A file was added that is not in the baseline."),
        ("file-changed", "A file differs from the baseline."),
        ("file-removed", "A file of the baseline is missing."),
        ("file-renamed", "A file of the baseline was moved."),
        ("file-unknown", "A file could not be compared with the baseline."),
    ];
    let rules = rules.map(|(id, text)| json!({"id": id, "shortDescription": {"text": text}}));
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "pavisade",
                "version": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": rules,
            }},
            "originalUriBaseIds": {"ROOT": {"uri": "file:///"}},
            "invocations": [{"executionSuccessful": of.compared.doubts.is_empty()}],
            "results": results,
        }],
    })
}

/// Returns a path as a relative URI reference (RFC 3986).
fn uri(path: &[u8]) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => {
                text.push(char::from(*byte));
            }
            byte => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}
