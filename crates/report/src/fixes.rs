//! Output of `pavisade fix`: a diff for `git apply`, or a summary.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use pavisade_judgement::Fixed;
use pavisade_model::{Finding, Fixable};
use pavisade_secrets as secrets;
use serde::Serialize;
use similar::udiff::UnifiedDiffHunk;
use similar::{Algorithm, DiffOp, DiffTag, TextDiff};

use crate::terminal::Page;
use crate::terminal::style::{self, DIM, GOOD, PLAIN, STRONG};
use crate::{Layout, Options, guard, mask, message};

/// The result of `pavisade fix`.
#[derive(Debug, Clone, Copy)]
pub struct Fixes<'f> {
    /// The texts that were changed or whose fixes were refused.
    pub files: &'f [Fixed<'f>],
    /// Whether the changes were written.
    pub written: bool,
    /// The number of findings that a risky fix would fix, by check name.
    pub risky: &'f BTreeMap<&'f str, usize>,
    /// The number of findings whose text is not a file (rendered, in an archive, standard input).
    pub elsewhere: usize,
    /// The number of findings that require a manual fix.
    pub by_hand: usize,
    /// Whether part of the input could not be read.
    pub incomplete: bool,
    /// The result of the second scan, if there was one.
    pub again: Option<&'f Again>,
}

/// A second scan compared with the first.
#[derive(Debug, Clone, Default)]
pub struct Again {
    /// The number of fixed findings that are gone.
    pub gone: usize,
    /// Fixed findings that still exist: kind, name and message of each.
    pub still: Vec<String>,
    /// Findings that did not exist before.
    pub new: Vec<String>,
}

/// What a diff hides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hidden {
    /// The number of changes next to a secret whose line is omitted.
    pub beside: usize,
    /// The number of changed lines with a masked secret, which do not match the file.
    pub masked: usize,
}

/// Writes the diffs in the unified format. `exact` keeps control characters, for programs. Context
/// lines that contain a secret are omitted.
///
/// # Errors
/// Writing to `out` fails.
pub fn fixes_diff(
    fixes: &Fixes<'_>,
    exact: bool,
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<Hidden> {
    let mut hidden = Hidden::default();
    for file in fixes.files {
        let text = difference(file, &mut hidden);
        if exact && !options.color {
            out.write_all(text.as_bytes())?;
            continue;
        }
        let mut page = Page::new(options, out);
        for line in text.lines() {
            page.put(of_line(line), line).end();
        }
        page.flush()?;
    }
    Ok(hidden)
}

/// Number of context lines.
const AROUND: usize = 3;

fn difference(file: &Fixed<'_>, hidden: &mut Hidden) -> String {
    // Myers' algorithm is quadratic for many small changes in a long text.
    let diff = TextDiff::configure()
        .algorithm(Algorithm::Patience)
        .diff_lines(file.before.as_str(), file.text.as_str());
    let (before, after) = (shown(&file.before), shown(&file.text));
    let is_secret = |line: usize| matches!(before.get(line), Some(Cow::Owned(_)));
    let name = file.name.trim_start_matches("./").trim_start_matches('/');
    let mut text = String::new();
    for ops in diff.grouped_ops(AROUND) {
        for ops in without_secrets(ops, &is_secret) {
            if text.is_empty() {
                text = format!("--- a/{name}\n+++ b/{name}\n");
            }
            let hunk = UnifiedDiffHunk::new(ops, &diff, true);
            let end = hunk.ops().last().map_or(0, |op| op.old_range().end);
            let changed = hunk.ops().last().is_some_and(|op| op.tag() != DiffTag::Equal);
            hidden.beside += usize::from(changed && end < before.len());
            text.push_str(&format!("{}\n", hunk.header()));
            for change in hunk.iter_changes() {
                let old = change.old_index().and_then(|line| before.get(line));
                let new = change.new_index().and_then(|line| after.get(line));
                let line = old.or(new).map_or("", |line| &**line);
                hidden.masked += usize::from(matches!(old.or(new), Some(Cow::Owned(_))));
                text.push_str(&format!("{}{}\n", change.tag(), line.trim_end_matches('\n')));
                if change.missing_newline() {
                    text.push_str("\\ No newline at end of file\n");
                }
            }
        }
    }
    text
}

/// Returns the lines of a text, with secrets masked.
fn shown(text: &str) -> Vec<Cow<'_, str>> {
    let secrets = secrets::places(text);
    let mut start = 0;
    let lines = text.split_inclusive('\n').map(|line| {
        let first = secrets.partition_point(|secret| secret.end <= start);
        let is_secret = secrets.get(first).is_some_and(|secret| secret.start < start + line.len());
        let shown = match is_secret {
            true => mask::secrets(line, start, &secrets, 0..0).0.into(),
            false => line.into(),
        };
        start += line.len();
        shown
    });
    lines.collect()
}

