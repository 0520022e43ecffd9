//! Compares findings with an earlier result: which are known, and which are resolved.

use std::collections::{HashMap, HashSet};

use pavisade_judgement::{Baseline, Compared, Known};
use pavisade_model::{Finding, State};

/// How well an entry of a baseline matches a finding. Each entry is used once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fit {
    /// Same world, not more severe.
    World,
    /// Different world, not more severe.
    Elsewhere,
    /// The finding is more severe than before: it is new, and the old one is not resolved.
    Worse,
}

/// Tracks which entries of a baseline were matched.
pub(crate) struct Matches<'a> {
    baseline: &'a Baseline,
    by_print: HashMap<&'a str, Vec<usize>>,
    met: Vec<bool>,
}

impl<'a> Matches<'a> {
    pub(crate) fn new(baseline: &'a Baseline, ran: &HashSet<&str>) -> Self {
        let mut by_print: HashMap<&str, Vec<usize>> = HashMap::new();
        for (index, entry) in baseline.entries.iter().enumerate() {
            if ran.contains(&*entry.check) {
                by_print.entry(&entry.fingerprint).or_default().push(index);
            }
        }
        Self { baseline, by_print, met: vec![false; baseline.entries.len()] }
    }

    /// Returns which of the findings are known.
    pub(crate) fn take(&mut self, findings: &[&Finding]) -> Vec<bool> {
        // Older results have fingerprints of the first version.
        let print = |finding: &&Finding| {
            let print = finding.fingerprint().to_string();
            match self.by_print.contains_key(&*print) {
                true => print,
                false => finding.first_fingerprint().to_string(),
            }
        };
        let prints: Vec<_> = findings.iter().map(print).collect();
        let (mut known, mut done) = (vec![false; findings.len()], vec![false; findings.len()]);
        let mut first: HashMap<&str, usize> = HashMap::new();
        for fit in [Fit::World, Fit::Elsewhere, Fit::Worse] {
            for (place, finding) in findings.iter().enumerate() {
                let Some(entries) = self.by_print.get(&*prints[place]) else { continue };
                if done[place] {
                    continue;
                }
                let fits = |index: &usize| {
                    let entry = &self.baseline.entries[*index];
                    !self.met[*index]
                        && match fit {
                            Fit::World => {
                                *entry.world == *finding.world() && !is_worse(finding, entry)
                            }
                            Fit::Elsewhere => !is_worse(finding, entry),
                            Fit::Worse => true,
                        }
                };
                // Skip entries at the start that are already matched.
                let from = first.entry(&*prints[place]).or_insert(0);
                while entries.get(*from).is_some_and(|index| self.met[*index]) {
                    *from += 1;
                }
                if let Some(index) = entries[*from..].iter().copied().find(fits) {
                    self.met[index] = true;
                    done[place] = true;
                    known[place] = fit != Fit::Worse;
                }
            }
        }
        known
    }

    /// If `cut`, findings were dropped, and an unmatched entry may be one of them.
    pub(crate) fn finish(self, known: Vec<Finding>, cut: bool) -> Compared {
        let mut asked: Vec<_> = self.by_print.into_values().flatten().collect();
        asked.sort_unstable();
        let gone = asked.iter().filter(|index| !cut && !self.met[**index]);
        Compared {
            place: self.baseline.place.clone(),
            total: asked.len(),
            known,
            gone: gone.map(|index| self.baseline.entries[*index].clone()).collect(),
        }
    }
}

/// Whether an unknown result now fails, or the severity is higher.
fn is_worse(finding: &Finding, entry: &Known) -> bool {
    finding.state == State::Fails
        && (entry.state == State::Unknown || finding.severity > entry.severity)
}
