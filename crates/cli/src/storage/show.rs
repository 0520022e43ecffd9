//! The result for terminals.

use std::fmt::Write as _;

use pavisade_report::one_line;
use pavisade_storage::{Count, Form, Integrity, Proof, Tally};

use super::{Member, Proven, Read, absent, counted, has_stale, is_expected, required, verdict};

/// The number of stale objects and damaged places that are shown without `--full`.
const FEW: usize = 5;

pub(crate) fn text(read: &Read, require: &[String], full: bool, color: bool) -> String {
    let mut out = String::new();
    for member in &read.members {
        one(&mut out, member, read, require, full, color);
    }
    if read.members.len() > 1 && read.drift.is_empty() {
        out.push_str(match read.compared {
            true => "The members have the same data.\n",
            false => "Not all members could be compared.\n",
        });
    }
    for line in &read.drift {
        let _ = writeln!(out, "{} {}", paint("drift:", "1;31", color), one_line(line));
    }
    if let Some(why) = read.refused() {
        let unknown = paint("unknown:", "1;33", color);
        let _ = writeln!(out, "{unknown} what is stale: {}", one_line(why));
    }
    let absent = nothing_proven(read, require);
    if !absent.is_empty() && !out.ends_with("\n\n") {
        out.push('\n');
    }
    out.push_str(&absent);
    out
}

/// Returns a line for each resource that must be encrypted but is not in a database.
pub(crate) fn nothing_proven(read: &Read, require: &[String]) -> String {
    let line = |name: &str| {
        let name = one_line(name);
        format!("No objects of `{name}` were found, so nothing is proven about them.\n")
    };
    absent(read, require).into_iter().map(line).collect()
}

fn one(
    out: &mut String,
    member: &Member,
    read: &Read,
    require: &[String],
    full: bool,
    color: bool,
) {
    let proof = &member.proof;
    let _ = writeln!(out, "{}", paint(&one_line(&member.name), "1", color));
    let compacted = match proof.compacted {
        Some(revision) => format!("compacted up to {revision}"),
        None if !proof.complete => "compaction unknown".to_owned(),
        None => "never compacted".to_owned(),
    };
    let revision = match proof.revision {
        0 if !proof.complete => "unknown".to_owned(),
        revision => revision.to_string(),
    };
    let hash = match proof.integrity {
        Integrity::Right => "SHA-256 of the snapshot matches",
        Integrity::Wrong => "SHA-256 OF THE SNAPSHOT DOES NOT MATCH",
        Integrity::None => "no snapshot hash",
        Integrity::Cut => "CUT OR APPENDED",
    };
    let _ = writeln!(out, "  {}, revision {revision}, {compacted}, {hash}\n", size(proof.size));
    let (table, hidden) = table(proof, read, require, full);
    out.push_str(&table);
    if hidden > 0 {
        let _ = writeln!(
            out,
            "  {hidden} more {} in plain text that need no encryption: --full",
            if hidden == 1 { "resource" } else { "resources" }
        );
    }
    out.push('\n');
    let before = out.len();
    for (name, tally) in &proof.resources {
        let must = required(name, tally, require);
        if must || has_stale(tally) || read.is_unclear_for(tally.writer.as_ref()) {
            told(out, proof, (name, tally), read, must, full, color);
        }
    }
    damage(out, proof, full, color);
    if out.len() > before {
        out.push('\n');
    }
}

fn told(
    out: &mut String,
    proof: &Proof,
    (name, tally): (&str, &Tally),
    read: &Read,
    must: bool,
    full: bool,
    color: bool,
) {
    let total = tally.total().values;
    let plain = tally.plain().values;
    let (word, paint_as, text) = match verdict(proof, tally) {
        Proven::Encrypted if total == 1 => {
            ("proven", "1;32", "the only value is encrypted".to_owned())
        }
        Proven::Encrypted => ("proven", "1;32", format!("all {total} values are encrypted")),
        Proven::Remains => {
            let current = match total {
                0 => "there are no current values".to_owned(),
                1 => "the only current value is encrypted".to_owned(),
                _ => format!("all {total} current values are encrypted"),
            };
            ("remains", "1;33", format!("{current}, but plain text remains in the file"))
        }
        Proven::Plain => {
            let are = if total == 1 { "value is" } else { "values are" };
            ("refuted", "1;31", format!("{plain} of {total} {are} stored in plain text"))
        }
        Proven::Unknown if !proof.complete => (
            "unknown",
            "1;33",
            format!(
                "the {total} values that could be read are encrypted, but not all could be read"
            ),
        ),
        Proven::Unknown if tally.encrypted().values == total => {
            let unclear = tally.unclear_remains();
            ("unknown", "1;33", format!("{unclear} old values in the file have no known form"))
        }
        Proven::Unknown => {
            let unclear = total - plain - tally.encrypted().values;
            ("unknown", "1;33", format!("{unclear} of {total} values have no known form"))
        }
        Proven::Nothing => ("unknown", "1;33", "there are no values".to_owned()),
    };
    let (word, paint_as, text) = match must {
        true => (word, paint_as, text),
        false if tally.stale > 0 => ("stale", "1;33", format!("{} of {total} values", tally.stale)),
        false => ("unknown", "1;33", "it is not known how they should be written".to_owned()),
    };
    let name = one_line(name);
    let _ = writeln!(out, "{} {name}: {text}", paint(&format!("{word}:"), paint_as, color));
    if let Some(writer) = &tally.writer {
        let newest = tally.newest.as_ref().map(|(_, form)| form.label()).unwrap_or_default();
        let _ = writeln!(
            out,
            "  configured: {}; written last: {}",
            one_line(&writer.label()),
            one_line(&newest)
        );
    }
    let old = tally.old_plain();
    if must && old.values > 0 {
        let _ = writeln!(
            out,
            "  still in plain text: {}, which the API server compacts every 5 minutes by default",
            counted(old.values, "old revision", "old revisions")
        );
    }
    let free = tally.free_plain();
    if must && free.values > 0 {
        let _ = writeln!(
            out,
            "  {} in plain text in free pages of the file: `etcdctl defrag` removes them from the \
             member, not from old backups",
            counted(free.values, "value", "values")
        );
    }
    if tally.stale == 0 {
        return;
    }
    let than = match read.expected {
        Some(_) => "as configured",
        None => "as the object that was written last",
    };
    let stale = counted(tally.stale, "stale object", "stale objects");
    let _ = writeln!(out, "  {stale}, not written {than}:");
    let shown = if full { tally.listed.len() } else { FEW };
    for stale in tally.listed.iter().take(shown) {
        let _ = writeln!(
            out,
            "    {}  {}, revision {}",
            one_line(&stale.object),
            one_line(&stale.form.label()),
            stale.revision
        );
    }
    let shown = shown.min(tally.listed.len()) as u64;
    if tally.stale > shown {
        let _ = writeln!(out, "    … {} more", tally.stale - shown);
    }
}

