//! Applies the fixes of findings to texts. Writing the files is up to the caller.

use std::collections::BTreeMap;

use pavisade_model::{Finding, Fix};
use pavisade_yaml::{Refused, Source, amend};

/// A text before and after fixing.
#[derive(Debug)]
pub struct Fixed<'f> {
    /// The name of the text as shown to users.
    pub name: String,
    /// The original text. The last line has a line end.
    pub before: String,
    /// The new text. Unchanged if every fix was refused.
    pub text: String,
    /// Findings that were fixed.
    pub made: Vec<&'f Finding>,
    /// Findings that were not fixed, with the reason.
    pub refused: Vec<(&'f Finding, Refused)>,
}

/// Applies the fixes of findings, text by text, ordered by name. Each fix is applied completely or
/// not at all.
pub fn fix<'f>(findings: impl IntoIterator<Item = &'f Finding>) -> Vec<Fixed<'f>> {
    // A text may have been read several times, for different worlds.
    let mut texts = BTreeMap::<(&str, &str), (Source, ByDocument<'f>)>::new();
    for finding in findings {
        let Some(fix) = finding.fix.as_deref() else { continue };
        let source = fix.doc.source();
        let (_, documents) = texts
            .entry((source.name(), source.text()))
            .or_insert_with(|| (source.clone(), BTreeMap::new()));
        documents.entry(fix.doc.span().start).or_default().push((finding, fix));
    }
    texts.into_values().map(|(source, documents)| one(source, documents)).collect()
}

/// Fixes by the start of the document.
type ByDocument<'f> = BTreeMap<u32, Vec<(&'f Finding, &'f Fix)>>;

fn one(source: Source, documents: ByDocument<'_>) -> Fixed<'_> {
    let (mut made, mut refused) = (Vec::new(), Vec::new());
    let (mut text, mut copied) = (String::with_capacity(source.text().len()), 0);
    for fixes in documents.into_values() {
        let Some((_, first)) = fixes.first() else { continue };
        let groups: Vec<_> = fixes.iter().map(|(_, fix)| fix.amendments.clone()).collect();
        let amended = amend(&first.doc, &groups);
        let span = first.doc.span();
        text.push_str(source.text().get(copied..span.start as usize).unwrap_or(""));
        text.push_str(&amended.text);
        copied = span.end as usize;
        for ((finding, _), result) in fixes.iter().zip(amended.made) {
            match result {
                Ok(()) => made.push(*finding),
                Err(why) => refused.push((*finding, why)),
            }
        }
    }
    text.push_str(source.text().get(copied..).unwrap_or(""));
    let (name, before) = (source.name().to_owned(), source.text().to_owned());
    Fixed { name, before, text, made, refused }
}
