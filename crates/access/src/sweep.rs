//! Removing grants that have ended: once, or as long as the program runs.
//!
//! Nothing is stored between rounds, so a sweeper may be killed at any time. If the API server is not
//! available, requests are repeated; what ended meanwhile is removed when it is back.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::json;
use tokio::sync::mpsc::Sender;
use tokio::time::{Instant, sleep};

use crate::api::{Api, Failure};
use crate::grants::{Grant, due};
use crate::lease::{EVERY, Election};
use crate::make::{kept, labelled};

/// The pause after a failed request.
const RETRY: Duration = Duration::from_millis(500);
/// The first and the longest pause before another attempt to remove a grant that could not be removed.
const FIRST: Duration = Duration::from_secs(4);
const LONGEST: Duration = Duration::from_secs(60);

/// What a sweeper reports.
#[derive(Debug, Clone)]
pub enum Event {
    /// A grant was removed, so long after its end by the clock of the API server.
    Removed(Box<Grant>, Duration),
    /// A grant was changed or removed by somebody else meanwhile.
    Changed(Box<Grant>),
    /// A grant could not be removed.
    Kept(Box<Grant>, Failure),
    /// This sweeper works.
    Leads,
    /// Another works.
    Waits(String),
    /// The API server did not answer, or refused a request.
    Away(Failure),
    /// It answers again.
    Back,
}

/// Removes what has ended, once.
///
/// # Errors
/// The grants cannot be listed.
pub async fn once(api: &Api, tell: &Sender<Event>) -> Result<Vec<Grant>, Failure> {
    let grants = labelled(api, None).await?;
    let ended: Vec<_> = due(&grants, api.now()?).ended.into_iter().cloned().collect();
    for grant in &ended {
        remove(api, grant, tell, &mut Refused::default()).await?;
    }
    Ok(grants)
}

/// Grants that could not be removed: they are tried again later and later, and each reason is
/// reported once.
#[derive(Debug, Default)]
struct Refused(HashMap<String, Attempt>);

#[derive(Debug)]
struct Attempt {
    version: String,
    why: String,
    pause: Duration,
    next: Instant,
}

impl Refused {
    /// Whether to wait before the next attempt. A changed grant is tried at once.
    fn waits(&self, grant: &Grant, now: Instant) -> bool {
        let attempt = self.0.get(&grant.uid).filter(|one| one.version == grant.version);
        attempt.is_some_and(|attempt| now < attempt.next)
    }

    /// Adds an attempt. Returns whether the reason is new.
    fn failed(&mut self, grant: &Grant, why: &str, now: Instant) -> bool {
        let known = self.0.get(&grant.uid);
        let is_new = known.is_none_or(|one| one.why != why);
        let same = known.filter(|one| one.version == grant.version);
        let pause = same.map_or(FIRST, |one| one.pause * 2).min(LONGEST);
        let (version, why, next) = (grant.version.clone(), why.to_owned(), now + pause);
        self.0.insert(grant.uid.clone(), Attempt { version, why, pause, next });
        is_new
    }

    /// Forgets what is gone.
    fn keep(&mut self, grants: &[Grant]) {
        self.0.retain(|uid, _| grants.iter().any(|grant| grant.uid == *uid));
    }
}

/// Removes one grant, which has ended.
async fn remove(
    api: &Api,
    grant: &Grant,
    tell: &Sender<Event>,
    refused: &mut Refused,
) -> Result<(), Failure> {
    let options = json!({
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "preconditions": {"uid": grant.uid, "resourceVersion": grant.version},
    });
    let own = || Box::new(grant.clone());
    let event = match api.delete(&grant.path(), &options).await {
        Ok(answer) => match kept(&answer) {
            Some(why) => Event::Kept(own(), Failure::Other(why)),
            None => {
                let late = grant.shown.end.zip(api.now().ok());
                let late = late.map_or(Duration::ZERO, |(end, now)| {
                    Duration::try_from(now.duration_since(end)).unwrap_or_default()
                });
                Event::Removed(own(), late)
            }
        },
        Err(failure) => match failure.code() {
            404 | 409 => Event::Changed(own()),
            // Without an answer, or with too many requests, the rest of the round would fail, too. What
            // fails for one grant alone must not keep the others.
            0 | 429 => return Err(failure),
            _ => Event::Kept(own(), failure),
        },
    };
    let is_new = match &event {
        Event::Kept(_, why) => refused.failed(grant, &why.to_string(), Instant::now()),
        _ => true,
    };
    if is_new {
        // The receiver is closed when the program ends.
        let _: Result<_, _> = tell.send(event).await;
    }
    Ok(())
}

