//! Selects the statement that applies to a package.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use pavisade_model::{Note, NoteKind, Statement};
use pavisade_packages::Purl;

use crate::{Claim, Document};

/// The largest number of unused statements that are listed.
const NAMED: usize = 5;

/// A vulnerability in a package of an image.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The identifiers of the vulnerability.
    pub ids: &'a [&'a str],
    /// The package.
    pub purl: Option<&'a Purl>,
    /// The source package, with `arch=source`; `None` if unknown.
    pub source: Option<&'a Purl>,
    /// The version of the package.
    pub version: &'a str,
    /// The image or source tree, as named by the user.
    pub image: &'a str,
    /// The same without tag and digest.
    pub repository: &'a str,
    /// The digest of the image; may be empty.
    pub digest: &'a str,
}

/// The statements of all documents by vulnerability.
#[derive(Debug, Default)]
pub struct Claims<'a> {
    documents: &'a [Document],
    by_id: HashMap<&'a str, Vec<(usize, usize)>>,
    /// Statements that applied to something.
    used: BTreeSet<(usize, usize)>,
    /// Statements whose vulnerability was looked up.
    asked: BTreeSet<(usize, usize)>,
}

impl<'a> Claims<'a> {
    /// Indexes the statements of these documents.
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

    /// Returns the statement that applies: the latest. Of several with the same time, the one that
    /// dismisses the least wins. A statement without a date may be earlier or later than any other,
    /// so of it and the latest again the one that dismisses the least wins.
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

    /// Returns notes about statements that were ignored or did not apply to anything.
    pub fn notes(&self) -> Vec<Note> {
        let mut notes = Vec::new();
        for (number, document) in self.documents.iter().enumerate() {
            notes.extend(document.notes.iter().cloned());
            let all = (0..document.claims.len()).map(|at| (number, at));
            let unused: Vec<_> = all.filter(|at| !self.used.contains(at)).collect();
            // The vulnerability was found, so the product does not match.
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
