//! Vulnerabilities in a CycloneDX document, with VEX statements.

use std::collections::{BTreeMap, HashMap};

use pavisade_judgement::{Judgement, Ranked};
use pavisade_model::{Finding, Score, Severity, State, Statement, Subject, VexStatus};
use pavisade_packages::Inventory;
use serde::Serialize;

use super::Property;
use crate::priority;

/// A vulnerability, with all components it affects.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Vulnerability {
    id: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    references: Vec<Reference>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ratings: Vec<Rating>,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    recommendation: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    advisories: Vec<Link>,
    #[serde(skip_serializing_if = "Option::is_none")]
    analysis: Option<Analysis>,
    affects: Vec<Affected>,
    properties: Vec<Property>,
}

#[derive(Serialize)]
struct Reference {
    id: String,
    source: Source,
}

#[derive(Serialize)]
struct Source {
    name: String,
}

#[derive(Serialize)]
struct Rating {
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<Source>,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    severity: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'static str>,
    #[serde(skip_serializing_if = "String::is_empty")]
    vector: String,
}

#[derive(Serialize)]
struct Link {
    url: String,
}

#[derive(Serialize)]
struct Analysis {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    justification: Option<&'static str>,
    #[serde(skip_serializing_if = "String::is_empty")]
    detail: String,
}

#[derive(Serialize)]
struct Affected {
    r#ref: String,
}

/// Returns the vulnerabilities of a judgement for components with these references. Equal ones are
/// combined.
pub(super) fn of(
    judgement: &Judgement,
    inventory: &Inventory,
    references: &[String],
) -> Vec<Vulnerability> {
    let mut named: HashMap<(&str, &str, String), Vec<&String>> = HashMap::new();
    for (found, reference) in inventory.packages.iter().zip(references) {
        // A package that a distribution's package installed is judged as part of that package.
        if found.owner.is_none() {
            let purl = found.purl.as_ref().map(ToString::to_string).unwrap_or_default();
            let key = (found.package.name.as_str(), found.package.version.as_str(), purl);
            named.entry(key).or_default().push(reference);
        }
    }
    let fails = judgement.of_state(State::Fails);
    let excepted = judgement.excepted.iter().map(|excepted| &excepted.finding);
    let all = fails.chain(excepted).chain(&judgement.dismissed);
    let mut together: BTreeMap<(String, String), Vec<&Finding>> = BTreeMap::new();
    for finding in all {
        let Some(found) = finding.vulnerability.as_deref() else { continue };
        let said = found.statement.as_deref().map(|statement| format!("{statement:?}"));
        let fix = found.fix.version().unwrap_or("");
        let key = (found.advisory.id.clone(), format!("{} {fix}", said.unwrap_or_default()));
        together.entry(key).or_default().push(finding);
    }
    let one = |findings: Vec<&Finding>| vulnerability(&findings, &named);
    together.into_values().filter_map(one).collect()
}

fn vulnerability(
    findings: &[&Finding],
    named: &HashMap<(&str, &str, String), Vec<&String>>,
) -> Option<Vulnerability> {
    let first = findings.first()?;
    let found = first.vulnerability.as_deref()?;
    let advisory = &found.advisory;
    let mut affects: Vec<String> = Vec::new();
    for finding in findings {
        let Subject::Package { name, version, purl, .. } = &finding.subject else { continue };
        let references = named.get(&(&**name, &**version, purl.to_string()));
        affects.extend(references.into_iter().flatten().map(|reference| (*reference).clone()));
    }
    affects.sort_unstable();
    affects.dedup();
    let source = |text: &str| Source { name: text.to_owned() };
    let mut ratings: Vec<_> = advisory.scores.iter().map(rating).collect();
    if ratings.is_empty() {
        ratings.push(Rating {
            source: None,
            score: None,
            severity: word(first.severity),
            method: None,
            vector: String::new(),
        });
    }
    let ranked = Ranked::of(first)?;
    let property = |name: &str, value: String| Property { name: format!("pavisade:{name}"), value };
    let mut properties = vec![property("priority", ranked.priority.name().to_owned())];
    properties.extend(ranked.parts.iter().map(|part| property("reason", priority::part(part))));
    let recommendation =
        found.fix.version().map(|version| format!("Upgrade to {version} or later."));
    let link = |url: &String| Link { url: url.clone() };
    Some(Vulnerability {
        id: advisory.id.clone(),
        references: advisory
            .aliases
            .iter()
            .map(|id| Reference { id: id.clone(), source: source(publisher(id)) })
            .collect(),
        ratings,
        description: advisory.title.clone(),
        recommendation: recommendation.unwrap_or_default(),
        advisories: Some(&advisory.url)
            .filter(|url| !url.is_empty())
            .map(link)
            .into_iter()
            .collect(),
        analysis: found.statement.as_deref().map(analysis),
        affects: affects.into_iter().map(|reference| Affected { r#ref: reference }).collect(),
        properties,
    })
}

/// Returns the publisher of identifiers with this prefix.
fn publisher(id: &str) -> &str {
    match id.split('-').next().unwrap_or_default() {
        "CVE" => "CVE",
        "GHSA" => "GitHub",
        "DSA" | "DLA" | "DEBIAN" => "Debian",
        "PYSEC" => "PyPA",
        "GO" => "Go",
        "RUSTSEC" => "RustSec",
        "" => "unknown",
        other => other,
    }
}

fn rating(score: &Score) -> Rating {
    let method = match score.vector.split('/').next().unwrap_or_default() {
        "CVSS:4.0" => "CVSSv4",
        "CVSS:3.1" => "CVSSv31",
        "CVSS:3.0" => "CVSSv3",
        _ => "CVSSv2",
    };
    Rating {
        source: Some(Source { name: score.source.clone() }),
        // Rounded, to avoid the digits of a binary fraction.
        score: format!("{:.1}", score.score).parse().ok(),
        severity: word(score.severity()),
        method: Some(method),
        vector: score.vector.clone(),
    }
}

fn word(severity: Severity) -> &'static str {
    severity.name()
}

fn analysis(statement: &Statement) -> Analysis {
    let state = match statement.status {
        VexStatus::NotAffected => "not_affected",
        VexStatus::Fixed => "resolved",
        VexStatus::Affected => "exploitable",
        VexStatus::UnderInvestigation => "in_triage",
    };
    let justification = match statement.justification.as_str() {
        "component_not_present" | "vulnerable_code_not_present" | "code_not_present" => {
            Some("code_not_present")
        }
        "vulnerable_code_not_in_execute_path" | "code_not_reachable" => Some("code_not_reachable"),
        "inline_mitigations_already_exist" | "protected_by_mitigating_control" => {
            Some("protected_by_mitigating_control")
        }
        "requires_configuration" => Some("requires_configuration"),
        "requires_dependency" => Some("requires_dependency"),
        "requires_environment" => Some("requires_environment"),
        "protected_by_compiler" => Some("protected_by_compiler"),
        "protected_at_runtime" => Some("protected_at_runtime"),
        "protected_at_perimeter" => Some("protected_at_perimeter"),
        _ => None,
    };
    Analysis { state, justification, detail: priority::statement(statement) }
}
