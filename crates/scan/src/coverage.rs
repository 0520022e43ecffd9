//! What is said where a live cluster was not read in full.
//!
//! "Passed" means proven: a check that could not see all that it looks at says so once, and what
//! it found to be well counts as unknown where something that it did not see might refute it.
//! What fails stays: checks fail only for what no unread object can undo.

use std::collections::BTreeMap;

use pavisade_checks::{CheckSet, Needs};
use pavisade_model::{Confidence, Finding, GroupKind, Location, State, Subject};
use pavisade_snapshot::{Coverage, World, WorldKind};

/// What the checks of a set could not see of one world, in the order of the set.
#[derive(Debug)]
pub(crate) struct Blind {
    /// Whether a kind that the check reads was not read.
    of_reads: Vec<bool>,
    /// What to say of each check that could not see all.
    messages: Vec<Option<String>>,
}

impl Blind {
    pub(crate) fn of(world: &World, checks: &CheckSet) -> Self {
        let (mut of_reads, mut messages) = (Vec::new(), Vec::new());
        if world.kind() == WorldKind::Cluster {
            for needs in checks.needs() {
                of_reads.push(needs.reads.iter().any(|kind| is_unread(world, *kind)));
                messages.push(message(world, &needs));
            }
        }
        Self { of_reads, messages }
    }

    /// Whether a subject that the check found to be well is so whatever was not read.
    pub(crate) fn proves(&self, check: usize) -> bool {
        !self.of_reads.get(check).copied().unwrap_or(false)
    }

    /// One finding for each check that could not see all, with the check's place in the set.
    pub(crate) fn findings<'a>(
        &'a self,
        world: &'a World,
        checks: &'a CheckSet,
    ) -> impl Iterator<Item = (usize, Finding)> + 'a {
        checks.metas().zip(&self.messages).enumerate().filter_map(|(index, (check, message))| {
            let finding = Finding {
                check,
                state: State::Unknown,
                severity: check.severity,
                confidence: Confidence::High,
                world: world.name().clone(),
                subject: Subject::World { name: world.name().clone() },
                location: Location::None,
                message: message.clone()?,
                fix: String::new(),
                stable_path: String::new(),
                instance: "coverage".to_owned(),
            };
            Some((index, finding))
        })
    }
}

fn is_unread(world: &World, kind: GroupKind) -> bool {
    world.coverage(kind) == Coverage::Unread
}

/// Which of a check's kinds were not read, and why: kinds of one reason together.
fn message(world: &World, needs: &Needs) -> Option<String> {
    let mut by_gap = BTreeMap::<&str, Vec<String>>::new();
    for kind in needs.subjects.iter().chain(&needs.reads).filter(|kind| is_unread(world, **kind)) {
        let name = match kind.group {
            "" => kind.resource.to_owned(),
            group => format!("{}.{group}", kind.resource),
        };
        by_gap.entry(world.gap(*kind)).or_default().push(name);
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
        format!("{named} were not read: {gap}")
    });
    let parts: Vec<_> = parts.collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}
