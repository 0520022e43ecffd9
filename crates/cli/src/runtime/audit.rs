//! `pavisade runtime audit`: evaluates rules on audit logs.

use std::io::{self, BufRead, BufReader, BufWriter, Read, Write as _};
use std::path::Path;

use anyhow::bail;
use pavisade_report::one_line;
use pavisade_rules::{AuditEvent, Code, NOT_AVAILABLE, Options, Output, Priority, Rule};
use pavisade_yaml::{NoteKind, Source, read};

use super::{loaded, opened, tell_errors};
use crate::args::runtime::{AlertFormat, AuditArgs};
use crate::{Outcome, terminal};

/// The longest line: an event has at most twice the largest object of 3 MiB.
const MAX_LINE: u64 = 16 << 20;
/// The number of invalid lines that are reported individually.
const MAX_TOLD: usize = 5;

/// The totals of a run.
#[derive(Default)]
struct Counts {
    events: u64,
    alerts: u64,
    /// Events of changes that were recorded without their content.
    without_content: u64,
    unread: usize,
}

pub(super) fn run(args: &AuditArgs) -> anyhow::Result<Outcome> {
    let options = Options { sources: &["k8s_audit"], ..Options::default() };
    let loaded = loaded(&args.rules, !args.only_these_rules, &options)?;
    if tell_errors(&loaded) {
        return Ok(Outcome::Usage);
    }
    // A rule that can never match must not look as if it had no alerts.
    let is_skipped = |code| matches!(code, Code::UnknownSource | Code::UnknownFilter);
    for skipped in loaded.warnings.iter().filter(|warning| is_skipped(warning.code)) {
        terminal::say("skipped", &skipped.to_string());
    }
    let rules: Vec<_> = loaded.rules.iter().filter(|rule| rule.enabled).collect();
    if rules.is_empty() {
        bail!("no enabled rule is about audit events: nothing would be found in any log");
    }
    let mut out = BufWriter::new(io::stdout().lock());
    let color = terminal::color(args.color, false);
    let mut counts = Counts::default();
    for log in &args.logs {
        let mut alert = |rule: &Rule, event: &AuditEvent<'_>| -> io::Result<()> {
            let output = rule.format.output(event);
            match args.format {
                AlertFormat::Text => text(&mut out, rule, event, output, color),
                AlertFormat::Json => json(&mut out, rule, event, output),
            }
        };
        let before = (counts.events, counts.unread);
        if let Err(error) = judge(log, &rules, &mut counts, &mut alert) {
            if error.kind() == io::ErrorKind::BrokenPipe {
                return Ok(Outcome::Clean);
            }
            counts.unread += 1;
            terminal::say("not read", &format!("{}: {error}", log.display()));
        } else if before == (counts.events, counts.unread) {
            counts.unread += 1;
            terminal::say("not read", &format!("{}: no audit events", log.display()));
        }
    }
    out.flush()?;
    if counts.unread > MAX_TOLD {
        let more = counts.unread - MAX_TOLD;
        terminal::say("not read", &format!("{more} more lines that are not audit events"));
    }
    let Counts { events, alerts, without_content, unread } = counts;
    let many =
        |count: u64, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let (found, seen) = (many(alerts, "alert"), many(events, "event"));
    terminal::say("", &format!("{found} in {seen}, by {} rules", rules.len()));
    if without_content > 0 {
        let without = format!(
            "{} without the content of the request: rules about the content cannot match; record \
             it with level `Request` in the audit policy",
            many(without_content, "change")
        );
        terminal::say("note", &without);
    }
    Ok(match (unread, alerts) {
        (1.., _) => Outcome::Incomplete,
        (0, 1..) => Outcome::Findings,
        (0, 0) => Outcome::Clean,
    })
}

