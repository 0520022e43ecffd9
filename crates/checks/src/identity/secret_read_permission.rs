//! PV-I004.

use pavisade_macros::check;
use pavisade_model::{Severity, kinds};
use pavisade_rbac::{Resource, Rules};
use pavisade_snapshot::Object;
use schemars::JsonSchema;
use serde::Deserialize;

use super::judged::judge;
use super::power::Power;
use crate::{Check, Cx, OnObject, Verdict};

/// Role can read Secrets
///
/// ## Why
/// Anyone with this permission can use the passwords, keys and tokens of other identities. `list`
/// and `watch` return the content, not only the names; `patch` returns the whole Secret, and
/// `deletecollection` returns everything that it deletes, even in a dry run.
///
/// ## Fix
/// Grant `get` only on the Secrets that are needed, with `resourceNames` in a Role. Mount a Secret
/// into the pod that needs it instead of reading it through the API.
#[check(
    id = "PV-I004",
    severity = High,
    scope = Related,
    on = [ROLE, CLUSTER_ROLE, CLUSTER_ROLE_BINDING],
    reads = [ROLE_BINDING]
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SecretReadPermission {}

const SECRETS: Resource = Resource::new("", "secrets");

impl Check for SecretReadPermission {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, cx: &Cx<'a>) -> Verdict<'a> {
        judge(object, cx, |rules: &Rules<'a>| {
            let read = rules.grant(&["get", "list", "watch"], SECRETS);
            // An empty patch changes nothing but returns the object, and a dry run of deleting a
            // collection returns all objects.
            let grant = match (read, rules.grant(&["patch", "deletecollection"], SECRETS)) {
                (Some(read), Some(patch)) if read.rule.is_named() && !patch.rule.is_named() => {
                    Some(patch)
                }
                (read, patch) => read.or(patch),
            };
            // A role that follows the advice of this check: only these Secrets in this namespace.
            let grant = grant.filter(|grant| !(object.is(kinds::ROLE) && grant.rule.is_named()));
            let power = grant.map(|grant| {
                let named = grant.rule.is_named();
                let gives = if named { "read these Secrets" } else { "read all Secrets there" };
                Power::new(&grant, Severity::High, gives)
            });
            power.into_iter().collect()
        })
    }
}
