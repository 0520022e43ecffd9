//! SARIF 2.1.0 (OASIS), within the limits of GitHub code scanning.
//!
//! No source text is included: results point at files, so secrets are not copied.

use std::borrow::Cow;
use std::collections::HashMap;

use pavisade_judgement::Judgement;
use pavisade_model::{Confidence, Finding, Location, Note, NoteKind, Severity, State, Subject};
use pavisade_yaml::Source;

use crate::json::{Vulnerability, all_findings};
use crate::place::{encode, file_of, homes, is_rendered, relative, whole};
use crate::region::{Region, Regions};
use crate::text::{count, first_paragraph};
use crate::{Options, message};

mod entries;
mod types;

use types::*;

/// The key of fingerprints.
pub(crate) const FINGERPRINT: &str = "pavisade/v2";
/// The key of fingerprints of the first version.
pub(crate) const FIRST_FINGERPRINT: &str = "pavisade/v1";
/// Maximum number of related locations. Code hosts show only a few.
const MAX_RELATED: usize = 20;
/// Maximum number of results in a run that GitHub accepts.
const MAX_RESULTS: usize = 25_000;
/// Maximum number of lines of a region. A longer one is reduced to its first line.
const MAX_LINES: u32 = 10;

/// Creates the log of a result.
pub(crate) fn log<'a>(judgement: &'a Judgement, options: &'a Options) -> Log<'a> {
    log_of(judgement, options, MAX_RESULTS)
}

fn log_of<'a>(judgement: &'a Judgement, options: &'a Options, limit: usize) -> Log<'a> {
    let mut rules: Vec<_> = judgement.tallies.iter().map(|counted| &*counted.rule).collect();
    let mut index: HashMap<&str, _> =
        rules.iter().enumerate().map(|(i, rule)| (&*rule.id, i)).collect();
    for finding in all_findings(judgement) {
        index.entry(&finding.rule.id).or_insert_with(|| {
            rules.push(&finding.rule);
            rules.len() - 1
        });
    }
    let suppressed = !judgement.excepted.is_empty() || !judgement.dismissed.is_empty();
    let entries: Vec<_> = entries::of(judgement).collect();
    let kept = &entries[..entries.len().min(limit)];
    let findings = kept.iter().filter_map(|entry| entry.finding());
    let view = View { index, homes: homes(judgement), regions: Regions::new(findings), suppressed };
    let results = kept.iter().filter_map(|entry| entry.result(&view, &rules, options)).collect();

    let mut notifications: Vec<_> =
        judgement.notes.iter().map(|n| notification(n, options)).collect();
    let cut = entries.len() - kept.len();
    if cut > 0 {
        let left_out = count(cut, "result is omitted", "results are omitted");
        let text = format!(
            "{left_out}: a SARIF run contains at most {limit}; the most severe were kept, the \
             JSON format contains all"
        );
        notifications.push(Notification {
            level: "warning",
            message: Message { text: text.into() },
            locations: Vec::new(),
        });
    }
    let complete = !judgement.notes.iter().any(|note| note.kind == NoteKind::Unread);
    Log {
        schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        version: "2.1.0",
        runs: [Run {
            tool: Tool {
                driver: Driver {
                    name: "Pavisade",
                    version: env!("CARGO_PKG_VERSION"),
                    semantic_version: env!("CARGO_PKG_VERSION"),
                    information_uri: env!("CARGO_PKG_REPOSITORY"),
                    rules: rules.into_iter().map(|found| rule(found, options)).collect(),
                },
            },
            invocations: [Invocation {
                execution_successful: complete,
                tool_execution_notifications: notifications,
            }],
            column_kind: "unicodeCodePoints",
            results,
            properties: RunProperties {
                kubernetes: judgement.kubernetes.to_string(),
                worlds: judgement.worlds,
                objects: judgement.objects,
            },
        }],
    }
}

