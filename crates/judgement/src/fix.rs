//! Findings that say how they are fixed, to texts in which they are. Pure: writing files is the
//! caller's.

use std::collections::BTreeMap;

use pavisade_model::{Finding, Fix};
use pavisade_yaml::{Refused, Source, amend};

/// A text before and after.
#[derive(Debug)]
pub struct Fixed<'f> {
    /// The name that users know the text by.
    pub name: String,
    /// The text as it was read, its last line with an end.
    pub before: String,
    /// As it is afterwards; the same where every finding was refused.
    pub text: String,
    /// What is fixed.
    pub made: Vec<&'f Finding>,
    /// What is not, and why.
    pub refused: Vec<(&'f Finding, Refused)>,
}

/// Fixes those of the findings that say how, text by text, ordered by name. Each finding is fixed
/// wholly or not at all.
pub fn fix<'f>(findings: impl IntoIterator<Item = &'f Finding>) -> Vec<Fixed<'f>> {
    // A text may have been read more than once, for several worlds.
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

/// By where the document starts.
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
