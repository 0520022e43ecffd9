//! Findings of an image as `OpenVEX` 0.2.0: a document to be completed by product owners.
//!
//! Matching a version shows that a package is affected, but not that the image is. So findings are
//! *under investigation*, and existing statements are kept.

use std::collections::BTreeMap;
use std::io::{self, Write};

use pavisade_judgement::Judgement;
use pavisade_model::{Finding, FixState, State, Statement, Subject, VexStatus};
use pavisade_packages::Inventory;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::sbom::image_purl;
use crate::{guard, summary};

#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "@context")]
    context: &'static str,
    #[serde(rename = "@id")]
    id: String,
    author: &'static str,
    timestamp: &'a str,
    version: u32,
    tooling: String,
    statements: Vec<Said<'a>>,
}

#[derive(Serialize)]
struct Said<'a> {
    vulnerability: Vulnerability<'a>,
    products: Vec<Product>,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    justification: Option<&'static str>,
    #[serde(skip_serializing_if = "String::is_empty")]
    impact_statement: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    action_statement: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    status_notes: String,
}

#[derive(Serialize)]
struct Vulnerability<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    aliases: &'a [String],
}

#[derive(Serialize)]
struct Product {
    #[serde(rename = "@id")]
    id: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    subcomponents: Vec<Part>,
}

#[derive(Serialize, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Part {
    #[serde(rename = "@id")]
    id: String,
}

/// Writes the document of an image with a creation time (RFC 3339).
///
/// # Errors
/// Writing to `out` fails.
pub fn openvex(
    inventory: &Inventory,
    judgement: &Judgement,
    made: &str,
    out: &mut dyn Write,
) -> io::Result<()> {
    let product = image_purl(inventory).unwrap_or_else(|| inventory.name.clone());
    let fails = judgement.of_state(State::Fails).map(|finding| (finding, String::new()));
    let excepted = judgement.excepted.iter().map(|excepted| {
        (&excepted.finding, format!("accepted {}", summary::exception(&excepted.exception)))
    });
    let dismissed = judgement.dismissed.iter().map(|finding| (finding, String::new()));
    let mut together: BTreeMap<(String, String), (&Finding, String, Vec<Part>)> = BTreeMap::new();
    for (finding, notes) in fails.chain(excepted).chain(dismissed) {
        let Some(found) = finding.vulnerability.as_deref() else { continue };
        let Subject::Package { name, version, purl, .. } = &finding.subject else { continue };
        let id = if purl.is_empty() { format!("{name}@{version}") } else { purl.to_string() };
        let said = found.statement.as_deref().map(|s| format!("{s:?}")).unwrap_or_default();
        let key = (found.advisory.id.clone(), format!("{said} {notes}"));
        together.entry(key).or_insert((finding, notes, Vec::new())).2.push(Part { id });
    }
    let statements = together.into_values().filter_map(|(finding, notes, mut parts)| {
        parts.sort_unstable();
        parts.dedup();
        said(finding, notes, Product { id: product.clone(), subcomponents: parts })
    });
    let mut document = Document {
        context: "https://openvex.dev/ns/v0.2.0",
        id: String::new(),
        author: "pavisade",
        timestamp: made,
        version: 1,
        tooling: format!("pavisade {}", env!("CARGO_PKG_VERSION")),
        statements: statements.collect(),
    };
    let mut text = Vec::new();
    guard::write(&document, &mut text)?;
    let hash: String = Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect();
    document.id = format!("https://openvex.dev/docs/public/vex-{hash}");
    guard::write(&document, out)
}

fn said<'a>(finding: &'a Finding, notes: String, product: Product) -> Option<Said<'a>> {
    let found = finding.vulnerability.as_deref()?;
    let advisory = &found.advisory;
    let mut said = Said {
        vulnerability: Vulnerability {
            name: &advisory.id,
            description: &advisory.title,
            aliases: &advisory.aliases,
        },
        products: vec![product],
        status: VexStatus::UnderInvestigation.name(),
        justification: None,
        impact_statement: String::new(),
        action_statement: String::new(),
        status_notes: notes,
    };
    let Some(statement) = found.statement.as_deref() else { return Some(said) };
    said.status = statement.status.name();
    match statement.status {
        VexStatus::NotAffected => {
            said.justification = justification(statement);
            said.impact_statement.clone_from(&statement.text);
            // The specification requires one of the two.
            if said.justification.is_none() && said.impact_statement.is_empty() {
                said.impact_statement.clone_from(&statement.justification);
            }
        }
        VexStatus::Affected => {
            said.action_statement.clone_from(&statement.text);
            if said.action_statement.is_empty() {
                said.action_statement = match &found.fix {
                    FixState::Fixed(version) => format!("Upgrade to {version} or later."),
                    FixState::NotFixed => "There is no fixed version yet.".to_owned(),
                    FixState::WontFix => "The vendor will not fix it.".to_owned(),
                    FixState::Unknown => {
                        "It is not known whether there is a fixed version.".to_owned()
                    }
                };
            }
        }
        VexStatus::Fixed | VexStatus::UnderInvestigation => {
            if said.status_notes.is_empty() {
                said.status_notes.clone_from(&statement.text);
            }
        }
    }
    Some(said)
}

/// Returns the justification in `OpenVEX` notation.
fn justification(statement: &Statement) -> Option<&'static str> {
    Some(match statement.justification.as_str() {
        "component_not_present" => "component_not_present",
        "vulnerable_code_not_present" | "code_not_present" => "vulnerable_code_not_present",
        "vulnerable_code_not_in_execute_path" | "code_not_reachable" => {
            "vulnerable_code_not_in_execute_path"
        }
        "vulnerable_code_cannot_be_controlled_by_adversary"
        | "requires_configuration"
        | "requires_dependency"
        | "requires_environment" => "vulnerable_code_cannot_be_controlled_by_adversary",
        "inline_mitigations_already_exist"
        | "protected_by_compiler"
        | "protected_at_runtime"
        | "protected_at_perimeter"
        | "protected_by_mitigating_control" => "inline_mitigations_already_exist",
        _ => return None,
    })
}
