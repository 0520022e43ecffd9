//! Markdown for a comment on a pull request: collapsed, and within the size limits of code hosts.
//!
//! Text from manifests is escaped: it creates no markup, no links, and no `@name` mentions.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::{self, Write};

use pavisade_judgement::{Excepted, Judgement};
use pavisade_model::{Finding, Note, NoteKind, Severity, State};

use crate::place::{Places, beside_message, relative};
use crate::summary::Counts;
use crate::text::{clean, count, cut, first_paragraph, number};
use crate::{Options, advice, message, summary};

/// Maximum size in bytes. GitHub allows 65,536 characters in a comment.
const LIMIT: usize = 60_000;
/// Bytes reserved for the end.
const TAIL: usize = 6_000;
/// Maximum number of places of a check, of reasons and of notes.
const LISTED: usize = 10;
/// Up to this number of findings are shown expanded.
const FEW: usize = 5;

/// Writes the result. With `--full`, the size is not limited.
pub(crate) fn write(
    judgement: &Judgement,
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    let places = Places::new(judgement, options);
    let view = View { judgement, options, places, few: judgement.findings.len() <= FEW };
    let mut text = view.head();
    let failed: Vec<&Finding> = judgement.of_state(State::Fails).collect();
    let same = |a: &&Finding, b: &&Finding| a.rule.id == b.rule.id && a.severity == b.severity;
    let mut left: Vec<&[&Finding]> = Vec::new();
    for group in failed.chunk_by(same) {
        let block = view.group(group);
        if left.is_empty() && (options.full || text.len() + block.len() <= LIMIT - TAIL) {
            text.push_str(&block);
        } else {
            left.push(group);
        }
    }
    if !left.is_empty() {
        text.push_str(&left_out(&left));
    }
    text.push_str(&view.tail(LIMIT.saturating_sub(text.len())));
    out.write_all(text.as_bytes())
}

struct View<'a> {
    judgement: &'a Judgement,
    options: &'a Options,
    places: Places<'a>,
    few: bool,
}

