//! OSV records by their schema (1.7), with only the fields that are used.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

type Object = Map<String, Value>;

#[derive(Debug, Deserialize)]
pub(crate) struct Record {
    pub id: String,
    pub modified: Option<String>,
    pub published: Option<String>,
    pub withdrawn: Option<String>,
    pub aliases: Option<Vec<String>>,
    pub related: Option<Vec<String>>,
    pub upstream: Option<Vec<String>>,
    pub summary: Option<String>,
    pub details: Option<String>,
    pub severity: Option<Vec<Severity>>,
    pub affected: Option<Vec<Affected>>,
    pub references: Option<Vec<Reference>>,
    pub database_specific: Option<Object>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Severity {
    pub r#type: String,
    pub score: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Reference {
    pub r#type: Option<String>,
    pub url: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Affected {
    pub package: Option<Package>,
    pub severity: Option<Vec<Severity>>,
    pub ranges: Option<Vec<Range>>,
    pub versions: Option<Vec<String>>,
    pub ecosystem_specific: Option<Object>,
    pub database_specific: Option<Object>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub ecosystem: String,
    pub name: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Range {
    pub r#type: String,
    pub events: Vec<BTreeMap<String, String>>,
}
