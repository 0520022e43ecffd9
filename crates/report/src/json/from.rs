//! Conversions from domain types to wire types.

use std::collections::HashSet;
use std::io::{self, Write};

use pavisade_judgement::{Form, Judgement, RuleTally, Tally};
use pavisade_model as model;

use super::{
    Baseline, Check, Cluster, Document, Excepted, Exception, ExceptionForm, FileLocation, Finding,
    Gone, Location, Note, NoteCounts, Related, SCHEMA, Severities, Subject, Summary, Tallies, Tool,
    Vulnerability, Workload,
};
use crate::region::{Region, Regions};
use crate::{Options, advice, guard, message};

impl<'a> Document<'a> {
    /// Creates the document of a result.
    pub fn new(judgement: &'a Judgement, options: &'a Options) -> Self {
        let regions = Regions::new(all_findings(judgement));
        let finding = |f| Finding::new(f, &regions, options);
        let each = judgement.findings.iter().flat_map(model::Finding::each);
        let findings = each.map(finding).collect();
        Self { findings, ..Self::around(judgement, options, &regions) }
    }

    /// Creates the document without the new findings.
    fn around(judgement: &'a Judgement, options: &'a Options, regions: &Regions) -> Self {
        let finding = |f| Finding::new(f, regions, options);
        let excepted = |e: &'a pavisade_judgement::Excepted| Excepted {
            finding: finding(&e.finding),
            exception: Exception::from(&*e.exception),
        };
        let baseline = judgement.baseline.as_ref().map(|compared| Baseline {
            file: &compared.place,
            total: compared.total,
            known: compared.known.iter().flat_map(model::Finding::each).map(finding).collect(),
            gone: compared.gone.iter().map(Gone::from).collect(),
        });
        Self {
            schema: SCHEMA,
            tool: Tool { name: "pavisade", version: env!("CARGO_PKG_VERSION") },
            kubernetes: judgement.kubernetes.to_string(),
            summary: Summary::new(judgement),
            findings: Vec::new(),
            excepted: judgement.excepted.iter().map(excepted).collect(),
            baseline,
            checks: judgement.tallies.iter().map(|counted| Check::new(counted, options)).collect(),
            notes: judgement.notes.iter().map(Note::from).collect(),
            clusters: judgement.clusters.iter().map(Cluster::from).collect(),
        }
    }
}

/// Writes the document of a result.
pub(crate) fn write(
    judgement: &Judgement,
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    let regions = Regions::new(all_findings(judgement));
    let around = Document::around(judgement, options, &regions);
    // This version does not support groups of findings.
    let each: Vec<_> = judgement.findings.iter().flat_map(model::Finding::each).collect();
    guard::write_with(&around, "findings", &each, |f| Finding::new(f, &regions, options), out)
}

/// Returns all findings of a result, including excepted, known and dismissed ones.
pub(crate) fn all_findings(judgement: &Judgement) -> impl Iterator<Item = &model::Finding> {
    let known = judgement.baseline.iter().flat_map(|compared| &compared.known);
    let excepted = judgement.excepted.iter().map(|excepted| &excepted.finding);
    judgement.findings.iter().chain(known).chain(excepted).chain(&judgement.dismissed)
}

impl<'a> From<&'a pavisade_judgement::Exception> for Exception<'a> {
    fn from(exception: &'a pavisade_judgement::Exception) -> Self {
        Self {
            form: match exception.form {
                Form::Annotation => ExceptionForm::Annotation,
                Form::Comment => ExceptionForm::Comment,
                Form::Policy => ExceptionForm::Policy,
            },
            reason: &exception.reason,
            until: exception.until.to_string(),
            place: &exception.place,
            line: exception.span.as_ref().map(|(source, start, _)| source.line_at(*start)),
        }
    }
}

impl<'a> From<&'a pavisade_judgement::Known> for Gone<'a> {
    fn from(known: &'a pavisade_judgement::Known) -> Self {
        Self {
            fingerprint: &known.fingerprint,
            check: &known.check,
            severity: known.severity.into(),
            subject: &known.subject,
            message: &known.message,
            file: &known.file,
        }
    }
}

impl<'a> From<&'a pavisade_judgement::Cluster> for Cluster<'a> {
    fn from(cluster: &'a pavisade_judgement::Cluster) -> Self {
        let benchmark = cluster.distribution.benchmark();
        Self {
            name: &cluster.name,
            version: cluster.version.as_deref(),
            distribution: cluster.distribution.name.word(),
            evidence: &cluster.distribution.evidence,
            benchmark: benchmark.map(|b| b.title),
            benchmark_framework: benchmark.and_then(|b| b.framework),
            read_at: cluster.read_at.as_deref(),
        }
    }
}

impl Summary {
    fn new(judgement: &Judgement) -> Self {
        let fails = judgement.of_state(model::State::Fails);
        let unknown = judgement.of_state(model::State::Unknown);
        Self {
            worlds: judgement.worlds,
            objects: judgement.objects,
            objects_failing: failing_objects(judgement),
            fails: Severities::count(fails.flat_map(model::Finding::each)),
            unknown: Severities::count(unknown.flat_map(model::Finding::each)),
            excepted: judgement.excepted.len(),
            notes: NoteCounts::of(judgement),
        }
    }
}

impl Severities {
    pub(crate) fn of(judgement: &Judgement, state: model::State) -> Self {
        Self::count(judgement.of_state(state))
    }

