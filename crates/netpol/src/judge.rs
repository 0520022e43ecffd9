//! What policies say of connections in one direction (network-policy-api.sigs.k8s.io, *Tiers*;
//! kubernetes.io, *Network Policies*).
//!
//! Sets of connections go through the tiers: what a rule decides leaves, what it passes on goes to
//! the tier below. Where it is not certain that a rule matches, its connections leave and stay. In
//! the end each connection may be allowed, may be denied, or both.

use pavisade_snapshot::Selects;

use crate::connections::Connections;
use crate::policy::{Action, Direction, Policy, Rule, Tier};
use crate::verdict::{Doubt, Verdict};

/// A policy that selects the subject, and whether that is certain.
pub(crate) type Selecting = (usize, Selects);

/// What one rule matches of the other end.
#[derive(Debug, Clone, Default)]
pub(crate) struct Matched {
    /// Connections that it matches for certain.
    pub(crate) sure: Connections,
    /// Connections that it may match.
    pub(crate) may: Connections,
    /// Whether the other end is one of its peers, or may be, whatever the connections.
    pub(crate) names_peer: bool,
    /// Why they differ.
    pub(crate) doubts: Vec<Doubt>,
}

/// What a policy or rule did, for an explanation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The direction.
    pub direction: Direction,
    /// The policy; none for the default at the end.
    pub policy: Option<usize>,
    /// Its rule; none where no rule of it matches.
    pub rule: Option<usize>,
    /// What it did.
    pub action: Action,
    /// With which connections; none where a rule names the other end and other ports.
    pub connections: Connections,
    /// Whether that is certain.
    pub sure: bool,
}

/// Judges one direction.
pub(crate) struct Judge<'a, M: Fn(usize, usize, &Rule) -> Matched> {
    pub(crate) policies: &'a [Policy],
    pub(crate) direction: Direction,
    /// Policies that select the subject and speak of the direction, in their order.
    pub(crate) selecting: &'a [Selecting],
    /// What a rule matches, by policy and rule.
    pub(crate) matched: M,
}

/// Sets on their way through the tiers.
#[derive(Default)]
struct Outcome {
    allow: Connections,
    deny: Connections,
    doubts: Vec<Doubt>,
}

impl Outcome {
    fn add(&mut self, action: Action, connections: &Connections) {
        match action {
            Action::Allow => self.allow = self.allow.union(connections),
            Action::Deny => self.deny = self.deny.union(connections),
            Action::Pass => {}
            Action::Unknown => {
                self.allow = self.allow.union(connections);
                self.deny = self.deny.union(connections);
            }
        }
    }
}