/// Data about all results.
struct View<'a> {
    index: HashMap<&'a str, usize>,
    homes: HashMap<&'a str, &'a str>,
    regions: Regions,
    /// Whether any result is suppressed. If so, all results have the property.
    suppressed: bool,
}

fn rule<'a>(rule: &'a pavisade_model::Rule, options: &'a Options) -> Rule<'a> {
    let text = format!("{}\n\n{}\n\nFix: {}", rule.title, rule.why.trim(), rule.advice.trim());
    let markdown = format!(
        "{}\n\n## Why\n\n{}\n\n## Fix\n\n{}",
        rule.title,
        rule.why.trim(),
        rule.advice.trim()
    );
    Rule {
        id: &rule.id,
        name: &rule.name,
        short_description: Message { text: (&*rule.title).into() },
        full_description: Message { text: first_paragraph(&rule.why).into() },
        help: Help { text, markdown },
        default_configuration: Configuration { level: level(options.severity(rule)) },
        properties: RuleProperties {
            security_severity: match options.severity(rule) {
                Severity::Critical => "9.5",
                Severity::High => "8.0",
                Severity::Medium => "5.5",
                Severity::Low => "3.0",
                Severity::Unknown => "0.1",
            },
            precision: match rule.confidence {
                Confidence::High => "high",
                Confidence::Medium => "medium",
                Confidence::Low => "low",
            },
            tags: vec![rule.area.name().replace(' ', "-"), "kubernetes".into(), "security".into()],
            frameworks: options.frameworks.get(&*rule.id).map_or(&[][..], |c| c.as_slice()),
        },
    }
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Unknown => "note",
    }
}

fn kind_and_level(state: State, severity: Severity) -> (&'static str, &'static str) {
    match state {
        State::Fails => ("fail", level(severity)),
        State::Unknown => ("review", "none"),
    }
}

fn result<'a>(finding: &'a Finding, view: &View<'_>, options: &Options) -> SarifResult<'a> {
    let (kind, level) = kind_and_level(finding.state, finding.severity);
    let workloads = || finding.workloads.iter().flat_map(|all| all.iter());
    // Code hosts require a file of the repository, so use the one that refers to the image.
    let named = || workloads().find_map(|at| physical(&at.location, view, options));
    let physical_location = physical(&finding.location, view, options).or_else(named);
    let physical_location = physical_location.unwrap_or_else(|| {
        let whole = whole(finding);
        let world = finding.world.as_deref().unwrap_or(&whole);
        let home = view.homes.get(world).copied().unwrap_or("pavisade");
        let none = matches!(world, "" | "." | "-") || view.homes.contains_key(world);
        let name = if none { home } else { world };
        Physical {
            artifact_location: artifact(name, options),
            region: Some(SarifRegion::first_line()),
        }
    });
    let others = finding.related.iter().map(|related| (&*related.label, &related.location));
    let workloads = workloads().map(|workload| ("named by", &workload.location));
    let related = others.chain(workloads).filter_map(|(label, location)| {
        let physical_location = match location {
            Location::Layer { image, path, .. } => Physical {
                artifact_location: artifact(&format!("{image}/{path}"), options),
                region: None,
            },
            other => physical(other, view, options)?,
        };
        let message = Some(Message { text: plain(label) });
        Some(SarifLocation { physical_location, logical_locations: Vec::new(), message })
    });
    SarifResult {
        rule_id: &finding.rule.id,
        rule_index: view.index.get(&*finding.rule.id).copied().unwrap_or(0),
        kind,
        level,
        message: Message { text: plain(message::of(finding)) },
        locations: [SarifLocation {
            physical_location,
            logical_locations: logical(finding),
            message: None,
        }],
        related_locations: related.take(MAX_RELATED).collect(),
        partial_fingerprints: [(FINGERPRINT, finding.fingerprint().to_string())].into(),
        baseline_state: None,
        suppressions: None,
        properties: ResultProperties {
            severity: finding.severity.name(),
            confidence: finding.confidence.name(),
            world: finding.world(),
            path: finding.location.field(),
            vulnerability: Vulnerability::of(finding),
            members: finding.members.iter().map(member).collect(),
        },
    }
}

