//! The findings as the page's script reads them: rows of numbers, texts once in a list.

use std::collections::HashMap;
use std::io::{self, Write};

use pavisade_judgement::Judgement;
use pavisade_model::{Area, Finding, Location, Severity, State, Subject};
use serde::Serialize;

use super::short;
use crate::place::{Places, beside_message, field, workloads};
use crate::terminal::Excerpt;
use crate::text::{char_width, clean, cut};
use crate::{Options, advice, mask, message};

/// Findings on a page: a browser has to hold them all.
pub(super) const MAX_FINDINGS: usize = 25_000;

/// The findings that the page has, worst first.
pub(super) fn shown(judgement: &Judgement) -> &[Finding] {
    &judgement.findings[..judgement.findings.len().min(MAX_FINDINGS)]
}

/// Columns of a line of source.
const LINE: usize = 160;

#[derive(Serialize)]
struct Data<'a> {
    /// Texts; rows hold their numbers. The first is empty.
    strings: Vec<String>,
    areas: Vec<&'static str>,
    checks: Vec<CheckData<'a>>,
    /// Check, state, severity, confidence, world, namespace, object, subject, file, place, path,
    /// message, fix, fingerprint, what the program can do, workloads; then line, before, marked,
    /// after where there is a text.
    findings: Vec<Vec<usize>>,
}

#[derive(Serialize)]
struct CheckData<'a> {
    id: &'a str,
    name: &'a str,
    title: &'a str,
    area: usize,
    frameworks: &'a [String],
}

#[derive(Default)]
struct Strings {
    all: Vec<String>,
    index: HashMap<String, usize>,
}

impl Strings {
    fn add(&mut self, text: &str) -> usize {
        if let Some(at) = self.index.get(text) {
            return *at;
        }
        let at = self.all.len();
        self.all.push(text.to_owned());
        self.index.insert(text.to_owned(), at);
        at
    }
}

/// Writes the JSON, in which no tag can begin.
pub(super) fn write<'a>(
    judgement: &'a Judgement,
    options: &Options,
    places: &Places<'a>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut strings = Strings::default();
    strings.add("");
    let mut checks = Vec::new();
    let mut index = HashMap::new();
    let mut findings = Vec::new();
    for finding in shown(judgement) {
        let check = *index.entry(&finding.rule.id).or_insert_with(|| {
            let rule = &finding.rule;
            let area = Area::ALL.iter().position(|area| *area == rule.area).unwrap_or(0);
            checks.push(CheckData {
                id: &rule.id,
                name: &rule.name,
                title: rule.title.trim_end_matches('.'),
                area,
                frameworks: options.frameworks.get(&*rule.id).map_or(&[][..], |all| all.as_slice()),
            });
            checks.len() - 1
        });
        findings.push(row(finding, check, judgement.worlds > 1, places, &mut strings));
    }
    let areas = Area::ALL.iter().map(|area| area.name()).collect();
    let data = Data { strings: strings.all, areas, checks, findings };
    let json = serde_json::to_string(&data).map_err(io::Error::from)?;
    out.write_all(json.replace('<', "\\u003c").as_bytes())
}

fn row<'a>(
    finding: &'a Finding,
    check: usize,
    worlds: bool,
    places: &Places<'a>,
    strings: &mut Strings,
) -> Vec<usize> {
    let severity = Severity::ALL.iter().position(|s| *s == finding.severity).unwrap_or(0);
    let namespace = match &finding.subject {
        Subject::Object { namespace, .. } => &**namespace,
        _ => "",
    };
    let file = places.text(finding).map_or_else(String::new, |(file, _)| short(&file));
    let mut path = field(finding).to_owned();
    if let Location::Field { value: Some(value), .. } = &finding.location {
        let value = match mask::is_secret(finding) {
            true => mask::MASK,
            false => value.as_str(),
        };
        path = format!("{path}: {value}");
    }
    let fix: Vec<_> = finding.advice.trim().split("\n\n").map(short).collect();
    let mut row = vec![
        check,
        usize::from(finding.state == State::Unknown),
        severity,
        strings.add(finding.confidence.name()),
        strings.add(&short(finding.world())),
        strings.add(&short(namespace)),
        strings.add(&short(&finding.subject.label())),
        strings.add(&short(&beside_message(finding, worlds))),
        strings.add(&file),
        strings.add(&short(&places.shown(finding))),
        strings.add(&short(&path)),
        strings.add(&short(&message::of(finding))),
        strings.add(&fix.join("\n")),
        strings.add(&finding.fingerprint().to_string()),
        strings.add(&advice::by_program(finding).unwrap_or_default()),
        strings.add(&short(&workloads(finding))),
    ];
    if let Some(shown) = Shown::of(finding, places) {
        row.push(shown.line as usize);
        row.extend([&shown.before, &shown.marked, &shown.after].map(|text| strings.add(text)));
    }
    row
}

/// The line of source that a finding points at, in three parts.
pub(super) struct Shown {
    pub line: u32,
    pub before: String,
    pub marked: String,
    pub after: String,
}

impl Shown {
    pub(super) fn of(finding: &Finding, places: &Places<'_>) -> Option<Self> {
        let Location::Text { source, span, .. } = &finding.location else { return None };
        let line = places.line(finding)?;
        let excerpt =
            Excerpt::new(places.regions(), source, line, span, mask::is_secret(finding), LINE)?;
        let (mut column, mut parts) = (0, [String::new(), String::new(), String::new()]);
        for c in excerpt.text.chars() {
            let part = match column {
                at if at < excerpt.mark.start => 0,
                at if at < excerpt.mark.end => 1,
                _ => 2,
            };
            parts[part].push(c);
            column += char_width(c);
        }
        let [before, marked, mut after] = parts.map(|part| cut(&clean(&part), LINE).into_owned());
        // The path says where the line stands.
        let before = before.trim_start().to_owned();
        if excerpt.more && after.is_empty() {
            after.push_str(" …");
        }
        Some(Self { line, before, marked, after })
    }
}