impl View<'_> {
    fn head(&self) -> String {
        let counts = Counts::of(self.judgement);
        let mut text = format!("## Pavisade: {}\n\n", summary::line(self.judgement));
        if counts.unread > 0 {
            let inputs = count(counts.unread, "input was not read", "inputs were not read");
            text.push_str(&format!(
                "> [!WARNING]\n> **The result is incomplete:** {inputs}. See *not read* below.\n\n"
            ));
        }
        if self.judgement.findings.is_empty() {
            return text;
        }
        // Only advisories can be without a score.
        let unscored = [counts.fails, counts.unknown].iter().any(|counts| counts[4] > 0);
        let shown = &Severity::ALL[..if unscored { 5 } else { 4 }];
        let heads: Vec<_> = shown.iter().map(|severity| severity.label()).collect();
        text.push_str(&format!(
            "| | {} |\n| ---{} |\n",
            heads.join(" | "),
            " | --:".repeat(heads.len())
        ));
        for (word, numbers) in [("fails", counts.fails), ("unknown", counts.unknown)] {
            if numbers.iter().sum::<usize>() > 0 {
                let cell = |n: &usize| if *n == 0 { "–".to_owned() } else { number(*n) };
                let cells: Vec<_> = numbers[..shown.len()].iter().map(cell).collect();
                text.push_str(&format!("| {word} | {} |\n", cells.join(" | ")));
            }
        }
        text.push('\n');
        text
    }

    /// Renders all findings of one check and severity.
    fn group(&self, group: &[&Finding]) -> String {
        let Some(first) = group.first() else { return String::new() };
        let (rule, severity) = (&first.rule, first.severity);
        let places = count(group.len(), "place", "places");
        let head = format!(
            "<b>{}</b> · {} · <code>{}</code> · {places}",
            severity.label(),
            html(rule.title.trim_end_matches('.')),
            rule.id
        );
        let mut body = format!("{}\n\n", rule.why.trim());
        let own = group.len() == 1 && !first.advice.is_empty();
        let fix = match own {
            true => inline(&first_paragraph(&first.advice)),
            false => rule.advice.trim().to_owned(),
        };
        body.push_str(&format!("**Fix.** {fix}\n\n"));
        if let Some(can) = advice::of_group(group) {
            body.push_str(&format!("{can}.\n\n"));
        }
        let listed = if self.options.full { group.len() } else { LISTED };
        let (shown, rest) = group.split_at(listed.min(group.len()));
        for finding in shown {
            let subject = beside_message(finding, self.judgement.worlds > 1);
            body.push_str(&format!(
                "- {} {}: {}\n",
                code(&self.places.shown(finding)),
                code(&subject),
                inline(&message::of(finding))
            ));
        }
        if !rest.is_empty() {
            body.push_str(&format!("- … and {}\n", count(rest.len(), "more place", "more places")));
        }
        folded(&head, &body, self.few || severity == Severity::Critical && group.len() <= FEW)
    }

    /// Renders unknown results, notes, and the checks that ran.
    fn tail(&self, room: usize) -> String {
        let mut text = String::new();
        for kind in NoteKind::ALL {
            text.push_str(&self.notes(kind));
        }
        text.push_str(&self.unknown());
        text.push_str(&self.excepted());
        let about = format!("<sub>{}</sub>\n", summary::about(self.judgement, self.options));
        if !self.options.full && text.len() + about.len() > room {
            // The counts are at the top. The texts are in the other formats.
            let notes = count(self.judgement.notes.len(), "note", "notes");
            text = format!(
                "{notes}, unknown results and exceptions are omitted: too long for a comment.\n\n"
            );
        }
        text + &about
    }

    fn excepted(&self) -> String {
        let all = &self.judgement.excepted;
        if all.is_empty() {
            return String::new();
        }
        let head = format!("<b>excepted</b> · {}", count(all.len(), "finding", "findings"));
        let listed = if self.options.full { all.len() } else { LISTED };
        let mut body = String::new();
        for Excepted { finding, exception, .. } in all.iter().take(listed) {
            body.push_str(&format!(
                "- {} `{}` {}, {}\n",
                code(&self.places.shown(finding)),
                finding.rule.name,
                inline(&message::of(finding)),
                inline(&summary::exception(exception))
            ));
        }
        if all.len() > listed {
            body.push_str(&format!("- … and {} more\n", number(all.len() - listed)));
        }
        folded(&head, &body, false)
    }

    fn notes(&self, kind: NoteKind) -> String {
        let notes: Vec<_> = self.judgement.notes.iter().filter(|n| n.kind == kind).collect();
        if notes.is_empty() {
            return String::new();
        }
        let word = match kind {
            NoteKind::Unread => "not read",
            NoteKind::Unjudged => "not checked",
            kind => summary::note_word(kind),
        };
        let head = format!("<b>{word}</b> · {}", count(notes.len(), "place", "places"));
        let listed = if self.options.full { notes.len() } else { LISTED };
        let mut body = String::new();
        for note in notes.iter().take(listed) {
            body.push_str(&self.note(note));
        }
        if notes.len() > listed {
            body.push_str(&format!("- … and {} more\n", number(notes.len() - listed)));
        }
        folded(&head, &body, false)
    }

    fn note(&self, note: &Note) -> String {
        let file = relative(&note.place, self.options.root.as_deref());
        let line = note.span.as_ref().map(|(source, at, _)| source.line_column(*at).0);
        let place = line.map_or_else(|| file.to_string(), |line| format!("{file}:{line}"));
        let remedy = match &*note.remedy {
            "" => String::new(),
            remedy => format!(": {}", inline(remedy)),
        };
        format!("- {} {}{remedy}\n", code(&place), inline(&note.message))
    }

    /// Renders the reasons of unknown results, highest severity first, each with its checks and
    /// places.
    fn unknown(&self) -> String {
        let mut reasons: Vec<(Cow<'_, str>, Vec<&Finding>)> = Vec::new();
        let mut index = std::collections::HashMap::new();
        for finding in self.judgement.of_state(State::Unknown) {
            let message = message::of(finding);
            let at = *index.entry(message.clone()).or_insert(reasons.len());
            if at == reasons.len() {
                reasons.push((message, Vec::new()));
            }
            reasons[at].1.push(finding);
        }
        if reasons.is_empty() {
            return String::new();
        }
        let total: usize = reasons.iter().map(|(_, all)| all.len()).sum();
        let head = format!("<b>unknown</b> · {} could not be determined", number(total));
        let listed = if self.options.full { reasons.len() } else { LISTED };
        let mut body = String::new();
        for (message, all) in reasons.iter().take(listed) {
            let checks: BTreeSet<_> = all.iter().map(|finding| &finding.rule.id).collect();
            let checks = match checks.len() {
                1 => checks.iter().map(|id| format!("`{id}`")).collect(),
                n => format!("{n} checks"),
            };
            let place = all.first().map_or_else(String::new, |f| self.places.shown(f));
            let more = match all.len() {
                1 => String::new(),
                n => format!(" and {}", count(n - 1, "more place", "more places")),
            };
            body.push_str(&format!("- {}: {checks}, {}{more}\n", inline(message), code(&place)));
        }
        if reasons.len() > listed {
            let more = count(reasons.len() - listed, "more reason", "more reasons");
            body.push_str(&format!("- … and {more}\n"));
        }
        folded(&head, &body, false)
    }
}

