//! What a scan says about the controls of a framework.
//!
//! A control holds only where it is proven: at least one of its checks held, none failed or could
//! not tell, all of them ran, and nothing of the input went unread.

use std::collections::HashMap;

use pavisade_checks::registry;
use pavisade_compliance::{Assessed, Control, Framework};
use pavisade_model::{Audience, Finding, Meta, NoteKind, State};

use crate::{Judgement, Tally};

/// What is said of a control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ControlState {
    /// One of its checks fails.
    Fails,
    /// None fails, and something could not be determined.
    Unknown,
    /// All that checks can show of it holds; they cannot show all of it.
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
    pub const ALL: [Self; 8] = [
        Self::Fails,
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
    pub left_out: Vec<&'static Meta>,
}

/// What one check found.
#[derive(Debug)]
pub struct Evidence<'a> {
    /// The check.
    pub check: &'static Meta,
    /// Its subjects by verdict.
    pub tally: Tally,
    /// What fails, then what is unknown, in the order of the judgement.
    pub findings: Vec<&'a Finding>,
}

impl Evidence<'_> {
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
pub fn is_needed(control: &Control, check: &Meta) -> bool {
    control.checks.iter().any(|id| id == check.id)
        && (check.audience == Audience::Everyone || control.named.contains(check.id))
}

/// Says of each control of a framework what the judgement shows.
pub fn assess<'a>(framework: &'a Framework, judgement: &'a Judgement) -> Assessment<'a> {
    let unread = judgement.notes.iter().filter(|note| note.kind == NoteKind::Unread).count();
    let mut ran: HashMap<&str, Evidence<'a>> = HashMap::new();
    for (check, tally) in &judgement.tallies {
        ran.insert(check.id, Evidence { check, tally: *tally, findings: Vec::new() });
    }
    for finding in &judgement.findings {
        if let Some(evidence) = ran.get_mut(finding.check.id) {
            evidence.findings.push(finding);
        }
    }
    let controls = framework.controls.iter().map(|control| of_control(control, &ran, unread > 0));
    Assessment { framework, controls: controls.collect(), unread }
}

fn of_control<'a>(
    control: &'a Control,
    ran: &HashMap<&str, Evidence<'a>>,
    unread: bool,
) -> AssessedControl<'a> {
    let ids = || control.checks.iter().map(String::as_str);
    let mut evidence: Vec<_> = ids()
        .filter_map(|id| ran.get(id))
        .map(|e| Evidence { check: e.check, tally: e.tally, findings: e.findings.clone() })
        .collect();
    evidence.sort_by_key(|e| {
        let failing = e.tally.fails > 0;
        let worst = e.of_state(State::Fails).map(|f| f.severity).max();
        (!failing, std::cmp::Reverse(worst), e.tally.unknown == 0, e.tally.holds == 0)
    });
    let left_out: Vec<_> = registry()
        .iter()
        .map(|entry| entry.meta)
        .filter(|check| !ran.contains_key(check.id) && is_needed(control, check))
        .collect();
    let state = match control.assessed {
        Assessed::ByHand(_) => ControlState::ByHand,
        Assessed::Elsewhere(_) => ControlState::Elsewhere,
        Assessed::ByChecks => by_checks(&evidence, !left_out.is_empty(), unread),
        Assessed::Partly(_) => match by_checks(&evidence, !left_out.is_empty(), unread) {
            ControlState::Holds => ControlState::HoldsInPart,
            state => state,
        },
    };
    AssessedControl { control, state, evidence, left_out }
}

fn by_checks(evidence: &[Evidence<'_>], left_out: bool, unread: bool) -> ControlState {
    let any = |count: fn(&Tally) -> usize| evidence.iter().any(|e| count(&e.tally) > 0);
    if any(|tally| tally.fails) {
        ControlState::Fails
    } else if any(|tally| tally.unknown) || left_out {
        ControlState::Unknown
    } else if any(|tally| tally.holds) {
        if unread { ControlState::Unknown } else { ControlState::Holds }
    } else if any(|tally| tally.not_applicable) {
        ControlState::NotApplicable
    } else {
        ControlState::Unseen
    }
}