/// Evaluates each line of a log.
fn judge(
    log: &Path,
    rules: &[&Rule],
    counts: &mut Counts,
    alert: &mut dyn FnMut(&Rule, &AuditEvent<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let mut reader = uncompressed(BufReader::new(opened(log)?))?;
    let mut bytes = Vec::new();
    for number in 1_u64.. {
        bytes.clear();
        let length = reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut bytes)?;
        if length == 0 {
            break;
        }
        let place = || format!("{}:{number}", log.display());
        if length as u64 == MAX_LINE && bytes.last() != Some(&b'\n') {
            tell(counts, &format!("{}: a line longer than {} MiB", place(), MAX_LINE >> 20));
            skip_line(&mut reader)?;
            continue;
        }
        if bytes.trim_ascii().is_empty() {
            continue;
        }
        let Ok(line) = std::str::from_utf8(&bytes) else {
            tell(counts, &format!("{}: not UTF-8", place()));
            continue;
        };
        let source = Source::new(place(), line);
        let documents = read(&source);
        // Invalid parts of a line do not hide its events.
        let mut unread = documents.notes.iter().any(|note| {
            matches!(note.kind, NoteKind::Unreadable | NoteKind::Limit | NoteKind::DroppedText)
        });
        unread |= documents.docs.is_empty();
        for doc in &documents.docs {
            let (events, others) = AuditEvent::all(doc.root());
            unread |= others > 0;
            for event in events {
                counts.events += 1;
                counts.without_content += u64::from(event.lacks_content());
                for rule in rules.iter().filter(|rule| rule.filter.matches(&event)) {
                    counts.alerts += 1;
                    alert(rule, &event)?;
                }
            }
        }
        if unread {
            tell(counts, &format!("{}: not an audit event, or not only", place()));
        }
    }
    Ok(())
}

fn tell(counts: &mut Counts, text: &str) {
    counts.unread += 1;
    if counts.unread <= MAX_TOLD {
        terminal::say("not read", text);
    }
}

fn skip_line(reader: &mut dyn BufRead) -> io::Result<()> {
    loop {
        let buffer = reader.fill_buf()?;
        if buffer.is_empty() {
            return Ok(());
        }
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let length = end.map_or(buffer.len(), |end| end + 1);
        reader.consume(length);
        if end.is_some() {
            return Ok(());
        }
    }
}

/// Decompresses gzip and Zstandard, detected by their first bytes.
fn uncompressed(mut reader: BufReader<Box<dyn Read>>) -> io::Result<Box<dyn BufRead>> {
    let start = reader.fill_buf()?;
    Ok(if start.starts_with(&[0x1f, 0x8b]) {
        Box::new(BufReader::new(flate2::bufread::MultiGzDecoder::new(reader)))
    } else if start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        Box::new(BufReader::new(zstd::Decoder::with_buffer(reader)?))
    } else {
        Box::new(reader)
    })
}

fn text(
    out: &mut impl io::Write,
    rule: &Rule,
    event: &AuditEvent<'_>,
    output: Option<Output>,
    color: bool,
) -> io::Result<()> {
    let (on, off) = match rule.priority {
        _ if !color => ("", ""),
        Priority::Emergency | Priority::Alert | Priority::Critical | Priority::Error => {
            ("\u{1b}[31m", "\u{1b}[0m")
        }
        Priority::Warning => ("\u{1b}[33m", "\u{1b}[0m"),
        _ => ("\u{1b}[36m", "\u{1b}[0m"),
    };
    let text = output.map_or_else(|| rule.name.clone(), |output| output.text);
    writeln!(
        out,
        "{}  {on}{:<13}{off}  {}",
        one_line(event.time()),
        rule.priority.name(),
        one_line(&text)
    )
}

/// Prints an alert in the format of Falco's `json_output`.
fn json(
    out: &mut impl io::Write,
    rule: &Rule,
    event: &AuditEvent<'_>,
    output: Option<Output>,
) -> io::Result<()> {
    let output = output.unwrap_or_else(|| Output { text: rule.name.clone(), values: Vec::new() });
    let mut fields: serde_json::Map<_, _> = output
        .values
        .into_iter()
        .map(|(name, value)| (name, value.unwrap_or_else(|| NOT_AVAILABLE.to_owned()).into()))
        .collect();
    fields.insert("ka.auditid".to_owned(), event.id().into());
    let alert = serde_json::json!({
        "time": event.time(),
        "rule": rule.name,
        "priority": rule.priority.name(),
        "source": rule.source,
        "output": output.text,
        "output_fields": fields,
        "tags": rule.tags,
    });
    serde_json::to_writer(&mut *out, &alert)?;
    writeln!(out)
}
