//! What one task of a judgement found, and which findings are kept where there are too many.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pavisade_checks::{CheckSet, Claim, Report, Verdict};
use pavisade_model::{Finding, Meta, Paths, Program, Workload};

use crate::{Seen, Tally, fact_finding, finding, fix};

/// How many findings a part may keep.
pub(crate) enum Room {
    /// As many as all parts together, which have kept so many, up to a limit.
    Shared(Arc<AtomicUsize>, usize),
    Own(usize),
}

pub(crate) struct Part {
    pub(crate) room: Room,
    /// Findings, those that were not kept among them.
    pub(crate) told: usize,
    /// Whether findings say how they are fixed.
    pub(crate) fixes: bool,
    pub(crate) findings: Vec<Finding>,
    pub(crate) tallies: Vec<Tally>,
    pub(crate) by_program: BTreeMap<(usize, Option<Program>), Tally>,
}

impl Part {
    pub(crate) fn new(checks: &CheckSet) -> Self {
        let tallies = vec![Tally::default(); checks.metas().len()];
        let (findings, by_program) = (Vec::new(), BTreeMap::new());
        let room = Room::Own(usize::MAX);
        Self { room, told: 0, fixes: checks.gives_fixes(), findings, tallies, by_program }
    }

    /// Says which checks could not see all of a world, after the world itself was judged: what is
    /// said of it stands from `before` on.
    pub(crate) fn add_unseen(&mut self, seen: &Seen<'_>, checks: &CheckSet, before: usize) {
        for (index, meta, finding) in
            seen.blind.findings(seen.world, checks, &self.findings[before..])
        {
            self.add(index, meta, &[], |tally| tally.unknown += 1);
            self.findings.push(finding);
        }
    }

    /// Counts a verdict that is none of good news.
    pub(crate) fn count(&mut self, report: &Report<'_>) {
        match report.verdict {
            Verdict::Fails(_) => self.add_report(report, |tally| tally.fails += 1),
            Verdict::Unknown(_) => self.add_report(report, |tally| tally.unknown += 1),
            Verdict::Holds | Verdict::NotApplicable => {}
        }
    }

    pub(crate) fn add_report(&mut self, report: &Report<'_>, count: fn(&mut Tally)) {
        self.add(report.index, report.check, &report.programs, count);
    }

    fn add(&mut self, index: usize, check: &Meta, programs: &[Program], count: fn(&mut Tally)) {
        let Some(tally) = self.tallies.get_mut(index) else { return };
        count(tally);
        // One program alone is told by the check's own tally.
        if check.programs.len() > 1 {
            let of_none = programs.is_empty().then_some(None);
            for program in programs.iter().copied().map(Some).chain(of_none) {
                count(self.by_program.entry((index, program)).or_default());
            }
        }
    }

    pub(crate) fn take(&mut self, seen: &Seen<'_>, mut report: Report<'_>, paths: &mut Paths) {
        if matches!(report.verdict, Verdict::Holds) && !seen.blind.proves(report.index) {
            return self.add_report(&report, |tally| tally.unknown += 1);
        }
        let claims = self.claims(&mut report);
        self.keep(claims, |claim| finding(seen.world, &report, claim, paths));
    }

    /// The same for what is known beside the objects.
    pub(crate) fn take_fact(
        &mut self,
        mut report: Report<'_>,
        workloads: Option<&Arc<[Workload]>>,
    ) {
        let claims = self.claims(&mut report);
        self.keep(claims, |claim| Finding {
            workloads: workloads.cloned(),
            ..fact_finding(&report, claim)
        });
    }

    /// Counts a verdict, and takes its claims.
    fn claims<'a>(&mut self, report: &mut Report<'a>) -> Vec<Claim<'a>> {
        let (count, claims): (fn(&mut Tally), _) =
            match std::mem::replace(&mut report.verdict, Verdict::NotApplicable) {
                Verdict::Holds => (|tally| tally.holds += 1, Vec::new()),
                Verdict::NotApplicable => (|tally| tally.not_applicable += 1, Vec::new()),
                Verdict::Fails(claims) => (|tally| tally.fails += 1, claims),
                Verdict::Unknown(claims) => (|tally| tally.unknown += 1, claims),
            };
        self.add_report(report, count);
        claims
    }

    fn keep<'a>(&mut self, claims: Vec<Claim<'a>>, mut make: impl FnMut(Claim<'a>) -> Finding) {
        self.told += claims.len();
        let room = match &self.room {
            Room::Own(room) => room.saturating_sub(self.findings.len()),
            Room::Shared(kept, limit) => {
                let before = kept.fetch_add(claims.len(), Ordering::Relaxed);
                if before > *limit { 0 } else { usize::MAX }
            }
        };
        self.findings.extend(claims.into_iter().take(room).map(|claim| {
            let fix = self.fixes.then(|| fix(&claim)).flatten();
            Finding { fix, ..make(claim) }
        }));
    }
}

/// Keeps the first `left` findings of the parts of these chunks, and judges again those chunks that
/// kept too few.
pub(crate) fn cut<T>(
    parts: &mut [Part],
    chunks: &[&[T]],
    mut left: usize,
    judge: impl Fn(&[T], Room) -> Part,
) {
    for part in &mut parts[..chunks.len()] {
        if part.told > left || part.findings.len() < part.told {
            part.findings = Vec::new();
        }
    }
    for (part, chunk) in parts.iter_mut().zip(chunks) {
        if part.findings.len() < part.told.min(left) {
            *part = judge(chunk, Room::Own(left));
        }
        part.findings.truncate(left);
        left -= part.findings.len();
    }
}