/// Removes grants when they end, as long as this sweeper holds the Lease. Does not return.
pub async fn watch(api: &Api, election: &mut Election, interval: Duration, tell: &Sender<Event>) {
    let mut state = State { leads: None, away: false };
    let mut looked: Option<Instant> = None;
    let mut grants: Vec<Grant> = Vec::new();
    let mut refused = Refused::default();
    loop {
        if let Err(failure) = election.tick(api).await {
            state.away(failure, tell).await;
        } else {
            state.back(tell).await;
        }
        state.role(election, tell).await;
        // From now on: a slow renewal leaves time to work.
        let until = Instant::now() + EVERY;
        while election.leads() && Instant::now() < until {
            if looked.is_none_or(|at| at.elapsed() >= interval) {
                match labelled(api, None).await {
                    Ok(found) => {
                        (grants, looked) = (found, Some(Instant::now()));
                        refused.keep(&grants);
                        state.back(tell).await;
                    }
                    Err(failure) => {
                        state.away(failure, tell).await;
                        break;
                    }
                }
            }
            let Ok(now) = api.now() else { break };
            let due = due(&grants, now);
            let wait = due.next.map(|next| next.duration_since(now));
            let wait = wait.and_then(|wait| Duration::try_from(wait).ok());
            let ended = due.ended.into_iter().filter(|grant| !refused.waits(grant, Instant::now()));
            let ended: Vec<_> = ended.cloned().collect();
            let mut done = 0;
            for grant in &ended {
                // Removing many takes time, and the Lease has to be renewed.
                if !election.leads() || Instant::now() >= until {
                    break;
                }
                if let Err(failure) = remove(api, grant, tell, &mut refused).await {
                    state.away(failure, tell).await;
                    break;
                }
                done += 1;
            }
            let (gone, failed) = ended.split_at(done);
            grants.retain(|grant| !gone.iter().any(|other| other.uid == grant.uid));
            if !failed.is_empty() {
                break;
            }
            let next_look =
                looked.map_or(Duration::ZERO, |at| interval.saturating_sub(at.elapsed()));
            let left = until.saturating_duration_since(Instant::now());
            // The clock is rounded down: a little later it has passed the end.
            let wait = wait.map_or(left, |wait| wait + Duration::from_millis(5));
            sleep(wait.min(next_look).min(left)).await;
        }
        if !election.leads() {
            // What is known of grants is old when this sweeper leads again.
            looked = None;
        }
        let pause = if state.away { RETRY } else { Duration::from_millis(20) };
        sleep(pause.max(until.saturating_duration_since(Instant::now()).min(EVERY))).await;
    }
}

/// What was reported last.
struct State {
    leads: Option<bool>,
    away: bool,
}

impl State {
    async fn away(&mut self, failure: Failure, tell: &Sender<Event>) {
        if !self.away {
            let _: Result<_, _> = tell.send(Event::Away(failure)).await;
        }
        self.away = true;
    }

    async fn back(&mut self, tell: &Sender<Event>) {
        if self.away {
            let _: Result<_, _> = tell.send(Event::Back).await;
        }
        self.away = false;
    }

    async fn role(&mut self, election: &Election, tell: &Sender<Event>) {
        let leads = election.leads();
        if self.leads == Some(leads) || (!leads && self.away) {
            return;
        }
        self.leads = Some(leads);
        let event = match leads {
            true => Event::Leads,
            false => Event::Waits(election.holder().to_owned()),
        };
        let _: Result<_, _> = tell.send(event).await;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn grant(version: &str) -> Grant {
        let binding = json!({
            "metadata": {
                "name": "pavisade-grant-a",
                "uid": "u",
                "resourceVersion": version,
                "labels": {"pavisade.dev/grant": "a"},
                "annotations": {"pavisade.dev/expires-at": "2030-01-01T00:00:00Z"},
            },
        });
        Grant::read("ClusterRoleBinding", &binding).unwrap()
    }

    #[test]
    fn what_cannot_be_removed_is_tried_later_and_later_and_told_once() {
        let (mut refused, old, new) = (Refused::default(), grant("1"), grant("2"));
        let mut now = Instant::now();
        assert!(!refused.waits(&old, now));
        assert!(refused.failed(&old, "forbidden", now));
        for pause in [4, 8, 16, 32, 60, 60] {
            now += Duration::from_secs(pause - 1);
            assert!(refused.waits(&old, now), "{pause}");
            now += Duration::from_secs(1);
            assert!(!refused.waits(&old, now), "{pause}");
            assert!(!refused.failed(&old, "forbidden", now), "it was told");
        }
        // Another reason is told, and a changed grant is tried at once.
        assert!(refused.failed(&old, "it has a finalizer", now));
        assert!(refused.waits(&old, now) && !refused.waits(&new, now));
        assert!(!refused.failed(&new, "it has a finalizer", now));
        refused.keep(&[]);
        assert!(!refused.waits(&new, now) && refused.failed(&new, "it has a finalizer", now));
    }
}
