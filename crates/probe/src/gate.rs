//! The gate: everything that is sent goes through it. It refuses what is out of scope, limits the
//! rate, the number of connections per host and the time, and writes the journal before anything
//! leaves.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use pavisade_sources::Api;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use crate::network::{host, plain};
use crate::{Journal, OwnNetwork, RunId, Scope};

/// How often a connection that waits looks whether the run was ended.
const STEP: Duration = Duration::from_millis(200);

/// Why something was not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Withheld {
    /// It is not in scope.
    Scope(String),
    /// The host has received as much as is allowed.
    PerHost(usize),
    /// The time for the run is over.
    Deadline(u64),
    /// The user ended the run.
    Interrupted,
    /// The journal could not be written.
    Journal(String),
}

impl fmt::Display for Withheld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scope(why) => f.write_str(why),
            Self::PerHost(count) => {
                write!(f, "the limit of {count} connections to one host is reached (perHost)")
            }
            Self::Deadline(seconds) => {
                write!(f, "the {seconds} s for the run are over (deadline)")
            }
            Self::Interrupted => f.write_str("the run was interrupted"),
            Self::Journal(why) => write!(f, "the journal cannot be written: {why}"),
        }
    }
}

/// Permits what is in scope and within the limits.
#[derive(Debug)]
pub struct Gate {
    scope: Scope,
    own: OwnNetwork,
    end: Instant,
    stop: Arc<AtomicBool>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    journal: Journal,
    /// By address, or by name for an API server that has one.
    per_host: HashMap<String, usize>,
    next: Instant,
}

impl Gate {
    /// Creates a gate; the time for the run begins now.
    pub fn new(scope: Scope, own: OwnNetwork, journal: Journal) -> Self {
        let now = Instant::now();
        let end = now + Duration::from_secs(scope.limits.deadline);
        let state = Mutex::new(State { journal, per_host: HashMap::new(), next: now });
        Self { scope, own, end, stop: Arc::default(), state }
    }

    /// Sets what ends the run early: nothing more is sent, apart from what removes objects.
    #[must_use]
    pub fn stopped_by(mut self, stop: Arc<AtomicBool>) -> Self {
        self.stop = stop;
        self
    }

    /// Returns the time until the end of the run.
    pub(crate) fn remaining(&self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    /// Returns the scope.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Waits until a connection may be made, and writes it into the journal.
    ///
    /// # Errors
    /// It must not be made.
    pub async fn pass(&self, to: SocketAddr, kind: &str, what: &Value) -> Result<(), Withheld> {
        self.scope.permits(to, &self.own).map_err(Withheld::Scope)?;
        self.admit(plain(to.ip()).to_string(), kind, &to.to_string(), what).await
    }

    /// The same for a request to the API server of the kubeconfig.
    ///
    /// # Errors
    /// It must not be made.
    pub async fn pass_cluster(
        &self,
        server: &str,
        kind: &str,
        what: &Value,
    ) -> Result<(), Withheld> {
        if !self.scope.cluster {
            return Err(Withheld::Scope("the cluster is not in scope".to_owned()));
        }
        let host = host(server);
        let address = host.parse::<IpAddr>().ok().map(plain);
        if let Some(address) = address {
            self.scope.foreign(address, &self.own).map_err(Withheld::Scope)?;
        }
        let name = address.map_or_else(|| host.to_owned(), |address| address.to_string());
        self.admit(name, kind, server, what).await
    }

    /// Reads a path of the API server of the kubeconfig. Returns the status and the body.
    ///
    /// # Errors
    /// Why it was not sent, or not answered.
    pub async fn get(&self, api: &Api, path: &str, agent: &str) -> Result<(u16, Vec<u8>), String> {
        let what = json!({ "method": "GET", "path": path });
        let passed = self.pass_cluster(&api.server, "request", &what).await;
        passed.map_err(|withheld| format!("not sent: {withheld}"))?;
        api.send("GET", path, agent, None).await
    }

    /// The same for removing what the run created, which no limit and no journal prevents.
    ///
    /// # Errors
    /// The cluster is not in scope.
    pub(crate) fn pass_removal(
        &self,
        server: &str,
        kind: &str,
        what: &Value,
    ) -> Result<(), Withheld> {
        if !self.scope.cluster {
            return Err(Withheld::Scope("the cluster is not in scope".to_owned()));
        }
        // What stays because of a full disk is worse than a gap at the end of the journal.
        let _ = self.write(kind, server, what);
        Ok(())
    }

    /// Returns the user agent of requests, by which an audit log shows the run.
    pub fn agent(&self) -> String {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        format!("pavisade-probe/{}", state.journal.run())
    }

    /// Returns the run.
    pub fn run(&self) -> RunId {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).journal.run().clone()
    }

    /// Returns the number of connections to the host that received most.
    pub fn most_per_host(&self) -> usize {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.per_host.values().copied().max().unwrap_or_default()
    }

    /// Returns the journal.
    pub fn finish(self) -> Journal {
        self.state.into_inner().unwrap_or_else(PoisonError::into_inner).journal
    }

