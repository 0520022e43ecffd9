//! The JSON document conforms to its schema.

use std::collections::{BTreeMap, HashMap};

use pavisade_checks::{Catalog, CheckSet};
use pavisade_judgement::Judgement;
use pavisade_model::{KubernetesVersion, Meta, Note, NoteKind};
use pavisade_report::{Format, Layout, Options, check_explain, checks_list, json, write};
use pavisade_scan::{Timestamp, judge};
use pavisade_snapshot::{Object, Snapshot, WorldKind, WorldParts};
use pavisade_yaml::{Source, objects, read};
use serde_json::Value;

const FILES: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec:
  containers:
    - name: wéb
      securityContext:
        privileged: true
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: odd}
provisioner: example.com/odd
";

fn judgement() -> Judgement {
    let source = Source::new("shop.yaml", FILES);
    let docs = read(&source).docs;
    let found = docs.iter().flat_map(|doc| objects(doc.root()).sent);
    let found = found.map(|o| Object::new(o.value, o.api_version, o.kind)).collect();
    let notes = vec![Note {
        kind: NoteKind::Unread,
        place: "x.yaml".into(),
        span: Some((source.clone(), 30, 40)),
        message: "cannot".into(),
        remedy: String::new(),
    }];
    let world = WorldParts::files("shop", WorldKind::Files, found);
    let wanted = |meta: &Meta| {
        ["privileged-container", "unencrypted-storage-class", "missing-signature-policy"]
            .contains(&&*meta.rule.name)
    };
    let set =
        CheckSet::new(&Catalog::builtin(), KubernetesVersion::minor(37), wanted, &HashMap::new())
            .unwrap();
    judge(&Snapshot::new(vec![world], notes), &set, Timestamp::UNIX_EPOCH)
}

fn document(options: &Options) -> Value {
    let mut out = Vec::new();
    write(Format::JsonV1, &judgement(), options, &mut out).unwrap();
    serde_json::from_slice(&out).unwrap()
}

#[test]
fn the_schema_accepts_the_document() {
    let schema = json::schema().to_value();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let frameworks = BTreeMap::from([("PV-C001".to_owned(), vec!["cis-1.12/5.2.1".to_owned()])]);
    for options in [Options::default(), Options { frameworks, ..Options::default() }] {
        let document = document(&options);
        let errors: Vec<_> = validator.iter_errors(&document).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
    let mut wrong = document(&Options::default());
    wrong["findings"][0]["severity"] = "bad".into();
    assert!(!validator.is_valid(&wrong));
}

#[test]
fn the_document_in_full() {
    let mut document = document(&Options::default());
    document["tool"]["version"] = "VERSION".into();
    insta::assert_snapshot!(serde_json::to_string_pretty(&document).unwrap());
}

#[test]
fn pages_about_checks() {
    let catalog = Catalog::builtin();
    let metas: Vec<&Meta> = catalog
        .entries()
        .iter()
        .map(|entry| entry.meta())
        .filter(|m| ["PV-C001", "PV-D001", "PV-D004", "PV-S003"].contains(&&*m.rule.id))
        .collect();
    let page = |width: usize| {
        let mut out = Vec::new();
        let options = Options { width, ..Options::default() };
        checks_list(&metas, &[], Layout::Terminal, &options, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    insta::assert_snapshot!("list_120", page(120));
    insta::assert_snapshot!("list_60", page(60));

    let schema: schemars::Schema = serde_json::from_str(
        r#"{"type":"object","properties":{"allowed":{"description":"Directories that may be mounted read-only.",
            "type":"array","items":{"type":"string"},"default":["/etc/ssl"]},"strict":{"type":"boolean"}}}"#,
    )
    .unwrap();
    let controls = ["cis-1.12/5.2.1", "cis-1.12/5.2.2", "gdpr/32(1)(b)"].map(str::to_owned);
    let frameworks = BTreeMap::from([("PV-S003".to_owned(), controls.to_vec())]);
    let options = Options { width: 80, frameworks, ..Options::default() };
    let meta = metas.iter().find(|m| m.rule.id == "PV-S003").unwrap();
    let mut out = Vec::new();
    check_explain(meta, &schema, Layout::Terminal, &options, &mut out).unwrap();
    insta::assert_snapshot!("explain", String::from_utf8(out).unwrap());

    for layout in [Layout::Json, Layout::Terminal] {
        for entry in Catalog::builtin().entries() {
            let mut out = Vec::new();
            check_explain(entry.meta(), &entry.schema(), layout, &options, &mut out).unwrap();
            let text = String::from_utf8(out).unwrap();
            assert!(text.contains(&*entry.rule().id), "{text}");
            if layout == Layout::Json {
                assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["id"], *entry.rule().id);
            }
        }
    }
    let mut out = Vec::new();
    checks_list(&metas, &[], Layout::Json, &options, &mut out).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&out).unwrap().as_array().unwrap().len(), 4);
}
