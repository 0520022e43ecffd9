//! Workflow commands of GitHub Actions, which become annotations on lines.
//!
//! GitHub shows the first ten errors, warnings and notices of a step. The rest is written to the
//! log in a group, so that nothing is lost.

use std::io::{self, Write};

use pavisade_judgement::Judgement;
use pavisade_model::{Finding, Note, NoteKind, Severity, State};

use crate::place::{InFile, Places};
use crate::text::{clean, count, cut};
use crate::{Options, advice, message, summary};

/// Number of annotations per level that GitHub shows for a step.
const SHOWN: usize = 10;
/// Maximum width of a title. GitHub allows 255 characters.
const TITLE: usize = 200;
/// Maximum width of a message.
const MESSAGE: usize = 2000;

const LEVELS: [&str; 3] = ["error", "warning", "notice"];

/// Writes the result.
pub(crate) fn write(
    judgement: &Judgement,
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    let places = Places::new(judgement, options);
    let mut room = [SHOWN; LEVELS.len()];
    let unread = summary::notes(judgement, NoteKind::Unread);
    if unread > 0 {
        let inputs = count(unread, "input was not read", "inputs were not read");
        let first = judgement.notes.iter().find(|note| note.kind == NoteKind::Unread);
        let first = first.map_or_else(String::new, |note| format!(", first {}", said(note)));
        let text = format!("the result is incomplete: {inputs}{first}");
        command("error", &[("title", "Pavisade: incomplete")], &text, out)?;
        room[0] -= 1;
    }
    // The last notice is the summary.
    room[2] -= 1;

    let mut rest = Vec::new();
    for finding in &judgement.findings {
        let level = level(finding);
        if room[level] == 0 {
            rest.push(finding);
            continue;
        }
        room[level] -= 1;
        annotation(finding, LEVELS[level], &places, out)?;
    }
    if !rest.is_empty() || !judgement.notes.is_empty() {
        command("group", &[], "Pavisade: more findings, and notes", out)?;
        for finding in &rest {
            let (place, message) = (places.shown(finding), message::of(finding));
            let unknown = if finding.state == State::Unknown { "unknown, " } else { "" };
            let (severity, id) = (finding.severity.name(), &finding.rule.id);
            log(&format!("{unknown}{severity} {id}: {place}: {message}"), out)?;
        }
        for note in &judgement.notes {
            log(&format!("{}: {}", summary::note_word(note.kind), said(note)), out)?;
        }
        command("endgroup", &[], "", out)?;
    }
    let mut text = format!("{} ({})", summary::line(judgement), summary::about(judgement, options));
    if !rest.is_empty() {
        let more = count(rest.len(), "more stands", "more stand");
        text.push_str(&format!("; {more} in the log: GitHub shows {SHOWN} per level"));
    }
    command("notice", &[("title", "Pavisade")], &text, out)
}

fn level(finding: &Finding) -> usize {
    match (finding.state, finding.severity) {
        (State::Unknown, _) | (_, Severity::Low | Severity::Unknown) => 2,
        (_, Severity::Medium) => 1,
        (_, Severity::Critical | Severity::High) => 0,
    }
}

fn annotation<'a>(
    finding: &'a Finding,
    level: &str,
    places: &Places<'a>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let InFile { file, region } = places.in_file(finding);
    let state = match finding.state {
        State::Fails => finding.severity.label(),
        State::Unknown => "unknown",
    };
    let title = format!("{state}: {} ({})", finding.rule.name, finding.rule.id);
    let mut properties = vec![("file", file.into_owned())];
    if let Some(region) = region {
        properties.push(("line", region.line.to_string()));
        if region.end_line > region.line {
            properties.push(("endLine", region.end_line.to_string()));
        } else {
            // Columns are only valid within one line.
            properties.push(("col", region.column.to_string()));
            properties.push(("endColumn", region.end_column.max(region.column).to_string()));
        }
    }
    properties.push(("title", title));
    let label = crate::place::beside_message(finding, false);
    let mut text = format!("{label}: {}", message::of(finding));
    if let Some(can) = advice::by_program(finding) {
        text.push_str(&format!(" ({can})"));
    }
    let properties: Vec<_> = properties.iter().map(|(key, value)| (*key, &**value)).collect();
    command(level, &properties, &text, out)
}

