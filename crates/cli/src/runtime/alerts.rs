//! Alerts as text and JSON, and how a run over logs ends.

use std::io::{self, Write};

use jiff::civil::Date;
use pavisade_report::one_line;
use pavisade_rules::{Accepted, Output, Priority, Rule};

use crate::args::runtime::AlertFormat;
use crate::{Outcome, terminal};

/// How many lines that are no events are told one by one.
const MAX_TOLD: usize = 5;

/// Where alerts go.
pub(super) struct Alerts<W> {
    pub(super) out: W,
    pub(super) format: AlertFormat,
    pub(super) color: bool,
}

/// What was seen.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) events: u64,
    alerts: u64,
    excepted: u64,
    unread: usize,
}

impl Counts {
    /// Tells that something was not read; after a few, only their number is told.
    pub(super) fn unread(&mut self, text: &str) {
        self.unread += 1;
        if self.unread <= MAX_TOLD {
            terminal::say("not read", text);
        }
    }

    /// Counts an alert. Returns whether it is shown.
    pub(super) fn alert(&mut self, standing: Standing<'_>, show_excepted: bool) -> bool {
        let excepted = matches!(standing, Standing::Excepted(_));
        self.excepted += u64::from(excepted);
        self.alerts += u64::from(!excepted);
        !excepted || show_excepted
    }

    /// Says how much was found, and how the run ends.
    pub(super) fn finish(&self, rules: usize) -> Outcome {
        let Self { events, alerts, excepted, unread } = *self;
        if unread > MAX_TOLD {
            let more = unread - MAX_TOLD;
            terminal::say("not read", &format!("{more} more lines that are not events"));
        }
        let (found, seen) = (many(alerts, "alert"), many(events, "event"));
        let excepted = match excepted {
            0 => String::new(),
            some => format!("; {some} excepted"),
        };
        terminal::say("", &format!("{found} in {seen}, by {rules} rules{excepted}"));
        match (unread, alerts) {
            (1.., _) => Outcome::Incomplete,
            (0, 1..) => Outcome::Findings,
            (0, 0) => Outcome::Clean,
        }
    }
}

/// What an exception says of an alert.
#[derive(Clone, Copy)]
pub(super) enum Standing<'e> {
    /// Nothing.
    Plain,
    /// It covered the alert until this date, which is over.
    Ended(Date),
    /// It covers the alert.
    Excepted(&'e Accepted),
}

impl<'e> Standing<'e> {
    pub(super) fn of(exception: Option<&'e Accepted>, today: Date) -> Self {
        match exception {
            None => Self::Plain,
            Some(one) if one.until < today => Self::Ended(one.until),
            Some(one) => Self::Excepted(one),
        }
    }
}

/// `1 alert`, `2 alerts`.
pub(super) fn many(count: u64, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

impl<W: Write> Alerts<W> {
    /// Writes an alert: when it happened, which rule, what it says, and fields that identify the
    /// event besides.
    ///
    /// # Errors
    /// The output does not take it.
    pub(super) fn write(
        &mut self,
        rule: &Rule,
        time: &str,
        output: Option<Output>,
        id: Option<(&str, &str)>,
        standing: Standing<'_>,
    ) -> io::Result<()> {
        // Formats of rules print events with any fields.
        let output = output.unwrap_or_default();
        match self.format {
            AlertFormat::Text => self.text(rule, time, &output, standing),
            AlertFormat::Json => self.json(rule, time, output, id, standing),
        }
    }

    fn text(
        &mut self,
        rule: &Rule,
        time: &str,
        output: &Output,
        standing: Standing<'_>,
    ) -> io::Result<()> {
        let (on, off) = match rule.priority {
            _ if !self.color => ("", ""),
            Priority::Emergency | Priority::Alert | Priority::Critical | Priority::Error => {
                ("\u{1b}[31m", "\u{1b}[0m")
            }
            Priority::Warning => ("\u{1b}[33m", "\u{1b}[0m"),
            _ => ("\u{1b}[36m", "\u{1b}[0m"),
        };
        let time = match time {
            "" => String::new(),
            time => format!("{}  ", one_line(time)),
        };
        let priority = rule.priority.name();
        let text = one_line(&output.text);
        let why = match standing {
            Standing::Plain => String::new(),
            Standing::Ended(until) => format!("  [its exception ended on {until}]"),
            Standing::Excepted(Accepted { until, reason, .. }) => {
                format!("  [excepted until {until}: {}]", one_line(reason))
            }
        };
        writeln!(self.out, "{time}{on}{priority:<13}{off}  {text}{why}")
    }

    /// As Falco writes alerts with `json_output`.
    fn json(
        &mut self,
        rule: &Rule,
        time: &str,
        output: Output,
        id: Option<(&str, &str)>,
        standing: Standing<'_>,
    ) -> io::Result<()> {
        let mut fields: serde_json::Map<_, _> =
            output.values.into_iter().map(|(name, value)| (name, value.into())).collect();
        fields.extend(id.map(|(field, value)| (field.to_owned(), value.into())));
        // Forwarders read `time` as RFC 3339 and take its absence.
        let time = Some(time).filter(|time| time.contains('T'));
        let mut alert = serde_json::json!({
            "time": time,
            "rule": rule.name,
            "priority": rule.priority.name(),
            "source": rule.source,
            "output": output.text,
            "output_fields": fields,
            "tags": rule.tags,
        });
        match standing {
            Standing::Plain => {}
            Standing::Ended(until) => {
                alert["pavisade"] = serde_json::json!({"exception_ended": until.to_string()});
            }
            Standing::Excepted(Accepted { until, reason, .. }) => {
                let excepted = serde_json::json!({"until": until.to_string(), "reason": reason});
                alert["pavisade"] = serde_json::json!({ "excepted": excepted });
            }
        }
        serde_json::to_writer(&mut self.out, &alert)?;
        writeln!(self.out)
    }
}
