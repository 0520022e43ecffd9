//! `purl`: parses, builds and writes package URLs of the specification's own tests.
//!
//! The suite contradicts itself in two cases, which fail here: a qualifier key with a capital
//! letter must be rejected according to `gem-test.json` (`?Platform=java`) and `rpm-test.json`
//! (`?Arch=i386`), and converted to lower case according to `maven-test.json` (`repositorY_url`).
//! The parsing rules of the specification require lower case.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use pavisade_packages::{Purl, PurlError};
use serde::Deserialize;

use super::Outcome;
use crate::shared::files;

#[derive(Deserialize)]
struct Suite {
    tests: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    /// `parse` (text to parts), `build` (parts to text) or `validate` (text to canonical text).
    test_type: String,
    input: Form,
    expected_output: Option<Form>,
    #[serde(default)]
    expected_failure: bool,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Form {
    Text(String),
    Parts(Parts),
}

#[derive(Debug, Deserialize)]
struct Parts {
    r#type: Option<String>,
    namespace: Option<String>,
    name: Option<String>,
    version: Option<String>,
    qualifiers: Option<BTreeMap<String, String>>,
    subpath: Option<String>,
}

pub(super) fn run(folder: &Path) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    for file in files(&folder.join("tests"), &["json"])? {
        let text = fs::read_to_string(folder.join("tests").join(&file))?;
        let suite: Suite = serde_json::from_str(&text).with_context(|| file.clone())?;
        for case in suite.tests {
            let got = purl(&case.input);
            let agreed = match (&got, &case.expected_output) {
                (Ok(purl), Some(want)) => !case.expected_failure && is(purl, want),
                (Ok(_), None) => false,
                (Err(_), _) => case.expected_failure,
            };
            outcome.count(agreed, || {
                let Case { test_type, input, expected_output, .. } = &case;
                let got = got.map(|purl| purl.to_string());
                format!(
                    "{}: {test_type} {input:?}\n  want {expected_output:?}\n  got  {got:?}",
                    file
                )
            });
        }
    }
    Ok(outcome)
}

fn purl(form: &Form) -> Result<Purl, PurlError> {
    let parts = match form {
        Form::Text(text) => return text.parse(),
        Form::Parts(parts) => parts,
    };
    let text = |part: &Option<String>| part.clone().unwrap_or_default();
    Purl::new(
        &text(&parts.r#type),
        &text(&parts.namespace),
        &text(&parts.name),
        &text(&parts.version),
        parts.qualifiers.clone().unwrap_or_default(),
        &text(&parts.subpath),
    )
}

fn is(purl: &Purl, want: &Form) -> bool {
    match want {
        Form::Text(text) => purl.to_string() == *text,
        Form::Parts(parts) => {
            let same = |got: &str, want: &Option<String>| got == want.as_deref().unwrap_or("");
            let qualifiers = parts.qualifiers.iter().flatten();
            same(purl.kind(), &parts.r#type)
                && same(purl.namespace(), &parts.namespace)
                && same(purl.name(), &parts.name)
                && same(purl.version(), &parts.version)
                && same(purl.subpath(), &parts.subpath)
                && purl
                    .qualifiers()
                    .eq(qualifiers.map(|(key, value)| (key.as_str(), value.as_str())))
        }
    }
}
