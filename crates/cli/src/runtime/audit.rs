//! `pavisade runtime audit` and `pavisade runtime replay`: recorded events judged by rules.

use std::io::{self, BufWriter, StdoutLock};
use std::path::PathBuf;

use anyhow::bail;
use pavisade_rules::{
    AuditEvent, Code, Event, FieldRef, Fields, Options, Recorded, RuleSet, Scratch,
};
use pavisade_yaml::{NoteKind, Source, read};

use super::alerts::{Alerts, Counts, many};
use super::{lines, loaded, tell_errors};
use crate::args::runtime::{AuditArgs, Judging};
use crate::{Outcome, terminal};

/// The rules of a source, after their mistakes were told; nothing where some are wrong.
///
/// # Errors
/// A file cannot be read, or no rule is left.
pub(super) fn rules(judging: &Judging, source: &str) -> anyhow::Result<Option<RuleSet>> {
    let sources = [source];
    let options = Options { sources: &sources, ..Options::default() };
    let loaded = loaded(&judging.rules, !judging.only_these_rules, &options)?;
    if tell_errors(&loaded) {
        return Ok(None);
    }
    // A rule that can never match here must not look as if it had found nothing.
    let is_skipped = |code| matches!(code, Code::UnknownSource | Code::UnknownFilter);
    let ours = |file: &str| file.starts_with("pavisade/");
    let skipped = loaded.warnings.iter().filter(|warning| is_skipped(warning.code));
    for skipped in skipped.filter(|warning| !ours(&warning.file)) {
        terminal::say("skipped", &skipped.to_string());
    }
    let set = RuleSet::new(&loaded.rules, source);
    if set.rules().is_empty() {
        let events = if source == "syscall" { "system calls" } else { "audit events" };
        bail!("no enabled rule is about {events}: nothing would be found in any log");
    }
    Ok(Some(set))
}

fn alerts(judging: &Judging) -> Alerts<BufWriter<StdoutLock<'static>>> {
    let out = BufWriter::new(io::stdout().lock());
    Alerts { out, format: judging.format, color: terminal::color(judging.color, false) }
}

/// Reads each log; whether somebody still reads the output.
fn each_log(
    logs: &[PathBuf],
    counts: &mut Counts,
    take: &mut dyn FnMut(&mut Counts, String, &str) -> io::Result<()>,
) -> bool {
    for log in logs {
        if let Err(error) = lines::each(log, counts, take) {
            if error.kind() == io::ErrorKind::BrokenPipe {
                return false;
            }
            counts.unread(&format!("{}: {error}", log.display()));
        }
    }
    true
}

pub(super) fn audit(args: &AuditArgs) -> anyhow::Result<Outcome> {
    let Some(set) = rules(&args.judging, "k8s_audit")? else { return Ok(Outcome::Usage) };
    let mut alerts = alerts(&args.judging);
    let (mut counts, mut scratch) = (Counts::default(), Scratch::default());
    let mut without_content = 0;
    let mut take = |counts: &mut Counts, place: String, line: &str| -> io::Result<()> {
        let source = Source::new(&*place, line);
        let documents = read(&source);
        // What cannot be read, or is something else, hides no event beside it.
        let mut unread = documents.notes.iter().any(|note| {
            matches!(note.kind, NoteKind::Unreadable | NoteKind::Limit | NoteKind::DroppedText)
        });
        unread |= documents.docs.is_empty();
        for doc in &documents.docs {
            let (events, others) = AuditEvent::all(doc.root());
            unread |= others > 0;
            for event in events {
                counts.events += 1;
                without_content += u64::from(event.lacks_content());
                for rule in set.matching(&event, &mut scratch) {
                    counts.alerts += 1;
                    let id = Some(("ka.auditid", event.id()));
                    alerts.write(rule, event.time(), rule.format.output(&event), id)?;
                }
            }
        }
        if unread {
            counts.unread(&format!("{place}: not an audit event, or not only"));
        }
        Ok(())
    };
    if !each_log(&args.logs, &mut counts, &mut take) {
        return Ok(Outcome::Clean);
    }
    io::Write::flush(&mut alerts.out)?;
    let outcome = counts.finish(set.rules().len());
    if without_content > 0 {
        let without = format!(
            "{} without the content of the request: rules about the content cannot match; record \
             it with level `Request` in the audit policy",
            many(without_content, "change")
        );
        terminal::say("note", &without);
    }
    Ok(outcome)
}

pub(super) fn replay(args: &AuditArgs) -> anyhow::Result<Outcome> {
    let Some(set) = rules(&args.judging, "syscall")? else { return Ok(Outcome::Usage) };
    let mut alerts = alerts(&args.judging);
    let (mut counts, mut scratch) = (Counts::default(), Scratch::default());
    let times = ["evt.time.iso8601", "evt.time", "evt.datetime", "evt.rawtime"];
    let known = |name: &&str| Fields::known().named(name).ok().map(|(_, field)| field);
    let times: Vec<FieldRef> = times.iter().filter_map(known).collect();
    let mut take = |counts: &mut Counts, place: String, line: &str| -> io::Result<()> {
        let source = Source::new(&*place, line);
        let documents = read(&source);
        let [doc] = &documents.docs[..] else {
            counts.unread(&format!("{place}: not a JSON object"));
            return Ok(());
        };
        let event = match Recorded::read(doc.root()) {
            Ok(event) => event,
            Err(error) => {
                counts.unread(&format!("{place}: {error}"));
                return Ok(());
            }
        };
        counts.events += 1;
        let own = doc.root().str("time").map(str::to_owned);
        let mut recorded = times.iter().filter_map(|field| {
            event.values(field).as_slice().first().map(|value| value.to_text().into_owned())
        });
        let time = own.or_else(|| recorded.next()).unwrap_or_default();
        for rule in set.matching(&event, &mut scratch) {
            counts.alerts += 1;
            alerts.write(rule, &time, rule.format.output(&event), None)?;
        }
        Ok(())
    };
    if !each_log(&args.logs, &mut counts, &mut take) {
        return Ok(Outcome::Clean);
    }
    io::Write::flush(&mut alerts.out)?;
    Ok(counts.finish(set.rules().len()))
}
