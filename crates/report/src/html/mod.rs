//! A single HTML page: no other files, no connections, and no scripts but its own.
//!
//! The findings are in it twice: as JSON, which the script renders, and as plain HTML for browsers
//! without scripts (`noscript`, which others do not parse). Text from manifests never becomes
//! markup: it is escaped here and set as text by the script. The page's content security policy
//! allows one style and one script by their hashes, and nothing else.

use std::io::{self, Write};

use pavisade_judgement::{Judgement, RuleTally, Tally};
use pavisade_model::{Area, Finding, Note, NoteKind, Rule, Severity, State};
use sha2::{Digest as _, Sha256};

use crate::place::{Places, beside_message, relative};
use crate::summary::Counts;
use crate::text::{clean, count, cut, number};
use crate::{Options, advice, message, summary};

mod data;
pub(crate) mod prose;
#[cfg(test)]
mod tests;

use prose::{escape, line, markdown};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");
/// The markup between the findings and the script. It is static.
const TOOLS: &str = include_str!("tools.html");
const HELP: &str = include_str!("help.html");
/// The table of controls, which the script fills.
const COMPLIANCE: &str = include_str!("compliance.html");
const MARK: &str = include_str!("mark.svg");

/// Maximum width of a text.
const TEXT: usize = 2000;

/// Writes the page.
pub(crate) fn write(
    judgement: &Judgement,
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    let page = View {
        judgement,
        options,
        places: Places::new(judgement, options),
        counts: Counts::of(judgement),
    };
    page.head(out)?;
    page.overview(out)?;
    page.findings(out)?;
    page.notes(out)?;
    page.uncounted(out)?;
    if !options.compliance.is_empty() {
        out.write_all(COMPLIANCE.as_bytes())?;
    }
    page.checks(out)?;
    writeln!(
        out,
        "</main>\n<footer><p>Made by <a href=\"{}\" rel=\"noreferrer\">Pavisade</a> {}. This file stands \
         alone: it loads nothing and sends nothing.</p></footer>\n{HELP}",
        env!("CARGO_PKG_REPOSITORY"),
        env!("CARGO_PKG_VERSION")
    )?;
    write!(out, "<script type=\"application/json\" id=\"data\">")?;
    data::write(judgement, options, &page.places, out)?;
    writeln!(out, "</script>\n<script>{SCRIPT}</script>\n</body>\n</html>")
}

struct View<'a> {
    judgement: &'a Judgement,
    options: &'a Options,
    places: Places<'a>,
    counts: Counts,
}

/// Returns the source expression of a style or script for the policy.
fn hash(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digest = Sha256::digest(text.as_bytes());
    let mut base64 = String::new();
    for chunk in digest.chunks(3) {
        let bytes = [chunk[0], *chunk.get(1).unwrap_or(&0), *chunk.get(2).unwrap_or(&0)];
        let bits = u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]);
        for i in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * i)) as usize & 63];
            base64.push(if i <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    format!("'sha256-{base64}'")
}

impl<'a> View<'a> {
    fn head(&self, out: &mut dyn Write) -> io::Result<()> {
        let line = summary::line(self.judgement);
        let mut facts = vec![summary::about(self.judgement, self.options)];
        for cluster in &self.judgement.clusters {
            let version = cluster.version.as_deref().unwrap_or("of unknown version");
            let what = cluster.distribution.name.title();
            facts.push(format!("cluster {} ({version}, {what})", cluster.name));
        }
        if !self.judgement.excepted.is_empty() {
            facts.push(format!("{} excepted", number(self.judgement.excepted.len())));
        }
        if let Some(compared) = &self.judgement.baseline {
            let [known, gone] = [compared.known.len(), compared.gone.len()].map(number);
            facts.push(format!(
                "{known} in the baseline, {gone} of {} fixed",
                number(compared.total)
            ));
        }
        facts.extend(self.options.made.clone());
        let facts: Vec<_> = facts.iter().map(|fact| escape(&short(fact))).collect();
        writeln!(
            out,
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
             style-src {}; script-src {}; base-uri 'none'; form-action 'none'\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <meta name=\"referrer\" content=\"no-referrer\">\n\
             <title>Pavisade: {}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
             <a class=\"skip\" href=\"#findings\">Skip to the findings</a>\n\
             <header><div class=\"top\"><p class=\"brand\">{MARK}<span>Pavisade</span></p>\
             <button type=\"button\" id=\"theme\" hidden>Dark</button></div>\n\
             <div class=\"title\"><h1>{}</h1>\n<p class=\"muted\">{}</p></div></header>",
            hash(STYLE),
            hash(SCRIPT),
            escape(&line),
            escape(&headline(self.judgement, &self.counts)),
            facts.join(" · "),
        )
    }

