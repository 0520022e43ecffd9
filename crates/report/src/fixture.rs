//! Results for tests, created like real ones: texts, a snapshot, checks, judge.

use std::collections::HashMap;

use std::sync::Arc;

use pavisade_checks::{Catalog, CheckSet};
use pavisade_judgement::Judgement;
use pavisade_model::{
    Area, Audience, Confidence, Finding, Fixable, KubernetesVersion, Location, Meta, Note,
    NoteKind, Rule, Severity, State, Subject, Together,
};
use pavisade_scan::{Honour, Terms, Timestamp, judge_on};
use pavisade_snapshot::{Object, Snapshot, WorldKind, WorldParts};
use pavisade_yaml::{Source, objects, read};

/// The checks used by tests. New checks must not change expected results.
const CHECKS: [&str; 4] = [
    "privileged-container",
    "plaintext-etcd",
    "unencrypted-storage-class",
    "missing-signature-policy",
];

/// Judges worlds of files: the world's name, and names and texts of files.
pub(crate) fn judged(worlds: &[(&str, &[(&str, &str)])], notes: Vec<Note>) -> Judgement {
    judged_on(worlds, notes, &Terms::default())
}

/// Like [`judged`], with terms.
pub(crate) fn judged_on(
    worlds: &[(&str, &[(&str, &str)])],
    notes: Vec<Note>,
    terms: &Terms,
) -> Judgement {
    let parts = worlds.iter().map(|(name, files)| {
        let mut found = Vec::new();
        for (file, text) in *files {
            let source = Source::new(*file, *text);
            for doc in &read(&source).docs {
                for object in objects(doc.root()).sent {
                    found.push(Object::new(object.value, object.api_version, object.kind));
                }
            }
        }
        WorldParts::files(*name, WorldKind::Files, found)
    });
    let snapshot = Snapshot::new(parts.collect(), notes);
    let wanted = |meta: &Meta| CHECKS.contains(&&*meta.rule.name);
    let set =
        CheckSet::new(&Catalog::builtin(), KubernetesVersion::minor(37), wanted, &HashMap::new())
            .unwrap();
    judge_on(&snapshot, &set, terms, Timestamp::UNIX_EPOCH)
}

/// Returns a Deployment with one privileged container.
pub(crate) fn deployment(namespace: &str, name: &str, container: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\n  namespace: {namespace}\n\
         spec:\n  template:\n    spec:\n      containers:\n        - name: {container}\n          \
         image: docker:dind\n          securityContext:\n            privileged: true\n"
    )
}

/// Returns a result with a mix of everything.
pub(crate) fn mixed() -> Judgement {
    let files: Vec<(String, String)> = (0..12)
        .map(|n| {
            let name = format!("tenant-{n}");
            (format!("apps/{name}/deploy.yaml"), deployment("shop", &name, "docker"))
        })
        .collect();
    let mut all: Vec<(&str, &str)> =
        vec![("etcd/encryption.yaml", ENCRYPTION), ("storage/classes.yaml", CLASSES)];
    all.extend(files.iter().map(|(name, text)| (name.as_str(), text.as_str())));
    judged(&[("shop", &all)], notes())
}

/// Returns a result with exceptions of two forms and a baseline.
pub(crate) fn excepted() -> Judgement {
    let annotated = deployment("shop", "builder", "docker").replace(
        "  namespace: shop\n",
        "  namespace: shop\n  annotations:\n    pavisade.dev/allow: 'PV-C001 until 1970-06-30: builds images [x](y)'\n",
    );
    let commented = deployment("shop", "probe", "probe").replace(
        "privileged: true",
        "privileged: true # pavisade: allow PV-C001 in probe until 1970-02-28: reads the node",
    );
    let (old, new) = (deployment("shop", "old", "a"), deployment("shop", "new", "a"));
    let before = judged(
        &[("shop", &[("old.yaml", &old), ("gone.yaml", &old.replace("name: old", "name: gone"))])],
        Vec::new(),
    );
    let mut out = Vec::new();
    let written =
        crate::write(crate::Format::JsonV1, &before, &crate::Options::default(), &mut out);
    assert!(written.is_ok());
    let text = String::from_utf8(out).unwrap_or_default();
    let terms = Terms {
        honour: Honour::Everybody,
        baseline: crate::baseline("old.json", &text).ok(),
        ..Terms::default()
    };
    let files = [
        ("builder.yaml", annotated.as_str()),
        ("probe.yaml", &commented),
        ("moved.yaml", &old),
        ("new.yaml", &new),
    ];
    judged_on(&[("shop", &files)], Vec::new(), &terms)
}

