//! `pavisade integrity watch`.

use std::io;
use std::sync::mpsc::{TrySendError, sync_channel};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use pavisade_files::watch::{Event, Seen, Watch, What};
use pavisade_integrity::escaped;
use pavisade_scan::Timestamp;
use serde_json::json;

use super::baseline::scope;
use crate::args::integrity::{WatchArgs, WatchFormat};
use crate::{Outcome, terminal};

/// The most reports that wait to be written. More would fill the memory if they are not read.
const WAITING: usize = 1 << 15;
const TICK: Duration = Duration::from_millis(200);
/// The least time between two reports of the same kind of missed changes.
const QUIET: Duration = Duration::from_secs(10);

#[expect(clippy::disallowed_methods, reason = "--for limits the time")]
fn now() -> Instant {
    Instant::now()
}

pub(super) fn run(args: &WatchArgs) -> anyhow::Result<Outcome> {
    let scope = scope(&args.paths, &args.preset, &args.exclude)?;
    let mut watch = Watch::new(&args.root, &scope, args.containers).with_context(|| {
        format!(
            "watching {} (CAP_SYS_ADMIN and CAP_DAC_READ_SEARCH are needed)",
            args.root.display()
        )
    })?;
    let format = args.format;
    for path in &args.paths {
        if args.root.join(path.strip_prefix("/").unwrap_or(path)).symlink_metadata().is_err() {
            let path = escaped(path.as_os_str().as_encoded_bytes());
            terminal::say("note", &format!("{path} does not exist yet"));
        }
    }
    for gap in &watch.gaps {
        terminal::say("not watched", &format!("{}: {}", escaped(&gap.path), gap.why));
    }
    let mut complete = watch.gaps.is_empty();
    let mut dropped = false;
    // A time that the clock cannot hold does not limit the run.
    let end = args.seconds.and_then(|seconds| now().checked_add(Duration::from_secs(seconds)));
    let (send, receive) = sync_channel::<(Timestamp, Seen)>(WAITING);
    let written = std::thread::scope(|threads| {
        let writer = threads.spawn(move || -> io::Result<()> {
            let mut out = io::stdout().lock();
            write_line(&mut out, started(format))?;
            while let Ok((time, seen)) = receive.recv() {
                write_line(&mut out, line(time, &seen, format))?;
            }
            Ok(())
        });
        let mut missed = Missed::default();
        let mut read = || -> anyhow::Result<()> {
            while end.is_none_or(|end| now() < end) {
                let mut gone = false;
                let mut put = |seen| match send.try_send((time(), seen)) {
                    Ok(()) => {}
                    Err(TrySendError::Full(_)) => dropped = true,
                    Err(TrySendError::Disconnected(_)) => gone = true,
                };
                watch.read(TICK, |seen| {
                    complete &= matches!(seen, Seen::Event(_));
                    match seen {
                        Seen::Missed(why) => missed.waiting = Some(why),
                        seen => put(seen),
                    }
                })?;
                if let Some(why) = missed.due(now()) {
                    put(Seen::Missed(why));
                }
                if dropped {
                    complete = false;
                    // Reported as soon as there is room.
                    let why = "reports were not read fast enough";
                    dropped = send.try_send((time(), Seen::Missed(why))).is_err();
                }
                if gone {
                    break;
                }
            }
            Ok(())
        };
        let read = read();
        if let Some(why) = missed.waiting {
            let _ = send.try_send((time(), Seen::Missed(why)));
        }
        drop(send);
        let written = writer.join();
        read?;
        match written {
            Ok(written) => written.context("writing standard output"),
            Err(_) => anyhow::bail!("the reports could not be written"),
        }
    });
    written?;
    Ok(if complete { Outcome::Clean } else { Outcome::Incomplete })
}

/// What was missed and is not reported yet: where many folders are removed, each read misses something.
#[derive(Default)]
struct Missed {
    waiting: Option<&'static str>,
    reported: Option<(Instant, &'static str)>,
}

impl Missed {
    /// Returns what must be reported now.
    fn due(&mut self, now: Instant) -> Option<&'static str> {
        let is_quiet = |(at, why): (Instant, &str)| {
            now.duration_since(at) < QUIET && Some(why) == self.waiting
        };
        if self.reported.is_some_and(is_quiet) {
            return None;
        }
        let why = self.waiting.take()?;
        self.reported = Some((now, why));
        Some(why)
    }
}

