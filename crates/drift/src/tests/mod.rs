//! Drift by kind.

mod kinds;
mod pods;
mod values;

use pavisade_yaml::{Source, read};

use crate::{Mode, drift};

/// Returns the differences, one per line: `Changed spec.replicas`.
fn lines(api_version: &str, kind: &str, written: &str, stored: &str, mode: Mode) -> Vec<String> {
    let document = |text: &str| {
        let text = format!("apiVersion: {api_version}\nkind: {kind}\n{text}");
        let mut documents = read(&Source::new("object.yaml", text));
        assert_eq!((documents.docs.len(), documents.notes.len()), (1, 0), "{:?}", documents.notes);
        documents.docs.remove(0)
    };
    let (written, stored) = (document(written), document(stored));
    let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
    let found = drift(written.root(), stored.root(), group, kind, mode);
    let lines = found.differences.iter().map(|of| {
        let unknown = if of.known_field { "" } else { " (no such field)" };
        format!("{:?} {}{unknown}", of.kind, of.path)
    });
    lines.collect()
}

#[track_caller]
fn check(api_version: &str, kind: &str, written: &str, stored: &str, expect: &[&str]) {
    let found = lines(api_version, kind, written, stored, Mode::Written);
    assert_eq!(found, expect, "\n{written}\n{stored}");
}

/// Asserts that all additional fields in the store are defaults.
#[track_caller]
fn same(api_version: &str, kind: &str, written: &str, stored: &str) {
    check(api_version, kind, written, stored, &[]);
}
