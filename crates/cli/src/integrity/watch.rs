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
    for gap in &watch.gaps {
        terminal::say("not watched", &format!("{}: {}", escaped(&gap.path), gap.why));
    }
    let mut complete = watch.gaps.is_empty();
    let mut dropped = false;
    let end = args.seconds.map(|seconds| now() + Duration::from_secs(seconds));
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
                    put(seen);
                })?;
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
    let time = time();
    match format {
        WatchFormat::Text => format!("{time}  started; earlier changes are not seen"),
        WatchFormat::Json => json!({"time": time.to_string(), "kind": "started"}).to_string(),
    }
}

fn line(time: Timestamp, seen: &Seen, format: WatchFormat) -> String {
    match (seen, format) {
        (Seen::Missed(why), WatchFormat::Text) => {
            format!("{time}  missed: {why}; run pavisade integrity verify")
        }
        (Seen::Missed(why), WatchFormat::Json) => {
            json!({"time": time.to_string(), "kind": "missed", "why": why}).to_string()
        }
        (Seen::Event(event), WatchFormat::Text) => text(time, event),
        (Seen::Event(event), WatchFormat::Json) => document(time, event).to_string(),
    }
}

fn text(time: Timestamp, event: &Event) -> String {
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

fn document(time: Timestamp, event: &Event) -> serde_json::Value {
    let process = event.process.as_ref();
    json!({
        "time": time.to_string(),
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