fn left_out(left: &[&[&Finding]]) -> String {
    let findings: usize = left.iter().map(|group| group.len()).sum();
    let firsts = left.iter().filter_map(|group| Some((group.first()?, group.len())));
    let names = firsts.take(40).map(|(f, n)| format!("`{}` ({})", f.rule.name, number(n)));
    let more = match left.len().saturating_sub(40) {
        0 => String::new(),
        n => format!(" and {}", count(n, "more check", "more checks")),
    };
    format!(
        "{} more, too many for a comment: {}{more}.\n\n",
        count(findings, "finding", "findings"),
        names.collect::<Vec<_>>().join(", ")
    )
}

/// Renders a collapsed section. Its content is Markdown only after an empty line.
fn folded(head: &str, body: &str, open: bool) -> String {
    let open = if open { " open" } else { "" };
    format!("<details{open}><summary>{head}</summary>\n\n{body}\n</details>\n\n")
}

/// Renders a trusted sentence as HTML.
fn html(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let parts = escaped.split('`').enumerate();
    parts.map(|(i, p)| if i % 2 == 1 { format!("<code>{p}</code>") } else { p.into() }).collect()
}

/// Renders untrusted text as a code span.
pub(crate) fn code(text: &str) -> String {
    let text = cut(&clean(text), 300).into_owned();
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let edge = |c: char| c == '`' || c == ' ';
    let pad =
        if text.is_empty() || text.starts_with(edge) || text.ends_with(edge) { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// Renders a trusted sentence with untrusted names: code spans are kept, everything else is text.
pub(crate) fn inline(text: &str) -> String {
    let text = cut(&clean(text), 600).into_owned();
    let parts: Vec<_> = text.split('`').collect();
    let paired = parts.len() % 2 == 1;
    let mut out = String::new();
    for (i, part) in parts.iter().enumerate() {
        if i % 2 == 1 && (paired || i + 1 < parts.len()) {
            out.push_str(&code(part));
        } else {
            plain(part, &mut out);
        }
    }
    out
}

/// Renders text that creates no markup, mention, reference to an issue, or link.
fn plain(text: &str, out: &mut String) {
    let text = text.replace("www.", "www<!-- -->.").replace("://", ":<!-- -->//");
    let mut rest = text.as_str();
    while let Some(at) = rest.find(|c: char| c.is_ascii_punctuation()) {
        out.push_str(&rest[..at]);
        if let Some(after) = rest[at..].strip_prefix("<!-- -->") {
            out.push_str("<!-- -->");
            rest = after;
            continue;
        }
        match rest.as_bytes()[at] {
            b'<' => out.push_str("&lt;"),
            b'>' => out.push_str("&gt;"),
            b'&' => out.push_str("&amp;"),
            b'@' => out.push_str("@<!-- -->"),
            b'#' => out.push_str("\\#<!-- -->"),
            c @ (b'\\' | b'*' | b'_' | b'[' | b']' | b'|' | b'~' | b'!' | b'$' | b'`') => {
                out.push('\\');
                out.push(char::from(c));
            }
            c => out.push(char::from(c)),
        }
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
}

#[cfg(test)]
#[path = "markdown_tests.rs"]
mod tests;