/// Returns the time in milliseconds.
fn time() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

fn write_line(out: &mut impl io::Write, mut text: String) -> io::Result<()> {
    text.push('\n');
    out.write_all(text.as_bytes())?;
    out.flush()
}

fn started(format: WatchFormat) -> String {
    let time = shown(time());
    match format {
        WatchFormat::Text => format!("{time}  started; earlier changes are not seen"),
        WatchFormat::Json => json!({"time": time, "kind": "started"}).to_string(),
    }
}

/// Returns a time with all three digits of its milliseconds.
fn shown(time: Timestamp) -> String {
    format!("{time:.3}")
}

fn line(time: Timestamp, seen: &Seen, format: WatchFormat) -> String {
    let time = shown(time);
    match (seen, format) {
        (Seen::Missed(why), WatchFormat::Text) => {
            format!("{time}  missed: {why}; run pavisade integrity verify")
        }
        (Seen::Missed(why), WatchFormat::Json) => {
            json!({"time": time, "kind": "missed", "why": why}).to_string()
        }
        (Seen::Event(event), WatchFormat::Text) => text(&time, event),
        (Seen::Event(event), WatchFormat::Json) => document(&time, event).to_string(),
    }
}

fn text(time: &str, event: &Event) -> String {
    let what: Vec<_> = event.what.iter().map(|what| What::name(*what)).collect();
    let mut text = format!("{time}  {}  {}", what.join(","), escaped(&event.path));
    match &event.process {
        Some(process) => {
            let program = if process.program.is_empty() { &process.name } else { &process.program };
            text += &format!("  by {program} (pid {}", event.pid);
            text += &match process.uid {
                Some(uid) => format!(", uid {uid})"),
                None => ")".to_owned(),
            };
            if let Some(pod) = &process.pod {
                text += &match &pod.name {
                    Some((namespace, name)) => format!(" in pod {namespace}/{name}"),
                    None => format!(" in pod {}", pod.uid),
                };
            }
        }
        None => text += &format!("  by pid {}, which has ended", event.pid),
    }
    if let Some(layer) = &event.layer {
        text += &format!("  in the container with the layer {}", escaped(layer));
    }
    pavisade_report::one_line(&text)
}

fn document(time: &str, event: &Event) -> serde_json::Value {
    let process = event.process.as_ref();
    json!({
        "time": time,
        "kind": "change",
        "path": escaped(&event.path),
        "what": event.what.iter().map(|what| What::name(*what)).collect::<Vec<_>>(),
        "layer": event.layer.as_ref().map(|layer| escaped(layer)),
        "pid": event.pid,
        "process": process.map(|process| json!({
            "name": process.name,
            "program": process.program,
            "uid": process.uid,
            "parent": process.parent,
        })),
        "container": process.and_then(|process| process.container.as_ref()),
        "pod": process.and_then(|process| process.pod.as_ref()).map(|pod| json!({
            "uid": pod.uid,
            "namespace": pod.name.as_ref().map(|(namespace, _)| namespace),
            "name": pod.name.as_ref().map(|(_, name)| name),
        })),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missed_again_and_again_is_reported_once_in_a_while() {
        let (mut missed, start) = (Missed::default(), now());
        let mut at = |seconds, why: Option<&'static str>| {
            missed.waiting = why.or(missed.waiting);
            missed.due(start + Duration::from_secs(seconds))
        };
        assert_eq!(at(0, None), None);
        assert_eq!(at(1, Some("a folder")), Some("a folder"));
        assert_eq!(at(2, Some("a folder")), None);
        // Another reason does not wait.
        assert_eq!(at(3, Some("the queue")), Some("the queue"));
        assert_eq!(at(4, Some("the queue")), None);
        // What waits is not lost, and is reported once.
        assert_eq!(at(13, None), Some("the queue"));
        assert_eq!(at(30, None), None);
    }

    #[test]
    fn times_have_the_same_width() {
        let time = Timestamp::from_millisecond(1_796_147_966_860).unwrap();
        assert_eq!(shown(time), "2026-12-01T17:59:26.860Z");
        assert_eq!(shown(Timestamp::UNIX_EPOCH), "1970-01-01T00:00:00.000Z");
    }
}
