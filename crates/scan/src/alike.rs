//! Which findings of an owner and of its pods are the same: told once, and counted.
//!
//! They are where rule, state, severity, container, field, program, what is missing to tell and what
//! else the claim rests on are, and where the same stands at its place. What admission fills in on pods alone
//! (`serviceAccountName: default`) makes no difference: a field that only one of them has tells
//! nothing of its own.

use std::collections::HashMap;

use pavisade_checks::{Claim, Place};
use pavisade_model::Finding;
use pavisade_yaml::{Kind, Value, to_json};

/// The findings that are known, by all that must be equal but for what stands at their place.
#[derive(Default)]
pub(crate) struct Known(HashMap<String, Vec<Told>>);

struct Told {
    /// What stands at its place; empty where there is nothing to compare.
    value: String,
    /// Where it is kept, and of how many pods it is said; none of an owner's own.
    pods: Option<(usize, usize)>,
}

impl Known {
    /// Adds a finding of an owner or of some of its pods; `template` is the path of the pod template
    /// that it is about, `value` is what [`value`] says of its claim.
    pub(crate) fn add(
        &mut self,
        finding: &Finding,
        value: String,
        template: &str,
        pods: Option<(usize, usize)>,
    ) {
        self.0.entry(key(finding, template)).or_default().push(Told { value, pods });
    }

    /// Counts further pods for a finding that is known; whether it is.
    pub(crate) fn count(
        &mut self,
        finding: &Finding,
        value: &str,
        template: &str,
        pods: usize,
    ) -> bool {
        let told = self.0.get_mut(&key(finding, template)).into_iter().flatten();
        let same =
            |told: &&mut Told| told.value == value || told.value.is_empty() || value.is_empty();
        let Some(told) = told.into_iter().find(same) else { return false };
        if let Some((_, all)) = &mut told.pods {
            *all += pods;
        }
        true
    }

    /// Where findings of pods are kept, and of how many pods each is said.
    pub(crate) fn of_pods(self) -> impl Iterator<Item = (usize, usize)> {
        self.0.into_values().flatten().filter_map(|told| told.pods)
    }
}

/// What stands at the place of a claim, as far as it tells pods of one owner apart: not the name that
/// each has of its own, nor a container with all that others add to it.
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

/// A path below the template, or one that is not in it.
pub(crate) fn relative<'a>(path: &'a str, template: &str) -> &'a str {
    path.strip_prefix(template).unwrap_or(path).trim_start_matches('.')
}
