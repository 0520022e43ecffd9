//! The vulnerabilities of `CycloneDX` documents (1.4 to 1.7). Those with an analysis are
//! statements.

use std::collections::HashMap;

use pavisade_model::{Statement, VexStatus};
use pavisade_packages::Purl;
use serde_json::Value;

use crate::product::{Name, Product, Versions};
use crate::reference::is_digest;
use crate::{Claim, Document, items, text, time};

/// The deepest nesting of components.
const MAX_DEPTH: usize = 64;

pub(crate) fn read(value: &Value, document: &mut Document) {
    let metadata = &value["metadata"];
    let mut known = HashMap::new();
    components(metadata.get("component").into_iter(), &mut known, 0);
    components(items(value, "components"), &mut known, 0);
    // A statement about a part of a product applies only in that product.
    let whole = match metadata.get("component").map(named) {
        None => None,
        Some(whole) => {
            let unplaced = whole.unplaced().is_some();
            if whole.names.is_empty() || unplaced {
                let lacks = match unplaced {
                    true => "has neither `repository_url` nor a digest",
                    false => "has no name",
                };
                let is_said = |entry: &Value| !text(&entry["analysis"], "state").is_empty();
                if items(value, "vulnerabilities").any(is_said) {
                    let message =
                        format!("the product {lacks}, so statements about it are ignored");
                    document.note("metadata.component", message);
                }
                return;
            }
            Some(whole)
        }
    };
    let author = items(metadata, "authors").map(|author| text(author, "name"));
    let supplier =
        ["supplier", "manufacturer", "manufacture"].map(|key| text(&metadata[key], "name"));
    let author = author.chain(supplier).find(|name| !name.is_empty()).unwrap_or("");
    for (number, entry) in document.statements(&value["vulnerabilities"]) {
        let which = format!("vulnerability {number}");
        let Some(analysis) = entry.get("analysis") else { continue };
        let references = items(entry, "references").map(|reference| text(reference, "id"));
        let ids = [text(entry, "id")].into_iter().chain(references).filter(|id| !id.is_empty());
        let ids: Vec<_> = ids.map(str::to_owned).collect();
        let name = ids.first().map_or(which.clone(), |id| format!("{which} ({id})"));
        if ids.is_empty() {
            document.note(&which, "it has no vulnerability, so it is ignored".to_owned());
            continue;
        }
        let status = match text(analysis, "state") {
            "not_affected" | "false_positive" => VexStatus::NotAffected,
            "resolved" | "resolved_with_pedigree" => VexStatus::Fixed,
            "exploitable" => VexStatus::Affected,
            "in_triage" => VexStatus::UnderInvestigation,
            "" => continue,
            other => {
                document.note(&name, format!("`{other}` is not a state, so it is ignored"));
                continue;
            }
        };
        let mut products = Vec::new();
        for affected in items(entry, "affects") {
            let reference = text(affected, "ref");
            let why = match resolve(reference, &known) {
                None => "it is neither a component of this document nor a package URL",
                Some(product) if product.unplaced().is_some() => {
                    "it has neither `repository_url` nor a digest"
                }
                Some(product) => match versions(affected, status.closes()) {
                    Err(why) => why,
                    Ok(versions) => {
                        if versions == Versions::Unread {
                            let message = format!(
                                "not all versions could be read, so it applies to all of \
                                 `{reference}`"
                            );
                            document.note(&name, message);
                        }
                        products.push(within(whole.as_ref(), product, versions));
                        continue;
                    }
                },
            };
            document.note(&name, format!("it does not apply to `{reference}`: {why}"));
        }
        if products.is_empty() {
            if items(entry, "affects").next().is_none() {
                document.note(&name, "it refers to no component, so it is ignored".to_owned());
            }
            continue;
        }
        let detail = text(analysis, "detail");
        let response = items(analysis, "response").filter_map(Value::as_str).collect::<Vec<_>>();
        let words = if detail.is_empty() { response.join(", ") } else { detail.to_owned() };
        let times = [text(analysis, "lastUpdated"), text(analysis, "firstIssued")];
        let times = times.into_iter().chain([text(entry, "updated"), text(metadata, "timestamp")]);
        let said = Statement {
            status,
            justification: text(analysis, "justification").to_owned(),
            text: words,
            author: author.to_owned(),
            place: format!("{}: {which}", document.place),
        };
        document.claims.push(Claim::new(ids, products, time(times), said));
    }
}

