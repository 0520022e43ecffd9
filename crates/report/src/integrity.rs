//! Output of `pavisade integrity verify`: a page, JSON and SARIF.

use std::collections::BTreeMap;
use std::io::{self, Write};

use pavisade_integrity::{
    Aspect, Basis, Change, ChangeKind, Compared, Content, Entry, Explained, Signed, Verdict,
    Version, escaped,
};
use pavisade_model::Severity;
use serde_json::{Value, json};

use crate::terminal::Page;
use crate::terminal::style::{DIM, GOOD, PLAIN, STRONG, UNKNOWN, severity};
use crate::{Options, guard};

mod facts;
mod sarif;
mod words;

pub use facts::{Container, LeftOut, container_facts, facts, refused_facts};

const API_VERSION: &str = "pavisade.dev/integrity/v1";
const KIND: &str = "IntegrityResult";

/// What files are compared with.
#[derive(Debug, Clone, Copy)]
pub enum Source<'a> {
    /// A baseline.
    Baseline {
        /// Its newest version.
        version: &'a Version,
        /// Why it was accepted.
        signed: Signed,
        /// Whether the digest of the newest version was given, so that an older one is refused.
        is_newest: bool,
    },
    /// The layers of an image.
    Image {
        /// The image as given.
        name: &'a str,
        /// Its digest, if it has one.
        digest: Option<&'a str>,
        /// Further digests by which a runtime may name it.
        other_digests: &'a [String],
        /// The root of the container.
        root: &'a str,
    },
}

/// The result of a comparison.
#[derive(Debug)]
pub struct Integrity<'a> {
    /// What it is compared with.
    pub source: Source<'a>,
    /// What differs.
    pub compared: &'a Compared,
    /// A verdict for each change.
    pub explained: &'a [Explained],
    /// Whether the records of the node are not enough to expect a change.
    pub strict: bool,
    /// What else a reader must know.
    pub notes: &'a [String],
}

/// The format of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntegrityFormat {
    /// For terminals.
    Table,
    /// The versioned JSON document.
    Json,
    /// SARIF 2.1.0.
    Sarif,
}

impl Integrity<'_> {
    /// Returns whether a change was expected.
    pub fn is_expected(&self, explained: &Explained) -> bool {
        match explained.verdict {
            Verdict::Unexpected => false,
            Verdict::Expected(Basis::NodeRecords) => !self.strict,
            Verdict::Expected(Basis::Proven) => true,
        }
    }

    /// Returns the changes that were expected, or that were not.
    fn those(&self, expected: bool) -> impl Iterator<Item = (&Change, &Explained)> {
        let all = self.compared.changes.iter().zip(self.explained);
        all.filter(move |(_, explained)| self.is_expected(explained) == expected)
    }

    /// Returns the numbers of unexpected and expected changes.
    pub fn counts(&self) -> (usize, usize) {
        (self.those(false).count(), self.those(true).count())
    }
}

/// Writes the JSON document of a baseline that was refused. It counts as one unexpected change, so that
/// a reader of results does not take it for success.
///
/// # Errors
/// Writing to `out` fails.
pub fn refused(why: &str, out: &mut dyn Write) -> io::Result<()> {
    let document = json!({
        "apiVersion": API_VERSION,
        "kind": KIND,
        "refused": why,
        "summary": {"unexpected": 1, "expected": 0, "unknown": 0, "unchanged": 0, "trusted": 0},
        "changes": [],
        "unknown": [],
        "notes": [],
    });
    guard::write(&document, out)
}

/// Writes a result.
///
/// # Errors
/// Writing to `out` fails.
pub fn integrity(
    of: &Integrity<'_>,
    format: IntegrityFormat,
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        IntegrityFormat::Table => table(of, options, out),
        IntegrityFormat::Json => guard::write(&document(of), out),
        IntegrityFormat::Sarif => guard::write(&sarif::log(of), out),
    }
}

fn table(of: &Integrity<'_>, options: &Options, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page::new(options, out);
    let (what, text) = words::source(&of.source);
    page.put(STRONG, what).put(PLAIN, ": ");
    page.wrapped(PLAIN, &text, what.chars().count() + 2, 2);
    let bad = severity(Severity::High);
    let (unexpected, expected) = of.counts();
    if unexpected > 0 {
        page.end();
        page.put(bad, "Unexpected changes").end();
        for (change, explained) in of.those(false) {
            row(&mut page, change, explained, of.strict);
        }
    }
    if expected > 0 {
        page.end();
        page.put(GOOD, "Expected changes").end();
        if options.full {
            for (change, explained) in of.those(true) {
                row(&mut page, change, explained, of.strict);
            }
        } else {
            let mut groups: BTreeMap<String, usize> = BTreeMap::new();
            for (_, explained) in of.those(true) {
                *groups.entry(words::group(explained)).or_default() += 1;
            }
            for (text, count) in groups {
                let paths = if count == 1 { "path: " } else { "paths: " };
                let label = format!("  {count} {paths}");
                page.put(PLAIN, &label);
                page.wrapped(PLAIN, &text, label.len(), 6);
            }
        }
    }
    if !of.compared.doubts.is_empty() {
        page.end();
        page.put(UNKNOWN, "Unknown").end();
        for doubt in &of.compared.doubts {
            let path = escaped(&doubt.path);
            page.gap(2).put(STRONG, &path).put(PLAIN, ": ");
            page.wrapped(PLAIN, &doubt.why, path.chars().count() + 4, 6);
        }
    }
    page.end();
    let total = format!(
        "{unexpected} unexpected, {expected} expected, {} unknown, {} unchanged",
        of.compared.doubts.len(),
        of.compared.equal
    );
    let style = match (unexpected, of.compared.doubts.len()) {
        (0, 0) => GOOD,
        (0, _) => UNKNOWN,
        _ => bad,
    };
    page.put(style, &total).end();
    for note in of.notes {
        page.put(DIM, "note: ");
        page.wrapped(DIM, note, 6, 6);
    }
    page.flush()
}

