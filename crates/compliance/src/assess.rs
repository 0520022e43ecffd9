//! Assesses the controls of a framework by the result of a scan.
//!
//! A control holds only if it is proven: at least one of its checks passed, none failed or was
//! unknown, all of them ran and had subjects, and all input was read.

use std::collections::{BTreeSet, HashMap};

use pavisade_judgement::{Judgement, RuleTally, Tally};
use pavisade_model::{Audience, Finding, NoteKind, Program, Rule, State, Subject};

use crate::{Assessed, Control, Framework};

/// The state of a control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ControlState {
    /// A check fails.
    Fails,
    /// All failures have exceptions.
    Excepted,
    /// No check fails, but something could not be determined.
    Unknown,
    /// All subjects pass, but the checks do not cover the whole control, or some had no subjects.
    HoldsInPart,
    /// It holds.
    Holds,
    /// There were subjects, but the control applies to none of them.
    NotApplicable,
    /// Nothing was read that its checks evaluate.
    Unseen,
    /// It is assessed by another command or a future feature.
    Elsewhere,
    /// It requires a manual assessment.
    ByHand,
}

impl ControlState {
    /// All states, those that need attention first.
    pub const ALL: [Self; 9] = [
        Self::Fails,
        Self::Excepted,
        Self::Unknown,
        Self::HoldsInPart,
        Self::Holds,
        Self::NotApplicable,
        Self::Unseen,
        Self::Elsewhere,
        Self::ByHand,
    ];

    /// Whether the control was found to hold or to fail.
    pub fn is_result(self) -> bool {
        matches!(self, Self::Fails | Self::Holds | Self::HoldsInPart)
    }
}

/// The assessment of a framework.
#[derive(Debug)]
pub struct Assessment<'a> {
    /// The framework.
    pub framework: &'a Framework,
    /// Its controls, in the order of the framework.
    pub controls: Vec<AssessedControl<'a>>,
    /// The number of inputs that could not be read. If there are any, nothing is proven.
    pub unread: usize,
}

/// The assessment of a control.
#[derive(Debug)]
pub struct AssessedControl<'a> {
    /// The control.
    pub control: &'a Control,
    /// The state.
    pub state: ControlState,
    /// The evidence from its checks, failures first, highest severity first.
    pub evidence: Vec<Evidence<'a>>,
    /// Checks that should have run but did not.
    pub left_out: Vec<&'a Rule>,
    /// Checks that had no subjects although these may exist: files may be incomplete, and images
    /// are scanned on request.
    pub unseen: Vec<&'a Rule>,
}

/// The result of a check.
#[derive(Debug)]
pub struct Evidence<'a> {
    /// The check.
    pub rule: &'a Rule,
    /// The parts of the check that apply to the control. All if empty.
    pub parts: Vec<&'a str>,
    /// Whether the check is stricter than the control, so that its findings do not refute the
    /// control.
    pub stricter: bool,
    /// The counts of its subjects by verdict.
    pub tally: Tally,
    /// Failures, then unknown results, in the order of the judgement.
    pub findings: Vec<&'a Finding>,
    /// Findings with exceptions. They are included in the tally.
    pub excepted: Vec<&'a Finding>,
    /// Whether findings may have been dropped, because there were too many.
    pub cut: bool,
}

impl Evidence<'_> {
    /// Whether it shows that the control does not hold, apart from exceptions.
    pub fn refutes(&self) -> bool {
        self.tally.fails > 0 && !self.stricter && !self.seems_excepted()
    }

    /// Whether all failures have exceptions.
    pub fn is_excepted(&self) -> bool {
        !self.cut && self.seems_excepted()
    }

    fn seems_excepted(&self) -> bool {
        let fails = |finding: &&&Finding| finding.state == State::Fails;
        self.tally.fails > 0
            && self.excepted.iter().any(|finding| fails(&finding))
            && !self.findings.iter().any(|finding| fails(&finding))
    }

    /// Returns the findings with a state.
    pub fn of_state(&self, state: State) -> impl Iterator<Item = &Finding> {
        self.findings.iter().copied().filter(move |finding| finding.state == state)
    }
}

impl Assessment<'_> {
    /// Returns the number of controls in a state.
    pub fn count(&self, state: ControlState) -> usize {
        self.of_state(state).count()
    }

    /// Returns the controls in a state.
    pub fn of_state(&self, state: ControlState) -> impl Iterator<Item = &AssessedControl<'_>> {
        self.controls.iter().filter(move |control| control.state == state)
    }
}

/// Whether a control requires a check. Checks of audience `strict` are required only if the control
/// lists them by name; those from a topic count if they were enabled.
pub fn is_needed(control: &Control, rule: &Rule) -> bool {
    control.checks.iter().any(|id| *id == rule.id)
        && (rule.audience == Audience::Everyone || control.named.contains(&*rule.id))
}