fn said(note: &Note) -> String {
    let line = note.span.as_ref().map(|(source, at, _)| source.line_column(*at).0);
    let line = line.map_or_else(String::new, |line| format!(":{line}"));
    let remedy = if note.remedy.is_empty() { "" } else { ": " };
    format!("{}{line}: {}{remedy}{}", note.place, note.message, note.remedy)
}

/// Writes `::error file=a.yaml,line=3::text`.
fn command(
    name: &str,
    properties: &[(&str, &str)],
    text: &str,
    out: &mut dyn Write,
) -> io::Result<()> {
    write!(out, "::{name}")?;
    for (i, (key, value)) in properties.iter().enumerate() {
        let separator = if i == 0 { ' ' } else { ',' };
        let limit = if *key == "title" { TITLE } else { MESSAGE };
        write!(out, "{separator}{key}={}", property(&cut(&clean(value), limit)))?;
    }
    writeln!(out, "::{}", data(&cut(&clean(text), MESSAGE)))
}

/// Writes a line of the log that is not a command. A command may also begin within a line, with
/// `##[`.
fn log(text: &str, out: &mut dyn Write) -> io::Result<()> {
    let text = cut(&clean(text), MESSAGE).replace("##[", "## [");
    writeln!(out, "{}", text.trim_start().trim_start_matches(':'))
}

/// Escapes the text after the second `::`.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes the value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::SHOWN;
    use crate::fixture::{deployment, judged, mixed};
    use crate::hostile::{hostile, shown};
    use crate::text::clean;
    use crate::{Format, Options};

    /// Parses a line like the runner (`ActionCommand.TryParseV2`): command, properties, text.
    fn parse(line: &str) -> Option<(String, HashMap<String, String>, String)> {
        let rest = line.trim_start().strip_prefix("::")?;
        let (info, text) = rest.split_once("::")?;
        let (name, properties) = info.split_once(' ').unwrap_or((info, ""));
        let unescape = |text: &str| {
            let text = text.replace("%0D", "\r").replace("%0A", "\n").replace("%3A", ":");
            text.replace("%2C", ",").replace("%25", "%")
        };
        let properties = properties.split(',').filter_map(|pair| pair.split_once('='));
        let properties = properties.map(|(key, value)| (key.to_owned(), unescape(value)));
        Some((name.to_owned(), properties.collect(), unescape(text)))
    }

    #[test]
    fn the_runner_sees_our_commands_and_no_others() {
        for judgement in [mixed(), hostile(), judged(&[(".", &[])], Vec::new())] {
            let text = shown(Format::Github, &judgement, &Options::default());
            let mut levels = HashMap::<String, usize>::new();
            let mut files = Vec::new();
            for line in text.lines() {
                match parse(line) {
                    Some((name, properties, _)) => {
                        let known = ["error", "warning", "notice", "group", "endgroup"];
                        assert!(known.contains(&name.as_str()), "{line}");
                        *levels.entry(name).or_default() += 1;
                        files.extend(properties.get("file").cloned());
                        let known = ["file", "line", "endLine", "col", "endColumn", "title"];
                        assert!(properties.keys().all(|key| known.contains(&&**key)), "{line}");
                    }
                    None => assert!(!line.starts_with("::") && !line.contains("##["), "{line}"),
                }
            }
            assert!(["error", "warning", "notice"].iter().all(|l| levels.get(*l) <= Some(&SHOWN)));
            for file in files {
                let known = |f: &pavisade_model::Finding| {
                    matches!(&f.location, pavisade_model::Location::Text { source, .. }
                        if clean(source.name()) == file)
                        || f.world() == file
                };
                assert!(judgement.findings.iter().any(known), "{file}");
            }
            // Everything is there, as annotations or in the log.
            let lines = text.lines().filter(|line| line.contains("PV-")).count();
            assert_eq!(lines, judgement.findings.len(), "{text}");
        }
    }

    #[test]
    fn one_finding() {
        let text = deployment("shop", "worker", "docker");
        let judgement = judged(&[("shop", &[("a,b:c%.yaml", &text)])], Vec::new());
        let shown = shown(Format::Github, &judgement, &Options::default());
        assert_eq!(
            shown.lines().next().unwrap(),
            "::error file=a%2Cb%3Ac%25.yaml,line=13,col=13,endColumn=29,title=critical%3A \
             privileged-container (PV-C001)::Deployment shop/worker: container \
             `docker` is privileged"
        );
    }
}
