//! `pavisade runtime tail`: the alerts of an agent for people, as they come.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use pavisade_report::one_line;
use pavisade_rules::Priority;
use serde_json::Value;

use super::typed::Sessions;
use crate::args::runtime::TailArgs;
use crate::{Outcome, terminal};

/// The longest line that is read. Alerts have a few kilobytes.
const MAX_LINE: u64 = 1 << 20;

/// How often a file is checked for new lines.
const PAUSE: Duration = Duration::from_millis(200);

pub(super) fn run(args: &TailArgs) -> anyhow::Result<Outcome> {
    let color = terminal::color(args.color, false);
    let mut out = io::stdout().lock();
    let sessions = args.audit.as_ref().map(|log| {
        Sessions::read(log.clone()).with_context(|| format!("reading {}", log.display()))
    });
    let mut sessions = sessions.transpose()?;
    let mut show = |line: &[u8]| -> io::Result<()> {
        if let Some(sessions) = &mut sessions {
            sessions.refresh()?;
        }
        match shown(line, args, sessions.as_ref(), color) {
            Some(text) => out.write_all(text.as_bytes()).and_then(|()| out.flush()),
            None => Ok(()),
        }
    };
    let done = if args.alerts == Path::new("-") {
        lines(&mut BufReader::new(io::stdin().lock()), &mut Vec::new(), &mut show)
    } else {
        follow(args, &mut show).with_context(|| format!("reading {}", args.alerts.display()))?
    };
    match done {
        // The reader of the output has closed it.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Outcome::Clean),
        done => done.map(|()| Outcome::Clean).context("showing alerts"),
    }
}

type Show<'s> = dyn FnMut(&[u8]) -> io::Result<()> + 's;

/// Reads a file, and what is added to it or to the file that takes its place.
fn follow(args: &TailArgs, show: &mut Show<'_>) -> io::Result<io::Result<()>> {
    let mut file = File::open(&args.alerts)?;
    let mut rest = Vec::new();
    loop {
        let number = file.metadata()?.ino();
        if let Err(error) = lines(&mut BufReader::new(&mut file), &mut rest, show) {
            return Ok(Err(error));
        }
        if args.no_follow {
            return Ok(Ok(()));
        }
        std::thread::sleep(PAUSE);
        // The agent starts a new file when one is full.
        if let Ok(now) = std::fs::metadata(&args.alerts)
            && now.ino() != number
        {
            file = File::open(&args.alerts)?;
            rest.clear();
        }
    }
}

/// Shows each complete line; `rest` keeps the beginning of one that is not.
fn lines(from: &mut impl io::BufRead, rest: &mut Vec<u8>, show: &mut Show<'_>) -> io::Result<()> {
    loop {
        let room = MAX_LINE.saturating_sub(rest.len() as u64);
        if from.by_ref().take(room.max(1)).read_until(b'\n', rest)? == 0 {
            return Ok(());
        }
        if rest.ends_with(b"\n") || rest.len() as u64 >= MAX_LINE {
            show(rest)?;
            rest.clear();
        }
    }
}

