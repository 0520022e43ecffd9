//! The findings of one task of a judgement, and which are kept if there are too many.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pavisade_checks::{CheckSet, Claim, Report, Verdict};
use pavisade_model::{Finding, Meta, Note, NoteKind, Paths, Program, Workload};

use crate::{Seen, Tally, fact_finding, finding, fix};

/// The number of findings of each rule that a part may keep.
pub(crate) enum Room {
    /// Shared by all parts: counters of kept findings, and the limit.
    Shared(Arc<[AtomicUsize]>, usize),
    /// A separate limit for each rule.
    Own(Vec<usize>),
    /// Unlimited.
    Any,
}

/// Returns a counter for each rule of a set.
pub(crate) fn counters(checks: &CheckSet) -> Arc<[AtomicUsize]> {
    checks.metas().map(|_| AtomicUsize::new(0)).collect()
}

pub(crate) struct Part {
    pub(crate) room: Room,
    /// The number of findings by rule, including those that were not kept.
    pub(crate) told: Vec<usize>,
    /// The rule of each finding, as an index in the set.
    pub(crate) rules: Vec<usize>,
    /// Whether to include fixes.
    pub(crate) fixes: bool,
    pub(crate) findings: Vec<Finding>,
    pub(crate) tallies: Vec<Tally>,
    pub(crate) by_program: BTreeMap<(usize, Option<Program>), Tally>,
}

impl Part {
    pub(crate) fn new(checks: &CheckSet) -> Self {
        let rules = checks.metas().len();
        let (tallies, told) = (vec![Tally::default(); rules], vec![0; rules]);
        let (findings, by_program) = (Vec::new(), BTreeMap::new());
        let fixes = checks.gives_fixes();
        Self { room: Room::Any, told, rules: Vec::new(), fixes, findings, tallies, by_program }
    }

    /// Adds findings about what checks could not read in a world. Must be called after the world
    /// was judged; its findings start at `before`.
    pub(crate) fn add_unseen(&mut self, seen: &Seen<'_>, checks: &CheckSet, before: usize) {
        for (index, meta, finding) in
            seen.blind.findings(seen.world, checks, &self.findings[before..])
        {
            self.add(index, meta, &[], |tally| tally.unknown += 1);
            self.findings.push(finding);
        }
    }

    /// Counts a verdict that is not a pass.
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
        // For a single program, the check's own tally is sufficient.
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
        self.keep(report.index, claims, |claim| finding(seen.world, &report, claim, paths));
    }

    /// Like `take`, for facts in addition to the objects.
    pub(crate) fn take_fact(
        &mut self,
        mut report: Report<'_>,
        workloads: Option<&Arc<[Workload]>>,
    ) {
        let claims = self.claims(&mut report);
        self.keep(report.index, claims, |claim| Finding {
            workloads: workloads.cloned(),
            ..fact_finding(&report, claim)
        });
    }

    /// Counts a verdict and returns its claims.
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

    fn keep<'a>(
        &mut self,
        rule: usize,
        claims: Vec<Claim<'a>>,
        mut make: impl FnMut(Claim<'a>) -> Finding,
    ) {
        if claims.is_empty() {
            return;
        }
        let before = self.told[rule];
        self.told[rule] += claims.len();
        let room = match &self.room {
            Room::Any => usize::MAX,
            Room::Own(room) => room[rule].saturating_sub(before),
            Room::Shared(kept, limit) => {
                let before = kept[rule].fetch_add(claims.len(), Ordering::Relaxed);
                if before > *limit { 0 } else { usize::MAX }
            }
        };
        for claim in claims.into_iter().take(room) {
            let fix = self.fixes.then(|| fix(&claim)).flatten();
            self.findings.push(Finding { fix, ..make(claim) });
            self.rules.push(rule);
        }
    }

    /// Returns the number of kept findings of a rule.
    fn kept(&self, rule: usize) -> usize {
        self.rules.iter().filter(|kept| **kept == rule).count()
    }

    /// Keeps the first `left` findings of each rule, and decreases `left`.
    fn truncate(&mut self, left: &mut [usize]) {
        let rules = std::mem::take(&mut self.rules);
        let mut of = rules.iter();
        self.findings.retain(|_| {
            let Some(left) = of.next().and_then(|rule| left.get_mut(*rule)) else { return true };
            let fits = *left > 0;
            *left = left.saturating_sub(1);
            fits
        });
    }
}

/// Keeps at most the first `limit` findings of each rule. Chunks that kept too few findings of a
/// rule over the limit are judged again.
pub(crate) fn cut<T>(
    parts: &mut [Part],
    chunks: &[&[T]],
    told: &[usize],
    limit: usize,
    judge: impl Fn(&[T], Room) -> Part,
) {
    let mut left: Vec<_> =
        told.iter().map(|told| if *told > limit { limit } else { usize::MAX }).collect();
    let many: Vec<_> = (0..told.len()).filter(|rule| told[*rule] > limit).collect();
    // Findings that are computed again are dropped first, to not keep them twice.
    let lacks = |part: &Part, left: &[usize]| {
        many.iter().any(|rule| part.kept(*rule) < part.told[*rule].min(left[*rule]))
    };
    for (part, chunk) in parts.iter_mut().zip(chunks) {
        if lacks(part, &left) {
            part.findings = Vec::new();
            *part = judge(chunk, Room::Own(left.clone()));
        }
        part.truncate(&mut left);
    }
}

/// Returns a note if not all findings are listed.
pub(crate) fn cut_note(
    checks: &CheckSet,
    told: &[usize],
    limit: usize,
    place: String,
) -> Option<Note> {
    /// Maximum number of rules listed.
    const NAMED: usize = 3;
    let many = checks.rules().zip(told).filter(|(_, told)| **told > limit);
    let mut many: Vec<_> = many.map(|(rule, told)| (*told, &*rule.name)).collect();
    many.sort_by(|a, b| b.cmp(a));
    let named = many.iter().take(NAMED).map(|(told, name)| format!("{told} of `{name}`"));
    let mut named: Vec<_> = named.collect();
    if many.len() > NAMED {
        named.push(format!("more than {limit} of {} other checks", many.len() - NAMED));
    }
    (!many.is_empty()).then(|| Note {
        kind: NoteKind::Unread,
        place,
        span: None,
        message: format!(
            "there are more findings than are listed, at most {limit} of a check: {}",
            named.join(", ")
        ),
        remedy: "Scan parts of it one by one, or choose checks with `--check` and `--skip`.".into(),
    })
}
