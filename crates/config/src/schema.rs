//! The JSON schema of the configuration file, including the parameters of every check.

use pavisade_checks::{Catalog, unhardened_container};
use serde_json::{Map, Value, json};

/// Returns the schema.
pub fn schema(catalog: &Catalog) -> Value {
    let mut definitions = Map::new();
    let mut checks = Map::new();
    for entry in catalog.entries() {
        let rule = entry.rule();
        let own = serde_json::to_value(entry.schema()).unwrap_or_default();
        let mut parameters = json!({
            "type": "object",
            "additionalProperties": false,
            "properties": own.get("properties").cloned().unwrap_or_else(|| json!({})),
        });
        rename(&mut parameters, &rule.name);
        for (name, mut definition) in own["$defs"].as_object().cloned().unwrap_or_default() {
            rename(&mut definition, &rule.name);
            definitions.insert(format!("{}.{name}", rule.name), definition);
        }
        let of_check = json!({
            "description": rule.title,
            "type": ["object", "null"],
            "additionalProperties": false,
            "properties": {"severity": {"$ref": "#/$defs/severity"}, "parameters": parameters},
        });
        checks.insert(rule.name.to_string(), of_check);
    }
    let group = unhardened_container();
    let names = catalog.names().chain([(&*group.id, &*group.name)]);
    let names: Vec<_> = names.flat_map(|(id, name)| [name, id]).collect();
    let frameworks: Vec<_> = pavisade_compliance::builtin().iter().map(|f| f.id.as_str()).collect();
    let list = |items: Value| json!({"type": ["array", "null"], "items": items});
    let texts = |what: &str| json!({"description": what, "type": ["array", "null"], "items": {"type": "string", "minLength": 1}});
    definitions.insert("severity".into(), json!({"enum": ["critical", "high", "medium", "low"]}));
    definitions
        .insert("check".into(), json!({"description": "A check, by name or ID.", "enum": names}));
    definitions.insert("exception".into(), exception());
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of Pavisade (.pavisade.yaml)",
        "type": ["object", "null"],
        "additionalProperties": false,
        "properties": {
            "enable": with(list(json!({"$ref": "#/$defs/check"})), "Checks that run regardless of \
                their audience."),
            "signatures": signatures(),
            "disable": with(list(json!({"$ref": "#/$defs/check"})), "Checks that do not run."),
            "strict": {"description": "Whether checks with the audience `strict` run.", "type": "boolean"},
            "checks": {
                "description": "Severity and parameters, by check.",
                "type": ["object", "null"],
                "additionalProperties": false,
                "properties": checks,
                "patternProperties": {"^PV-[A-Z][0-9]{3}$": {
                    "type": ["object", "null"],
                    "additionalProperties": false,
                    "properties": {
                        "severity": {"$ref": "#/$defs/severity"},
                        "parameters": {"type": "object"},
                    },
                }},
            },
            "frameworks": with(
                list(json!({"anyOf": [
                    {"enum": frameworks},
                    {"type": "string", "pattern": "[^/]\\.[tT][oO][mM][lL]$"},
                ]})),
                "Run only checks that are mapped to one of these. Your own file, relative to the \
                 directory of this file, ends in `.toml`.",
            ),
            "paths": {
                "description": "Which files are read, as patterns relative to the directory of \
                                this file.",
                "type": ["object", "null"],
                "additionalProperties": false,
                "properties": {
                    "include": texts("Only files that match one of these."),
                    "exclude": texts("Exclude files that match one of these."),
                },
            },
            "worlds": with(list(json!({
                "type": "object",
                "additionalProperties": false,
                "required": ["name", "paths"],
                "properties": {
                    "name": {"type": "string", "minLength": 1},
                    "paths": {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1},
                },
            })), "Paths that form one world, like the objects of one cluster."),
            "kubernetes-version": {
                "description": "The Kubernetes version to assume: \"1.36\".",
                "type": ["string", "number"],
            },
            "fail-on": {
                "description": "The lowest severity for which a scan exits with 1.",
                "enum": ["critical", "high", "medium", "low", "unknown", "never"],
            },
            "helm-values": texts("Values files for all charts, relative to the directory of this \
                                  file."),
            "exceptions": with(
                list(json!({"$ref": "#/$defs/exception"})),
                "Findings and alerts that are accepted until a date.",
            ),
            "max-exception-days": {
                "description": "Report exceptions that end later than this number of days from \
                                now.",
                "type": "integer",
                "minimum": 1,
                "maximum": 36500,
            },
        },
        "$defs": definitions,
    })
}