/// Splits the changes of a hunk at context lines that contain a secret.
fn without_secrets(ops: Vec<DiffOp>, is_secret: &dyn Fn(usize) -> bool) -> Vec<Vec<DiffOp>> {
    let mut groups: Vec<Vec<DiffOp>> = vec![Vec::new()];
    let last = ops.len().saturating_sub(1);
    for (i, op) in ops.into_iter().enumerate() {
        let DiffOp::Equal { old_index, new_index, len } = op else {
            groups.last_mut().into_iter().for_each(|group| group.push(op));
            continue;
        };
        let secret = |n: &usize| is_secret(old_index + n);
        let equal = |from: usize, to: usize| {
            (from < to).then_some(DiffOp::Equal {
                old_index: old_index + from,
                new_index: new_index + from,
                len: to - from,
            })
        };
        let (first, end) = ((0..len).find(secret), (0..len).rfind(secret));
        let (Some(first), Some(end)) = (first, end) else {
            groups.last_mut().into_iter().for_each(|group| group.push(op));
            continue;
        };
        if i > 0 {
            groups.last_mut().into_iter().for_each(|group| group.extend(equal(0, first)));
            groups.push(Vec::new());
        }
        if i < last {
            groups.last_mut().into_iter().for_each(|group| group.extend(equal(end + 1, len)));
        }
    }
    groups.retain(|group| group.iter().any(|op| op.tag() != DiffTag::Equal));
    groups
}

fn of_line(line: &str) -> Style {
    match line.as_bytes() {
        [b'+', b'+', b'+', ..] | [b'-', b'-', b'-', ..] => STRONG,
        [b'+', ..] => AnsiColor::Green.on_default(),
        [b'-', ..] => AnsiColor::Red.on_default(),
        [b'@', ..] => AnsiColor::Cyan.on_default(),
        _ => PLAIN,
    }
}

#[derive(Serialize)]
struct Document<'a> {
    written: bool,
    files: Vec<File<'a>>,
    needs_risky: &'a BTreeMap<&'a str, usize>,
    elsewhere: usize,
    by_hand: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    again: Option<After<'a>>,
}

#[derive(Serialize)]
struct File<'a> {
    file: &'a str,
    fixed: Vec<Entry<'a>>,
    refused: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    check: &'a str,
    name: &'a str,
    fingerprint: String,
    subject: String,
    message: Cow<'a, str>,
    #[serde(rename = "mends")]
    fixable: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

#[derive(Serialize)]
struct After<'a> {
    gone: usize,
    still: &'a [String],
    new: &'a [String],
}

fn entry(finding: &Finding, why: Option<String>) -> Entry<'_> {
    Entry {
        check: &finding.rule.id,
        name: &finding.rule.name,
        fingerprint: finding.fingerprint().to_string(),
        subject: finding.subject.label(),
        message: message::of(finding),
        fixable: finding.rule.fixable.name(),
        why,
    }
}

