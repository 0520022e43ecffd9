//! GitLab's code quality report: the subset of the Code Climate format that merge requests show.

use std::collections::HashMap;
use std::io::{self, Write};

use pavisade_judgement::Judgement;
use pavisade_model::{Finding, Note, NoteKind, Severity, State, Subject};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::place::{InFile, Places, relative};
use crate::text::{clean, cut};
use crate::{Options, guard, message, summary};

/// Maximum width of a description.
const TEXT: usize = 1000;

#[derive(Serialize)]
struct Issue {
    description: String,
    check_name: String,
    fingerprint: String,
    severity: &'static str,
    location: Location,
}

#[derive(Serialize)]
struct Location {
    path: String,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: u32,
}

/// Writes the result.
pub(crate) fn write(
    judgement: &Judgement,
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    let places = Places::new(judgement, options);
    let mut prints = Fingerprints::default();
    let mut notes: Vec<_> = judgement.notes.iter().collect();
    notes.sort_by_key(|note| note.kind);
    let of_notes: Vec<_> = notes.iter().map(|n| of_note(n, options, &mut prints)).collect();
    let findings = judgement.findings.iter().map(|f| issue(f, &places, &mut prints));
    let issues: Vec<_> = of_notes.into_iter().chain(findings).collect();
    guard::write(&issues, out)
}

fn issue<'a>(finding: &'a Finding, places: &Places<'a>, prints: &mut Fingerprints) -> Issue {
    let InFile { file, region } = places.in_file(finding);
    let unknown = if finding.state == State::Unknown { "unknown: " } else { "" };
    let message = cut(&clean(&message::of(finding)), TEXT).into_owned();
    let of = match finding.subject.whole() {
        Subject::Image { name, .. } => format!("; {}", cut(&clean(name), TEXT)),
        _ => String::new(),
    };
    Issue {
        description: format!("{unknown}{message} ({}{of})", finding.rule.id),
        check_name: finding.rule.name.to_string(),
        fingerprint: prints.next(&[&finding.fingerprint().to_string(), &file]),
        severity: match (finding.state, finding.severity) {
            (State::Unknown, _) | (_, Severity::Unknown) => "info",
            (_, Severity::Critical) => "blocker",
            (_, Severity::High) => "critical",
            (_, Severity::Medium) => "major",
            (_, Severity::Low) => "minor",
        },
        location: Location {
            path: file.into_owned(),
            lines: Lines { begin: region.map_or(1, |region| region.line) },
        },
    }
}

fn of_note(note: &Note, options: &Options, prints: &mut Fingerprints) -> Issue {
    let word = summary::note_word(note.kind);
    let message = cut(&clean(&note.message), TEXT).into_owned();
    let remedy = match &*note.remedy {
        "" => String::new(),
        remedy => format!(": {}", cut(&clean(remedy), TEXT)),
    };
    let incomplete = match note.kind {
        NoteKind::Unread => "not read, so the result is incomplete: ",
        _ => "",
    };
    Issue {
        description: format!("{incomplete}{message}{remedy}"),
        check_name: format!("pavisade-{word}"),
        fingerprint: prints.next(&[word, &note.place, &note.message]),
        severity: match note.kind {
            NoteKind::Unread => "critical",
            NoteKind::Warning | NoteKind::Drift => "minor",
            NoteKind::Unjudged | NoteKind::Info => "info",
        },
        location: Location {
            path: relative(&note.place, options.root.as_deref()).into_owned(),
            lines: Lines {
                begin: note.span.as_ref().map_or(1, |(source, at, _)| source.line_column(*at).0),
            },
        },
    }
}

/// GitLab shows only one of several entries with the same fingerprint. Pavisade's fingerprint does
/// not include the file, and two overlays may have the same object.
#[derive(Default)]
struct Fingerprints(HashMap<[u8; 16], u64>);

impl Fingerprints {
    fn next(&mut self, parts: &[&str]) -> String {
        let first = digest(parts, 0);
        let n = self.0.entry(first).or_default();
        let bytes = digest(parts, *n);
        *n += 1;
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn digest(parts: &[&str], n: u64) -> [u8; 16] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.update(n.to_le_bytes());
    let digest = hash.finalize();
    std::array::from_fn(|i| digest[i])
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::Value;

    use crate::fixture::{deployment, judged, mixed};
    use crate::hostile::{hostile, shown};
    use crate::{Format, Options};

    fn issues(judgement: &pavisade_judgement::Judgement) -> Vec<Value> {
        let root = Some("/home/me".to_owned());
        let text = shown(Format::Gitlab, judgement, &Options { root, ..Options::default() });
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn every_issue_has_what_gitlab_asks_for() {
        for judgement in [mixed(), hostile()] {
            let issues = issues(&judgement);
            assert_eq!(issues.len(), judgement.findings.len() + judgement.notes.len());
            let mut prints = HashSet::new();
            for issue in &issues {
                assert!(!issue["description"].as_str().unwrap().is_empty());
                assert!(!issue["check_name"].as_str().unwrap().is_empty());
                let severity = issue["severity"].as_str().unwrap();
                assert!(["info", "minor", "major", "critical", "blocker"].contains(&severity));
                assert!(!issue["location"]["path"].as_str().unwrap().starts_with("./"));
                assert!(issue["location"]["lines"]["begin"].as_u64().unwrap() >= 1);
                assert!(prints.insert(issue["fingerprint"].as_str().unwrap().to_owned()));
            }
        }
    }

    #[test]
    fn one_object_in_two_overlays_is_two_issues_and_stays_them() {
        let text = deployment("shop", "worker", "docker");
        let moved = format!("# a line more\n{text}");
        let worlds = |text: &str, wanted: std::ops::Range<usize>| {
            let files = [("/home/me/k/dev/a.yaml", text), ("/home/me/k/prod/a.yaml", text)];
            let one = |i: usize| judged(&[(".", &[files[i]])], Vec::new()).findings.remove(0);
            let mut judgement = judged(&[(".", &[])], Vec::new());
            judgement.findings = wanted.map(one).collect();
            issues(&judgement)
        };
        let (before, after) = (worlds(&text, 0..2), worlds(&moved, 0..2));
        assert_eq!(before[1]["fingerprint"], worlds(&text, 1..2)[0]["fingerprint"]);
        assert_eq!(before[0]["location"]["path"], "k/dev/a.yaml");
        assert_ne!(before[0]["fingerprint"], before[1]["fingerprint"]);
        for (a, b) in before.iter().zip(&after) {
            assert_eq!(a["fingerprint"], b["fingerprint"]);
            assert_ne!(a["location"]["lines"], b["location"]["lines"]);
        }
    }
}
