//! Which statement is about a package.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use pavisade_model::{Note, NoteKind, Statement};
use pavisade_packages::Purl;

use crate::{Claim, Document};

/// Statements that are about nothing and are named one by one.
const NAMED: usize = 5;

/// A vulnerability in a package of an image.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// Its identifiers.
    pub ids: &'a [&'a str],
    /// The package.
    pub purl: Option<&'a Purl>,
    /// The source package that it was built from, marked `arch=source`; `None` where that is unknown.
    pub source: Option<&'a Purl>,
    /// The package's version.
    pub version: &'a str,
    /// What holds it, as users name it.
    pub image: &'a str,
    /// The same without tag and digest.
    pub repository: &'a str,
    /// The digest of what holds it; empty where it has none.
    pub digest: &'a str,
}

/// The statements of all documents, by vulnerability.
#[derive(Debug, Default)]
pub struct Claims<'a> {
    documents: &'a [Document],
    by_id: HashMap<&'a str, Vec<(usize, usize)>>,
    /// Those that were about something.
    used: BTreeSet<(usize, usize)>,
    /// Vulnerabilities that were asked for.
    asked: BTreeSet<(usize, usize)>,
}

impl<'a> Claims<'a> {
    /// Of these documents.
    pub fn new(documents: &'a [Document]) -> Self {
        let mut by_id: HashMap<_, Vec<_>> = HashMap::new();
        for (number, document) in documents.iter().enumerate() {
            for (at, claim) in document.claims.iter().enumerate() {
                for id in &claim.ids {
                    by_id.entry(id.as_str()).or_default().push((number, at));
                }
            }
        }
        Self { documents, by_id, ..Self::default() }
    }

    fn claim(&self, (document, at): (usize, usize)) -> &'a Claim {
        &self.documents[document].claims[at]
    }

    /// The statement that counts: the latest; of several at one time the one that closes the least.
    /// One without a date may be later or earlier than any other, so of it and the latest again the
    /// one that closes the least counts.
    pub fn decide(&mut self, target: &Target<'_>) -> Option<&'a Arc<Statement>> {
        let named = target.ids.iter().filter_map(|id| self.by_id.get(id)).flatten();
        let named: BTreeSet<_> = named.copied().collect();
        self.asked.extend(&named);
        let said = named.into_iter().filter_map(|at| Some((at, self.claim(at).said(target)?)));
        let said: Vec<_> = said.collect();
        self.used.extend(said.iter().map(|(at, _)| at));
        let time = |at: &(usize, usize)| self.claim(*at).time;
        let (dated, undated): (Vec<_>, Vec<_>) =
            said.into_iter().partition(|(at, _)| time(at).is_some());
        let latest =
            dated.into_iter().max_by_key(|(at, said)| (time(at), said.status, Reverse(*at)));
        let all = undated.into_iter().chain(latest);
        all.max_by_key(|(at, said)| (said.status, time(at), Reverse(*at))).map(|(_, said)| said)
    }

    /// What is to be said of the documents: what of them does not count, and what was about nothing.
    pub fn notes(&self) -> Vec<Note> {
        let mut notes = Vec::new();
        for (number, document) in self.documents.iter().enumerate() {
            notes.extend(document.notes.iter().cloned());
            let all = (0..document.claims.len()).map(|at| (number, at));
            let unused: Vec<_> = all.filter(|at| !self.used.contains(at)).collect();
            // The vulnerability is here, so the product is what does not fit.
            let (near, far): (Vec<_>, Vec<_>) =
                unused.into_iter().partition(|at| self.asked.contains(at));
            for at in near.iter().take(NAMED) {
                let claim = self.claim(*at);
                let id = claim.ids.first().map_or("", String::as_str);
                let message = format!(
                    "the statement about {id} has no effect: it refers to another product or \
                     version than those that have it here"
                );
                notes.push(note(NoteKind::Warning, &claim.statement.place, message));
            }
            let count = near.len().saturating_sub(NAMED) + far.len();
            if count > 0 {
                let statements = if count == 1 { "statement is" } else { "statements are" };
                let more = if near.is_empty() { "" } else { "more " };
                let message =
                    format!("{count} {more}{statements} about vulnerabilities that were not found");
                notes.push(note(NoteKind::Info, &document.place, message));
            }
        }
        notes
    }
}

fn note(kind: NoteKind, place: &str, message: String) -> Note {
    let remedy = "Remove it, or check what it refers to.".to_owned();
    Note { kind, place: place.to_owned(), span: None, message, remedy }
}
