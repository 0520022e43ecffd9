//! Which of several sweepers works: the one that holds a Lease, as in client-go's leader election.
//!
//! Clocks of different machines are never compared: the Lease of another sweeper is free when its
//! record did not change for its duration, measured here. So a sweeper that was killed is replaced after
//! `DURATION`, even if clocks differ. Losing the race does no harm: removals name what they remove.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::api::{Api, Failure, escaped};

/// How long a Lease is valid that is not renewed.
const DURATION: Duration = Duration::from_secs(5);
/// How long the holder works without a successful renewal.
const PATIENCE: Duration = Duration::from_millis(3_500);
/// How often the holder renews, and others look.
pub(crate) const EVERY: Duration = Duration::from_millis(1_200);

/// How long ago a Lease was renewed that still counts as held, for people: clocks may differ.
const RECENT: SignedDuration = SignedDuration::from_secs(60);

/// Returns whether a sweeper held the Lease within the last minute; `None` if that may not be read.
///
/// # Errors
/// The API server does not answer.
pub async fn is_held(api: &Api, namespace: &str, name: &str) -> Result<Option<bool>, Failure> {
    let election = Election::new(namespace.to_owned(), name.to_owned(), String::new());
    let lease = match api.get(&election.path()).await {
        Ok(lease) => lease,
        Err(failure) if failure.code() == 404 => return Ok(Some(false)),
        Err(failure) if failure.code() == 403 => return Ok(None),
        Err(failure) => return Err(failure),
    };
    let renewed = lease.pointer("/spec/renewTime").and_then(Value::as_str);
    let renewed: Option<Timestamp> = renewed.and_then(|text| text.parse().ok());
    let now = api.now()?;
    let recent = renewed.is_some_and(|at| now.duration_since(at) < RECENT);
    Ok(Some(recent && !Record::read(&lease).holder.is_empty()))
}

/// What was last seen of the Lease.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Record {
    holder: String,
    version: String,
    transitions: i64,
    duration: Duration,
}

impl Record {
    fn read(lease: &Value) -> Self {
        let text = |path: &str| lease.pointer(path).and_then(Value::as_str).unwrap_or_default();
        let number = |path: &str| lease.pointer(path).and_then(Value::as_i64);
        let seconds = number("/spec/leaseDurationSeconds").and_then(|s| u64::try_from(s).ok());
        Self {
            holder: text("/spec/holderIdentity").to_owned(),
            version: text("/metadata/resourceVersion").to_owned(),
            transitions: number("/spec/leaseTransitions").unwrap_or(0),
            duration: seconds.map_or(DURATION, Duration::from_secs).min(Duration::from_secs(60)),
        }
    }
}

/// What to do with a Lease.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// It does not exist: create it.
    Create,
    /// It is ours, or free: write our name into this version.
    Write,
    /// Another sweeper holds it.
    Wait,
}

/// A contender for the Lease.
#[derive(Debug)]
pub struct Election {
    namespace: String,
    name: String,
    identity: String,
    seen: Option<(Record, Instant)>,
    renewed: Option<Instant>,
}

impl Election {
    /// A contender by its identity, which no other may have at the same time.
    pub fn new(namespace: String, name: String, identity: String) -> Self {
        Self { namespace, name, identity, seen: None, renewed: None }
    }

    /// Whether it may work now.
    pub fn leads(&self) -> bool {
        self.leads_at(Instant::now())
    }

    fn leads_at(&self, now: Instant) -> bool {
        self.renewed.is_some_and(|at| now.duration_since(at) < PATIENCE)
    }

    /// Who was last seen to hold it.
    pub fn holder(&self) -> &str {
        self.seen.as_ref().map_or("", |(record, _)| &record.holder)
    }

    /// Decides by what was read at `now`; `None` if there is no Lease.
    fn step(&mut self, read: Option<Record>, now: Instant) -> Step {
        let Some(record) = read else {
            self.seen = None;
            return Step::Create;
        };
        let since = match &self.seen {
            Some((known, since)) if *known == record => *since,
            _ => now,
        };
        let free = record.holder.is_empty()
            || record.holder == self.identity
            || now.duration_since(since) >= record.duration;
        self.seen = Some((record, since));
        if free { Step::Write } else { Step::Wait }
    }

