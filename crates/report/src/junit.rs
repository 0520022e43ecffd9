//! JUnit XML, valid for the schema of Jenkins' xUnit plugin (junit-10.xsd), which is the strictest.
//!
//! A suite is a check, and a case is a finding. A failed finding is a failure, an unknown one is
//! skipped with its reason, and unread input is an error. A check passes only if some subject
//! passes and none fails or is unknown.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};

use pavisade_judgement::{Excepted, Judgement, RuleTally, Tally};
use pavisade_model::{Finding, Note, NoteKind, Rule, State};

use crate::place::{Places, field, subject};
use crate::text::{clean, cut, first_paragraph, is_hidden, stand_in};
use crate::{Options, advice, message, summary};

/// Maximum width of a name or message.
const TEXT: usize = 2000;

/// Writes the result.
pub(crate) fn write(
    judgement: &Judgement,
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    let places = Places::new(judgement, options);
    let mut by_check = BTreeMap::<&str, Vec<(&Finding, Option<String>)>>::new();
    for (finding, aside) in all(judgement) {
        by_check.entry(&finding.rule.id).or_default().push((finding, aside));
    }
    let mut suites = Vec::new();
    for RuleTally { rule, tally, .. } in &judgement.tallies {
        let findings = by_check.remove(&*rule.id).unwrap_or_default();
        suites.push(suite(rule, Some(tally), &findings, &places, judgement.worlds > 1));
    }
    for findings in by_check.values() {
        if let Some((first, _)) = findings.first() {
            suites.push(suite(&first.rule, None, findings, &places, judgement.worlds > 1));
        }
    }
    suites.push(input(judgement, options));

    let sum = |of: fn(&Suite) -> usize| suites.iter().map(of).sum::<usize>();
    out.write_all(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")?;
    writeln!(
        out,
        "<testsuites name=\"pavisade\" tests=\"{}\" failures=\"{}\" errors=\"{}\" time=\"0\">",
        sum(|s| s.cases.len()),
        sum(|s| s.count("failure")),
        sum(|s| s.count("error")),
    )?;
    suites.iter().try_for_each(|suite| suite.write(out))?;
    out.write_all(b"</testsuites>\n")
}

/// Returns all findings, individually by check. Those that do not count have the reason.
fn all(judgement: &Judgement) -> impl Iterator<Item = (&Finding, Option<String>)> {
    let known = judgement.baseline.iter().flat_map(|compared| &compared.known);
    let known = known.map(|finding| (finding, Some("in the baseline".to_owned())));
    let excepted = judgement.excepted.iter().map(|Excepted { finding, exception, .. }| {
        (finding, Some(format!("excepted {}", short(&summary::exception(exception)))))
    });
    let all = judgement.findings.iter().map(|finding| (finding, None)).chain(known).chain(excepted);
    all.flat_map(|(finding, aside)| finding.each().map(move |each| (each, aside.clone())))
}

struct Suite {
    name: String,
    class: String,
    cases: Vec<Case>,
    /// Additional text.
    text: String,
}

struct Case {
    name: String,
    /// Element, type, message and text. `None` if it passed.
    outcome: Option<(&'static str, &'static str, String, String)>,
}

impl Suite {
    fn count(&self, element: &str) -> usize {
        let is = |case: &&Case| case.outcome.as_ref().is_some_and(|(e, ..)| *e == element);
        self.cases.iter().filter(is).count()
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"0\">",
            escape(&self.name),
            self.cases.len(),
            self.count("failure"),
            self.count("error"),
            self.count("skipped"),
        )?;
        // Tools that compare runs treat cases with equal names as one.
        let mut seen = HashMap::<&str, usize>::new();
        for case in &self.cases {
            let n = seen.entry(&case.name).or_default();
            *n += 1;
            let number = if *n > 1 { format!(" ({n})") } else { String::new() };
            let (name, class) = (escape(&case.name), escape(&self.class));
            write!(out, "    <testcase name=\"{name}{number}\" classname=\"{class}\" time=\"0\"")?;
            match &case.outcome {
                None => out.write_all(b"/>\n")?,
                Some((element, kind, message, text)) => {
                    let message = escape(message);
                    writeln!(out, ">\n      <{element} type=\"{kind}\" message=\"{message}\">")?;
                    writeln!(out, "{}</{element}>\n    </testcase>", escape(text))?;
                }
            }
        }
        if !self.text.is_empty() {
            writeln!(out, "    <system-out>{}</system-out>", escape(&self.text))?;
        }
        out.write_all(b"  </testsuite>\n")
    }
}

