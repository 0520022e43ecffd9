//! Results of checks for a live cluster that was not read completely.
//!
//! "Passed" means proven. If a check could not read all of its input, a finding says so, unless the
//! check reports it itself. Its passed subjects count as unknown if unread objects might refute
//! them. Failures stay: checks fail only if no unread object can change that.

use std::collections::{BTreeMap, BTreeSet};

use pavisade_checks::CheckSet;
use pavisade_model::{
    Cause, Confidence, Detail, Finding, Gap, GroupKind, Location, Meta, State, Subject,
};
use pavisade_snapshot::{Coverage, World};

/// What the checks of a set could not read in a world, in the order of the set.
#[derive(Debug)]
pub(crate) struct Blind {
    /// Whether a kind that the check reads was not read.
    of_reads: Vec<bool>,
    /// The unread kinds of each check, including its subjects.
    unread: Vec<Vec<GroupKind>>,
}

impl Blind {
    pub(crate) fn of(world: &World, checks: &CheckSet) -> Self {
        let (mut of_reads, mut unread) = (Vec::new(), Vec::new());
        if world.is_live() {
            for needs in checks.needs() {
                of_reads.push(needs.reads.iter().any(|kind| is_unread(world, *kind)));
                let kinds = needs.subjects.iter().chain(&needs.reads).copied();
                unread.push(kinds.filter(|kind| is_unread(world, *kind)).collect());
            }
        }
        Self { of_reads, unread }
    }

    /// Whether a passed subject of the check is proven regardless of what was not read.
    pub(crate) fn proves(&self, check: usize) -> bool {
        !self.of_reads.get(check).copied().unwrap_or(false)
    }

    /// Returns one finding for each check that could not read everything, with the index of the
    /// check. Kinds that the check itself reported in `said` are left out.
    pub(crate) fn findings<'c>(
        &self,
        world: &World,
        checks: &'c CheckSet,
        said: &[Finding],
    ) -> Vec<(usize, &'c Meta, Finding)> {
        let by_check = checks.metas().zip(checks.rules()).zip(&self.unread).enumerate();
        let findings = by_check.filter_map(|(index, ((meta, rule), unread))| {
            let of_check = said.iter().filter(|finding| finding.rule.id == rule.id);
            let said: BTreeSet<_> = of_check.flat_map(kinds_of).collect();
            let kinds: BTreeSet<_> = unread.iter().copied().filter(|k| !said.contains(k)).collect();
            if kinds.is_empty() {
                return None;
            }
            let gaps = kinds.into_iter().map(|kind| (kind, world.cause(kind)));
            let gaps: Vec<_> = gaps.collect();
            let finding = Finding {
                rule: rule.clone(),
                state: State::Unknown,
                severity: rule.severity,
                confidence: Confidence::High,
                world: Some(world.name().clone()),
                subject: Subject::World { name: world.name().clone() },
                owner: None,
                location: Location::None,
                related: Vec::new(),
                workloads: None,
                vulnerability: None,
                message: checks.words(message(&gaps)),
                advice: String::new(),
                stable_path: String::new(),
                instance: "coverage".to_owned(),
                fix: None,
                detail: Detail {
                    gaps: gaps.into_iter().map(|(kind, _)| world.gap(kind)).collect(),
                    ..Detail::default()
                }
                .boxed(),
                members: Vec::new(),
            };
            Some((index, meta, finding))
        });
        findings.collect()
    }
}

fn is_unread(world: &World, kind: GroupKind) -> bool {
    world.coverage(kind) == Coverage::Unread
}

/// Returns the kinds that a finding reports as unread.
fn kinds_of(finding: &Finding) -> impl Iterator<Item = GroupKind> {
    finding.detail().gaps.iter().filter_map(|gap| match gap {
        Gap::Kind { kind, .. } => Some(*kind),
        _ => None,
    })
}

/// Returns a message on unread kinds, grouped by reason.
fn message(gaps: &[(GroupKind, &Cause)]) -> String {
    let mut by_cause = BTreeMap::<String, Vec<String>>::new();
    for (kind, cause) in gaps {
        by_cause.entry(cause.to_string()).or_default().push(kind.full_resource());
    }
    let parts = by_cause.into_iter().map(|(cause, mut kinds)| {
        kinds.sort();
        kinds.dedup();
        let named = match kinds.as_slice() {
            [first @ .., last] if !first.is_empty() && kinds.len() <= 3 => {
                format!("{} and {last}", first.join(", "))
            }
            [a, b, rest @ ..] if !rest.is_empty() => format!("{a}, {b} and {} more", rest.len()),
            _ => kinds.join(", "),
        };
        format!("{named} were not read: {cause}")
    });
    parts.collect::<Vec<_>>().join("; ")
}
