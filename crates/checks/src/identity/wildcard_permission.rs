//! PV-I003.

use pavisade_macros::check;
use pavisade_model::{Confidence, Severity};
use pavisade_rbac::{Rule, Rules, is_own_group};
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::judged::judge;
use super::power::{Power, list, lower};
use crate::{Check, Cx, OnObject, Verdict};

/// Wildcard in a role
///
/// ## Why
/// `*` grants more than intended: verbs such as `escalate`, `bind` and `impersonate`, Secrets,
/// subresources, and every resource that is added later.
///
/// ## Fix
/// List the API groups, resources and verbs that are used.
#[check(
    id = "PV-I003",
    severity = High,
    scope = Related,
    on = [ROLE, CLUSTER_ROLE],
    reads = [ROLE_BINDING, CLUSTER_ROLE_BINDING]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WildcardPermission {}

impl Check for WildcardPermission {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        judge(object, cx, |rules: &Rules<'a>| {
            let mut wild: Vec<_> = rules.rules.iter().filter_map(|rule| wildcard(*rule)).collect();
            // The sort is stable, so of equal ones the first is reported.
            wild.sort_by_key(|power| std::cmp::Reverse(power.severity));
            let others = wild.len().saturating_sub(1);
            let mut worst = wild.into_iter().next();
            if let (Some(power), 1..) = (&mut worst, others) {
                let more = if others == 1 { "rule uses" } else { "rules use" };
                power.gives += &format!(" ({others} more {more} `*`)");
            }
            worst.into_iter().collect()
        })
    }
}

/// Returns special verbs of resources, which allow more than access to them (RBAC, impersonation,
/// signers).
fn special_verbs(resource: &str) -> Option<&'static str> {
    match resource {
        "clusterroles" | "roles" => {
            Some("use verbs that are not listed, including `escalate` and `bind`")
        }
        "serviceaccounts" | "users" | "groups" => {
            Some("use verbs that are not listed, including `impersonate`")
        }
        "signers" => Some("use verbs that are not listed, including `approve` and `sign`"),
        _ => None,
    }
}

fn wildcard(rule: Rule<'_>) -> Option<Power<'_>> {
    let (verb, group) = (rule.element("verbs", "*"), rule.element("apiGroups", "*"));
    let resource = rule.element("resources", "*");
    let has_resources = rule.texts("resources").next().is_some();
    if rule.texts("verbs").next().is_none() || rule.texts("apiGroups").next().is_none() {
        return urls(rule);
    }
    let core = rule.texts("apiGroups").any(is_own_group);
    let changes = rule.texts("verbs").any(|verb| {
        matches!(verb, "*" | "create" | "update" | "patch" | "delete" | "deletecollection")
    });
    let (place, severity, gives) = match (resource, verb, group) {
        _ if rule.is_everything() => (
            resource?,
            Severity::Critical,
            "do everything that cluster-admin can: read Secrets, run pods, grant itself \
             permissions",
        ),
        (Some(place), _, _) if core && changes => {
            (place, Severity::High, "change resources that are not listed, including future ones")
        }
        (Some(place), _, _) if core => {
            (place, Severity::Medium, "access resources that are not listed, including future ones")
        }
        (Some(place), _, _) => {
            (place, Severity::Low, "access every resource that is added to these groups")
        }
        (None, Some(place), _) if has_resources => {
            match rule.texts("resources").find_map(special_verbs).filter(|_| core) {
                Some(gives) => (place, Severity::Medium, gives),
                None => (place, Severity::Low, "use verbs that are not listed"),
            }
        }
        (None, None, Some(place)) if has_resources => {
            // Autoscalers and garbage collection need `*/scale` of any group.
            let generic = rule.texts("resources").all(|name| name.starts_with("*/"));
            if generic {
                return urls(rule);
            }
            (place, Severity::Low, "access resources with that name in any API group")
        }
        _ => return urls(rule),
    };
    Some(power(rule, place, severity, gives))
}

/// All non-resource URLs: metrics, logs, profiles of the API server.
fn urls(rule: Rule<'_>) -> Option<Power<'_>> {
    let place = rule.element("nonResourceURLs", "*").or(rule.element("nonResourceURLs", "/*"))?;
    let gives = "access every path of the API server that is not a resource";
    let verbs = list(rule.texts("verbs"));
    let grants = format!("{verbs} on non-resource URLs `{}`", place.as_str().unwrap_or("*"));
    let power = power(rule, place, Severity::Low, gives);
    Some(Power { grants, ..power }.cluster_scoped())
}

fn power<'a>(rule: Rule<'a>, place: Value<'a>, severity: Severity, gives: &str) -> Power<'a> {
    let groups: Vec<_> = rule.texts("apiGroups").collect();
    let groups = match groups.as_slice() {
        groups if groups.contains(&"*") => "every API group".to_owned(),
        [""] => "the core API group".to_owned(),
        [one] => format!("API group `{one}`"),
        many => format!(
            "API groups {}",
            list(many.iter().map(|g| if g.is_empty() { "core" } else { g }))
        ),
    };
    let mut grants =
        format!("{} on {} of {groups}", list(rule.texts("verbs")), list(rule.texts("resources")));
    let mut severity = severity;
    if rule.is_named() {
        grants += &format!(" (with names {})", list(rule.texts("resourceNames")));
        severity = lower(severity);
    }
    Power {
        within: None,
        place,
        grants,
        gives: gives.to_owned(),
        severity,
        confidence: Confidence::High,
        namespaced: true,
        instance: "",
    }
}
