//! What a scan says about the controls of a framework.
//!
//! A control holds only where it is proven: at least one of its checks held, none failed or could
//! not tell, all of them ran and had something to look at, and nothing of the input went unread.

use std::collections::{BTreeSet, HashMap};

use pavisade_judgement::{Judgement, RuleTally, Tally};
use pavisade_model::{Audience, Finding, NoteKind, Program, Rule, State, Subject};

use crate::{Assessed, Control, Framework};

/// What is said of a control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ControlState {
    /// One of its checks fails.
    Fails,
    /// What fails is let through by exceptions, all of it.
    Excepted,
    /// None fails, and something could not be determined.
    Unknown,
    /// All that its checks saw holds; they cannot show all of it, or some of them saw nothing.
    HoldsInPart,
    /// It holds.
    Holds,
    /// There were subjects, and the question does not arise for any of them.
    NotApplicable,
    /// Nothing was read that its checks look at.
    Unseen,
    /// Another command or a feature to come assesses it.
    Elsewhere,
    /// People alone can assess it.
    ByHand,
}

impl ControlState {
    /// All, what needs attention first.
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

    /// Whether it is a result: the control was found to hold or to fail.
    pub fn is_result(self) -> bool {
        matches!(self, Self::Fails | Self::Holds | Self::HoldsInPart)
    }
}

/// A framework, and what a scan says about it.
#[derive(Debug)]
pub struct Assessment<'a> {
    /// The framework.
    pub framework: &'a Framework,
    /// Its controls, in its own order.
    pub controls: Vec<AssessedControl<'a>>,
    /// Inputs that could not be read: while there are some, nothing is proven.
    pub unread: usize,
}

/// A control, and what a scan says about it.
#[derive(Debug)]
pub struct AssessedControl<'a> {
    /// The control.
    pub control: &'a Control,
    /// What is said of it.
    pub state: ControlState,
    /// What each of its checks found, those that fail first, worst first.
    pub evidence: Vec<Evidence<'a>>,
    /// Its checks that did not run though they should have.
    pub left_out: Vec<&'a Rule>,
    /// Its checks of whose subjects nothing was read, and which may exist all the same: files show
    /// what somebody means to apply, not what is there, and images are looked at on demand.
    pub unseen: Vec<&'a Rule>,
}

/// What one check found.
#[derive(Debug)]
pub struct Evidence<'a> {
    /// The check.
    pub rule: &'a Rule,
    /// The parts of it that alone count for the control; all of it where there are none.
    pub parts: Vec<&'a str>,
    /// It asks for more than the control: what it reports may be well.
    pub stricter: bool,
    /// Its subjects by verdict.
    pub tally: Tally,
    /// What fails, then what is unknown, in the order of the judgement.
    pub findings: Vec<&'a Finding>,
    /// What an exception lets through; the tally counts it all the same.
    pub excepted: Vec<&'a Finding>,
    /// Whether findings may be missing, because there were too many.
    pub cut: bool,
}

impl Evidence<'_> {
    /// Whether it shows that the control does not hold, exceptions aside.
    pub fn refutes(&self) -> bool {
        self.tally.fails > 0 && !self.stricter && !self.seems_excepted()
    }

    /// Whether all that fails is let through by exceptions.
    pub fn is_excepted(&self) -> bool {
        !self.cut && self.seems_excepted()
    }

    fn seems_excepted(&self) -> bool {
        let fails = |finding: &&&Finding| finding.state == State::Fails;
        self.tally.fails > 0
            && self.excepted.iter().any(|finding| fails(&finding))
            && !self.findings.iter().any(|finding| fails(&finding))
    }

    /// Findings of one state.
    pub fn of_state(&self, state: State) -> impl Iterator<Item = &Finding> {
        self.findings.iter().copied().filter(move |finding| finding.state == state)
    }
}

impl Assessment<'_> {
    /// How many controls are in a state.
    pub fn count(&self, state: ControlState) -> usize {
        self.of_state(state).count()
    }

    /// Controls in a state.
    pub fn of_state(&self, state: ControlState) -> impl Iterator<Item = &AssessedControl<'_>> {
        self.controls.iter().filter(move |control| control.state == state)
    }
}

/// Whether a control waits for a check: checks for those who harden beyond what is common count
/// where the control names them; one of a topic counts where it was asked to run.
pub fn is_needed(control: &Control, rule: &Rule) -> bool {
    control.checks.iter().any(|id| *id == rule.id)
        && (rule.audience == Audience::Everyone || control.named.contains(&*rule.id))
}

