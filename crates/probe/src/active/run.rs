//! Runs active probes, and removes what they created.

use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use pavisade_model::Subject;
use pavisade_sources::Api;

use super::running_pods;
use super::session::{Done, Session};
use super::step::Canary;
use crate::probe::Kind;
use crate::{Gate, Outcome, Registered, Verdict, agent};

/// Runs the active probes that the consent of the scope names. `stop` ends the run early; what was
/// created is removed in any case. Also returns what could not be removed.
pub async fn active(
    gate: &Gate,
    api: &Api,
    canary: &Canary,
    probes: &[&'static Registered],
    now: Timestamp,
    stop: &AtomicBool,
) -> (Vec<Outcome>, Vec<String>) {
    let mut session = Session { gate, api, agent: gate.agent(), canary, stop };
    let mut outcomes = Vec::new();
    let (mut created, mut ready) = (Vec::new(), None);
    for probe in probes {
        if !probe.is_active() {
            continue;
        }
        // An audit log shows by the user agent which probe sent a request.
        session.agent = agent(gate, probe);
        let mut audited = Vec::new();
        let title = &probe.meta.rule.title;
        let said = format!("the kubeconfig's {}{}", title[..1].to_lowercase(), &title[1..]);
        let verdict = match gate.scope().consent_for(probe.id(), probe.name(), now) {
            // Without consent, nothing is sent, and nothing is proven.
            Err(why) => Verdict::NotApplicable(why),
            Ok(_) if stop.load(Ordering::Relaxed) => {
                Verdict::Unknown("the run was interrupted".to_owned())
            }
            Ok(_) => {
                if ready.is_none() {
                    let namespace = canary.namespace();
                    // It belongs to no probe: no audit event of it counts for one.
                    let other = &mut Vec::new();
                    ready = Some(session.step(&namespace, None, &mut created, other).await);
                }
                match &ready {
                    Some(Done::Ok(_)) => {
                        let own = &mut Vec::new();
                        let verdict = match &probe.kind {
                            Kind::Active { steps } => {
                                session.probe((&said, &steps(canary)), own, &mut audited).await
                            }
                            Kind::Running(what) => {
                                running_pods::tried(&session, (*what, &said), own, &mut audited)
                                    .await
                            }
                            _ => Verdict::Unknown("it is not an active probe".to_owned()),
                        };
                        created.extend(session.remove(own).await);
                        verdict
                    }
                    Some(done) => Verdict::Unknown(format!(
                        "the namespace of the run cannot be created: {}",
                        done.why()
                    )),
                    None => Verdict::Unknown("the namespace was not created".to_owned()),
                }
            }
        };
        let subject = Subject::Cluster { name: api.name.as_str().into() };
        outcomes.push(Outcome { probe, subject, verdict, exchanges: Vec::new(), audited });
    }
    let left = session.remove(&mut created).await;
    (outcomes, left)
}
