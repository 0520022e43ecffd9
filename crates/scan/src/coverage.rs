//! What is said where a live cluster was not read in full.
//!
//! "Passed" means proven: of a check that could not see all that it looks at it is said what it did
//! not see, unless it says so itself, and what it found to be well counts as unknown where
//! something that it did not see might refute it. What fails stays: checks fail only for what no
//! unread object can undo.

use std::collections::BTreeMap;

use pavisade_checks::CheckSet;
use pavisade_model::{Confidence, Finding, GroupKind, Location, Meta, State, Subject};
use pavisade_snapshot::{Coverage, World, WorldKind};

/// What the checks of a set could not see of one world, in the order of the set.
#[derive(Debug)]
pub(crate) struct Blind {
    /// Whether a kind that the check reads was not read.
    of_reads: Vec<bool>,
    /// The kinds of each check that were not read, subjects among them.
    unread: Vec<Vec<GroupKind>>,
}

impl Blind {
    pub(crate) fn of(world: &World, checks: &CheckSet) -> Self {
        let (mut of_reads, mut unread) = (Vec::new(), Vec::new());
        if world.kind() == WorldKind::Cluster {
            for needs in checks.needs() {
                of_reads.push(needs.reads.iter().any(|kind| is_unread(world, *kind)));
                let kinds = needs.subjects.iter().chain(&needs.reads).copied();
                unread.push(kinds.filter(|kind| is_unread(world, *kind)).collect());
            }
        }
        Self { of_reads, unread }
    }

    /// Whether a subject that the check found to be well is so whatever was not read.
    pub(crate) fn proves(&self, check: usize) -> bool {
        !self.of_reads.get(check).copied().unwrap_or(false)
    }

    /// One finding for each check that could not see all, with the check's place in the set; of
    /// kinds of which the check itself has `said` nothing.
    pub(crate) fn findings<'c>(
        &self,
        world: &World,
        checks: &'c CheckSet,
        said: &[Finding],
    ) -> Vec<(usize, &'c Meta, Finding)> {
        let by_check = checks.metas().zip(checks.rules()).zip(&self.unread).enumerate();
        let findings = by_check.filter_map(|(index, ((meta, rule), unread))| {
            let of_check = said.iter().filter(|finding| finding.rule.id == rule.id);
            let of_check: Vec<_> = of_check.map(|finding| finding.message.as_str()).collect();
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
                message: message(world, unread, &of_check)?,
                fix: String::new(),
                stable_path: String::new(),
                instance: "coverage".to_owned(),
                mend: None,
            };
            Some((index, meta, finding))
        });
        findings.collect()
    }
}

fn is_unread(world: &World, kind: GroupKind) -> bool {
    world.coverage(kind) == Coverage::Unread
}

/// Which of a check's kinds were not read, and why: kinds of one reason together, less those of
/// which it is `said`.
fn message(world: &World, unread: &[GroupKind], said: &[&str]) -> Option<String> {
    let mut by_gap = BTreeMap::<&str, Vec<String>>::new();
    for kind in unread {
        let name = kind.full_resource();
        let gap = world.gap(*kind);
        if !says(said, &sentence(&name, gap)) {
            by_gap.entry(gap).or_default().push(name);
        }
    }
    let parts = by_gap.into_iter().map(|(gap, mut kinds)| {
        kinds.sort();
        kinds.dedup();
        let named = match kinds.as_slice() {
            [first @ .., last] if !first.is_empty() && kinds.len() <= 3 => {
                format!("{} and {last}", first.join(", "))
            }
            [a, b, rest @ ..] if !rest.is_empty() => format!("{a}, {b} and {} more", rest.len()),
            _ => kinds.join(", "),
        };
        sentence(&named, gap)
    });
    let parts: Vec<_> = parts.collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// As a check says it that lists objects of the kind.
fn sentence(named: &str, gap: &str) -> String {
    format!("{named} were not read: {gap}")
}

/// Whether one of the messages holds the sentence, from the first letter of its first word on.
fn says(messages: &[&str], sentence: &str) -> bool {
    let starts_word = |before: &str| !before.ends_with(char::is_alphanumeric);
    let holds =
        |message: &str| message.match_indices(sentence).any(|(at, _)| starts_word(&message[..at]));
    messages.iter().any(|message| holds(message))
}
