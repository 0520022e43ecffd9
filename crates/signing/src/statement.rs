//! in-toto statements (versions 0.1 and 1): what is said of which artifacts.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::hash::{Artifact, Hash};
use crate::result::{Content, Why};
use crate::text::unhex;

/// The type of an envelope that holds a statement.
pub(crate) const IN_TOTO: &str = "application/vnd.in-toto+json";

const MAX_SUBJECTS: usize = 1024;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    #[serde(default)]
    subject: Vec<Subject>,
    predicate_type: String,
}

#[derive(Deserialize)]
struct Subject {
    #[serde(default)]
    digest: BTreeMap<String, String>,
}

/// The statement in an envelope, which must be about the artifact.
pub(crate) fn about(kind: &str, payload: &[u8], artifact: &Artifact<'_>) -> Result<Content, Why> {
    if kind != IN_TOTO {
        return Err(Why::NotAStatement(kind.chars().take(100).collect()));
    }
    let statement: Statement = serde_json::from_slice(payload)
        .map_err(|error| Why::Document("the statement", error.to_string()))?;
    if !matches!(
        &*statement.kind,
        "https://in-toto.io/Statement/v1" | "https://in-toto.io/Statement/v0.1"
    ) {
        return Err(Why::NotAStatement(statement.kind.chars().take(100).collect()));
    }
    if statement.subject.len() > MAX_SUBJECTS {
        return Err(Why::TooMany("subjects", MAX_SUBJECTS));
    }
    // A subject may have several digests: all that can be compared must match, and one at least.
    let is_subject = |subject: &Subject| {
        let mut matched = false;
        for (name, digits) in &subject.digest {
            let Some(wanted) = Hash::named(name).and_then(|hash| artifact.hashed(hash)) else {
                continue;
            };
            if unhex(digits).is_none_or(|found| found != wanted) {
                return false;
            }
            matched = true;
        }
        matched
    };
    if statement.subject.iter().any(is_subject) {
        return Ok(Content::Statement {
            predicate_type: statement.predicate_type,
            payload: payload.to_vec(),
        });
    }
    let first = statement.subject.first().and_then(|subject| subject.digest.iter().next());
    let other = first.map_or_else(
        || "nothing".to_owned(),
        |(name, digits)| format!("{name}:{digits}").chars().take(160).collect(),
    );
    Err(Why::OtherSubject(other, artifact.name()))
}