/// Says of each control of a framework what the judgement shows. `rules` are those of all checks
/// that there are.
pub fn assess<'a>(
    framework: &'a Framework,
    judgement: &'a Judgement,
    rules: impl Iterator<Item = &'a Rule> + Clone,
) -> Assessment<'a> {
    let unread = judgement.notes.iter().filter(|note| note.kind == NoteKind::Unread).count();
    let mut ran = Ran { checks: HashMap::new(), cut: judgement.cut.is_some() };
    let is_asked = |rule: &Rule| !judgement.unasked.iter().any(|other| other.id == rule.id);
    let rules = rules.filter(|rule| is_asked(rule));
    // What was found in some images counts, whatever is in the others.
    let is_seen =
        |counted: &&RuleTally| is_asked(&counted.rule) || counted.tally != Tally::default();
    for counted in judgement.tallies.iter().filter(is_seen) {
        let (findings, excepted) = (Vec::new(), Vec::new());
        ran.checks.insert(&*counted.rule.id, OfCheck { counted, findings, excepted });
    }
    // What a baseline knows fails all the same.
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
    // Of a cluster it is told what was not listed: what was not seen there is not there.
    // Where nothing but images was read, no object was seen.
    let partial = judgement.worlds == 0 || judgement.clusters.len() < judgement.worlds;
    let controls = framework.controls.iter();
    let controls = controls
        .map(|control| of_control(control, &ran, rules.clone(), unread > 0, partial, judgement));
    Assessment { framework, controls: controls.collect(), unread }
}

/// What ran, and what it found.
struct Ran<'a> {
    checks: HashMap<&'a str, OfCheck<'a>>,
    /// Whether findings are missing.
    cut: bool,
}

/// What one check found, all of it.
struct OfCheck<'a> {
    counted: &'a RuleTally,
    findings: Vec<&'a Finding>,
    excepted: Vec<&'a Finding>,
}

impl<'a> Ran<'a> {
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
                // Subjects without a finding on these parts may have one that is missing.
                let Tally { holds, unknown, .. } = evidence.tally;
                evidence.tally = Tally { holds: 0, unknown: unknown + holds, ..evidence.tally };
            }
            evidence.findings.retain(|finding| is_of_part(finding, &evidence.parts));
            evidence.excepted.retain(|finding| is_of_part(finding, &evidence.parts));
            return Some(evidence);
        };
        // What is said of its only program is said of it.
        if programs.len() == 1 {
            if !programs.iter().any(|program| named.contains(program)) {
                evidence.tally = Tally::default();
                evidence.findings.clear();
                evidence.excepted.clear();
            }
            return Some(evidence);
        }
        let mut sum = Tally::default();
        // What is of no program in particular may be about any.
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

/// Of a check that looks at several settings of each subject, what it says of some of them: a
/// subject holds where nothing is said of these.
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
    // Subjects that count as unknown without a word of their own.
    let silent = told.difference(&subjects(State::Fails, true)).count();
    let silent = tally.unknown.saturating_sub(silent);
    let all = tally.holds + tally.fails + tally.unknown;
    let fails = fail.len().min(all);
    let unknown = (doubt.difference(&fail).count() + silent).min(all - fails);
    Tally { holds: all - fails - unknown, fails, unknown, ..tally }
}

/// Whether a finding is about one of the parts of its rule, or about all of them (flags that cannot
/// be seen).
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
    let mut evidence: Vec<_> =
        control.checks.iter().filter_map(|id| ran.evidence(control, id)).collect();
    evidence.sort_by_key(|e| {
        let worst = e.of_state(State::Fails).map(|f| f.severity).max();
        let more = (!e.is_excepted(), e.tally.unknown == 0, e.tally.holds == 0);
        (!e.refutes(), std::cmp::Reverse(worst), more)
    });
    let left_out: Vec<_> = rules
        .filter(|rule| !ran.checks.contains_key(&*rule.id) && is_needed(control, rule))
        .collect();
    let unseen = evidence.iter().filter(|e| partial && e.tally == Tally::default()).map(|e| e.rule);
    // What nobody asked to look at is not seen either.
    let unasked = judgement.unasked.iter().map(|rule| &**rule);
    let unseen: Vec<_> = unseen.chain(unasked).filter(|rule| is_needed(control, rule)).collect();
    let state = match control.assessed {
        Assessed::ByHand(_) => ControlState::ByHand,
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
