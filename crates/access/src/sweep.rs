//! Removing grants that have ended: once, or as long as the program runs.
//!
//! Nothing is stored between rounds, so a sweeper may be killed at any time. If the API server is not
//! available, requests are repeated; what ended meanwhile is removed when it is back.

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
        remove(api, grant, tell).await?;
    }
    Ok(grants)
}

/// Removes one grant, which has ended.
async fn remove(api: &Api, grant: &Grant, tell: &Sender<Event>) -> Result<(), Failure> {
    let options = json!({
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "preconditions": {"uid": grant.uid, "resourceVersion": grant.version},
    });
    let own = || Box::new(grant.clone());
    let (event, failure) = match api.delete(&grant.path(), &options).await {
        Ok(answer) => match kept(&answer) {
            Some(why) => (Event::Kept(own(), Failure::Other(why)), None),
            None => {
                let late = grant.shown.end.zip(api.now().ok());
                let late = late.map_or(Duration::ZERO, |(end, now)| {
                    Duration::try_from(now.duration_since(end)).unwrap_or_default()
                });
                (Event::Removed(own(), late), None)
            }
        },
        Err(failure) => match failure.code() {
            404 | 409 => (Event::Changed(own()), None),
            // Without an answer, or with too many requests, the rest of the round would fail, too. What
            // fails for one grant alone must not keep the others.
            0 | 429 => (Event::Kept(own(), failure.clone()), Some(failure)),
            _ => (Event::Kept(own(), failure), None),
        },
    };
    // The receiver is closed when the program ends.
    let _: Result<_, _> = tell.send(event).await;
    failure.map_or(Ok(()), Err)
}

/// Removes grants when they end, as long as this sweeper holds the Lease. Does not return.
pub async fn watch(api: &Api, election: &mut Election, interval: Duration, tell: &Sender<Event>) {
    let mut state = State { leads: None, away: false };
    let mut looked: Option<Instant> = None;
    let mut grants: Vec<Grant> = Vec::new();
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
            let ended: Vec<_> = due.ended.into_iter().cloned().collect();
            let mut done = 0;
            for grant in &ended {
                // Removing many takes time, and the Lease has to be renewed.
                if !election.leads() || Instant::now() >= until {
                    break;
                }
                if let Err(failure) = remove(api, grant, tell).await {
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
