//! The vulnerabilities of `CycloneDX` documents (1.4 to 1.7): those with an analysis are statements.

use std::collections::HashMap;
use std::sync::Arc;

use pavisade_model::{Statement, VexStatus};
use pavisade_packages::Purl;
use serde_json::Value;

use crate::product::{Name, Product};
use crate::{Claim, Document, items, text, time};

/// Components inside components that are read.
const MAX_DEPTH: usize = 64;

pub(crate) fn read(value: &Value, document: &mut Document) {
    let metadata = &value["metadata"];
    let mut known = HashMap::new();
    components(metadata.get("component").into_iter(), &mut known, 0);
    components(items(value, "components"), &mut known, 0);
    // What is said of parts of an image is said of that image alone.
    let whole = metadata.get("component").map(names).filter(|names| {
        names.iter().any(|name| match name {
            Name::Purl(purl) => matches!(purl.kind(), "oci" | "docker"),
            Name::Digest(_) => true,
            Name::Text(_) => false,
        })
    });
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
            document.note(&which, "it names no vulnerability, so it does not count".to_owned());
            continue;
        }
        let status = match text(analysis, "state") {
            "not_affected" | "false_positive" => VexStatus::NotAffected,
            "resolved" | "resolved_with_pedigree" => VexStatus::Fixed,
            "exploitable" => VexStatus::Affected,
            "in_triage" => VexStatus::UnderInvestigation,
            "" => continue,
            other => {
                document.note(&name, format!("`{other}` is no state, so it does not count"));
                continue;
            }
        };
        let mut products = Vec::new();
        for affected in items(entry, "affects") {
            let reference = text(affected, "ref");
            let Some(names) = resolve(reference, &known) else {
                let message = format!(
                    "`{reference}` is neither a component of this document nor a \
                                       package URL, so it does not count for it"
                );
                document.note(&name, message);
                continue;
            };
            let Some(versions) = versions(affected) else {
                let message = format!(
                    "ranges of versions are not read, so it does not count for \
                                       `{reference}`"
                );
                document.note(&name, message);
                continue;
            };
            let product = Product { names, parts: Vec::new(), versions };
            products.push(match &whole {
                Some(whole) if *whole != product.names => {
                    Product { names: whole.clone(), parts: vec![product], versions: Vec::new() }
                }
                _ => product,
            });
        }
        if products.is_empty() {
            if items(entry, "affects").next().is_none() {
                document.note(&name, "it names no component, so it does not count".to_owned());
            }
            continue;
        }
        let detail = text(analysis, "detail");
        let response = items(analysis, "response").filter_map(Value::as_str).collect::<Vec<_>>();
        let words = if detail.is_empty() { response.join(", ") } else { detail.to_owned() };
        let times = [text(analysis, "lastUpdated"), text(analysis, "firstIssued")];
        let times = times.into_iter().chain([text(entry, "updated"), text(metadata, "timestamp")]);
        document.claims.push(Claim {
            ids,
            products,
            time: time(times),
            statement: Arc::new(Statement {
                status,
                justification: text(analysis, "justification").to_owned(),
                text: words,
                author: author.to_owned(),
                place: format!("{}: {which}", document.place),
            }),
        });
    }
}

/// What names a component, by its reference.
type Known = HashMap<String, Vec<Name>>;

fn components<'v>(list: impl Iterator<Item = &'v Value>, known: &mut Known, depth: usize) {
    if depth > MAX_DEPTH {
        return;
    }
    for component in list {
        let reference = text(component, "bom-ref");
        let names = names(component);
        if !reference.is_empty() && !names.is_empty() {
            known.insert(reference.to_owned(), names);
        }
        components(items(component, "components"), known, depth + 1);
    }
}

fn names(component: &Value) -> Vec<Name> {
    let mut names = Vec::new();
    let purl = text(component, "purl");
    if !purl.is_empty() {
        names.push(Name::read(purl));
    }
    if text(component, "type") == "container" {
        let (name, version) = (text(component, "name"), text(component, "version"));
        names.extend((!name.is_empty()).then(|| Name::Text(name.to_owned())));
        names.extend(version.starts_with("sha256:").then(|| Name::Digest(version.to_owned())));
    }
    names
}

/// What a reference leads to: a component of the document, a package URL, or by a link (`urn:cdx:…`) one
/// of these in another document.
fn resolve(reference: &str, known: &Known) -> Option<Vec<Name>> {
    let link = reference.strip_prefix("urn:cdx:").and_then(|rest| rest.split_once('#'));
    let names = [Some(reference), link.map(|(_, inner)| inner)].into_iter().flatten();
    names.into_iter().find_map(|name| {
        let purl = || name.parse::<Purl>().ok().map(|purl| vec![Name::Purl(purl)]);
        known.get(name).cloned().or_else(purl).or_else(|| {
            let decoded = decoded(name)?;
            let purl = decoded.parse::<Purl>().ok().map(|purl| vec![Name::Purl(purl)]);
            known.get(&decoded).cloned().or(purl)
        })
    })
}

/// A text of which bytes are written as `%41`.
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

/// The versions that it is about; none where it is about all, `None` where ranges say which.
fn versions(affected: &Value) -> Option<Vec<String>> {
    let mut versions = Vec::new();
    for version in items(affected, "versions") {
        if version.get("range").is_some() {
            return None;
        }
        // What is said counts for those that are affected where nothing else stands.
        let counts = matches!(text(version, "status"), "" | "affected" | "unaffected");
        let text = text(version, "version");
        if counts && !text.is_empty() {
            versions.push(text.to_owned());
        }
    }
    let named = items(affected, "versions").next().is_some();
    (!named || !versions.is_empty()).then_some(versions)
}
