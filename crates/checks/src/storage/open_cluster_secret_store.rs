//! PV-D015.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::list;
use crate::{Check, Claim, Cx, OnObject, Place, Verdict};

/// ClusterSecretStore for every namespace
///
/// ## Why
/// Anyone who can create an ExternalSecret in any namespace can read everything that the
/// credentials of the store can access: the secrets of all teams.
///
/// ## Fix
/// List the namespaces in `spec.conditions`, or give each namespace a SecretStore with its own
/// credentials.
#[check(
    id = "PV-D015",
    severity = Medium,
    confidence = Medium,
    scope = Object,
    on = [CLUSTER_SECRET_STORE]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct OpenClusterSecretStore {}

impl Check for OpenClusterSecretStore {
    type On = OnObject;

    fn check<'a>(&self, store: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let conditions: Vec<_> = match list(store.value(), &["spec", "conditions"]) {
            Ok(conditions) => conditions.collect(),
            Err(wrong) => return wrong.into(),
        };
        if conditions.is_empty() {
            let place = Place::field(store.value(), &["spec", "conditions"]);
            return Verdict::fails(
                place,
                "every namespace can use this store: it has no conditions",
            );
        }
        Verdict::from_claims(
            conditions
                .into_iter()
                .filter(|c| allows_all(*c))
                .map(|condition| Claim::fails(condition, "this condition matches every namespace")),
        )
    }
}

/// Whether a condition allows all namespaces. One matching condition is sufficient. An empty
/// selector selects all.
fn allows_all(condition: Value<'_>) -> bool {
    let selector = condition.get("namespaceSelector").filter(|s| !s.is_null());
    let empty = selector.is_some_and(|selector| {
        selector.entries().all(|(_, v)| v.entries().next().is_none() && v.items().next().is_none())
    });
    // These match anywhere in the name.
    let mut patterns = condition.list("namespaceRegexes").filter_map(Value::as_str);
    empty
        || patterns.any(|p| matches!(p.trim_matches(['^', '$', '(', ')']), "" | "." | ".*" | ".+"))
}