/// Assesses each control of a framework by a judgement. `rules` are the rules of all existing
/// checks.
pub fn assess<'a>(
    framework: &'a Framework,
    judgement: &'a Judgement,
    rules: impl Iterator<Item = &'a Rule> + Clone,
) -> Assessment<'a> {
    let unread = judgement.notes.iter().filter(|note| note.kind == NoteKind::Unread).count();
    let mut ran = Ran { checks: HashMap::new(), cut: judgement.cut.is_some() };
    let is_asked = |rule: &Rule| !judgement.unasked.iter().any(|other| other.id == rule.id);
    let rules = rules.filter(|rule| is_asked(rule));
    // Findings in images that were read count, whatever is in the others.
    let is_seen = |counted: &&RuleTally| {
        let Tally { holds, fails, unknown, .. } = counted.tally;
        is_asked(&counted.rule) || holds + fails + unknown > 0
    };
    for counted in judgement.tallies.iter().filter(is_seen) {
        let (findings, excepted) = (Vec::new(), Vec::new());
        ran.checks.insert(&*counted.rule.id, OfCheck { counted, findings, excepted });
    }
    // Findings in the baseline are failures too.
    let known = judgement.baseline.iter().flat_map(|compared| &compared.known);
    for finding in judgement.findings.iter().chain(known) {
        if let Some(of_check) = ran.checks.get_mut(&*finding.rule.id) {
            of_check.findings.push(finding);
        }
    }
    for excepted in &judgement.excepted {
        if let Some(of_check) = ran.checks.get_mut(&*excepted.finding.rule.id) {
            of_check.excepted.push(&excepted.finding);
        }
    }
    // For a cluster, kinds that were not listed are reported, so other objects do not exist. If
    // only images were read, no objects were.
    let partial = judgement.worlds == 0 || judgement.clusters.len() < judgement.worlds;
    let controls = framework.controls.iter();
    let controls = controls
        .map(|control| of_control(control, &ran, rules.clone(), unread > 0, partial, judgement));
    Assessment { framework, controls: controls.collect(), unread }
}

/// The checks that ran, and their results.
struct Ran<'a> {
    checks: HashMap<&'a str, OfCheck<'a>>,
    /// Whether findings were dropped.
    cut: bool,
}

/// All results of a check.
struct OfCheck<'a> {
    counted: &'a RuleTally,
    findings: Vec<&'a Finding>,
    excepted: Vec<&'a Finding>,
}

