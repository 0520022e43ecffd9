//! Deduplicates findings of an owner and of its pods: equal ones are reported once, with a count.
//!
//! Findings are equal if rule, state, severity, container, field, program, gaps and evidence are
//! equal, and the values at their locations too. A field that only one of them has is ignored, so
//! that defaults set by admission on pods (`serviceAccountName: default`) make no difference.

use std::collections::HashMap;

use pavisade_checks::{Claim, Place};
use pavisade_model::Finding;
use pavisade_yaml::{Kind, Value, to_json};

/// The known findings, by everything that must be equal except the value at their location.
#[derive(Default)]
pub(crate) struct Known(HashMap<String, Vec<Entry>>);

struct Entry {
    /// The value at the location. Empty if there is nothing to compare.
    value: String,
    /// The index of the finding, and the number of pods it is about. `None` for a finding of the
    /// owner.
    pods: Option<(usize, usize)>,
}

impl Known {
    /// Adds a finding of an owner or of some of its pods. `template` is the path of its pod
    /// template, `value` is the result of [`value`] for its claim.
    pub(crate) fn add(
        &mut self,
        finding: &Finding,
        value: String,
        template: &str,
        pods: Option<(usize, usize)>,
    ) {
        self.0.entry(key(finding, template)).or_default().push(Entry { value, pods });
    }

    /// Adds pods to the count of a known finding. Returns whether it is known.
    pub(crate) fn count(
        &mut self,
        finding: &Finding,
        value: &str,
        template: &str,
        pods: usize,
    ) -> bool {
        let told = self.0.get_mut(&key(finding, template)).into_iter().flatten();
        let same =
            |told: &&mut Entry| told.value == value || told.value.is_empty() || value.is_empty();
        let Some(told) = told.into_iter().find(same) else { return false };
        if let Some((_, all)) = &mut told.pods {
            *all += pods;
        }
        true
    }

    /// Returns the indexes of findings of pods, with the number of pods.
    pub(crate) fn of_pods(self) -> impl Iterator<Item = (usize, usize)> {
        self.0.into_values().flatten().filter_map(|told| told.pods)
    }
}

/// Returns the value at the location of a claim, if it distinguishes pods of one owner. Excludes
/// unique names, and containers with everything added to them.
pub(crate) fn value(claim: &Claim<'_>) -> String {
    let Place::At(value, missing) = &claim.place else { return String::new() };
    let nested = |item: Value<'_>| matches!(item.kind(), Kind::Mapping | Kind::Sequence);
    let inner = value.items().chain(value.entries().map(|(_, value)| value));
    let own_name =
        value.key() == Some("name") && value.parent().and_then(Value::key) == Some("metadata");
    match missing.is_empty() && !own_name && value.get("image").is_none() {
        true if !inner.into_iter().any(nested) => to_json(*value),
        _ => String::new(),
    }
}

fn key(finding: &Finding, template: &str) -> String {
    let detail = finding.detail();
    format!(
        "{}\0{:?}\0{:?}\0{}\0{}\0{}\0{:?}\0{:?}\0{:?}",
        finding.rule.id,
        finding.state,
        finding.severity,
        finding.subject.container().unwrap_or(""),
        relative(&finding.stable_path, template),
        finding.instance,
        detail.programs,
        detail.gaps,
        detail.evidence,
    )
}

/// Returns a path relative to the template, or unchanged if it is outside.
pub(crate) fn relative<'a>(path: &'a str, template: &str) -> &'a str {
    path.strip_prefix(template).unwrap_or(path).trim_start_matches('.')
}