    /// Waits until the limits permit a connection to a host, and writes it into the journal.
    async fn admit(
        &self,
        host: String,
        kind: &str,
        to: &str,
        what: &Value,
    ) -> Result<(), Withheld> {
        let slot = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if state.next.max(Instant::now()) >= self.end {
                return Err(Withheld::Deadline(self.scope.limits.deadline));
            }
            if self.stop.load(Ordering::Relaxed) {
                return Err(Withheld::Interrupted);
            }
            state.count(host, self.scope.limits.per_host)?;
            state.slot(self.scope.limits.rate)
        };
        // The time of a slot may be far away.
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Err(Withheld::Interrupted);
            }
            let now = Instant::now();
            if now >= slot {
                return self.write(kind, to, what);
            }
            sleep_until(slot.min(now + STEP)).await;
        }
    }

    fn write(&self, kind: &str, to: &str, what: &Value) -> Result<(), Withheld> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let written = state.journal.add(Timestamp::now(), kind, to, what);
        written.map_err(|error| Withheld::Journal(error.to_string()))
    }
}

impl State {
    /// Counts a connection to a host.
    fn count(&mut self, host: String, most: usize) -> Result<(), Withheld> {
        let count = self.per_host.entry(host).or_default();
        if *count >= most {
            return Err(Withheld::PerHost(most));
        }
        *count += 1;
        Ok(())
    }

    /// Reserves the next point in time at which something may be sent.
    fn slot(&mut self, rate: u32) -> Instant {
        let slot = self.next.max(Instant::now());
        self.next = slot + Duration::from_secs(1) / rate.max(1);
        slot
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::Limits;

    fn gate(items: &[&str], limits: Limits, out: Box<dyn io::Write + Send>) -> Gate {
        let mut scope = Scope { limits, ..Scope::default() };
        for item in items {
            scope.add(item).unwrap();
        }
        Gate::new(scope, OwnNetwork::default(), Journal::new(RunId::new(b""), out))
    }

    #[tokio::test]
    async fn limits_hold_and_a_journal_that_fails_stops_everything() {
        let limits = Limits { per_host: 2, rate: 100, ..Limits::default() };
        let open = gate(&["10.0.0.0/24"], limits, Box::new(io::sink()));
        let first = "10.0.0.1:443".parse().unwrap();
        let start = Instant::now();
        for expect in [true, true, false] {
            assert_eq!(open.pass(first, "tcp", &Value::Null).await.is_ok(), expect);
        }
        open.pass("10.0.0.2:443".parse().unwrap(), "tcp", &Value::Null).await.unwrap();
        assert!(start.elapsed() >= Duration::from_millis(19), "{:?}", start.elapsed());
        let out = open.pass("10.0.1.1:443".parse().unwrap(), "tcp", &Value::Null).await;
        assert!(matches!(out, Err(Withheld::Scope(_))));
        assert!(matches!(
            open.pass_cluster("https://x", "api", &Value::Null).await,
            Err(Withheld::Scope(_))
        ));
        assert_eq!((open.most_per_host(), open.finish().entries()), (2, 3));

        // The API server is limited like other hosts, together with its other ports.
        let limits = Limits { per_host: 2, ..Limits::default() };
        let mut own = gate(&["cluster", "10.0.0.0/24"], limits, Box::new(io::sink()));
        own.pass(first, "tcp", &Value::Null).await.unwrap();
        own.pass_cluster("https://10.0.0.1:6443", "api", &Value::Null).await.unwrap();
        let third = own.pass_cluster("https://10.0.0.1:6443", "api", &Value::Null).await;
        assert_eq!(third, Err(Withheld::PerHost(2)));
        // The network of the machine is refused.
        own.own = OwnNetwork::parse(
            "h\neth0\t00000000\t010200C0\t3\t0\t0\t0\t00000000\n\
             eth0\t000200C0\t00000000\t1\t0\t0\t0\t00FFFFFF\n",
            "",
        );
        for (server, expect) in [
            ("https://192.0.2.9:6443", false),
            ("https://[::ffff:192.0.2.9]:6443", false),
            ("https://198.51.100.9:6443", true),
            ("https://api.example", true),
        ] {
            let passed = own.pass_cluster(server, "api", &Value::Null).await;
            assert_eq!(passed.is_ok(), expect, "{server}: {passed:?}");
        }
        own.scope.own_network = true;
        own.pass_cluster("https://192.0.2.9:6443", "api", &Value::Null).await.unwrap();

        struct Full;
        impl io::Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let full = gate(&["10.0.0.0/24"], Limits::default(), Box::new(Full));
        let sent = full.pass(first, "tcp", &Value::Null).await;
        assert!(matches!(sent, Err(Withheld::Journal(_))), "{sent:?}");
        // Removing does not depend on the journal.
        let mut full = full;
        full.scope.cluster = true;
        full.pass_removal("https://x", "delete", &Value::Null).unwrap();
        let late = Limits { deadline: 0, ..Limits::default() };
        let late = gate(&["10.0.0.0/24"], late, Box::new(io::sink()));
        let sent = late.pass(first, "tcp", &Value::Null).await;
        assert_eq!((sent, late.most_per_host()), (Err(Withheld::Deadline(0)), 0));
        // What removes objects is sent, also after an interrupt.
        let stop = Arc::new(AtomicBool::new(true));
        let mut stopped = gate(&["10.0.0.0/24"], Limits::default(), Box::new(io::sink()));
        stopped.scope.cluster = true;
        let stopped = stopped.stopped_by(stop);
        let sent = stopped.pass(first, "tcp", &Value::Null).await;
        assert_eq!(sent, Err(Withheld::Interrupted));
        stopped.pass_removal("https://x", "delete", &Value::Null).unwrap();
    }
}
