//! Evaluates events, of logs or as they arrive.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, BufWriter, Write as _};
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use jiff::{Timestamp, ToSpan as _};
use pavisade_report::one_line;
use pavisade_rules::{
    AuditEvent, Code, Event, Exceptions, Fields, OURS, Options, Recorded, RuleFile, RuleSet,
    Scratch, day, load,
};
use pavisade_yaml::{NoteKind, Source, read};

use super::alerts::{Alerts, Counts, Standing, many};
use super::lines::Line;
use super::{lines, rule_files, tell_errors, texts};
use crate::args::AllowFrom;
use crate::args::runtime::Judging;
use crate::images::inside;
use crate::settings::{self, Settings};
use crate::{Outcome, terminal};

/// Returns the rules of a source and the exceptions for their alerts. `None` if some are wrong, after
/// the errors were reported.
///
/// # Errors
/// A file cannot be read, or no rule is left.
fn rules(judging: &Judging, source: &str) -> anyhow::Result<Option<(RuleSet, Exceptions)>> {
    let texts = texts(&judging.rules)?;
    let files = rule_files(&texts, !judging.only_these_rules);
    let sources = [source];
    let loaded = load(&files, &Options { sources: &sources, ..Options::default() });
    if tell_errors(&loaded) {
        return Ok(None);
    }
    let Some(exceptions) = exceptions(judging, &files)? else { return Ok(None) };
    // A rule that can never match here must not look as if it had found nothing.
    let ours = |file: &str| OURS.iter().any(|own| own.name == file);
    let skipped = loaded.warnings.iter().filter(|warning| match warning.code {
        Code::UnknownSource => !ours(&warning.file),
        Code::UnknownFilter => true,
        _ => false,
    });
    for skipped in skipped {
        terminal::say("skipped", &skipped.to_string());
    }
    let set = RuleSet::new(&loaded.rules, source);
    if set.rules().is_empty() {
        let events = if source == "syscall" { "system calls" } else { "audit events" };
        bail!("no enabled rule is about {events}: nothing would be found in any log");
    }
    Ok(Some((set, exceptions)))
}

