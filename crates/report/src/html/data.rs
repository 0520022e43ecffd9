//! The findings in the form that the page's script reads: rows of numbers, which refer to a list of
//! texts.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, Write};
use std::ops::Range;

use pavisade_judgement::Judgement;
use pavisade_model::{Area, Finding, Fixable, Location, Related, Severity, State, Subject};
use serde::Serialize;

use super::short;
use crate::place::{InFile, Places, beside_message, encode, field, workloads};
use crate::terminal::{Excerpt, has_neighbours};
use crate::text::{char_width, clean, cut};
use crate::{FrameworkStates, Options, advice, mask, message};

/// Maximum number of findings on a page, which a browser has to hold in memory.
pub(super) const MAX_FINDINGS: usize = 25_000;

/// Returns the findings on the page, highest severity first.
pub(super) fn shown(judgement: &Judgement) -> &[Finding] {
    &judgement.findings[..judgement.findings.len().min(MAX_FINDINGS)]
}

/// Maximum width of a source line.
const LINE: usize = 160;

#[derive(Serialize)]
struct Data<'a> {
    /// The texts, which rows refer to by index. The first is empty.
    strings: Vec<String>,
    areas: Vec<&'static str>,
    checks: Vec<CheckData<'a>>,
    /// The columns of a row: check, state, severity, confidence, world, namespace, object, subject,
    /// file, place, path, message, fix, fingerprint, what `pavisade fix` can do, workloads, whether
    /// it can be fixed (0 no, 1 safely, 2 riskily), link, kind, name, container, members, controls
    /// of members, further places. If there is a text, followed by line, before, marked, after,
    /// lines above and lines below.
    findings: Vec<Vec<usize>>,
    /// The states of each framework's controls, if requested.
    frameworks: &'a [FrameworkStates],
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
        findings.push(row(finding, check, judgement.worlds > 1, (places, options), &mut strings));
    }
    let areas = Area::ALL.iter().map(|area| area.name()).collect();
    let frameworks = &options.compliance;
    let data = Data { strings: strings.all, areas, checks, findings, frameworks };
    let json = serde_json::to_string(&data).map_err(io::Error::from)?;
    out.write_all(json.replace('<', "\\u003c").as_bytes())
}

fn row<'a>(
    finding: &'a Finding,
    check: usize,
    worlds: bool,
    (places, options): (&Places<'a>, &Options),
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
        fixable(finding),
        strings.add(&link(finding, places, options)),
    ];
    let [kind, name] = match &finding.subject {
        Subject::Object { kind, name, .. } => [&**kind, &**name],
        _ => ["", ""],
    };
    let container = finding.subject.container().unwrap_or("");
    row.extend([kind, name, container].map(|text| strings.add(&short(text))));
    row.push(strings.add(&members(finding, places)));
    let of_members = finding.members.iter().filter_map(|m| options.frameworks.get(&*m.rule.id));
    let controls: BTreeSet<_> = of_members.flatten().map(String::as_str).collect();
    row.push(strings.add(&controls.into_iter().collect::<Vec<_>>().join(" ")));
    row.push(strings.add(&further(finding, places)));
    if let Some(shown) = Shown::of(finding, places) {
        row.push(shown.line as usize);
        row.extend([&shown.before, &shown.marked, &shown.after].map(|text| strings.add(text)));
        row.extend([&shown.above, &shown.below].map(|lines| strings.add(&lines.join("\n"))));
    }
    row
}

/// Maximum number of members and places of a finding on the page.
const LISTED: usize = 40;

/// Returns the members of a finding, one per line: check, place and message separated by tabs.
fn members(finding: &Finding, places: &Places<'_>) -> String {
    let member = |one: &Finding| {
        let place = short(&places.shown(one));
        format!("{}\t{place}\t{}", one.rule.name, short(&message::of(one)))
    };
    let all = finding.members.iter().take(LISTED).map(member);
    let left = finding.members.len().saturating_sub(LISTED);
    let left = (left > 0).then(|| format!("\t\tand {left} more"));
    all.chain(left).collect::<Vec<_>>().join("\n")
}

