//! Figures for Prometheus, and whether the agent works, on a loopback address. Source: the text format of
//! Prometheus.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail};
use pavisade_sensor::{Category, Counts};

/// Where the figures are served in the manifests, and looked for by `pavisade-agent health`.
pub(crate) const ADDRESS: &str = "127.0.0.1:9376";

/// How many seconds the agent may need for one turn. Events are taken many times a second.
const STUCK: u64 = 15;

/// How long a client may take for its request, and how long it waits for the answer.
const REQUEST: Duration = Duration::from_secs(1);
const ANSWER: Duration = Duration::from_secs(4);

/// How many requests are answered at the same time.
const REQUESTS: usize = 32;

/// What is counted.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// Events in the kernel.
    pub counts: Mutex<Counts>,
    /// Alerts by rule.
    pub alerts: Mutex<BTreeMap<String, u64>>,
    /// Alerts that an exception covered.
    pub excepted: AtomicU64,
    /// Events that could not be read.
    pub unread: AtomicU64,
    /// Events whose control group was gone before they were read.
    pub lost_groups: AtomicU64,
    /// Processes that are known.
    pub processes: AtomicU64,
    /// Denials like one that was reported in the same second.
    pub repeated: AtomicU64,
    /// Programs that were denied because they could not be judged.
    pub unjudged: AtomicU64,
    /// When events were last taken, in seconds since the start of the machine.
    pub turn: AtomicU64,
    /// Alerts that outputs did not take.
    pub dropped: Vec<((&'static str, String), Arc<AtomicU64>)>,
}

impl Metrics {
    /// Counts an alert.
    pub(crate) fn alert(&self, rule: &str) {
        let mut alerts = self.alerts.lock().unwrap_or_else(PoisonError::into_inner);
        match alerts.get_mut(rule) {
            Some(count) => *count += 1,
            None => drop(alerts.insert(rule.to_owned(), 1)),
        }
    }

    /// How long events have not been taken, if it is too long.
    fn stuck(&self, now: u64) -> Option<u64> {
        let since = now.saturating_sub(self.turn.load(Ordering::Relaxed));
        (since > STUCK).then_some(since)
    }

    /// All figures.
    pub(crate) fn text(&self) -> String {
        let counts = *self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        let mut metric = |name: &str, kind: &str, help: &str, values: Vec<(String, u64)>| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "# HELP pavisade_{name} {help}\n# TYPE pavisade_{name} {kind}");
            for (labels, value) in values {
                let _ = writeln!(text, "pavisade_{name}{labels} {value}");
            }
        };
        let one = |value: u64| vec![(String::new(), value)];
        let load = |value: &AtomicU64| value.load(Ordering::Relaxed);
        metric("events_total", "counter", "Events that rules need.", one(counts.seen));
        let lost = |category: Category| {
            (format!("{{category=\"{}\"}}", category.name()), counts.of(category))
        };
        let lost = Category::ALL.into_iter().map(lost).collect();
        metric("events_lost_total", "counter", "Events that did not fit into the buffer.", lost);
        metric(
            "events_cut_total",
            "counter",
            "Events with a part that was too long.",
            one(counts.cut),
        );
        metric(
            "events_filtered_total",
            "counter",
            "Openings of files that no rule can match.",
            one(counts.filtered),
        );
        metric(
            "events_unread_total",
            "counter",
            "Events that could not be read.",
            one(load(&self.unread)),
        );
        metric(
            "events_without_group_total",
            "counter",
            "Events whose control group was removed before they were read.",
            one(load(&self.lost_groups)),
        );
        metric("processes", "gauge", "Processes that are known.", one(load(&self.processes)));
        let alerts = self.alerts.lock().unwrap_or_else(PoisonError::into_inner);
        let alerts =
            alerts.iter().map(|(rule, count)| (format!("{{rule=\"{}\"}}", quoted(rule)), *count));
        metric("alerts_total", "counter", "Alerts.", alerts.collect());
        metric(
            "alerts_excepted_total",
            "counter",
            "Alerts that an exception covered.",
            one(load(&self.excepted)),
        );
        metric(
            "denials_repeated_total",
            "counter",
            "Denials like one that was reported less than a second before.",
            one(load(&self.repeated)),
        );
        metric(
            "programs_unjudged_total",
            "counter",
            "Programs that were denied because they could not be judged.",
            one(load(&self.unjudged)),
        );
        // Two outputs may have the same labels: a series is there once.
        let mut dropped: BTreeMap<String, u64> = BTreeMap::new();
        for ((kind, target), count) in &self.dropped {
            let labels = format!("{{output=\"{kind}\",target=\"{}\"}}", quoted(target));
            *dropped.entry(labels).or_default() += load(count);
        }
        metric(
            "alerts_dropped_total",
            "counter",
            "Alerts that an output did not take.",
            dropped.into_iter().collect(),
        );
        text
    }
}

fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Answers requests for the figures.
///
/// # Errors
/// The address is not one of this machine alone, or is taken.
pub(crate) fn serve(metrics: Arc<Metrics>, address: SocketAddr) -> anyhow::Result<()> {
    if !address.ip().is_loopback() {
        bail!("--metrics {address}: only loopback addresses are served, since anybody can read it");
    }
    let listener = TcpListener::bind(address).with_context(|| format!("listening on {address}"))?;
    std::thread::spawn(move || {
        let running = Arc::new(());
        for stream in listener.incoming().flatten() {
            // One that only connects does not hold up others.
            if Arc::strong_count(&running) > REQUESTS {
                continue;
            }
            let (metrics, running) = (metrics.clone(), running.clone());
            // The client may have closed the connection. If no thread can start, it is closed here.
            let _ = std::thread::Builder::new().spawn(move || {
                let _ = answer(stream, &metrics);
                drop(running);
            });
        }
    });
    Ok(())
}

fn answer(mut stream: TcpStream, metrics: &Metrics) -> std::io::Result<()> {
    stream.set_read_timeout(Some(REQUEST))?;
    stream.set_write_timeout(Some(REQUEST))?;
    let mut request = [0; 4096];
    let read = stream.read(&mut request)?;
    let asks = |path: &str| request[..read].starts_with(format!("GET {path} ").as_bytes());
    let (state, body) = if asks("/metrics") {
        ("200 OK", metrics.text())
    } else if asks("/healthz") {
        match metrics.stuck(seconds()) {
            None => ("200 OK", "ok\n".to_owned()),
            Some(since) => {
                ("503 Service Unavailable", format!("no events were read for {since} s\n"))
            }
        }
    } else {
        ("404 Not Found", String::new())
    };
    write!(
        stream,
        "HTTP/1.1 {state}\r\ncontent-type: text/plain; version=0.0.4\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{body}",
        body.len()
    )
}

/// Asks a running agent whether it works.
///
/// # Errors
/// It does not answer, or it takes no events.
pub(crate) fn health(address: SocketAddr) -> anyhow::Result<()> {
    let asking = || format!("asking the agent at {address}");
    let mut stream = TcpStream::connect_timeout(&address, ANSWER).with_context(asking)?;
    stream.set_read_timeout(Some(ANSWER)).with_context(asking)?;
    stream.write_all(b"GET /healthz HTTP/1.1\r\n\r\n").with_context(asking)?;
    let mut answer = String::new();
    if let Err(error) = stream.take(4096).read_to_string(&mut answer) {
        if error.kind() == ErrorKind::WouldBlock {
            bail!("the agent at {address} did not answer within {} s", ANSWER.as_secs());
        }
        return Err(error).with_context(asking);
    }
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    if !head.starts_with("HTTP/1.1 200 ") {
        bail!("the agent at {address} does not work: {}", body.trim());
    }
    Ok(())
}

/// Seconds since the start of the machine.
pub(crate) fn seconds() -> u64 {
    pavisade_sensor::since_boot() / 1_000_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_names_and_labels() {
        let metrics = Metrics::default();
        metrics.alert("a \"b\"");
        metrics.alert("a \"b\"");
        let text = metrics.text();
        for line in [
            "pavisade_alerts_total{rule=\"a \\\"b\\\"\"} 2",
            "pavisade_events_lost_total{category=\"file-read\"} 0",
            "# TYPE pavisade_processes gauge",
        ] {
            assert!(text.lines().any(|other| other == line), "{text}");
        }
    }

    #[test]
    fn an_agent_that_takes_no_events_is_not_healthy() {
        let metrics = Arc::new(Metrics::default());
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert!(health(free).is_err(), "nothing listens there");
        serve(metrics.clone(), free).unwrap();
        let error = health(free).unwrap_err().to_string();
        assert!(error.contains("no events were read for"), "{error}");
        metrics.turn.store(seconds(), Ordering::Relaxed);
        health(free).unwrap();
        assert_eq!(metrics.stuck(seconds() + STUCK / 2), None);
        assert!(ADDRESS.parse::<SocketAddr>().unwrap().ip().is_loopback());
    }

    #[test]
    fn each_series_is_there_once() {
        let dropped =
            |target: &str, count| (("file", target.to_owned()), Arc::new(AtomicU64::new(count)));
        let dropped = vec![dropped("/a", 1), dropped("/b", 2), dropped("/a", 4)];
        let text = Metrics { dropped, ..Metrics::default() }.text();
        let lines: Vec<_> = text.lines().filter(|line| line.contains("output=")).collect();
        assert_eq!(
            lines,
            [
                "pavisade_alerts_dropped_total{output=\"file\",target=\"/a\"} 5",
                "pavisade_alerts_dropped_total{output=\"file\",target=\"/b\"} 2",
            ]
        );
    }

    #[test]
    fn clients_that_say_nothing_do_not_hold_up_others() {
        let metrics = Arc::new(Metrics::default());
        metrics.turn.store(seconds(), Ordering::Relaxed);
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        serve(metrics, free).unwrap();
        let idle: Vec<_> = (0..REQUESTS / 2).map(|_| TcpStream::connect(free).unwrap()).collect();
        health(free).unwrap();
        drop(idle);
    }

    #[test]
    fn other_machines_are_not_served() {
        let error = serve(Arc::default(), "0.0.0.0:0".parse().unwrap()).unwrap_err();
        assert!(error.to_string().contains("loopback"), "{error}");
    }
}
