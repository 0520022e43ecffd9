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

use super::typed::{Sessions, inside};
use crate::args::runtime::TailArgs;
use crate::{Outcome, terminal};

/// The longest line that is read. Alerts have a few kilobytes.
const MAX_LINE: u64 = 1 << 20;

/// How many ancestors of a process are shown.
const ANCESTORS: usize = 6;

/// How often a file is checked for new lines.
const PAUSE: Duration = Duration::from_millis(200);

pub(super) fn run(args: &TailArgs) -> anyhow::Result<Outcome> {
    let color = terminal::color(args.color, false);
    let mut out = io::stdout().lock();
    let sessions = args.audit.as_ref().map(|log| {
        Sessions::read(log.clone()).with_context(|| format!("reading {}", log.display()))
    });
    let mut sessions = sessions.transpose()?;
    let (mut any, mut alerts) = (false, false);
    let mut show = |line: &[u8]| -> io::Result<()> {
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        any = true;
        if let Some(sessions) = &mut sessions {
            sessions.refresh()?;
        }
        let Some(alert) = alert(line) else { return Ok(()) };
        alerts = true;
        match shown(&alert, args, sessions.as_ref(), color) {
            Some(text) => out.write_all(text.as_bytes()).and_then(|()| out.flush()),
            None => Ok(()),
        }
    };
    let done = if args.alerts == Path::new("-") {
        let mut rest = Vec::new();
        lines(&mut BufReader::new(io::stdin().lock()), &mut rest, &mut show)
            .and_then(|()| show(&rest))
    } else {
        follow(args, &mut show).with_context(|| format!("reading {}", args.alerts.display()))?
    };
    match done {
        // The reader of the output has closed it.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Outcome::Clean),
        done => {
            done.context("showing alerts")?;
            Ok(if any && !alerts { Outcome::Incomplete } else { Outcome::Clean })
        }
    }
}

type Show<'s> = dyn FnMut(&[u8]) -> io::Result<()> + 's;

/// Reads a file, and what is added to it or to the file that takes its place.
fn follow(args: &TailArgs, show: &mut Show<'_>) -> io::Result<io::Result<()>> {
    let mut file = File::open(&args.alerts)?;
    if file.metadata()?.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let mut rest = Vec::new();
    loop {
        let number = file.metadata()?.ino();
        if let Err(error) = lines(&mut BufReader::new(&mut file), &mut rest, show) {
            return Ok(Err(error));
        }
        if args.no_follow {
            // The last line may have no end.
            return Ok(show(&rest));
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

/// Reads an alert, or reports a line that is not an alert.
fn alert(line: &[u8]) -> Option<Value> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    match serde_json::from_slice(line) {
        Ok(Value::Object(alert)) if alert.contains_key("rule") => Some(Value::Object(alert)),
        _ => {
            terminal::say("not an alert", &String::from_utf8_lossy(&line[..line.len().min(200)]));
            None
        }
    }
}

/// An alert on two lines; nothing if it is not asked for.
fn shown(
    alert: &Value,
    args: &TailArgs,
    sessions: Option<&Sessions>,
    color: bool,
) -> Option<String> {
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
    let clock = clock.get(11..19).unwrap_or(if clock.is_empty() { "--:--:--" } else { &clock });
    let place = [namespace, text(&container["pod"]), text(&container["name"])];
    let place: Vec<_> = place.into_iter().filter(|part| !part.is_empty()).collect();
    let place = if place.is_empty() { text(&alert["hostname"]) } else { place.join("/") };
    let rule = text(&alert["rule"]);
    let mut shown = format!("{clock}  {on}{priority:<9}{off}  {bold}{rule}{off}  {place}");
    shown.truncate(shown.trim_end().len());
    shown.push('\n');
    let process = &alert["pavisade"]["process"];
    // What the runtime did to start the container is the same in every alert.
    let ancestors: Vec<_> = match process["in_container"] == false {
        true => alert["pavisade"]["ancestors"].as_array().into_iter().flatten().collect(),
        false => inside(alert).collect(),
    };
    let mut tree: Vec<_> = ancestors.iter().map(|one| text(&one["name"])).collect();
    if tree.len() > ANCESTORS {
        tree.truncate(ANCESTORS);
        tree.push("…".to_owned());
    }
    tree.reverse();
    let name = format!("{bold}{}{off}", text(&process["name"]));
    tree.push(format!("{name} {}", text(&process["arguments"])).trim().to_owned());
    if process.is_object() {
        shown.push_str(&format!("          {}\n", tree.join(" › ")));
    }
    shown.push_str(&format!("          {}\n", text(&alert["output"])));
    if let Some(who) = sessions.and_then(|sessions| sessions.who(alert)) {
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
        "ancestors":[{"name":"sh","in_container":true},{"name":"containerd-shim"}],"evidence":"may be incomplete: 3 events were lost",
        "container":{"namespace":"shop","pod":"web-0","name":"web"}}}"#;

    const SHELL: &str = r#"{"name":"sh","in_container":true}"#;

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
        let shown = shown(&alert(line.as_bytes()).unwrap(), &args(&[]), None, false).unwrap();
        let start = "06:42:32  Warning    R  shop/web-0/web\n          sh › cat /etc/shadow\n";
        assert!(shown.starts_with(start), "{shown}");
        assert!(shown.contains("evidence may be incomplete"), "{shown}");
        // A line break in the output of a rule does not start another line.
        assert_eq!(shown.lines().count(), 4, "{shown}");
        assert!(!shown.contains('\u{1b}'), "{shown}");
        let shown = super::shown(&alert(line.as_bytes()).unwrap(), &args(&[]), None, true).unwrap();
        assert!(shown.contains("sh › \u{1b}[1mcat\u{1b}[0m /etc/shadow"), "{shown}");
        let deep = line.replace(SHELL, &[SHELL; 9].join(","));
        let shown =
            super::shown(&alert(deep.as_bytes()).unwrap(), &args(&[]), None, false).unwrap();
        assert!(shown.contains("  … › sh › sh › sh › sh › sh › sh › cat"), "{shown}");
        // On a node, all ancestors are shown.
        let host = line.replace("\"in_container\":true", "\"in_container\":false");
        let host = host.replace("{\"name\":\"cat\"", "{\"in_container\":false,\"name\":\"cat\"");
        let shown =
            super::shown(&alert(host.as_bytes()).unwrap(), &args(&[]), None, false).unwrap();
        assert!(shown.contains("  containerd-shim › sh › cat"), "{shown}");
    }

    #[test]
    fn other_namespaces_are_left_out() {
        let line = ALERT.replace('\n', " ");
        let alert = alert(line.as_bytes()).unwrap();
        assert!(shown(&alert, &args(&["shop"]), None, false).is_some());
        assert!(shown(&alert, &args(&["bank"]), None, false).is_none());
        assert!(super::alert(b"no json\n").is_none());
    }

    #[test]
    fn an_alert_without_a_time_and_a_place_has_the_same_columns() {
        let line = r#"{"rule":"R","priority":"Notice","output":"said","output_fields":{}}"#;
        let shown = shown(&alert(line.as_bytes()).unwrap(), &args(&[]), None, false).unwrap();
        assert_eq!(shown, "--:--:--  Notice     R\n          said\n");
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