impl<M: Fn(usize, usize, &Rule) -> Matched> Judge<'_, M> {
    /// The verdict; `trace` is told what each policy did.
    pub(crate) fn judge(&self, mut trace: Option<&mut Vec<Step>>) -> Verdict {
        let mut outcome = Outcome::default();
        let next = self.ordered(Tier::Admin, Connections::all(), &mut outcome, &mut trace);
        let next = self.network(next, &mut outcome, &mut trace);
        let rest = self.ordered(Tier::Baseline, next, &mut outcome, &mut trace);
        outcome.add(Action::Allow, &rest);
        if !rest.is_empty() {
            self.tell(&mut trace, None, None, Action::Allow, rest, true);
        }
        let Outcome { allow, deny, doubts } = outcome;
        Verdict { allow, deny, doubts }.tidy()
    }

    /// A tier whose policies are asked in order. Gives what it leaves to the next.
    fn ordered(
        &self,
        tier: Tier,
        all: Connections,
        outcome: &mut Outcome,
        trace: &mut Option<&mut Vec<Step>>,
    ) -> Connections {
        let of_tier = |(place, _): &&Selecting| self.policies[*place].tier == tier;
        let selecting: Vec<_> = self.selecting.iter().filter(of_tier).copied().collect();
        let (mut open, mut passed) = (all, Connections::none());
        let same = |a: &Selecting, b: &Selecting| {
            self.policies[a.0].priority == self.policies[b.0].priority
        };
        for group in selecting.chunk_by(same) {
            let mut decided = Connections::none();
            let mut hits: Vec<(usize, Action, Connections)> = Vec::new();
            for (place, selects) in group {
                let mut left = open.clone();
                for (index, rule) in self.rules(*place).iter().enumerate() {
                    let matched = (self.matched)(*place, index, rule);
                    let may = left.intersect(&matched.may);
                    if may.is_empty() {
                        continue;
                    }
                    let sure = match selects {
                        Selects::Yes if rule.action != Action::Unknown => {
                            left.intersect(&matched.sure)
                        }
                        _ => Connections::none(),
                    };
                    if rule.action == Action::Unknown {
                        outcome.doubts.push(Doubt::Malformed(*place));
                    }
                    if sure != may {
                        outcome.doubts.extend(matched.doubts);
                        if *selects != Selects::Yes {
                            outcome.doubts.push(Doubt::Labels(*place));
                        }
                    }
                    outcome.add(rule.action, &may);
                    if matches!(rule.action, Action::Pass | Action::Unknown) {
                        passed = passed.union(&may);
                    }
                    left = left.subtract(&sure);
                    decided = decided.union(&sure);
                    let certain = sure == may;
                    hits.push((*place, rule.action, may.clone()));
                    self.tell(trace, Some(*place), Some(index), rule.action, may, certain);
                }
            }
            self.ambiguous(&hits, outcome);
            open = open.subtract(&decided);
        }
        open.union(&passed)
    }

    /// Policies of one priority that do different things to the same connections.
    fn ambiguous(&self, hits: &[(usize, Action, Connections)], outcome: &mut Outcome) {
        for (index, (one, action, connections)) in hits.iter().enumerate() {
            for (other, other_action, others) in &hits[index + 1..] {
                let differ = one != other && action != other_action;
                if differ && !connections.intersect(others).is_empty() {
                    outcome.doubts.push(Doubt::Priority(*one, *other));
                }
            }
        }
    }

    /// NetworkPolicies. Gives what is left to the tier below: all of it where none selects.
    fn network(
        &self,
        next: Connections,
        outcome: &mut Outcome,
        trace: &mut Option<&mut Vec<Step>>,
    ) -> Connections {
        let of_tier = |(place, _): &&Selecting| self.policies[*place].tier == Tier::Network;
        let selecting: Vec<_> = self.selecting.iter().filter(of_tier).copied().collect();
        if selecting.is_empty() || next.is_empty() {
            return next;
        }
        let certain = selecting.iter().any(|(_, selects)| *selects == Selects::Yes);
        let mut may = Connections::none();
        // What is allowed whichever of them select: by those that do, or by each that may.
        let mut sure = if certain { Connections::none() } else { Connections::all() };
        for (place, selects) in &selecting {
            let mut by_policy = Connections::none();
            let mut possibly = Connections::none();
            for (index, rule) in self.rules(*place).iter().enumerate() {
                let matched = (self.matched)(*place, index, rule);
                let hit = matched.may.intersect(&next);
                if hit.is_empty() {
                    if matched.names_peer {
                        self.tell(trace, Some(*place), Some(index), Action::Allow, hit, false);
                    }
                    continue;
                }
                possibly = possibly.union(&hit);
                by_policy = by_policy.union(&matched.sure);
                let is_sure = matched.sure == matched.may && *selects == Selects::Yes;
                outcome.doubts.extend(matched.doubts);
                self.tell(trace, Some(*place), Some(index), Action::Allow, hit, is_sure);
            }
            may = may.union(&possibly);
            match (certain, *selects) {
                (true, Selects::Yes) => sure = sure.union(&by_policy),
                (true, _) => {}
                (false, _) => sure = sure.intersect(&by_policy),
            }
            if *selects != Selects::Yes {
                outcome.doubts.push(Doubt::Labels(*place));
            }
        }
        outcome.allow = outcome.allow.union(&may.intersect(&next));
        let denied = next.subtract(&sure);
        outcome.deny = outcome.deny.union(&denied);
        if !denied.is_empty() {
            for (place, selects) in &selecting {
                let surely = *selects == Selects::Yes && next.subtract(&may) == denied;
                self.tell(trace, Some(*place), None, Action::Deny, denied.clone(), surely);
            }
        }
        if certain { Connections::none() } else { next }
    }

    fn rules(&self, place: usize) -> &[Rule] {
        self.policies[place].of(self.direction).unwrap_or(&[])
    }

    fn tell(
        &self,
        trace: &mut Option<&mut Vec<Step>>,
        policy: Option<usize>,
        rule: Option<usize>,
        action: Action,
        connections: Connections,
        sure: bool,
    ) {
        if let Some(trace) = trace {
            let direction = self.direction;
            trace.push(Step { direction, policy, rule, action, connections, sure });
        }
    }
}