    /// Tries to take or renew the Lease once.
    ///
    /// # Errors
    /// A request failed for another reason than a lost race.
    pub async fn tick(&mut self, api: &Api) -> Result<(), Failure> {
        let before = Instant::now();
        let found = match api.get(&self.path()).await {
            Ok(lease) => Some(lease),
            Err(failure) if failure.code() == 404 => None,
            Err(failure) => return Err(failure),
        };
        let step = self.step(found.as_ref().map(Record::read), Instant::now());
        let written = match step {
            Step::Wait => {
                self.renewed = None;
                return Ok(());
            }
            Step::Create => {
                let path = format!("{}/leases", self.prefix());
                api.post(&path, &self.lease(None, api.now()?)).await
            }
            Step::Write => api.put(&self.path(), &self.lease(found.as_ref(), api.now()?)).await,
        };
        match written {
            Ok(lease) => {
                self.seen = Some((Record::read(&lease), before));
                // What counts for others begins when they see it, which is later.
                self.renewed = Some(before);
                Ok(())
            }
            Err(failure) if failure.code() == 409 => {
                self.renewed = None;
                Ok(())
            }
            Err(failure) => Err(failure),
        }
    }

    /// Gives the Lease up, so that another need not wait.
    pub async fn release(&mut self, api: &Api) {
        let Some((record, _)) = self.seen.take().filter(|_| self.leads()) else { return };
        self.renewed = None;
        let patch = json!({
            "metadata": {"resourceVersion": record.version},
            "spec": {"holderIdentity": ""},
        });
        // Without success, it ends by itself.
        let _: Result<_, _> = api.patch(&self.path(), &patch).await;
    }

    fn lease(&self, old: Option<&Value>, now: Timestamp) -> Value {
        let now = now.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
        let record = old.map(Record::read);
        let same = record.as_ref().is_some_and(|record| record.holder == self.identity);
        let acquired = old.and_then(|lease| lease.pointer("/spec/acquireTime")).filter(|_| same);
        let acquired = acquired.cloned().unwrap_or_else(|| json!(now));
        let transitions = record.as_ref().map_or(0, |record| record.transitions + i64::from(!same));
        let mut meta = json!({"name": self.name, "namespace": self.namespace});
        if let Some(record) = record {
            meta["resourceVersion"] = json!(record.version);
        }
        json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": meta,
            "spec": {
                "holderIdentity": self.identity,
                "leaseDurationSeconds": DURATION.as_secs(),
                "acquireTime": acquired,
                "renewTime": now,
                "leaseTransitions": transitions,
            },
        })
    }

    fn prefix(&self) -> String {
        format!("/apis/coordination.k8s.io/v1/namespaces/{}", escaped(&self.namespace))
    }

    fn path(&self) -> String {
        format!("{}/leases/{}", self.prefix(), escaped(&self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(holder: &str, version: &str) -> Record {
        let (holder, version) = (holder.to_owned(), version.to_owned());
        Record { holder, version, transitions: 0, duration: DURATION }
    }

    fn contender() -> Election {
        Election::new("ns".into(), "lease".into(), "me".into())
    }

    #[test]
    fn a_lease_of_another_is_free_when_it_did_not_change_for_its_duration() {
        let (mut me, start) = (contender(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(me.step(None, start), Step::Create);
        assert_eq!(me.step(Some(record("other", "1")), start), Step::Wait);
        assert_eq!(me.step(Some(record("other", "1")), at(4)), Step::Wait);
        // A renewal begins anew, whatever times it names.
        assert_eq!(me.step(Some(record("other", "2")), at(4)), Step::Wait);
        assert_eq!(me.step(Some(record("other", "2")), at(8)), Step::Wait);
        assert_eq!(me.step(Some(record("other", "2")), at(9)), Step::Write);
    }

    #[test]
    fn what_is_released_or_ours_is_taken_at_once() {
        let now = Instant::now();
        assert_eq!(contender().step(Some(record("", "1")), now), Step::Write);
        assert_eq!(contender().step(Some(record("me", "1")), now), Step::Write);
    }

    #[test]
    fn a_holder_that_cannot_renew_stops_before_another_begins() {
        let (mut me, now) = (contender(), Instant::now());
        assert!(!me.leads_at(now));
        me.renewed = Some(now);
        assert!(me.leads_at(now + PATIENCE - Duration::from_millis(1)));
        assert!(!me.leads_at(now + PATIENCE));
        assert!(PATIENCE < DURATION);
    }

    #[test]
    fn a_lease_says_who_took_it_and_when() {
        let me = contender();
        let now = "2030-01-01T00:00:00Z".parse().unwrap();
        let old = me.lease(None, now);
        assert_eq!(old.pointer("/spec/renewTime"), Some(&json!("2030-01-01T00:00:00.000000Z")));
        let mut other = old.clone();
        other["spec"]["holderIdentity"] = json!("other");
        other["metadata"]["resourceVersion"] = json!("5");
        let taken = me.lease(Some(&other), now);
        assert_eq!(taken.pointer("/spec/leaseTransitions"), Some(&json!(1)));
        assert_eq!(taken.pointer("/metadata/resourceVersion"), Some(&json!("5")));
    }
}