/// Writes the summary.
///
/// # Errors
/// Writing to `out` fails.
pub fn fixes(
    fixes: &Fixes<'_>,
    layout: Layout,
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    if layout == Layout::Json {
        let files = fixes.files.iter().map(|file| File {
            file: &file.name,
            fixed: file.made.iter().map(|finding| entry(finding, None)).collect(),
            refused: file.refused.iter().map(|(f, why)| entry(f, Some(why.to_string()))).collect(),
        });
        let document = Document {
            written: fixes.written,
            files: files.collect(),
            needs_risky: fixes.risky,
            elsewhere: fixes.elsewhere,
            by_hand: fixes.by_hand,
            again: fixes.again.map(|again| After {
                gone: again.gone,
                still: &again.still,
                new: &again.new,
            }),
        };
        return guard::write(&document, out);
    }
    let mut page = Page::new(options, out);
    let (mut made, mut changed) = (0, 0);
    for file in fixes.files {
        let mut by_check = BTreeMap::<_, usize>::new();
        for finding in &file.made {
            *by_check.entry((&finding.rule.name, finding.rule.fixable)).or_default() += 1;
        }
        made += file.made.len();
        changed += usize::from(!file.made.is_empty());
        page.put(STRONG, &file.name).end();
        for ((name, fixable), count) in by_check {
            page.gap(2).put(GOOD, &format!("{count:>4}")).gap(1).put(PLAIN, name);
            if fixable == Fixable::Riskily {
                page.put(DIM, " (may break workloads that rely on what is removed)");
            }
            page.end();
        }
        for (finding, why) in &file.refused {
            page.gap(2).put(style::UNKNOWN, "left").gap(1).put(PLAIN, &finding.rule.name);
            page.put(DIM, &format!(" in {}: {why}", finding.subject.label())).end();
        }
    }
    if !fixes.files.is_empty() {
        page.end();
    }
    let verb = if fixes.written { "Fixed" } else { "Would fix" };
    let text = match made {
        0 if fixes.incomplete => "Nothing to fix in the files that could be read".to_owned(),
        0 => "Nothing to fix".to_owned(),
        _ => format!("{verb} {} in {}", several(made, "finding"), several(changed, "file")),
    };
    page.put(STRONG, &text).put(PLAIN, ".").end();
    let risky: usize = fixes.risky.values().sum();
    if risky > 0 {
        let names: Vec<_> =
            fixes.risky.iter().map(|(name, count)| format!("{name} {count}")).collect();
        let text = format!(
            "{} can be fixed with --risky, or with --check NAME for a single check: {}. These \
             fixes may break workloads that rely on what is removed, so review --diff first.",
            several(risky, "finding"),
            names.join(", ")
        );
        page.wrapped(PLAIN, &text, 0, 2);
    }
    if fixes.elsewhere > 0 {
        let text = format!(
            "{} in content that is not a separate file: change the chart or archive that contains \
             it.",
            several(fixes.elsewhere, "finding")
        );
        page.wrapped(PLAIN, &text, 0, 2);
    }
    if fixes.by_hand > 0 {
        let text = format!(
            "{} must be fixed manually: `pavisade scan` shows how.",
            several(fixes.by_hand, "finding")
        );
        page.wrapped(PLAIN, &text, 0, 2);
    }
    if !options.configuration.is_empty() {
        let text =
            format!("Configured {}; `--no-config` uses no configuration.", options.configuration);
        page.wrapped(PLAIN, &text, 0, 2);
    }
    if let Some(again) = fixes.again {
        let text = format!(
            "After the fix: {} of {made} findings are gone, {} new.",
            again.gone,
            match again.new.len() {
                0 => "none is".to_owned(),
                1 => "1 is".to_owned(),
                n => format!("{n} are"),
            }
        );
        page.put(PLAIN, &text).end();
        for (label, texts) in [("still present", &again.still), ("new", &again.new)] {
            for text in texts {
                page.gap(2).put(style::UNKNOWN, label).gap(1).put(PLAIN, text).end();
            }
        }
    }
    page.flush()
}

fn several(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