/// Returns a product with its versions, as a part of the whole unless it is the whole itself.
fn within(whole: Option<&Product>, product: Product, versions: Versions) -> Product {
    let Some(whole) = whole else { return Product { versions, ..product } };
    // The whole may be identified only by its package URL.
    let is_whole = product.names.iter().all(|name| whole.names.contains(name))
        && (product.version.is_empty() || product.version == whole.version);
    match is_whole {
        true => Product { versions, ..whole.clone() },
        false => Product { parts: vec![Product { versions, ..product }], ..whole.clone() },
    }
}

/// Components by reference.
type Known = HashMap<String, Product>;

fn components<'v>(list: impl Iterator<Item = &'v Value>, known: &mut Known, depth: usize) {
    if depth > MAX_DEPTH {
        return;
    }
    for component in list {
        let reference = text(component, "bom-ref");
        let named = named(component);
        if !reference.is_empty() && !named.names.is_empty() {
            known.insert(reference.to_owned(), named);
        }
        components(items(component, "components"), known, depth + 1);
    }
}

/// Returns a component with its names and version.
fn named(component: &Value) -> Product {
    let mut names = Vec::new();
    let purl = text(component, "purl");
    if !purl.is_empty() {
        names.push(Name::read(purl));
    }
    let (name, version) = (text(component, "name"), text(component, "version"));
    if !name.is_empty() {
        match text(component, "type") {
            "container" => names.push(Name::Text(name.to_owned())),
            "application" => names.push(Name::Tree(name.to_owned())),
            _ => {}
        }
    }
    names.extend(is_digest(version).then(|| Name::Digest(version.to_owned())));
    Product { names, version: version.to_owned(), ..Product::default() }
}

/// Resolves a reference to a component of the document or to a package URL. A link (`urn:cdx:…`)
/// refers to one of these in another document.
fn resolve(reference: &str, known: &Known) -> Option<Product> {
    let link = reference.strip_prefix("urn:cdx:").and_then(|rest| rest.split_once('#'));
    let names = [Some(reference), link.map(|(_, inner)| inner)].into_iter().flatten();
    let purl = |name: &str| {
        let purl = name.parse::<Purl>().ok()?;
        Some(Product { names: vec![Name::Purl(purl)], ..Product::default() })
    };
    names.into_iter().find_map(|name| {
        known.get(name).cloned().or_else(|| purl(name)).or_else(|| {
            let decoded = decoded(name)?;
            known.get(&decoded).cloned().or_else(|| purl(&decoded))
        })
    })
}

/// Decodes percent-encoded text.
fn decoded(text: &str) -> Option<String> {
    let (mut out, mut bytes) = (Vec::new(), text.bytes());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let (high, low) = (digit(bytes.next()?)?, digit(bytes.next()?)?);
        out.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(out).ok()
}

/// Returns the versions that are affected, or why there are none.
fn versions(affected: &Value, closes: bool) -> Result<Versions, &'static str> {
    let list = match affected.get("versions") {
        None | Some(Value::Null) => return Ok(Versions::Unsaid),
        Some(Value::Array(list)) if list.is_empty() => return Ok(Versions::Unsaid),
        Some(list) => list.as_array(),
    };
    let is_read =
        |entry: &Value| entry.get("range").is_none() && !text(entry, "version").is_empty();
    let Some(list) = list.filter(|list| list.iter().all(is_read)) else {
        return match closes {
            true => Err("version ranges are not supported"),
            false => Ok(Versions::Unread),
        };
    };
    // A version without a status is affected (the default of the specification), so it counts only
    // for statements that do not dismiss the vulnerability.
    let is_meant = |entry: &Value| match entry.get("status").map(Value::as_str) {
        None => !closes,
        Some(status) => closes == (status == Some("unaffected")),
    };
    let (meant, other): (Vec<_>, Vec<_>) = list.iter().partition(|entry| is_meant(entry));
    let version = |entry: &&Value| text(entry, "version").to_owned();
    let other: Vec<_> = other.iter().map(version).collect();
    let mut versions: Vec<_> = meant.iter().map(version).collect();
    if closes {
        versions.retain(|version| !other.contains(version));
    }
    match versions.is_empty() {
        true if closes => Err("it marks none of its versions as `unaffected`"),
        true => Err("it marks all of its versions as `unaffected`"),
        false => Ok(Versions::These(versions)),
    }
}
