//! The used part of SARIF 2.1.0, with the names of the specification.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

use crate::json::Vulnerability;

#[derive(Serialize)]
pub(crate) struct Log<'a> {
    #[serde(rename = "$schema")]
    pub schema: &'static str,
    pub version: &'static str,
    pub runs: [Run<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Run<'a> {
    pub tool: Tool<'a>,
    pub invocations: [Invocation<'a>; 1],
    pub column_kind: &'static str,
    pub results: Vec<SarifResult<'a>>,
    pub properties: RunProperties,
}

#[derive(Serialize)]
pub(crate) struct RunProperties {
    pub kubernetes: String,
    pub worlds: usize,
    pub objects: usize,
}

#[derive(Serialize)]
pub(crate) struct Tool<'a> {
    pub driver: Driver<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Driver<'a> {
    pub name: &'static str,
    pub version: &'static str,
    pub semantic_version: &'static str,
    pub information_uri: &'static str,
    pub rules: Vec<Rule<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Rule<'a> {
    pub id: &'a str,
    pub name: &'a str,
    pub short_description: Message<'a>,
    pub full_description: Message<'a>,
    pub help: Help,
    pub default_configuration: Configuration,
    pub properties: RuleProperties<'a>,
}

#[derive(Serialize)]
pub(crate) struct Help {
    pub text: String,
    pub markdown: String,
}

#[derive(Serialize)]
pub(crate) struct Configuration {
    pub level: &'static str,
}

#[derive(Serialize)]
pub(crate) struct RuleProperties<'a> {
    /// Defined by GitHub: a CVSS-like number as a string.
    #[serde(rename = "security-severity")]
    pub security_severity: &'static str,
    pub precision: &'static str,
    pub tags: Vec<String>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub frameworks: &'a [String],
}

#[derive(Serialize)]
pub(crate) struct Message<'a> {
    pub text: Cow<'a, str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Invocation<'a> {
    pub execution_successful: bool,
    pub tool_execution_notifications: Vec<Notification<'a>>,
}

#[derive(Serialize)]
pub(crate) struct Notification<'a> {
    pub level: &'static str,
    pub message: Message<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub locations: Vec<SarifLocation<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SarifResult<'a> {
    pub rule_id: &'a str,
    pub rule_index: usize,
    pub kind: &'static str,
    pub level: &'static str,
    pub message: Message<'a>,
    pub locations: [SarifLocation<'a>; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub related_locations: Vec<SarifLocation<'a>>,
    pub partial_fingerprints: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline_state: Option<&'static str>,
    /// Present on all results or none. An empty list means not suppressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suppressions: Option<Vec<Suppression<'a>>>,
    pub properties: ResultProperties<'a>,
}

#[derive(Serialize)]
pub(crate) struct Suppression<'a> {
    pub kind: &'static str,
    pub status: &'static str,
    pub justification: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<SarifLocation<'a>>,
    pub properties: SuppressionProperties,
}

#[derive(Serialize)]
pub(crate) struct SuppressionProperties {
    pub form: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct ResultProperties<'a> {
    pub severity: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub confidence: &'static str,
    pub world: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vulnerability: Option<Vulnerability<'a>>,
    /// The verdicts that it represents, if there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<Member<'a>>,
}

/// A verdict that a result represents.
#[derive(Serialize)]
pub(crate) struct Member<'a> {
    pub fingerprint: String,
    pub rule: &'a str,
    pub severity: &'static str,
    pub world: &'a str,
    pub message: Cow<'a, str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SarifLocation<'a> {
    pub physical_location: Physical,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub logical_locations: Vec<Logical>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<Message<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Physical {
    pub artifact_location: Artifact,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<SarifRegion>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Artifact {
    pub uri: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uri_base_id: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SarifRegion {
    pub start_line: u32,
    pub start_column: u32,
    pub end_line: u32,
    pub end_column: u32,
}

impl SarifRegion {
    pub(crate) fn first_line() -> Self {
        Self { start_line: 1, start_column: 1, end_line: 1, end_column: 1 }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Logical {
    pub name: String,
    pub fully_qualified_name: String,
    pub kind: &'static str,
}
