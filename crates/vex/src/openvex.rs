//! `OpenVEX` (specification 0.2.0; of 0.0.x the forms that differ).

use std::sync::Arc;

use pavisade_model::{Statement, VexStatus};
use serde_json::Value;

use crate::product::{Name, Product};
use crate::{Claim, Document, items, text, time};

pub(crate) fn read(value: &Value, document: &mut Document) {
    let author = text(value, "author");
    let of_document = [text(value, "last_updated"), text(value, "timestamp")];
    for (number, statement) in document.statements(&value["statements"]) {
        let which = format!("statement {number}");
        let ids = ids(&statement["vulnerability"]);
        let name = ids.first().map_or(which.clone(), |id| format!("{which} ({id})"));
        let place = format!("{}: {which}", document.place);
        if ids.is_empty() {
            document.note(&which, "it names no vulnerability, so it does not count".to_owned());
            continue;
        }
        let status = match text(statement, "status") {
            "not_affected" => VexStatus::NotAffected,
            "affected" => VexStatus::Affected,
            "fixed" => VexStatus::Fixed,
            "under_investigation" => VexStatus::UnderInvestigation,
            other => {
                let message = format!("`{other}` is no status, so it does not count");
                document.note(&name, message);
                continue;
            }
        };
        let justification = text(statement, "justification");
        let impact = text(statement, "impact_statement");
        if status == VexStatus::NotAffected && justification.is_empty() && impact.is_empty() {
            let message = "`not_affected` without a justification or an impact statement does not \
                           count";
            document.note(&name, message.to_owned());
            continue;
        }
        let shared: Vec<_> = items(statement, "subcomponents").filter_map(product).collect();
        let products = items(statement, "products").filter_map(product).map(|mut product| {
            if product.parts.is_empty() {
                product.parts.clone_from(&shared);
            }
            product
        });
        let products: Vec<_> = products.collect();
        if products.is_empty() {
            document.note(&name, "it names no product, so it does not count".to_owned());
            continue;
        }
        let words = if status == VexStatus::Affected {
            text(statement, "action_statement")
        } else {
            impact
        };
        let words = if words.is_empty() { text(statement, "status_notes") } else { words };
        let own = [text(statement, "last_updated"), text(statement, "timestamp")];
        document.claims.push(Claim {
            ids,
            products,
            time: time(own.into_iter().chain(of_document)),
            statement: Arc::new(Statement {
                status,
                justification: justification.to_owned(),
                text: words.to_owned(),
                author: author.to_owned(),
                place,
            }),
        });
    }
}

/// Name, aliases and, where the IRI ends with one, the identifier in it.
fn ids(vulnerability: &Value) -> Vec<String> {
    let mut ids = Vec::new();
    let mut push = |text: &str| {
        let text = text.rsplit('/').next().unwrap_or_default().trim();
        if !text.is_empty() && !ids.iter().any(|id| id == text) {
            ids.push(text.to_owned());
        }
    };
    match vulnerability {
        Value::String(name) => push(name),
        object => {
            push(text(object, "name"));
            push(text(object, "@id"));
            items(object, "aliases").filter_map(Value::as_str).for_each(&mut push);
        }
    }
    ids
}

/// A product, or a part of one; nothing where nothing names it.
fn product(value: &Value) -> Option<Product> {
    let mut names = Vec::new();
    if let Value::String(id) = value {
        names.push(Name::read(id));
    }
    let id = text(value, "@id");
    if !id.is_empty() {
        names.push(Name::read(id));
    }
    if let Some(Value::Object(identifiers)) = value.get("identifiers") {
        names.extend(identifiers.values().filter_map(Value::as_str).map(Name::read));
    }
    if let Some(Value::Object(hashes)) = value.get("hashes") {
        let sha = hashes.iter().filter(|(kind, _)| matches!(kind.as_str(), "sha-256" | "sha256"));
        let digests = sha.filter_map(|(_, hash)| hash.as_str());
        names.extend(digests.map(|hash| Name::Digest(format!("sha256:{}", hash.to_lowercase()))));
    }
    let parts = items(value, "subcomponents").filter_map(product).collect();
    (!names.is_empty()).then(|| Product { names, parts, versions: Vec::new() })
}
