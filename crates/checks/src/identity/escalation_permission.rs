//! PV-I005.

use std::cmp::Reverse;

use pavisade_macros::check;
use pavisade_model::{Confidence, Severity};
use pavisade_rbac::{Resource, Rule, Rules};
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::judged::judge;
use super::power::{Power, list, lower};
use crate::{Check, Cx, OnObject, Verdict, View};

/// Role allows privilege escalation
///
/// ## Why
/// Each of these verbs leads to cluster-admin: `escalate` allows a user to write roles with
/// permissions that the user does not have, `bind` to bind them to anyone, and `impersonate` to act
/// as another user, group or ServiceAccount. The verb `*` includes all of them.
///
/// ## Fix
/// List the verbs that are needed (`get`, `list`, `create` …) instead of `*`. Limit `bind` and
/// `impersonate` to the roles and identities that are needed with `resourceNames`, or use
/// constrained impersonation (`impersonate:user-info` with `impersonate-on:user-info:list`).
#[check(
    id = "PV-I005",
    severity = Critical,
    scope = Related,
    on = [ROLE, CLUSTER_ROLE, CLUSTER_ROLE_BINDING],
    reads = [ROLE_BINDING]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EscalationPermission {}

const RBAC: &str = "rbac.authorization.k8s.io";
const ROLES: Resource = Resource::new(RBAC, "roles");
const CLUSTER_ROLES: Resource = Resource::new(RBAC, "clusterroles");
const ROLE_BINDINGS: Resource = Resource::new(RBAC, "rolebindings");
const CLUSTER_ROLE_BINDINGS: Resource = Resource::new(RBAC, "clusterrolebindings");
const USERS: Resource = Resource::new("", "users");
const GROUPS: Resource = Resource::new("", "groups");
const SERVICE_ACCOUNTS: Resource = Resource::new("", "serviceaccounts");

const WRITE: [&str; 3] = ["create", "update", "patch"];

impl Check for EscalationPermission {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        judge(object, cx, |rules: &Rules<'a>| {
            // One claim for each: `*` includes `escalate` and `bind`, and often all identities.
            let mut roles: Vec<_> = escalate(rules).chain(bind(rules)).collect();
            roles.sort_by_key(|power| Reverse(power.severity));
            let mut identities: Vec<_> = impersonate(rules).chain(constrained(rules, cx)).collect();
            identities.sort_by_key(|power| Reverse(power.severity));
            roles.into_iter().chain(identities).collect()
        })
    }
}

/// Creating or updating a role with more permissions than the user has.
fn escalate<'a>(rules: &Rules<'a>) -> impl Iterator<Item = Power<'a>> {
    // In a namespace, only Roles are affected.
    [ROLES, CLUSTER_ROLES].into_iter().filter_map(|on| {
        let grant = rules.grant(&["escalate"], on)?;
        let writes = rules.grant(&WRITE, on).is_some();
        let gives = match writes {
            true => "grant itself every permission",
            false => "grant itself every permission, if it can also write roles",
        };
        let severity = if writes { Severity::Critical } else { Severity::High };
        let power = Power::new(&grant, severity, gives).instance("roles");
        Some(if on == ROLES { power } else { power.cluster_scoped() })
    })
}

/// Binding a role with more permissions than the user has.
fn bind<'a>(rules: &Rules<'a>) -> Option<Power<'a>> {
    // For a RoleBinding, `bind` on the ClusterRole is checked in the namespace of the binding.
    let grant = rules.grant_any(&["bind"], [CLUSTER_ROLES, ROLES])?;
    let writes = rules.grant_any(&WRITE, [CLUSTER_ROLE_BINDINGS, ROLE_BINDINGS]).is_some();
    let named = grant.rule.is_named();
    let admin = grant.on == CLUSTER_ROLES && grant.rule.covers_name("cluster-admin");
    let what = match (admin, named) {
        (true, _) => "bind cluster-admin",
        (false, true) => "bind these roles",
        (false, false) => "bind every Role there",
    };
    let gives = match writes {
        true => format!("{what} to anyone"),
        false => format!("{what} to anyone, if it can also write bindings"),
    };
    let power = Power::new(&grant, Severity::Critical, gives).instance("roles");
    // Listing cluster-admin does not restrict anything. Listing lesser roles is legitimate
    // delegation.
    let severity = match (admin, named) {
        (true, _) => Severity::Critical,
        (false, false) => Severity::High,
        (false, true) => Severity::Medium,
    };
    Some(Power { severity: if writes { severity } else { lower(severity) }, ..power })
}