    /// Writes counts by severity and area, and what is incomplete.
    fn overview(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.counts.unread > 0 {
            let inputs = count(self.counts.unread, "input was", "inputs were");
            let open = if self.counts.unread <= 3 { " open" } else { "" };
            writeln!(
                out,
                "<section class=\"banner\" aria-label=\"Not read\"><p><strong>This result is \
                 incomplete.</strong> {inputs} not read.</p>\n<details{open}><summary>What, and why\
                 </summary><ul>"
            )?;
            let unread = self.judgement.notes.iter().filter(|n| n.kind == NoteKind::Unread);
            unread.into_iter().try_for_each(|note| self.note(note, out))?;
            writeln!(out, "</ul></details></section>")?;
        }
        if self.judgement.findings.is_empty() {
            return Ok(());
        }
        writeln!(
            out,
            "<section class=\"overview\" aria-label=\"Overview\">\n<div class=\"cards\">"
        )?;
        let unknown: usize = self.counts.unknown.iter().sum();
        let fails = Severity::ALL.into_iter().zip(self.counts.fails);
        // Only advisories can be without a score.
        let fails = fails.filter(|(severity, n)| *severity != Severity::Unknown || *n > 0);
        let mut cards: Vec<_> = fails.map(|(s, n)| ("severity", s.label(), n)).collect();
        cards.push(("state", "unknown", unknown));
        for (field, word, n) in &cards {
            let none = if *n == 0 { " none" } else { "" };
            writeln!(
                out,
                "<a class=\"card {word}{none}\" href=\"#findings\" data-field=\"{field}\" \
                 data-value=\"{word}\"><strong>{}</strong> <span>{word}</span></a>",
                number(*n)
            )?;
        }
        let parts: Vec<_> = cards.iter().map(|(_, word, n)| (*word, *n)).collect();
        let all = parts.iter().map(|(_, n)| n).sum();
        writeln!(out, "</div>\n<div class=\"whole\">{}</div>", bar(&parts, all))?;
        let rows: Vec<_> = Area::ALL.iter().map(|area| (area.name(), self.parts(*area))).collect();
        let total = |parts: &[(&str, usize)]| parts.iter().map(|(_, n)| n).sum::<usize>();
        let most = rows.iter().map(|(_, parts)| total(parts)).max().unwrap_or(0);
        writeln!(out, "<ul class=\"areas\">")?;
        for (name, parts) in &rows {
            let fails = parts.iter().filter(|(word, _)| *word != "unknown").map(|(_, n)| n).sum();
            let (n, none) = match fails {
                0 => ("0".to_owned(), " class=\"none\""),
                n => (number(n), ""),
            };
            writeln!(
                out,
                "<li{none}><a href=\"#findings\" data-field=\"area\" data-value=\"{name}\">{name}</a>\
                 {}<span>{n}</span></li>",
                bar(parts, most)
            )?;
        }
        writeln!(out, "</ul>\n</section>")
    }

    fn parts(&self, area: Area) -> [(&'static str, usize); 6] {
        let of = |f: &&Finding| f.rule.area == area;
        let fails = |severity| {
            let all = self.judgement.of_state(State::Fails).filter(of);
            all.filter(|f| f.severity == severity).count()
        };
        let [critical, high, medium, low, unscored] = Severity::ALL.map(|s| (s.label(), fails(s)));
        let unknown = self.judgement.of_state(State::Unknown).filter(of).count();
        [critical, high, medium, low, unscored, ("unknown", unknown)]
    }

    fn findings(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "<main id=\"findings\" tabindex=\"-1\">")?;
        if self.judgement.findings.is_empty() {
            let text = match (summary::is_empty(self.judgement), self.counts.unread) {
                (true, _) => "No Kubernetes objects were found.".to_owned(),
                (_, 0) if summary::known(self.judgement) + self.judgement.excepted.len() > 0 => {
                    "All findings are covered by exceptions or part of the baseline: see below."
                        .to_owned()
                }
                (_, 0) => {
                    let holding =
                        self.judgement.tallies.iter().filter(|t| t.tally.holds > 0).count();
                    let checks = count(holding, "check holds", "checks hold");
                    format!("{checks} for what was read; none fails and none is in doubt.")
                }
                _ => "In what was read, that is: some of it was not.".to_owned(),
            };
            writeln!(out, "<p class=\"calm\">{}</p>", escape(&text))?;
            return Ok(());
        }
        let cut = self.judgement.findings.len() - data::shown(self.judgement).len();
        if cut > 0 {
            let findings = count(cut, "finding is", "findings are");
            writeln!(
                out,
                "<p class=\"calm\">{findings} not on this page: it shows the {} most severe, and \
                 the JSON format contains all.</p>",
                number(data::MAX_FINDINGS)
            )?;
        }
        writeln!(out, "<h2 class=\"away\">Findings</h2>\n{TOOLS}\n<div id=\"list\"></div>")?;
        writeln!(out, "<noscript>")?;
        let same = |a: &Finding, b: &Finding| {
            (a.state, a.severity, &a.rule.id) == (b.state, b.severity, &b.rule.id)
        };
        for group in data::shown(self.judgement).chunk_by(same) {
            self.group(group, out)?;
        }
        writeln!(out, "</noscript>")
    }

