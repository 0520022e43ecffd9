//! PV-I043.

use pavisade_macros::check;
use pavisade_model::Severity;
use pavisade_rbac::{Rules, builtin, is_aggregated};
use pavisade_snapshot::{Object, Selector};
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::power::list;
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// Aggregated ClusterRole grants too much
///
/// ## Why
/// An aggregated role gets the rules of all matching ClusterRoles: an empty selector matches every
/// ClusterRole, including cluster-admin, and rules that are aggregated to `view` apply to everyone
/// who should have only read access.
///
/// ## Fix
/// Select by a label that only the intended roles have. Aggregate roles with write access to `edit`
/// or `admin` instead of `view`.
#[check(id = "PV-I043", severity = High, scope = Object, on = [CLUSTER_ROLE])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ExcessiveAggregation {}

const VIEW: &str = "rbac.authorization.k8s.io/aggregate-to-view";

impl Check for ExcessiveAggregation {
    type On = OnObject;

    fn check<'a>(&self, role: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        let label = role.at(&["metadata", "labels", VIEW]);
        let label = label.filter(|label| label.as_str() == Some("true"));
        if builtin::is_default_role(role, cx) || label.is_none() && !is_aggregated(role) {
            return Verdict::NotApplicable;
        }
        let selectors = role.at(&["aggregationRule", "clusterRoleSelectors"]);
        let all =
            selectors.into_iter().flat_map(Value::items).filter_map(
                |selector| match Selector::read(selector) {
                    Ok(read) if read.is_empty() => Some(Claim::fails(
                        selector,
                        "selects every ClusterRole, so it includes the rules of cluster-admin",
                    )),
                    Ok(_) => None,
                    Err(error) => Some(Claim::unknown(selector, error)),
                },
            );
        Verdict::from_claims(all.chain(label.and_then(|label| of_view(role, label))))
    }
}

/// Returns the claim for a role aggregated to `view` that allows more than reading.
fn of_view<'a>(role: &'a Object, label: Value<'a>) -> Option<Claim<'a>> {
    let rules = Rules::of(role);
    if let Some(broken) = rules.broken.first() {
        return Some(Claim::unknown(*broken, "this has the wrong type, so it cannot be evaluated"));
    }
    // A review is a query and changes nothing.
    let changes = |verb: &str, resource: &str| {
        !matches!(verb, "get" | "list" | "watch") && !resource.ends_with("reviews")
    };
    let found = rules.rules.iter().find_map(|rule| {
        let verb = rule.texts("verbs").find(|v| rule.texts("resources").any(|r| changes(v, r)))?;
        Some((verb, rule.texts("resources").find(|resource| changes(verb, resource))?))
    });
    let (verb, resource) = found?;
    let message = format!(
        "grants {} on {} to everyone with ClusterRole `view`, which should be read-only",
        list([verb]),
        list([resource])
    );
    Some(Claim::fails(label, message).severity(Severity::Medium))
}