/// Returns notes of all kinds.
pub(crate) fn notes() -> Vec<Note> {
    let source = Source::new("apps/broken.yaml", "kind: Pod\n  bad: [\n");
    let note = |kind, place: &str, message: &str, remedy: &str| Note {
        kind,
        place: place.to_owned(),
        span: None,
        message: message.to_owned(),
        remedy: remedy.to_owned(),
    };
    let mut notes: Vec<_> = ["charts/web", "charts/api", "charts/db", "charts/jobs", "charts/mail"]
        .iter()
        .map(|place| {
            let message = "a Helm chart, and `helm` is not installed";
            note(
                NoteKind::Unread,
                place,
                message,
                "install helm, or render the chart and scan that",
            )
        })
        .collect();
    notes.push(note(NoteKind::Info, "README.md", "not Kubernetes", ""));
    let mut broken =
        note(NoteKind::Unread, "apps/broken.yaml", "a mapping value is not allowed here", "");
    broken.span = Some((source, 12, 15));
    notes.push(broken);
    notes.push(note(
        NoteKind::Warning,
        "apps/web.yaml",
        "the key `image` is given twice: the last one counts",
        "remove one of them",
    ));
    notes
}

pub(crate) const ENCRYPTION: &str = "\
apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
  - resources: [secrets]
    providers:
      - identity: {}
";

pub(crate) const CLASSES: &str = "\
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: fast}
provisioner: driver.longhorn.io
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: cloud}
provisioner: ebs.csi.aws.com
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: odd}
provisioner: example.com/odd
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: odd-too}
provisioner: example.com/odd
";

fn secret_rule() -> Rule {
    Rule {
        id: "PV-C999".into(),
        name: "made-up-secret".into(),
        title: "Secrets that stand in a manifest's environment variables.".into(),
        why: "Whoever reads the manifest reads the secret.".into(),
        advice: "Use a `secretKeyRef`.".into(),
        severity: Severity::High,
        confidence: Confidence::Medium,
        audience: Audience::Everyone,
        area: Area::Container,
        fixable: Fixable::Never,
        secret: true,
        parts: Vec::new().into(),
        together: Together::Object,
    }
}

/// Returns a finding with a secret source, which points at `needle`.
pub(crate) fn secret(text: &str, needle: &str) -> Judgement {
    let mut judgement = judged(&[(".", &[])], Vec::new());
    let start = text.find(needle).unwrap() as u32;
    judgement.objects = 1;
    judgement.findings.push(Finding {
        rule: Arc::new(secret_rule()),
        state: State::Fails,
        severity: Severity::High,
        confidence: Confidence::Medium,
        world: Some(".".into()),
        subject: Subject::Object {
            group: "".into(),
            kind: "Pod".into(),
            namespace: "".into(),
            name: "web".into(),
            container: Some("web".into()),
        },
        location: Location::Text {
            source: Source::new("web.yaml", text),
            span: start..start + needle.len() as u32,
            path: "spec.containers[name=web].env[name=DB_PASSWORD].value".to_owned(),
        },
        related: Vec::new(),
        workloads: None,
        vulnerability: None,
        message: "`DB_PASSWORD` holds a secret".to_owned(),
        advice: String::new(),
        stable_path: String::new(),
        owner: None,
        instance: String::new(),
        fix: None,
        detail: None,
        members: Vec::new(),
    });
    judgement
}