/// Whether a rule lists groups or users with full access to the cluster.
fn lists_administrators(rule: Rule<'_>) -> bool {
    ["system:masters", "system:kube-controller-manager", "system:nodes", "kubeadm:cluster-admins"]
        .iter()
        .any(|name| rule.has("resourceNames", name))
}

/// Impersonation by the headers `Impersonate-User` and `Impersonate-Group`, with all permissions of
/// the identity.
fn impersonate<'a>(rules: &Rules<'a>) -> impl Iterator<Item = Power<'a>> {
    [USERS, GROUPS, SERVICE_ACCOUNTS].into_iter().filter_map(|on| {
        let grant = rules.grant(&["impersonate"], on)?;
        let gives = match (on, grant.rule.is_named()) {
            (_, true) => "act as these, with all their permissions",
            (USERS, _) => "act as any user, with all its permissions",
            (GROUPS, _) => "act as a member of any group, including `system:masters`",
            _ => "act as every ServiceAccount there, with all their permissions",
        };
        let named = grant.rule.is_named() && !lists_administrators(grant.rule);
        let severity = if named { Severity::Medium } else { Severity::Critical };
        let power = Power { severity, ..Power::new(&grant, severity, gives) };
        let power = power.instance("identities");
        // Users and groups are cluster-scoped.
        Some(if on == SERVICE_ACCOUNTS { power } else { power.cluster_scoped() })
    })
}

const AUTHENTICATION: &str = "authentication.k8s.io";

/// Modes of constrained impersonation (KEP-5284), and what they impersonate.
const MODES: [(&str, &str, Resource, &str); 5] = [
    (
        "impersonate:user-info",
        "impersonate-on:user-info:",
        Resource::new(AUTHENTICATION, "users"),
        "any user",
    ),
    (
        "impersonate:user-info",
        "impersonate-on:user-info:",
        Resource::new(AUTHENTICATION, "groups"),
        "a member of any group",
    ),
    (
        "impersonate:serviceaccount",
        "impersonate-on:serviceaccount:",
        Resource::new(AUTHENTICATION, "serviceaccounts"),
        "every ServiceAccount there",
    ),
    (
        "impersonate:arbitrary-node",
        "impersonate-on:arbitrary-node:",
        Resource::new(AUTHENTICATION, "nodes"),
        "any node",
    ),
    (
        "impersonate:associated-node",
        "impersonate-on:associated-node:",
        Resource::new(AUTHENTICATION, "nodes"),
        "its own node",
    ),
];

/// Constrained impersonation: one permission for the identity, another for the action.
fn constrained<'a>(rules: &Rules<'a>, cx: &View<'a>) -> impl Iterator<Item = Power<'a>> {
    // Alpha in 1.35 and disabled by default; enabled by default since 1.36.
    let modes = if cx.kubernetes().at_least(35) { &MODES[..] } else { &[] };
    let sure = if cx.kubernetes().at_least(36) { Confidence::High } else { Confidence::Low };
    modes.iter().filter_map(move |&(verb, action, on, whom)| {
        let grant = rules.grant(&[verb], on)?;
        let verbs = rules.rules.iter().flat_map(|rule| rule.texts("verbs"));
        let mut done: Vec<_> = verbs.filter_map(|v| v.strip_prefix(action)).collect();
        // `*` on anything but identities includes the actions too.
        let any = |rule: &Rule<'_>| {
            rule.has("verbs", "*") && rule.texts("apiGroups").any(|g| g != AUTHENTICATION)
        };
        done.extend(rules.rules.iter().any(any).then_some("*"));
        done.sort_unstable();
        done.dedup();
        let whom = if grant.rule.is_named() { "these" } else { whom };
        let gives = match done.as_slice() {
            [] => format!("act as {whom}, if it also has a verb `{action}…`"),
            done => format!("do {} as {whom}", list(done.iter().copied())),
        };
        // An agent on a node can act as that node anyway.
        let own = verb == "impersonate:associated-node";
        let severity = match (own, done.is_empty()) {
            (true, true) => Severity::Low,
            (true, false) | (false, true) => Severity::Medium,
            (false, false) => Severity::High,
        };
        let power = Power::new(&grant, severity, gives).confidence(sure).instance("identities");
        Some(if on.name == "serviceaccounts" { power } else { power.cluster_scoped() })
    })
}