/// An alert on two lines; nothing if it is not asked for.
fn shown(line: &[u8], args: &TailArgs, sessions: Option<&Sessions>, color: bool) -> Option<String> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let alert: Value = match serde_json::from_slice(line) {
        Ok(Value::Object(alert)) if alert.contains_key("rule") => Value::Object(alert),
        _ if line.is_empty() => return None,
        _ => {
            terminal::say("not an alert", &String::from_utf8_lossy(&line[..line.len().min(200)]));
            return None;
        }
    };
    let text = |value: &Value| value.as_str().map(one_line).unwrap_or_default();
    let fields = &alert["output_fields"];
    let container = &alert["pavisade"]["container"];
    let namespace = match text(&container["namespace"]) {
        empty if empty.is_empty() => text(&fields["k8s.ns.name"]),
        namespace => namespace,
    };
    if !args.namespace.is_empty() && !args.namespace.contains(&namespace) {
        return None;
    }
    let priority = text(&alert["priority"]);
    let (on, bold, off) =
        if color { (of_priority(&priority), "\u{1b}[1m", "\u{1b}[0m") } else { ("", "", "") };
    let clock = text(&alert["time"]);
    // The day is in the file; people compare times.
    let clock = clock.get(11..19).unwrap_or(&clock);
    let place = [namespace, text(&container["pod"]), text(&container["name"])];
    let place: Vec<_> = place.into_iter().filter(|part| !part.is_empty()).collect();
    let place = if place.is_empty() { text(&alert["hostname"]) } else { place.join("/") };
    let mut shown =
        format!("{clock}  {on}{priority:<9}{off}  {bold}{}{off}  {place}\n", text(&alert["rule"]));
    let ancestors = alert["pavisade"]["ancestors"].as_array();
    let mut tree: Vec<_> = ancestors.into_iter().flatten().map(|one| text(&one["name"])).collect();
    tree.truncate(4);
    tree.reverse();
    let process = &alert["pavisade"]["process"];
    let command = format!("{} {}", text(&process["name"]), text(&process["arguments"]));
    tree.push(command.trim().to_owned());
    if process.is_object() {
        shown.push_str(&format!("          {}\n", tree.join(" › ")));
    }
    shown.push_str(&format!("          {}\n", text(&alert["output"])));
    if let Some(who) = sessions.and_then(|sessions| sessions.who(&alert)) {
        shown.push_str(&format!("          {who}\n"));
    }
    let evidence = text(&alert["pavisade"]["evidence"]);
    if !evidence.is_empty() && evidence != "complete" {
        shown.push_str(&format!("          evidence {evidence}\n"));
    }
    Some(shown)
}

fn of_priority(name: &str) -> &'static str {
    match Priority::ALL.iter().find(|priority| priority.name() == name) {
        Some(Priority::Emergency | Priority::Alert | Priority::Critical | Priority::Error) => {
            "\u{1b}[31m"
        }
        Some(Priority::Warning) => "\u{1b}[33m",
        _ => "\u{1b}[36m",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Color;

    const ALERT: &str = r#"{"time":"2026-12-01T06:42:32.1Z","rule":"R","priority":"Warning","output":"said\nmore",
        "output_fields":{},"pavisade":{"process":{"name":"cat","arguments":"/etc/shadow"},
        "ancestors":[{"name":"sh"},{"name":"containerd-shim"}],"evidence":"may be incomplete: 3 events were lost",
        "container":{"namespace":"shop","pod":"web-0","name":"web"}}}"#;

    fn args(namespace: &[&str]) -> TailArgs {
        let namespace = namespace.iter().map(|name| (*name).to_owned()).collect();
        TailArgs {
            alerts: "-".into(),
            namespace,
            audit: None,
            no_follow: true,
            color: Color::Never,
        }
    }

    #[test]
    fn an_alert_is_shown_with_its_processes() {
        let line = ALERT.replace('\n', " ");
        let shown = shown(line.as_bytes(), &args(&[]), None, false).unwrap();
        let start = "06:42:32  Warning    R  shop/web-0/web\n          containerd-shim › sh › cat /etc/shadow\n";
        assert!(shown.starts_with(start), "{shown}");
        assert!(shown.contains("evidence may be incomplete"), "{shown}");
        // A line break in the output of a rule does not start another line.
        assert_eq!(shown.lines().count(), 4, "{shown}");
    }

    #[test]
    fn other_namespaces_are_left_out() {
        let line = ALERT.replace('\n', " ");
        assert!(shown(line.as_bytes(), &args(&["shop"]), None, false).is_some());
        assert!(shown(line.as_bytes(), &args(&["bank"]), None, false).is_none());
        assert!(shown(b"no json\n", &args(&[]), None, false).is_none());
    }

    #[test]
    fn half_a_line_waits_for_the_rest() {
        let mut seen = Vec::new();
        let mut rest = Vec::new();
        for part in [&b"{\"a\""[..], b":1}\n{", b"}\n"] {
            let mut show = |line: &[u8]| {
                seen.push(line.to_vec());
                Ok(())
            };
            lines(&mut BufReader::new(part), &mut rest, &mut show).unwrap();
        }
        assert_eq!(seen, [&b"{\"a\":1}\n"[..], b"{}\n"]);
    }
}