fn suite<'a>(
    rule: &'a Rule,
    tally: Option<&Tally>,
    findings: &[(&'a Finding, Option<String>)],
    places: &Places<'a>,
    worlds: bool,
) -> Suite {
    let case = |(finding, aside): &(&'a Finding, Option<String>)| {
        let message = short(&message::of(finding));
        let (label, path) = (subject(finding, worlds), field(finding));
        let name = if path.is_empty() { label } else { format!("{label}: {path}") };
        let mut text = format!("{}: {message}\n", short(&places.shown(finding)));
        text.push_str(&format!("why: {}\n", first_paragraph(&rule.why)));
        text.push_str(&format!("fix: {}\n", short(&first_paragraph(advice::text(finding)))));
        if let Some(can) = advice::by_program(finding) {
            text.push_str(&format!("{can}\n"));
        }
        let (element, kind, message) = match (aside, finding.state) {
            (Some(why), _) => ("skipped", "skipped", format!("{why} ({message})")),
            (None, State::Fails) => ("failure", finding.severity.name(), message),
            (None, State::Unknown) => ("skipped", "unknown", format!("unknown: {message}")),
        };
        Case { name: short(&name), outcome: Some((element, kind, message, text)) }
    };
    let mut cases: Vec<_> = findings.iter().map(case).collect();
    let mut text = String::new();
    if let Some(tally) = tally {
        let Tally { holds, fails, unknown, not_applicable } = tally;
        text = format!(
            "{holds} hold, {fails} fail, {unknown} unknown, {not_applicable} not applicable"
        );
        if cases.is_empty() {
            let skip = |why: String| Some(("skipped", "skipped", why, String::new()));
            let outcome = match (fails, unknown, holds) {
                (0, 0, 0) => skip("not applicable to the input".to_owned()),
                (0, 0, _) => None,
                (fails, unknown, _) => skip(format!(
                    "{fails} fail and {unknown} are unknown: omitted from this result"
                )),
            };
            cases.push(Case { name: "no findings".to_owned(), outcome });
        }
    }
    Suite {
        name: format!("{} {}", rule.id, rule.name),
        class: format!("pavisade.{}", rule.name),
        cases,
        text,
    }
}

/// Returns what was read, and what was not.
fn input(judgement: &Judgement, options: &Options) -> Suite {
    let said = |note: &Note| match (&*note.message, &*note.remedy) {
        (message, "") => short(message),
        (message, remedy) => format!("{}: {}", short(message), short(remedy)),
    };
    let unread = judgement.notes.iter().filter(|note| note.kind == NoteKind::Unread);
    let mut cases: Vec<_> = unread
        .map(|note| Case {
            name: short(&place(note)),
            outcome: Some(("error", "unread", said(note), "the result is incomplete\n".to_owned())),
        })
        .collect();
    if cases.is_empty() {
        let objects = summary::judged(judgement);
        let nothing = "no Kubernetes objects were found".to_owned();
        let outcome =
            (summary::is_empty(judgement)).then(|| ("skipped", "skipped", nothing, String::new()));
        let name =
            if summary::is_empty(judgement) { "no objects to check".to_owned() } else { objects };
        // The name is the same in every run. The number is in the text.
        let name = if outcome.is_none() { "everything was read".to_owned() } else { name };
        cases.push(Case { name, outcome });
    }
    let mut text =
        format!("{}\n{}\n", summary::line(judgement), summary::about(judgement, options));
    for note in judgement.notes.iter().filter(|note| note.kind != NoteKind::Unread) {
        let word = summary::note_word(note.kind);
        text.push_str(&format!("{word}: {}: {}\n", short(&place(note)), said(note)));
    }
    Suite { name: "input".to_owned(), class: "pavisade.input".to_owned(), cases, text }
}

fn place(note: &Note) -> String {
    match &note.span {
        Some((source, start, _)) => format!("{}:{}", note.place, source.line_column(*start).0),
        None => note.place.clone(),
    }
}

fn short(text: &str) -> String {
    cut(&clean(text), TEXT).into_owned()
}

/// Escapes text for XML 1.0. Characters that it cannot represent are replaced.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push('\n'),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c if is_hidden(c) => out.push(stand_in(c)),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use pavisade_judgement::RuleTally;
    use roxmltree::{Document, Node};

    use crate::fixture::{CLASSES, deployment, judged, mixed};
    use crate::hostile::{NAMES, hostile, shown};
    use crate::{Format, Options};

    fn checked(text: &str, see: impl FnOnce(Node<'_, '_>)) {
        let document = Document::parse(text).unwrap();
        let root = document.root_element();
        let count = |node: Node<'_, '_>, name: &str| {
            node.descendants().filter(|n| n.has_tag_name(name)).count().to_string()
        };
        for node in root.descendants().filter(|n| n.has_tag_name("testsuite") || *n == root) {
            assert_eq!(node.attribute("tests").unwrap(), count(node, "testcase"));
            assert_eq!(node.attribute("failures").unwrap(), count(node, "failure"));
            assert_eq!(node.attribute("errors").unwrap(), count(node, "error"));
        }
        see(root);
    }

    fn outcomes<'a>(root: Node<'a, 'a>, suite: &str) -> Vec<&'a str> {
        let suite = root.children().find(|n| n.attribute("name") == Some(suite)).unwrap();
        let cases = suite.children().filter(|n| n.has_tag_name("testcase"));
        let outcome = |case: Node<'a, 'a>| {
            case.first_element_child().map_or("passed", |n| n.tag_name().name())
        };
        cases.map(outcome).collect()
    }

    #[test]
    fn only_what_is_proven_passes() {
        let text = shown(Format::Junit, &mixed(), &Options::default());
        checked(&text, |root| {
            assert_eq!(outcomes(root, "PV-C001 privileged-container"), ["failure"; 12]);
            assert!(outcomes(root, "PV-D001 plaintext-etcd").contains(&"failure"));
            let storage = outcomes(root, "PV-D004 unencrypted-storage-class");
            assert!(storage.contains(&"skipped") && storage.contains(&"failure"), "{storage:?}");
            assert_eq!(outcomes(root, "input"), ["error"; 6]);
        });
        let well = deployment("a", "b", "c").replace("privileged: true", "privileged: false");
        let mut judgement = judged(&[(".", &[("a.yaml", &well)])], Vec::new());
        judgement.findings.clear();
        let text = shown(Format::Junit, &judgement, &Options::default());
        checked(&text, |root| {
            assert_eq!(outcomes(root, "PV-C001 privileged-container"), ["passed"]);
            assert_eq!(outcomes(root, "PV-D001 plaintext-etcd"), ["skipped"]);
            assert_eq!(outcomes(root, "input"), ["passed"]);
        });
        // Findings that were filtered out did not pass.
        let bad = deployment("a", "b", "c");
        let mut judgement = judged(&[(".", &[("a.yaml", &bad)])], Vec::new());
        judgement.findings.clear();
        let text = shown(Format::Junit, &judgement, &Options::default());
        checked(&text, |root| {
            assert_eq!(outcomes(root, "PV-C001 privileged-container"), ["skipped"]);
        });
        let classes = CLASSES.split("---\n");
        let doubt: Vec<_> = classes.filter(|text| !text.contains("longhorn")).collect();
        let sure = "---\napiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: ours}\n\
                    provisioner: ebs.csi.aws.com\nparameters: {encrypted: \"true\"}\n";
        let text = format!("{}{sure}", doubt.join("---\n"));
        let mut judgement = judged(&[(".", &[("a.yaml", &text)])], Vec::new());
        judgement.findings.clear();
        let of = |counted: &&RuleTally| counted.rule.id == "PV-D004";
        let RuleTally { tally, .. } = judgement.tallies.iter().find(of).unwrap();
        assert!(tally.fails == 0 && tally.unknown > 0 && tally.holds > 0, "{tally:?}");
        let text = shown(Format::Junit, &judgement, &Options::default());
        checked(&text, |root| {
            assert_eq!(outcomes(root, "PV-D004 unencrypted-storage-class"), ["skipped"]);
        });
    }

    #[test]
    fn names_are_text_and_cases_are_told_apart() {
        let text = shown(Format::Junit, &hostile(), &Options::default());
        checked(&text, |root| {
            let names: Vec<_> = root
                .descendants()
                .filter(|n| n.has_tag_name("testcase"))
                .map(|n| (n.attribute("classname").unwrap(), n.attribute("name").unwrap()))
                .collect();
            let different: std::collections::HashSet<_> = names.iter().collect();
            assert_eq!(different.len(), names.len());
            assert!(names.iter().any(|(_, name)| name.contains(NAMES[0])), "{names:?}");
            assert!(names.iter().any(|(_, name)| name.contains(NAMES[2])), "{names:?}");
        });
    }
}