/// Returns the exceptions of the configuration and of policy files. `None` if some are wrong.
fn exceptions(judging: &Judging, files: &[RuleFile<'_>]) -> anyhow::Result<Option<Exceptions>> {
    let here = settings::or_here(&[]);
    let found = Settings::find(&judging.config, &judging.exceptions, AllowFrom::All, &here)?;
    let Some(settings) = found else { return Ok(None) };
    let all = &settings.exceptions.alerts;
    if all.is_empty() {
        return Ok(Some(Exceptions::default()));
    }
    if let Some(file) = &settings.file {
        terminal::say("note", &format!("{file}: its exceptions for alerts apply"));
    }
    // Exceptions for alerts of the other source are right here, too.
    let (exceptions, wrong) = Exceptions::new(all, &load(files, &Options::default()).rules);
    for wrong in &wrong {
        terminal::say("error", &one_line(wrong));
    }
    let today = day(Timestamp::now());
    let latest = today.saturating_add(settings.longest().days());
    for one in all {
        let place = one_line(&one.place);
        if one.until < today {
            terminal::say("note", &format!("{place}: this exception ended on {}", one.until));
        } else if one.until > latest {
            let days = settings.longest();
            let text = format!("{place}: this exception ends in more than {days} days");
            terminal::say("note", &text);
        }
    }
    Ok(wrong.is_empty().then_some(exceptions))
}

fn alerts(judging: &Judging) -> Alerts<BufWriter<io::Stdout>> {
    let out = BufWriter::new(io::stdout());
    Alerts { out, format: judging.format, color: terminal::color(judging.color, false) }
}

/// Judges events, and counts what was seen.
pub(super) struct Judge {
    set: RuleSet,
    exceptions: Exceptions,
    show_excepted: bool,
    scratch: Scratch,
    alerts: Alerts<BufWriter<io::Stdout>>,
    pub(super) counts: Counts,
    /// Audit events of changes that were recorded without their content.
    without_content: u64,
    told: Told,
}

/// The most files of a directory.
const MAX_FILES: usize = 100_000;

/// The alerts of the last requests. The events of a request's stages share an id, and a long request
/// such as `exec` has one when it starts and one when it ends.
#[derive(Default)]
struct Told {
    hasher: RandomState,
    known: HashSet<u64>,
    order: VecDeque<u64>,
}

impl Told {
    /// How many alerts are remembered.
    const MOST: usize = 100_000;

    /// Whether the alert is the first one of the rule for the request.
    fn is_first(&mut self, event: &AuditEvent<'_>, rule: &str) -> bool {
        let Some(request) = event.request_key() else { return true };
        let alert = self.hasher.hash_one((request, rule));
        if !self.known.insert(alert) {
            return false;
        }
        self.order.push_back(alert);
        if self.order.len() > Self::MOST {
            self.order.pop_front().map(|oldest| self.known.remove(&oldest));
        }
        true
    }
}

impl Judge {
    /// A judge by the rules of a source; nothing where some are wrong, which was told.
    ///
    /// # Errors
    /// A rule file cannot be read, or no rule is left.
    pub(super) fn new(judging: &Judging, source: &str) -> anyhow::Result<Option<Self>> {
        let Some((set, exceptions)) = rules(judging, source)? else { return Ok(None) };
        let (scratch, counts) = (Scratch::default(), Counts::default());
        let (alerts, told) = (alerts(judging), Told::default());
        let show_excepted = judging.show_excepted;
        let without_content = 0;
        Ok(Some(Self {
            set,
            exceptions,
            show_excepted,
            scratch,
            alerts,
            counts,
            without_content,
            told,
        }))
    }

    /// Reads logs to their end.
    pub(super) fn logs(
        mut self,
        logs: &[PathBuf],
        take: fn(&mut Self, &str, &str) -> io::Result<()>,
    ) -> anyhow::Result<Outcome> {
        for log in &files(logs)? {
            let read = lines::each(log, &mut |line| match line {
                Line::Text(place, text) => take(&mut self, &place, text),
                Line::Unread(why) => {
                    self.counts.unread(&why);
                    Ok(())
                }
            });
            match read {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                    return Ok(Outcome::Clean);
                }
                Err(error) => self.counts.unread(&format!("{}: {error}", log.display())),
                Ok(()) => {}
            }
        }
        self.finish()
    }

    /// Writes what is left, and says how much was found.
    pub(super) fn finish(mut self) -> anyhow::Result<Outcome> {
        self.flush()?;
        let outcome = self.counts.finish(self.set.rules().len());
        if self.without_content > 0 {
            let without = format!(
                "{} without the content of the request: rules about the content cannot match; \
                 record it with level `Request` in the audit policy",
                many(self.without_content, "change")
            );
            terminal::say("note", &without);
        }
        Ok(outcome)
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.alerts.out.flush()
    }

    /// Judges a text with audit events: one, a list of them, or several documents.
    ///
    /// # Errors
    /// The output does not take an alert.
    pub(super) fn audit(&mut self, place: &str, text: &str) -> io::Result<()> {
        let today = day(Timestamp::now());
        let documents = read(&Source::new(place, text));
        // Invalid parts of a line do not hide its events.
        let mut unread = documents.notes.iter().any(|note| {
            matches!(note.kind, NoteKind::Unreadable | NoteKind::Limit | NoteKind::DroppedText)
        });
        unread |= documents.docs.is_empty();
        for doc in &documents.docs {
            let (events, others) = AuditEvent::all(doc.root());
            unread |= others > 0;
            for event in events {
                self.counts.events += 1;
                self.without_content += u64::from(event.lacks_content());
                for rule in self.set.matching(&event, &mut self.scratch) {
                    if !self.told.is_first(&event, &rule.name) {
                        continue;
                    }
                    let standing = Standing::of(self.exceptions.of(rule, &event), today);
                    if !self.counts.alert(standing, self.show_excepted) {
                        continue;
                    }
                    let id = Some(("ka.auditid", event.id()));
                    let output = rule.format.output(&event);
                    self.alerts.write(rule, event.time(), output, id, standing)?;
                }
            }
        }
        if unread {
            self.counts.unread(&format!("{place}: not an audit event, or not only"));
        }
        Ok(())
    }

    /// Judges a recorded event.
    pub(super) fn recorded(&mut self, place: &str, text: &str) -> io::Result<()> {
        let documents = read(&Source::new(place, text));
        let [doc] = &documents.docs[..] else {
            self.counts.unread(&format!("{place}: not a JSON object"));
            return Ok(());
        };
        if !AuditEvent::all(doc.root()).0.is_empty() {
            let why = "an audit event, which `pavisade runtime audit` evaluates";
            self.counts.unread(&format!("{place}: {why}"));
            return Ok(());
        }
        let event = match Recorded::read(doc.root()) {
            Ok(event) => event,
            Err(error) => {
                self.counts.unread(&format!("{place}: {error}"));
                return Ok(());
            }
        };
        self.counts.events += 1;
        let text = |field: &str| {
            let (_, field) = Fields::known().named(field).ok()?;
            event.values(&field).as_slice().first().map(|value| value.to_text().into_owned())
        };
        let times = ["evt.time.iso8601", "evt.datetime", "evt.time", "evt.rawtime"];
        for rule in self.set.matching(&event, &mut self.scratch) {
            let standing = Standing::of(self.exceptions.of(rule, &event), day(Timestamp::now()));
            if !self.counts.alert(standing, self.show_excepted) {
                continue;
            }
            let own = doc.root().str("time").map(str::to_owned);
            let time = own.or_else(|| times.iter().copied().find_map(text)).unwrap_or_default();
            let kind = text("evt.type").unwrap_or_default();
            let output = rule.format.output(&event);
            self.alerts.write(rule, &time, output, Some(("evt.type", &kind)), standing)?;
        }
        Ok(())
    }
}

/// Returns the logs; of a directory its files, by name, as rotated logs are.
fn files(logs: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for log in logs {
        if !log.is_dir() {
            all.push(log.clone());
            continue;
        }
        // An entry that is not a file is reported when it is read.
        let mut files = inside(log, |_| true).with_context(|| log.display().to_string())?;
        if files.is_empty() {
            bail!("{}: the directory contains no files", log.display());
        }
        if files.len() > MAX_FILES {
            bail!("{}: the directory contains more than {MAX_FILES} files", log.display());
        }
        all.append(&mut files);
    }
    Ok(all)
}
