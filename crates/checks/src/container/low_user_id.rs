//! PV-C042.

use pavisade_macros::check;
use pavisade_snapshot::Pod;
use schemars::JsonSchema;
use serde::Deserialize;

use super::field::{Setter, integer};
use super::root::gets_user_namespace;
use crate::{Check, Claim, Cx, OnPod, Verdict};

/// Low user ID
///
/// ## Why
/// Linux distributions assign low user IDs to the users and services of a node. A process that
/// escapes from the container, or accesses a host path, has the permissions of the node's user with
/// the same ID.
///
/// ## Fix
/// Set `runAsUser` to 10000 or higher, or set `hostUsers: false`.
#[check(id = "PV-C042", severity = Low, audience = Strict, scope = Object)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LowUserId {}

const FIELD: [&str; 2] = ["securityContext", "runAsUser"];

/// Distributions assign lower IDs to their own users.
const FIRST_FREE: i64 = 10_000;

impl Check for LowUserId {
    type On = OnPod;

    fn check<'a>(&self, pod: Pod<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        match gets_user_namespace(pod, cx.kubernetes()) {
            Ok(true) => return Verdict::Holds,
            Ok(false) => {}
            Err(wrong) => return wrong.into(),
        }
        let mut set = false;
        let claims: Vec<_> = Setter::all(pod)
            .filter_map(|setter| {
                match integer(setter.value(), &FIELD) {
                    // PV-C009 reports root.
                    Ok(Some((user, place)))
                        if (1..FIRST_FREE).contains(&user) && !setter.is_overridden(&FIELD) =>
                    {
                        let message = format!(
                            "{setter} runs as user {user}, which may also be a user of the node"
                        );
                        Some(Claim::fails(place, message))
                    }
                    Ok(found) => {
                        set |= found.is_some();
                        None
                    }
                    Err(wrong) => Some(wrong.into()),
                }
            })
            .collect();
        if claims.is_empty() && !set {
            // The image determines the user.
            return Verdict::NotApplicable;
        }
        Verdict::from_claims(claims)
    }
}
