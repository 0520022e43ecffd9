//! VEX documents: arbitrary bytes, and valid statements with some fields changed. The statements
//! are looked up for a package and an image.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pavisade_packages::Purl;
use pavisade_vex::{Claims, Document, Target, read};

fuzz_target!(|data: &[u8]| {
    let Some((&selector, rest)) = data.split_first() else { return };
    let text = String::from_utf8_lossy(rest);
    let mut lines = text.lines().map(|line| serde_json::Value::from(line).to_string());
    let mut field = || lines.next().unwrap_or_else(|| "\"\"".to_owned());
    let document = match selector % 3 {
        0 => text.clone().into_owned(),
        1 => format!(
            r#"{{"@context":"https://openvex.dev/ns/v0.2.0","author":"a","timestamp":{},"statements":[
            {{"vulnerability":{{"name":{},"aliases":["CVE-2024-1"]}},"status":{},"justification":{},
            "products":[{{"@id":{},"identifiers":{{"purl":{}}},"hashes":{{"sha-256":{}}},
            "subcomponents":[{{"@id":{}}}]}},{{"@id":{}}}]}}]}}"#,
            field(),
            field(),
            field(),
            field(),
            field(),
            field(),
            field(),
            field(),
            field(),
        ),
        _ => format!(
            r#"{{"bomFormat":"CycloneDX","specVersion":"1.5","version":1,"serialNumber":{},
            "metadata":{{"timestamp":{},"component":{{"type":"container","name":{},"version":{},"bom-ref":"i"}}}},
            "components":[{{"bom-ref":"p","name":"p","version":{},"purl":{}}}],
            "vulnerabilities":[{{"id":"CVE-2024-1","analysis":{{"state":{},"justification":{}}},
            "affects":[{{"ref":"p","versions":[{{"version":{},"status":{}}},{{"range":{}}}]}},{{"ref":"i"}},{{"ref":{}}}]}}]}}"#,
            field(),
            field(),
            field(),
            field(),
            field(),
            field(),
            field(),
            field(),
            field(),
            field(),
            field(),
            field(),
        ),
    };
    let Ok(document) = read("fuzz", document.as_bytes()) else { return };
    ask(&[document]);
});

/// A statement that dismisses applies only to what it names: an ID without a claim has none.
fn ask(documents: &[Document]) {
    let purl: Purl = "pkg:npm/p@1.0.0".parse().expect("a package URL");
    let mut claims = Claims::new(documents);
    let target = |ids| Target {
        ids,
        purl: Some(&purl),
        source: None,
        version: "1.0.0",
        image: "example.com/shop:1",
        repository: "example.com/shop",
        digest: "sha256:ab",
    };
    let _ = claims.decide(&target(&["CVE-2024-1"]));
    let named = documents.iter().flat_map(|document| &document.claims).flat_map(|claim| &claim.ids);
    if !named.into_iter().any(|id| id == "CVE-9999-9") {
        assert!(claims.decide(&target(&["CVE-9999-9"])).is_none());
    }
    let _ = claims.notes();
}
