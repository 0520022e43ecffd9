//! PV-I014.

use pavisade_macros::check;
use pavisade_model::{Confidence, Gap, kinds};
use pavisade_rbac::{Access, builtin};
use pavisade_snapshot::{Coverage, Object};
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::public::Bound;
use crate::{Check, Claim, Cx, Listing, OnObject, Verdict, View, Why};

/// Binding to a role that does not exist
///
/// ## Why
/// The binding grants nothing now. Anyone who creates a role with that name decides what its
/// subjects can do, and the permissions that were intended are missing.
///
/// ## Fix
/// Remove the binding, or create the role. A RoleBinding can refer only to Roles in its own
/// namespace. `roleRef` cannot be changed, so delete the binding and create it again.
#[check(
    id = "PV-I014",
    severity = Low,
    scope = Related,
    on = [CLUSTER_ROLE_BINDING, ROLE_BINDING],
    reads = [CLUSTER_ROLE, ROLE]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DanglingRoleBinding {}

impl Check for DanglingRoleBinding {
    type On = OnObject;

    fn check<'a>(&self, binding: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        let Some(place) = binding.at(&["roleRef", "name"]) else { return Verdict::NotApplicable };
        let Some(Bound { kind, name, namespace, .. }) = Bound::read(binding) else {
            return Verdict::unknown(place, "`roleRef` has no kind");
        };
        let named = format!("{kind} `{name}`");
        match (kind, namespace) {
            ("ClusterRole", _) => {
                let seen = Access::of(cx).cluster_role(cx, name).is_some();
                if seen || builtin::is_cluster_role(name) {
                    return Verdict::Holds;
                }
                let hint = roles_named(name, cx).first().map(|_| {
                    format!("{named} does not exist {{}}, but there is a Role with that name")
                });
                let gap = Gap::object(kind, "", name);
                missing(place, &named, gap, hint, cx.seen(kinds::CLUSTER_ROLE))
            }
            ("Role", None) => Verdict::fails(
                place,
                format!("a ClusterRoleBinding cannot bind a Role: the API server rejects {named}"),
            ),
            ("Role", Some(namespace)) => {
                if cx.get(kinds::ROLE, namespace, name).is_some()
                    || builtin::is_role(namespace, name)
                {
                    return Verdict::Holds;
                }
                let roles = cx.seen(kinds::ROLE);
                // A file without a namespace gets one when it is applied.
                let of_name = roles_named(name, cx);
                let open = |role: &&Object| role.namespace().is_empty() || namespace.is_empty();
                let hint = match of_name.iter().find(|role| !role.namespace().is_empty()) {
                    _ if of_name.iter().any(open) => None,
                    Some(other) => Some(format!(
                        "{named} does not exist in namespace `{namespace}` {{}}, but in `{}`, \
                         which a RoleBinding in this namespace cannot refer to",
                        other.namespace()
                    )),
                    None => Access::of(cx).cluster_role(cx, name).map(|_| {
                        format!(
                            "{named} does not exist {{}}, but there is a ClusterRole with that name"
                        )
                    }),
                };
                missing(place, &named, Gap::object(kind, namespace, name), hint, roles)
            }
            _ => Verdict::fails(
                place,
                format!("`{kind}` is not a kind of role: the API server rejects such a `roleRef`"),
            ),
        }
    }
}

/// Returns the Roles with a name in any namespace.
fn roles_named<'a>(name: &str, cx: &View<'a>) -> Vec<&'a Object> {
    cx.indexed::<DanglingRoleBinding>(kinds::ROLE, |role| vec![role.name().to_owned()], name)
}

/// Files never contain all roles of a cluster, so only a role with the same name in the wrong place
/// is evidence.
fn missing<'a>(
    place: Value<'a>,
    named: &str,
    gap: Gap,
    hint: Option<String>,
    listing: Listing<'a>,
) -> Verdict<'a> {
    if let Some(why) = listing.gap() {
        return Verdict::unknown(place, why);
    }
    let complete = matches!(listing.coverage, Coverage::Complete | Coverage::NotServed);
    match hint {
        Some(hint) => {
            let confidence = if complete { Confidence::High } else { Confidence::Medium };
            let message = hint.replace("{}", listing.scope());
            Claim::fails(place, message).confidence(confidence).into()
        }
        None if complete => {
            Verdict::fails(place, format!("{named} does not exist {}", listing.scope()))
        }
        None => {
            let why = format!("{named} is not defined in these files and is not a built-in role");
            Verdict::unknown(place, Why::of(gap, why))
        }
    }
}
