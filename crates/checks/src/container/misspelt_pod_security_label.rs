//! PV-C054.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::pod_security::PREFIX;
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Misspelled Pod Security label
///
/// ## Why
/// The API server accepts any label. `pod-security.kubernetes.io/enforced` or
/// `podsecurity.kubernetes.io/enforce` has no effect, although it looks as if the level is
/// enforced.
///
/// ## Fix
/// Use `pod-security.kubernetes.io/enforce`, `audit` or `warn`, or the same with `-version`.
#[check(id = "PV-C054", severity = Medium, scope = Object, on = [NAMESPACE])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MisspeltPodSecurityLabel {}

/// Valid suffixes (k8s.io/pod-security-admission/api).
const MODES: [&str; 6] =
    ["enforce", "enforce-version", "audit", "audit-version", "warn", "warn-version"];

/// Common misspellings of the prefix.
const LOOKALIKES: [&str; 5] = [
    "podsecurity.kubernetes.io/",
    "pod-security.k8s.io/",
    "pod-security-kubernetes.io/",
    "pod.security.kubernetes.io/",
    "pod-security.kubernetes.io.",
];

impl Check for MisspeltPodSecurityLabel {
    type On = OnObject;

    fn check<'a>(&self, namespace: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let claims = ["labels", "annotations"].into_iter().flat_map(|field| {
            let all = namespace.at(&["metadata", field]).into_iter().flat_map(Value::entries);
            all.filter_map(move |(key, value)| {
                let known = key.strip_prefix(PREFIX).map(|mode| MODES.contains(&mode));
                let message = match (field, known) {
                    ("labels", Some(true)) => return None,
                    (_, Some(true)) => {
                        format!("`{key}` is an annotation, but Pod Security reads labels")
                    }
                    (_, Some(false)) => format!("`{key}` is not a Pod Security label"),
                    (_, None) if LOOKALIKES.iter().any(|start| key.starts_with(start)) => {
                        format!("`{key}` is not a Pod Security label: those begin with `{PREFIX}`")
                    }
                    (_, None) => return None,
                };
                Some(Claim::fails(value, message))
            })
        });
        Verdict::from_claims(claims)
    }
}
