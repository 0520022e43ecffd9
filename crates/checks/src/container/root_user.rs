//! PV-C009.

use pavisade_macros::check;
use pavisade_snapshot::Pod;
use schemars::JsonSchema;
use serde::Deserialize;

use super::field::{Setter, integer};
use super::root::has_user_namespace;
use crate::{Check, Claim, Cx, OnPod, Verdict};

/// Container runs as root
///
/// ## Why
/// User 0 in a container is user 0 for the kernel of the node. It has full access to every mounted
/// file, and most known container escapes require it.
///
/// ## Fix
/// Set `runAsNonRoot: true` and `runAsUser` to a value other than 0. As of Kubernetes 1.35 you can
/// also set `hostUsers: false`, which maps root in the container to an unprivileged user on the
/// node.
#[check(id = "PV-C009", severity = Medium, scope = Object)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RootUser {}

const FIELD: [&str; 2] = ["securityContext", "runAsUser"];

impl Check for RootUser {
    type On = OnPod;

    fn check<'a>(&self, pod: Pod<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        let version = cx.kubernetes();
        if !version.at_least(23) {
            return Verdict::NotApplicable;
        }
        if version.at_least(35) {
            match has_user_namespace(pod) {
                Ok(true) => return Verdict::Holds,
                Ok(false) => {}
                Err(wrong) => return wrong.into(),
            }
        }
        Verdict::from_claims(Setter::all(pod).filter_map(|setter| {
            match integer(setter.value(), &FIELD) {
                Ok(Some((0, place))) => {
                    let message = format!("{setter} sets `runAsUser: 0`, so it runs as root");
                    Some(setter.weigh(Claim::fails(place, message), &FIELD))
                }
                Ok(_) => None,
                Err(wrong) => Some(wrong.into()),
            }
        }))
    }
}
