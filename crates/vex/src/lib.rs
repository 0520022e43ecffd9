//! VEX documents: statements about vulnerabilities in products.
//!
//! [`read`] accepts `OpenVEX` (0.0.x and 0.2.0, JSON) and the vulnerabilities of `CycloneDX`
//! documents (JSON), and returns the valid statements and a note for each other one. [`Claims`]
//! selects the statement that applies to a package of an image. A statement that does not apply has
//! no effect on others. In doubt, a statement that dismisses a vulnerability does not apply.
//!
//! Out of scope: CSAF, and how a dismissed vulnerability is reported (`scan`).

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

/// The largest document in bytes.
pub const MAX_BYTES: usize = 64 << 20;
/// The largest number of statements in a document.
const MAX_STATEMENTS: usize = 200_000;

/// A VEX document.
#[derive(Debug, Clone, Default)]
pub struct Document {
    /// The name of its file.
    pub place: String,
    /// The valid statements.
    pub claims: Vec<Claim>,
    /// Notes about ignored statements, with the reason.
    pub notes: Vec<Note>,
}

/// A statement with its subject.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The identifiers of the vulnerability.
    pub ids: Vec<String>,
    /// The products; never empty.
    pub products: Vec<Product>,
    /// The time of the statement.
    pub time: Option<Timestamp>,
    /// The statement.
    pub statement: Arc<Statement>,
    /// The statement to use if no version is known to have the fix.
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

    /// Returns the statement about a vulnerability in a package, if it applies.
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

/// Why a document cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is too large.
    #[error("it is larger than {} MiB", MAX_BYTES >> 20)]
    TooLarge,
    /// It is not JSON.
    #[error("it is not JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// It is not a VEX document.
    #[error(
        "it is not a supported VEX document: OpenVEX (`@context` and `statements`) or CycloneDX \
         (`bomFormat` and `vulnerabilities`), as JSON"
    )]
    Foreign,
}

/// Reads a document.
///
/// # Errors
/// The document is not JSON, or neither `OpenVEX` nor `CycloneDX` with vulnerabilities.
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
    /// Returns the elements of a list up to the limit, with their number from 1.
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

    /// Adds a note about something that is ignored.
    fn note(&mut self, which: &str, message: String) {
        let place = match which {
            "" => self.place.clone(),
            which => format!("{}: {which}", self.place),
        };
        let remedy = "Correct the document, or ask its author to correct it.".to_owned();
        self.notes.push(Note { kind: NoteKind::Warning, place, span: None, message, remedy });
    }
}

/// Returns a string field, or an empty string.
fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or("")
}

/// Returns the elements of a list, or none if it is not a list.
fn items<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

/// Returns the first valid time.
fn time<'v>(texts: impl IntoIterator<Item = &'v str>) -> Option<Timestamp> {
    texts.into_iter().find_map(|text| text.parse().ok())
}