fn with(mut schema: Value, description: &str) -> Value {
    schema["description"] = description.into();
    schema
}

fn exception() -> Value {
    let glob = |what: &str| json!({"description": what, "type": "string", "minLength": 1});
    let some = |items: Value| json!({"type": "array", "items": items, "minItems": 1});
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["reason", "until"],
        "anyOf": [
            {"required": ["checks"]},
            {"required": ["vulnerabilities"]},
            {"required": ["fingerprints"]},
            {"required": ["rules"]},
        ],
        "properties": {
            "checks": with(some(json!({"$ref": "#/$defs/check"})), "Whose findings are accepted."),
            "reason": {"description": "Why.", "type": "string", "minLength": 1},
            "until": {"description": "The last day on which it applies (UTC).", "type": "string", "format": "date"},
            "subjects": with(some(json!({
                "type": "object",
                "additionalProperties": false,
                "minProperties": 1,
                "properties": {
                    "kind": glob("`Deployment`, or a pattern."),
                    "namespace": glob("A namespace, or a pattern."),
                    "name": glob("A name, or a pattern."),
                    "container": glob("A container, or a pattern."),
                    "image": glob("An image: its reference, repository or digest, or a pattern."),
                    "package": glob("A package: its name or package URL, or a pattern."),
                    "file": glob("A path in an image or an artifact, or a pattern."),
                    "artifact": glob("A source directory or an SBOM, or a pattern."),
                },
            })), "One of these must match."),
            "paths": with(
                some(json!({"type": "string", "minLength": 1})),
                "Files, as patterns relative to the directory of this file; one must match.",
            ),
            "vulnerabilities": with(
                some(json!({"type": "string", "minLength": 1})),
                "Advisories: an identifier (`CVE-2026-1234`) or a pattern; one must match.",
            ),
            "fingerprints": with(
                some(json!({"type": "string", "pattern": "^v[12]:[0-9a-f]{32}$"})),
                "One of these findings.",
            ),
            "rules": with(
                some(json!({"type": "string", "minLength": 1})),
                "Runtime rules, by name or ID, whose alerts are accepted.",
            ),
            "condition": {
                "description": "Which events of these rules, in the rule language.",
                "type": "string",
                "minLength": 1,
            },
        },
    })
}

/// Rewrites references to a check's own definitions to their location in this schema.
fn rename(value: &mut Value, check: &str) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match value {
                    Value::String(text) if key == "$ref" => {
                        *text = text.replace("#/$defs/", &format!("#/$defs/{check}."));
                    }
                    value => rename(value, check),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, check)),
        _ => {}
    }
}

/// Which images must be signed, and by whom.
fn signatures() -> Value {
    let text = |what: &str| json!({"description": what, "type": "string", "minLength": 1});
    let flag = |what: &str| json!({"description": what, "type": "boolean"});
    let signer = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "key": text("A public key (PEM)."),
            "identity": text("The URI or e-mail address in the certificate, exactly."),
            "identity-pattern": text("The same by a regular expression that matches all of it."),
            "issuer": text("Who identified the signer, exactly."),
            "issuer-pattern": text("The same by a regular expression that matches all of it."),
            "repository": text("The repository that the certificate must name."),
            "git-ref": text("The branch or tag that the certificate must name."),
        },
    });
    json!({
        "description": "Which images must be signed, and by whom: the first rule that is about an image counts.",
        "type": ["array", "null"],
        "items": {
            "type": "object",
            "additionalProperties": false,
            "required": ["images"],
            "properties": {
                "images": {
                    "description": "Which images: registry.example/team/**.",
                    "type": "array",
                    "minItems": 1,
                    "items": {"type": "string", "minLength": 1},
                },
                "accept": {"description": "Accepted signers.", "type": "array", "minItems": 1, "items": signer},
                "types": {
                    "description": "Statements of these types count, and signatures only with `sign`: slsa, slsa02, cyclonedx, spdx, vuln, openvex, vsa, sign, or a URI. Without it, only signatures count.",
                    "type": "array",
                    "minItems": 1,
                    "items": {"type": "string", "minLength": 1},
                },
                "unsigned": {"description": "These images need no signature.", "const": "allow"},
                "without-log": flag("Accept signatures that are in no transparency log."),
                "without-certificate-log": flag("Accept certificates that no certificate log has recorded."),
            },
        },
    })
}
