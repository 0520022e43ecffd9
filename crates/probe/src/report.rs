//! Results as a judgement, which every output format can show.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pavisade_judgement::{Judgement, RuleTally, Tally};
use pavisade_model::{Detail, Finding, KubernetesVersion, Location, Note, Rule, State, Subject};
use pavisade_secrets::mask;

use crate::{Ask, Component, Exchange, Registered, Target, Verdict};

/// The result of a probe on one subject.
#[derive(Clone)]
pub struct Outcome {
    /// The probe.
    pub probe: &'static Registered,
    /// What it was tried on.
    pub subject: Subject,
    /// The verdict.
    pub verdict: Verdict,
    /// What was sent and received.
    pub exchanges: Vec<Arc<Exchange>>,
    /// The requests that an audit log should contain: method and path.
    pub audited: Vec<(String, String)>,
}

impl Outcome {
    /// The result on an endpoint.
    pub(crate) fn endpoint(
        probe: &'static Registered,
        target: &Target,
        verdict: Verdict,
        exchanges: Vec<Arc<Exchange>>,
    ) -> Self {
        let subject = Subject::Endpoint {
            component: target.component.name().into(),
            address: target.address.to_string().into(),
        };
        let asked = exchanges.iter().filter_map(|exchange| match &exchange.ask {
            Ask::Http(ask) if ask.tls && target.component == Component::ApiServer => {
                Some((ask.method.to_owned(), ask.path.clone()))
            }
            _ => None,
        });
        let audited = asked.collect();
        Self { probe, subject, verdict, exchanges, audited }
    }
}

/// Makes findings of results. `probes` are those that ran.
pub fn judgement(
    outcomes: &[Outcome],
    probes: &[&'static Registered],
    notes: Vec<Note>,
) -> Judgement {
    let mut rules: BTreeMap<&str, RuleTally> = BTreeMap::new();
    for probe in probes {
        let rule = Arc::new(probe.meta.rule.clone());
        let tally =
            RuleTally { rule, programs: &[], tally: Tally::default(), by_program: BTreeMap::new() };
        rules.insert(probe.id(), tally);
    }
    let mut findings = Vec::new();
    for outcome in outcomes {
        let Some(of_rule) = rules.get_mut(outcome.probe.id()) else { continue };
        let tally = &mut of_rule.tally;
        match &outcome.verdict {
            Verdict::Open { message, proof } => {
                tally.fails += 1;
                findings.push(finding(&of_rule.rule, outcome, State::Fails, message, proof));
            }
            Verdict::Unknown(why) => {
                tally.unknown += 1;
                findings.push(finding(&of_rule.rule, outcome, State::Unknown, why, ""));
            }
            Verdict::Closed(..) => tally.holds += 1,
            Verdict::NotApplicable(_) => tally.not_applicable += 1,
        }
    }
    findings.sort_by(|a, b| {
        let key = |finding: &Finding| (finding.state, Reverse(finding.severity));
        (key(a), &a.rule.id, &a.subject).cmp(&(key(b), &b.rule.id, &b.subject))
    });
    let subjects: BTreeSet<_> = outcomes.iter().map(|outcome| &outcome.subject).collect();
    Judgement {
        findings,
        cut: None,
        excepted: Vec::new(),
        dismissed: Vec::new(),
        baseline: None,
        tallies: rules.into_values().collect(),
        unasked: Vec::new(),
        notes,
        worlds: 0,
        objects: subjects.len(),
        images: 0,
        source_trees: 0,
        kubernetes: KubernetesVersion::LATEST,
        clusters: Vec::new(),
    }
}

fn finding(
    rule: &Arc<Rule>,
    outcome: &Outcome,
    state: State,
    message: &str,
    proof: &str,
) -> Finding {
    let evidence = (!proof.is_empty()).then(|| mask(proof).into_owned());
    let detail = Detail { evidence: evidence.into_iter().collect(), ..Detail::NOTHING };
    let message = match proof {
        "" => message.to_owned(),
        proof => format!("{message} ({proof})"),
    };
    Finding {
        rule: rule.clone(),
        state,
        severity: rule.severity,
        confidence: rule.confidence,
        world: None,
        subject: outcome.subject.clone(),
        owner: None,
        location: Location::None,
        related: Vec::new(),
        workloads: None,
        vulnerability: None,
        message: mask(&message).into_owned(),
        advice: String::new(),
        stable_path: String::new(),
        instance: String::new(),
        fix: None,
        detail: detail.boxed(),
        members: Vec::new(),
    }
}
