//! VEX documents: what somebody says of vulnerabilities in products.
//!
//! [`read`] takes `OpenVEX` (0.0.x and 0.2.0, JSON) and the vulnerabilities of `CycloneDX` documents
//! (JSON), and gives the statements that can be used and a note for each that cannot. [`Claims`]
//! decides which of them is about a package of an image. A statement that is about nothing here
//! changes nothing of what others say. In doubt, one that closes is about something else.
//!
//! Not here: CSAF, and what becomes of a vulnerability that a statement closes (`scan`).

mod claims;
mod cyclonedx;
mod openvex;
mod product;
mod reference;

use std::sync::Arc;

use jiff::Timestamp;
use pavisade_model::{Note, NoteKind, Statement, VexStatus};
use serde_json::Value;

pub use claims::{Claims, Target};
pub use product::Product;

use product::Meant;

/// Bytes of a document that is read.
pub const MAX_BYTES: usize = 64 << 20;
/// Statements of a document that are read.
const MAX_STATEMENTS: usize = 200_000;

/// A document.
#[derive(Debug, Clone, Default)]
pub struct Document {
    /// Its file, as users know it.
    pub place: String,
    /// What it says.
    pub claims: Vec<Claim>,
    /// What of it does not count, and why.
    pub notes: Vec<Note>,
}

/// A statement, and what it is about.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The vulnerability, by any of its identifiers.
    pub ids: Vec<String>,
    /// What it is said of; never empty.
    pub products: Vec<Product>,
    /// When it was said.
    pub time: Option<Timestamp>,
    /// What is said.
    pub statement: Arc<Statement>,
    /// The same where nothing tells which version has the fix.
    unproven: Option<Arc<Statement>>,
}

impl Claim {
    fn new(
        ids: Vec<String>,
        products: Vec<Product>,
        time: Option<Timestamp>,
        statement: Statement,
    ) -> Self {
        let unproven = (statement.status == VexStatus::Fixed).then(|| {
            let said = "it is marked as fixed, but not in which version";
            let text = match statement.text.as_str() {
                "" => said.to_owned(),
                text => format!("{said}: {text}"),
            };
            Arc::new(Statement { status: VexStatus::UnderInvestigation, text, ..statement.clone() })
        });
        Self { ids, products, time, statement: Arc::new(statement), unproven }
    }

    /// What is said of a vulnerability in a package.
    fn said(&self, target: &Target<'_>) -> Option<&Arc<Statement>> {
        let closes = self.statement.status.closes();
        let meant =
            self.products.iter().filter_map(|product| product.meant(target, closes)).max()?;
        match &self.unproven {
            Some(unproven) if meant == Meant::Loosely => Some(unproven),
            _ => Some(&self.statement),
        }
    }
}

/// Why a document cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is too large.
    #[error("it is larger than {} MiB", MAX_BYTES >> 20)]
    TooLarge,
    /// It is no JSON.
    #[error("it is not JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// It is something else.
    #[error(
        "it is not a supported VEX document: OpenVEX (`@context` and `statements`) or CycloneDX \
         (`bomFormat` and `vulnerabilities`), as JSON"
    )]
    Foreign,
}

/// Reads a document.
///
/// # Errors
/// It is no JSON, or neither `OpenVEX` nor `CycloneDX` with vulnerabilities.
pub fn read(place: &str, bytes: &[u8]) -> Result<Document, ReadError> {
    if bytes.len() > MAX_BYTES {
        return Err(ReadError::TooLarge);
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let value: Value = serde_json::from_slice(bytes)?;
    let mut document = Document { place: place.to_owned(), ..Document::default() };
    let context = text(&value, "@context");
    if context.starts_with("https://openvex.dev/ns") && value["statements"].is_array() {
        openvex::read(&value, &mut document);
    } else if text(&value, "bomFormat") == "CycloneDX" && value["vulnerabilities"].is_array() {
        cyclonedx::read(&value, &mut document);
    } else {
        return Err(ReadError::Foreign);
    }
    Ok(document)
}

impl Document {
    /// The elements of a list that are read, each with its number from 1.
    fn statements<'v>(
        &mut self,
        list: &'v Value,
    ) -> impl Iterator<Item = (usize, &'v Value)> + use<'v> {
        let list = list.as_array().map_or(&[][..], Vec::as_slice);
        if list.len() > MAX_STATEMENTS {
            self.note(
                "",
                format!("it has {} statements; only {MAX_STATEMENTS} are read", list.len()),
            );
        }
        (1..).zip(list.iter().take(MAX_STATEMENTS))
    }

    /// That something of it does not count.
    fn note(&mut self, which: &str, message: String) {
        let place = match which {
            "" => self.place.clone(),
            which => format!("{}: {which}", self.place),
        };
        let remedy = "Correct the document, or ask its author to correct it.".to_owned();
        self.notes.push(Note { kind: NoteKind::Warning, place, span: None, message, remedy });
    }
}

/// A text of an object; empty where there is none.
fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or("")
}

/// Elements of a list; none where there is no list.
fn items<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

/// The first of these that is a time.
fn time<'v>(texts: impl IntoIterator<Item = &'v str>) -> Option<Timestamp> {
    texts.into_iter().find_map(|text| text.parse().ok())
}
