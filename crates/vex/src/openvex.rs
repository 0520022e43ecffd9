//! `OpenVEX` (specification 0.2.0, and the differing forms of 0.0.x).

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
            document.note(&which, "it has no vulnerability, so it is ignored".to_owned());
            continue;
        }
        let status = match text(statement, "status") {
            "not_affected" => VexStatus::NotAffected,
            "affected" => VexStatus::Affected,
            "fixed" => VexStatus::Fixed,
            "under_investigation" => VexStatus::UnderInvestigation,
            other => {
                let message = format!("`{other}` is not a status, so it is ignored");
                document.note(&name, message);
                continue;
            }
        };
        let justification = text(statement, "justification");
        let impact = text(statement, "impact_statement");
        if status == VexStatus::NotAffected && justification.is_empty() && impact.is_empty() {
            let message = "`not_affected` without a justification or an impact statement is \
                           ignored";
            document.note(&name, message.to_owned());
            continue;
        }
        let Some(products) = products(statement, &name, document) else { continue };
        let words = if status == VexStatus::Affected {
            text(statement, "action_statement")
        } else {
            impact
        };
        let words = if words.is_empty() { text(statement, "status_notes") } else { words };
        let own = [text(statement, "last_updated"), text(statement, "timestamp")];
        let said = Statement {
            status,
            justification: justification.to_owned(),
            text: words.to_owned(),
            author: author.to_owned(),
            place,
        };
        let time = time(own.into_iter().chain(of_document));
        document.claims.push(Claim::new(ids, products, time, said));
    }
}

/// Returns the name, the aliases, and the identifier at the end of an IRI.
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

/// Returns the products of a statement; `None` with a note if there are none.
fn products(statement: &Value, which: &str, document: &mut Document) -> Option<Vec<Product>> {
    let shared = parts(statement);
    let (mut products, mut is_told) = (Vec::new(), false);
    for value in items(statement, "products") {
        let Some(mut product) = product(value) else { continue };
        let own = parts(value);
        let parts = if own.as_ref().is_some_and(Vec::is_empty) { shared.clone() } else { own };
        let why = match (product.unplaced(), &parts) {
            (Some(purl), _) => format!(
                "`{purl}` has neither `repository_url` nor a digest, so the statement does not \
                 apply to it"
            ),
            (None, None) => "none of the subcomponents of a product could be read, so the \
                             statement does not apply to that product"
                .to_owned(),
            (None, Some(parts)) => {
                product.parts.clone_from(parts);
                products.push(product);
                continue;
            }
        };
        document.note(which, why);
        is_told = true;
    }
    if products.is_empty() && !is_told {
        document.note(which, "it has no product, so it is ignored".to_owned());
    }
    (!products.is_empty()).then_some(products)
}

/// Returns the subcomponents; `None` if there are some but none could be read.
fn parts(value: &Value) -> Option<Vec<Product>> {
    let list = match value.get("subcomponents") {
        None | Some(Value::Null) => return Some(Vec::new()),
        Some(list) => list.as_array()?,
    };
    let part = |value| Some(Product { parts: parts(value)?, ..product(value)? });
    let parts: Vec<_> = list.iter().filter_map(part).collect();
    (list.is_empty() || !parts.is_empty()).then_some(parts)
}

/// Returns a product without its subcomponents, or `None` if nothing identifies it.
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
        // A hash of another algorithm is a digest too, although no image matches it.
        let digest = |(kind, hash): (&String, &Value)| {
            let kind = kind.to_lowercase().replace("sha-", "sha");
            let hash = hash.as_str().unwrap_or_default().to_lowercase();
            Name::Digest(format!("{kind}:{hash}"))
        };
        names.extend(hashes.iter().map(digest));
    }
    (!names.is_empty()).then(|| Product { names, ..Product::default() })
}