/// Returns the further places of a finding, one per line.
fn further(finding: &Finding, places: &Places<'_>) -> String {
    if !finding.members.is_empty() {
        return String::new();
    }
    let place = |related: &Related| match &related.location {
        Location::Text { source, span, .. } => {
            let region = places.regions().get(source, span);
            let file = short(&source.shown());
            Some(format!("{}\t{file}:{}:{}", related.label, region.line, region.column))
        }
        _ => None,
    };
    finding.related.iter().filter_map(place).take(LISTED).collect::<Vec<_>>().join("\n")
}

/// Returns the best that `pavisade fix` can do for a finding.
fn fixable(finding: &Finding) -> usize {
    let each = finding.each().map(|one| match advice::fixable(one) {
        Fixable::Never => 0,
        Fixable::Safely => 1,
        Fixable::Riskily => 2,
    });
    each.filter(|how| *how > 0).min().unwrap_or(0)
}

/// Returns the link to the finding's file: relative to the page, or as configured by the user.
fn link(finding: &Finding, places: &Places<'_>, options: &Options) -> String {
    let Some(links) = &options.links else { return String::new() };
    if !matches!(finding.location, Location::Text { .. }) {
        return String::new();
    }
    let InFile { file, region } = places.in_file(finding);
    // Members of archives and standard input are not files.
    let outside = file.starts_with('/') || file.starts_with("..") || file.contains(':');
    if outside && links.contains("{file}") || file == "-" {
        return String::new();
    }
    let line = region.map_or(1, |region| region.line).to_string();
    let file = encode(&file);
    match links.contains("{file}") {
        true => links.replace("{file}", &file).replace("{line}", &line),
        false if file.starts_with('/') => format!("file://{file}"),
        false => format!("{links}{file}"),
    }
}

/// Number of source lines shown above and below a finding.
const CONTEXT: u32 = 2;

/// The source line of a finding in three parts, and the lines around it.
pub(super) struct Shown {
    pub line: u32,
    pub above: Vec<String>,
    pub below: Vec<String>,
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
        // The path shows where the line is.
        if excerpt.more && after.is_empty() {
            after.push_str(" …");
        }
        let around = |lines: Range<u32>| {
            let one = |line| {
                let (start, text) = source.line(line)?;
                // Lines next to a secret and lines with many values are not shown.
                let secrets = places.regions().secrets(source);
                let end = start as usize + text.len();
                let of_secret = matches!(&finding.subject,
                    Subject::Object { kind, .. } if **kind == *"Secret");
                let hidden = mask::is_secret(finding)
                    || of_secret
                    || text.len() > LINE
                    || has_neighbours(text)
                    || secrets.iter().any(|s| s.start < end && s.end > start as usize);
                Some(if hidden { "…".to_owned() } else { cut(&clean(text), LINE).into_owned() })
            };
            lines.filter_map(one).collect::<Vec<_>>()
        };
        let mut above = around(line.saturating_sub(CONTEXT).max(1)..line);
        let mut below = around(line + 1..line + 1 + CONTEXT);
        // Other documents are unrelated, and may contain secrets.
        let ends = |text: &String| text.starts_with("---") || text.starts_with("...");
        if let Some(at) = above.iter().rposition(ends) {
            above.drain(..=at);
        }
        if let Some(at) = below.iter().position(ends) {
            below.truncate(at);
        }
        // Remove common indentation.
        let own = [before.clone() + &marked];
        let lines = above.iter().chain(&own).chain(&below).filter(|text| !text.trim().is_empty());
        let lines = lines.filter(|text| *text != "…");
        let blank = |text: &String| text.len() - text.trim_start_matches(' ').len();
        let indent = lines.map(blank).min().unwrap_or(0);
        let dedent = |text: String| text.get(indent..).map_or(text.clone(), str::to_owned);
        let [above, below] = [above, below].map(|lines| lines.into_iter().map(dedent).collect());
        let before = match before.len() >= indent {
            true => dedent(before),
            false => before,
        };
        Some(Self { line, above, below, before, marked, after })
    }
}
