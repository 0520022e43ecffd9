//! The section `exceptions` of a configuration or policy file.

use pavisade_judgement::{Date, Exception, Selector, Subjects};
use pavisade_model::{Base, Fingerprint, Glob};
use pavisade_rules::Accepted;
use pavisade_yaml::{Kind, Value};

use crate::reader::{Reader, shown};

/// Maximum number of exceptions in a file: each is tried for each finding.
const MAX: usize = 2_000;

const FIELDS: [&str; 7] =
    ["checks", "reason", "until", "subjects", "paths", "vulnerabilities", "fingerprints"];
const OF_SUBJECTS: [&str; 8] =
    ["kind", "namespace", "name", "container", "image", "package", "file", "artifact"];

/// The exceptions of a file.
#[derive(Debug, Clone, Default)]
pub struct Exceptions {
    /// For findings.
    pub findings: Vec<Exception>,
    /// For alerts of runtime rules.
    pub alerts: Vec<Accepted>,
}

impl Exceptions {
    /// Returns the number of exceptions.
    pub fn count(&self) -> usize {
        self.findings.len() + self.alerts.len()
    }

    /// Adds those of another file.
    pub fn append(&mut self, mut other: Self) {
        self.findings.append(&mut other.findings);
        self.alerts.append(&mut other.alerts);
    }
}

/// Reads the list. Incomplete exceptions are reported and ignored.
pub(crate) fn list(
    reader: &mut Reader<'_>,
    base: &Base,
    value: Value<'_>,
    exceptions: &mut Exceptions,
) {
    let items = reader.list(value);
    if let Some(item) = items.get(MAX) {
        reader.missing(*item, "a file can have at most 2,000 exceptions");
    }
    for item in items.into_iter().take(MAX) {
        if !Accepted::is_one(item) {
            exceptions.findings.extend(one(reader, base, item));
            continue;
        }
        match Accepted::read(item) {
            Ok(one) => exceptions.alerts.push(one),
            Err(wrong) => {
                wrong.into_iter().for_each(|w| reader.problem(w.at, w.message, w.remedy));
            }
        }
    }
}

fn one(reader: &mut Reader<'_>, base: &Base, item: Value<'_>) -> Option<Exception> {
    let (mut checks, mut reason, mut until) = (Vec::new(), None, None);
    let mut selector = Selector { base: base.clone(), ..Selector::default() };
    let mut whole = true;
    for (field, value) in reader.fields(item, &FIELDS, "an exception") {
        match field {
            "checks" => {
                checks = reader.checks(value);
                whole &= !checks.is_empty();
            }
            "reason" => reason = reader.text(value).map(str::trim).filter(|text| !text.is_empty()),
            "until" => {
                let text = reader.text(value)?;
                match text.parse::<Date>() {
                    Ok(date) => until = Some(date),
                    Err(_) => {
                        let remedy = "Use `2027-01-31`.";
                        reader.problem(value, format!("`{text}` is not a date"), remedy);
                        return None;
                    }
                }
            }
            "subjects" => {
                let items = reader.list(value);
                // An empty list must not match everything.
                whole &= !items.is_empty();
                selector.subjects = items.into_iter().map(|item| subjects(reader, item)).collect();
                if selector.subjects.iter().any(is_empty) {
                    reader.problem(value, "a subject is empty, and would match everything", "");
                    whole = false;
                }
            }
            "paths" => {
                selector.paths = reader.globs(value);
                whole &= !selector.paths.is_empty();
            }
            "vulnerabilities" => {
                selector.vulnerabilities = reader.globs(value);
                whole &= !selector.vulnerabilities.is_empty();
            }
            _ => {
                for (text, at) in reader.texts(value) {
                    match text.parse::<Fingerprint>() {
                        Ok(fingerprint) => selector.fingerprints.push(fingerprint),
                        Err(why) => reader.problem(
                            at,
                            why,
                            "The output of `-f json` contains those of findings.",
                        ),
                    }
                }
                whole &= !selector.fingerprints.is_empty();
            }
        }
    }
    let named = !selector.fingerprints.is_empty() || !selector.vulnerabilities.is_empty();
    if checks.is_empty() && !named && whole {
        let needed =
            "an exception needs `checks`, `vulnerabilities`, `fingerprints`, or `rules` for alerts";
        reader.missing(item, needed);
        whole = false;
    }
    if reason.is_none() {
        reader.missing(item, "an exception needs a `reason`");
    }
    if until.is_none() {
        reader.missing(item, "an exception needs an end date: `until`");
    }
    let said = (until?, reason?.to_owned());
    let start = item.span().start;
    let source = item.doc().source().clone();
    let (start, end) = shown(&source, start, start);
    let at = (source, start, end);
    whole.then(|| Exception::policy(checks, said, selector, at))
}

fn is_empty(subjects: &Subjects) -> bool {
    let Subjects { kind, namespace, name, container, image, package, file, artifact } = subjects;
    let parts = [kind, namespace, name, container, image, package, file, artifact];
    parts.iter().all(|glob| glob.is_none())
}

fn subjects(reader: &mut Reader<'_>, item: Value<'_>) -> Subjects {
    let mut subjects = Subjects::default();
    if item.kind() == Kind::Null {
        return subjects;
    }
    for (field, value) in reader.fields(item, &OF_SUBJECTS, "a subject") {
        let glob: Option<Glob> = match reader.text(value) {
            Some(text) => reader.glob(text, value),
            None => None,
        };
        match field {
            "kind" => subjects.kind = glob,
            "namespace" => subjects.namespace = glob,
            "name" => subjects.name = glob,
            "container" => subjects.container = glob,
            "image" => subjects.image = glob,
            "package" => subjects.package = glob,
            "file" => subjects.file = glob,
            _ => subjects.artifact = glob,
        }
    }
    subjects
}