    /// Writes a group for browsers without scripts.
    fn group(&self, group: &'a [Finding], out: &mut dyn Write) -> io::Result<()> {
        let Some(first) = group.first() else { return Ok(()) };
        let (rule, word) = (&first.rule, word(first));
        writeln!(
            out,
            "<details class=\"group\"><summary><span class=\"severity {word}\">{word}</span> \
             <span class=\"name\">{}</span> <span class=\"number\">{}</span></summary>\
             <div class=\"body\"><p><a href=\"#{}\">{} {}: why, and how to fix it</a></p>",
            line(rule.title.trim_end_matches('.')),
            number(group.len()),
            rule.id,
            rule.id,
            rule.name,
        )?;
        for finding in group {
            let place = escape(&short(&self.places.shown(finding)));
            let subject = escape(&short(&beside_message(finding, self.judgement.worlds > 1)));
            writeln!(
                out,
                "<div class=\"finding\"><p>{}</p><p class=\"where\"><code>{place}</code> {subject}</p>",
                line(&short(&message::of(finding)))
            )?;
            if let Some(shown) = data::Shown::of(finding, &self.places) {
                let [before, marked, after] =
                    [&shown.before, &shown.marked, &shown.after].map(|text| escape(text));
                writeln!(
                    out,
                    "<pre><b>{}</b> {before}<mark>{marked}</mark>{after}</pre>",
                    shown.line
                )?;
            }
            if !finding.advice.is_empty() {
                writeln!(
                    out,
                    "<div class=\"fix\">{}</div>",
                    markdown(&cut(&finding.advice, TEXT))
                )?;
            }
            writeln!(out, "</div>")?;
        }
        writeln!(out, "</div></details>")
    }

    fn notes(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.judgement.notes.len() == self.counts.unread {
            return Ok(());
        }
        writeln!(out, "<section id=\"notes\"><h2>Notes</h2>")?;
        for (kind, head) in [
            (NoteKind::Warning, "Read differently than a cluster reads it"),
            (NoteKind::Drift, "Different in the cluster and in its files"),
            (NoteKind::Unjudged, "Installed from other sources and not checked"),
            (NoteKind::Info, "Other notes"),
        ] {
            let notes: Vec<_> = self.judgement.notes.iter().filter(|n| n.kind == kind).collect();
            if notes.is_empty() {
                continue;
            }
            let n = number(notes.len());
            writeln!(
                out,
                "<details class=\"notes\"><summary>{head} <span class=\"number\">{n}\
                 </span></summary><ul>"
            )?;
            notes.iter().try_for_each(|note| self.note(note, out))?;
            writeln!(out, "</ul></details>")?;
        }
        writeln!(out, "</section>")
    }

    fn note(&self, note: &Note, out: &mut dyn Write) -> io::Result<()> {
        let at = note.span.as_ref().map(|(source, at, _)| source.line_column(*at));
        let at = at.map_or_else(String::new, |(line, column)| format!(":{line}:{column}"));
        let file = relative(&note.place, self.options.root.as_deref());
        let place = escape(&short(&format!("{file}{at}")));
        write!(out, "<li><code>{place}</code> {}", line(&short(&note.message)))?;
        if !note.remedy.is_empty() {
            write!(out, "<br><span class=\"muted\">{}</span>", line(&short(&note.remedy)))?;
        }
        writeln!(out, "</li>")
    }