fn row(page: &mut Page<'_>, change: &Change, explained: &Explained, strict: bool) {
    let kind = change.kind.name();
    page.gap(2).put(PLAIN, &format!("{kind:<8} ")).put(STRONG, &escaped(change.path()));
    page.end();
    for line in words::lines(change, explained, strict) {
        page.gap(11);
        page.wrapped(PLAIN, &line, 11, 13);
    }
}

fn document(of: &Integrity<'_>) -> Value {
    let change = |(change, explained): (&Change, &Explained)| {
        let basis = match explained.verdict {
            Verdict::Unexpected => None,
            Verdict::Expected(Basis::NodeRecords) => Some("node-records"),
            Verdict::Expected(Basis::Proven) => Some("proven"),
        };
        json!({
            "path": escaped(change.path()),
            "kind": change.kind.name(),
            "from": (change.kind == ChangeKind::Renamed).then(|| {
                change.was.as_ref().map(|was| escaped(&was.path))
            }).flatten(),
            "expected": of.is_expected(explained),
            "basis": basis,
            "aspects": change.aspects.iter().map(Aspect::name).collect::<Vec<_>>(),
            "unexplained": explained.rest.iter().map(Aspect::name).collect::<Vec<_>>(),
            "explanation": explained.explanation.as_ref().map(words::explanation),
            "signs": words::signs(change),
            "was": change.was.as_ref().map(entry),
            "is": change.is.as_ref().map(entry),
        })
    };
    let (unexpected, expected) = of.counts();
    let doubts = of.compared.doubts.iter();
    let mut document = json!({
        "apiVersion": API_VERSION,
        "kind": KIND,
        "summary": {
            "unexpected": unexpected,
            "expected": expected,
            "unknown": of.compared.doubts.len(),
            "unchanged": of.compared.equal,
            "trusted": of.compared.trusted,
        },
        "changes": of.compared.changes.iter().zip(of.explained).map(change).collect::<Vec<_>>(),
        "unknown": doubts.map(|doubt| json!({"path": escaped(&doubt.path), "why": doubt.why})).collect::<Vec<_>>(),
        "notes": of.notes,
    });
    match of.source {
        Source::Baseline { version, signed, is_newest } => {
            let header = &version.header;
            document["node"] =
                json!({"name": header.node.name, "machineId": header.node.machine_id});
            document["baseline"] = baseline(version, signed, is_newest);
        }
        Source::Image { name, digest, root, .. } => {
            document["image"] = json!({"name": name, "digest": digest});
            document["root"] = root.into();
        }
    }
    document
}

fn baseline(of: &Version, signed: Signed, is_newest: bool) -> Value {
    json!({
        "version": of.header.version,
        "made": of.header.made,
        "digest": of.digest.to_string(),
        "key": of.key,
        "signed": signed == Signed::ByKey,
        "newest": is_newest,
    })
}

fn entry(of: &Entry) -> Value {
    let attributes = of.attributes.as_ref().map_or_else(
        |_| Value::Null,
        |all| {
            all.iter()
                .map(|(name, value)| (name.to_string(), Value::from(words::attribute(name, value))))
                .collect()
        },
    );
    let mut value = json!({
        "type": of.kind.name(),
        "mode": format!("{:04o}", of.mode),
        "uid": of.uid,
        "gid": of.gid,
        "size": of.size,
        "links": of.links,
        "attributes": attributes,
        "mtime": of.mtime.0,
        "ctime": of.ctime.0,
        "package": of.package,
    });
    let (field, content) = match &of.content {
        Content::Digest(digest) => ("digest", digest.to_string()),
        Content::Target(target) => ("target", escaped(target)),
        Content::Device(major, minor) => ("device", format!("{major}:{minor}")),
        Content::Unread(why) => ("unread", why.to_string()),
        Content::Nothing => return value,
    };
    value[field] = content.into();
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_no_hidden_characters() {
        for c in (0..=0x10_ffff).filter_map(char::from_u32).filter(|c| crate::text::is_hidden(*c)) {
            let text = escaped(c.to_string().as_bytes());
            assert!(text.starts_with("\\x"), "{:x}", u32::from(c));
        }
    }

    #[test]
    fn a_refusal_is_an_unexpected_change() {
        let mut out = Vec::new();
        refused("signed by \u{202e}x", &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(!text.contains('\u{202e}'), "{text}");
        let document: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(document["summary"]["unexpected"], 1);
        assert_eq!(document["refused"], "signed by \u{202e}x");
    }
}