    fn count<'f>(findings: impl Iterator<Item = &'f model::Finding>) -> Self {
        let mut counts = Self::default();
        for finding in findings {
            *match finding.severity {
                model::Severity::Critical => &mut counts.critical,
                model::Severity::High => &mut counts.high,
                model::Severity::Medium => &mut counts.medium,
                model::Severity::Low => &mut counts.low,
                model::Severity::Unknown => &mut counts.unknown,
            } += 1;
        }
        counts
    }
}

impl NoteCounts {
    pub(crate) fn of(judgement: &Judgement) -> Self {
        let mut counts = Self::default();
        for note in &judgement.notes {
            *match note.kind {
                model::NoteKind::Unread => &mut counts.unread,
                model::NoteKind::Warning => &mut counts.warning,
                model::NoteKind::Drift => &mut counts.drift,
                model::NoteKind::Unjudged => &mut counts.unjudged,
                model::NoteKind::Info => &mut counts.info,
            } += 1;
        }
        counts
    }
}

/// Returns the number of objects that fail a check.
pub(crate) fn failing_objects(judgement: &Judgement) -> usize {
    let each = judgement.of_state(model::State::Fails).flat_map(model::Finding::each);
    let objects = each.filter_map(|f| match &f.subject {
        model::Subject::Object { group, kind, namespace, name, .. } => {
            Some((f.world(), &**group, &**kind, &**namespace, &**name))
        }
        model::Subject::Endpoint { component, address } => {
            Some((f.world(), "", "Endpoint", &**component, &**address))
        }
        _ => None,
    });
    objects.collect::<HashSet<_>>().len()
}

impl<'a> Finding<'a> {
    pub(crate) fn new(
        finding: &'a model::Finding,
        regions: &Regions,
        options: &'a Options,
    ) -> Self {
        let rule = &finding.rule;
        let controls = options.frameworks.get(&*rule.id).map_or(&[][..], |c| c.as_slice());
        Self {
            fingerprint: finding.fingerprint().to_string(),
            check: &rule.id,
            name: &rule.name,
            area: rule.area.into(),
            severity: finding.severity.into(),
            confidence: finding.confidence.into(),
            state: finding.state.into(),
            world: finding.world(),
            subject: Subject::from(&finding.subject),
            location: Location::new(&finding.location, regions),
            related: finding.related.iter().filter_map(|r| Related::new(r, regions)).collect(),
            workloads: finding
                .workloads
                .iter()
                .flat_map(|all| all.iter().map(Workload::from))
                .collect(),
            vulnerability: Vulnerability::of(finding),
            message: message::of(finding),
            advice: advice::text(finding),
            frameworks: (!options.frameworks.is_empty()).then_some(controls),
        }
    }
}

impl<'a> Subject<'a> {
    pub(crate) fn from(subject: &'a model::Subject) -> Self {
        match subject {
            model::Subject::Object { group, kind, namespace, name, container } => {
                Self::Object { group, kind, namespace, name, container: container.as_deref() }
            }
            model::Subject::World { name } => Self::World { name },
            // Readers of this version know no such subject.
            model::Subject::Cluster { name } => Self::Object {
                group: model::kinds::CLUSTER.group,
                kind: model::kinds::CLUSTER.kind,
                namespace: "",
                name,
                container: None,
            },
            model::Subject::Image { name, digest } => Self::Image { name, digest },
            model::Subject::Package { holder, name, version, purl } => {
                let holder = Box::new(Self::from(holder));
                Self::Package { holder, name, version, purl }
            }
            model::Subject::File { holder, path } => {
                Self::File { holder: Box::new(Self::from(holder)), path }
            }
            model::Subject::Artifact { name } => Self::Artifact { name },
            model::Subject::Endpoint { address, .. } => Self::Object {
                group: model::kinds::CLUSTER.group,
                kind: "Endpoint",
                namespace: "",
                name: address,
                container: None,
            },
        }
    }
}

impl<'a> Location<'a> {
    pub(crate) fn new(location: &'a model::Location, regions: &Regions) -> Option<Self> {
        match location {
            model::Location::Text { source, span, path } => {
                let Region { line, column, end_line, end_column } = regions.get(source, span);
                let file = source.shown();
                Some(Self::File(FileLocation { file, line, column, end_line, end_column, path }))
            }
            model::Location::Field { path, .. } => Some(Self::Field { path }),
            model::Location::Layer { layer, path, .. } => Some(Self::Layer { layer, path }),
            model::Location::None => None,
        }
    }
}

impl From<Tally> for Tallies {
    fn from(tally: Tally) -> Self {
        let Tally { holds, fails, unknown, not_applicable } = tally;
        Self { holds, fails, unknown, not_applicable }
    }
}

impl Check {
    pub(crate) fn new(counted: &RuleTally, options: &Options) -> Self {
        let RuleTally { rule, tally, .. } = counted;
        Self {
            id: rule.id.clone(),
            name: rule.name.clone(),
            title: rule.title.clone(),
            area: rule.area.into(),
            severity: options.severity(rule).into(),
            fixable: rule.fixable.into(),
            tallies: (*tally).into(),
        }
    }
}

impl<'a> From<&'a model::Note> for Note<'a> {
    fn from(note: &'a model::Note) -> Self {
        Self {
            kind: note.kind.into(),
            place: &note.place,
            line: note.span.as_ref().map(|(source, start, _)| source.line_column(*start).0),
            message: &note.message,
            remedy: &note.remedy,
        }
    }
}
