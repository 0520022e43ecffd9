//! Every document reader, chosen by a selector byte: YAML, JSON, Dockerfiles, configuration files,
//! and the checks for them.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use pavisade_checks::CheckSet;
use pavisade_judgement::fix;
use pavisade_model::{KubernetesVersion, Paths};
use pavisade_scan::{Timestamp, judge};
use pavisade_snapshot::{Object, Snapshot, WorldKind, WorldParts};
use pavisade_yaml::{Amendment, Doc, Edit, Source, amend, dockerfile, objects, read, to_json};

/// The first lines of configuration files, so that the fuzzer reaches their checks.
const PRELUDES: [&str; 8] = [
    "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\n",
    "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\n",
    "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthorizationConfiguration\n",
    "apiVersion: audit.k8s.io/v1\nkind: Policy\n",
    "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n",
    "apiVersion: v1\nkind: Config\n",
    "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n",
    "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: a}\nrules:\n",
];

static CHECKS: LazyLock<CheckSet> =
    LazyLock::new(|| CheckSet::all(KubernetesVersion::LATEST).with_fixes());

fuzz_target!(|data: &[u8]| {
    let Some((&selector, rest)) = data.split_first() else { return };
    let text = String::from_utf8_lossy(rest);
    match selector {
        0..=39 => edited(&Source::new("fuzz", text), selector),
        40..=79 => yaml(Source::new("fuzz", text)),
        80..=119 => yaml(Source::new("fuzz", format!("{{{text}"))),
        120..=139 => {
            let doc = dockerfile(&Source::new("Dockerfile", text));
            walk(&doc);
            judged(vec![Object::new(doc.root(), "pavisade.dev/v1", "Dockerfile")]);
        }
        _ => {
            let prelude = PRELUDES[selector as usize % PRELUDES.len()];
            yaml(Source::new("fuzz", format!("{prelude}{text}")));
        }
    }
});

fn yaml(source: Source) {
    let documents = read(&source);
    assert!(documents.sent <= documents.docs.len());
    for note in &documents.notes {
        source.line_column(note.span.0);
        source.line_column(note.span.1);
    }
    let mut found = Vec::new();
    for doc in &documents.docs {
        walk(doc);
        // Written documents read back as the same.
        let json = to_json(doc.root());
        let again = read(&Source::new("again", json.as_str()));
        if let [again] = &again.docs[..] {
            if json.starts_with('{') {
                assert_eq!(to_json(again.root()), json);
            }
        }
        let objects = objects(doc.root());
        found.extend(objects.sent.iter().map(|o| Object::new(o.value, o.api_version, o.kind)));
    }
    judged(found);
}

/// An edit reads back as intended; the editor verifies this, so it must not panic.
fn edited(source: &Source, selector: u8) {
    for doc in &read(source).docs {
        let Some(value) = doc.root().descendants().nth(selector as usize / 4) else { continue };
        let edit = match selector % 4 {
            0 => Edit::Set("a: b".into()),
            1 => Edit::Set(CHECKS.gives_fixes().into()),
            2 => Edit::Append(1.into()),
            _ => Edit::Remove,
        };
        let below = if selector % 8 > 3 { vec!["new".to_owned()] } else { Vec::new() };
        amend(doc, &[vec![Amendment { at: value.id(), below, edit }]]);
    }
}

/// Every value has a path and a span in its text.
fn walk(doc: &Doc) {
    let text = doc.source().text();
    let mut paths = Paths::default();
    for (index, value) in doc.root().descendants().enumerate() {
        let span = value.span();
        assert!(text.get(span.start as usize..span.end as usize).is_some(), "{span:?}");
        if let Some(key) = value.key_span() {
            assert!(text.get(key.start as usize..key.end as usize).is_some(), "{key:?}");
        }
        value.scalar_text();
        if index < 50 {
            paths.of(doc.root(), value);
        }
    }
}

fn judged(objects: Vec<Object>) {
    let snapshot =
        Snapshot::new(vec![WorldParts::files("fuzz", WorldKind::Files, objects)], Vec::new());
    let findings = judge(&snapshot, &CHECKS, Timestamp::UNIX_EPOCH).findings;
    for finding in &findings {
        finding.fingerprint();
    }
    fix(&findings);
}