impl<'a> Ran<'a> {
    /// Returns the results of the penetration tests that are evidence for a control.
    fn tests(&self, control: &'a Control) -> Vec<Evidence<'a>> {
        let has_result = |of: &&OfCheck<'a>| of.counted.tally != Tally::default();
        let tests = self.checks.values().filter(has_result).map(|of| &*of.counted.rule);
        let mut tests: Vec<_> = tests.filter(|rule| control.is_tested_by(rule)).collect();
        tests.sort_by_key(|rule| &rule.id);
        let found = tests.into_iter().filter_map(|rule| self.evidence(control, &rule.id));
        found.map(|of| Evidence { stricter: !control.fixed, ..of }).collect()
    }

    fn evidence(&self, control: &'a Control, id: &str) -> Option<Evidence<'a>> {
        let OfCheck { counted, findings, excepted } = self.checks.get(id)?;
        let RuleTally { rule, programs, tally, by_program } = counted;
        let parts = control.parts.get(id).into_iter().flatten().map(String::as_str);
        let mut evidence = Evidence {
            rule,
            parts: parts.collect(),
            stricter: control.stricter.contains(id),
            tally: *tally,
            findings: findings.clone(),
            excepted: excepted.clone(),
            cut: self.cut,
        };
        let parts = &evidence.parts;
        if parts.is_empty() {
            return Some(evidence);
        }
        let named: Vec<_> = parts.iter().map(|part| Program::named(part)).collect();
        let Some(named) = named.into_iter().collect::<Option<Vec<_>>>() else {
            evidence.tally = of_fields(rule, parts, *tally, findings.iter().chain(excepted));
            if self.cut {
                // Subjects without a finding on these parts may have one that was dropped.
                let Tally { holds, unknown, .. } = evidence.tally;
                evidence.tally = Tally { holds: 0, unknown: unknown + holds, ..evidence.tally };
            }
            evidence.findings.retain(|finding| is_of_part(finding, &evidence.parts));
            evidence.excepted.retain(|finding| is_of_part(finding, &evidence.parts));
            return Some(evidence);
        };
        // A check for a single program is about that program.
        if programs.len() == 1 {
            if !programs.iter().any(|program| named.contains(program)) {
                evidence.tally = Tally::default();
                evidence.findings.clear();
                evidence.excepted.clear();
            }
            return Some(evidence);
        }
        let mut sum = Tally::default();
        // Verdicts that are not about a specific program may be about any.
        for program in named.iter().copied().map(Some).chain([None]) {
            sum.add(by_program.get(&program).copied().unwrap_or_default());
        }
        evidence.tally = sum;
        evidence.findings.retain(|finding| is_about(finding, &named));
        evidence.excepted.retain(|finding| is_about(finding, &named));
        Some(evidence)
    }
}

/// Whether a finding is about the settings of one of the programs, or may be about any.
fn is_about(finding: &Finding, named: &[Program]) -> bool {
    let programs = &finding.detail().programs;
    programs.is_empty() || programs.iter().any(|program| named.contains(program))
}

/// Returns the counts for some parts of a check that evaluates several settings of each subject. A
/// subject passes if it has no findings on these parts.
fn of_fields<'f>(
    rule: &Rule,
    parts: &[&str],
    tally: Tally,
    findings: impl Iterator<Item = &'f &'f Finding> + Clone,
) -> Tally {
    let subjects = |state: State, all: bool| -> BTreeSet<(&'f str, &'f Subject)> {
        let wanted = findings.clone().filter(|f| f.state == state && (all || is_of_part(f, parts)));
        wanted.map(|finding| (finding.world(), &finding.subject)).collect()
    };
    debug_assert!(!rule.parts.is_empty(), "{} has no parts", rule.id);
    let (fail, doubt) = (subjects(State::Fails, false), subjects(State::Unknown, false));
    let told = subjects(State::Unknown, true);
    // Subjects that count as unknown but have no finding of their own.
    let silent = told.difference(&subjects(State::Fails, true)).count();
    let silent = tally.unknown.saturating_sub(silent);
    let all = tally.holds + tally.fails + tally.unknown;
    let fails = fail.len().min(all);
    let unknown = (doubt.difference(&fail).count() + silent).min(all - fails);
    Tally { holds: all - fails - unknown, fails, unknown, ..tally }
}

/// Whether a finding is about one of the parts, or about all parts of its rule (flags that cannot
/// be read).
fn is_of_part(finding: &Finding, parts: &[&str]) -> bool {
    let own = &finding.detail().parts;
    own.is_empty() || own.iter().any(|part| parts.contains(&&**part))
}

fn of_control<'a>(
    control: &'a Control,
    ran: &Ran<'a>,
    rules: impl Iterator<Item = &'a Rule>,
    unread: bool,
    partial: bool,
    judgement: &'a Judgement,
) -> AssessedControl<'a> {
    let tests = ran.tests(control);
    let mut evidence: Vec<_> =
        control.checks.iter().filter_map(|id| ran.evidence(control, id)).chain(tests).collect();
    evidence.sort_by_key(|e| {
        let worst = e.of_state(State::Fails).map(|f| f.severity).max();
        let more = (!e.is_excepted(), e.tally.unknown == 0, e.tally.holds == 0);
        (!e.refutes(), std::cmp::Reverse(worst), more)
    });
    let left_out: Vec<_> = rules
        .filter(|rule| !ran.checks.contains_key(&*rule.id) && is_needed(control, rule))
        .collect();
    let unseen = evidence.iter().filter(|e| partial && e.tally == Tally::default()).map(|e| e.rule);
    // Checks that were not requested saw nothing either.
    let unasked = judgement.unasked.iter().map(|rule| &**rule);
    let unseen: Vec<_> = unseen.chain(unasked).filter(|rule| is_needed(control, rule)).collect();
    let state = match control.assessed {
        Assessed::ByHand(_) => by_tests(control, &evidence, unread),
        Assessed::Elsewhere(_) => ControlState::Elsewhere,
        Assessed::ByChecks => match by_checks(&evidence, !left_out.is_empty(), unread) {
            ControlState::Holds if !unseen.is_empty() => ControlState::HoldsInPart,
            state => state,
        },
        Assessed::Partly(_) => match by_checks(&evidence, !left_out.is_empty(), unread) {
            ControlState::Holds => ControlState::HoldsInPart,
            state => state,
        },
    };
    AssessedControl { control, state, evidence, left_out, unseen }
}

/// Returns the state of a control that only penetration tests are evidence for.
fn by_tests(control: &Control, evidence: &[Evidence<'_>], unread: bool) -> ControlState {
    if evidence.is_empty() {
        return ControlState::ByHand;
    }
    // What is open does not refute that it was tested.
    let tested = evidence.iter().any(|e| e.tally.holds + e.tally.fails > 0);
    match by_checks(evidence, false, unread) {
        ControlState::Holds => ControlState::HoldsInPart,
        _ if !control.fixed && tested => ControlState::HoldsInPart,
        state => state,
    }
}

fn by_checks(evidence: &[Evidence<'_>], left_out: bool, unread: bool) -> ControlState {
    let any = |count: fn(&Tally) -> usize| evidence.iter().any(|e| count(&e.tally) > 0);
    let doubt = |e: &Evidence<'_>| e.tally.fails > 0 && !e.refutes() && !e.is_excepted();
    if evidence.iter().any(Evidence::refutes) {
        ControlState::Fails
    } else if evidence.iter().any(Evidence::is_excepted) {
        ControlState::Excepted
    } else if any(|tally| tally.unknown) || evidence.iter().any(doubt) || left_out {
        ControlState::Unknown
    } else if any(|tally| tally.holds) {
        if unread { ControlState::Unknown } else { ControlState::Holds }
    } else if any(|tally| tally.not_applicable) {
        ControlState::NotApplicable
    } else {
        ControlState::Unseen
    }
}