    /// Writes findings that do not count: those with exceptions, and those in the baseline.
    fn uncounted(&self, out: &mut dyn Write) -> io::Result<()> {
        let of = |finding: &'a Finding, why: &str| {
            let subject = beside_message(finding, self.judgement.worlds > 1);
            format!(
                "<li><code>{}</code> {}: {}<br><span class=\"muted\">{} <code>{}</code> {}</span></li>",
                escape(&short(&self.places.shown(finding))),
                escape(&short(&subject)),
                line(&short(&message::of(finding))),
                word(finding),
                finding.rule.id,
                line(&short(why))
            )
        };
        let excepted = self.judgement.excepted.iter();
        let excepted: Vec<_> =
            excepted.map(|e| of(&e.finding, &summary::exception(&e.exception))).collect();
        let compared = self.judgement.baseline.as_ref();
        let known = compared.iter().flat_map(|c| &c.known).map(|finding| of(finding, "")).collect();
        let gone = compared.iter().flat_map(|c| &c.gone).map(|gone| {
            let (subject, message) = (escape(&short(&gone.subject)), line(&short(&gone.message)));
            format!("<li><code>{}</code> {subject}: {message}</li>", escape(&short(&gone.check)))
        });
        let all = [
            ("Excepted", excepted),
            ("In the baseline", known),
            ("Fixed since the baseline", gone.collect()),
        ];
        for (head, rows) in all.iter().filter(|(_, rows)| !rows.is_empty()) {
            let n = count(rows.len(), "finding", "findings");
            writeln!(
                out,
                "<section><h2>{head}</h2><details class=\"notes\"><summary>{n} \
                 <span class=\"muted\">not counted above</span></summary><ul>{}</ul></details></section>",
                rows.join("\n")
            )?;
        }
        Ok(())
    }

    /// Writes the checks that ran. The script reads reasons and fixes from there too.
    fn checks(&self, out: &mut dyn Write) -> io::Result<()> {
        let n = self.judgement.tallies.len();
        writeln!(
            out,
            "<section id=\"checks\"><h2>Checks that ran</h2>\n<details class=\"all\"><summary>{}\
             </summary>\n<div class=\"row heads\" aria-hidden=\"true\"><span>Check</span>\
             <span>holds</span><span>fails</span><span>unknown</span><span>n/a</span></div>",
            count(n, "check", "checks")
        )?;
        for RuleTally { rule, tally, .. } in &self.judgement.tallies {
            self.check(rule, Some(*tally), out)?;
        }
        let ran = |rule: &Rule| self.judgement.tallies.iter().any(|t| t.rule.id == rule.id);
        let mut others: Vec<&Rule> = self.judgement.findings.iter().map(|f| &*f.rule).collect();
        others.sort_unstable_by_key(|rule| &rule.id);
        others.dedup_by_key(|rule| &rule.id);
        others.retain(|rule| !ran(rule));
        others.iter().try_for_each(|rule| self.check(rule, None, out))?;
        writeln!(out, "</details></section>")
    }

    fn check(&self, rule: &'a Rule, tally: Option<Tally>, out: &mut dyn Write) -> io::Result<()> {
        let cells = tally.map_or_else(String::new, |t| {
            let cell = |word, n: usize| {
                let class = if n == 0 { "none" } else { word };
                format!("<span class=\"{class}\" title=\"{word}\">{}</span>", number(n))
            };
            [
                cell("holds", t.holds),
                cell("fails", t.fails),
                cell("unknown", t.unknown),
                cell("not applicable", t.not_applicable),
            ]
            .concat()
        });
        write!(
            out,
            "<details class=\"check\" id=\"{}\"><summary class=\"row\"><span><code>{}</code> \
             <span>{}</span></span>{cells}</summary><div class=\"advice\"><div><h3>Why</h3>{}</div><div><h3>Fix</h3>{}",
            rule.id,
            rule.id,
            line(rule.title.trim_end_matches('.')),
            markdown(&rule.why),
            markdown(&rule.advice),
        )?;
        if let Some(can) = advice::of_check(rule) {
            write!(out, "<p class=\"can\">{}.</p>", line(&can))?;
        }
        writeln!(out, "</div></div></details>")
    }
}

/// Returns the severity of a failure, or that it is unknown.
fn word(finding: &Finding) -> &'static str {
    match finding.state {
        State::Fails => finding.severity.label(),
        State::Unknown => "unknown",
    }
}

/// Returns the headline.
fn headline(judgement: &Judgement, counts: &Counts) -> String {
    let fails: usize = counts.fails.iter().sum();
    match fails {
        0 if summary::is_empty(judgement) => "No objects".to_owned(),
        0 if summary::known(judgement) > 0 => {
            format!("Nothing new in {}", summary::judged(judgement))
        }
        0 => format!("No findings in {}", summary::judged(judgement)),
        _ => format!("{} in {}", count(fails, "finding", "findings"), summary::failing(judgement)),
    }
}

/// Renders a bar of parts. `all` is its total.
fn bar(parts: &[(&str, usize)], all: usize) -> String {
    let mut bar = String::from(
        "<svg class=\"bar\" viewBox=\"0 0 1000 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\">",
    );
    let (all, mut at) = (all.max(1) as f64, 0.0);
    for (word, n) in parts.iter().filter(|(_, n)| *n > 0) {
        // Even the smallest part is visible.
        let width = (*n as f64 * 1000.0 / all).max(4.0);
        bar.push_str(&format!(
            "<rect class=\"{word}\" x=\"{at:.1}\" width=\"{width:.1}\" height=\"10\"/>"
        ));
        at += width;
    }
    bar + "</svg>"
}

fn short(text: &str) -> String {
    cut(&clean(text), TEXT).into_owned()
}
