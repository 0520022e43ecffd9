//! CSV (RFC 4180), one row per finding or note, for spreadsheets and databases.
//!
//! A spreadsheet executes a cell that begins like a formula, and names in manifests are untrusted.
//! Such a cell gets a leading apostrophe (OWASP, "CSV Injection").

use std::io::{self, Write};

use pavisade_judgement::{Excepted, Judgement};
use pavisade_model::{Finding, Note, State, Subject};

use crate::place::{Places, field, relative};
use crate::text::{clean, cut};
use crate::{Options, advice, message, priority, summary};

/// The names of the columns. New columns are only added at the end.
const COLUMNS: [&str; 22] = [
    "state",
    "severity",
    "confidence",
    "check",
    "name",
    "area",
    "world",
    "group",
    "kind",
    "namespace",
    "object",
    "container",
    "file",
    "line",
    "column",
    "path",
    "message",
    "fix",
    "mends",
    "frameworks",
    "fingerprint",
    "exception",
];

/// Maximum length of a cell. Spreadsheets allow 32,767 characters.
const CELL: usize = 32_000;

type Row = [String; COLUMNS.len()];

/// Writes the result.
pub(crate) fn write(
    judgement: &Judgement,
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    let places = Places::new(judgement, options);
    line(&COLUMNS.map(str::to_owned), out)?;
    for finding in &judgement.findings {
        let state = match finding.state {
            State::Fails => "fails",
            State::Unknown => "unknown",
        };
        line(&row(finding, (state, String::new()), &places, options), out)?;
    }
    for finding in judgement.baseline.iter().flat_map(|compared| &compared.known) {
        line(&row(finding, ("known", String::new()), &places, options), out)?;
    }
    for Excepted { finding, exception, .. } in &judgement.excepted {
        let why = summary::exception(exception);
        line(&row(finding, ("excepted", why), &places, options), out)?;
    }
    for finding in &judgement.dismissed {
        let said = finding.vulnerability.as_deref().and_then(|found| found.statement.as_deref());
        let why = said.map(priority::statement).unwrap_or_default();
        line(&row(finding, ("dismissed", why), &places, options), out)?;
    }
    // Unread input comes first, since it makes the result incomplete.
    let mut notes: Vec<_> = judgement.notes.iter().collect();
    notes.sort_by_key(|note| note.kind);
    notes.iter().try_for_each(|note| line(&note_row(note, options), out))
}

fn row<'a>(
    finding: &'a Finding,
    (state, exception): (&str, String),
    places: &Places<'a>,
    options: &Options,
) -> Row {
    let rule = &finding.rule;
    let text = |text: &str| text.to_owned();
    let label = finding.subject.label();
    let (group, kind, namespace, name, container) = match &finding.subject {
        Subject::Object { group, kind, namespace, name, container } => {
            (&**group, &**kind, &**namespace, &**name, container.as_deref().unwrap_or(""))
        }
        Subject::World { .. } => ("", "", "", "", ""),
        Subject::Cluster { name } => ("", "cluster", "", &**name, ""),
        other => ("", other.word(), "", &*label, ""),
    };
    let place = places.text(finding);
    let (file, line, column) = match &place {
        Some((file, region)) => (&**file, region.line.to_string(), region.column.to_string()),
        None => ("", String::new(), String::new()),
    };
    [
        text(state),
        text(finding.severity.name()),
        text(finding.confidence.name()),
        text(&rule.id),
        text(&rule.name),
        text(rule.area.name()),
        text(finding.world()),
        text(group),
        text(kind),
        text(namespace),
        text(name),
        text(container),
        text(file),
        line,
        column,
        text(field(finding)),
        text(&message::of(finding)),
        text(advice::text(finding)),
        text(advice::fixable(finding).name()),
        options.frameworks.get(&*rule.id).map_or_else(String::new, |all| all.join(" ")),
        finding.fingerprint().to_string(),
        exception,
    ]
}

fn note_row(note: &Note, options: &Options) -> Row {
    let mut row = Row::default();
    let at = note.span.as_ref().map(|(source, start, _)| source.line_column(*start));
    let file = relative(&note.place, options.root.as_deref());
    for (column, cell) in COLUMNS.iter().zip(&mut row) {
        *cell = match (*column, at) {
            ("state", _) => summary::note_word(note.kind).to_owned(),
            ("file", _) => file.to_string(),
            ("line", Some((line, _))) => line.to_string(),
            ("column", Some((_, column))) => column.to_string(),
            ("message", _) => note.message.clone(),
            ("fix", _) => note.remedy.clone(),
            _ => String::new(),
        };
    }
    row
}

/// Writes one row.
pub(crate) fn line(row: &[String], out: &mut dyn Write) -> io::Result<()> {
    for (i, text) in row.iter().enumerate() {
        if i > 0 {
            out.write_all(b",")?;
        }
        out.write_all(cell(text).as_bytes())?;
    }
    out.write_all(b"\r\n")
}

/// Writes one cell: on one line, quoted if necessary, never a formula.
fn cell(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let cleaned = cut(&clean(&text), CELL).into_owned();
    let starts =
        |text: &str| text.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
    let mut safe = String::with_capacity(cleaned.len() + 1);
    // If `;` is the separator, the text after it begins a cell too.
    for (i, part) in cleaned.split(';').enumerate() {
        if i > 0 {
            safe.push(';');
        }
        if starts(part) {
            safe.push('\'');
        }
        safe.push_str(part);
    }
    if safe.contains([',', '"', ';', '\'']) {
        return format!("\"{}\"", safe.replace('"', "\"\""));
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::{COLUMNS, cell};
    use crate::fixture::mixed;
    use crate::hostile::{hostile, shown};
    use crate::{Format, Options};

    #[test]
    fn a_reader_of_csv_gets_every_finding_and_note_and_no_formula() {
        for judgement in [mixed(), hostile()] {
            let text = shown(Format::Csv, &judgement, &Options::default());
            assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
            let mut reader = csv::ReaderBuilder::new().from_reader(text.as_bytes());
            assert_eq!(reader.headers().unwrap().iter().collect::<Vec<_>>(), COLUMNS);
            let rows: Vec<_> = reader.records().map(|row| row.unwrap()).collect();
            assert_eq!(rows.len(), judgement.findings.len() + judgement.notes.len());
            for row in &rows {
                for cell in row {
                    assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell:?}");
                    assert!(cell.len() < 100_000);
                }
            }
            let states = |state: &str| rows.iter().filter(|row| &row[0] == state).count();
            let unread =
                judgement.notes.iter().filter(|n| n.kind == pavisade_model::NoteKind::Unread);
            assert_eq!(states("unread"), unread.count());
        }
    }

    #[test]
    fn cells() {
        for (text, expect) in [
            ("plain", "plain"),
            ("", ""),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("two\nlines", "two lines"),
            ("=1", "\"'=1\""),
            (" \t@x", "\"'@x\""),
            ("-1", "\"'-1\""),
            ("＝1", "\"'＝1\""),
            ("a;=1", "\"a;'=1\""),
            ("a-b=c", "a-b=c"),
        ] {
            assert_eq!(cell(text), expect, "{text:?}");
        }
    }
}