fn member(finding: &Finding) -> Member<'_> {
    Member {
        fingerprint: finding.fingerprint().to_string(),
        rule: &finding.rule.id,
        severity: finding.severity.name(),
        world: finding.world(),
        message: plain(message::of(finding)),
    }
}

/// Returns a location in a file of the repository.
fn physical(location: &Location, view: &View<'_>, options: &Options) -> Option<Physical> {
    let Location::Text { source, span, .. } = location else { return None };
    let region = match is_rendered(source) {
        true => SarifRegion::first_line(),
        false => region(source, span, &view.regions),
    };
    Some(Physical { artifact_location: artifact(file_of(source), options), region: Some(region) })
}

/// Escapes `[text](target)`, which is a link in a SARIF message, so that names in manifests create
/// none.
fn plain<'a>(text: impl Into<Cow<'a, str>>) -> Cow<'a, str> {
    let text = text.into();
    if text.contains("](") { text.replace("](", "] (").into() } else { text }
}

fn region(source: &Source, span: &std::ops::Range<u32>, regions: &Regions) -> SarifRegion {
    let Region { line, column, mut end_line, mut end_column } = regions.get(source, span);
    if end_line - line >= MAX_LINES {
        let length = source.line(line).map_or(0, |(_, text)| text.chars().count());
        (end_line, end_column) = (line, (length as u32 + 1).max(column));
    }
    SarifRegion { start_line: line, start_column: column, end_line, end_column }
}

fn logical(finding: &Finding) -> Vec<Logical> {
    let label = finding.subject.label();
    let mut all = vec![match &finding.subject {
        Subject::World { .. } => {
            Logical { name: label.clone(), fully_qualified_name: label.clone(), kind: "world" }
        }
        Subject::Object { .. } | Subject::Cluster { .. } => Logical {
            name: label.clone(),
            fully_qualified_name: format!("{}/{label}", finding.world()),
            kind: "resource",
        },
        other => {
            Logical { name: other.name(), fully_qualified_name: label.clone(), kind: other.word() }
        }
    }];
    if let Some(container) = finding.subject.container() {
        all.push(Logical {
            name: container.to_owned(),
            fully_qualified_name: format!("{}/{label}/{container}", finding.world()),
            kind: "container",
        });
    }
    all
}

fn notification<'a>(note: &'a Note, options: &Options) -> Notification<'a> {
    let text = match &*note.remedy {
        "" => plain(&note.message),
        remedy => format!("{}: {}", plain(&note.message), plain(remedy)).into(),
    };
    let none = Regions::new(&[]);
    let region = |(source, start, end): &_| region(source, &(*start..*end), &none);
    let region = note.span.as_ref().map(region);
    let physical = Physical { artifact_location: artifact(&note.place, options), region };
    Notification {
        level: match note.kind {
            NoteKind::Unread => "error",
            NoteKind::Warning | NoteKind::Drift => "warning",
            NoteKind::Unjudged | NoteKind::Info => "note",
        },
        message: Message { text },
        locations: vec![SarifLocation {
            physical_location: physical,
            logical_locations: Vec::new(),
            message: None,
        }],
    }
}

/// Returns a file's name as a URI: relative to the root if it is below it, otherwise `file:///…`.
fn artifact(name: &str, options: &Options) -> Artifact {
    let name = &*relative(name, options.root.as_deref());
    if let Some(rest) = name.strip_prefix('/') {
        return Artifact { uri: format!("file:///{}", encode(rest)), uri_base_id: None };
    }
    if cfg!(windows) && name.as_bytes().get(1) == Some(&b':') {
        let (drive, rest) = name.split_at(2);
        return Artifact { uri: format!("file:///{drive}{}", encode(rest)), uri_base_id: None };
    }
    Artifact { uri: encode(name), uri_base_id: Some("%SRCROOT%") }
}

#[cfg(test)]
mod tests;
