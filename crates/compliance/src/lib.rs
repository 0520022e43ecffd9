//! Standards as data: which controls the checks serve.
//!
//! The map from control to checks lives only in `frameworks/*.toml`, in our own words; a check
//! knows nothing of standards. Users' own frameworks are files of the same form ([`Framework::read`]).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

/// A standard, or a part of one.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Framework {
    /// Identifier with a version: `cis-1.12`.
    pub id: String,
    /// What people call it.
    pub title: String,
    /// Where its text is to be had.
    #[serde(default)]
    pub url: String,
    /// Its controls, in its own order; those that no check serves may be missing.
    #[serde(default)]
    pub controls: Vec<Control>,
}

/// One control of a framework.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// The standard's own number: `5.2.2`.
    pub id: String,
    /// What it asks for, in our words.
    pub title: String,
    /// A level within the framework: `baseline`.
    #[serde(default)]
    pub level: Option<String>,
    /// Ids of the checks that speak for it.
    pub checks: Vec<String>,
}

/// Why a framework's file means nothing.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct FrameworkError(#[from] toml::de::Error);

impl Framework {
    /// Reads a framework's file.
    ///
    /// # Errors
    /// It is no TOML of this form; the message shows line and column.
    pub fn read(text: &str) -> Result<Self, FrameworkError> {
        Ok(toml::from_str(text)?)
    }
}

const FILES: [&str; 7] = [
    include_str!("../../../frameworks/pod-security-standards.toml"),
    include_str!("../../../frameworks/cis-1.12.toml"),
    include_str!("../../../frameworks/nsa-cisa.toml"),
    include_str!("../../../frameworks/owasp-kubernetes-2025.toml"),
    include_str!("../../../frameworks/pci-dss-4.0.1.toml"),
    include_str!("../../../frameworks/hipaa.toml"),
    include_str!("../../../frameworks/gdpr.toml"),
];

/// The frameworks that come with the program.
pub fn builtin() -> &'static [Framework] {
    static FRAMEWORKS: LazyLock<Vec<Framework>> =
        LazyLock::new(|| FILES.iter().filter_map(|text| Framework::read(text).ok()).collect());
    &FRAMEWORKS
}

/// For each check the controls that it serves, as `cis-1.12/5.2.2`.
pub fn controls_by_check(frameworks: &[Framework]) -> BTreeMap<String, Vec<String>> {
    let mut map = BTreeMap::<_, Vec<_>>::new();
    for framework in frameworks {
        for control in &framework.controls {
            for check in &control.checks {
                let id = format!("{}/{}", framework.id, control.id);
                map.entry(check.clone()).or_default().push(id);
            }
        }
    }
    map
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_file_is_read() {
        for text in FILES {
            Framework::read(text).unwrap();
        }
        assert_eq!(builtin().len(), FILES.len());
    }

    #[test]
    fn frameworks_name_only_checks_that_exist_and_controls_once() {
        let known: BTreeSet<_> = pavisade_checks::registry().iter().map(|e| e.meta.id).collect();
        for framework in builtin() {
            let mut ids = BTreeSet::new();
            for control in &framework.controls {
                assert!(ids.insert(&control.id), "{}/{} twice", framework.id, control.id);
                for check in &control.checks {
                    assert!(
                        known.contains(check.as_str()),
                        "{}/{}: {check}",
                        framework.id,
                        control.id
                    );
                }
            }
        }
    }

    #[test]
    fn a_misspelt_field_is_an_error_with_its_line() {
        let error = Framework::read("id = \"x\"\ntitel = \"y\"\n").unwrap_err().to_string();
        assert!(error.contains("line 2"), "{error}");
    }
}
