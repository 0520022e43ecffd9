//! The entries that become results: new, known, excepted, and resolved findings.

use pavisade_judgement::{Excepted, Exception, Form, Judgement, Known};
use pavisade_model::{Finding, Rule, Statement};

use super::types::*;
use super::{
    FINGERPRINT, FIRST_FINGERPRINT, View, artifact, file_of, is_rendered, kind_and_level, plain,
    region, result,
};
use crate::region::Regions;
use crate::{Options, priority};

/// An entry, with its `baselineState` if there is a baseline.
pub(super) enum Entry<'a> {
    Finding(&'a Finding, Option<&'static str>),
    Excepted(&'a Excepted, Option<&'static str>),
    /// Dismissed by a VEX statement.
    Dismissed(&'a Finding),
    Gone(&'a Known),
}

/// Returns all entries, new findings first.
pub(super) fn of(judgement: &Judgement) -> impl Iterator<Item = Entry<'_>> {
    let compared = judgement.baseline.as_ref();
    // SARIF requires this property on all results or none.
    let state = move |known| match known {
        _ if compared.is_none() => None,
        true => Some("unchanged"),
        false => Some("new"),
    };
    let new = judgement.findings.iter().map(move |f| Entry::Finding(f, state(false)));
    let known = compared.into_iter().flat_map(|compared| &compared.known);
    let known = known.map(move |f| Entry::Finding(f, state(true)));
    let excepted = judgement.excepted.iter().map(move |e| Entry::Excepted(e, state(e.known)));
    let gone = compared.into_iter().flat_map(|compared| &compared.gone).map(Entry::Gone);
    let dismissed = judgement.dismissed.iter().map(Entry::Dismissed);
    new.chain(known).chain(excepted).chain(dismissed).chain(gone)
}

impl<'a> Entry<'a> {
    pub(super) fn finding(&self) -> Option<&'a Finding> {
        match self {
            Self::Finding(finding, _) | Self::Dismissed(finding) => Some(finding),
            Self::Excepted(excepted, _) => Some(&excepted.finding),
            Self::Gone(_) => None,
        }
    }

    /// Converts an entry to a result. `None` if the run does not have its check.
    pub(super) fn result(
        &self,
        view: &View<'_>,
        rules: &[&'a Rule],
        options: &Options,
    ) -> Option<SarifResult<'a>> {
        let mut made = match self {
            Self::Finding(finding, state) => {
                SarifResult { baseline_state: *state, ..result(finding, view, options) }
            }
            Self::Excepted(excepted, state) => {
                let suppressions = Some(vec![suppression(&excepted.exception, options)]);
                let made = result(&excepted.finding, view, options);
                SarifResult { baseline_state: *state, suppressions, ..made }
            }
            Self::Dismissed(finding) => {
                let found = finding.vulnerability.as_deref();
                let said = found.and_then(|found| found.statement.as_deref());
                let suppressions = Some(said.into_iter().map(of_statement).collect());
                SarifResult { suppressions, ..result(finding, view, options) }
            }
            Self::Gone(known) => {
                let index = *view.index.get(&*known.check)?;
                gone(known, (&rules.get(index)?.id, index), options)
            }
        };
        if view.suppressed && made.suppressions.is_none() {
            made.suppressions = Some(Vec::new());
        }
        Some(made)
    }
}

fn suppression<'a>(exception: &'a Exception, options: &Options) -> Suppression<'a> {
    let location = exception.span.as_ref().map(|(source, start, end)| {
        let region = match is_rendered(source) {
            true => SarifRegion::first_line(),
            false => region(source, &(*start..*end), &Regions::new(&[])),
        };
        let artifact_location = artifact(file_of(source), options);
        let physical_location = Physical { artifact_location, region: Some(region) };
        SarifLocation { physical_location, logical_locations: Vec::new(), message: None }
    });
    Suppression {
        kind: match exception.form {
            Form::Annotation | Form::Comment => "inSource",
            Form::Policy => "external",
        },
        status: "accepted",
        justification: plain(&exception.reason),
        location,
        properties: SuppressionProperties {
            form: exception.form.name(),
            until: Some(exception.until.to_string()),
        },
    }
}

fn of_statement<'a>(statement: &Statement) -> Suppression<'a> {
    Suppression {
        kind: "external",
        status: "accepted",
        justification: priority::statement(statement).into(),
        location: None,
        properties: SuppressionProperties { form: "vex", until: None },
    }
}

/// Converts a finding of the baseline that is resolved.
fn gone<'a>(
    known: &'a Known,
    (rule_id, rule_index): (&'a str, usize),
    options: &Options,
) -> SarifResult<'a> {
    let (kind, level) = kind_and_level(known.state, known.severity);
    let file = if known.file.is_empty() { "pavisade" } else { &known.file };
    let line = known.line.max(1);
    let first = known.fingerprint.starts_with("v1:");
    let name = if first { FIRST_FINGERPRINT } else { FINGERPRINT };
    let region = SarifRegion { start_line: line, end_line: line, ..SarifRegion::first_line() };
    SarifResult {
        rule_id,
        rule_index,
        kind,
        level,
        message: Message { text: plain(&known.message) },
        locations: [SarifLocation {
            physical_location: Physical {
                artifact_location: artifact(unmarked(file), options),
                region: Some(region),
            },
            logical_locations: vec![Logical {
                name: known.subject.clone(),
                fully_qualified_name: format!("{}/{}", known.world, known.subject),
                kind: "resource",
            }],
            message: None,
        }],
        related_locations: Vec::new(),
        partial_fingerprints: [(name, known.fingerprint.clone())].into(),
        baseline_state: Some("absent"),
        suppressions: None,
        properties: ResultProperties {
            severity: known.severity.name(),
            confidence: "",
            world: &known.world,
            path: "",
            vulnerability: None,
            members: Vec::new(),
        },
    }
}

/// Returns the name of a file in an earlier result without the suffix of a rendered text, which
/// `scan/v1` includes.
pub(super) fn unmarked(file: &str) -> &str {
    let marks = [" (rendered)", " (kustomize)"];
    marks.into_iter().find_map(|mark| file.strip_suffix(mark)).unwrap_or(file)
}
