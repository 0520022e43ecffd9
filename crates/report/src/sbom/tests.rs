//! Documents, validated with the official schema if available, and with assertions.

use std::path::{Path, PathBuf};
use std::process::Command;

use pavisade_packages::Inventory;
use serde_json::{Value, json};

use super::*;
use crate::image::tests::{example, incomplete};

fn text(inventory: &Inventory, format: SbomFormat) -> String {
    let mut out = Vec::new();
    sbom(inventory, format, &Sbom::default(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn document(inventory: &Inventory, format: SbomFormat) -> Value {
    serde_json::from_str(&text(inventory, format)).unwrap()
}

/// Returns a schema from the crate `serde-cyclonedx`, if cargo has it.
fn official_schema(name: &str) -> Option<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cyclonedx-schema");
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--offline", "--locked"])
        .current_dir(folder)
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let metadata: Value = serde_json::from_slice(&output.stdout).ok()?;
    let package =
        metadata["packages"].as_array()?.iter().find(|p| p["name"] == "serde-cyclonedx")?;
    let schema = PathBuf::from(package["manifest_path"].as_str()?)
        .with_file_name(format!("schemas/{name}.json"));
    serde_json::from_slice(&std::fs::read(schema).ok()?).ok()
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn the_official_schema_accepts_cyclonedx() {
    let Some(schema) = official_schema("cyclonedx_1_6") else {
        eprintln!("skipped: run `cargo fetch --locked` in crates/report/tests/cyclonedx-schema");
        return;
    };
    // It refers to two further schemas: license ids, and signatures, which are not written.
    let resource = |schema| jsonschema::Resource::from_contents(schema);
    let registry = jsonschema::Registry::new()
        .add("http://cyclonedx.org/schema/spdx.schema.json", resource(json!({"type": "string"})))
        .and_then(|registry| {
            registry.add(
                "http://cyclonedx.org/schema/jsf-0.82.schema.json",
                resource(json!({"definitions": {"signature": {}}})),
            )
        })
        .and_then(|registry| registry.prepare())
        .unwrap();
    let validator = jsonschema::options().with_registry(&registry).build(&schema).unwrap();
    for inventory in [example(), incomplete(), Inventory::default()] {
        let document = document(&inventory, SbomFormat::CycloneDx);
        let errors: Vec<_> = validator.iter_errors(&document).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
    let document = vulnerable();
    let errors: Vec<_> = validator.iter_errors(&document).map(|e| e.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let mut wrong = self::document(&example(), SbomFormat::CycloneDx);
    wrong["components"][0]["type"] = json!("nothing");
    assert!(!validator.is_valid(&wrong));
}

fn vulnerable() -> Value {
    let (inventory, judgement) = crate::vulnerabilities::tests::said();
    let mut out = Vec::new();
    sbom_with(&inventory, &judgement, &Sbom::default(), &mut out).unwrap();
    serde_json::from_slice(&out).unwrap()
}

#[test]
fn vulnerabilities_name_components_and_what_is_said_of_them() {
    let document = vulnerable();
    let all = document["vulnerabilities"].as_array().unwrap();
    assert_eq!(all.len(), 5);
    let components: Vec<_> =
        document["components"].as_array().unwrap().iter().map(|c| &c["bom-ref"]).collect();
    for one in all {
        let affects = one["affects"].as_array().unwrap();
        assert!(!affects.is_empty(), "{one:#}");
        assert!(affects.iter().all(|affected| components.contains(&&affected["ref"])), "{one:#}");
    }
    let states: Vec<_> = all.iter().map(|one| one["analysis"]["state"].as_str()).collect();
    let said = |word| states.iter().filter(|state| **state == word).count();
    assert_eq!((said(Some("exploitable")), said(Some("not_affected")), said(None)), (1, 1, 3));
    // The statements are the same after reading the document.
    let text = document.to_string();
    let read = pavisade_vex::read("x", text.as_bytes()).unwrap();
    assert_eq!((read.claims.len(), read.notes.len()), (2, 0));
    // Not searched, which is different from no findings.
    let plain = self::document(&example(), SbomFormat::CycloneDx);
    assert_eq!(plain.get("vulnerabilities"), None);
}

#[test]
fn openvex_is_read_back() {
    let (inventory, judgement) = crate::vulnerabilities::tests::said();
    let written = || {
        let mut out = Vec::new();
        crate::openvex(&inventory, &judgement, "2026-11-30T00:00:00Z", &mut out).unwrap();
        out
    };
    assert_eq!(written(), written());
    let document: Value = serde_json::from_slice(&written()).unwrap();
    for field in ["@context", "@id", "author", "timestamp", "tooling"] {
        assert!(document[field].as_str().is_some_and(|text| !text.is_empty()), "{field}");
    }
    let all = document["statements"].as_array().unwrap();
    let statuses: Vec<_> = all.iter().map(|one| one["status"].as_str().unwrap()).collect();
    let count = |word| statuses.iter().filter(|status| **status == word).count();
    let counts = ["under_investigation", "affected", "not_affected"].map(count);
    assert_eq!(counts, [3, 1, 1]);
    for one in all {
        // Required by the specification.
        match one["status"].as_str().unwrap() {
            "affected" => assert!(one["action_statement"].is_string(), "{one:#}"),
            "not_affected" => assert_eq!(one["justification"], "component_not_present"),
            _ => {}
        }
        let product = one["products"][0]["@id"].as_str().unwrap();
        assert!(product.starts_with("pkg:oci/app@sha256:dd"), "{product}");
    }
    let read = pavisade_vex::read("x", &written()).unwrap();
    assert_eq!((read.claims.len(), read.notes.len()), (5, 0));
}

#[test]
fn cyclonedx_in_full() {
    insta::assert_snapshot!(text(&incomplete(), SbomFormat::CycloneDx));
}

#[test]
fn spdx_in_full() {
    insta::assert_snapshot!(text(&example(), SbomFormat::Spdx));
}

#[test]
fn what_spdx_asks_for_is_there() {
    for inventory in [example(), incomplete(), Inventory::default()] {
        let document = document(&inventory, SbomFormat::Spdx);
        let mut ids = vec!["SPDXRef-DOCUMENT".to_owned()];
        for package in document["packages"].as_array().unwrap() {
            for field in
                ["SPDXID", "name", "downloadLocation", "licenseConcluded", "licenseDeclared"]
            {
                assert!(package[field].is_string(), "{field}: {package}");
            }
            ids.push(package["SPDXID"].as_str().unwrap().to_owned());
        }
        for relation in document["relationships"].as_array().unwrap() {
            for end in ["spdxElementId", "relatedSpdxElement"] {
                assert!(ids.iter().any(|id| relation[end] == **id), "{relation}");
            }
        }
        let created = document["creationInfo"]["created"].as_str().unwrap();
        assert!(created.ends_with('Z') && created.len() == 20, "{created}");
    }
}

#[test]
fn the_same_inventory_gives_the_same_bytes_and_another_one_another_name() {
    for format in [SbomFormat::CycloneDx, SbomFormat::Spdx] {
        assert_eq!(text(&example(), format), text(&example(), format));
        let name = |inventory| {
            let document = document(&inventory, format);
            document["serialNumber"]
                .as_str()
                .or(document["documentNamespace"].as_str())
                .unwrap()
                .to_owned()
        };
        assert_ne!(name(example()), name(incomplete()));
        let mut out = Vec::new();
        let made = Sbom { made: Some("2026-02-03T04:05:06Z".into()) };
        sbom(&example(), format, &made, &mut out).unwrap();
        assert!(String::from_utf8(out).unwrap().contains("2026-02-03T04:05:06Z"));
    }
}

#[test]
fn what_is_written_is_read_again() {
    for format in [SbomFormat::CycloneDx, SbomFormat::Spdx] {
        for inventory in [example(), incomplete()] {
            let written = text(&inventory, format);
            let read = pavisade_packages::sbom::read(written.as_bytes()).unwrap();
            assert_eq!(text(&read, format), written);
            assert_eq!(read.packages, inventory.packages, "{format:?}");
            assert_eq!(read.distribution, inventory.distribution);
            assert_eq!(read.notes.len(), inventory.notes.len());
        }
    }
}

#[test]
fn references_of_images() {
    for (name, repository, tag) in [
        ("a", "a", ""),
        ("a:1", "a", "1"),
        ("localhost:5000/a", "localhost:5000/a", ""),
        ("localhost:5000/a:1", "localhost:5000/a", "1"),
        ("a:1@sha256:00", "a", "1"),
        ("", "", ""),
    ] {
        let found = Reference::of(name);
        assert_eq!((found.repository, found.tag), (repository, tag), "{name}");
    }
    assert_eq!(image_purl(&Inventory::default()), None);
}