/// Returns the table of resources, and the number of those that are not shown.
fn table(proof: &Proof, read: &Read, require: &[String], full: bool) -> (String, usize) {
    let head =
        ["RESOURCE", "OBJECTS", "SIZE", "ENCRYPTED", "STALE", "OLD PLAIN", "FREE PLAIN", "FORMS"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    let mut hidden = 0;
    for (name, tally) in &proof.resources {
        let total = tally.total();
        let plain = tally.encrypted().values == 0
            && tally.plain().values == total.values
            && !read.is_unclear_for(tally.writer.as_ref())
            && !required(name, tally, require);
        if plain && !full {
            hidden += 1;
            continue;
        }
        rows.push(vec![
            one_line(name),
            total.values.to_string(),
            size(total.bytes),
            share(tally.encrypted(), total),
            if is_expected(tally) { tally.stale.to_string() } else { "-".to_owned() },
            tally.old_plain().values.to_string(),
            tally.free_plain().values.to_string(),
            forms(tally),
        ]);
    }
    if rows.len() == 1 {
        return ("  no resource has encrypted objects\n".to_owned(), hidden);
    }
    let width =
        |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<_> = (0..head.len()).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let mut line = String::from(" ");
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let _ = match column {
                0 | 7 => write!(line, " {cell:<width$} "),
                _ => write!(line, " {cell:>width$} "),
            };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    (text, hidden)
}

fn forms(tally: &Tally) -> String {
    let mut forms: Vec<(&Form, &Count)> = tally.current.iter().collect();
    forms.sort_by_key(|(_, count)| std::cmp::Reverse(count.values));
    let more = forms.len().saturating_sub(4);
    let mut text: Vec<_> = forms
        .iter()
        .take(4)
        .map(|(form, count)| format!("{} ({})", one_line(&form.label()), count.values))
        .collect();
    if more > 0 {
        text.push(format!("{more} more"));
    }
    text.join(", ")
}

fn damage(out: &mut String, proof: &Proof, full: bool, color: bool) {
    for note in &proof.notes {
        let _ = writeln!(out, "{} {}", paint("note:", "1;33", color), one_line(note));
    }
    let damages = &proof.damages;
    if damages.count == 0 {
        return;
    }
    let _ = writeln!(
        out,
        "{} {} could not be read; the numbers above are those of the rest:",
        paint("damage:", "1;31", color),
        counted(damages.count, "place", "places")
    );
    let shown = if full { damages.listed.len() } else { FEW };
    for one in damages.listed.iter().take(shown) {
        let _ = writeln!(out, "    page {}: {}", one.page, one_line(&one.why));
    }
}

/// Returns a percentage that is 0 or 100 only if it is exactly that.
fn share(part: Count, whole: Count) -> String {
    if whole.values == 0 {
        return "-".to_owned();
    }
    let percent = part.values as f64 * 100.0 / whole.values as f64;
    match part.values {
        0 => "0 %".to_owned(),
        all if all == whole.values => "100 %".to_owned(),
        _ => format!("{:.1} %", percent.clamp(0.1, 99.9)),
    }
}

fn size(bytes: u64) -> String {
    let (mut value, mut unit) = (bytes as f64, "B");
    for next in ["kB", "MB", "GB"] {
        if value < 1000.0 {
            break;
        }
        (value, unit) = (value / 1000.0, next);
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{value:.1} {unit}") }
}

fn paint(text: &str, code: &str, color: bool) -> String {
    if color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}
